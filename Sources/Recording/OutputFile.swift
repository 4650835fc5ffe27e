import FoundationEssentials
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
        } catch Errno.fileExists {
            guard replacing else { throw .exists(path: path) }
            workingPath = path + ".partial"
            do {
                // Left by a recorder that was killed while it replaced the same file.
                if FileManager.default.fileExists(atPath: workingPath) {
                    try FileManager.default.removeItem(atPath: workingPath)
                }
                try Self.create(workingPath)
            } catch {
                throw .cannotCreate(path: workingPath, errno: (error as? Errno)?.rawValue ?? EIO)
            }
        } catch {
            throw .cannotCreate(path: path, errno: (error as? Errno)?.rawValue ?? EIO)
        }
    }

    /// O_EXCL also refuses a symbolic link, so that none is followed.
    private static func create(_ path: String) throws {
        let descriptor = try FileDescriptor.open(
            FilePath(path), .readWrite, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
            permissions: [.ownerReadWrite])
        try descriptor.close()
    }

    /// Gives the complete file its name.
    func publish() throws(RecordingError) {
        guard workingPath != finalPath else { return }
        let result = unsafe rename(workingPath, finalPath)
        if result != 0 { throw .cannotCreate(path: finalPath, errno: errno) }
    }

    /// Removes a file that holds nothing worth keeping.
    func discard() {
        try? FileManager.default.removeItem(atPath: workingPath)
        try? FileManager.default.removeItem(atPath: workingPath + "-journal")
    }
}
