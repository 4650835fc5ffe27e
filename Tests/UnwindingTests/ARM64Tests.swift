import ObjectTables
import ProfileModel
import Testing
import Unwinding

extension UnwindRule {
    /// CFA = sp + offset; the return address is still in x30.
    fileprivate static func leaf(_ offset: Int64) -> UnwindRule {
        UnwindRule(kind: .registers, cfaOffset: offset, returnAddress: .same)
    }
    /// CFA = sp + offset; x29 and x30 are stored as a pair at the CFA plus `pair`.
    fileprivate static func sp(_ offset: Int64, pair: Int64) -> UnwindRule {
        UnwindRule(
            kind: .registers, cfaOffset: offset, framePointer: .inMemory, framePointerSlot: pair,
            secondSlot: pair + 8, returnAddress: .inMemory)
    }
    /// CFA = x29 + offset.
    fileprivate static func x29(_ offset: Int64, pair: Int64) -> UnwindRule {
        UnwindRule(
            kind: .registers, base: .framePointer, cfaOffset: offset, framePointer: .inMemory, framePointerSlot: pair,
            secondSlot: pair + 8, returnAddress: .inMemory)
    }
}

/// On paper only: no machine of ours runs arm64.
@Suite("Function frames, arm64") struct ARM64Tests {
    /// _start: 401000  …                            undefined return address
    ///         401020  bl   main
    ///         401024  …
    /// main:   401100  stp  x29, x30, [sp, #-32]!   sp+0     x30 live
    ///         401104  mov  x29, sp                 sp+32    x29 at CFA-32, x30 at CFA-24
    ///         401108  bl   f                       sp+32    x29 at CFA-32, x30 at CFA-24
    ///         40110c  ldp  x29, x30, [sp], #32     sp+32    x29 at CFA-32, x30 at CFA-24
    ///         401110  ret                          sp+0     x30 live
    /// alloca: 401200  stp  x29, x30, [sp, #-16]!   sp+0
    ///         401204  mov  x29, sp                 sp+16    x29 at CFA-16, x30 at CFA-8
    ///         401208  sub  sp, sp, x0              x29+16   x29 at CFA-16, x30 at CFA-8
    ///         40120c  bl   f
    ///         401210  …
    /// leaf:   401300  add  x0, x0, x1              sp+0     x30 live
    /// frame without pair: 401400  sub sp, sp, #16  sp+0     x30 live
    ///                     401404  …                sp+16    x30 live
    private func program() -> Program {
        var program = Program(.arm64)
        program.map(
            0x401000..<0x402000,
            rows: [
                (0x401000, .outermost), (0x401030, .noRule),
                (0x401100, .leaf(0)), (0x401104, .sp(32, pair: -32)), (0x401110, .leaf(0)), (0x401114, .noRule),
                (0x401200, .leaf(0)), (0x401204, .sp(16, pair: -16)), (0x401208, .x29(16, pair: -16)),
                (0x401220, .noRule),
                (0x401300, .leaf(0)), (0x401308, .noRule),
                (0x401400, .leaf(0)), (0x401404, .leaf(16)), (0x401410, .noRule),
                (0x4014fc, UnwindRule(kind: .signalFrame)), (0x401508, .noRule),
                (0x401600, UnwindRule(kind: .plt)), (0x401620, .noRule),
            ])
        program.map(0x7000_0000..<0x7001_0000, table: nil)
        return program
    }
    /// main's frame from its sp upwards.
    private let mainsFrame: [UInt64] = [0, 0x401024, 1, 2]

    private func registers(_ pc: UInt64, x29: UInt64 = 0, x30: UInt64) -> UserRegisters {
        UserRegisters(instructionPointer: pc, stackPointer: stackPointer, framePointer: x29, linkRegister: x30)
    }

    @Test("A leaf's caller is in the link register, and the leaf has no stack of its own") func leaf() {
        var program = program()
        #expect(
            program.unwind(registers(0x401300, x30: 0x40110c), stack: mainsFrame)
                == .complete([0x401300, 0x40110c, 0x401024]))
    }

    @Test("A leaf with locals and no saved pair is followed through the link register") func leafWithLocals() {
        var program = program()
        #expect(
            program.unwind(registers(0x401404, x30: 0x40110c), stack: [8, 9] + mainsFrame)
                == .complete([0x401404, 0x40110c, 0x401024]))
    }

    @Test("A function is unwound at each step of its prologue and epilogue") func prologue() {
        var program = program()
        // Before `stp`: x30 is live, and nothing of main's lies on the stack.
        #expect(
            program.unwind(registers(0x401100, x30: 0x401024), stack: [])
                == .complete([0x401100, 0x401024]))
        // After it, before x29 is set; x30 has a value that the row does not ask for.
        #expect(
            program.unwind(registers(0x401104, x29: 5, x30: 0x666), stack: mainsFrame)
                == .complete([0x401104, 0x401024]))
        // After `ldp`.
        #expect(
            program.unwind(registers(0x401110, x30: 0x401024), stack: [])
                == .complete([0x401110, 0x401024]))
    }

    @Test("A frame of variable size is found by x29, which is restored from the pair") func framePointerBase() {
        var program = program()
        // f is a leaf called by alloca (x29 = sp + 24), which main called.
        let x29 = stackPointer + 24
        let stack = [7, 7, 7] + [stackPointer + 40, 0x40110c] + mainsFrame
        #expect(
            program.unwind(registers(0x401300, x29: x29, x30: 0x401210), stack: stack)
                == .complete([0x401300, 0x401210, 0x40110c, 0x401024]))
    }

    @Test("Pointer authentication is taken off return addresses") func pointerAuthentication() {
        var program = program()
        let signed: UInt64 = 0x00c5_0000_0000_0000
        #expect(
            program.unwind(
                registers(0x401300, x30: signed | 0x40110c), stack: [0, 0xb2aa_0000_0040_1024, 1, 2])
                == .complete([0x401300, 0x40110c, 0x401024]))
    }

    @Test("Only the innermost frame may have its return address in the link register") func linkRegisterOfACaller() {
        var program = program()
        // The return address lies in a function whose row says that x30 is live: a call has overwritten it.
        #expect(
            program.unwind(registers(0x401300, x30: 0x401408), stack: [8, 9] + mainsFrame)
                == .truncated([0x401300, 0x401408], .badFrame))
    }

    @Test("A return address of 0 in the link register ends the stack") func zeroLinkRegister() {
        var program = program()
        #expect(program.unwind(registers(0x401300, x30: 0), stack: []) == .complete([0x401300]))
    }

    @Test("A signal handler's chain goes on at the interrupted instruction, a leaf's x30 included") func signal() {
        var program = program()
        let frame = signalFrame(above: 4, x29: 0x29, x30: 0x40110c, pc: 0x401300)
        let stack = [0, 0x401500, 1, 2] + frame + mainsFrame
        #expect(
            program.unwind(registers(0x401104, x30: 0), stack: stack)
                == .complete([0x401104, 0x401500, 0x401300, 0x40110c, 0x401024]))
    }

    @Test("The interrupted code's x29 comes from the signal frame") func signalInTheBody() {
        var program = program()
        // alloca's body: 8 bytes of its own, then the pair that x29 points at.
        let words = signalFrame(above: 4, x29: 0, x30: 0, pc: 0).count + 4
        let pair = stackPointer + UInt64(words + 1) * 8
        let frame = signalFrame(above: 4, x29: pair, x30: 0x666, pc: 0x401208)
        let stack = [0, 0x401500, 1, 2] + frame + [7] + [0x29, 0x40110c] + mainsFrame
        #expect(
            program.unwind(registers(0x401104, x30: 0), stack: stack)
                == .complete([0x401104, 0x401500, 0x401208, 0x40110c, 0x401024]))
    }

    /// `struct rt_sigframe`: siginfo of 128 bytes, ucontext up to its sigcontext 176 bytes, fault_address, x0–x30, sp, pc,
    /// pstate; the interrupted stack starts right above it.
    ///
    /// - Parameter below: words of the handler's own frame (main's code serves), from the sampled stack pointer on.
    private func signalFrame(above below: Int, x29: UInt64, x30: UInt64, pc: UInt64) -> [UInt64] {
        let registersAt = 128 / 8 + 176 / 8 + 1
        var frame = Array(repeating: 0xdead as UInt64, count: registersAt + 34)
        frame[registersAt + 29] = x29
        frame[registersAt + 30] = x30
        frame[registersAt + 31] = stackPointer + UInt64(below + frame.count) * 8
        frame[registersAt + 32] = pc
        return frame
    }

    @Test("Code without rows goes by the pair that x29 points at") func framePointers() {
        var program = program()
        let stack = [stackPointer + 16, 0x40110c] + mainsFrame
        #expect(
            program.unwind(registers(0x7000_0100, x29: stackPointer, x30: 0), stack: stack)
                == .complete([0x7000_0100, 0x40110c, 0x401024]))
    }

    @Test("The x86_64 PLT rule means nothing here") func plt() {
        var program = program()
        #expect(
            program.unwind(registers(0x401610, x30: 0x40110c), stack: mainsFrame)
                == .truncated([0x401610], .unsupportedRule))
    }

    @Test("A frame without size has its return address in the link register or is none") func emptyFrames() {
        var program = Program(.arm64)
        // CFA = sp + 0 with the return address in memory: it would lead to itself.
        program.map(
            0x401000..<0x402000,
            rows: [
                (
                    0x401000,
                    UnwindRule(kind: .registers, cfaOffset: 0, secondSlot: 0, returnAddress: .inMemory)
                )
            ])
        #expect(
            program.unwind(registers(0x401000, x30: 0), stack: [0x401008, 0])
                == .truncated([0x401000], .badFrame))
    }
}
