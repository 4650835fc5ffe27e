internal import ObjectTables
internal import ProfileModel

/// Collects the rows of an unwind table in ascending order.
struct UnwindRows {
    private(set) var table: UnwindTable
    /// Where the rows so far end.
    private var coveredEnd: UInt64

    /// - Parameter base: the lowest address that will be added.
    init(base: UInt64, expectedCount: Int) {
        table = UnwindTable(base: FileAddress(base))
        coveredEnd = base
        table.starts.reserveCapacity(expectedCount)
        table.rules.reserveCapacity(expectedCount)
    }

    /// More rows than this are not made: 12 bytes each.
    static let maximumCount = 16 << 20

    /// Adds what one function's entry says; a part that an earlier one covered stays as it was.
    ///
    /// - Parameter program: at the state its CIE left.
    /// - Returns: false when the table is full.
    mutating func append(
        _ entry: CallFrameEntry, isSignalFrame: Bool, program: inout CallFrameProgram, in bytes: borrowing RawSpan
    ) -> Bool {
        guard entry.end > coveredEnd else { return true }
        if entry.start > coveredEnd { put(UnwindRule(kind: .none), at: coveredEnd) }
        let first = max(entry.start, coveredEnd)
        var location = entry.start
        var cursor = ByteCursor(entry.instructions)
        program.restart()
        while location < entry.end {
            let step = program.run(&cursor, in: bytes)
            let next: UInt64
            switch step {
            case .advanced(let distance):
                if distance == 0 { continue }
                let (sum, overflow) = location.addingReportingOverflow(distance)
                next = overflow ? entry.end : min(sum, entry.end)
            case .finished, .failed:
                next = entry.end
            }
            if next > first {
                let start = max(location, first)
                if case .failed = step {
                    put(UnwindRule(kind: .unsupported), at: start)
                } else {
                    put(program, isSignalFrame: isSignalFrame, from: start, to: next)
                }
            }
            location = next
        }
        coveredEnd = entry.end
        return table.starts.count < Self.maximumCount
    }

    /// Ends the table: nothing is known behind the last entry.
    mutating func finish() { put(UnwindRule(kind: .none), at: coveredEnd) }

    /// The table of a whole section.
    ///
    /// - Parameter code: the ranges of addresses that hold code; linkers leave entries of discarded functions behind, at
    ///   address 0 or nowhere.
    /// - Complexity: O(bytes), and O(n log n) in the entries when they are not in order.
    static func table(
        of section: CallFrameEntries, bytes: borrowing RawSpan, registers: FollowedRegisters, code: [Range<UInt64>]
    ) -> UnwindTable {
        var entries: [CallFrameEntry] = []
        entries.reserveCapacity(section.entries.count)
        for entry in section.entries {
            guard let range = code.first(where: { $0.contains(entry.start) }) else { continue }
            var clipped = entry
            clipped.end = min(entry.end, range.upperBound)
            if clipped.end > clipped.start { entries.append(clipped) }
        }
        // Of two entries for one place the first in the file counts.
        let order = entries.indices.sorted { (entries[$0].start, $0) < (entries[$1].start, $1) }
        guard let first = order.first else {
            return UnwindTable(base: FileAddress(0), skipped: "no unwind information")
        }
        let base = entries[first].start
        var rows = UnwindRows(base: base, expectedCount: entries.count &* 6)
        var programs = section.commons.map { common -> CallFrameProgram? in
            var program = CallFrameProgram(registers: registers, common: common)
            var cursor = ByteCursor(common.instructions)
            guard case .finished = program.run(&cursor, in: bytes) else { return nil }
            program.markInitial()
            return program
        }
        var skipped = section.malformedCount > 0 ? "\(section.malformedCount) malformed entries" : nil
        for index in order {
            let entry = entries[index]
            guard entry.end &- base <= UInt64(UInt32.max) else {
                skipped = "code beyond 4 GiB"
                break
            }
            guard var program = programs[entry.common] else { continue }
            // Taken out and put back, so that its array of remembered states is not copied.
            programs[entry.common] = nil
            let fits = rows.append(
                entry, isSignalFrame: section.commons[entry.common].isSignalFrame, program: &program, in: bytes)
            programs[entry.common] = program
            if !fits {
                skipped = "more than \(maximumCount) rows"
                break
            }
        }
        rows.finish()
        rows.table.skipped = skipped
        return rows.table
    }

    private mutating func put(_ program: CallFrameProgram, isSignalFrame: Bool, from start: UInt64, to end: UInt64) {
        guard case .procedureLinkage(let threshold) = program.state.frameAddress else {
            put(program.state.rule(registers: program.registers, isSignalFrame: isSignalFrame), at: start)
            return
        }
        if threshold == 11 {
            put(UnwindRule(kind: .plt, cfaOffset: 8), at: start)
            return
        }
        // Other linkers' thresholds are written out as plain rows, two for each 16-byte entry.
        var position = start
        while position < end, table.starts.count < Self.maximumCount {
            let isBehind = position & 15 >= threshold
            put(UnwindRule(kind: .registers, base: .stackPointer, cfaOffset: isBehind ? 16 : 8), at: position)
            let next = isBehind ? (position | 15) &+ 1 : (position & ~15) &+ threshold
            if next <= position { return }
            position = next
        }
    }

    private mutating func put(_ rule: UnwindRule, at address: UInt64) {
        let distance = UInt32(truncatingIfNeeded: address &- table.base.rawValue)
        if let last = table.rules.last, last == rule.rawValue { return }
        table.starts.append(distance)
        table.rules.append(rule.rawValue)
    }
}

extension UnwindTable {
    /// This table with the rows of another one of the same module where it has none of its own: programs built without
    /// unwind tables still have some from the C runtime's startup code.
    ///
    /// - Complexity: O(rows of both).
    func fillingGaps(from other: UnwindTable) -> UnwindTable {
        if other.starts.isEmpty { return self }
        if starts.isEmpty { return other }
        var result = UnwindTable(base: min(base, other.base), skipped: skipped ?? other.skipped)
        var (own, foreign) = (0, 0)
        while own < starts.count || foreign < other.starts.count {
            let ownNext = own < starts.count ? base.rawValue &+ UInt64(starts[own]) : .max
            let foreignNext = foreign < other.starts.count ? other.base.rawValue &+ UInt64(other.starts[foreign]) : .max
            let address = min(ownNext, foreignNext)
            if ownNext == address { own += 1 }
            if foreignNext == address { foreign += 1 }
            let ownRule = own > 0 ? rules[own - 1] : UnwindRule(kind: .none).rawValue
            let foreignRule = foreign > 0 ? other.rules[foreign - 1] : UnwindRule(kind: .none).rawValue
            let rule = UnwindRule(rawValue: ownRule).kind == .none ? foreignRule : ownRule
            if result.rules.last == rule { continue }
            guard let distance = UInt32(exactly: address &- result.base.rawValue) else {
                result.skipped = "code beyond 4 GiB"
                break
            }
            result.starts.append(distance)
            result.rules.append(rule)
        }
        return result
    }
}

extension CallFrameState {
    /// This state in eight bytes.
    func rule(registers: FollowedRegisters, isSignalFrame: Bool) -> UnwindRule {
        let unsupported = UnwindRule(kind: .unsupported)
        if isSignalFrame { return signalRule(registers: registers) }
        if returnAddress == .undefined { return UnwindRule(kind: .outermost) }
        switch frameAddress {
        case .register(let register, let offset):
            guard let base = registers.base(register) else { return unsupported }
            return rule(kind: .registers, base: base, offset: offset, registers: registers) { place in
                if case .atCFA(let slot) = place { slot } else { nil }
            } ?? unsupported
        case .dereferenced(let register, let offset):
            guard let base = registers.base(register) else { return unsupported }
            return rule(kind: .dereferenced, base: base, offset: offset, registers: registers) { place in
                if case .atRegister(register, let slot) = place { slot } else { nil }
            } ?? unsupported
        case .undefined, .other, .procedureLinkage:
            return unsupported
        }
    }

    /// - Parameter slot: the distance at which a register is kept in memory, in the way of this kind of rule.
    private func rule(
        kind: UnwindRule.Kind, base: UnwindRule.CFABase, offset: Int64, registers: FollowedRegisters,
        slot: (SavedRegister) -> Int64?
    ) -> UnwindRule? {
        func kept(_ place: SavedRegister) -> (UnwindRule.Saved, Int64) {
            switch place {
            case .unspecified, .same: (.same, 0)
            default:
                // A slot that is no whole number of words is nothing a compiler writes.
                slot(place).map { $0.isMultiple(of: 8) ? (.inMemory, $0) : (.undefined, 0) } ?? (.undefined, 0)
            }
        }
        let (framePointer, framePointerSlot) = kept(framePointer)
        if registers.callPushesReturnAddress {
            let returned: UnwindRule.Saved
            switch returnAddress {
            case .atCFA(-8): returned = .inMemory
            case .inRegister(let holder) where holder == registers.poppedReturnAddress: returned = .same
            default: return nil
            }
            let (second, secondSlot) = kept(second)
            return UnwindRule(
                kind: kind, base: base, cfaOffset: offset, framePointer: framePointer,
                framePointerSlot: framePointerSlot, second: second, secondSlot: secondSlot, returnAddress: returned)
        }
        let (returned, returnSlot) = kept(returnAddress)
        guard returned != .undefined else { return nil }
        return UnwindRule(
            kind: kind, base: base, cfaOffset: offset, framePointer: framePointer, framePointerSlot: framePointerSlot,
            secondSlot: returnSlot, returnAddress: returned)
    }

    /// A signal frame's registers lie in the ucontext that the kernel put on the stack, whatever the expressions say.
    private func signalRule(registers: FollowedRegisters) -> UnwindRule {
        guard registers.callPushesReturnAddress else { return UnwindRule(kind: .signalFrame) }
        // x86_64: rsp in ucontext.uc_mcontext lies 160 bytes above the stack pointer in the restorer.
        guard frameAddress == .dereferenced(registers.stackPointer, offset: 160) else {
            return UnwindRule(kind: .unsupported)
        }
        return UnwindRule(kind: .signalFrame, cfaOffset: 160)
    }
}
