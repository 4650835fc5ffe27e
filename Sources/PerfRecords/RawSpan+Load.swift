extension RawSpan {
    /// Reads one integer in native byte order, wherever it is aligned.
    ///
    /// The only unsafe load of this room: everything else in it reads through here.
    ///
    /// - Returns: nil when any of its bytes would lie outside the span.
    @inlinable @inline(__always)
    func load<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value? {
        guard offset >= 0, offset <= byteCount &- MemoryLayout<Value>.size else { return nil }
        // Every bit pattern is a valid integer, and the line above keeps all of its bytes inside the span.
        return unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self)
    }
}
