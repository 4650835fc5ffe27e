/// A process (thread group) id in the recorder's pid namespace.
public struct ProcessID: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    public var rawValue: Int32
    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }
    @inlinable public init(_ rawValue: Int32) { self.rawValue = rawValue }
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A thread id in the recorder's pid namespace.
public struct ThreadID: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    public var rawValue: Int32
    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }
    @inlinable public init(_ rawValue: Int32) { self.rawValue = rawValue }
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The kernel's 64-bit id of a cgroup: the inode number of its directory. Source: PERF_SAMPLE_CGROUP.
public struct CgroupID: RawRepresentable, Hashable, Comparable, Sendable, Codable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A device number as major and minor.
public struct DeviceNumber: Hashable, Sendable, Codable {
    public var major: UInt32
    public var minor: UInt32
    @inlinable public init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }
}

/// Which file a mapping shows, whatever its path says now.
public struct FileIdentity: Hashable, Sendable, Codable {
    public var device: DeviceNumber
    public var inode: UInt64
    @inlinable public init(device: DeviceNumber, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

/// The NT_GNU_BUILD_ID note of an ELF file: 1 to 64 bytes, most often 20.
public struct BuildID: Hashable, Sendable, Codable, CustomStringConvertible {
    public var bytes: [UInt8]

    /// - Returns: nil for an empty id, which is no identity at all.
    public init?(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        if self.bytes.isEmpty { return nil }
    }

    /// - Parameter hex: an even number of hexadecimal digits.
    public init?(hex: String) {
        let digits = Array(hex.utf8)
        guard !digits.isEmpty, digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            let pair = digits[index..<index + 2]
            // A sign would be taken for a digit.
            guard pair.first != UInt8(ascii: "+"), pair.first != UInt8(ascii: "-"),
                let byte = UInt8(String(decoding: pair, as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(byte)
        }
        self.bytes = bytes
    }

    /// Lower-case hexadecimal.
    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
