import Glibc

/// The priority of the recorder's thread: it takes a few percent of a CPU, but must have them before its rings are full,
/// whatever else wants to run.
///
/// The lowest real-time priority where that is permitted: nice(2) counts only among the threads of one session or one cgroup,
/// and a storm of 490,000 switches a second in another one kept a nice recorder from half of its records. Else ten steps of
/// nice(2); else nothing. The kernel leaves a twentieth of each second to others even if it ran all the time.
struct RecorderPriority {
    private let niceBefore: Int32
    private let isRealTime: Bool

    /// Steps of nice(2); each is worth about a fourth of the CPU time against others.
    private static let raise: Int32 = 10
    /// Not inherited by what this thread may start. Source: sched(7); Glibc's macro is out of Swift's sight.
    private static let resetOnFork: Int32 = 0x4000_0000

    /// Raises the calling thread's priority. Source: setpriority(2), sched_setscheduler(2): on Linux both are of the one
    /// thread.
    init() {
        niceBefore = getpriority(Int32(PRIO_PROCESS.rawValue), 0)
        var lowest = sched_param(sched_priority: sched_get_priority_min(SCHED_RR))
        // The call reads a local variable.
        isRealTime = unsafe sched_setscheduler(0, SCHED_RR | Self.resetOnFork, &lowest) == 0
        if !isRealTime { _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, max(-20, niceBefore - Self.raise)) }
    }

    /// Lets go of it again; on the same thread.
    func end() {
        var none = sched_param(sched_priority: 0)
        // As above.
        if isRealTime { _ = unsafe sched_setscheduler(0, SCHED_OTHER, &none) }
        _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, niceBefore)
    }
}
