import ObjectTables
import ProfileModel
import Testing
import Unwinding

/// Code without rows: a JIT compiler's, or assembly.
@Suite("Code without rows, x86_64") struct FramePointerTests {
    /// main: 401100  push %rbp          rsp+8
    ///       401101  mov  %rsp,%rbp     rsp+16   rbp at CFA-16
    ///       401104  call *%rax         rbp+16   rbp at CFA-16
    ///       401106  …
    /// gap:  401200  assembly without CFI
    private func programWithJIT() -> Program {
        var program = Program()
        program.map(
            0x401000..<0x402000,
            rows: [
                (0x401000, .outermost), (0x401026, .noRule), (0x401100, .rsp(8)), (0x401101, .rsp(16, rbp: -16)),
                (0x401104, .rbp(16)), (0x401110, .noRule),
            ])
        program.map(0x7000_0000..<0x7001_0000, table: nil)
        return program
    }
    /// main's frame as its callee finds it above the return address: rbp points at the 0.
    private let mainsFrame: [UInt64] = [0, 0x401025]

    @Test("JIT code with frame pointers is followed, and rows take over again behind it") func withFramePointers() {
        var program = programWithJIT()
        // Two JIT frames, each `push %rbp; mov %rsp,%rbp; sub $0x10,%rsp`, called from main.
        let outer = stackPointer + 6 * 8
        let main = outer + 2 * 8
        let stack = [1, 2, outer, 0x7000_0200, 3, 4] + [main, 0x401106] + mainsFrame
        let registers = UserRegisters(
            instructionPointer: 0x7000_0100, stackPointer: stackPointer, framePointer: stackPointer + 2 * 8)
        #expect(
            program.unwind(registers, stack: stack) == .complete([0x7000_0100, 0x7000_0200, 0x401106, 0x401025]))
    }

    @Test("Code in a gap between rows goes by frame pointer too", arguments: [UnwindRule.Kind.none, .unsupported])
    func gap(_ kind: UnwindRule.Kind) {
        var program = programWithJIT()
        program.map(0x500000..<0x501000, rows: [(0x500000, UnwindRule(kind: kind))])
        let main = stackPointer + 2 * 8
        let registers = UserRegisters(
            instructionPointer: 0x500010, stackPointer: stackPointer, framePointer: stackPointer)
        #expect(
            program.unwind(registers, stack: [main, 0x401106] + mainsFrame)
                == .complete([0x500010, 0x401106, 0x401025]))
    }

    @Test("A program that has not executed its first instruction has no caller, and needs no rows to say so")
    func entry() {
        // _start of ld.so, which has no rows: 403010  mov %rsp,%rdi
        var program = Program()
        program.map(0x403000..<0x404000, rows: [(0x403000, .rsp(8)), (0x403008, .noRule)])
        // The stack begins with argc; execve(2) zeroes all other registers.
        var registers = UserRegisters(instructionPointer: 0x403010, stackPointer: stackPointer)
        #expect(program.unwind(registers, stack: [1, 0x7ffd_0000_2000, 0]) == .complete([0x403010]))
        // Behind that instruction it could be anything.
        registers.linkRegister = stackPointer
        #expect(program.unwind(registers, stack: [1, 0x7ffd_0000_2000, 0]) == .truncated([0x403010], .noUnwindRows))
    }

    @Test(
        "JIT code that uses rbp for something else ends the chain",
        arguments: [
            0,  // nothing
            0x42,  // a number
            stackPointer - 64,  // below the stack pointer
            stackPointer + 8,  // on the stack, but what follows is not a return address
            stackPointer + 4,  // not where a push could have put it, though a return address would follow
            stackPointer + 3 * 8,  // the second word lies beyond the copy
            UInt64.max,
        ])
    func withoutFramePointers(_ rbp: UInt64) {
        var program = programWithJIT()
        let registers = UserRegisters(
            instructionPointer: 0x7000_0100, stackPointer: stackPointer, framePointer: rbp)
        // 12 bytes up there is a return address; no whole word is one.
        #expect(
            program.unwind(registers, stack: [1, 0x401106 << 32, 0, 4]) == .truncated([0x7000_0100], .noUnwindRows))
    }

    @Test("A rule that rows cannot say is named when the frame pointer does not help") func unsupported() {
        var program = programWithJIT()
        program.map(0x500000..<0x501000, rows: [(0x500000, UnwindRule(kind: .unsupported))])
        let registers = UserRegisters(instructionPointer: 0x500010, stackPointer: stackPointer)
        #expect(program.unwind(registers, stack: [1, 2, 3]) == .truncated([0x500010], .unsupportedRule))
    }

    @Test("A chain of frame pointers that ends at 0 does not claim to be complete") func endsAtZero() {
        var program = programWithJIT()
        let registers = UserRegisters(
            instructionPointer: 0x7000_0100, stackPointer: stackPointer, framePointer: stackPointer)
        #expect(
            program.unwind(registers, stack: [0, 0x7000_0200])
                == .truncated([0x7000_0100, 0x7000_0200], .framePointersOnly))
    }

    @Test("A frame pointer that leads beyond the copied bytes says so") func beyondTheCopy() {
        var program = programWithJIT()
        let registers = UserRegisters(
            instructionPointer: 0x7000_0100, stackPointer: stackPointer, framePointer: stackPointer)
        #expect(
            program.unwind(registers, stack: [stackPointer + 8_192, 0x7000_0200])
                == .truncated([0x7000_0100, 0x7000_0200], .stackCopyTooShort))
    }

    @Test("A frame pointer that leads in a circle ends") func circle() {
        var program = programWithJIT()
        let registers = UserRegisters(
            instructionPointer: 0x7000_0100, stackPointer: stackPointer, framePointer: stackPointer)
        #expect(
            program.unwind(registers, stack: [stackPointer, 0x7000_0200])
                == .truncated([0x7000_0100, 0x7000_0200], .noUnwindRows))
    }

    @Test("Frame pointers that ended in code with rows do not explain a later end") func rowsInBetween() {
        var program = programWithJIT()
        // JIT code, called by main, called by JIT code that uses rbp for something else.
        let main = stackPointer + 2 * 8
        let registers = UserRegisters(
            instructionPointer: 0x7000_0100, stackPointer: stackPointer, framePointer: stackPointer)
        #expect(
            program.unwind(registers, stack: [main, 0x401106, 0, 0x7000_0200])
                == .truncated([0x7000_0100, 0x401106, 0x7000_0200], .noUnwindRows))
    }

    @Test("A caller without rows in a module that has some, and with a frame pointer of 0, is the outermost")
    func entryWithoutRows() {
        // ld.so: _start:    2000  mov  %rsp,%rdi     no row; the kernel starts a process with rbp 0
        //                   2003  call _dl_start
        //                   2008  …
        //        _dl_start: 2100  push %rbp          rsp+8
        //                   2101  mov  %rsp,%rbp     rsp+16   rbp at CFA-16
        //                   2104  …                  rbp+16   rbp at CFA-16
        var program = programWithJIT()
        program.map(
            0x2000..<0x3000,
            rows: [(0x2000, .noRule), (0x2100, .rsp(8)), (0x2101, .rsp(16, rbp: -16)), (0x2104, .rbp(16))])
        let registers = UserRegisters(
            instructionPointer: 0x2110, stackPointer: stackPointer, framePointer: stackPointer)
        let argumentCount: UInt64 = 1
        #expect(program.unwind(registers, stack: [0, 0x2008, argumentCount]) == .complete([0x2110, 0x2008]))
        // With another rbp nobody says that it ends here.
        #expect(
            program.unwind(registers, stack: [5, 0x2008, argumentCount])
                == .truncated([0x2110, 0x2008], .noUnwindRows))
        // Nor for the innermost frame: a leaf may use rbp as it likes.
        let leaf = UserRegisters(instructionPointer: 0x2000, stackPointer: stackPointer, second: 1)
        #expect(program.unwind(leaf, stack: [argumentCount]) == .truncated([0x2000], .noUnwindRows))
    }
}
