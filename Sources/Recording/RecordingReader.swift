import FoundationEssentials
import GRDB
import Glibc
public import ProfileModel
import SystemPackage

/// Reads a recording whole.
public enum RecordingReader {
    /// - Returns: the profile with ids turned into indices.
    /// - Throws: `noSuchFile`, `unreadable`, `notARecording`, `newerSchema` or `corrupt`.
    /// - Complexity: one scan of each table; about 0.5 µs for a sample.
    public static func read(path: String) throws(RecordingError) -> Profile {
        try checkReadable(path)
        do {
            return try read(path: path, readOnly: true)
        } catch .unreadable(_, errno: EROFS) {
            // A recorder that was killed in a commit leaves a journal, which only a writer may roll back.
            return try read(path: path, readOnly: false)
        }
    }

    private static func checkReadable(_ path: String) throws(RecordingError) {
        do {
            let descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
            defer { try? descriptor.close() }
            var head = [UInt8](repeating: 0, count: 16)
            let count = try unsafe head.withUnsafeMutableBytes { bytes in
                // The buffer lives for the length of this call, which is all that read(2) needs.
                unsafe try descriptor.read(into: bytes)
            }
            guard count == 16, head.elementsEqual(Array("SQLite format 3\0".utf8)) else {
                throw RecordingError.notARecording(path: path)
            }
        } catch let error as RecordingError {
            throw error
        } catch Errno.noSuchFileOrDirectory {
            throw .noSuchFile(path: path)
        } catch {
            throw .unreadable(path: path, errno: (error as? Errno)?.rawValue ?? EIO)
        }
    }

    private static func read(path: String, readOnly: Bool) throws(RecordingError) -> Profile {
        var configuration = Configuration()
        configuration.readonly = readOnly
        // A recorder that still writes the file holds it for some milliseconds in each second.
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            // Recordings come from other people: nothing in them may run, and a short file must not fault a mapping.
            try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;")
        }
        do {
            let database = try DatabaseQueue(path: OutputFile.literal(path), configuration: configuration)
            return try database.read { db in try profile(from: db, path: path) }
        } catch let error as RecordingError {
            throw error
        } catch let error as Damage {
            throw .corrupt(path: path, detail: error.detail)
        } catch let error as DatabaseError {
            switch error.resultCode {
            case .SQLITE_NOTADB: throw .notARecording(path: path)
            case .SQLITE_READONLY, .SQLITE_CANTOPEN: throw .unreadable(path: path, errno: readOnly ? EROFS : EACCES)
            case .SQLITE_BUSY, .SQLITE_LOCKED: throw .unreadable(path: path, errno: EBUSY)
            case .SQLITE_IOERR: throw .unreadable(path: path, errno: EIO)
            default: throw .corrupt(path: path, detail: error.message ?? "\(error.resultCode)")
            }
        } catch {
            throw .corrupt(path: path, detail: "\(error)")
        }
    }

    private static func profile(from db: Database, path: String) throws -> Profile {
        let application = try Int32.fetchOne(db, sql: "PRAGMA application_id")
        guard application == Schema.applicationID else { throw RecordingError.notARecording(path: path) }
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard version <= Schema.version else {
            throw RecordingError.newerSchema(path: path, found: version, supported: Schema.version)
        }
        try checkLength(of: db, path: path)
        return try TableReader(db: db, version: version).profile()
    }

    /// SQLite would take the missing end of the last page for zeros.
    ///
    /// Not by way of a descriptor: closing one would let go of the locks that SQLite has on the file.
    private static func checkLength(of db: Database, path: String) throws {
        var status = stat()
        // stat(2) fills a local variable.
        guard unsafe stat(path, &status) == 0 else { throw RecordingError.unreadable(path: path, errno: errno) }
        let pageSize = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
        guard pageSize > 0, Int(status.st_size).isMultiple(of: pageSize) else {
            throw Damage("it ends in the middle of a page")
        }
    }
}
