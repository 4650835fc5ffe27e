import ObjectTables

/// What differs between processor architectures when a frame is unwound.
protocol ArchitectureRules {
    /// The bits of a code address that are address: a return address may carry a signature in the others.
    static var codeAddressMask: UInt64 { get }
    /// Whether a rule says where in memory the return address is, in the place of the second register's slot.
    static var returnAddressHasSlot: Bool { get }
    /// Whether a link register that holds 0 means that there is no caller, rather than that it was not sampled.
    static var zeroLinkRegisterEnds: Bool { get }
    static var signalFrame: SignalFrameLayout { get }
    /// How far the PLT's code has moved the stack pointer from the CFA at an instruction; nil where the architecture's
    /// PLT leaves the stack alone and the rule means nothing.
    static func pltDepth(at instructionPointer: UInt64) -> UInt64?
}

/// Where a signal frame keeps the interrupted registers: byte distances from the stack pointer in the trampoline that
/// the handler returns to.
struct SignalFrameLayout {
    var instructionPointer: UInt64
    var stackPointer: UInt64
    var framePointer: UInt64
    /// nil where the architecture has no such register.
    var second: UInt64?
    var linkRegister: UInt64?
}

/// x86_64, System V ABI: the return address lies right below the CFA; only vfork(2)'s wrapper keeps it in a register, since
/// the child that shares its stack would overwrite it.
enum X86Rules: ArchitectureRules {
    static var codeAddressMask: UInt64 { .max }
    static var returnAddressHasSlot: Bool { false }
    static var zeroLinkRegisterEnds: Bool { false }

    /// `ret` has popped the trampoline's address, which leaves rsp at the ucontext. Its general registers start at 40, in
    /// the order r8–r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
    /// Source: Linux, arch/x86/include/uapi/asm/ucontext.h and sigcontext.h (`struct sigcontext_64`).
    static var signalFrame: SignalFrameLayout {
        SignalFrameLayout(
            instructionPointer: 40 + 16 * 8, stackPointer: 40 + 15 * 8, framePointer: 40 + 10 * 8, second: 40 + 11 * 8)
    }

    /// A PLT entry of 16 bytes is `jmp *slot` (6 bytes), `push $index` (5), `jmp PLT0` (5): one word deeper from 11 on.
    static func pltDepth(at instructionPointer: UInt64) -> UInt64? {
        instructionPointer & 15 >= 11 ? 16 : 8
    }
}

/// arm64, AAPCS64. Written from the documents and tested on frames made by hand: no machine of ours runs it.
enum ARM64Rules: ArchitectureRules {
    /// Pointer authentication signs return addresses above the 48 bits of address that Linux gives to programs that do
    /// not ask for more.
    static var codeAddressMask: UInt64 { (1 << 48) - 1 }
    static var returnAddressHasSlot: Bool { true }
    static var zeroLinkRegisterEnds: Bool { true }

    /// The stack pointer is at a siginfo of 128 bytes, and behind it lies the ucontext, whose sigcontext starts at 176:
    /// fault_address, regs[31], sp, pc.
    /// Source: Linux, arch/arm64/kernel/signal.c (`struct rt_sigframe`) and uapi/asm/sigcontext.h.
    static var signalFrame: SignalFrameLayout {
        let registers: UInt64 = 128 + 176 + 8
        return SignalFrameLayout(
            instructionPointer: registers + 32 * 8, stackPointer: registers + 31 * 8, framePointer: registers + 29 * 8,
            linkRegister: registers + 30 * 8)
    }

    static func pltDepth(at instructionPointer: UInt64) -> UInt64? { nil }
}
