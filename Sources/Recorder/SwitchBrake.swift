import PerfEvents

/// The events that sample switches off the CPU, and how many of them one sample stands for.
///
/// The rate is adapted between two rounds of reading. But reading may take a while: a stack that leads through a file for
/// the first time waits until that is opened, and 100,000 switches a second with a copy of the stack each fill a ring of 32 MiB
/// in that time. So where a ring would be full in half a second, and before anything slow while more than some samples wait,
/// fewer switches are sampled at once; the next look at the rate lets go again.
final class SwitchBrake {
    private(set) var period: UInt64 = 1
    private var events: [Event] = []
    private let rings: RingSet
    private var last: (time: UInt64, written: [UInt64])

    /// - Parameter rings: all there are.
    init(rings: RingSet) {
        self.rings = rings
        last = (Clock.monotonic(), rings.writtenByteCounts())
    }

    /// In a shorter time, and of fewer bytes, no rate is seen.
    private static let leastNanoseconds: UInt64 = 1_000_000
    private static let leastBytes: UInt64 = 512 << 10
    /// A ring has to hold this many seconds of what comes.
    private static let reserve = 0.5

    /// Bytes that wait where switches are many: 60 samples with a copy of the stack, which since the last round are more than
    /// 600 in a second.
    private static let many = 512 << 10
    /// With it a ring of 32 MiB has room for a second of 100,000 switches.
    private static let safePeriod: UInt64 = 31

    func add(_ event: Event, period: UInt64) {
        events.append(event)
        self.period = period
    }

    func keep(_ isKept: (Event) -> Bool) { events = events.filter(isKept) }

    /// From now on one in `period` switches is sampled.
    func set(_ period: UInt64) {
        if period == self.period { return }
        self.period = period
        for event in events { try? event.setPeriod(period) }
    }

    /// Looks at what the rings got since the last look.
    func check() {
        if events.isEmpty { return }
        let now = Clock.monotonic()
        guard now - last.time >= Self.leastNanoseconds else { return }
        let written = rings.writtenByteCounts()
        let most = zip(written, last.written).map { $0 &- $1 }.max() ?? 0
        defer { last = (now, written) }
        guard most >= Self.leastBytes else { return }
        let seconds = Double(now - last.time) / 1e9
        let need = Double(most) / seconds * Self.reserve / Double(rings.capacity)
        if need > 1 { set(min(period, 1 << 16) * UInt64(min(need, 1024).rounded(.up)) | 1) }
    }

    /// Before something that may take a while.
    func prepareToWait() {
        if period < Self.safePeriod, rings.mostWaiting >= Self.many { set(Self.safePeriod) }
    }
}
