internal import Glibc
internal import Isolation
internal import ObjectTables
internal import ProfileModel

/// A file that was looked up and is held until the last reference goes: a container may be removed meanwhile.
///
/// The descriptor is one that can neither read nor write (`O_PATH`): nothing that is done with it asks the file system, which
/// a container may have made, for anything. Whoever is to read the file opens it through this descriptor.
public final class HeldFile: Sendable {
    /// Closed when this object goes.
    public let descriptor: Int32

    public init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Reads one of procfs's own files.
    ///
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
struct FileVersion: Hashable, Sendable {
    var identity: FileIdentity
    var byteCount: Int64
    var modifiedSeconds: Int
    var modifiedNanoseconds: Int

    /// What a parser holds the file against.
    var stamp: FileStamp {
        FileStamp(
            byteCount: byteCount, seconds: Int64(modifiedSeconds),
            nanoseconds: UInt32(truncatingIfNeeded: modifiedNanoseconds))
    }
}

/// What an open file is.
public struct FileStatus: Hashable, Sendable {
    var version: FileVersion
    var owner: UInt32
    var isRegular: Bool

    init(version: FileVersion, owner: UInt32, isRegular: Bool) {
        self.version = version
        self.owner = owner
        self.isRegular = isRegular
    }

    /// What the kernel knows without asking the file system's server, where there is one.
    init?(cached descriptor: Int32) {
        guard let status = CachedStatus(descriptor) else { return nil }
        version = FileVersion(
            identity: FileIdentity(
                device: DeviceNumber(major: status.deviceMajor, minor: status.deviceMinor), inode: status.inode),
            byteCount: status.byteCount, modifiedSeconds: Int(status.seconds),
            modifiedNanoseconds: Int(status.nanoseconds))
        owner = status.owner
        isRegular = status.mode & S_IFMT == S_IFREG
    }

    /// What fstat(2) says.
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
    /// Opening it took too long: a file server that does not answer.
    case hangs = "file system hangs"
    /// A file of the kernel's own: procfs, sysfs and their kin.
    case notAFile = "not a container's file"
    /// There is no process that may open or read it.
    case noHelper = "no helper process"
    /// It is being read; ask again.
    case late

    init(errno: Int32) {
        switch errno {
        case EACCES, EPERM: self = .notPermitted
        case EMFILE, ENFILE: self = .tooManyFiles
        default: self = .vanished
        }
    }
}
