internal import CElfutils

/// The compressed symbol table that Fedora and its kin put into stripped binaries: .gnu_debugdata, an ELF file in xz.
enum MiniDebugInformation {
    /// The largest image that is unpacked; real ones have some hundred KiB.
    private static let maximumByteCount = 64 << 20
    private static let maximumMemory: UInt64 = 128 << 20

    /// - Returns: the ELF file inside; nil when there is none, or it does not unpack within the limits.
    static func image(in outer: borrowing ElfImage) -> ElfImage? {
        guard let section = outer.section(named: ".gnu_debugdata") else { return nil }
        guard let unpacked = outer.withBytes(of: section, { unpack($0) }) ?? nil else { return nil }
        // Bytes have no padding, so their raw view shows nothing uninitialised.
        return try? unsafe ElfImage(image: unpacked.span.bytes)
    }

    /// Unpacks one xz stream whose size is not known, into a buffer that grows up to the limit.
    static func unpack(_ packed: borrowing RawSpan) -> [UInt8]? {
        var capacity = max(64 << 10, min(packed.byteCount, maximumByteCount / 8) * 8)
        while capacity <= maximumByteCount {
            var count = 0
            var result = LZMA_PROG_ERROR
            // The closure says how many bytes it wrote, and liblzma told it.
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
                var memory = maximumMemory
                var position = 0
                // liblzma reads within the first and writes within the second size that it is given.
                result = unsafe packed.withUnsafeBytes { input in
                    // As above.
                    unsafe lzma_stream_buffer_decode(
                        &memory, 0, nil, input.baseAddress?.assumingMemoryBound(to: UInt8.self), &position,
                        input.count, buffer.baseAddress, &count, buffer.count)
                }
                initialized = min(count, capacity)
            }
            if result == LZMA_OK { return bytes }
            guard result == LZMA_BUF_ERROR else { return nil }
            capacity *= 4
        }
        return nil
    }
}
