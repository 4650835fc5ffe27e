import ObjectTables
import ProfileModel
import TestSupport
import Testing

@testable import ObjectFiles

/// A .debug_frame section with one CIE and one FDE for the 64 bytes from 0x1000, or an .eh_frame one.
private struct Section {
    var augmentation = ""
    /// x86_64: 16 is rip; arm64: 30 is x30.
    var returnRegister: UInt8 = 16
    /// What the CIE begins with: by default CFA = rsp + 8, the return address at CFA - 8.
    var initial: [UInt8] = [0x0C, 7, 8, 0x80 | 16, 1]
    var instructions: [UInt8] = []
    var registers = FollowedRegisters.amd64

    var bytes: [UInt8] {
        // version, augmentation, code alignment 1, data alignment -8, return register
        var common: [UInt8] = [1] + Array(augmentation.utf8) + [0, 1, 0x78, returnRegister]
        // The augmentation's data has no bytes.
        if augmentation.hasPrefix("z") { common.append(0) }
        var section = Self.unit(id: .max, common + initial)
        var entry = Self.number(0x1000, 8) + Self.number(0x40, 8)
        if augmentation.hasPrefix("z") { entry.append(0) }
        section += Self.unit(id: 0, entry + instructions)
        return section
    }

    static func number(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }

    static func unit(id: UInt32, _ body: [UInt8]) -> [UInt8] {
        number(UInt64(body.count + 4), 4) + number(UInt64(id), 4) + body
    }

    func table(_ bytes: [UInt8]? = nil) -> UnwindTable {
        let bytes = bytes ?? self.bytes
        // An array of bytes has no padding.
        let span = unsafe bytes.span.bytes
        let entries = CallFrameEntries(
            format: .debugFrame, bytes: span, sectionAddress: 0, addressByteCount: 8, stopsAtTerminator: false)
        return UnwindRows.table(of: entries, bytes: span, registers: registers, code: [0x1000..<0x2000])
    }

    /// Distance from 0x1000 and rule of each row.
    var rows: [Row] {
        let table = table()
        return zip(table.starts, table.rules).map { Row($0, UnwindRule(rawValue: $1)) }
    }
}

private struct Row: Equatable {
    var start: UInt32
    var rule: UnwindRule
    init(_ start: UInt32, _ rule: UnwindRule) {
        self.start = start
        self.rule = rule
    }
}

private let end = Row(0x40, UnwindRule(kind: .none))

@Suite("call frame instructions to unwind rows")
struct CallFrameTests {
    @Test("a function that pushes rbp and rbx")
    func pushes() {
        // push %rbp; mov %rsp,%rbp; push %rbx; …; pop %rbx; pop %rbp; ret
        let section = Section(instructions: [
            0x41, 0x0E, 16, 0x86, 2,  // advance 1; CFA offset 16; rbp at CFA-16
            0x43, 0x0D, 6,  // advance 3; CFA register rbp
            0x41, 0x83, 3,  // advance 1; rbx at CFA-24
            0x4A, 0x0C, 7, 8,  // advance 10; CFA = rsp + 8
        ])
        let saved = UnwindRule(
            kind: .registers, cfaOffset: 8, framePointer: .inMemory, framePointerSlot: -16, second: .inMemory,
            secondSlot: -24)
        #expect(
            section.rows == [
                Row(0, UnwindRule(kind: .registers, cfaOffset: 8)),
                Row(
                    1, UnwindRule(kind: .registers, cfaOffset: 16, framePointer: .inMemory, framePointerSlot: -16)),
                Row(
                    4,
                    UnwindRule(
                        kind: .registers, base: .framePointer, cfaOffset: 16, framePointer: .inMemory,
                        framePointerSlot: -16)),
                Row(
                    5,
                    UnwindRule(
                        kind: .registers, base: .framePointer, cfaOffset: 16, framePointer: .inMemory,
                        framePointerSlot: -16, second: .inMemory, secondSlot: -24)),
                Row(15, saved),
                end,
            ])
    }

    @Test("what is restored is what the CIE began with, and what is remembered comes back")
    func restores() {
        let section = Section(instructions: [
            0x44, 0x0E, 16, 0x83, 2,  // advance 4; CFA offset 16; rbx at CFA-16
            0x44, 0x0A, 0x0E, 8, 0xC3,  // advance 4; remember; CFA offset 8; restore rbx
            0x44, 0x0B,  // advance 4; restore the state
        ])
        let plain = UnwindRule(kind: .registers, cfaOffset: 8)
        let pushed = UnwindRule(kind: .registers, cfaOffset: 16, second: .inMemory, secondSlot: -16)
        #expect(section.rows == [Row(0, plain), Row(4, pushed), Row(8, plain), Row(12, pushed), end])
    }

    @Test("the PLT's expression is a rule of its own")
    func procedureLinkage() {
        // def_cfa_expression, 11 bytes: breg7 8; breg16 0; lit15; and; lit11; ge; lit3; shl; plus
        let section = Section(instructions: [
            0x0F, 11, 0x77, 8, 0x80, 0, 0x3F, 0x1A, 0x3B, 0x2A, 0x33, 0x24, 0x22,
        ])
        #expect(section.rows == [Row(0, UnwindRule(kind: .plt, cfaOffset: 8)), end])
    }

    @Test("a PLT with another threshold is written out")
    func otherProcedureLinkage() {
        // lit9 instead of lit11: two words from the tenth byte of each entry on.
        let section = Section(instructions: [
            0x0F, 11, 0x77, 8, 0x80, 0, 0x3F, 0x1A, 0x39, 0x2A, 0x33, 0x24, 0x22,
        ])
        let one = UnwindRule(kind: .registers, cfaOffset: 8)
        let two = UnwindRule(kind: .registers, cfaOffset: 16)
        #expect(
            section.rows == [
                Row(0, one), Row(9, two), Row(16, one), Row(25, two), Row(32, one), Row(41, two), Row(48, one),
                Row(57, two), end,
            ])
    }

    @Test("a realigned stack counts its slots from the base register")
    func realigned() {
        // def_cfa_expression: breg6 -8; deref. expression: rbp at breg6 0, rbx at breg6 -40.
        let section = Section(instructions: [
            0x0F, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0, 0x10, 3, 2, 0x76, 0x58,
        ])
        #expect(
            section.rows == [
                Row(
                    0,
                    UnwindRule(
                        kind: .dereferenced, base: .framePointer, cfaOffset: -8, framePointer: .inMemory,
                        framePointerSlot: 0, second: .inMemory, secondSlot: -40)), end,
            ])
    }

    @Test("a signal frame is known by its CIE's S and the kernel's layout")
    func signalFrame() {
        // def_cfa_expression: breg7 160; deref
        let layout: [UInt8] = [0x0F, 4, 0x77, 0xA0, 0x01, 0x06]
        let signal = Section(augmentation: "zS", instructions: layout)
        #expect(signal.rows == [Row(0, UnwindRule(kind: .signalFrame, cfaOffset: 160)), end])
        let other = Section(augmentation: "zS")
        #expect(other.rows == [Row(0, UnwindRule(kind: .unsupported)), end])
    }

    @Test("an undefined return address is the end of the stack")
    func outermost() {
        let section = Section(instructions: [0x07, 16])
        #expect(section.rows == [Row(0, UnwindRule(kind: .outermost)), end])
    }

    @Test(
        "what eight bytes cannot say is said to be so",
        arguments: [
            [0x0C, 10, 0],  // CFA = r10
            [0x09, 16, 1],  // the return address in rdx
            [0x0F, 4, 0x77, 8, 0x06, 0x23],  // an expression with more behind the deref
            [0x0E, 0x80, 0x80, 0x80, 0x01],  // CFA offset 2 MiB
            [0x3F],  // no such instruction
            [0x0B],  // nothing remembered
            [0x0E],  // cut short
        ] as [[UInt8]])
    func unsupported(instructions: [UInt8]) {
        #expect(Section(instructions: instructions).rows.map(\.rule.kind) == [.unsupported, .none])
    }

    @Test("a register kept in another one is lost, the frame is not")
    func registerInRegister() {
        let section = Section(instructions: [0x09, 6, 9])
        #expect(section.rows == [Row(0, UnwindRule(kind: .registers, cfaOffset: 8, framePointer: .undefined)), end])
    }

    @Test("vfork pops its return address into rdi, and pushes it back")
    func returnAddressInRegister() {
        // pop %rdi; mov $58,%eax; syscall; push %rdi; …; ret: glibc's vfork.S, which leaves rip in rdi to the end
        let section = Section(instructions: [
            0x41, 0x0E, 0, 0x09, 16, 5,  // advance 1; CFA offset 0; the return address in rdi
            0x48, 0x0E, 8,  // advance 8; CFA offset 8
        ])
        #expect(
            section.rows == [
                Row(0, UnwindRule(kind: .registers, cfaOffset: 8)),
                Row(1, UnwindRule(kind: .registers, cfaOffset: 0, returnAddress: .same)),
                Row(9, UnwindRule(kind: .registers, cfaOffset: 8, returnAddress: .same)), end,
            ])
    }

    @Test("arm64: the return address is in x30 until it is stored")
    func arm64() {
        // stp x29, x30, [sp, #-16]!; mov x29, sp
        let section = Section(
            returnRegister: 30, initial: [0x0C, 31, 0],
            instructions: [
                0x2D,  // paciasp: the return address is signed
                0x44, 0x0E, 16, 0x80 | 29, 2, 0x80 | 30, 1,  // advance 4; CFA offset 16; x29 at -16, x30 at -8
                0x44, 0x0D, 29,  // advance 4; CFA register x29
            ], registers: .arm64)
        func stored(_ base: UnwindRule.CFABase) -> UnwindRule {
            UnwindRule(
                kind: .registers, base: base, cfaOffset: 16, framePointer: .inMemory, framePointerSlot: -16,
                secondSlot: -8, returnAddress: .inMemory)
        }
        #expect(
            section.rows == [
                Row(0, UnwindRule(kind: .registers, returnAddress: .same)), Row(4, stored(.stackPointer)),
                Row(8, stored(.framePointer)), end,
            ])
    }

    @Test("between two entries nothing is known, and where they overlap the first one counts")
    func gapsAndOverlaps() {
        var section = Section()
        section.instructions = [0x0E, 24]
        var bytes = section.bytes
        // 0x1020 to 0x1050, the first half of it covered already; 0x1080 to 0x1090; 0x5000, which is no code.
        for (start, count) in [(0x1020, 0x30), (0x1080, 0x10), (0x5000, 0x10)] as [(UInt64, UInt64)] {
            bytes += Section.unit(id: 0, Section.number(start, 8) + Section.number(count, 8))
        }
        let table = section.table(bytes)
        #expect(table.base == FileAddress(0x1000))
        #expect(table.starts == [0, 0x40, 0x50, 0x80, 0x90])
        #expect(
            table.rules.map { UnwindRule(rawValue: $0) } == [
                UnwindRule(kind: .registers, cfaOffset: 24), UnwindRule(kind: .registers, cfaOffset: 8),
                UnwindRule(kind: .none), UnwindRule(kind: .registers, cfaOffset: 8), UnwindRule(kind: .none),
            ])
        #expect(table.skipped == nil)
    }

    @Test("entries that point at no CIE are counted")
    func malformed() {
        let bytes = Section().bytes + Section.unit(id: 3, Section.number(0x1080, 8) + Section.number(16, 8))
        #expect(Section().table(bytes).skipped == "1 malformed entries")
    }

    @Test("cut short anywhere, a section gives fewer rows and never more")
    func truncated() {
        let section = Section(instructions: [0x41, 0x0E, 16, 0x86, 2, 0x43, 0x0D, 6])
        let whole = section.bytes
        for count in 0..<whole.count {
            #expect(section.table(Array(whole.prefix(count))).starts.isEmpty, "\(count) bytes")
        }
        #expect(section.table().starts.count == 4)
    }

    @Test("a second table fills the first one's gaps and nothing else")
    func fillingGaps() {
        func row(_ offset: Int64) -> UInt64 { UnwindRule(kind: .registers, cfaOffset: offset).rawValue }
        let none = UnwindRule(kind: .none).rawValue
        let own = UnwindTable(
            base: FileAddress(0x1010), starts: [0, 0x10, 0x20, 0x30], rules: [row(8), none, row(16), none])
        let other = UnwindTable(
            base: FileAddress(0x1000), starts: [0, 0x18, 0x28, 0x80], rules: [row(24), row(32), row(40), none])
        let filled = own.fillingGaps(from: other)
        // 0x1000 other's first; 0x1010 own; 0x1020 other's second; 0x1028 other's third; 0x1030 own; 0x1040 other's third
        // again; 0x1080 nothing.
        #expect(filled.base == FileAddress(0x1000))
        #expect(filled.starts == [0, 0x10, 0x20, 0x28, 0x30, 0x40, 0x80])
        #expect(filled.rules == [row(24), row(8), row(32), row(40), row(16), row(40), none])
        #expect(own.fillingGaps(from: UnwindTable(base: FileAddress(0))) == own)
        #expect(UnwindTable(base: FileAddress(0)).fillingGaps(from: other) == other)
    }

    @Test("a program without unwind tables has rows from its debug information")
    func debugFrame() throws {
        let directory = try TemporaryDirectory()
        let source = try directory.write("int main(int c, char **v) { return c + (int)(long)v; }", to: "program.c")
        let binary = directory.path + "/program"
        try run("gcc -g -O0 -fno-asynchronous-unwind-tables -o \(binary) \(source)")
        let line = try #require(try run("nm \(binary)").split(separator: "\n").first { $0.hasSuffix(" T main") })
        let main = try #require(hexadecimal(line.prefix { $0 != " " }))
        let table = try withObjectFile(binary) { $0.unwindTable() }
        // push %rbp (1 byte); mov %rsp,%rbp (3 bytes)
        let rows = zip(table.starts, table.rules).map { (UInt64($0) + table.base.rawValue, UnwindRule(rawValue: $1)) }
        let body = try #require(rows.first { $0.0 == main + 4 }?.1)
        #expect(body.base == .framePointer && body.cfaOffset == 16 && body.framePointerSlot == -16)
        #expect(rows.contains { $0.0 < main && $0.1.kind == .outermost })
    }

    @Test("random bytes never trap")
    func random() {
        var generator = SeededGenerator(seed: 1)
        let section = Section(augmentation: "zR", instructions: Array(repeating: 0, count: 64))
        for _ in 0..<20_000 {
            var bytes = section.bytes
            for _ in 0..<4 {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            let table = section.table(bytes)
            #expect(table.starts.count == table.rules.count)
        }
    }
}
