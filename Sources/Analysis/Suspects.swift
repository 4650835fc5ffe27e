internal import ProfileModel

/// The usual suspects of a slow container: what its limits and the machine's stalls did to it while it was recorded.
///
/// A figure that the machine does not keep is nil.
public struct Suspects: Sendable, Codable, Equatable {
    /// Of the CPU limit's periods, those in which the container was throttled; 0 where no limit is set.
    public var throttledShare: Double?
    /// Throttled periods and all of them: the counts behind the share.
    public var throttledPeriods: Int64?
    public var periods: Int64?
    /// Of the recording's time, that in which some thread waited for a CPU. Source: PSI, `cpu.pressure` some.
    public var cpuStallShare: Double?
    /// The same, waiting for memory.
    public var memoryStallShare: Double?
    /// The same, waiting for I/O.
    public var ioStallShare: Double?
    /// Page faults that had to read.
    public var majorFaults: Int64?
    /// All page faults.
    public var pageFaults: Int64?
    /// How long its threads waited for a CPU, summed over them. Source: schedstat, of threads that lived to the end.
    public var runQueueWaitNanoseconds: Int64?
    /// What got the CPU of its threads while they could have run, heaviest first; nil where that was not recorded.
    public var ranInstead: [RanInstead]?
    /// CPUs that the limit allows; nil without a limit.
    public var cpuLimit: Double?
    /// Whether the figures explain slowness, in words.
    public var verdict: String

    enum CodingKeys: String, CodingKey {
        case throttledShare = "throttled_share"
        case throttledPeriods = "throttled_periods"
        case periods
        case cpuStallShare = "cpu_stall_share"
        case memoryStallShare = "memory_stall_share"
        case ioStallShare = "io_stall_share"
        case majorFaults = "major_faults"
        case pageFaults = "page_faults"
        case runQueueWaitNanoseconds = "run_queue_wait_ns"
        case ranInstead = "ran_instead"
        case cpuLimit = "cpu_limit"
        case verdict
    }

    /// A process that ran while a thread of the container could have run.
    public struct RanInstead: Sendable, Codable, Equatable {
        /// The process's name; `its own threads`, or `nobody` where a limit kept the CPU idle.
        public var name: String
        /// How long threads waited behind it.
        public var nanoseconds: Int64

        enum CodingKeys: String, CodingKey {
            case name
            case nanoseconds = "ns"
        }
    }

    /// Below this share of the time nothing is suspected.
    private static let leastShare = 0.05

    /// - Returns: nil where nothing was read for the container.
    init?(_ profile: Profile, container: Int) {
        let readings = profile.pressure.filter { $0.container == container }
        if readings.isEmpty { return nil }
        let duration = Double(profile.recording.durationNanoseconds)
        func grown(_ name: String) -> Int64? {
            readings.first { $0.name == name }.map { max(0, $0.after &- $0.before) }
        }
        func stall(_ resource: String) -> Double? {
            guard duration > 0, let microseconds = grown("\(resource).pressure some total") else { return nil }
            return min(1, Double(microseconds) * 1_000 / duration).roundedForReport
        }
        throttledPeriods = grown("cpu.stat nr_throttled")
        periods = grown("cpu.stat nr_periods")
        if let throttledPeriods, let periods {
            throttledShare = periods > 0 ? (Double(throttledPeriods) / Double(periods)).roundedForReport : 0
        }
        cpuStallShare = stall("cpu")
        memoryStallShare = stall("memory")
        ioStallShare = stall("io")
        majorFaults = grown("memory.stat pgmajfault")
        pageFaults = grown("memory.stat pgfault")
        runQueueWaitNanoseconds = grown("schedstat run_delay")
        let prefix = "preempted by "
        let others = readings.filter { $0.name.hasPrefix(prefix) }.map {
            RanInstead(name: String($0.name.dropFirst(prefix.count)), nanoseconds: $0.after)
        }
        ranInstead = others.isEmpty ? nil : others.sorted { ($1.nanoseconds, $0.name) < ($0.nanoseconds, $1.name) }
        if let quota = readings.first(where: { $0.name == "cpu.max quota" })?.after,
            let period = readings.first(where: { $0.name == "cpu.max period" })?.after, period > 0
        {
            cpuLimit = (Double(quota) / Double(period)).roundedForReport
        }
        verdict = Self.words(
            throttled: throttledShare, cpu: cpuStallShare, memory: memoryStallShare, io: ioStallShare, limit: cpuLimit,
            instead: ranInstead ?? [])
    }

    private static func words(
        throttled: Double?, cpu: Double?, memory: Double?, io: Double?, limit: Double?, instead: [RanInstead]
    ) -> String {
        func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
        var causes: [String] = []
        if let throttled, throttled >= leastShare {
            let cpus = limit.map { " of \(($0 * 100).rounded() / 100) CPUs" } ?? ""
            causes.append("throttled in \(percent(throttled)) of its periods: its CPU limit\(cpus) slows it down")
        }
        if let memory, memory >= leastShare { causes.append("waits for memory \(percent(memory)) of the time") }
        if let io, io >= leastShare { causes.append("waits for I/O \(percent(io)) of the time") }
        if let cpu, cpu >= leastShare { causes.append("waits for a CPU \(percent(cpu)) of the time" + words(instead)) }
        if !causes.isEmpty { return causes.joined(separator: "; ") }
        if throttled == nil && memory == nil && io == nil && cpu == nil { return "not measured here" }
        let stalls = cpu == nil && memory == nil && io == nil ? "" : ", no stalls"
        return (throttled == nil ? "limits not measured" : "not throttled") + stalls
            + (throttled == nil ? "" : ": the limits are not the cause")
    }

    /// Who ran instead: those behind which a fifth of the time was spent.
    private static func words(_ instead: [RanInstead]) -> String {
        let all = instead.reduce(0) { $0 + Double($1.nanoseconds) }
        let heavy = instead.filter { Double($0.nanoseconds) >= all / 5 && $0.nanoseconds > 0 }.prefix(3)
        return heavy.isEmpty ? "" : ", mostly behind " + heavy.map(\.name).joined(separator: ", ")
    }
}
