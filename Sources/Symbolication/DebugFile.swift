internal import ObjectTables
internal import ProfileModel

/// A separate file with a module's debug information.
struct DebugFile: Sendable {
    let file: HeldFile
    /// The CRC-32 that the whole file must have, where no build ID settled that it belongs to the module; the parser holds
    /// the file against it.
    let crc: UInt32?

    /// Looks for a module's debug file: in the process's root by build ID and by the name in .gnu_debuglink, then on the
    /// host by build ID alone.
    ///
    /// - Parameters:
    ///   - path: the module's path in the process's root.
    ///   - hostDirectory: the host's own directory of debug files.
    static func find(
        for header: ModuleHeader, path: String, process: ProcessFiles, hostDirectory: String, doors: FileDoors
    ) -> DebugFile? {
        if let buildID = header.buildID, let name = buildIDPath(buildID, in: "/usr/lib/debug") {
            if let file = try? process.openInRoot(name).file, has(file, buildID, doors) {
                return DebugFile(file: file, crc: nil)
            }
        }
        if let file = findLinked(header, path: path, process: process, doors: doors) { return file }
        if let buildID = header.buildID, let name = buildIDPath(buildID, in: hostDirectory) {
            // A path of the host's own, made of hexadecimal digits only.
            if let file = try? doors.opener.regularFile(in: nil, name, .plain).file, has(file, buildID, doors) {
                return DebugFile(file: file, crc: nil)
            }
        }
        return nil
    }

    /// Source: gdb's manual, "Debugging Information in Separate Files".
    private static func findLinked(
        _ header: ModuleHeader, path: String, process: ProcessFiles, doors: FileDoors
    ) -> DebugFile? {
        guard let name = header.debugLink, let crc = header.debugLinkCRC, name != ".", name != "..",
            let slash = path.lastIndex(of: "/")
        else { return nil }
        let directory = path[..<slash]
        for candidate in ["\(directory)/\(name)", "\(directory)/.debug/\(name)", "/usr/lib/debug\(directory)/\(name)"]
        where candidate != path {
            guard let file = try? process.openInRoot(candidate).file else { continue }
            let other = self.header(of: file, doors)
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

    /// - Parameter milliseconds: how long to wait for the answer. While samples wait a debug file that takes its time is as
    ///   good as none.
    static func has(_ file: HeldFile, _ buildID: BuildID, _ doors: FileDoors, milliseconds: Int? = 250) -> Bool {
        header(of: file, doors, milliseconds: milliseconds)?.buildID == buildID
    }

    private static func header(of file: HeldFile, _ doors: FileDoors, milliseconds: Int? = 250) -> ModuleHeader? {
        let answer = doors.parser.begin(.module(stamp: nil, wantsRows: false), files: [file])
        guard case .module(let header, _)? = answer.wait(milliseconds: milliseconds) else { return nil }
        return header
    }
}
