import ObjectTables
import ProfileModel
import Testing
import Unwinding

/// Frames that depend on what kind of code they are in, and on where it was mapped.
@Suite("Modules, PLT, signals, x86_64") struct ModuleTests {
    /// A static program; the addresses are those of the file.
    ///
    ///     _start: 401000  …                    undefined return address
    ///             401025  (behind the call of main)
    ///     main:   401100  sub  $0x8,%rsp       rsp+8
    ///             401104  call …               rsp+16
    ///             401109  …
    private let mainRows: [(UInt64, UnwindRule)] = [
        (0x401000, .outermost), (0x401026, .noRule), (0x401100, .rsp(8)), (0x401104, .rsp(16)), (0x401110, .noRule),
    ]
    private let belowMain: [UInt64] = [0x401109, 0, 0x401025]

    private func staticProgram() -> Program {
        var program = Program()
        program.map(0x401000..<0x402000, rows: mainRows)
        return program
    }

    // MARK: PLT

    @Test(
        "Inside a PLT entry the depth follows the instruction",
        arguments: [
            (0x401520, false),  // jmp *slot(%rip): the return address is on top
            (0x401526, false),  // push $index: not pushed yet
            (0x40152b, true),  // jmp PLT0: the index is on top
        ] as [(UInt64, Bool)])
    func insidePLT(_ instruction: UInt64, isPushed: Bool) {
        // .plt is at 401500: 401510 and 401520 are entries, with one row for all of them.
        var program = Program()
        program.map(
            0x401000..<0x402000,
            rows: mainRows + [(0x401510, UnwindRule(kind: .plt)), (0x401530, .noRule)])
        let registers = UserRegisters(instructionPointer: instruction, stackPointer: stackPointer)
        #expect(
            program.unwind(registers, stack: (isPushed ? [2] : []) + belowMain)
                == .complete([instruction, 0x401109, 0x401025]))
    }

    // MARK: Signals

    /// A ucontext as `struct rt_sigframe` has it: 40 bytes, then r8–r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
    private func ucontext(rip: UInt64, rsp: UInt64, rbp: UInt64, rbx: UInt64) -> [UInt64] {
        var words = Array(repeating: 0xdead as UInt64, count: 28)
        words[5 + 10] = rbp
        words[5 + 11] = rbx
        words[5 + 15] = rsp
        words[5 + 16] = rip
        return words
    }

    /// handler:      403000  sub  $0x8,%rsp     rsp+8
    ///               403004  …                  rsp+16
    /// before:       403ff0  …                  rsp+24: the row that a lookup at f's first byte minus one would find
    /// f:            404000  push %rbp          rsp+8
    ///               404001  mov  %rsp,%rbp     rsp+16   rbp at CFA-16
    ///               404004  …                  rbp+16   rbp at CFA-16
    /// g:            404100  …                  rbx+16   rbx at CFA-16
    /// __restore_rt: 405000  mov  $15,%eax      signal frame; its FDE starts a byte early
    private func programWithSignals() -> Program {
        var program = staticProgram()
        program.map(
            0x403000..<0x406000,
            rows: [
                (0x403000, .rsp(8)), (0x403004, .rsp(16)), (0x403010, .noRule), (0x403ff0, .rsp(24)),
                (0x404000, .rsp(8)), (0x404001, .rsp(16, rbp: -16)), (0x404004, .rbp(16)), (0x404020, .noRule),
                (0x404100, .rbx(16)), (0x404110, .noRule), (0x404fff, UnwindRule(kind: .signalFrame)),
                (0x405009, .noRule),
            ])
        return program
    }

    @Test("A signal handler's chain goes on at the interrupted instruction, found by its own address")
    func signalAtTheFirstInstruction() {
        var program = programWithSignals()
        // handler's 8 bytes and return address, then the ucontext; the interrupted stack lies 128 bytes (the red zone)
        // and more above it.
        let interrupted = stackPointer + (2 + 28 + 16) * 8
        let stack =
            [0, 0x405000] + ucontext(rip: 0x404000, rsp: interrupted, rbp: 1, rbx: 2)
            + Array(repeating: 0, count: 16) + belowMain
        let registers = UserRegisters(instructionPointer: 0x403008, stackPointer: stackPointer)
        #expect(
            program.unwind(registers, stack: stack)
                == .complete([0x403008, 0x405000, 0x404000, 0x401109, 0x401025]))
    }

    @Test("The interrupted code's rbp comes from the signal frame") func signalInTheBody() {
        var program = programWithSignals()
        let interrupted = stackPointer + (2 + 28 + 16) * 8
        // f's frame: 16 bytes of locals, then the pushed rbp, to which rbp points.
        let stack =
            [0, 0x405000] + ucontext(rip: 0x404010, rsp: interrupted, rbp: interrupted + 16, rbx: 2)
            + Array(repeating: 0, count: 16) + [1, 2, 0] + belowMain
        let registers = UserRegisters(instructionPointer: 0x403008, stackPointer: stackPointer, framePointer: 0x33)
        #expect(
            program.unwind(registers, stack: stack)
                == .complete([0x403008, 0x405000, 0x404010, 0x401109, 0x401025]))
    }

    @Test("The interrupted code's rbx comes from the signal frame") func signalInCodeBasedOnSecond() {
        var program = programWithSignals()
        let interrupted = stackPointer + (2 + 28 + 16) * 8
        // g's frame: 16 bytes of locals, then the pushed rbx, to which rbx points.
        let stack =
            [0, 0x405000] + ucontext(rip: 0x404108, rsp: interrupted, rbp: 2, rbx: interrupted + 16)
            + Array(repeating: 0, count: 16) + [1, 2, 0] + belowMain
        let registers = UserRegisters(instructionPointer: 0x403008, stackPointer: stackPointer, second: 0x33)
        #expect(
            program.unwind(registers, stack: stack)
                == .complete([0x403008, 0x405000, 0x404108, 0x401109, 0x401025]))
    }

    @Test("Code interrupted on another stack is named, and the chain says that it is cut there") func alternateStack() {
        var program = programWithSignals()
        let stack = [0, 0x405000] + ucontext(rip: 0x404000, rsp: 0x7ffe_0000_0000, rbp: 1, rbx: 2)
        let registers = UserRegisters(instructionPointer: 0x403008, stackPointer: stackPointer)
        #expect(
            program.unwind(registers, stack: stack)
                == .truncated([0x403008, 0x405000, 0x404000], .stackCopyTooShort))
    }

    @Test("A handler on a higher stack than the interrupted code is cut, not followed downwards")
    func signalStackAbove() {
        var program = programWithSignals()
        let stack = [0, 0x405000] + ucontext(rip: 0x404000, rsp: 0x7000, rbp: 1, rbx: 2)
        let registers = UserRegisters(instructionPointer: 0x403008, stackPointer: stackPointer)
        #expect(
            program.unwind(registers, stack: stack)
                == .truncated([0x403008, 0x405000, 0x404000], .stackCopyTooShort))
    }

    // MARK: Mappings

    @Test("Two mappings of one library at different addresses share its rows") func mappedTwice() {
        // liba.so, text segment at file address 1000 (p_vaddr 1000, p_offset 1000):
        //   g: 1100  sub $0x18,%rsp   rsp+8
        //      1104  call *%rdi       rsp+32
        //      1106  …
        var program = staticProgram()
        let rows = program.table([(0x1100, .rsp(8)), (0x1104, .rsp(32)), (0x1110, .noRule)])
        program.map(0x7f00_0000_1000..<0x7f00_0000_2000, bias: 0x7f00_0000_0000, table: rows)
        program.map(0x7f11_1111_1000..<0x7f11_1111_2000, bias: 0x7f11_1111_0000, table: rows)
        // The second copy's g calls the first copy's g, at its first instruction.
        let registers = UserRegisters(instructionPointer: 0x7f00_0000_1100, stackPointer: stackPointer)
        #expect(
            program.unwind(registers, stack: [0x7f11_1111_1106, 1, 2, 3] + belowMain)
                == .complete([0x7f00_0000_1100, 0x7f11_1111_1106, 0x401109, 0x401025]))
    }

    @Test("Equal distances in different tables are not mixed up in the cache") func twoTables() {
        var program = staticProgram()
        program.map(0x500000..<0x501000, rows: [(0x500000, .rsp(8))])
        program.map(0x600000..<0x601000, rows: [(0x600000, .rsp(16))])
        for _ in 0..<2 {
            let first = UserRegisters(instructionPointer: 0x500000, stackPointer: stackPointer)
            #expect(program.unwind(first, stack: belowMain) == .complete([0x500000, 0x401109, 0x401025]))
            let second = UserRegisters(instructionPointer: 0x600000, stackPointer: stackPointer)
            #expect(program.unwind(second, stack: [1] + belowMain) == .complete([0x600000, 0x401109, 0x401025]))
        }
    }

    @Test("A place further from the first row than rows can say has no rule") func farFromTheBase() {
        var program = staticProgram()
        // 4 GiB too high for the row at 1000.
        program.map(0x1_0000_1000..<0x1_0000_2000, rows: [(0x1000, .rsp(8))])
        let registers = UserRegisters(instructionPointer: 0x1_0000_1000, stackPointer: stackPointer)
        #expect(program.unwind(registers, stack: belowMain) == .truncated([0x1_0000_1000], .noUnwindRows))
    }

    @Test("A position-independent program, whose text's offset and address differ, is looked up by file address")
    func positionIndependent() {
        // readelf -l: LOAD offset 0x1000 vaddr 0x2000 R E; MMAP2: start 555555555000, pgoff 1000.
        // bias = (start - pgoff) - (vaddr - offset) = 555555554000 - 1000
        let bias: UInt64 = 0x5555_5555_3000
        var program = Program()
        //   _start: 2000 …  undefined;   f: 2100 …  rsp+8
        program.map(
            0x5555_5555_5000..<0x5555_5555_6000, bias: bias, rows: [(0x2000, .outermost), (0x2100, .rsp(8))])
        let registers = UserRegisters(instructionPointer: bias + 0x2100, stackPointer: stackPointer)
        #expect(
            program.unwind(registers, stack: [bias + 0x2025]) == .complete([bias + 0x2100, bias + 0x2025]))
    }

    @Test("The vDSO has rows of its own, linked at 0") func vdso() {
        // __vdso_clock_gettime: c00  push %rbp         rsp+8
        //                       c01  mov  %rsp,%rbp    rsp+16   rbp at CFA-16
        //                       c04  …                 rbp+16   rbp at CFA-16
        var program = staticProgram()
        program.map(
            0x7fff_1000_0000..<0x7fff_1000_2000, bias: 0x7fff_1000_0000,
            rows: [(0xc00, .rsp(8)), (0xc01, .rsp(16, rbp: -16)), (0xc04, .rbp(16)), (0xd00, .noRule)])
        let registers = UserRegisters(
            instructionPointer: 0x7fff_1000_0c20, stackPointer: stackPointer, framePointer: stackPointer + 8)
        #expect(
            program.unwind(registers, stack: [1, 0] + belowMain)
                == .complete([0x7fff_1000_0c20, 0x401109, 0x401025]))
    }

    @Test("A static binary ends at _start") func staticBinary() {
        var program = staticProgram()
        // main at its first instruction: _start's return address is on top.
        let registers = UserRegisters(instructionPointer: 0x401100, stackPointer: stackPointer)
        #expect(program.unwind(registers, stack: [0x401025]) == .complete([0x401100, 0x401025]))
    }

    @Test("An address outside of all mappings is the last of the chain") func noMapping() {
        var program = staticProgram()
        // A call through a wild pointer.
        var registers = UserRegisters(instructionPointer: 0x6666_0000, stackPointer: stackPointer)
        #expect(program.unwind(registers, stack: belowMain) == .truncated([0x6666_0000], .noMapping))
        // A return address that was overwritten.
        registers.instructionPointer = 0x401100
        #expect(program.unwind(registers, stack: [0x6666_0000]) == .truncated([0x401100, 0x6666_0000], .noMapping))
    }
}
