extension RawSpan {
    /// The eight bytes at `address`, little-endian, where these bytes are a copy of memory from `start` on.
    ///
    /// - Returns: nil where the copy does not hold all eight.
    @inline(__always) func word(at address: UInt64, copiedFrom start: UInt64) -> UInt64? {
        let distance = address &- start
        guard byteCount >= 8, distance <= UInt64(byteCount &- 8) else { return nil }
        let offset = Int(truncatingIfNeeded: distance)
        // `RawSpan` has no load that is not marked unsafe; the compiler makes one load of these eight.
        let bytes = Span<UInt8>(_bytes: extracting(offset..<offset &+ 8))
        var word: UInt64 = 0
        for index in 0..<8 { word |= UInt64(bytes[index]) &<< UInt64(index &* 8) }
        return word
    }
}
