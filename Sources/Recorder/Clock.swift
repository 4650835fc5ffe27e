import Glibc

/// The clocks and counters that a recording is measured with.
enum Clock {
    /// Nanoseconds of CLOCK_MONOTONIC, the clock of all records.
    static func monotonic() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

    /// Nanoseconds since the epoch.
    static func wall() -> Int64 { Int64(clamping: nanoseconds(CLOCK_REALTIME)) }

    /// CPU time of this process, all threads.
    static func ownCPU() -> Int64 { Int64(clamping: nanoseconds(CLOCK_PROCESS_CPUTIME_ID)) }

    /// Between two ticks of the kernel's timer, in nanoseconds: the coarse clock goes on with each.
    static func tick() -> UInt64 {
        var time = timespec()
        // clock_getres(2) fills a local variable.
        unsafe clock_getres(CLOCK_MONOTONIC_COARSE, &time)
        return nanoseconds(time)
    }

    private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        // clock_gettime(2) fills a local variable.
        unsafe clock_gettime(clock, &time)
        return nanoseconds(time)
    }

    private static func nanoseconds(_ time: timespec) -> UInt64 {
        UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}

extension Duration {
    /// Whole nanoseconds; some 292 years at the most.
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue + attoseconds / 1_000_000_000
    }
}
