import ObjectTables
import ProfileModel
import Unwinding

/// What one sample unwound to.
struct Unwound: Equatable {
    var chain: [UInt64]
    var end: CallchainEnd

    static func complete(_ chain: [UInt64]) -> Unwound { Unwound(chain: chain, end: .complete) }
    /// Cut short at the last address of `chain`.
    static func truncated(_ chain: [UInt64], _ reason: TruncationReason) -> Unwound {
        Unwound(chain: chain, end: .truncated(at: VirtualAddress(chain.last ?? 0), because: reason))
    }
}

/// A process that exists on paper: code with its unwind rows, and an unwinder.
struct Program {
    var unwinder: Unwinder
    var space = AddressSpace()

    init(_ architecture: Unwinder.Architecture = .amd64, depthLimit: Int = 512) {
        unwinder = Unwinder(architecture: architecture, depthLimit: depthLimit)
    }

    /// Adds a module's rows, given by file address.
    mutating func table(_ rows: [(UInt64, UnwindRule)]) -> UnwindTables.ID {
        let base = rows.first?.0 ?? 0
        return unwinder.tables.append(
            UnwindTable(
                base: FileAddress(base), starts: rows.map { UInt32($0.0 - base) }, rules: rows.map(\.1.rawValue)))
    }

    mutating func map(_ range: Range<UInt64>, bias: UInt64 = 0, table: UnwindTables.ID?) {
        space.insert(
            MappedCode(
                start: VirtualAddress(range.lowerBound), end: VirtualAddress(range.upperBound), bias: bias, module: 0,
                table: table))
    }

    mutating func map(_ range: Range<UInt64>, bias: UInt64 = 0, rows: [(UInt64, UnwindRule)]) {
        map(range, bias: bias, table: table(rows))
    }

    /// - Parameter stack: eight-byte words from the stack pointer upwards.
    mutating func unwind(_ registers: UserRegisters, stack: [UInt64]) -> Unwound {
        unwind(registers, stackBytes: bytes(stack))
    }

    mutating func unwind(_ registers: UserRegisters, stackBytes: [UInt8]) -> Unwound {
        var chain: [VirtualAddress] = []
        // Bytes have no padding that could be read uninitialized.
        let end = unsafe unwinder.unwind(registers, stack: stackBytes.span.bytes, in: space, into: &chain)
        return Unwound(chain: chain.map(\.rawValue), end: end)
    }
}

/// Little-endian, as both architectures store words.
func bytes(_ words: [UInt64]) -> [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
}

/// Where every sampled stack pointer of these tests points.
let stackPointer: UInt64 = 0x7ffd_0000_1000

/// x86_64 rules in the words of `readelf --debug-dump=frames-interp`: the CFA, and the slots relative to it.
extension UnwindRule {
    static func rsp(_ offset: Int64, rbx: Int64? = nil, rbp: Int64? = nil) -> UnwindRule {
        amd64(.stackPointer, offset, rbx: rbx, rbp: rbp)
    }
    static func rbp(_ offset: Int64, rbx: Int64? = nil, rbp: Int64? = -16) -> UnwindRule {
        amd64(.framePointer, offset, rbx: rbx, rbp: rbp)
    }
    static func rbx(_ offset: Int64, rbx: Int64? = -16) -> UnwindRule {
        amd64(.second, offset, rbx: rbx, rbp: nil)
    }
    static var outermost: UnwindRule { UnwindRule(kind: .outermost) }
    static var noRule: UnwindRule { UnwindRule(kind: .none) }

    private static func amd64(_ base: CFABase, _ offset: Int64, rbx: Int64?, rbp: Int64?) -> UnwindRule {
        UnwindRule(
            kind: .registers, base: base, cfaOffset: offset,
            framePointer: rbp == nil ? .same : .inMemory, framePointerSlot: rbp ?? 0,
            second: rbx == nil ? .same : .inMemory, secondSlot: rbx ?? 0)
    }
}
