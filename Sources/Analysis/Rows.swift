/// The rows of one view of one container while they are added up: a row for each key.
struct Rows<Key: Hashable> {
    struct Row {
        let key: Key
        var cpu: Int64 = 0
        var contended: Int64 = 0
        var samples = 0
        var spin: Int64 = 0
        var time: Int64 { cpu &+ contended }
    }

    private(set) var rows: [Row] = []
    private var indices: [Key: Int32] = [:]
    /// For each stack of the tally: the row of its on-CPU samples, and of its blocked ones; -1 for none.
    private(set) var cpuRow: [Int32] = []
    private(set) var waitRow: [Int32] = []

    /// Adds what one stack has; stacks come in the tally's order.
    mutating func add(
        cpuKey: Key?, cpu: Int64, samples: Int, spin: Int64, waitKey: Key?, contended: Int64
    ) {
        var row: Int32 = -1
        if let cpuKey, samples > 0 {
            row = index(of: cpuKey)
            rows[Int(row)].cpu &+= cpu
            rows[Int(row)].samples += samples
            rows[Int(row)].spin &+= spin
        }
        cpuRow.append(row)
        row = -1
        if let waitKey, contended > 0 {
            row = index(of: waitKey)
            rows[Int(row)].contended &+= contended
        }
        waitRow.append(row)
    }

    /// Makes sure that a key has a row, if only an empty one.
    mutating func touch(_ key: Key) { _ = index(of: key) }

    private mutating func index(of key: Key) -> Int32 {
        if let known = indices[key] { return known }
        let new = Int32(truncatingIfNeeded: rows.count)
        rows.append(Row(key: key))
        indices[key] = new
        return new
    }

    /// Row indices, heaviest first; equal ones in the order of `name`, so that a report does not depend on chance.
    func ranked(by ranking: Ranking, top: Int?, name: (Key) -> String) -> [Int] {
        func weight(_ row: Row) -> Int64 {
            switch ranking {
            case .time: row.time
            case .cpu: row.cpu
            case .wait: row.contended
            }
        }
        let named = rows.map { (weight($0), $0.time, name($0.key)) }
        let order = rows.indices.sorted { left, right in
            let (first, second) = (named[left], named[right])
            if first.0 != second.0 { return first.0 > second.0 }
            if first.1 != second.1 { return first.1 > second.1 }
            return first.2 < second.2
        }
        return Array(order.prefix(max(0, top ?? order.count)))
    }
}
