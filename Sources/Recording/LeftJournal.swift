import Glibc
import SystemPackage

/// The journal that a recorder leaves which was killed in a commit. SQLite rolls it back as soon as somebody may write; one
/// that no recorder wrote must not be: it can name a file for SQLite to read and to remove, and can make the recording as large
/// as it likes.
///
/// Source: "Database File Format", sqlite.org/fileformat2.html, "The Rollback Journal".
enum LeftJournal {
    private static let magic: [UInt8] = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7]
    private static let headerByteCount = 28

    /// - Parameter path: the recording's, without symbolic links.
    /// - Throws: `Damage` where rolling back would do more than that; `Errno`.
    static func check(of path: String, byteCount: Int) throws {
        let journal: FileDescriptor
        do {
            journal = try FileDescriptor.open(
                FilePath(path + "-journal"), .readOnly, options: [.closeOnExec, .nonBlocking, .noFollow])
        } catch Errno.noSuchFileOrDirectory {
            return
        }
        defer { try? journal.close() }
        var status = stat()
        // fstat(2) fills a local variable.
        guard unsafe fstat(journal.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Damage("its journal is not a file") }
        let size = Int(status.st_size)
        if size >= 16, try bytes(of: journal, at: size - magic.count, magic.count) == magic {
            throw Damage("its journal names another file")
        }
        let header = try bytes(of: journal, at: 0, headerByteCount)
        // SQLite does not take anything else for a journal.
        guard header.count == headerByteCount, header.starts(with: magic) else { return }
        func number(at offset: Int) -> Int {
            header[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        // Recordings only grow, so that before the commit there was no more than now.
        let (pages, pageSize) = (number(at: 16), number(at: 24))
        guard pages * pageSize <= byteCount else { throw Damage("its journal is of a larger file") }
    }

    private static func bytes(of file: FileDescriptor, at offset: Int, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try unsafe bytes.withUnsafeMutableBytes { buffer in
            // The buffer lives for the length of this call, which is all that pread(2) needs.
            unsafe try file.read(fromAbsoluteOffset: Int64(offset), into: buffer)
        }
        return Array(bytes.prefix(read))
    }
}
