internal import CLinux
internal import Glibc
internal import ProfileModel

/// An open regular file, held until the last reference goes: a container may be removed meanwhile.
public final class HeldFile: Sendable {
    /// Open for reading; closed when this object goes.
    public let descriptor: Int32

    init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// The whole contents.
    ///
    /// - Returns: nil when the file is larger than `limit`, or cannot be read.
    func contents(limit: Int) -> [UInt8]? {
        guard let size = FileStatus(descriptor)?.version.byteCount, size <= limit else { return nil }
        var bytes: [UInt8] = []
        // One byte more shows a file that grew beyond what was asked for.
        while let chunk = Self.read(descriptor, count: min(1 << 20, limit + 1 - bytes.count), at: bytes.count) {
            if chunk.isEmpty { return bytes }
            bytes.append(contentsOf: chunk)
            if bytes.count > limit { return nil }
        }
        return nil
    }

    /// - Returns: up to `count` bytes, none at the end of the file; nil on an error.
    static func read(_ descriptor: Int32, count: Int, at offset: Int) -> [UInt8]? {
        var result = -1
        // The kernel writes at most as many bytes as the buffer has, and says how many.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            repeat {
                // As above.
                result = unsafe pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            } while result < 0 && errno == EINTR
            initialized = max(result, 0)
        }
        return result < 0 ? nil : bytes
    }
}

/// Which contents an open file has: a file that was written to has another version.
struct FileVersion: Hashable {
    var identity: FileIdentity
    var byteCount: Int64
    var modifiedSeconds: Int
    var modifiedNanoseconds: Int
}

/// What fstat(2) says of an open file.
struct FileStatus: Hashable {
    var version: FileVersion
    var owner: UInt32
    var isRegular: Bool

    init?(_ descriptor: Int32) {
        var status = stat()
        // fstat(2) writes one struct that we own.
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        version = FileVersion(
            identity: FileIdentity(device: DeviceNumber(status.st_dev), inode: UInt64(status.st_ino)),
            byteCount: Int64(status.st_size), modifiedSeconds: status.st_mtim.tv_sec,
            modifiedNanoseconds: status.st_mtim.tv_nsec)
        owner = status.st_uid
        isRegular = status.st_mode & S_IFMT == S_IFREG
    }
}

extension DeviceNumber {
    /// glibc's `dev_t`: the minor's low 8 bits, the major's low 12, the minor's other 12 and the major's other 20 upwards.
    init(_ device: dev_t) {
        let bits = UInt64(device)
        self.init(
            major: UInt32(truncatingIfNeeded: (bits >> 8) & 0xFFF | (bits >> 32) & 0xFFFF_F000),
            minor: UInt32(truncatingIfNeeded: bits & 0xFF | (bits >> 12) & 0xFFFF_FF00))
    }
}

/// Why a file was not opened. The raw value is the word in reports and in the recording.
public enum FileRefusal: String, Error, Hashable, Sendable, Codable {
    /// There is no file behind the mapping.
    case noFile = "no file"
    /// The file, the process or the mapping is gone.
    case vanished
    /// The kernel does not let the recorder open it.
    case notPermitted = "not permitted"
    /// A device, pipe, socket or directory.
    case notRegular = "not a regular file"
    /// What could be opened is another file than the one that was mapped.
    case otherFile = "another file"
    /// As many files as allowed are open.
    case tooManyFiles = "too many files"
    case tooLarge = "too large"

    init(errno: Int32) {
        switch errno {
        case EACCES, EPERM: self = .notPermitted
        case EMFILE, ENFILE: self = .tooManyFiles
        default: self = .vanished
        }
    }
}

/// Opening files that a container controls.
enum SafeOpen {
    /// How a path is followed.
    enum Resolution {
        /// As the kernel follows it; for paths that the recorder itself made up.
        case plain
        /// Within the directory, as if it were `/`, and through no link of procfs. Source: openat2(2).
        case inRoot
    }

    /// Opens a regular file for reading.
    ///
    /// The file is first only looked up (`O_PATH`), then checked, then opened through its descriptor: opening a device, a
    /// FIFO or a terminal could block or do something.
    static func regularFile(
        at directory: Int32, _ path: String, _ resolution: Resolution
    ) throws(FileRefusal) -> (file: HeldFile, status: FileStatus) {
        let place = try lookUp(at: directory, path, flags: 0, resolution)
        defer { close(place) }
        guard let status = FileStatus(place) else { throw FileRefusal(errno: errno) }
        guard status.isRegular else { throw .notRegular }
        // open(2) copies the path, which names our own descriptor.
        let descriptor = unsafe open("/proc/self/fd/\(place)", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileRefusal(errno: errno) }
        return (HeldFile(owning: descriptor), status)
    }

    /// Looks a directory up, to open files in.
    ///
    /// - Returns: a descriptor that the caller closes.
    static func directory(_ path: String) throws(FileRefusal) -> Int32 {
        try lookUp(at: AT_FDCWD, path, flags: UInt64(O_DIRECTORY), .plain)
    }

    private static func lookUp(
        at directory: Int32, _ path: String, flags: UInt64, _ resolution: Resolution
    ) throws(FileRefusal) -> Int32 {
        guard !path.utf8.contains(0) else { throw .vanished }
        let resolve: UInt64 =
            switch resolution {
            case .plain: 0
            case .inRoot: UInt64(CLINUX_RESOLVE_IN_ROOT) | UInt64(CLINUX_RESOLVE_NO_MAGICLINKS)
            }
        // A container's path may have any bytes; the kernel gets those very ones back.
        let bytes = path.losslessBytes.map { CChar(bitPattern: $0) } + [0]
        // openat2(2) copies the path.
        let descriptor = unsafe clinux_openat2(
            directory, bytes, UInt64(CLINUX_O_PATH) | UInt64(O_CLOEXEC) | flags, resolve)
        guard descriptor >= 0 else { throw FileRefusal(errno: -descriptor) }
        return descriptor
    }
}
