import ProfileModel
import Recording

/// Who is off the CPU, since when, and where they left it.
///
/// A switch-out sample names the stack; the switch records around it say whether the thread could have run on, and when
/// it came back. Where switches are many, only some have a sample, which then stands for all switches of its event since
/// the last one: every switch has its records, so that they can be counted.
struct OffCPU {
    struct Absence {
        /// When the thread left, nanoseconds of CLOCK_MONOTONIC.
        var since: UInt64
        var thread: RowID
        var container: RowID
        var stack: RowID?
        var mode: SampleMode
        var cpu: Int32
        /// Switches that this one stands for, itself included.
        var switches: UInt64
        var isPreempted = false
    }
    private var absences: [ThreadID: Absence] = [:]
    /// Switches of each event since its last sample; -1 while the sample's own is yet to come.
    private var sinceSample: [UInt64: Int] = [:]
    /// Switches off each CPU since they were last asked for.
    private var switches: [UInt32: Int] = [:]
    /// The most switches that one sample stood for.
    private(set) var largestPeriod: UInt64 = 1

    /// How many switches a sample of `event` stands for: those since the last one, and its own, whose record follows.
    mutating func switchesOfSample(of event: UInt64) -> UInt64 {
        let count = UInt64(max(0, sinceSample[event] ?? 0)) + 1
        sinceSample[event] = -1
        largestPeriod = max(largestPeriod, count)
        return count
    }

    /// A thread left the CPU and its stack is known.
    mutating func leave(_ thread: ThreadID, _ absence: Absence) { absences[thread] = absence }

    /// A thread left the CPU: `isPreempted` belongs to the sample just before, if there was one.
    mutating func switchedOut(_ thread: ThreadID, isPreempted: Bool, event: UInt64, cpu: UInt32) {
        sinceSample[event, default: 0] += 1
        switches[cpu, default: 0] += 1
        if isPreempted { absences[thread]?.isPreempted = true }
    }

    /// The most switches off one CPU since this was last asked for.
    mutating func takeBusiestCount() -> Int {
        defer { switches.removeAll(keepingCapacity: true) }
        return switches.values.max() ?? 0
    }

    /// A thread is back, or has ended.
    mutating func comeBack(_ thread: ThreadID) -> Absence? { absences.removeValue(forKey: thread) }

    /// All that are still away.
    mutating func takeAll() -> [(thread: ThreadID, absence: Absence)] {
        defer { absences = [:] }
        return absences.sorted { $0.key < $1.key }.map { (thread: $0.key, absence: $0.value) }
    }
}

extension OffCPU.Absence {
    /// The row of an absence that ended at `end`. Its time is its end, so that rows stay in time order.
    func row(end: UInt64, start: UInt64) -> SampleRow {
        let nanoseconds = end > since ? end - since : 0
        let (weight, overflows) = nanoseconds.multipliedReportingOverflow(by: switches)
        return SampleRow(
            time: Int64(clamping: end) - Int64(clamping: start), cpu: cpu, thread: thread, container: container,
            stack: stack, kind: isPreempted ? .preempted : .blocked, mode: mode,
            weight: overflows ? .max : Int64(clamping: weight))
    }
}
