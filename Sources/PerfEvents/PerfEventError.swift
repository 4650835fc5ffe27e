/// What the kernel refused, as facts.
public enum PerfEventError: Error, Equatable, Sendable {
    /// perf_event_open(2) failed for the event named.
    case cannotOpen(event: String, errno: Int32)
    /// Mapping a ring of this many bytes failed; EPERM means that perf_event_mlock_kb forbids it.
    case cannotMap(byteCount: Int, errno: Int32)
    /// An ioctl(2) on an open event failed.
    case cannotControl(event: String, operation: String, errno: Int32)
}
