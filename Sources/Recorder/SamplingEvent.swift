import Glibc
import PerfEvents
import PerfRecords

/// The event that samples are taken with: `cycles` where there is a counter, else `cpu-clock`.
struct SamplingEvent {
    let source: EventDescription.Source
    /// Why it is not `cycles`; nil where it is.
    let reason: String?
    /// Nanoseconds of CPU for each unit of the period.
    let nanosecondsPerUnit: Double

    /// Opens `cycles` for the calling thread to see whether this machine counts them.
    ///
    /// A cycle is turned into time by what this CPU does in a few milliseconds of work: shares do not depend on it, and
    /// times are as good as the CPU's frequency is steady. The cgroup's own count stands beside them in every report.
    static func choose(abilities: KernelAbilities) -> SamplingEvent {
        let description = EventDescription(
            source: .cycles, sampling: .counting, layout: SampleLayout(sampleFields: [.identifier, .time, .tid]))
        do {
            let event = try Event(description, scope: .thisThread, abilities: abilities)
            try event.enable()
            let start = Clock.monotonic()
            while Clock.monotonic() < start + 5_000_000 {}
            try event.disable()
            if let count = event.count(), count.value > 0, count.runningNanoseconds > 0 {
                return SamplingEvent(
                    source: .cycles, reason: nil,
                    nanosecondsPerUnit: Double(count.runningNanoseconds) / Double(count.value))
            }
            return clock(because: "the hardware counter does not count here")
        } catch PerfEventError.cannotOpen(_, ENOENT), PerfEventError.cannotOpen(_, EOPNOTSUPP),
            PerfEventError.cannotOpen(_, ENODEV)
        {
            return clock(because: "no hardware counters here")
        } catch PerfEventError.cannotOpen(_, EBUSY) {
            return clock(because: "another user holds the hardware counters")
        } catch {
            return clock(because: "the hardware counters cannot be opened")
        }
    }

    private static func clock(because reason: String) -> SamplingEvent {
        SamplingEvent(source: .cpuClock, reason: reason, nanosecondsPerUnit: 1)
    }
}
