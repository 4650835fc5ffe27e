/// Two recordings side by side: how much, how sure, and why.
///
/// Times are nanoseconds per second of run time: of the time for which a container was there, whatever the recordings'
/// durations. Intervals hold the truth in 95 of 100 such pairs. A figure that was not measured is nil, never 0.
public struct Comparison: Sendable, Codable, Equatable {
    public var schema: String
    public var schemaVersion: Int
    public var baseline: ComparedRecording
    public var candidate: ComparedRecording
    /// What else differs between the recordings, and may be the reason for what follows.
    public var differences: [RecordingDifference]
    /// Matched containers, in the candidate's order.
    public var containers: [ComparedContainer]
    /// Of all containers; the largest change first.
    public var syscalls: [ComparedSyscall]
    /// Rows that `top` left out.
    public var omittedRows: Int?
    /// What was asked for in detail, and where it changed.
    public var detail: ComparisonDetail?
    /// Known patterns that a side shows, new ones first; nil where the kernel's symbols were hidden.
    public var findings: [ComparedFinding]?
    /// Containers of the one that match none of the other, by name.
    public var unmatchedBaseline: [String]
    public var unmatchedCandidate: [String]

    public static let schemaName = "jostle.diff"
    public static let currentSchemaVersion = 1

    enum CodingKeys: String, CodingKey {
        case schema
        case schemaVersion = "schema_version"
        case baseline, candidate, differences, containers, syscalls
        case omittedRows = "omitted_rows"
        case detail, findings
        case unmatchedBaseline = "unmatched_baseline"
        case unmatchedCandidate = "unmatched_candidate"
    }
}

/// What a comparison is asked for.
public struct ComparisonOptions: Sendable, Equatable {
    /// The most rows; nil for all.
    public var top: Int?
    /// Only containers that answer to this.
    public var container: String?
    public var maps: [ContainerMap]
    /// One system call in detail, by the kernel's name or libc's.
    public var syscall: String?
    /// Compares what stands for different things, too.
    public var force: Bool
    /// What the recordings are called.
    public var baselineLabel: String
    public var candidateLabel: String

    public init(
        top: Int? = nil, container: String? = nil, maps: [ContainerMap] = [], syscall: String? = nil,
        force: Bool = false, baselineLabel: String = "baseline", candidateLabel: String = "candidate"
    ) {
        self.top = top
        self.container = container
        self.maps = maps
        self.syscall = syscall
        self.force = force
        self.baselineLabel = baselineLabel
        self.candidateLabel = candidateLabel
    }
}

/// One of the two recordings.
public struct ComparedRecording: Sendable, Codable, Equatable {
    /// What it is called, such as the file's name.
    public var label: String
    public var recording: RecordingSummary
    public var confidence: Confidence
}

/// A fact of the recordings that is not the same in both.
public struct RecordingDifference: Sendable, Codable, Equatable {
    /// `kernel`, `arch`, `cpus`, `event`, `frequency_hz`, `duration_ns`, `unwinding`, `waits`, `calls`, `host`,
    /// `kernel_half`, `kernel_symbols`, `complete_stacks_share`, `lost_samples` or `finished`.
    public var fact: String
    public var baseline: String
    public var candidate: String
}

/// Two containers that are the same one before and after.
public struct ComparedContainer: Sendable, Codable, Equatable {
    public var baseline: ComparedContainerSide
    public var candidate: ComparedContainerSide
    /// The kernel's part of the CPU time, between 0 and 1; nil without any on-CPU sample on a side.
    public var kernelShareChange: Estimate?
    /// On-CPU time.
    public var cpuChange: Estimate
    /// Time asleep on kernel locks and on others inside the kernel; nil where a side did not record waits.
    public var contendedWaitChange: Estimate?

    enum CodingKeys: String, CodingKey {
        case baseline, candidate
        case kernelShareChange = "kernel_share_change"
        case cpuChange = "cpu_change_ns"
        case contendedWaitChange = "contended_wait_change_ns"
    }
}

/// One container of one recording. Times in nanoseconds per second of run time.
public struct ComparedContainerSide: Sendable, Codable, Equatable {
    public var name: String
    public var id: String?
    public var image: String?
    public var cgroup: String?
    /// On-CPU samples.
    public var samples: Int
    /// For how long it was there, nanoseconds: what everything is normalised by.
    public var runNanoseconds: Int64
    public var kernelShare: Estimate?
    public var cpuPerSecond: Double
    public var contendedWaitPerSecond: Double?

    enum CodingKeys: String, CodingKey {
        case name, id, image, cgroup, samples
        case runNanoseconds = "run_time_ns"
        case kernelShare = "kernel_share"
        case cpuPerSecond = "cpu_per_second_ns"
        case contendedWaitPerSecond = "contended_wait_per_second_ns"
    }
}

/// One system call (or other entry) on both sides, and why its time changed.
///
/// With rate r and cost c of a call, time per second is r · c, and its change is told apart exactly, without favour to
/// either side: (r₁ - r₀) · (c₀ + c₁) / 2 from the rate and (c₁ - c₀) · (r₀ + r₁) / 2 from the cost.
///
/// Source: Bennet, Components of a difference between two rates, JASA 1955 (Kitagawa's decomposition).
public struct ComparedSyscall: Sendable, Codable, Equatable {
    /// Index into `Comparison.containers`.
    public var pair: Int
    /// The candidate's container.
    public var container: String
    public var name: String
    public var libcName: String?
    public var kind: EntryKind
    /// nil where it does not occur.
    public var baseline: ComparedSyscallSide?
    public var candidate: ComparedSyscallSide?
    /// Of time per second, nanoseconds.
    public var change: Estimate
    /// Of `change`: the calls came more often, or less; nil where calls were not counted on both sides.
    public var fromRate: Double?
    /// Of `change`: each call took longer, or shorter. With `fromRate` it sums to `change`.
    public var fromCost: Double?
    /// The parts with their intervals.
    public var fromRateEstimate: Estimate?
    public var fromCostEstimate: Estimate?
    /// Candidate's calls per second by the baseline's; nil where one has none.
    public var rateRatio: Estimate?
    /// Candidate's cost of a call by the baseline's.
    public var costRatio: Estimate?
    public var verdict: ComparisonVerdict
    /// Seconds by which both recordings would have to be longer for a verdict, as far as these can say; nil where there is
    /// one, and where no recording of a day would do.
    public var moreSeconds: Double?

    enum CodingKeys: String, CodingKey {
        case pair, container, name
        case libcName = "libc_name"
        case kind, baseline, candidate, change
        case fromRate = "from_rate_ns"
        case fromCost = "from_cost_ns"
        case fromRateEstimate = "from_rate"
        case fromCostEstimate = "from_cost"
        case rateRatio = "rate_ratio"
        case costRatio = "cost_ratio"
        case verdict
        case moreSeconds = "more_seconds"
    }
}

/// One system call on one side. Times in nanoseconds.
public struct ComparedSyscallSide: Sendable, Codable, Equatable {
    /// On-CPU samples and contended waits.
    public var samples: Int
    /// On-CPU kernel time and, where both sides recorded it, contended wait: over the run time.
    public var kernelTimeNanoseconds: Int64
    public var timePerSecond: Double
    public var cpuPerSecond: Double
    public var contendedWaitPerSecond: Double?
    public var calls: Int64?
    public var callsPerSecond: Double?
    /// `kernelTimeNanoseconds` by `calls`.
    public var costPerCall: Double?

    enum CodingKeys: String, CodingKey {
        case samples
        case kernelTimeNanoseconds = "kernel_time_ns"
        case timePerSecond = "time_per_second_ns"
        case cpuPerSecond = "cpu_per_second_ns"
        case contendedWaitPerSecond = "contended_wait_per_second_ns"
        case calls
        case callsPerSecond = "calls_per_second"
        case costPerCall = "cost_per_call_ns"
    }
}

/// Kernel functions and call sites of one system call, on both sides.
public struct ComparisonDetail: Sendable, Codable, Equatable {
    /// What was asked for.
    public var query: String
    /// The largest change first. Each time is charged to one function.
    public var functions: [ComparedPlace]
    public var callSites: [ComparedPlace]

    enum CodingKeys: String, CodingKey {
        case query, functions
        case callSites = "call_sites"
    }
}

/// Kernel time at one place, in nanoseconds per second of run time.
public struct ComparedPlace: Sendable, Codable, Equatable {
    /// Index into `Comparison.containers`.
    public var pair: Int
    public var container: String
    /// The kernel function, or where user code called from; on the side with more of the time.
    public var place: CodePlace
    /// nil where it does not occur.
    public var baselinePerSecond: Double?
    public var candidatePerSecond: Double?
    public var change: Estimate

    enum CodingKeys: String, CodingKey {
        case pair, container, place
        case baselinePerSecond = "baseline_per_second_ns"
        case candidatePerSecond = "candidate_per_second_ns"
        case change
    }
}
