import Glibc
import SystemPackage

/// The name a recording is written under until it is complete.
///
/// An empty recording is made under a name of its own, exclusively and with mode 0600, and gets its name when it can be read:
/// whenever a recorder is killed, what bears a recording's name is one. Without `replacing` that is the name that was asked
/// for, so that a killed recorder leaves its file there; with `replacing` an existing file stays until the new one is complete.
struct OutputFile {
    let finalPath: String
    let workingPath: String
    /// Where the empty recording is made.
    var scratchPath: String { workingPath + ".new" }

    init(path: String, replacing: Bool) throws(RecordingError) {
        finalPath = path
        var status = stat()
        // lstat(2) fills a local variable.
        let exists = unsafe lstat(path, &status) == 0
        if exists, !replacing { throw .exists(path: path) }
        workingPath = exists ? path + ".partial" : path
        do throws(Errno) {
            if exists {
                try Self.checkReplaceable(path)
                // Left by a recorder that was killed while it replaced the same file.
                try Self.removeIfThere(workingPath)
            }
            try Self.removeIfThere(workingPath + ".new")
            try Self.create(workingPath + ".new")
        } catch {
            throw .cannotCreate(path: path, errno: error.rawValue)
        }
    }

    /// Gives the empty recording its name, unless somebody has taken that meanwhile.
    func place() throws(RecordingError) {
        // link(2) and rename(2) read both paths during the call only.
        var failure = unsafe link(scratchPath, workingPath) == 0 ? 0 : errno
        if failure != 0, failure != EEXIST {
            // A file system without hard links: for a moment there is an empty file.
            do throws(Errno) {
                try Self.create(workingPath)
                // As above.
                failure = unsafe rename(scratchPath, workingPath) == 0 ? 0 : errno
            } catch {
                failure = error.rawValue
            }
        }
        try? Self.removeIfThere(scratchPath)
        if failure == EEXIST { throw .exists(path: finalPath) }
        if failure != 0 { throw .cannotCreate(path: finalPath, errno: failure) }
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
        discardScratch()
        try? Self.remove(workingPath)
        try? Self.remove(workingPath + "-journal")
    }

    /// Removes what has not got its name yet.
    func discardScratch() {
        try? Self.remove(scratchPath)
        try? Self.remove(scratchPath + "-journal")
    }

    private static func removeIfThere(_ path: String) throws(Errno) {
        do throws(Errno) { try remove(path) } catch .noSuchFileOrDirectory {}
    }

    private static func remove(_ path: String) throws(Errno) {
        // unlink(2) reads the path during the call only.
        if unsafe unlink(path) != 0 { throw Errno(rawValue: errno) }
    }
}
