/// What this process may do on this machine: each thing that recording needs, as it went when it was tried, and all that
/// may explain how it went.
public struct MachineFacts: Sendable, Hashable {
    /// `uname -r`.
    public var kernel: String
    public var arch: String
    /// CPUs that are online.
    public var cpus: Int
    public var privileges: Privileges
    public var limits: Limits
    /// A trial that was not made, because another one left nothing to try, is not there.
    public var trials: [Trial: Attempt]
    /// What samples of the process itself held; nil where none could be taken.
    public var samples: SampleFacts?
    /// Whether perf events follow the cgroups of a v1 hierarchy that is not mounted here.
    public var perfEventIsOutOfSight = false

    public init(
        kernel: String, arch: String, cpus: Int, privileges: Privileges, limits: Limits,
        trials: [Trial: Attempt], samples: SampleFacts? = nil, perfEventIsOutOfSight: Bool = false
    ) {
        self.kernel = kernel
        self.arch = arch
        self.cpus = cpus
        self.privileges = privileges
        self.limits = limits
        self.trials = trials
        self.samples = samples
        self.perfEventIsOutOfSight = perfEventIsOutOfSight
    }

    /// How a trial went.
    public enum Attempt: Sendable, Hashable {
        case worked
        case failed(ErrorNumber)

        /// - Parameter errno: 0 for what worked.
        public init(errno: Int32) { self = errno == 0 ? .worked : .failed(ErrorNumber(errno)) }

        public var error: ErrorNumber? {
            if case .failed(let error) = self { error } else { nil }
        }
    }

    /// One thing that was tried.
    public enum Trial: String, Sendable, Hashable, CaseIterable {
        /// perf_event_open(2) of a clock on this thread, in user code only: what the kernel allows everybody.
        case ownThread
        /// The sampling event as `record` opens it: every task of one CPU, kernel and user part.
        case sampling
        /// The same without the kernel part.
        case userSampling
        /// The same for one cgroup.
        case cgroupMode
        /// The CPU's cycle counter, on this thread.
        case cycles
        case contextSwitches
        /// raw_syscalls:sys_enter.
        case systemCalls
        /// lock:contention_begin.
        case lockContention
        /// PERF_SAMPLE_CGROUP and PERF_RECORD_CGROUP.
        case cgroupsInSamples
        /// Build IDs in the records of mappings.
        case buildIDs
        /// PERF_FORMAT_LOST.
        case lostCounts
        case tracefs
        /// /proc/kallsyms with addresses; fails with EPERM where they are hidden.
        case kernelSymbols
        /// /proc/PID/map_files/RANGE of this process.
        case mappedFiles
        /// /proc/PID/maps of a process that is not ours.
        case otherProcesses
        /// openat2(2) with RESOLVE_IN_ROOT in /proc/self/root.
        case openInRoot
        /// A cgroup's own count of CPU time.
        case cpuTimes
        /// /proc/pressure/cpu.
        case machineStalls
        /// A cgroup's cpu.pressure.
        case cgroupStalls
    }

    /// Who the process is to the kernel.
    public struct Privileges: Sendable, Hashable {
        /// The effective user id.
        public var user: UInt32
        public var capabilities: CapabilitySet
        /// Seccomp's mode: 0 none, 1 strict, 2 filter; nil where the kernel does not say.
        public var seccomp: Int?
        /// Whether it is in the machine's own user namespace: in another one capabilities open no kernel samples.
        public var isInInitialUserNamespace: Bool
        /// Whether it sees all processes of the machine.
        public var isInInitialPIDNamespace: Bool
        /// Whether it sees all cgroups of the machine.
        public var isInInitialCgroupNamespace: Bool

        public init(
            user: UInt32, capabilities: CapabilitySet, seccomp: Int?, isInInitialUserNamespace: Bool = true,
            isInInitialPIDNamespace: Bool = true, isInInitialCgroupNamespace: Bool = true
        ) {
            self.user = user
            self.capabilities = capabilities
            self.seccomp = seccomp
            self.isInInitialUserNamespace = isInInitialUserNamespace
            self.isInInitialPIDNamespace = isInInitialPIDNamespace
            self.isInInitialCgroupNamespace = isInInitialCgroupNamespace
        }
    }

    /// What is set on the machine. nil where it cannot be read.
    public struct Limits: Sendable, Hashable {
        public var perfEventParanoid: Int?
        /// Samples per second and CPU.
        public var maxSampleRate: Int?
        /// KiB of rings for each CPU beyond RLIMIT_MEMLOCK.
        public var perfEventMlockKiB: Int?
        public var kptrRestrict: Int?
        /// RLIMIT_MEMLOCK in bytes; nil for no limit.
        public var lockedBytes: UInt64?
        /// The hard limit of RLIMIT_NOFILE, which `record` raises its own to.
        public var descriptors: UInt64
        /// The largest ring that was granted, in bytes; 0 for none, nil where none was tried.
        public var grantedRingBytes: Int?
        /// The ring that was asked for first: the most that `record` takes for a CPU.
        public var wantedRingBytes: Int

        public init(
            perfEventParanoid: Int?, maxSampleRate: Int?, perfEventMlockKiB: Int?, kptrRestrict: Int?,
            lockedBytes: UInt64?, descriptors: UInt64, grantedRingBytes: Int?, wantedRingBytes: Int
        ) {
            self.perfEventParanoid = perfEventParanoid
            self.maxSampleRate = maxSampleRate
            self.perfEventMlockKiB = perfEventMlockKiB
            self.kptrRestrict = kptrRestrict
            self.lockedBytes = lockedBytes
            self.descriptors = descriptors
            self.grantedRingBytes = grantedRingBytes
            self.wantedRingBytes = wantedRingBytes
        }
    }

    /// What a few samples of the process itself held.
    public struct SampleFacts: Sendable, Hashable {
        public var count: Int
        /// Samples with at least one address in the callchain's kernel part, and in its user part.
        public var withKernelCallchain: Int
        public var withUserCallchain: Int
        public var withUserRegisters: Int
        public var withUserStack: Int
        /// Whether the kernel part was asked for.
        public var includeKernel: Bool

        public init(
            count: Int = 0, withKernelCallchain: Int = 0, withUserCallchain: Int = 0, withUserRegisters: Int = 0,
            withUserStack: Int = 0, includeKernel: Bool
        ) {
            self.count = count
            self.withKernelCallchain = withKernelCallchain
            self.withUserCallchain = withUserCallchain
            self.withUserRegisters = withUserRegisters
            self.withUserStack = withUserStack
            self.includeKernel = includeKernel
        }
    }
}

/// A Linux capability. Source: linux/capability.h.
public enum Capability: Int, Sendable, Hashable, CaseIterable, Comparable {
    case dacReadSearch = 2
    case ipcLock = 14
    case sysPtrace = 19
    case sysAdmin = 21
    case syslog = 34
    /// Linux 5.8; CAP_SYS_ADMIN holds it, as before.
    case perfmon = 38
    /// Linux 5.9; CAP_SYS_ADMIN holds it, as before.
    case checkpointRestore = 40

    /// As capabilities(7) writes it.
    public var name: String {
        switch self {
        case .dacReadSearch: "CAP_DAC_READ_SEARCH"
        case .ipcLock: "CAP_IPC_LOCK"
        case .sysPtrace: "CAP_SYS_PTRACE"
        case .sysAdmin: "CAP_SYS_ADMIN"
        case .syslog: "CAP_SYSLOG"
        case .perfmon: "CAP_PERFMON"
        case .checkpointRestore: "CAP_CHECKPOINT_RESTORE"
        }
    }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A capability set as in /proc/PID/status: one bit for each.
public struct CapabilitySet: RawRepresentable, Sendable, Hashable {
    public var rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public init(_ capabilities: Set<Capability>) {
        rawValue = capabilities.reduce(0) { $0 | 1 << UInt64($1.rawValue) }
    }

    /// Whether the kernel counts it as held; what CAP_SYS_ADMIN holds counts too.
    public func holds(_ capability: Capability) -> Bool {
        let wider: UInt64 = [.perfmon, .checkpointRestore].contains(capability) ? 1 << 21 : 0
        return rawValue & (1 << UInt64(capability.rawValue) | wider) != 0
    }
}

/// An errno of Linux. Source: asm-generic/errno-base.h and errno.h, which x86 and arm64 share.
public struct ErrorNumber: RawRepresentable, Sendable, Hashable {
    public var rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
    public init(_ rawValue: Int32) { self.rawValue = rawValue }

    public static let notPermitted = ErrorNumber(1)
    public static let noEntry = ErrorNumber(2)
    public static let noMemory = ErrorNumber(12)
    public static let accessDenied = ErrorNumber(13)
    public static let busy = ErrorNumber(16)
    public static let noDevice = ErrorNumber(19)
    public static let invalid = ErrorNumber(22)
    public static let tooManyFiles = ErrorNumber(24)
    public static let noSystemCall = ErrorNumber(38)
    public static let notSupported = ErrorNumber(95)

    private static let names: [Int32: String] = [
        1: "EPERM", 2: "ENOENT", 3: "ESRCH", 5: "EIO", 7: "E2BIG", 9: "EBADF", 12: "ENOMEM", 13: "EACCES", 16: "EBUSY",
        19: "ENODEV", 20: "ENOTDIR", 22: "EINVAL", 24: "EMFILE", 38: "ENOSYS", 95: "EOPNOTSUPP",
    ]

    /// `EPERM`, or `errno 123`.
    public var name: String { Self.names[rawValue] ?? "errno \(rawValue)" }
    /// Whether it says that something is forbidden, rather than missing.
    public var isRefusal: Bool { self == .notPermitted || self == .accessDenied }
}
