import CLinux
import Glibc
import ProfileModel

/// The system calls on files that this room needs. The only file of the room with unsafe code.
///
/// Paths are `String`s made by `String(losslesslyDecoding:)`: what a container named with bytes that are no UTF-8 can
/// be opened all the same.
enum Files {
    /// No file read here is larger on a sane machine: /proc/kallsyms has 5 to 20 MB.
    static let sizeLimit = 256 << 20

    /// The whole contents of a regular file.
    ///
    /// Some of the files lie in directories that users write, so a FIFO must not block the reader, nor a device feed
    /// it.
    /// - Parameter expected: bytes to make room for at once, for a large file of /proc, which does not say its size.
    /// - Returns: nil where it cannot be opened or read, is no regular file, or is larger than `limit` bytes.
    static func contents(of path: String, limit: Int = sizeLimit, expected: Int = 0) -> [UInt8]? {
        guard let descriptor = open(path, flags: O_RDONLY | O_NONBLOCK) else { return nil }
        defer { close(descriptor) }
        return contents(of: descriptor, limit: limit, expected: expected)
    }

    /// The same for a file below a directory that somebody else fills: no link in it leads out of it.
    static func contents(of path: String, within root: String, limit: Int = sizeLimit) -> [UInt8]? {
        let descriptor = open(path, within: root)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return contents(of: descriptor, limit: limit)
    }

    /// Opens a path as above and closes it again.
    ///
    /// - Returns: 0 or errno.
    static func errnoOfOpening(_ path: String, within root: String) -> Int32 {
        let descriptor = open(path, within: root)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0 ? 0 : -descriptor
    }

    /// - Returns: a descriptor, or -errno.
    private static func open(_ path: String, within root: String) -> Int32 {
        guard let directory = open(root, flags: O_RDONLY | O_DIRECTORY) else { return -errno }
        defer { close(directory) }
        let flags = UInt64(O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        let resolve = UInt64(CLINUX_RESOLVE_IN_ROOT) | UInt64(CLINUX_RESOLVE_NO_MAGICLINKS)
        // unsafe: the pointer is a NUL-terminated path that lives as long as the call.
        return unsafe withCPath(path) {
            // unsafe: as above.
            unsafe clinux_openat2(directory, $0, flags, resolve)
        }
    }

    private static func contents(of descriptor: Int32, limit: Int, expected: Int = 0) -> [UInt8]? {
        var status = stat()
        // unsafe: fstat writes the one struct it is given.
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        if expected > 0, let whole = contents(of: descriptor, room: min(expected, limit + 1)) { return whole }
        // Files of /proc say that they have 0 bytes, and hand out a page at a time.
        var chunk = [UInt8](repeating: 0, count: min(max(Int(status.st_size) + 1, 4096), 1 << 20))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(expected)
        while true {
            // unsafe: read writes at most the chunk's count into the chunk.
            let got = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if got < 0 && errno == EINTR { continue }
            if got < 0 || bytes.count + got > limit { return nil }
            if got == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<got])
        }
    }

    /// The whole contents of a file that has less than `room` bytes, read to where they stay; nil, with the file as it was,
    /// when it has more or cannot be read.
    private static func contents(of descriptor: Int32, room: Int) -> [UInt8]? {
        var isWhole = false
        // unsafe: the array's uninitialised room, of which only the pages that are written take memory; exactly what read
        // wrote is declared initialised.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
            while let start = buffer.baseAddress, initialized < room {
                // unsafe: read writes at most the room that is left.
                let got = unsafe read(descriptor, start + initialized, room - initialized)
                if got < 0 && errno == EINTR { continue }
                isWhole = got == 0
                if got <= 0 { break }
                initialized += got
            }
        }
        if !isWhole { lseek(descriptor, 0, SEEK_SET) }
        return isWhole ? bytes : nil
    }

    /// Up to `count` bytes from the beginning of a file; nil where it cannot be opened or read.
    static func head(of path: String, count: Int) -> [UInt8]? {
        guard let descriptor = open(path, flags: O_RDONLY | O_NONBLOCK) else { return nil }
        defer { close(descriptor) }
        return bytes(of: descriptor, at: 0, count: count)
    }

    /// The contents of a regular file that belongs to this user and that nobody else may read or write; nil of any other.
    static func ownContents(of path: String) -> [UInt8]? {
        guard let descriptor = open(path, flags: O_RDONLY | O_NONBLOCK | O_NOFOLLOW) else { return nil }
        defer { close(descriptor) }
        var status = stat()
        // unsafe: fstat writes the one struct it is given.
        guard unsafe fstat(descriptor, &status) == 0, isOwn(status) else { return nil }
        return contents(of: descriptor, limit: sizeLimit, expected: Int(status.st_size) + 1)
    }

    /// Makes such a file, in a directory of the same kind that is made where it is missing; does nothing where that fails.
    ///
    /// Whoever reads the path meanwhile gets the old file or the new one. Two writers at a time may leave a part of a
    /// file, which its reader has to see.
    static func replaceOwn(_ path: String, in directory: String, with bytes: [UInt8]) {
        var status = stat()
        // unsafe: the pointer is a NUL-terminated path that lives as long as the calls; lstat writes one struct.
        let isThere = unsafe withCPath(directory) { unsafe mkdir($0, 0o700) == 0 || errno == EEXIST }
        // unsafe: as above.
        guard isThere, unsafe withCPath(directory, { unsafe lstat($0, &status) }) == 0, isOwn(status),
            status.st_mode & S_IFMT == S_IFDIR
        else { return }
        let new = path + ".new"
        // unsafe: the pointer is a NUL-terminated path that lives as long as the calls.
        let descriptor = unsafe withCPath(new) { cPath -> Int32 in
            // unsafe: as above.
            unsafe unlink(cPath)
            return unsafe Glibc.open(cPath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard descriptor >= 0 else { return }
        let isWritten = write(bytes, to: descriptor) == 0
        close(descriptor)
        // unsafe: both pointers are NUL-terminated paths that live as long as the calls.
        unsafe withCPath(new) { new in
            if isWritten, unsafe withCPath(path, { unsafe rename(new, $0) }) == 0 { return }
            unsafe _ = unlink(new)
        }
    }

    private static func isOwn(_ status: stat) -> Bool { status.st_uid == geteuid() && status.st_mode & 0o077 == 0 }

    /// Up to `count` bytes from `offset` of a file; fewer at its end, nil on failure.
    static func bytes(of descriptor: Int32, at offset: UInt64, count: Int) -> [UInt8]? {
        guard count >= 0, let position = off_t(exactly: offset) else { return nil }
        var failed = false
        // unsafe: the array's uninitialised room; exactly what pread wrote is declared initialised.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            // unsafe: pread writes at most `count` bytes into room for `count`.
            let got = unsafe pread(descriptor, buffer.baseAddress, count, position)
            failed = got < 0
            initialized = max(got, 0)
        }
        return failed ? nil : bytes
    }

    /// An open descriptor, close-on-exec, that the caller closes; nil on failure, with `errno` set.
    static func open(_ path: String, flags: Int32) -> Int32? {
        // unsafe: the pointer is a NUL-terminated path that lives as long as the call.
        let descriptor = unsafe withCPath(path) { unsafe Glibc.open($0, flags | O_CLOEXEC) }
        return descriptor < 0 ? nil : descriptor
    }

    static func close(_ descriptor: Int32) {
        _ = Glibc.close(descriptor)
    }

    /// Writes bytes in one write(2), as the kernel's own files want them.
    ///
    /// - Returns: 0 or errno.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
        // The kernel reads the array during the call only.
        let written = unsafe Glibc.write(descriptor, bytes, bytes.count)
        return written == bytes.count ? 0 : written < 0 ? errno : EIO
    }

    /// The inode number of a directory (symbolic links followed); nil where there is none.
    static func inodeOfDirectory(_ path: String) -> UInt64? {
        var status = stat()
        // unsafe: the pointer is a NUL-terminated path that lives as long as the call; stat writes one struct.
        let result = unsafe withCPath(path) { unsafe stat($0, &status) }
        guard result == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
        return UInt64(status.st_ino)
    }

    /// Who owns a file or directory; nil where there is none.
    static func owner(of path: String) -> UInt32? {
        var status = stat()
        // unsafe: the pointer is a NUL-terminated path that lives as long as the call; stat writes one struct.
        return unsafe withCPath(path) { unsafe stat($0, &status) } == 0 ? status.st_uid : nil
    }

    static func exists(_ path: String) -> Bool {
        // unsafe: the pointer is a NUL-terminated path that lives as long as the call.
        unsafe withCPath(path) { unsafe access($0, F_OK) } == 0
    }

    /// Where a symbolic link leads, as it is written; nil for anything else.
    static func linkTarget(_ path: String) -> String? {
        // unsafe: the array's uninitialised room; exactly what readlink wrote is declared initialised.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, initialized in
            initialized = unsafe withCPath(path) { cPath in
                // unsafe: readlink writes at most PATH_MAX bytes into room for as many; both pointers outlive the call.
                unsafe buffer.withMemoryRebound(to: CChar.self) {
                    // unsafe: as above.
                    max(unsafe readlink(cPath, $0.baseAddress!, Int(PATH_MAX)), 0)
                }
            }
        }
        return bytes.isEmpty ? nil : String(losslesslyDecoding: bytes)
    }

    /// The names in a directory without `.` and `..`, sorted; empty where it cannot be read.
    static func names(in path: String) -> [String] {
        entries(of: path).map(\.name).sorted()
    }

    /// The names of the directories in a directory, sorted; symbolic links are not followed.
    static func directories(in path: String) -> [String] {
        entries(of: path).filter { entry in
            entry.type == DT_DIR || (entry.type == DT_UNKNOWN && inodeOfDirectory(path + "/" + entry.name) != nil)
        }.map(\.name).sorted()
    }

    private static func entries(of path: String) -> [(name: String, type: Int)] {
        // unsafe: the pointer is a NUL-terminated path that lives as long as the call.
        guard let directory = unsafe withCPath(path, { unsafe opendir($0) }) else { return [] }
        // unsafe: closed once, here, and not used afterwards.
        defer { unsafe _ = closedir(directory) }
        var found: [(name: String, type: Int)] = []
        // unsafe: the entry is read before the next readdir on this directory, which nobody else uses.
        while let entry = unsafe readdir(directory) {
            // unsafe: d_name is NUL-terminated within the entry.
            let bytes = unsafe withUnsafeBytes(of: entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
            let name = String(losslesslyDecoding: bytes)
            if name == "." || name == ".." { continue }
            // unsafe: as above.
            found.append((name, Int(unsafe entry.pointee.d_type)))
        }
        return found
    }

    /// - Returns: 0 or errno.
    static func makeDirectory(_ path: String) -> Int32 {
        // unsafe: the pointer is a NUL-terminated path that lives as long as the call.
        unsafe withCPath(path) { unsafe mkdir($0, 0o755) } == 0 ? 0 : errno
    }

    /// - Returns: 0 or errno.
    static func removeDirectory(_ path: String) -> Int32 {
        // unsafe: the pointer is a NUL-terminated path that lives as long as the call.
        unsafe withCPath(path) { unsafe rmdir($0) } == 0 ? 0 : errno
    }

    /// Calls `body` with the path's own bytes, NUL-terminated.
    private static func withCPath<Result>(_ path: String, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        // The scalars that stand for bytes that are no UTF-8 begin with 0xF4: without one the string is its own bytes.
        if !path.utf8.contains(0xF4) {
            // unsafe: lives as long as the call.
            return unsafe path.withCString { unsafe body($0) }
        }
        let bytes = path.losslessBytes.map { CChar(bitPattern: $0) } + [0]
        // unsafe: the buffer is not empty, so it has an address; it lives as long as the call.
        return unsafe bytes.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
    }
}

extension RandomAccessCollection<UInt8> {
    /// Without the spaces, tabs and line ends on both sides.
    var trimmingWhiteSpace: SubSequence {
        func isWhite(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        var rest = self[...]
        while let first = rest.first, isWhite(first) { rest = rest.dropFirst() }
        while let last = rest.last, isWhite(last) { rest = rest.dropLast() }
        return rest
    }
}

extension Span<UInt8> {
    /// Where `byte` stands next, at `start` or behind it; `count` where it does not.
    func next(_ byte: UInt8, from start: Int) -> Int {
        guard start < count else { return count }
        // unsafe: the buffer is this span; it is not empty, so it has an address, and memchr reads from `start` to its end.
        return unsafe withUnsafeBufferPointer { buffer in
            // unsafe: as above.
            guard let found = unsafe memchr(buffer.baseAddress! + start, Int32(byte), count - start) else {
                return count
            }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(buffer.baseAddress!)
        }
    }
}

extension [UInt8] {
    /// The lines, without their ends and without empty ones.
    var lines: [ArraySlice<UInt8>] { split(separator: 0x0A) }
}
