import ProfileModel
import Recording

/// Sums up calls by container, system call and 100 ms slice.
struct SyscallCounter {
    static let sliceNanoseconds: Int64 = 100_000_000

    private struct Key: Hashable, Comparable {
        var slice: Int64
        var container: RowID
        var number: Int
        static func < (left: Key, right: Key) -> Bool {
            (left.slice, left.container, left.number) < (right.slice, right.container, right.number)
        }
    }
    private var calls: [Key: Int64] = [:]
    /// All calls that were counted, for the comparison with the kernel's own count.
    private(set) var total: Int64 = 0

    mutating func count(_ number: Int, container: RowID, time: Int64, calls count: Int64) {
        let key = Key(slice: max(0, time) / Self.sliceNanoseconds, container: container, number: number)
        calls[key, default: 0] += count
        total += count
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
