import CLinux
import Glibc

extension Host {
    /// The number that perf_event_open(2) knows a tracepoint by.
    ///
    /// Read where tracefs is mounted; else from a mount of its own that nobody sees and that ends with this call, so that
    /// nothing on the machine changes.
    /// - Parameter name: such as `raw_syscalls/sys_enter`.
    /// - Returns: nil where the kernel has no such tracepoint, or does not let this process look.
    public func tracepointID(_ name: String) -> UInt64? {
        let file = "events/\(name)/id"
        for mountPoint in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] {
            if let id = integer("\(mountPoint)/\(file)") { return UInt64(exactly: id) }
        }
        // A fixture tree has no kernel of its own.
        guard prefix.isEmpty else { return nil }
        // The type's name is read during the call only.
        let mount = unsafe clinux_detached_mount("tracefs")
        guard mount >= 0 else { return nil }
        defer { Files.close(mount) }
        return integer("/proc/self/fd/\(mount)/\(file)").flatMap { UInt64(exactly: $0) }
    }
}
