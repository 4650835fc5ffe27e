internal import CElfutils
internal import ObjectTables

/// Where call frame instructions say that a caller's register is.
enum SavedRegister: Equatable {
    /// Nothing was said: the callee-saved registers keep their value, by the ABI.
    case unspecified
    case same
    case undefined
    /// In memory, that many bytes from the CFA.
    case atCFA(Int64)
    /// In memory, that many bytes from a register's value (`DW_CFA_expression: breg`).
    case atRegister(UInt64, Int64)
    /// In another register (`DW_CFA_register`).
    case inRegister(UInt64)
    /// Anything else, such as the result of an expression.
    case other
}

/// How call frame instructions count the canonical frame address.
enum FrameAddress: Equatable {
    case undefined
    case register(UInt64, offset: Int64)
    /// The word in memory that many bytes from a register's value.
    case dereferenced(UInt64, offset: Int64)
    /// The lazy PLT's: rsp + 8, and 8 more once `rip & 15` has reached the threshold.
    case procedureLinkage(threshold: UInt64)
    case other
}

/// What holds at one place in code, as far as unwind rows can say it.
struct CallFrameState: Equatable {
    var frameAddress = FrameAddress.undefined
    var framePointer = SavedRegister.unspecified
    var second = SavedRegister.unspecified
    var returnAddress = SavedRegister.unspecified
}

/// DWARF's numbers of the registers that unwind rows follow.
struct FollowedRegisters {
    var stackPointer: UInt64
    var framePointer: UInt64
    /// rbx on x86_64; arm64 has none.
    var second: UInt64?
    /// The register that code which pops its return address keeps it in: rdi on x86_64, in vfork(2)'s wrapper.
    var poppedReturnAddress: UInt64?
    /// Whether the return address is always in memory at CFA-8, as a call instruction leaves it.
    var callPushesReturnAddress: Bool

    static let amd64 = FollowedRegisters(
        stackPointer: 7, framePointer: 6, second: 3, poppedReturnAddress: 5, callPushesReturnAddress: true)
    static let arm64 = FollowedRegisters(
        stackPointer: 31, framePointer: 29, second: nil, callPushesReturnAddress: false)

    func base(_ register: UInt64) -> UnwindRule.CFABase? {
        switch register {
        case stackPointer: .stackPointer
        case framePointer: .framePointer
        case second: .second
        default: nil
        }
    }
}

/// Runs the instructions of a CIE or an FDE.
///
/// Source: DWARF 5, 6.4.2; the GNU and arm64 extensions from binutils' and LLVM's documentation.
struct CallFrameProgram {
    let registers: FollowedRegisters
    let returnRegister: UInt64
    let codeAlignment: UInt64
    let dataAlignment: Int64
    private(set) var state = CallFrameState()
    /// What the CIE's instructions left: what `DW_CFA_restore` goes back to.
    private var initial = CallFrameState()
    private var remembered: [CallFrameState] = []

    /// Deeper nesting of remembered states than any compiler writes is refused.
    private static let maximumRememberedCount = 64

    /// DW_CFA_AARCH64_negate_ra_state_with_pc, which elfutils 0.188 does not name.
    private static let negateReturnAddressStateWithPC = 0x2C

    enum Step {
        /// Code up to here follows the state as it was.
        case advanced(by: UInt64)
        case finished
        /// An instruction that is unknown, cut short, or cannot be followed.
        case failed
    }

    init(registers: FollowedRegisters, common: CallFrameCommon) {
        self.registers = registers
        returnRegister = common.returnRegister
        codeAlignment = common.codeAlignment
        dataAlignment = common.dataAlignment
    }

    /// Makes the present state the one that an FDE begins with, and `DW_CFA_restore` goes back to.
    mutating func markInitial() { initial = state }

    /// Goes back to the state that an FDE begins with.
    mutating func restart() {
        state = initial
        if !remembered.isEmpty { remembered.removeAll(keepingCapacity: true) }
    }

    /// Runs instructions until the next advance of the location, or the end.
    ///
    /// - Complexity: O(bytes consumed).
    mutating func run(_ cursor: inout ByteCursor, in bytes: borrowing RawSpan) -> Step {
        while let instruction = cursor.byte(in: bytes) {
            let operand = UInt64(instruction & 0x3F)
            switch instruction & 0xC0 {
            case UInt8(DW_CFA_advance_loc):
                return .advanced(by: operand &* codeAlignment)
            case UInt8(DW_CFA_offset):
                guard let factor = cursor.uleb(in: bytes) else { return .failed }
                save(operand, .atCFA(Int64(truncatingIfNeeded: factor) &* dataAlignment))
            case UInt8(DW_CFA_restore):
                restore(operand)
            default:
                switch extended(instruction, &cursor, bytes) {
                case .some(.advanced(let distance)): return .advanced(by: distance)
                case .some(let step): return step
                case nil: break
                }
            }
        }
        return .finished
    }

    /// Runs one instruction whose high two bits are zero; nil to go on.
    private mutating func extended(
        _ instruction: UInt8, _ cursor: inout ByteCursor, _ bytes: borrowing RawSpan
    ) -> Step? {
        switch Int(instruction) {
        case DW_CFA_nop, DW_CFA_GNU_window_save, Self.negateReturnAddressStateWithPC:
            // On arm64 DW_CFA_GNU_window_save's number is DW_CFA_AARCH64_negate_ra_state: the return address is signed,
            // which moves nothing; whoever reads it strips the signature.
            return nil
        case DW_CFA_advance_loc1:
            return cursor.byte(in: bytes).map { .advanced(by: UInt64($0) &* codeAlignment) } ?? .failed
        case DW_CFA_advance_loc2:
            return cursor.uint16(in: bytes).map { .advanced(by: UInt64($0) &* codeAlignment) } ?? .failed
        case DW_CFA_advance_loc4:
            return cursor.uint32(in: bytes).map { .advanced(by: UInt64($0) &* codeAlignment) } ?? .failed
        case DW_CFA_remember_state:
            guard remembered.count < Self.maximumRememberedCount else { return .failed }
            remembered.append(state)
            return nil
        case DW_CFA_restore_state:
            guard let last = remembered.popLast() else { return .failed }
            state = last
            return nil
        case DW_CFA_GNU_args_size:
            return cursor.uleb(in: bytes) == nil ? .failed : nil
        case DW_CFA_def_cfa, DW_CFA_def_cfa_sf, DW_CFA_def_cfa_register, DW_CFA_def_cfa_offset,
            DW_CFA_def_cfa_offset_sf, DW_CFA_def_cfa_expression:
            return defineFrameAddress(Int(instruction), &cursor, bytes) ? nil : .failed
        default:
            return defineRegister(Int(instruction), &cursor, bytes) ? nil : .failed
        }
    }

    private mutating func defineFrameAddress(
        _ instruction: Int, _ cursor: inout ByteCursor, _ bytes: borrowing RawSpan
    ) -> Bool {
        switch instruction {
        case DW_CFA_def_cfa:
            guard let register = cursor.uleb(in: bytes), let offset = cursor.uleb(in: bytes) else { return false }
            state.frameAddress = .register(register, offset: Int64(truncatingIfNeeded: offset))
        case DW_CFA_def_cfa_sf:
            guard let register = cursor.uleb(in: bytes), let factor = cursor.sleb(in: bytes) else { return false }
            state.frameAddress = .register(register, offset: factor &* dataAlignment)
        case DW_CFA_def_cfa_register:
            guard let register = cursor.uleb(in: bytes) else { return false }
            guard case .register(_, let offset) = state.frameAddress else {
                // A register behind an expression has no offset to go with it.
                state.frameAddress = .other
                return true
            }
            state.frameAddress = .register(register, offset: offset)
        case DW_CFA_def_cfa_offset, DW_CFA_def_cfa_offset_sf:
            let offset =
                instruction == DW_CFA_def_cfa_offset
                ? cursor.uleb(in: bytes).map { Int64(truncatingIfNeeded: $0) }
                : cursor.sleb(in: bytes).map { $0 &* dataAlignment }
            guard let offset else { return false }
            guard case .register(let register, _) = state.frameAddress else {
                state.frameAddress = .other
                return true
            }
            state.frameAddress = .register(register, offset: offset)
        default:
            guard let expression = block(&cursor, bytes) else { return false }
            state.frameAddress = FrameAddress(expression: expression, in: bytes, stackPointer: registers.stackPointer)
        }
        return true
    }

    /// - Returns: false for an instruction that is unknown or cut short.
    private mutating func defineRegister(
        _ instruction: Int, _ cursor: inout ByteCursor, _ bytes: borrowing RawSpan
    ) -> Bool {
        // Every one of these begins with a register's number.
        switch instruction {
        case DW_CFA_undefined, DW_CFA_same_value, DW_CFA_restore_extended, DW_CFA_register, DW_CFA_offset_extended,
            DW_CFA_offset_extended_sf, DW_CFA_GNU_negative_offset_extended, DW_CFA_val_offset, DW_CFA_val_offset_sf,
            DW_CFA_expression, DW_CFA_val_expression:
            break
        default:
            return false
        }
        guard let register = cursor.uleb(in: bytes) else { return false }
        switch instruction {
        case DW_CFA_undefined: save(register, .undefined)
        case DW_CFA_same_value: save(register, .same)
        case DW_CFA_restore_extended: restore(register)
        case DW_CFA_offset_extended_sf:
            guard let factor = cursor.sleb(in: bytes) else { return false }
            save(register, .atCFA(factor &* dataAlignment))
        case DW_CFA_offset_extended, DW_CFA_GNU_negative_offset_extended:
            guard let factor = cursor.uleb(in: bytes) else { return false }
            let offset = Int64(truncatingIfNeeded: factor) &* dataAlignment
            save(register, .atCFA(instruction == DW_CFA_offset_extended ? offset : 0 &- offset))
        case DW_CFA_expression:
            guard let expression = block(&cursor, bytes) else { return false }
            save(register, SavedRegister(expression: expression, in: bytes))
        case DW_CFA_val_expression:
            guard block(&cursor, bytes) != nil else { return false }
            save(register, .other)
        case DW_CFA_register:
            guard let holder = cursor.uleb(in: bytes) else { return false }
            save(register, .inRegister(holder))
        default:
            // DW_CFA_val_offset, DW_CFA_val_offset_sf: one LEB128 number, signed or not.
            guard cursor.sleb(in: bytes) != nil else { return false }
            save(register, .other)
        }
        return true
    }

    /// A length and that many bytes.
    private func block(_ cursor: inout ByteCursor, _ bytes: borrowing RawSpan) -> Range<Int>? {
        guard let length = cursor.uleb(in: bytes) else { return nil }
        let start = cursor.offset
        return cursor.skip(length) ? start..<cursor.offset : nil
    }

    private mutating func save(_ register: UInt64, _ place: SavedRegister) {
        if register == registers.framePointer {
            state.framePointer = place
        } else if register == registers.second {
            state.second = place
        } else if register == returnRegister {
            state.returnAddress = place
        }
    }

    private mutating func restore(_ register: UInt64) {
        if register == registers.framePointer {
            state.framePointer = initial.framePointer
        } else if register == registers.second {
            state.second = initial.second
        } else if register == returnRegister {
            state.returnAddress = initial.returnAddress
        }
    }
}

// MARK: Expressions

extension FrameAddress {
    /// `DW_OP_breg16 (rip) 0; lit15; and` and, behind the threshold, `ge; lit3; shl; plus`.
    private static let procedureLinkageMiddle = [
        UInt8(DW_OP_breg16), 0, UInt8(DW_OP_lit15), UInt8(DW_OP_and),
    ]
    private static let procedureLinkageEnd = [
        UInt8(DW_OP_ge), UInt8(DW_OP_lit3), UInt8(DW_OP_shl), UInt8(DW_OP_plus),
    ]

    /// Recognises the expressions that rows can say; everything else is `other`.
    init(expression: Range<Int>, in bytes: borrowing RawSpan, stackPointer: UInt64) {
        self = .other
        var cursor = ByteCursor(expression)
        guard let (register, offset) = cursor.registerAndOffset(in: bytes) else { return }
        let rest = (cursor.offset..<expression.upperBound).compactMap { bytes.byte(at: $0) }
        if rest == [UInt8(DW_OP_deref)] {
            self = .dereferenced(register, offset: offset)
        } else if rest.count == 9, register == stackPointer, offset == 8,
            Array(rest.prefix(4)) == Self.procedureLinkageMiddle, Array(rest.suffix(4)) == Self.procedureLinkageEnd,
            (UInt8(DW_OP_lit0)...UInt8(DW_OP_lit15)).contains(rest[4])
        {
            self = .procedureLinkage(threshold: UInt64(rest[4] - UInt8(DW_OP_lit0)))
        }
    }
}

extension SavedRegister {
    /// Recognises `breg N`; everything else is `other`.
    init(expression: Range<Int>, in bytes: borrowing RawSpan) {
        self = .other
        var cursor = ByteCursor(expression)
        if let (register, offset) = cursor.registerAndOffset(in: bytes), cursor.isAtEnd {
            self = .atRegister(register, offset)
        }
    }
}

extension ByteCursor {
    /// `DW_OP_breg0` to `DW_OP_breg31` and its operand.
    fileprivate mutating func registerAndOffset(in bytes: borrowing RawSpan) -> (UInt64, Int64)? {
        guard let operation = byte(in: bytes), (UInt8(DW_OP_breg0)...UInt8(DW_OP_breg31)).contains(operation),
            let offset = sleb(in: bytes)
        else { return nil }
        return (UInt64(operation - UInt8(DW_OP_breg0)), offset)
    }
}
