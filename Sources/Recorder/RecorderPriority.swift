import Glibc

/// The priority of the recorder's thread: it takes a few percent of a CPU, but must have them before its rings are full,
/// whatever else wants to run. Where raising it is not permitted, it stays as it is.
struct RecorderPriority {
    private let before: Int32

    /// Steps of nice(2); each is worth about a fourth of the CPU time against others.
    private static let raise: Int32 = 10

    /// Raises the calling thread's priority. Source: setpriority(2): on Linux it is of the one thread.
    init() {
        before = getpriority(Int32(PRIO_PROCESS.rawValue), 0)
        _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, max(-20, before - Self.raise))
    }

    /// Lets go of it again; on the same thread.
    func end() { _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, before) }
}
