import Host
import ProfileModel
import Recording

/// How long the targets' threads wait for a CPU, by the scheduler's own count.
///
/// Of threads that live at the end: what those that ended meanwhile had waited is gone with them.
struct RunQueueWaits {
    private let before: [ThreadID: Int64]
    /// More threads than this are not looked at: each costs some 10 µs, before and after.
    private static let mostThreads = 4_000

    /// - Parameter processes: those of each target.
    init(_ processes: [(pid: ProcessID, row: RowID)], host: Host) {
        var before: [ThreadID: Int64] = [:]
        Self.forEachThread(of: processes, host: host) { tid, wait, _ in before[tid] = wait }
        self.before = before
    }

    private static func forEachThread(
        of processes: [(pid: ProcessID, row: RowID)], host: Host, _ body: (ThreadID, Int64, RowID) -> Void
    ) {
        var left = mostThreads
        for (pid, row) in processes where left > 0 {
            for tid in host.threadIDs(of: pid).prefix(left) {
                left -= 1
                if let wait = host.runQueueWait(of: tid, in: pid) { body(tid, wait, row) }
            }
        }
    }

    /// The waits since then, one row for each target that has threads.
    ///
    /// - Parameter processes: as they are now.
    func rows(_ processes: [(pid: ProcessID, row: RowID)], host: Host) -> [PressureRow] {
        var sums: [RowID: Int64] = [:]
        Self.forEachThread(of: processes, host: host) { tid, wait, row in
            sums[row, default: 0] += max(0, wait - (before[tid] ?? 0))
        }
        return sums.sorted { $0.key < $1.key }.map { row, wait in
            PressureRow(container: row, name: "schedstat run_delay", unit: "ns", before: 0, after: wait)
        }
    }
}
