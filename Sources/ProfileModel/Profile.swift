/// One whole recording as a value: what `Recording` reads and what `Analysis` works on.
///
/// Ids are indices into the arrays of this value, not the recording's row ids.
public struct Profile: Sendable {
    public var recording: RecordingInfo
    public var containers: [Container]
    public var processes: [ProcessInfo]
    public var threads: [ThreadInfo]
    public var modules: [Module]
    public var frames: [Frame]
    public var stacks: StackTree
    public var samples: Samples
    public var syscallCounts: [SyscallCount]
    /// What the kernel said of locks, throttling and stalls, before and after.
    public var pressure: [PressureReading]
    /// The locks that threads waited for; empty where that was not recorded.
    public var locks: [Lock]
    /// In time order.
    public var lockWaits: [LockWait]
    public var lockHolds: [LockHold]

    public init(
        recording: RecordingInfo, containers: [Container] = [], processes: [ProcessInfo] = [],
        threads: [ThreadInfo] = [], modules: [Module] = [], frames: [Frame] = [], stacks: StackTree = StackTree(),
        samples: Samples = Samples(), syscallCounts: [SyscallCount] = [], pressure: [PressureReading] = [],
        locks: [Lock] = [], lockWaits: [LockWait] = [], lockHolds: [LockHold] = []
    ) {
        self.recording = recording
        self.containers = containers
        self.processes = processes
        self.threads = threads
        self.modules = modules
        self.frames = frames
        self.stacks = stacks
        self.samples = samples
        self.syscallCounts = syscallCounts
        self.pressure = pressure
        self.locks = locks
        self.lockWaits = lockWaits
        self.lockHolds = lockHolds
    }
}

/// One recorded target: a container, a cgroup, a process or a command.
public struct Container: Hashable, Sendable, Codable {
    /// What people call it: the container's name, or the last part of the cgroup's path.
    public var name: String
    /// The runtime's id of the container, full length.
    public var id: String?
    /// `docker`, `podman`, `containerd`, `cri-o`, `lxc`, `nspawn`, `systemd`, `mesos`; nil for a bare cgroup.
    public var runtime: String?
    public var image: String?
    public var pod: String?
    public var namespace: String?
    /// The path below the cgroup root of the hierarchy that was sampled, with a leading slash; nil for a process.
    public var cgroup: String?
    /// The cgroup's own CPU time over the recording: an independent witness. Source: cpu.stat or cpuacct.
    public var cgroupTimes: CPUTimes?

    public init(
        name: String, id: String? = nil, runtime: String? = nil, image: String? = nil, pod: String? = nil,
        namespace: String? = nil, cgroup: String? = nil, cgroupTimes: CPUTimes? = nil
    ) {
        self.name = name
        self.id = id
        self.runtime = runtime
        self.image = image
        self.pod = pod
        self.namespace = namespace
        self.cgroup = cgroup
        self.cgroupTimes = cgroupTimes
    }
}

/// CPU time split by mode, in nanoseconds.
public struct CPUTimes: Hashable, Sendable, Codable {
    public var userNanoseconds: Int64
    public var systemNanoseconds: Int64
    public init(userNanoseconds: Int64, systemNanoseconds: Int64) {
        self.userNanoseconds = userNanoseconds
        self.systemNanoseconds = systemNanoseconds
    }
}

public struct ProcessInfo: Hashable, Sendable {
    public var pid: ProcessID
    public var comm: String
    public init(pid: ProcessID, comm: String) {
        self.pid = pid
        self.comm = comm
    }
}

public struct ThreadInfo: Hashable, Sendable {
    public var tid: ThreadID
    /// Index into `Profile.processes`.
    public var process: Int
    public var comm: String
    public init(tid: ThreadID, process: Int, comm: String) {
        self.tid = tid
        self.process = process
        self.comm = comm
    }
}

/// A file, or a piece of memory, that code was sampled in.
public struct Module: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, Codable {
        case kernel
        case kernelModule = "kernel-module"
        case file
        case vdso
        case anonymous
    }
    public var kind: Kind
    /// The path in the container; `[kernel]`, a kernel module's name, `[vdso]`, `//anon`.
    public var path: String
    public var buildID: BuildID?
    /// Why names are missing, in words; nil where nothing was skipped.
    public var symbolsSkipped: String?

    public init(kind: Kind, path: String, buildID: BuildID? = nil, symbolsSkipped: String? = nil) {
        self.kind = kind
        self.path = path
        self.buildID = buildID
        self.symbolsSkipped = symbolsSkipped
    }

    /// Whether a file at this path is a C library: libc, the dynamic linker, and what belonged to glibc before 2.34 merged
    /// it. Programs go through it to the kernel, and nobody looks for the reason in it.
    public static func isCLibrary(path: String) -> Bool {
        var file = path.split(separator: "/").last.map(String.init) ?? path
        if file.hasSuffix(" (deleted)") { file.removeLast(" (deleted)".count) }
        for stem in ["libc", "libpthread", "librt", "libdl", "ld", "ld-linux", "ld-linux-x86-64", "ld-linux-aarch64"]
        where file.hasPrefix(stem + ".so") || file.hasPrefix(stem + "-2.") {
            return true
        }
        return file.hasPrefix("ld-musl-") || file.hasPrefix("libc.musl-")
    }
}

/// One place in code, named as far as it could be named.
public struct Frame: Hashable, Sendable {
    public enum Kind: UInt8, Hashable, Sendable, Codable {
        case user = 0
        case kernel = 1
        /// Not code: says that the user part of the stack was cut here, and `function` says why.
        case truncation = 2
    }
    public var kind: Kind
    /// Index into `Profile.modules`; nil where no mapping was known.
    public var module: Int?
    /// User: a `FileAddress` (or a virtual address where there is no file); kernel: a virtual address.
    /// Return addresses are stored one byte earlier, inside their call.
    public var address: UInt64
    /// The innermost function at the address; nil when unknown. For a truncation, the reason's word.
    public var function: String?
    public var file: String?
    public var line: Int?
    /// The functions that `function` was inlined into, from the inside outwards.
    public var inlinedInto: [InlineCaller]
    /// For a user frame just outside the kernel: the system call number that the instructions before it load.
    public var syscallNumber: Int?

    public init(
        kind: Kind, module: Int? = nil, address: UInt64, function: String? = nil, file: String? = nil,
        line: Int? = nil, inlinedInto: [InlineCaller] = [], syscallNumber: Int? = nil
    ) {
        self.kind = kind
        self.module = module
        self.address = address
        self.function = function
        self.file = file
        self.line = line
        self.inlinedInto = inlinedInto
        self.syscallNumber = syscallNumber
    }
}

/// A function that another one was inlined into, and the line of the call.
public struct InlineCaller: Hashable, Sendable {
    public var function: String?
    public var file: String?
    public var line: Int?
    public init(function: String?, file: String?, line: Int?) {
        self.function = function
        self.file = file
        self.line = line
    }
}

/// All stacks as one prefix tree: node `i` is frame `frame[i]` called from node `parent[i]`.
///
/// A parent's index is smaller than its children's; a root (an outermost frame) has parent -1. A sample names the node
/// of its innermost frame. Kernel nodes hang below user nodes.
public struct StackTree: Sendable {
    public var parent: [Int32]
    public var frame: [Int32]
    public init(parent: [Int32] = [], frame: [Int32] = []) {
        self.parent = parent
        self.frame = frame
    }
    public var count: Int { parent.count }
}

/// What a sample is. The raw value is the recording's `samples.kind`.
public enum SampleKind: UInt8, Hashable, Sendable, Codable {
    /// The thread was on a CPU; weight: nanoseconds of CPU that the sample stands for.
    case onCPU = 1
    /// The thread left the CPU to wait; weight: nanoseconds until it ran again.
    case blocked = 2
    /// The thread was taken off the CPU while it could run; weight: nanoseconds until it ran again.
    case preempted = 3
    /// Kept for recordings that have it; waits for locks are in tables of their own, see `LockWait`.
    case lockWait = 4
}

/// The mode the CPU was in when the sample was taken. The raw value is the recording's `samples.mode`.
public enum SampleMode: UInt8, Hashable, Sendable, Codable {
    case user = 0
    case kernel = 1
}

/// Samples as columns of equal length, in time order.
public struct Samples: Sendable {
    /// Nanoseconds since the start of the recording.
    public var time: [Int64]
    /// Index into `Profile.threads`.
    public var thread: [Int32]
    /// Index into `Profile.containers`.
    public var container: [Int32]
    /// Node of `Profile.stacks`; -1 for a sample without a stack.
    public var stack: [Int32]
    public var kind: [SampleKind]
    public var mode: [SampleMode]
    /// What the sample stands for, in the unit of its kind.
    public var weight: [Int64]

    public init() {
        time = []
        thread = []
        container = []
        stack = []
        kind = []
        mode = []
        weight = []
    }
    public var count: Int { time.count }

    public mutating func append(
        time: Int64, thread: Int32, container: Int32, stack: Int32, kind: SampleKind, mode: SampleMode, weight: Int64
    ) {
        self.time.append(time)
        self.thread.append(thread)
        self.container.append(container)
        self.stack.append(stack)
        self.kind.append(kind)
        self.mode.append(mode)
        self.weight.append(weight)
    }
}

/// How often a container made one system call.
public struct SyscallCount: Hashable, Sendable {
    /// Index into `Profile.containers`.
    public var container: Int
    /// The number in the recording's architecture's table.
    public var number: Int
    /// Start of the counted slice, nanoseconds since the start of the recording.
    public var time: Int64
    /// Calls the slice stands for: exact where each was counted, scaled where they were sampled.
    public var calls: Int64
    public init(container: Int, number: Int, time: Int64, calls: Int64) {
        self.container = container
        self.number = number
        self.time = time
        self.calls = calls
    }
}

/// One figure of a cgroup, before and after the recording.
public struct PressureReading: Hashable, Sendable {
    /// Index into `Profile.containers`; nil for the whole machine.
    public var container: Int?
    /// The file's and the field's name, such as `cpu.stat nr_throttled`; the unit is in `unit`.
    public var name: String
    public var unit: String
    public var before: Int64
    public var after: Int64
    public init(container: Int?, name: String, unit: String, before: Int64, after: Int64) {
        self.container = container
        self.name = name
        self.unit = unit
        self.before = before
        self.after = after
    }
}
