import Glibc
import PerfEvents
import PerfRecords
import TestSupport
import Testing

extension Live {
    @Suite("Rings")
    struct RingTests {
        /// A thread that samples itself into a ring that nobody empties: some samples fit, the rest is lost.
        private struct OwnThread: ~Copyable {
            static let hertz = 4999
            let layout = SampleLayout(sampleFields: [.identifier, .ip, .tid, .time, .cpu, .period])
            let event: Event
            var ring: RingBuffer
            var samples = 0
            /// The sum of the PERF_RECORD_LOST that came through the ring.
            var lostRecords = 0
            var cpuNanoseconds: UInt64 = 0

            init() throws {
                let opened = try Event(
                    EventDescription(source: .cpuClock, sampling: .frequency(Self.hertz), layout: layout),
                    scope: .thisThread, abilities: .probe())
                ring = try RingBuffer(event: opened, capacity: 4096)
                event = opened
            }

            mutating func spin(nanoseconds: UInt64) throws {
                let start = Self.cpuTime()
                try event.enable()
                while Self.cpuTime() < start + nanoseconds {}
                try event.disable()
                cpuNanoseconds += Self.cpuTime() - start
            }

            mutating func drain() throws {
                let decoder = RecordDecoder(defaultLayout: layout)
                ring.refresh()
                while let record = ring.withNextRecord({ try? decoder.decode($0) }) {
                    switch record {
                    case .sample: samples += 1
                    case .lost(let lost): lostRecords += Int(lost.count)
                    default: break
                    }
                    ring.advance()
                }
                ring.release()
            }

            private static func cpuTime() -> UInt64 {
                var time = timespec()
                // clock_gettime(2) fills a local variable.
                _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
                return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
            }
        }

        /// PERF_RECORD_LOST is written in front of the next record that finds room, so that what is lost last is never
        /// told that way; the event's own count (PERF_FORMAT_LOST) misses none.
        @Test("The event's own count of lost samples is whole, where lost records leave out the last ones")
        func lostCounts() throws {
            guard KernelAbilities.probe().countsLost else {
                try Test.cancel("the kernel is older than 6.0 and does not count what each event lost")
            }
            var thread = try OwnThread()
            // 4096 bytes hold 73 samples of 56 bytes; half a second at 4999 Hz makes 2500.
            try thread.spin(nanoseconds: 500_000_000)
            try thread.drain()
            #expect(thread.lostRecords == 0)
            let lostFirst = Int(try #require(thread.event.count()?.lost))
            // The first record of the second burst tells of the first burst's losses; nothing tells of its own.
            try thread.spin(nanoseconds: 500_000_000)
            try thread.drain()
            let lost = Int(try #require(thread.event.count()?.lost))

            let expected = Double(thread.cpuNanoseconds) / 1e9 * Double(OwnThread.hertz)
            seen(
                "ring of 4 KiB: \(thread.samples) delivered, PERF_FORMAT_LOST \(lost), PERF_RECORD_LOST \(thread.lostRecords), "
                    + "expected \(Int(expected))")
            #expect(thread.lostRecords == lostFirst)
            #expect(lost > lostFirst)
            #expect(abs(Double(thread.samples + lost) / expected - 1) < 0.05)
        }
    }
}
