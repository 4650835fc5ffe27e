public import ProfileModel

/// How to find the caller's registers at one place in code, packed into eight bytes.
///
/// Layout, from the low bits: bits 0–2 `kind`; bits 3–5 CFA base register (`CFABase`); bits 6–7 how the frame pointer is
/// kept (`Saved`); bits 8–9 how the second callee-saved register is kept (x86_64: rbx; arm64: none); bits 10–11 how the
/// return address is kept (x86_64: `inMemory` at CFA-8, or `same` in rdi, as vfork's; arm64: x30 or memory); bits 12–31 CFA offset in bytes,
/// signed 20 bits; bits 32–47 frame pointer's slot, CFA-relative (but see `dereferenced`), in units of 8 bytes, signed
/// 16 bits; bits 48–63 second register's (x86_64) or return address's (arm64) slot, in the same unit.
public struct UnwindRule: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

    public enum Kind: UInt64, Sendable {
        /// No rule covers this place: a gap between functions, or code without unwind information.
        case none = 0
        /// CFA = base + offset.
        case registers = 1
        /// The return address is undefined: this is the outermost frame.
        case outermost = 2
        /// The PLT's expression: CFA = rsp + 8 + ((rip & 15) >= 11 ? 8 : 0).
        case plt = 3
        /// A signal frame: the interrupted code's registers lie in a ucontext that is found from the stack pointer alone.
        /// Its row starts one byte before the trampoline, as glibc's FDE does, because callers look up pc - 1.
        case signalFrame = 4
        /// A rule that eight bytes cannot say.
        case unsupported = 5
        /// CFA = *(base + offset): stack realignment (`DW_CFA_def_cfa_expression: breg; deref`). The slots of this kind
        /// count from the base register's value and not from the CFA, since they lie below the realigned stack pointer
        /// (`DW_CFA_expression: breg`).
        case dereferenced = 6
    }
    public enum CFABase: UInt64, Sendable {
        case stackPointer = 0
        case framePointer = 1
        case second = 2
    }
    public enum Saved: UInt64, Sendable {
        /// Not touched by this function: the caller's value is the live one.
        case same = 0
        /// In memory at CFA + slot × 8.
        case inMemory = 1
        /// Nobody knows.
        case undefined = 2
    }

    @inlinable public var kind: Kind { Kind(rawValue: rawValue & 7) ?? .unsupported }
    @inlinable public var base: CFABase { CFABase(rawValue: (rawValue >> 3) & 7) ?? .stackPointer }
    @inlinable public var framePointer: Saved { Saved(rawValue: (rawValue >> 6) & 3) ?? .undefined }
    @inlinable public var second: Saved { Saved(rawValue: (rawValue >> 8) & 3) ?? .undefined }
    @inlinable public var returnAddress: Saved { Saved(rawValue: (rawValue >> 10) & 3) ?? .undefined }
    @inlinable public var cfaOffset: Int64 { Int64(bitPattern: rawValue << 32) >> 44 }
    @inlinable public var framePointerSlot: Int64 { (Int64(bitPattern: rawValue << 16) >> 48) &* 8 }
    @inlinable public var secondSlot: Int64 { (Int64(bitPattern: rawValue) >> 48) &* 8 }

    /// - Returns: a rule of kind `unsupported` when a figure does not fit its bits.
    public init(
        kind: Kind, base: CFABase = .stackPointer, cfaOffset: Int64 = 0, framePointer: Saved = .same,
        framePointerSlot: Int64 = 0, second: Saved = .same, secondSlot: Int64 = 0, returnAddress: Saved = .inMemory
    ) {
        let fits =
            (-(1 << 19)..<(1 << 19)).contains(cfaOffset) && framePointerSlot.isMultiple(of: 8)
            && secondSlot.isMultiple(of: 8) && (-(1 << 15)..<(1 << 15)).contains(framePointerSlot / 8)
            && (-(1 << 15)..<(1 << 15)).contains(secondSlot / 8)
        guard fits else {
            rawValue = Kind.unsupported.rawValue
            return
        }
        rawValue =
            kind.rawValue | base.rawValue << 3 | framePointer.rawValue << 6 | second.rawValue << 8
            | returnAddress.rawValue << 10 | (UInt64(bitPattern: cfaOffset) << 44) >> 32
            | (UInt64(bitPattern: framePointerSlot / 8) << 48) >> 16 | UInt64(bitPattern: secondSlot / 8) << 48
    }
}

/// The unwind rules of one module: row `i` holds from `base + starts[i]` up to the next row's start.
public struct UnwindTable: Sendable, Equatable, Codable {
    /// The file address that `starts` count from.
    public var base: FileAddress
    /// Ascending byte distances from `base`.
    public var starts: [UInt32]
    public var rules: [UInt64]
    /// Why rows are missing, in words; nil where nothing was skipped.
    public var skipped: String?

    public init(base: FileAddress, starts: [UInt32] = [], rules: [UInt64] = [], skipped: String? = nil) {
        self.base = base
        self.starts = starts
        self.rules = rules
        self.skipped = skipped
    }
}
