/// The eight bytes before every record: `struct perf_event_header`.
public struct RecordHeader: Hashable, Sendable {
    /// PERF_RECORD_*; what this room knows of it is a `RecordType`.
    public var type: UInt32
    /// PERF_RECORD_MISC_*; what the higher bits say depends on the type.
    public var misc: UInt16
    /// Bytes of the whole record, header included.
    public var size: UInt16

    public init(type: UInt32, misc: UInt16, size: UInt16) {
        self.type = type
        self.misc = misc
        self.size = size
    }

    /// Reads the header of the record that begins at the first byte of `bytes`; the rest of it need not be there.
    ///
    /// - Throws: `RecordError.truncated` for fewer than eight bytes, `.sizeTooSmall` for a size below eight.
    @inlinable public init(_ bytes: RawSpan) throws(RecordError) {
        guard let type = bytes.load(UInt32.self, at: 0), let misc = bytes.load(UInt16.self, at: 4),
            let size = bytes.load(UInt16.self, at: 6)
        else {
            throw .truncated(type: 0, neededByteCount: Self.byteCount, availableByteCount: bytes.byteCount)
        }
        guard size >= Self.byteCount else { throw .sizeTooSmall(type: type, byteCount: Int(size)) }
        self.type = type
        self.misc = misc
        self.size = size
    }

    /// Bytes of a header.
    public static var byteCount: Int { 8 }

    /// The mode that the CPU was in.
    public var mode: CPUMode { CPUMode(misc: misc) }
}

/// The mode that a CPU was in when a record was written.
public enum CPUMode: UInt8, Hashable, Sendable {
    // The raw values are those of PERF_RECORD_MISC_CPUMODE_MASK in linux/perf_event.h.
    case unknown = 0
    case kernel = 1
    case user = 2
    case hypervisor = 3
    case guestKernel = 4
    case guestUser = 5

    init(misc: UInt16) { self = CPUMode(rawValue: UInt8(misc & Misc.modeMask)) ?? .unknown }
}
