internal import CIsolation

/// What is known of an open file without asking a server behind it, which may never answer.
public struct CachedStatus: Hashable, Sendable {
    public var deviceMajor: UInt32
    public var deviceMinor: UInt32
    public var inode: UInt64
    public var byteCount: Int64
    /// The time of the last modification.
    public var seconds: Int64
    public var nanoseconds: UInt32
    /// As in stat(2).
    public var mode: UInt32
    public var owner: UInt32

    /// - Returns: nil when the descriptor is none.
    public init?(_ descriptor: Int32) {
        var status = cisolation_status()
        // statx(2)'s result is copied into one struct that we own.
        guard unsafe cisolation_cached_status(descriptor, &status) == 0 else { return nil }
        deviceMajor = status.major
        deviceMinor = status.minor
        inode = status.inode
        byteCount = status.size
        seconds = status.seconds
        nanoseconds = status.nanoseconds
        mode = status.mode
        owner = status.owner
    }
}

/// The kind of file system that an open file is on.
public enum FileSystem {
    /// Whether the file is the kernel's own, and reading it does something or tells something.
    ///
    /// - Returns: true too where it cannot be found out.
    public static func isPseudo(_ descriptor: Int32) -> Bool {
        let type = cisolation_file_system(descriptor)
        return type < 0 || pseudo.contains(type)
    }

    /// procfs, sysfs, debugfs, tracefs, securityfs, configfs, cgroup, cgroup2, bpf, pstore, efivarfs, devpts, mqueue, nsfs,
    /// binfmt_misc, selinuxfs, smackfs. Source: linux/magic.h.
    private static let pseudo: Set<Int64> = [
        0x9FA0, 0x6265_6572, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0x6265_6570, 0x0027_E0EB, 0x6367_7270, 0xCAFE_4A11,
        0x6165_676C, 0xDE5E_81E4, 0x1CD1, 0x1980_0202, 0x6E73_6673, 0x4249_4E4D, 0xF97C_FF8C, 0x4341_5D53,
    ]
}
