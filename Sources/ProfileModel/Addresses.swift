/// An address in one process's address space, or in the kernel's.
public struct VirtualAddress: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The address at which a return address looks itself up: one byte earlier, inside the call instruction.
    @inlinable public var lookupForReturnAddress: VirtualAddress { VirtualAddress(rawValue &- 1) }
}

/// An address in the link-time address space of one ELF file (`p_vaddr`, `st_value`), whatever it was mapped at.
public struct FileAddress: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A byte position in a file.
public struct FileOffset: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
