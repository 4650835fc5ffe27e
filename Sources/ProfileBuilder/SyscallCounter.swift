import ProfileModel
import Recording

/// Sums up calls by container, system call and 100 ms slice.
struct SyscallCounter {
    static let sliceNanoseconds: Int64 = 100_000_000

    /// Wide of the largest number in any architecture's table.
    private static let numbers = 0..<1024

    private struct Key: Hashable, Comparable {
        var slice: Int64
        var container: RowID
        var number: Int
        static func < (left: Key, right: Key) -> Bool {
            (left.slice, left.container, left.number) < (right.slice, right.container, right.number)
        }
    }
    private var calls: [Key: Int64] = [:]
    /// All calls of each container, for the comparison with the kernel's own count.
    private(set) var totals: [RowID: Int64] = [:]
    /// What one sample stood for, and since when: ascending, the latest last.
    private var periods: [(since: UInt64, calls: UInt64)] = []
    /// Of each event: since when the period of its last sample held.
    private var lastPeriods: [UInt64: UInt64] = [:]
    /// Calls on each CPU since they were last asked for.
    private var recent: [UInt32: Int64] = [:]

    /// From `time` on a sample stands for `calls` calls; between `before`, when the kernel was asked to, and then for nobody
    /// knows how many.
    mutating func setPeriod(_ calls: UInt64, askedAt before: UInt64, since time: UInt64) {
        // Rings lag behind by less than this many changes.
        if periods.count > 128 { periods.removeFirst(64) }
        if before < time { periods.append((before, 0)) }
        periods.append((time, calls))
    }

    /// How many calls a sample stands for.
    ///
    /// 0 for the first one under a new period: the kernel takes it at once, at whatever call comes next, which is most often
    /// the same one, behind the recorder's own turn on the CPU. Source: perf_swevent_event, with `period_left` 0.
    private mutating func weight(of event: UInt64, at time: UInt64) -> UInt64 {
        guard let index = periods.lastIndex(where: { $0.since <= time }) ?? periods.indices.first else { return 1 }
        let period = periods[index]
        if period.calls == 0, index + 1 < periods.count {
            // It may well be the first under the new period.
            lastPeriods[event] = periods[index + 1].since
            return 0
        }
        let last = lastPeriods.updateValue(period.since, forKey: event)
        return period.calls > 1 && last != nil && last != period.since ? 0 : period.calls
    }

    /// Whether the kernel has stopped an event since this was last asked for, because its samples came too fast: it may
    /// count nothing more until it is given a new period.
    private var isThrottled = false

    mutating func throttle() { isThrottled = true }

    mutating func takeThrottle() -> Bool {
        defer { isThrottled = false }
        return isThrottled
    }

    /// The most calls on one CPU since this was last asked for.
    mutating func takeBusiestCount() -> Int64 {
        defer { recent.removeAll(keepingCapacity: true) }
        return recent.values.max() ?? 0
    }

    /// Counts what one sample stands for.
    ///
    /// - Parameters: `event` that sampled it, `time` of CLOCK_MONOTONIC, `start` of the recording.
    mutating func count(_ number: Int, container: RowID, event: UInt64, cpu: UInt32, time: UInt64, start: UInt64) {
        let count = Int64(clamping: weight(of: event, at: time))
        if count == 0 { return }
        let slice = Int64(clamping: time > start ? time - start : 0) / Self.sliceNanoseconds
        // A program may ask for any number: those that no table has share one key.
        let known = Self.numbers.contains(number) ? number : -1
        let key = Key(slice: slice, container: container, number: known)
        recent[cpu, default: 0] += count
        calls[key, default: 0] += count
        totals[container, default: 0] += count
    }

    /// The rows of all slices that ended before `time`, or of all slices.
    mutating func rows(before time: Int64) -> [SyscallCountRow] {
        let limit = time / Self.sliceNanoseconds
        let done = calls.filter { $0.key.slice < limit }.sorted { $0.key < $1.key }
        for entry in done { calls[entry.key] = nil }
        return done.map { key, count in
            SyscallCountRow(
                container: key.container, number: key.number, time: key.slice * Self.sliceNanoseconds, calls: count)
        }
    }
}
