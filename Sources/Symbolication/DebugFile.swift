internal import Glibc
internal import ObjectFiles
internal import ObjectTables
internal import ProfileModel

/// A separate file with a module's debug information.
struct DebugFile: Sendable {
    let file: HeldFile
    /// The CRC-32 that the whole file must have, where no build ID settled that it belongs to the module.
    let crc: UInt32?

    /// The largest debug file whose CRC is computed.
    private static let maximumCheckedByteCount: Int64 = 4 << 30

    /// The file's descriptor, once it is sure that it belongs to the module.
    ///
    /// - Complexity: reads the whole file where a CRC has to be checked.
    func verifiedDescriptor() -> Int32? {
        guard let crc else { return file.descriptor }
        guard let size = FileStatus(file.descriptor)?.version.byteCount, size <= Self.maximumCheckedByteCount else {
            return nil
        }
        var sum = CRC32()
        var offset = 0
        while let chunk = HeldFile.read(file.descriptor, count: 1 << 20, at: offset) {
            if chunk.isEmpty { return sum.value == crc ? file.descriptor : nil }
            sum.update(chunk)
            offset += chunk.count
            if Int64(offset) > Self.maximumCheckedByteCount { return nil }
        }
        return nil
    }

    /// Looks for a module's debug file: in the process's root by build ID and by the name in .gnu_debuglink, then on the
    /// host by build ID alone.
    ///
    /// - Parameters:
    ///   - path: the module's path in the process's root.
    ///   - hostDirectory: the host's own directory of debug files.
    static func find(
        for header: ModuleHeader, path: String, process: ProcessFiles, hostDirectory: String
    ) -> DebugFile? {
        if let buildID = header.buildID, let name = buildIDPath(buildID, in: "/usr/lib/debug") {
            if let file = try? process.openInRoot(name).file, has(file, buildID) {
                return DebugFile(file: file, crc: nil)
            }
        }
        if let file = findLinked(header, path: path, process: process) { return file }
        if let buildID = header.buildID, let name = buildIDPath(buildID, in: hostDirectory) {
            // A path of the host's own, made of hexadecimal digits only.
            if let file = try? SafeOpen.regularFile(at: AT_FDCWD, name, .plain).file, has(file, buildID) {
                return DebugFile(file: file, crc: nil)
            }
        }
        return nil
    }

    /// Source: gdb's manual, "Debugging Information in Separate Files".
    private static func findLinked(_ header: ModuleHeader, path: String, process: ProcessFiles) -> DebugFile? {
        guard let name = header.debugLink, let crc = header.debugLinkCRC, name != ".", name != "..",
            let slash = path.lastIndex(of: "/")
        else { return nil }
        let directory = path[..<slash]
        for candidate in ["\(directory)/\(name)", "\(directory)/.debug/\(name)", "/usr/lib/debug\(directory)/\(name)"]
        where candidate != path {
            guard let file = try? process.openInRoot(candidate).file else { continue }
            let other = try? ObjectFile(descriptor: file.descriptor).header()
            if let own = header.buildID, let theirs = other?.buildID {
                if own == theirs { return DebugFile(file: file, crc: nil) }
            } else if other != nil {
                return DebugFile(file: file, crc: crc)
            }
        }
        return nil
    }

    private static func buildIDPath(_ buildID: BuildID, in directory: String) -> String? {
        let digits = buildID.description
        guard digits.count > 2 else { return nil }
        return "\(directory)/.build-id/\(digits.prefix(2))/\(digits.dropFirst(2)).debug"
    }

    private static func has(_ file: HeldFile, _ buildID: BuildID) -> Bool {
        (try? ObjectFile(descriptor: file.descriptor).header().buildID) == buildID
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
}
