import ObjectTables
import ProfileModel
import Testing

@testable import ObjectFiles

/// What binutils' interpretation of a library's .eh_frame says, for all of it.
private struct InterpretedRow {
    var start: UInt64
    var kind: UnwindRule.Kind
    var base = UnwindRule.CFABase.stackPointer
    var offset: Int64 = 0
    var framePointer: Int64?
    var second: Int64?
}

@Suite("unwind rows against readelf's interpretation of the same file")
struct RealLibraryTests {
    @Test("every row of a real library is the one readelf gives", arguments: ["libc.so.6", "libstdc++.so.6"])
    func everyRow(library: String) throws {
        let path = try libraryPath(library)
        let table = try withObjectFile(path) { $0.unwindTable() }
        let expected = try interpretedRows(of: path)
        try #require(expected.count > 1_000)
        var wrong: [String] = []
        for row in expected {
            let distance = row.start &- table.base.rawValue
            let after = table.starts.partitioningIndex { UInt64($0) > distance }
            let rule = UnwindRule(rawValue: table.rules[max(after - 1, 0)])
            if !Self.matches(rule, row) { wrong.append("\(String(row.start, radix: 16)): \(row) \(rule.kind)") }
        }
        #expect(wrong.isEmpty, "\(wrong.count) of \(expected.count): \(wrong.prefix(5))")
        #expect(table.starts == table.starts.sorted())
        #expect(table.skipped == nil)
    }

    private static func matches(_ rule: UnwindRule, _ row: InterpretedRow) -> Bool {
        guard rule.kind == row.kind else { return false }
        guard row.kind == .registers else { return true }
        func same(_ saved: UnwindRule.Saved, _ slot: Int64, _ expected: Int64?) -> Bool {
            expected.map { saved == .inMemory && slot == $0 } ?? (saved != .inMemory)
        }
        return rule.base == row.base && rule.cfaOffset == row.offset
            && same(rule.framePointer, rule.framePointerSlot, row.framePointer)
            && same(rule.second, rule.secondSlot, row.second)
    }

    /// The rows of `readelf --debug-dump=frames-interp`: a header that names the columns, then lines of
    /// `address CFA column…`. An entry without lines has its CIE's one line; behind an entry's end nothing is known.
    private func interpretedRows(of path: String) throws -> [InterpretedRow] {
        let output = try run("readelf --debug-dump=frames-interp,no-follow-links '\(path)'")
        var rows: [InterpretedRow] = []
        var columns: [Substring] = []
        var common: (name: Substring, isSignal: Bool)?
        var commons: [Substring: (isSignal: Bool, columns: [Substring], values: [Substring])] = [:]
        var isSignal = false
        var ends: Set<UInt64> = []
        for line in output.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count > 4, words[3] == "CIE" {
                common = (words[0], words[4].contains("S"))
                commons[words[0]] = (words[4].contains("S"), [], [])
            } else if words.count > 5, words[3] == "FDE" {
                let range = words[5].dropFirst(3).split(separator: ".").compactMap { hexadecimal($0) }
                guard let entry = commons[words[4].dropFirst(4)], range.count == 2 else {
                    throw TestFailure("no CIE for: \(line)")
                }
                common = nil
                isSignal = entry.isSignal
                ends.insert(range[1])
                rows.append(Self.row(range[0], entry.columns, entry.values, isSignal: isSignal))
            } else if words.first == "LOC" {
                columns = Array(words.dropFirst())
                // This entry has lines of its own.
                if common == nil { rows.removeLast() }
            } else if words.count == columns.count + 1, words[1] != "ZERO", let start = hexadecimal(words[0]) {
                if let common {
                    commons[common.name] = (common.isSignal, columns, Array(words.dropFirst()))
                } else {
                    rows.append(Self.row(start, columns, Array(words.dropFirst()), isSignal: isSignal))
                }
            }
        }
        let starts = Set(rows.map(\.start))
        return rows + ends.subtracting(starts).map { InterpretedRow(start: $0, kind: .none) }
    }

    private static func row(
        _ start: UInt64, _ columns: [Substring], _ values: [Substring], isSignal: Bool
    ) -> InterpretedRow {
        let byName = Dictionary(uniqueKeysWithValues: zip(columns, values))
        func slot(_ name: Substring) -> Int64? {
            byName[name].flatMap { $0.hasPrefix("c") ? Int64($0.dropFirst()) : nil }
        }
        if isSignal { return InterpretedRow(start: start, kind: .signalFrame) }
        if byName["ra"] == "u" { return InterpretedRow(start: start, kind: .outermost) }
        let frameAddress = byName["CFA"] ?? ""
        // In these libraries the only expression beside the signal frame's is the PLT's.
        if frameAddress == "exp" { return InterpretedRow(start: start, kind: .plt) }
        let split = frameAddress.firstIndex { $0 == "+" || $0 == "-" } ?? frameAddress.endIndex
        let bases: [Substring: UnwindRule.CFABase] = ["rsp": .stackPointer, "rbp": .framePointer, "rbx": .second]
        guard let base = bases[frameAddress[..<split]], slot("ra") == -8 else {
            return InterpretedRow(start: start, kind: .unsupported)
        }
        return InterpretedRow(
            start: start, kind: .registers, base: base, offset: Int64(frameAddress[split...]) ?? 0,
            framePointer: slot("rbp"), second: slot("rbx"))
    }
}

extension Array {
    /// The first index whose element satisfies a condition that, once true, stays true.
    func partitioningIndex(_ condition: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if condition(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
