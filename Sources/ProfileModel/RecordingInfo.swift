/// What is said of a recording as a whole: where, how, how long, and what was not seen.
public struct RecordingInfo: Sendable, Codable, Equatable {
    public var toolVersion: String
    public var host: String
    /// `uname -r`.
    public var kernel: String
    /// `x86_64` or `aarch64`.
    public var arch: String
    /// CPUs that were sampled.
    public var cpus: Int
    /// The sampling event: `cycles` or `cpu-clock`.
    public var event: String
    /// Why this event, where it is not `cycles`.
    public var eventReason: String?
    /// Samples asked for in a second of CPU time.
    public var frequency: Int
    /// The command line of the recorder.
    public var commandLine: [String]
    /// Wall time of the start, nanoseconds since the epoch.
    public var startWallNanoseconds: Int64
    /// From the first sample possible to the last, in nanoseconds.
    public var durationNanoseconds: Int64
    /// Whether the recorder reached its end: false for one that was killed.
    public var finished: Bool
    public var kernelSymbols: KernelSymbols
    /// Whether the kernel's half was sampled; without it only time in user code is known.
    public var hasKernelHalf: Bool
    /// How user stacks were followed: `frame-pointers` or `dwarf`.
    public var unwinding: String
    public var losses: Losses
    /// Exit status of the command that was recorded, where one was.
    public var commandStatus: Int?
    /// What the recorder had to do without, one sentence each.
    public var notes: [String]
    /// The kernel's own tail calls: worker function → base names of the system calls that end in a jump to it.
    public var kernelTailCalls: [String: [String]]
    /// Whether waits for locks were recorded, so that none seen is a measurement.
    public var hasLocks: Bool
    /// Of the functions that were asked for, those that the running kernel does not have; nil where it was not looked up.
    public var missingFunctions: [String]?

    public enum KernelSymbols: String, Sendable, Codable { case visible, hidden }

    public init(
        toolVersion: String, host: String, kernel: String, arch: String, cpus: Int, event: String,
        eventReason: String? = nil, frequency: Int, commandLine: [String] = [], startWallNanoseconds: Int64 = 0,
        durationNanoseconds: Int64 = 0, finished: Bool = false, kernelSymbols: KernelSymbols = .visible,
        hasKernelHalf: Bool = true, unwinding: String = "frame-pointers", losses: Losses = Losses(),
        commandStatus: Int? = nil,
        notes: [String] = [], kernelTailCalls: [String: [String]] = [:], hasLocks: Bool = false,
        missingFunctions: [String]? = nil
    ) {
        self.toolVersion = toolVersion
        self.host = host
        self.kernel = kernel
        self.arch = arch
        self.cpus = cpus
        self.event = event
        self.eventReason = eventReason
        self.frequency = frequency
        self.commandLine = commandLine
        self.startWallNanoseconds = startWallNanoseconds
        self.durationNanoseconds = durationNanoseconds
        self.finished = finished
        self.kernelSymbols = kernelSymbols
        self.hasKernelHalf = hasKernelHalf
        self.unwinding = unwinding
        self.losses = losses
        self.commandStatus = commandStatus
        self.notes = notes
        self.kernelTailCalls = kernelTailCalls
        self.hasLocks = hasLocks
        self.missingFunctions = missingFunctions
    }
}

/// What was not seen, and what seeing cost. Counts over the whole recording.
public struct Losses: Sendable, Codable, Equatable {
    /// Records that the kernel had no room for in a ring.
    public var lostRecords: Int64
    /// Of those, samples, as counted by the kernel for each event (`PERF_FORMAT_LOST`, Linux 6.0).
    public var lostSamples: Int64
    /// Nanoseconds during which the kernel held an event back (PERF_RECORD_THROTTLE), summed over CPUs. An interval counts for
    /// one tick of the kernel's timer at most: the tick ends it, unless the target had no CPU then.
    public var throttledNanoseconds: Int64
    public var throttledIntervals: Int64
    /// Records whose bytes made no sense.
    public var undecodableRecords: Int64
    /// Records of a type that jostle does not know; skipped by their size.
    public var unknownRecords: Int64
    /// CPU time of the recorder itself, in nanoseconds.
    public var recorderCPUNanoseconds: Int64

    public init(
        lostRecords: Int64 = 0, lostSamples: Int64 = 0, throttledNanoseconds: Int64 = 0,
        throttledIntervals: Int64 = 0, undecodableRecords: Int64 = 0, unknownRecords: Int64 = 0,
        recorderCPUNanoseconds: Int64 = 0
    ) {
        self.lostRecords = lostRecords
        self.lostSamples = lostSamples
        self.throttledNanoseconds = throttledNanoseconds
        self.throttledIntervals = throttledIntervals
        self.undecodableRecords = undecodableRecords
        self.unknownRecords = unknownRecords
        self.recorderCPUNanoseconds = recorderCPUNanoseconds
    }
}
