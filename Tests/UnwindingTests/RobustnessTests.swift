import ObjectTables
import ProfileModel
import TestSupport
import Testing
import Unwinding

/// Nothing that a sample, a row or a mapping says can make the unwinder trap or run on.
@Suite("Robustness") struct RobustnessTests {
    @Test("A stack copied too short gives the first part of the chain, at every length") func everyLength() {
        // main: 401100 …  rsp+16 in its body;   f: 402000 …  rsp+40, rbp at CFA-16;   g: 403000 …  rbp+16, rbp at CFA-16
        var program = Program()
        program.map(
            0x401000..<0x404000,
            rows: [
                (0x401000, .outermost), (0x401100, .rsp(16)), (0x402000, .rsp(40, rbp: -16)), (0x403000, .rbp(16)),
            ])
        // g's locals, rbp, return into f; f's 24 bytes, rbp, return into main; main's 8, return into _start.
        let stack = bytes([1, 2, 0, 0x402010] + [3, 4, 5, 0, 0x401110] + [6, 0x401020])
        // g needs 4 words, f 5 more, main 2 more.
        let whole: [UInt64] = [0x403010, 0x402010, 0x401110, 0x401020]
        let registers = UserRegisters(
            instructionPointer: 0x403010, stackPointer: stackPointer, framePointer: stackPointer + 16)
        for length in 0...stack.count {
            let frames = length < 4 * 8 ? 1 : length < 9 * 8 ? 2 : length < 11 * 8 ? 3 : 4
            let expected: Unwound =
                frames == 4 ? .complete(whole) : .truncated(Array(whole.prefix(frames)), .stackCopyTooShort)
            #expect(program.unwind(registers, stackBytes: Array(stack.prefix(length))) == expected, "\(length) bytes")
        }
    }

    @Test("Addresses at the ends of the address space do not overflow") func extremes() {
        var program = Program()
        program.map(0..<UInt64.max, rows: [(0, .rsp(1 << 18)), (0x1000, .rbp(16)), (0x2000, .rsp(-8))])
        for pointer in [0, 1, 7, UInt64.max, UInt64.max - 7, UInt64.max - 15, 1 << 63] as [UInt64] {
            for address in [0, 0xfff, 0x1000, 0x2000, UInt64.max - 1] as [UInt64] {
                let registers = UserRegisters(
                    instructionPointer: address, stackPointer: pointer, framePointer: pointer &+ 8, second: pointer)
                let unwound = program.unwind(registers, stack: [pointer, 0x1001, pointer, 1])
                #expect(unwound.chain.first == address)
            }
        }
    }

    @Test("Tables that contradict themselves are not used") func badTables() {
        var tables = UnwindTables()
        let rule = UnwindRule.rsp(8).rawValue
        let descending = tables.append(UnwindTable(base: FileAddress(0), starts: [8, 4], rules: [rule, rule]))
        let tooFewRules = tables.append(UnwindTable(base: FileAddress(0), starts: [0, 4], rules: [rule]))
        let tooManyRules = tables.append(UnwindTable(base: FileAddress(0), starts: [0], rules: [rule, 0]))
        let empty = tables.append(UnwindTable(base: FileAddress(0)))
        #expect(tables.rule(at: FileAddress(9), in: descending).kind == .none)
        #expect(tables.rule(at: FileAddress(9), in: tooFewRules).rawValue == rule)
        #expect(tables.rule(at: FileAddress(9), in: tooManyRules).rawValue == rule)
        #expect(tables.rule(at: FileAddress(9), in: empty).kind == .none)
        #expect(tables.rule(at: FileAddress(9), in: UnwindTables.ID(rawValue: 7)).kind == .none)
        #expect(tables.rule(at: FileAddress(9), in: UnwindTables.ID(rawValue: .max)).kind == .none)
    }

    @Test("The index finds the row that a walk over all rows finds") func indexAgreesWithWalk() {
        var random = SeededGenerator(seed: 1)
        for round in 0..<200 {
            // Evenly spread, crowded at one end, and with doubles.
            let count = Int.random(in: 1...200, using: &random)
            let top: UInt32 = [300, 5_000, .max][round % 3]
            var starts = (0..<count).map { _ in UInt32.random(in: 0...top, using: &random) }
            if round % 5 == 0 { starts += (0..<100).map { UInt32($0) } }
            starts.sort()
            let rules = starts.indices.map { UInt64($0) << 12 | 1 }
            let base: UInt64 = 0x1000
            var tables = UnwindTables()
            let id = tables.append(UnwindTable(base: FileAddress(base), starts: starts, rules: rules))
            var places = starts.flatMap { [$0, $0 &- 1, $0 &+ 1] }
            places += (0..<100).map { _ in UInt32.random(in: 0...top, using: &random) }
            let found = places.map { tables.rule(at: FileAddress(base + UInt64($0)), in: id).rawValue }
            let walked = places.map { place in starts.lastIndex { $0 <= place }.map { rules[$0] } ?? 0 }
            #expect(found == walked)
            // Below the base, and further above it than a row can say.
            #expect(tables.rule(at: FileAddress(base - 1), in: id).kind == .none)
            #expect(tables.rule(at: FileAddress(base + 1 << 33), in: id).kind == .none)
        }
    }

    @Test(
        "Random rows, registers and stacks never trap, always end, and say where",
        arguments: [Unwinder.Architecture.amd64, .arm64])
    func randomEverything(_ architecture: Unwinder.Architecture) {
        var random = SeededGenerator(seed: architecture == .amd64 ? 64 : 65)
        var ends: [TruncationReason?: Int] = [:]
        for _ in 0..<100 {
            let limit = Int.random(in: -1...40, using: &random)
            var program = Program(architecture, depthLimit: limit)
            fill(&program, using: &random)
            let pristine = program
            let words = (0..<256).map { _ in interestingWord(using: &random) }
            let memory = bytes(words)
            for round in 0..<500 {
                let start = Int.random(in: 0..<200, using: &random) * 8
                let stack = Array(memory[start..<start + Int.random(in: 0...400, using: &random)])
                let registers = UserRegisters(
                    instructionPointer: words[Int.random(in: 0..<256, using: &random)],
                    stackPointer: random.next() % 8 == 0 ? words[start / 8] : stackPointer,
                    framePointer: words[Int.random(in: 0..<256, using: &random)],
                    second: words[Int.random(in: 0..<256, using: &random)],
                    linkRegister: words[Int.random(in: 0..<256, using: &random)])

                let unwound = program.unwind(registers, stackBytes: stack)
                var isSound = unwound.chain.first == registers.instructionPointer
                if unwound.chain.count > max(1, limit) { isSound = false }
                switch unwound.end {
                case .complete: ends[nil, default: 0] += 1
                case .truncated(let at, let reason):
                    ends[reason, default: 0] += 1
                    if at.rawValue != unwound.chain.last { isSound = false }
                }
                // What the cache has seen before changes nothing.
                if round % 8 == 0 {
                    var cold = pristine
                    if cold.unwind(registers, stackBytes: stack) != unwound { isSound = false }
                }
                if !isSound { Issue.record("limit \(limit): \(registers) gave \(unwound)") }
            }
        }
        // Every way to end was taken, so that the cases above reached the code they are for.
        #expect(ends[nil, default: 0] > 0)
        for reason in TruncationReason.allCases where reason != .noRegisters {
            #expect(ends[reason, default: 0] > 0, "\(reason)")
        }
    }

    /// Three tables with a few hundred random rules, and a dozen mappings of them at 401000...40d000.
    private func fill(_ program: inout Program, using random: inout SeededGenerator) {
        let ids = (0..<3).map { _ in
            let starts = (0..<64).map { _ in UInt32.random(in: 0..<0x1000, using: &random) }.sorted()
            let rules = starts.map { _ -> UInt64 in
                // Mostly rules that lead on, with small offsets; sometimes any bits at all.
                if Int.random(in: 0..<8, using: &random) == 0 { return random.next() }
                return UnwindRule(
                    kind: UnwindRule.Kind(rawValue: [1, 1, 1, 1, 1, 3, 4, 5, 6, 0][Int(random.next() % 10)]) ?? .none,
                    base: UnwindRule.CFABase(rawValue: random.next() % 3) ?? .stackPointer,
                    cfaOffset: Int64.random(in: -2...8, using: &random) * 8,
                    framePointer: UnwindRule.Saved(rawValue: random.next() % 3) ?? .same,
                    framePointerSlot: Int64.random(in: -6...0, using: &random) * 8,
                    second: UnwindRule.Saved(rawValue: random.next() % 3) ?? .same,
                    secondSlot: Int64.random(in: -6...0, using: &random) * 8,
                    returnAddress: random.next() % 8 == 0 ? .same : .inMemory
                ).rawValue
            }
            return program.unwinder.tables.append(
                UnwindTable(base: FileAddress(0x1000), starts: starts, rules: rules))
        }
        for page in 0..<12 as Range<UInt64> where random.next() % 8 != 0 {
            let start = 0x401000 + page * 0x1000
            program.map(
                start..<start + 0x1000, bias: start - 0x1000,
                table: random.next() % 6 == 0 ? nil : ids.randomElement(using: &random))
        }
    }

    /// Code, the stack, a signed code address, small numbers, anything.
    private func interestingWord(using random: inout SeededGenerator) -> UInt64 {
        switch random.next() % 16 {
        case 0..<9: UInt64.random(in: 0x401000..<0x40d000, using: &random)
        case 9..<13: stackPointer + UInt64.random(in: 0..<64, using: &random) * 8
        case 13: UInt64.random(in: 0x401000..<0x40d000, using: &random) | 0xb2c5 << 48
        case 14: random.next() % 2 == 0 ? 0 : UInt64.random(in: 1..<32, using: &random)
        default: random.next()
        }
    }
}
