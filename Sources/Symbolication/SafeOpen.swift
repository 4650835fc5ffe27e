internal import CLinux
internal import Glibc
internal import Isolation
internal import ProfileModel

/// How a path is followed.
public enum PathResolution: UInt8, Sendable {
    /// As the kernel follows it; for paths that the recorder itself made up.
    case plain = 0
    /// Within the directory, as if it were `/`, and through no link of procfs. Source: openat2(2).
    case inRoot = 1
}

/// Looking up files that a container controls. Any of it may take for ever where a container made the file system: it is
/// done in a process that can be killed.
enum SafeOpen {
    static let workingDirectory = AT_FDCWD

    static func close(_ descriptor: Int32) { Glibc.close(descriptor) }

    /// Looks a regular file up. Nothing is opened: opening a device, a FIFO or a terminal could block or do something.
    static func regularFile(
        at directory: Int32, _ path: String, _ resolution: PathResolution
    ) throws(FileRefusal) -> (file: HeldFile, status: FileStatus) {
        let file = HeldFile(owning: try lookUp(at: directory, path, flags: 0, resolution))
        guard let status = FileStatus(file.descriptor) else { throw FileRefusal(errno: errno) }
        guard status.isRegular else { throw .notRegular }
        if FileSystem.isPseudo(file.descriptor) { throw .notAFile }
        return (file, status)
    }

    /// Looks a directory up, to look files up in.
    static func directory(_ path: String) throws(FileRefusal) -> (file: HeldFile, status: FileStatus) {
        let file = HeldFile(owning: try lookUp(at: AT_FDCWD, path, flags: UInt64(O_DIRECTORY), .plain))
        guard let status = FileStatus(file.descriptor) else { throw FileRefusal(errno: errno) }
        return (file, status)
    }

    /// Opens a file for reading that was looked up.
    ///
    /// - Returns: a descriptor that the caller closes.
    static func forReading(_ descriptor: Int32) throws(FileRefusal) -> Int32 {
        // open(2) copies the path, which names our own descriptor.
        let opened = unsafe open("/proc/self/fd/\(descriptor)", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard opened >= 0 else { throw FileRefusal(errno: errno) }
        return opened
    }

    private static func lookUp(
        at directory: Int32, _ path: String, flags: UInt64, _ resolution: PathResolution
    ) throws(FileRefusal) -> Int32 {
        guard !path.utf8.contains(0) else { throw .vanished }
        let inRoot = UInt64(CLINUX_RESOLVE_IN_ROOT) | UInt64(CLINUX_RESOLVE_NO_MAGICLINKS)
        // First without leaving the file system of the root, where a container's own files are; then also into its volumes.
        let attempts = resolution == .plain ? [0] : [inRoot | UInt64(CLINUX_RESOLVE_NO_XDEV), inRoot]
        // A container's path may have any bytes; the kernel gets those very ones back.
        let bytes = path.losslessBytes.map { CChar(bitPattern: $0) } + [0]
        var failure: Int32 = 0
        for resolve in attempts {
            // openat2(2) copies the path.
            let descriptor = unsafe clinux_openat2(
                directory, bytes, UInt64(CLINUX_O_PATH) | UInt64(O_CLOEXEC) | flags, resolve)
            if descriptor >= 0 { return descriptor }
            failure = -descriptor
            if failure != EXDEV { break }
        }
        throw FileRefusal(errno: failure)
    }
}
