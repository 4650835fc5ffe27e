/// A position in little-endian bytes; every read says nil instead of going past the end.
///
/// The bytes are a parameter of each read, because a type of ours cannot hold a span yet.
struct ByteCursor {
    var offset: Int
    /// The first position that may not be read; never behind the end of the bytes.
    var end: Int

    init(_ range: Range<Int>) {
        offset = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { offset >= end }

    @inline(__always)
    private mutating func take(_ count: Int) -> Int? {
        guard count >= 0, offset >= 0, offset <= end, count <= end - offset else { return nil }
        defer { offset += count }
        return offset
    }

    /// - Returns: false when there are not that many bytes left.
    @discardableResult
    mutating func skip(_ count: UInt64) -> Bool {
        guard let count = Int(exactly: count) else { return false }
        return take(count) != nil
    }

    @inline(__always)
    mutating func byte(in bytes: borrowing RawSpan) -> UInt8? {
        take(1).flatMap { bytes.byte(at: $0) }
    }

    mutating func uint16(in bytes: borrowing RawSpan) -> UInt16? {
        take(2).flatMap { bytes.uint16(at: $0) }
    }

    mutating func uint32(in bytes: borrowing RawSpan) -> UInt32? {
        take(4).flatMap { bytes.uint32(at: $0) }
    }

    mutating func uint64(in bytes: borrowing RawSpan) -> UInt64? {
        take(8).flatMap { bytes.uint64(at: $0) }
    }

    /// An unsigned LEB128 number; nil when it does not fit 64 bits.
    @inline(__always)
    mutating func uleb(in bytes: borrowing RawSpan) -> UInt64? {
        guard let first = byte(in: bytes) else { return nil }
        if first < 0x80 { return UInt64(first) }
        var value = UInt64(first & 0x7F)
        var shift: UInt64 = 7
        while let next = byte(in: bytes) {
            let bits = UInt64(next & 0x7F)
            if shift >= 64 ? bits != 0 : (bits << shift) >> shift != bits { return nil }
            if shift < 64 { value |= bits << shift }
            if next < 0x80 { return value }
            shift += 7
        }
        return nil
    }

    /// A signed LEB128 number; bits beyond the 64th are ignored.
    @inline(__always)
    mutating func sleb(in bytes: borrowing RawSpan) -> Int64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let next = byte(in: bytes) {
            if shift < 64 { value |= UInt64(next & 0x7F) << shift }
            shift += 7
            if next < 0x80 {
                if shift < 64, next & 0x40 != 0 { value |= ~0 << shift }
                return Int64(bitPattern: value)
            }
        }
        return nil
    }

    /// The bytes up to the next NUL, which is passed over.
    mutating func string(in bytes: borrowing RawSpan) -> [UInt8]? {
        var text: [UInt8] = []
        while let next = byte(in: bytes) {
            if next == 0 { return text }
            text.append(next)
        }
        return nil
    }
}

extension RawSpan {
    @inline(__always)
    func byte(at offset: Int) -> UInt8? {
        guard offset >= 0, offset < byteCount else { return nil }
        // The bounds were checked on the line before; every bit pattern is a number.
        return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    @inline(__always)
    func uint16(at offset: Int) -> UInt16? {
        guard offset >= 0, byteCount >= 2, offset <= byteCount - 2 else { return nil }
        // The bounds were checked on the line before; every bit pattern is a number.
        return unsafe UInt16(littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt16.self))
    }

    @inline(__always)
    func uint32(at offset: Int) -> UInt32? {
        guard offset >= 0, byteCount >= 4, offset <= byteCount - 4 else { return nil }
        // The bounds were checked on the line before; every bit pattern is a number.
        return unsafe UInt32(littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
    }

    @inline(__always)
    func uint64(at offset: Int) -> UInt64? {
        guard offset >= 0, byteCount >= 8, offset <= byteCount - 8 else { return nil }
        // The bounds were checked on the line before; every bit pattern is a number.
        return unsafe UInt64(littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    /// The bytes of a NUL-terminated string; nil when it starts outside, has no end, or is longer than `limit`.
    func string(at offset: Int, limit: Int) -> [UInt8]? {
        guard offset >= 0, offset < byteCount else { return nil }
        var text: [UInt8] = []
        var position = offset
        while let next = byte(at: position) {
            if next == 0 { return text }
            if text.count == limit { return nil }
            text.append(next)
            position += 1
        }
        return nil
    }
}
