import ProfileModel
import Recording

/// Who is off the CPU, since when, and where they left it.
///
/// A switch-out sample names the stack; the switch records around it say whether the thread could have run on, and when
/// it came back. Where switches are many, only some have a sample: those stand for the others by their period, while
/// every switch has its records.
struct OffCPU {
    struct Absence {
        /// When the thread left, nanoseconds of CLOCK_MONOTONIC.
        var since: UInt64
        var thread: RowID
        var container: RowID
        var stack: RowID?
        var mode: SampleMode
        var cpu: Int32
        /// Switches that this one stands for.
        var period: UInt64
        var isPreempted = false
    }
    private var absences: [ThreadID: Absence] = [:]
    private(set) var switchOuts: Int64 = 0

    /// A thread left the CPU and its stack is known.
    mutating func leave(_ thread: ThreadID, _ absence: Absence) { absences[thread] = absence }

    /// A thread left the CPU: `isPreempted` belongs to the sample just before, if there was one.
    mutating func switchedOut(_ thread: ThreadID, isPreempted: Bool) {
        switchOuts += 1
        if isPreempted { absences[thread]?.isPreempted = true }
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
        return SampleRow(
            time: Int64(clamping: end) - Int64(clamping: start), cpu: cpu, thread: thread, container: container,
            stack: stack, kind: isPreempted ? .preempted : .blocked, mode: mode,
            weight: Int64(clamping: nanoseconds.multipliedReportingOverflow(by: max(1, period)).partialValue))
    }
}
