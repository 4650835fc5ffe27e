internal import Glibc
internal import ObjectTables

/// Reading files with pread(2), which a file that becomes shorter meanwhile does no harm.
enum FileReading {
    /// - Returns: nil when the file is longer than `limit`, or cannot be read.
    static func contents(of descriptor: Int32, limit: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        // One byte more shows a file that grew beyond what was asked for.
        while let chunk = read(descriptor, count: min(1 << 20, limit + 1 - bytes.count), at: bytes.count) {
            if chunk.isEmpty { return bytes }
            bytes.append(contentsOf: chunk)
            if bytes.count > limit { return nil }
        }
        return nil
    }

    /// - Returns: up to `count` bytes, none at the end of the file; nil on an error.
    static func read(_ descriptor: Int32, count: Int, at offset: Int) -> [UInt8]? {
        var result = -1
        // The kernel writes at most as many bytes as the buffer has, and says how many.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            repeat {
                // As above.
                result = unsafe pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            } while result < 0 && errno == EINTR
            initialized = max(result, 0)
        }
        return result < 0 ? nil : bytes
    }

    static func stamp(of descriptor: Int32) -> FileStamp? {
        var status = stat()
        // fstat(2) writes one struct that we own.
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        return FileStamp(
            byteCount: Int64(status.st_size), seconds: Int64(status.st_mtim.tv_sec),
            nanoseconds: UInt32(truncatingIfNeeded: status.st_mtim.tv_nsec))
    }
}

/// The CRC-32 of .gnu_debuglink: polynomial 0x04C11DB7, reflected, as in zlib.
struct CRC32 {
    private var state = UInt32.max

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }

    mutating func update(_ bytes: [UInt8]) {
        let table = Self.table
        for byte in bytes { state = table[Int((state ^ UInt32(byte)) & 0xFF)] ^ (state >> 8) }
    }

    var value: UInt32 { ~state }

    /// - Returns: the sum of a whole file; nil when it cannot be read.
    /// - Complexity: reads the whole file; the caller's time is limited, and so is this.
    static func of(_ descriptor: Int32) -> UInt32? {
        var sum = CRC32()
        var offset = 0
        while let chunk = FileReading.read(descriptor, count: 1 << 20, at: offset) {
            if chunk.isEmpty { return sum.value }
            sum.update(chunk)
            offset += chunk.count
        }
        return nil
    }
}
