/// Why the bytes of one record could not be decoded. The record can be skipped by its size, except where even that
/// makes no sense (`sizeTooSmall`, or a header that is itself truncated).
public enum RecordError: Error, Hashable, Sendable {
    /// The record has fewer bytes than its fields, or its header's `size`, ask for. Byte counts start at the record's
    /// first byte, header included, and end before its trailer where there is one; `type` is 0 when not even the header
    /// was there.
    case truncated(type: UInt32, neededByteCount: Int, availableByteCount: Int)
    /// The header claims a size smaller than a header's own eight bytes.
    case sizeTooSmall(type: UInt32, byteCount: Int)
    /// A count in the record asks for more elements of `elementByteCount` bytes than the rest of the record holds.
    case countTooLarge(type: UInt32, count: UInt64, elementByteCount: Int, availableByteCount: Int)
    /// A sample says that it used more of its stack copy than it copied.
    case stackCopyTooShort(usedByteCount: UInt64, copiedByteCount: UInt64)
    /// A mapping reaches beyond the last address.
    case mappingTooLong(start: UInt64, byteCount: UInt64)
    /// A mapping's build ID is longer than the 20 bytes there are for it.
    case buildIDTooLong(byteCount: Int)
    /// The layout has fields whose place in a sample this version does not know.
    case unknownSampleFields(SampleFields)
    /// The layout has counter values whose format this version does not know.
    case unknownReadFormat(ReadFormat)
    /// The record carries no time: its layout has none, or a tool wrote it and not the kernel.
    case noTime(type: UInt32)
}
