import ObjectTables
import ProfileModel

/// What one step from a frame to its caller gave.
enum FrameStep {
    /// The registers are the caller's now, at a return address.
    case caller
    /// The registers are those of code that a signal interrupted, at the instruction it was about to execute.
    case interrupted
    /// There is no caller.
    case outermost
    /// The registers are as they were.
    case failed(TruncationReason)
}

extension ArchitectureRules {
    /// Follows a rule.
    ///
    /// - Parameter isExact: whether the instruction pointer was sampled or restored, rather than being a return address.
    /// - Parameter stackStart: the address that the first byte of `stack` was copied from.
    @inline(__always) static func step(
        _ registers: inout UserRegisters, by rule: UnwindRule, isExact: Bool, stack: RawSpan, stackStart: UInt64
    ) -> FrameStep {
        let kind = rule.kind
        switch kind {
        case .none: return .failed(.noUnwindRows)
        case .unsupported: return .failed(.unsupportedRule)
        case .outermost: return .outermost
        case .signalFrame: return interruptedRegisters(&registers, stack: stack, stackStart: stackStart)
        case .registers, .plt, .dereferenced: break
        }

        // The base is also what a realigned frame's slots count from.
        let base: UInt64
        switch rule.base {
        case .stackPointer: base = registers.stackPointer
        case .framePointer: base = registers.framePointer
        case .second: base = registers.second
        }
        var frameAddress = base &+ UInt64(bitPattern: rule.cfaOffset)
        var slotBase = frameAddress
        if kind == .plt {
            guard let depth = pltDepth(at: registers.instructionPointer) else { return .failed(.unsupportedRule) }
            frameAddress = registers.stackPointer &+ depth
            slotBase = frameAddress
        } else if kind == .dereferenced {
            guard let word = stack.word(at: frameAddress, copiedFrom: stackStart) else {
                return .failed(.stackCopyTooShort)
            }
            frameAddress = word
            slotBase = base
        }

        // Each caller's frame lies above, or this would not end; only a frame that lives in registers has no size.
        let mayBeEmpty = isExact && rule.returnAddress == .same
        guard frameAddress > registers.stackPointer || (mayBeEmpty && frameAddress == registers.stackPointer) else {
            return .failed(.badFrame)
        }

        let returnAddress: UInt64
        switch rule.returnAddress {
        case .undefined: return .outermost
        case .same:
            // A call overwrites the link register: only the code that was interrupted still has its caller's there.
            guard isExact else { return .failed(.badFrame) }
            guard zeroLinkRegisterEnds || registers.linkRegister != 0 else { return .failed(.unsupportedRule) }
            returnAddress = registers.linkRegister
        case .inMemory:
            let slot = returnAddressHasSlot ? slotBase &+ UInt64(bitPattern: rule.secondSlot) : frameAddress &- 8
            guard let word = stack.word(at: slot, copiedFrom: stackStart) else { return .failed(.stackCopyTooShort) }
            returnAddress = word
        }
        if returnAddress == 0 { return .outermost }

        registers.framePointer = restored(
            rule.framePointer, live: registers.framePointer, at: slotBase &+ UInt64(bitPattern: rule.framePointerSlot),
            stackPointer: registers.stackPointer, stack: stack, stackStart: stackStart)
        if !returnAddressHasSlot {
            registers.second = restored(
                rule.second, live: registers.second, at: slotBase &+ UInt64(bitPattern: rule.secondSlot),
                stackPointer: registers.stackPointer, stack: stack, stackStart: stackStart)
        }
        registers.stackPointer = frameAddress
        registers.instructionPointer = returnAddress & codeAddressMask
        return .caller
    }

    /// Follows the pair that a frame pointer points at: the caller's frame pointer, and above it the return address.
    /// Both architectures lay it out so.
    ///
    /// - Parameter isCode: whether a return address may be one.
    /// - Returns: false, with the registers as they were, when this is not such a pair, or not in the copied bytes.
    @inline(__always) static func stepByFramePointer(
        _ registers: inout UserRegisters, stack: RawSpan, stackStart: UInt64, isCode: (UInt64) -> Bool
    ) -> Bool {
        let pair = registers.framePointer
        guard pair >= registers.stackPointer, pair & 7 == 0,
            let framePointer = stack.word(at: pair, copiedFrom: stackStart),
            let word = stack.word(at: pair &+ 8, copiedFrom: stackStart)
        else { return false }
        let returnAddress = word & codeAddressMask
        guard returnAddress != 0, isCode(returnAddress) else { return false }
        registers.framePointer = framePointer
        registers.stackPointer = pair &+ 16
        registers.instructionPointer = returnAddress
        return true
    }

    /// The registers of the code that a signal interrupted. Where its stack is another one (sigaltstack), the next step
    /// finds nothing in the copied bytes.
    private static func interruptedRegisters(
        _ registers: inout UserRegisters, stack: RawSpan, stackStart: UInt64
    ) -> FrameStep {
        let layout = signalFrame
        let start = registers.stackPointer
        guard let instructionPointer = stack.word(at: start &+ layout.instructionPointer, copiedFrom: stackStart),
            let stackPointer = stack.word(at: start &+ layout.stackPointer, copiedFrom: stackStart),
            let framePointer = stack.word(at: start &+ layout.framePointer, copiedFrom: stackStart)
        else { return .failed(.stackCopyTooShort) }
        if let second = layout.second {
            registers.second = stack.word(at: start &+ second, copiedFrom: stackStart) ?? 0
        }
        if let linkRegister = layout.linkRegister {
            registers.linkRegister = stack.word(at: start &+ linkRegister, copiedFrom: stackStart) ?? 0
        }
        registers.instructionPointer = instructionPointer & codeAddressMask
        registers.stackPointer = stackPointer
        registers.framePointer = framePointer
        return .interrupted
    }

    /// The caller's value of a register; 0 where nobody knows, which no later frame can be mistaken to lie at.
    @inline(__always) private static func restored(
        _ saved: UnwindRule.Saved, live: UInt64, at slot: UInt64, stackPointer: UInt64, stack: RawSpan,
        stackStart: UInt64
    ) -> UInt64 {
        switch saved {
        case .same: live
        case .undefined: 0
        // Compilers do not say that `pop` restored a register: a slot that lies below the stack pointer is popped.
        case .inMemory where slot < stackPointer: live
        case .inMemory: stack.word(at: slot, copiedFrom: stackStart) ?? 0
        }
    }
}
