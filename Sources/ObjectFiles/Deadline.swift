internal import Glibc

/// When an answer's budget of time is spent.
///
/// Counted in CPU time of the calling thread: on a machine that is busy with what is being recorded, the same file gets
/// the same answer.
struct Deadline {
    private let end: UInt64
    private var untilNextLook = 0
    private var passed = false

    init(milliseconds: Int) {
        // A day is for ever, and keeps the product from overflowing.
        end = Self.threadNanoseconds &+ UInt64(clamping: min(milliseconds, 86_400_000)) &* 1_000_000
    }

    /// Looks at the clock at each 16th call: it costs as much as a small step.
    mutating func hasPassed() -> Bool {
        if passed { return true }
        untilNextLook -= 1
        if untilNextLook > 0 { return false }
        untilNextLook = 16
        passed = Self.threadNanoseconds >= end
        return passed
    }

    private static var threadNanoseconds: UInt64 {
        var time = timespec()
        // clock_gettime(2) writes one struct that we own; this clock is always there.
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
    }
}
