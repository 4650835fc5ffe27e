internal import ObjectTables

/// Reads the number of a system call out of the instructions that load it.
///
/// A wrong number would blame the wrong system call, so whatever is not known for sure ends the search with nil.
enum SyscallNumber {
    /// How far before the system call instruction the number is looked for.
    static let maximumByteCount = 34

    /// - Parameter code: the bytes right before an address; its last ones are the system call instruction, if it is one.
    static func number(endOf code: borrowing RawSpan, architecture: ModuleHeader.Architecture) -> Int? {
        switch architecture {
        case .amd64: amd64(code)
        case .arm64: arm64(code)
        case .i386, .other: nil
        }
    }

    // MARK: x86_64

    private static func amd64(_ code: borrowing RawSpan) -> Int? {
        // syscall is 0F 05.
        let end = code.byteCount - 2
        guard end >= 0, code.uint16(at: end) == 0x050F else { return nil }
        // From the nearest place outwards. Bytes in between must read as instructions that leave rax alone.
        var position = end - 2
        while position >= 0, end - position <= maximumByteCount - 2 {
            if let load = amd64Load(code, at: position), leavesAccumulatorAlone(code, load.end..<end) {
                return load.number
            }
            position -= 1
        }
        return nil
    }

    /// `mov $imm32,%eax`, `mov $imm32,%rax` or `xor %eax,%eax` at a place.
    private static func amd64Load(_ code: borrowing RawSpan, at position: Int) -> (number: Int, end: Int)? {
        let load: (number: Int, end: Int)
        switch code.byte(at: position) {
        case 0xB8:
            guard let number = code.uint32(at: position + 1) else { return nil }
            load = (Int(number), position + 5)
        case 0x48:
            guard code.uint16(at: position + 1) == 0xC0C7, let number = code.uint32(at: position + 3) else {
                return nil
            }
            load = (Int(number), position + 7)
        case 0x31:
            guard code.byte(at: position + 1) == 0xC0 else { return nil }
            load = (0, position + 2)
        default:
            return nil
        }
        // A byte before it that could be a prefix may make it another instruction (41 B8 loads r8d).
        if position > 0, let before = code.byte(at: position - 1), (0x40...0x4F).contains(before) { return nil }
        // System call numbers end far below; x32 calls have bit 30 set and are not named here.
        return load.number < 1024 ? load : nil
    }

    /// Whether bytes read as whole instructions of a few known kinds, none of which writes rax or jumps.
    private static func leavesAccumulatorAlone(_ code: borrowing RawSpan, _ range: Range<Int>) -> Bool {
        var position = range.lowerBound
        while position < range.upperBound {
            guard let length = harmlessLength(code, at: position, end: range.upperBound) else { return false }
            position += length
        }
        return position == range.upperBound
    }

    /// The length of an instruction that does not write rax and does not jump; nil for any that is not known here.
    private static func harmlessLength(_ code: borrowing RawSpan, at start: Int, end: Int) -> Int? {
        var position = start
        func next() -> UInt8? {
            guard position < end else { return nil }
            defer { position += 1 }
            return code.byte(at: position)
        }
        guard var opcode = next() else { return nil }
        var rex: UInt8 = 0
        if (0x40...0x4F).contains(opcode) {
            rex = opcode
            guard let following = next() else { return nil }
            opcode = following
        }
        let registerExtension = (rex & 4) << 1
        let operandExtension = (rex & 1) << 3
        switch opcode {
        case 0xB8...0xBF:
            // mov $imm32,%register; with REX.W an imm64.
            guard (opcode & 7) | operandExtension != 0 else { return nil }
            position += rex & 8 != 0 ? 8 : 4
        case 0x50...0x57:
            // push
            break
        case 0x90 where rex == 0:
            break
        case 0x31, 0x89, 0x39, 0x85:
            // xor, mov, cmp, test with a register or memory as the first operand.
            guard let operand = Operand(code, at: position, end: end) else { return nil }
            position = operand.end
            if operand.isRegister, opcode == 0x31 || opcode == 0x89, operand.operand | operandExtension == 0 {
                return nil
            }
        case 0x8B, 0x8D, 0x63, 0x33, 0x3B:
            // mov, lea, movslq, xor, cmp into a register.
            guard let operand = Operand(code, at: position, end: end) else { return nil }
            position = operand.end
            if opcode != 0x3B, operand.register | registerExtension == 0 { return nil }
        case 0x83, 0x81, 0xC7:
            // add, or, and, sub, cmp, mov with an immediate operand.
            guard let operand = Operand(code, at: position, end: end) else { return nil }
            position = operand.end + (opcode == 0x83 ? 1 : 4)
            if operand.isRegister, operand.operand | operandExtension == 0, operand.register != 7 { return nil }
        default:
            return nil
        }
        return position <= end ? position - start : nil
    }

    /// A ModRM byte with its SIB byte and displacement.
    private struct Operand {
        var register: UInt8
        var operand: UInt8
        var isRegister: Bool
        var end: Int

        init?(_ code: borrowing RawSpan, at position: Int, end limit: Int) {
            guard position < limit, let byte = code.byte(at: position) else { return nil }
            let mode = byte >> 6
            register = (byte >> 3) & 7
            operand = byte & 7
            isRegister = mode == 3
            end = position + 1
            guard !isRegister else { return }
            var hasWideBase = mode == 0 && operand == 5
            if operand == 4 {
                guard end < limit, let scaled = code.byte(at: end) else { return nil }
                end += 1
                hasWideBase = mode == 0 && scaled & 7 == 5
            }
            end += mode == 1 ? 1 : mode == 2 || hasWideBase ? 4 : 0
            if end > limit { return nil }
        }
    }

    // MARK: arm64

    private static func arm64(_ code: borrowing RawSpan) -> Int? {
        // svc #0 is D4000001; instructions are four bytes, aligned with the end.
        var position = code.byteCount - 4
        guard position >= 0, code.uint32(at: position) == 0xD400_0001 else { return nil }
        position -= 4
        while position >= 0, let instruction = code.uint32(at: position) {
            // movz w8, #imm16 and movz x8, #imm16
            if instruction & 0x7FE0_001F == 0x5280_0008 {
                let number = Int((instruction >> 5) & 0xFFFF)
                return number < 1024 ? number : nil
            }
            // Branches, system instructions and exceptions have 101 in bits 26 to 28; loads, arithmetic and moves name
            // their targets in the low five bits, pairs also in bits 10 to 14.
            if (instruction >> 26) & 7 == 5 || instruction & 31 == 8 || (instruction >> 10) & 31 == 8 { return nil }
            position -= 4
        }
        return nil
    }
}
