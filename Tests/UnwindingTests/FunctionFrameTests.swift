import ObjectTables
import ProfileModel
import Testing
import Unwinding

/// The outer frames that most of these tests share, at the addresses they were linked for.
///
///                                          CFA      return address
///     _start:
///       401000  xor   %ebp,%ebp            –        undefined
///       401020  call  main
///       401025  hlt
///     main:
///       401100  sub   $0x8,%rsp            rsp+8    CFA-8
///       401104  call  f                    rsp+16   CFA-8
///       401109  add   $0x8,%rsp            rsp+16   CFA-8
///       40110d  ret                        rsp+8    CFA-8
private let mainModule: [(UInt64, UnwindRule)] = [
    (0x401000, .outermost), (0x401026, .noRule),
    (0x401100, .rsp(8)), (0x401104, .rsp(16)), (0x40110d, .rsp(8)), (0x40110e, .noRule),
]
/// What lies on the stack when `f` is entered: the return into main, main's 8 bytes, the return into `_start`.
private let belowF: [UInt64] = [0x401109, 0, 0x401025]
private let callersOfF: [UInt64] = [0x401109, 0x401025]

/// A program whose `f` lies at 402000 and has these rows.
private func program(f rows: [(UInt64, UnwindRule)]) -> Program {
    var program = Program()
    program.map(0x401000..<0x402000, rows: mainModule)
    program.map(0x402000..<0x403000, rows: rows)
    return program
}

@Suite("Function frames, x86_64") struct FunctionFrameTests {
    /// f, with a frame pointer:
    ///   402000  push  %rbp                 rsp+8
    ///   402001  mov   %rsp,%rbp            rsp+16   rbp at CFA-16
    ///   402004  sub   $0x10,%rsp           rbp+16   rbp at CFA-16
    ///   402008  …
    ///   402010  leave                      rbp+16   rbp at CFA-16
    ///   402011  ret                        rsp+8    rbp at CFA-16 (popped already)
    private let withFramePointer: [(UInt64, UnwindRule)] = [
        (0x402000, .rsp(8)), (0x402001, .rsp(16, rbp: -16)), (0x402004, .rbp(16)), (0x402011, .rsp(8, rbp: -16)),
        (0x402012, .noRule),
    ]

    @Test("A leaf is unwound at each step of its prologue and epilogue") func everyInstruction() {
        var program = program(f: withFramePointer)
        let rbp: UInt64 = 0x1234

        // Before `push`: the return address is on top.
        var registers = UserRegisters(instructionPointer: 0x402000, stackPointer: stackPointer, framePointer: rbp)
        #expect(program.unwind(registers, stack: belowF) == .complete([0x402000] + callersOfF))

        // After `push`, before `mov`: rbp is still main's.
        registers.instructionPointer = 0x402001
        #expect(program.unwind(registers, stack: [rbp] + belowF) == .complete([0x402001] + callersOfF))

        // After `mov`: rbp points at the pushed one.
        registers = UserRegisters(instructionPointer: 0x402004, stackPointer: stackPointer, framePointer: stackPointer)
        #expect(program.unwind(registers, stack: [rbp] + belowF) == .complete([0x402004] + callersOfF))

        // In the body, with 16 bytes of locals below.
        registers = UserRegisters(
            instructionPointer: 0x402008, stackPointer: stackPointer, framePointer: stackPointer + 16)
        #expect(program.unwind(registers, stack: [7, 7, rbp] + belowF) == .complete([0x402008] + callersOfF))

        // After `leave`: as on entry.
        registers = UserRegisters(instructionPointer: 0x402011, stackPointer: stackPointer, framePointer: rbp)
        #expect(program.unwind(registers, stack: belowF) == .complete([0x402011] + callersOfF))
    }

    @Test("A function without a frame pointer is found by its distance from rsp") func withoutFramePointer() {
        // f: 402000  push  %r12                rsp+8
        //    402002  sub   $0x18,%rsp          rsp+16
        //    402006  call  g                   rsp+40
        //    40200b  add   $0x18,%rsp          rsp+40
        // g: 402100  mov   (%rdi),%rax         rsp+8
        var program = program(f: [
            (0x402000, .rsp(8)), (0x402002, .rsp(16)), (0x402006, .rsp(40)), (0x40200f, .rsp(16)), (0x402012, .noRule),
            (0x402100, .rsp(8)), (0x402104, .noRule),
        ])
        let registers = UserRegisters(instructionPointer: 0x402100, stackPointer: stackPointer, framePointer: 0x66)
        // g's return address, f's 24 bytes, r12; then 40 bytes above g's CFA, f's own return address.
        let stack = [0x40200b, 1, 2, 3, 12] + belowF
        #expect(program.unwind(registers, stack: stack) == .complete([0x402100, 0x40200b] + callersOfF))
    }

    @Test("A saved rbx is followed from frame to frame to the function that needs it") func savedSecond() {
        // f keeps the stack's true height in rbx, as _dl_runtime_resolve does:
        //    402000  push  %rbx                rsp+8
        //    402001  mov   %rsp,%rbx           rsp+16   rbx at CFA-16
        //    402004  and   $-64,%rsp           rbx+16   rbx at CFA-16
        //    402008  call  g
        //    40200d  …
        // g: 402100  push  %rbx                rsp+8
        //    402101  mov   %rdi,%rbx           rsp+16   rbx at CFA-16
        //    402104  pop   %rbx
        //    402105  ret                       rsp+8    rbx at CFA-16: below rsp by now
        var program = program(f: [
            (0x402000, .rsp(8)), (0x402001, .rsp(16, rbx: -16)), (0x402004, .rbx(16)), (0x402040, .noRule),
            (0x402100, .rsp(8)), (0x402101, .rsp(16, rbx: -16)), (0x402105, .rsp(8, rbx: -16)), (0x402106, .noRule),
        ])
        let expected = [0x40200d] + callersOfF

        // In g's body rbx is g's own; f's lies on the stack: it points at f's saved rbx, five words up.
        let mainsRBX: UInt64 = 0x99
        let inBody: [UInt64] = [stackPointer + 40, 0x40200d, 0, 0, 0, mainsRBX] + belowF
        var registers = UserRegisters(instructionPointer: 0x402103, stackPointer: stackPointer, second: 0x77)
        #expect(program.unwind(registers, stack: inBody) == .complete([0x402103] + expected))

        // After `pop` the row still names the slot; the register has the value, and the slot is not in the copy.
        let afterPop = Array(inBody.dropFirst())
        registers = UserRegisters(instructionPointer: 0x402105, stackPointer: stackPointer, second: stackPointer + 32)
        #expect(program.unwind(registers, stack: afterPop) == .complete([0x402105] + expected))
    }

    @Test("A call that never returns belongs to the function it is the end of") func noReturn() {
        // die:  402000  sub   $0x18,%rsp         rsp+8
        //       402004  call  abort              rsp+32
        // next: 402009  push  %rbp               rsp+8      ← the return address
        // abort: 402100                          rsp+8
        var program = program(f: [
            (0x402000, .rsp(8)), (0x402004, .rsp(32)), (0x402009, .rsp(8)), (0x402020, .noRule), (0x402100, .rsp(8)),
        ])
        let registers = UserRegisters(instructionPointer: 0x402100, stackPointer: stackPointer)
        #expect(
            program.unwind(registers, stack: [0x402009, 1, 2, 3] + belowF)
                == .complete([0x402100, 0x402009] + callersOfF))
    }

    @Test("A call that ends the mapping belongs to the mapping") func noReturnAtTheEndOfTheMapping() {
        // 402ffb  call abort (0x402100); the mapping ends at 403000, which is the return address.
        var program = program(f: [(0x402100, .rsp(8)), (0x402110, .noRule), (0x402f00, .rsp(16))])
        let registers = UserRegisters(instructionPointer: 0x402100, stackPointer: stackPointer)
        #expect(
            program.unwind(registers, stack: [0x403000, 1] + belowF)
                == .complete([0x402100, 0x403000] + callersOfF))
    }

    @Test("A realigned stack is found through the pointer that the prologue left") func realigned() {
        // outer: 402100  push  %rbp               rsp+8
        //        402101  mov   %rsp,%rbp          rsp+16   rbp at CFA-16
        //        402104  call  f                  rbp+16   rbp at CFA-16
        //        402109  …
        // f:     402000  lea   0x8(%rsp),%r10     rsp+8
        //        402005  and   $-32,%rsp          r10+0 (a rule that rows cannot say)
        //        402009  push  -0x8(%r10)
        //        40200d  push  %rbp
        //        40200e  mov   %rsp,%rbp
        //        402011  push  %r10               rbp at *(rbp+0)
        //        402013  sub   $0x18,%rsp         CFA = *(rbp-8), rbp at *(rbp+0)
        let realigned = UnwindRule(
            kind: .dereferenced, base: .framePointer, cfaOffset: -8, framePointer: .inMemory, framePointerSlot: 0)
        var program = program(f: [
            (0x402000, .rsp(8)), (0x402005, UnwindRule(kind: .unsupported)), (0x402013, realigned),
            (0x402100, .rsp(8)), (0x402101, .rsp(16, rbp: -16)), (0x402104, .rbp(16)),
        ])
        // From rsp: 24 bytes of locals, r10, outer's rbp ← rbp, the copied return address, 16 bytes that were aligned away,
        // the return address, CFA = r10 → outer's frame, which is main's rbp and the return into main.
        let cfa = stackPointer + 9 * 8
        let stack = [1, 2, 3, cfa, cfa, 0x402109, 0, 0, 0x402109, 0x55] + belowF
        let registers = UserRegisters(
            instructionPointer: 0x402018, stackPointer: stackPointer, framePointer: stackPointer + 4 * 8)
        #expect(program.unwind(registers, stack: stack) == .complete([0x402018, 0x402109] + callersOfF))
    }

    @Test("A return address of 0 ends the stack") func zeroReturnAddress() {
        // A thread's first function, entered by a clone() whose rows do not mark the end.
        var program = program(f: [(0x402000, .rsp(8))])
        let registers = UserRegisters(instructionPointer: 0x402000, stackPointer: stackPointer)
        #expect(program.unwind(registers, stack: [0]) == .complete([0x402000]))
    }

    @Test("vfork's wrapper keeps its return address in rdi") func vfork() {
        // vfork: 402000  pop  %rdi              rsp+8
        //        402001  mov  $0x3a,%eax        rsp+0    return address in rdi
        //        402006  syscall
        //        402008  push %rdi              rsp+0    return address in rdi
        //        402009  …                      rsp+8
        let inRDI = UnwindRule(kind: .registers, cfaOffset: 0, returnAddress: .same)
        var program = program(f: [(0x402000, .rsp(8)), (0x402001, inRDI), (0x402009, .rsp(8))])
        let mainsStack: [UInt64] = [0, 0x401025]
        var registers = UserRegisters(
            instructionPointer: 0x402008, stackPointer: stackPointer, linkRegister: 0x401109)
        #expect(program.unwind(registers, stack: mainsStack) == .complete([0x402008] + callersOfF))

        // Where rdi was not sampled, the chain is cut and not called complete.
        registers.linkRegister = 0
        #expect(program.unwind(registers, stack: mainsStack) == .truncated([0x402008], .unsupportedRule))

        // Where vfork is not the innermost, nobody knows what rdi was.
        program.map(0x403000..<0x404000, rows: [(0x403000, .rsp(8))])
        registers = UserRegisters(instructionPointer: 0x403000, stackPointer: stackPointer, linkRegister: 0x401109)
        #expect(
            program.unwind(registers, stack: [0x402008] + mainsStack)
                == .truncated([0x403000, 0x402008], .badFrame))
    }

    @Test("A sample in _start itself is complete") func onlyStart() {
        var program = program(f: [(0x402000, .rsp(8))])
        let registers = UserRegisters(instructionPointer: 0x401000, stackPointer: stackPointer)
        #expect(program.unwind(registers, stack: []) == .complete([0x401000]))
    }

    @Test("A frame that would lie below its callee is not followed") func framesMoveUp() {
        var program = program(f: withFramePointer)
        // The rule's base is rbp, and rbp + 16 is the stack pointer itself.
        let registers = UserRegisters(
            instructionPointer: 0x402008, stackPointer: stackPointer, framePointer: stackPointer - 16)
        #expect(program.unwind(registers, stack: belowF) == .truncated([0x402008], .badFrame))
    }

    @Test("A register that nobody knows leads nowhere") func undefinedFramePointer() {
        // g, whose rows say that rbp is lost: 402100  …  rsp+8
        var program = program(
            f: withFramePointer + [
                (
                    0x402100,
                    UnwindRule(kind: .registers, cfaOffset: 8, framePointer: .undefined)
                )
            ])
        // rbp holds just what would make f's frame look right.
        let registers = UserRegisters(
            instructionPointer: 0x402100, stackPointer: stackPointer, framePointer: stackPointer + 16)
        #expect(
            program.unwind(registers, stack: [0x402009, 1, 2] + belowF)
                == .truncated([0x402100, 0x402009], .badFrame))
    }

    @Test("A recursion deeper than the limit is cut with a note") func tooDeep() {
        // recurse: 402000  sub  $0x8,%rsp        rsp+8
        //          402004  call recurse          rsp+16
        //          402009  add  $0x8,%rsp
        let rows: [(UInt64, UnwindRule)] = [(0x402000, .rsp(8)), (0x402004, .rsp(16))]
        let registers = UserRegisters(instructionPointer: 0x402000, stackPointer: stackPointer)
        let stack = (0..<1_000).flatMap { _ in [0x402009, 0] as [UInt64] } + belowF
        let whole = [0x402000] + Array(repeating: 0x402009 as UInt64, count: 1_000) + callersOfF

        var program = program(f: rows)
        #expect(program.unwind(registers, stack: stack) == .truncated(Array(whole.prefix(512)), .tooDeep))

        program.unwinder.depthLimit = 1_002
        #expect(program.unwind(registers, stack: stack) == .truncated(Array(whole.prefix(1_002)), .tooDeep))
        program.unwinder.depthLimit = 1_003
        #expect(program.unwind(registers, stack: stack) == .complete(whole))
    }

    @Test("A sample replaces the callchain before it and keeps its capacity") func reuse() {
        var program = program(f: withFramePointer)
        var chain = Array(repeating: VirtualAddress(1), count: 40)
        let capacity = chain.capacity
        let stack = bytes(belowF)
        let registers = UserRegisters(instructionPointer: 0x402000, stackPointer: stackPointer)
        // Bytes have no padding that could be read uninitialized.
        let end = unsafe program.unwinder.unwind(registers, stack: stack.span.bytes, in: program.space, into: &chain)
        #expect(end == .complete)
        #expect(chain.map(\.rawValue) == [0x402000] + callersOfF)
        #expect(chain.capacity == capacity)
    }
}
