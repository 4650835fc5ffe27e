import PerfEvents
public import ProfileModel

/// What somebody wants recorded.
public struct RecordRequest: Sendable {
    public enum Target: Sendable, Hashable {
        /// A cgroup and its descendants, as people name it: see `Host.cgroup(_:)`.
        case cgroup(String)
        /// A container by its name, or the beginning of its id: see `Host.resolveContainer`.
        case container(String)
        /// All containers of a pod: see `Host.resolvePod`.
        case pod(String)
        /// All containers, also those that start meanwhile; what is in none is summed up.
        case allContainers
        /// A process, its threads and what it forks from now on.
        case process(ProcessID)
    }

    public var targets: [Target]
    /// A command to run in a cgroup of its own, its name first; empty for none.
    public var command: [String]
    /// Samples in a second of CPU time.
    public var frequency: Int
    /// nil: until a signal, or until the command ends.
    public var duration: Duration?
    public var output: String
    public var replacesOutput: Bool
    /// Bytes of user stack copied with each sample; a multiple of 8 below 64 KiB.
    public var userStackBytes: Int
    /// Whether time off the CPU is recorded.
    public var recordsBlocked: Bool
    /// Whether system calls are counted.
    public var countsCalls: Bool
    /// Whether waits for the kernel's locks are recorded by lock.
    public var recordsLocks: Bool
    /// Bytes that the rings of all CPUs may take together.
    public var ringMemory: Int
    public static let defaultRingMemory = RingCapacity.defaultBudget
    /// The recorder's own command line, kept in the recording.
    public var commandLine: [String]
    public var toolVersion: String
    /// Kernel functions of which the recording is to say whether the kernel has them.
    public var functionsToLookUp: Set<String>
    /// Why a part is missing, in words that go on after a colon; nil where nobody knows. Asked at most once for each part,
    /// and only when something is missing.
    public var reason: @Sendable (MissingPart) -> String? = { _ in nil }

    public init(
        targets: [Target], command: [String] = [], frequency: Int = 199, duration: Duration? = nil, output: String,
        replacesOutput: Bool = false, userStackBytes: Int = 8_192, recordsBlocked: Bool = true,
        countsCalls: Bool = true, recordsLocks: Bool = true, ringMemory: Int = defaultRingMemory,
        commandLine: [String] = [],
        toolVersion: String, functionsToLookUp: Set<String> = []
    ) {
        self.targets = targets
        self.command = command
        self.frequency = frequency
        self.duration = duration
        self.output = output
        self.replacesOutput = replacesOutput
        self.userStackBytes = userStackBytes
        self.recordsBlocked = recordsBlocked
        self.countsCalls = countsCalls
        self.ringMemory = ringMemory
        self.recordsLocks = recordsLocks
        self.commandLine = commandLine
        self.toolVersion = toolVersion
        self.functionsToLookUp = functionsToLookUp
    }
}

/// What a recording can do without: the steps of the ladder from everything down to time in user code.
public enum MissingPart: Sendable, Hashable, CaseIterable {
    /// The kernel's half of each sample, and with it switches, system calls and locks.
    case kernelHalf
    case contextSwitches
    case systemCalls
    case lockContention

    /// What the recording lacks without it.
    public var consequence: String {
        switch self {
        case .kernelHalf: "the kernel's half is not recorded: only time in user code is seen, and no system call"
        case .contextSwitches: "time off the CPU is not recorded, so that waits are unknown"
        case .systemCalls: "system calls are not counted, so that rates and costs per call are unknown"
        case .lockContention:
            "locks are not told apart: waits keep their call path, but not who else waits for the same lock"
        }
    }
}

/// How far a recording is.
public struct RecordProgress: Sendable {
    public enum Phase: Sendable { case recording, naming }
    public var phase: Phase
    public var elapsed: Duration
    public var duration: Duration?
    public var samples: Int64
    public var lostRecords: Int64
}

/// What a recording is about to do, for people who wait for it.
public struct RecordStart: Sendable {
    public var targets: [String]
    public var info: RecordingInfo
    /// Perf events, each of which has a descriptor.
    public var openEvents: Int
}

/// What came of a recording.
public struct RecordSummary: Sendable {
    public var path: String
    public var info: RecordingInfo
    public var samples: Int64
    /// Stacks of samples on and off the CPU, and those whose user part was followed to its end.
    public var stacks: Int64
    public var completeStacks: Int64
    /// CPU time that the targets used meanwhile by their cgroups' own count; nil where there is none.
    public var targetCPUNanoseconds: Int64?
    public var endReason: EndReason

    public enum EndReason: Sendable, Hashable {
        case durationOver
        case signal(Int32)
        case commandEnded
        case targetsGone
    }
}

/// Why a recording could not be made, as facts.
public enum RecorderError: Error, Sendable {
    case noTarget
    case noSuchProcess(ProcessID)
    case host(any Error)
    /// The kernel refused an event.
    case event(name: String, errno: Int32, paranoid: Int?)
    case ring(byteCount: Int, errno: Int32, mlockKiB: Int?)
    case command(name: String, errno: Int32)
    case unsupportedArchitecture(String)
    /// The kernel is too old for what was asked; in words.
    case unsupported(String)
    case systemCall(name: String, errno: Int32)
    case recording(any Error)
}
