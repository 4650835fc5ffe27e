internal import ProfileModel

/// The entries of two recordings under the same names.
///
/// A kernel whose stacks leave several calls possible says `access|faccessat` where another says `access`: these are
/// added up under the longer name on both sides.
struct EntryAlignment {
    private var longer: [String: String] = [:]

    init(_ baseline: some Sequence<Entry>, _ candidate: some Sequence<Entry>) {
        func calls(_ entries: some Sequence<Entry>) -> Set<String> {
            Set(entries.filter { $0.kind == .syscall }.map(\.name))
        }
        let first = calls(baseline)
        let second = calls(candidate)
        for (own, other) in [(first, second), (second, first)] {
            for name in own.sorted() where name.contains("|") && !other.contains(name) {
                let members = name.split(separator: "|").map(String.init)
                if members.contains(where: other.contains) {
                    for member in members where longer[member] == nil { longer[member] = name }
                }
            }
        }
    }

    func aligned(_ rows: [Entry: RecordedSide.Row]) -> [Entry: RecordedSide.Row] {
        var result: [Entry: RecordedSide.Row] = [:]
        // Sums of floating-point numbers depend on their order.
        for (entry, row) in rows.sorted(by: { $0.key.name < $1.key.name }) {
            let key = entry.kind == .syscall ? longer[entry.name].map(Entry.syscall) ?? entry : entry
            if result[key] == nil { result[key] = row } else { result[key]? += row }
        }
        return result
    }
}

extension RecordedSide {
    /// The calls of an entry in each slice; nil where they were not counted, or not for this entry alone: one that may be
    /// several calls counts them all, unless one of them has a row of its own.
    func calls(of entry: Entry, among rows: some Collection<Entry>) -> [Double]? {
        guard let calls, entry.kind == .syscall else { return nil }
        let members = entry.name.split(separator: "|").map(String.init)
        if members.count > 1, rows.contains(where: { members.contains($0.name) }) { return nil }
        guard members.contains(where: { SyscallTable(arch: whole.profile.recording.arch).number(of: $0) != nil }) else {
            return nil
        }
        var sum = [Double](repeating: 0, count: sliceCount)
        for member in members {
            for (index, count) in (calls[member] ?? []).enumerated() { sum[index] += count }
        }
        return sum
    }
}
