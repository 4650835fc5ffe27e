/// The user-mode registers that unwinding needs, as the kernel sampled them.
public struct UserRegisters: Hashable, Sendable {
    /// x86_64: rip; arm64: pc.
    public var instructionPointer: UInt64
    /// x86_64: rsp; arm64: sp.
    public var stackPointer: UInt64
    /// x86_64: rbp; arm64: x29. 0 where it is not known.
    public var framePointer: UInt64
    /// x86_64: rbx, which some code uses as the base of its frame; arm64: not used. 0 where it is not known.
    public var second: UInt64
    /// arm64: x30, the return address of a leaf function; x86_64: rdi, the return address in vfork(2)'s wrapper, or 0 where
    /// it was not sampled.
    public var linkRegister: UInt64

    @inlinable public init(
        instructionPointer: UInt64, stackPointer: UInt64, framePointer: UInt64 = 0, second: UInt64 = 0,
        linkRegister: UInt64 = 0
    ) {
        self.instructionPointer = instructionPointer
        self.stackPointer = stackPointer
        self.framePointer = framePointer
        self.second = second
        self.linkRegister = linkRegister
    }

    /// Whether these may be the registers of a program's first instruction: the kernel starts it with zeroes, and the stack
    /// with argc. The entry of ld.so, where a program stays while its first pages are read, has no rows.
    ///
    /// - Parameter top: the word that the stack pointer points at.
    func isAtEntry(top: UInt64?) -> Bool {
        guard framePointer == 0, second == 0, linkRegister == 0, stackPointer & 15 == 0, let top else { return false }
        return (1..<1 << 20).contains(top)
    }
}
