import ProfileModel

/// Walks the fields of one record. It holds positions only; the bytes are given to each step, so that no view of them
/// can outlive the caller's.
struct RecordCursor {
    let type: UInt32
    private(set) var position: Int
    /// Where the fields end: the record's end, or its trailer's beginning.
    let end: Int

    /// Starts behind the header.
    @inline(__always)
    init(header: RecordHeader, end: Int) {
        type = header.type
        position = RecordHeader.byteCount
        self.end = end
    }

    init(type: UInt32, from position: Int, to end: Int) {
        self.type = type
        self.position = position
        self.end = end
    }

    private var remaining: Int { end &- position }

    /// Reads one integer and steps over it.
    ///
    /// - Throws: `RecordError.truncated`.
    @inline(__always)
    mutating func next<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, in record: RawSpan
    ) throws(RecordError) -> Value {
        let size = MemoryLayout<Value>.size
        guard remaining >= size, let value = record.load(Value.self, at: position) else { throw truncated(by: size) }
        position &+= size
        return value
    }

    /// Reads one 64-bit word and steps over it.
    @inline(__always)
    mutating func nextWord(in record: RawSpan) throws(RecordError) -> UInt64 { try next(UInt64.self, in: record) }

    /// Reads a process id and a thread id.
    @inline(__always)
    mutating func nextTask(in record: RawSpan) throws(RecordError) -> (ProcessID, ThreadID) {
        let pid = try next(Int32.self, in: record)
        let tid = try next(Int32.self, in: record)
        return (ProcessID(pid), ThreadID(tid))
    }

    /// Steps over a fixed number of bytes.
    ///
    /// - Throws: `RecordError.truncated`.
    @inline(__always)
    mutating func skip(byteCount: Int) throws(RecordError) {
        guard remaining >= byteCount else { throw truncated(by: byteCount) }
        position &+= byteCount
    }

    /// Steps over `count` elements, a number that the record itself claims.
    ///
    /// - Returns: the bytes stepped over, from the record's first byte.
    /// - Throws: `RecordError.countTooLarge` when the record has fewer.
    @inline(__always)
    mutating func skip(_ count: UInt64, elementsOf elementByteCount: Int) throws(RecordError) -> Range<Int> {
        guard remaining >= 0, count <= UInt64(remaining) / UInt64(elementByteCount) else {
            throw .countTooLarge(
                type: type, count: count, elementByteCount: elementByteCount, availableByteCount: remaining)
        }
        let start = position
        position &+= Int(count) &* elementByteCount
        return start..<position
    }

    /// Reads text up to the first NUL, or up to the end of the fields where there is none.
    mutating func nextText(in record: RawSpan) -> String {
        var bytes: [UInt8] = []
        while position < end, let byte = record.load(UInt8.self, at: position), byte != 0 {
            bytes.append(byte)
            position &+= 1
        }
        return String(losslesslyDecoding: bytes)
    }

    @inline(never)
    private func truncated(by byteCount: Int) -> RecordError {
        .truncated(type: type, neededByteCount: position &+ byteCount, availableByteCount: end)
    }
}
