import Glibc
import SystemPackage

/// The name a recording is written under until it is complete.
///
/// Without `replacing` the file is created under its own name at once, exclusively and with mode 0600, so that a killed
/// recorder leaves it where it was asked for. With `replacing` an existing file stays until the new one is complete.
struct OutputFile {
    let finalPath: String
    let workingPath: String

    init(path: String, replacing: Bool) throws(RecordingError) {
        finalPath = path
        do {
            try Self.create(path)
            workingPath = path
            return
        } catch .fileExists {
            guard replacing else { throw .exists(path: path) }
        } catch {
            throw .cannotCreate(path: path, errno: error.rawValue)
        }
        workingPath = path + ".partial"
        do throws(Errno) {
            try Self.checkReplaceable(path)
            do {
                // Left by a recorder that was killed while it replaced the same file.
                try Self.remove(workingPath)
            } catch .noSuchFileOrDirectory {}
            try Self.create(workingPath)
        } catch {
            throw .cannotCreate(path: path, errno: error.rawValue)
        }
    }

    /// The path as SQLite must be given it, which takes `:memory:` and `file:…` for something else.
    static func literal(_ path: String) -> String { path.hasPrefix("/") ? path : "./" + path }

    /// O_EXCL also refuses a symbolic link, so that none is followed.
    private static func create(_ path: String) throws(Errno) {
        let descriptor: FileDescriptor
        do {
            descriptor = try FileDescriptor.open(
                FilePath(path), .readWrite, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                permissions: [.ownerReadWrite])
        } catch {
            throw error as? Errno ?? .ioError
        }
        try? descriptor.close()
    }

    /// Only a file gives way to a recording: not a directory, a link to something else, or /dev/null.
    private static func checkReplaceable(_ path: String) throws(Errno) {
        var status = stat()
        // lstat(2) fills a local variable.
        guard unsafe lstat(path, &status) == 0 else { throw Errno(rawValue: errno) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: throw .isDirectory
        case S_IFLNK: throw .tooManySymbolicLinkLevels
        default: throw .fileExists
        }
    }

    /// Gives the complete file its name.
    func publish() throws(RecordingError) {
        guard workingPath != finalPath else { return }
        // rename(2) reads both paths during the call only.
        if unsafe rename(workingPath, finalPath) != 0 { throw .cannotCreate(path: finalPath, errno: errno) }
    }

    /// Removes a file that holds nothing worth keeping.
    func discard() {
        try? Self.remove(workingPath)
        try? Self.remove(workingPath + "-journal")
    }

    private static func remove(_ path: String) throws(Errno) {
        // unlink(2) reads the path during the call only.
        if unsafe unlink(path) != 0 { throw Errno(rawValue: errno) }
    }
}
