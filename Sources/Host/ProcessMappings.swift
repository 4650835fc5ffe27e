public import ProfileModel

extension Host {
    /// The executable mappings of a process, by address; empty when it is gone or may not be looked at.
    public func executableMappings(of pid: ProcessID) -> [Mapping] {
        Mapping.executable(inProcMaps: contents("/proc/\(pid.rawValue)/maps") ?? [])
    }
}

extension Mapping {
    /// Reads the executable lines of /proc/PID/maps; lines of another form are skipped.
    ///
    /// - Returns: mappings without build IDs; anonymous memory is called `//anon`.
    /// Source: proc_pid_maps(5).
    public static func executable(inProcMaps contents: [UInt8]) -> [Mapping] {
        contents.lines.compactMap { line in
            var rest = line
            // start-end perms offset major:minor inode      path
            guard let start = rest.takeNumber(radix: 16, upTo: "-"), let end = rest.takeNumber(radix: 16, upTo: " "),
                let permissions = rest.take(upTo: " "), permissions.count == 4,
                permissions[permissions.startIndex + 2] == UInt8(ascii: "x"),
                let offset = rest.takeNumber(radix: 16, upTo: " "),
                let major = rest.takeNumber(radix: 16, upTo: ":").flatMap({ UInt32(exactly: $0) }),
                let minor = rest.takeNumber(radix: 16, upTo: " ").flatMap({ UInt32(exactly: $0) }),
                let inode = rest.takeNumber(radix: 10, upTo: " "), start < end
            else { return nil }
            // Of the path's bytes the kernel escapes the line end and nothing else, not even the backslash.
            let path = rest.drop { $0 == 0x20 }.decodingOctalEscapes(only: [0x0A])
            let device = DeviceNumber(major: major, minor: minor)
            return Mapping(
                start: VirtualAddress(start), end: VirtualAddress(end), offset: FileOffset(offset),
                file: inode == 0 ? nil : FileIdentity(device: device, inode: inode),
                path: path.isEmpty ? "//anon" : String(losslesslyDecoding: path))
        }
    }
}

extension ArraySlice<UInt8> {
    /// Removes and returns what stands before a separator, and removes that too; the whole rest where there is none.
    fileprivate mutating func take(upTo separator: Unicode.Scalar) -> ArraySlice<UInt8>? {
        guard !isEmpty else { return nil }
        let end = firstIndex(of: UInt8(ascii: separator)) ?? endIndex
        let taken = self[startIndex..<end]
        self = self[Swift.min(end + 1, endIndex)...]
        return taken
    }

    fileprivate mutating func takeNumber(radix: Int, upTo separator: Unicode.Scalar) -> UInt64? {
        take(upTo: separator).flatMap { UInt64(String(decoding: $0, as: UTF8.self), radix: radix) }
    }
}
