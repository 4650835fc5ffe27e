import FoundationEssentials
import GRDB
import Glibc
public import ProfileModel
import SystemPackage

/// Reads a recording whole.
public enum RecordingReader {
    /// Takes the file for hostile: nothing in it is run, believed or opened, and it is read in a time that its size bounds.
    ///
    /// - Returns: the profile with ids turned into indices.
    /// - Throws: `noSuchFile`, `unreadable`, `notARecording`, `newerSchema` or `corrupt`.
    /// - Complexity: two scans of each table, of which one checks its pages; about 0.6 µs for a sample.
    public static func read(path: String) throws(RecordingError) -> Profile {
        let byteCount = try checkReadable(path)
        do {
            return try read(path, at: path, readOnly: true, byteCount: byteCount)
        } catch .unreadable(_, errno: EROFS) {
            // A recorder that was killed in a commit leaves a journal, which only a writer may roll back.
            let resolved = try checkJournal(path, byteCount: byteCount)
            return try read(path, at: resolved, readOnly: false, byteCount: byteCount)
        }
    }

    /// - Returns: the file's size.
    private static func checkReadable(_ path: String) throws(RecordingError) -> Int {
        do {
            let descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
            defer { try? descriptor.close() }
            var head = [UInt8](repeating: 0, count: 100)
            let count = try unsafe head.withUnsafeMutableBytes { bytes in
                // The buffer lives for the length of this call, which is all that read(2) needs.
                unsafe try descriptor.read(into: bytes)
            }
            guard count == 100, head.starts(with: Array("SQLite format 3\0".utf8)) else {
                throw RecordingError.notARecording(path: path)
            }
            // SQLite would make files beside it, and read rows from one that somebody put there.
            guard head[18] == 1, head[19] == 1 else {
                throw RecordingError.corrupt(path: path, detail: "it keeps rows in a write-ahead log beside it")
            }
            var status = stat()
            // fstat(2) fills a local variable.
            guard unsafe fstat(descriptor.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
            return Int(status.st_size)
        } catch let error as RecordingError {
            throw error
        } catch Errno.noSuchFileOrDirectory {
            throw .noSuchFile(path: path)
        } catch {
            throw .unreadable(path: path, errno: (error as? Errno)?.rawValue ?? EIO)
        }
    }

    /// - Returns: the path without symbolic links, beside which SQLite looks for the journal.
    private static func checkJournal(_ path: String, byteCount: Int) throws(RecordingError) -> String {
        // It allocates the result, which is copied and freed.
        guard let resolved = unsafe realpath(path, nil) else { throw .unreadable(path: path, errno: errno) }
        // As above.
        defer { unsafe free(resolved) }
        let literal = unsafe String(cString: resolved)
        do {
            try LeftJournal.check(of: literal, byteCount: byteCount)
        } catch let damage as Damage {
            throw .corrupt(path: path, detail: damage.detail)
        } catch {
            throw .unreadable(path: path, errno: (error as? Errno)?.rawValue ?? EIO)
        }
        return literal
    }

    /// - Parameters:
    ///   - path: the path as it was given, for errors.
    ///   - place: where it is opened.
    private static func read(
        _ path: String, at place: String, readOnly: Bool, byteCount: Int
    ) throws(RecordingError) -> Profile {
        // Behind the connection it ends; see below.
        let budget = StepBudget(byteCount: byteCount)
        defer { withExtendedLifetime(budget) {} }
        var configuration = Configuration()
        configuration.readonly = readOnly
        // A recorder that still writes the file holds it for some milliseconds in each second.
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in try UntrustedDatabase.configure(db, budget: budget) }
        do {
            let database = try DatabaseQueue(path: OutputFile.literal(place), configuration: configuration)
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
            case .SQLITE_INTERRUPT: throw .corrupt(path: path, detail: "its rows do not end")
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
