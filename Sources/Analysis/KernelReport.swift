/// What a recording says about kernel contention: the one value that text, JSON and HTML render.
///
/// All times are integer nanoseconds over the whole recording. A figure that was not measured is nil, never 0.
public struct KernelReport: Sendable, Codable, Equatable {
    public var schema: String
    public var schemaVersion: Int
    public var view: ReportView
    public var rankBy: Ranking
    public var recording: RecordingSummary
    public var confidence: Confidence
    /// Heaviest first.
    public var containers: [ContainerReport]
    /// Longest waited for first; nil where locks were not recorded.
    public var locks: [LockReport]?
    /// Locks that were waited for too little to be listed.
    public var omittedLocks: Int?
    /// Paths through the kernel that several containers run under; nil where the kernel's symbols were hidden.
    public var sharedPaths: [SharedPath]?
    /// Known patterns that the stacks show; nil where the kernel's symbols were hidden.
    public var findings: [Finding]?

    public static let schemaName = "jostle.report"
    public static let currentSchemaVersion = 1

    enum CodingKeys: String, CodingKey {
        case schema
        case schemaVersion = "schema_version"
        case view
        case rankBy = "rank_by"
        case recording, confidence, containers, locks
        case omittedLocks = "omitted_locks"
        case sharedPaths = "shared_paths"
        case findings
    }
}

/// Where, how and how long was recorded.
public struct RecordingSummary: Sendable, Codable, Equatable {
    public var toolVersion: String
    public var host: String
    public var kernel: String
    public var arch: String
    public var cpus: Int
    public var event: String
    public var eventReason: String?
    /// Samples asked for in a second of CPU time.
    public var frequency: Int
    public var unwinding: String
    public var commandLine: [String]
    public var commandStatus: Int?
    /// Nanoseconds since the epoch.
    public var startWallNanoseconds: Int64
    public var durationNanoseconds: Int64
    public var finished: Bool
    public var notes: [String]

    enum CodingKeys: String, CodingKey {
        case toolVersion = "tool_version"
        case host, kernel, arch, cpus, event
        case eventReason = "event_reason"
        case frequency = "frequency_hz"
        case unwinding
        case commandLine = "command_line"
        case commandStatus = "command_status"
        case startWallNanoseconds = "start_wall_ns"
        case durationNanoseconds = "duration_ns"
        case finished, notes
    }
}

/// How far the profile can be trusted.
public struct Confidence: Sendable, Codable, Equatable {
    /// On-CPU samples.
    public var samples: Int
    /// Times that a thread was seen off the CPU; nil where that was not recorded.
    public var offCPUSamples: Int?
    public var lostRecords: Int64
    public var lostSamples: Int64
    public var throttledNanoseconds: Int64
    public var throttledIntervals: Int64
    public var undecodableRecords: Int64
    public var unknownRecords: Int64
    /// `completeStacks` of `stacks`; nil where there are none.
    public var completeStacksShare: Double?
    public var completeStacks: Int
    public var stacks: Int
    /// Stacks cut short, by the reason's word.
    public var truncations: [String: Int]
    /// `visible` or `hidden`.
    public var kernelSymbols: String
    /// Modules without symbols, and why.
    public var symbolsSkipped: [String: String]?
    public var recorderCPUNanoseconds: Int64
    /// Sentences; each a reason to trust the figures less.
    public var warnings: [String]

    enum CodingKeys: String, CodingKey {
        case samples
        case offCPUSamples = "off_cpu_samples"
        case lostRecords = "lost_records"
        case lostSamples = "lost_samples"
        case throttledNanoseconds = "throttled_ns"
        case throttledIntervals = "throttled_intervals"
        case undecodableRecords = "undecodable"
        case unknownRecords = "unknown_records"
        case completeStacksShare = "complete_stacks_share"
        case completeStacks = "complete_stacks"
        case stacks, truncations
        case kernelSymbols = "kernel_symbols"
        case symbolsSkipped = "symbols_skipped"
        case recorderCPUNanoseconds = "recorder_cpu_ns"
        case warnings
    }
}

/// The share of its CPU time that a container spent in the kernel, with its counts and 95 % interval.
public struct KernelShare: Sendable, Codable, Equatable {
    /// Nanoseconds on-CPU in the kernel.
    public var kernel: Int64
    /// Nanoseconds on-CPU.
    public var total: Int64
    public var low: Double
    public var high: Double

    /// - Parameters: nanoseconds; without an interval it is all that can be.
    public init(kernel: Int64, total: Int64, low: Double = 0, high: Double = 1) {
        self.kernel = kernel
        self.total = total
        self.low = low
        self.high = high
    }

    /// Between 0 and 1; 0 where there is no time at all.
    public var value: Double { total > 0 ? Double(kernel) / Double(total) : 0 }

    enum CodingKeys: String, CodingKey {
        case value, low, high
        case kernel = "kernel_ns"
        case total = "total_ns"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        kernel = try values.decode(Int64.self, forKey: .kernel)
        total = try values.decode(Int64.self, forKey: .total)
        low = try values.decode(Double.self, forKey: .low)
        high = try values.decode(Double.self, forKey: .high)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(value.roundedForReport, forKey: .value)
        try values.encode(low, forKey: .low)
        try values.encode(high, forKey: .high)
        try values.encode(kernel, forKey: .kernel)
        try values.encode(total, forKey: .total)
    }
}

/// A row's share of its container's kernel time, with its 95 % interval. Between 0 and 1.
public struct Share: Sendable, Codable, Equatable {
    public var value: Double
    public var low: Double
    public var high: Double

    public init(value: Double, low: Double, high: Double) {
        self.value = value.roundedForReport
        self.low = low.roundedForReport
        self.high = high.roundedForReport
    }
}

/// Nanoseconds off the CPU, by class.
public struct Waits: Sendable, Codable, Equatable {
    public var kernelLock: Int64 = 0
    public var kernelWait: Int64 = 0
    public var diskIO: Int64 = 0
    public var memory: Int64 = 0
    public var preempted: Int64 = 0
    public var byChoice: Int64 = 0
    public var other: Int64 = 0

    public init() {}

    /// Waiting on kernel locks, and on others inside the kernel.
    public var contended: Int64 { kernelLock + kernelWait }
    public var total: Int64 { kernelLock + kernelWait + diskIO + memory + preempted + byChoice + other }

    public mutating func add(_ nanoseconds: Int64, to waitClass: WaitClass) {
        switch waitClass {
        case .kernelLock: kernelLock &+= nanoseconds
        case .kernelWait: kernelWait &+= nanoseconds
        case .diskIO: diskIO &+= nanoseconds
        case .memory: memory &+= nanoseconds
        case .preempted: preempted &+= nanoseconds
        case .byChoice: byChoice &+= nanoseconds
        case .other: other &+= nanoseconds
        }
    }

    enum CodingKeys: String, CodingKey {
        case kernelLock = "kernel_lock"
        case kernelWait = "kernel_wait"
        case diskIO = "disk_io"
        case memory, preempted
        case byChoice = "by_choice"
        case other
    }
}

extension Double {
    /// To the millionth: a ten-thousandth of a percent, below what any recording can tell.
    var roundedForReport: Double { (self * 1e6).rounded() / 1e6 }
}
