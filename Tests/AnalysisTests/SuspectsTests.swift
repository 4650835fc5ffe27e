import ProfileModel
import Testing

@testable import Analysis

@Suite("The usual suspects")
struct SuspectsTests {
    /// 10 s of one container with these figures, each from 0.
    private func suspects(_ figures: [(name: String, after: Int64)]) -> Suspects? {
        var building = ProfileBuilding()
        building.profile.pressure = figures.map {
            PressureReading(container: 0, name: $0.name, unit: "", before: 0, after: $0.after)
        }
        return Suspects(building.profile, container: 0)
    }

    @Test("A container that is neither throttled nor stalled is told so")
    func nothing() throws {
        let found = try #require(
            suspects([
                ("cpu.stat nr_periods", 100), ("cpu.stat nr_throttled", 0), ("cpu.pressure some total", 100_000),
                ("memory.pressure some total", 0), ("io.pressure some total", 0),
            ]))
        #expect(found.verdict == "not throttled, no stalls: the limits are not the cause")
        // 0.1 s of 10 s.
        #expect(found.cpuStallShare == 0.01)
    }

    @Test("A CPU limit that throttles is named with what it allows")
    func throttled() throws {
        let found = try #require(
            suspects([
                ("cpu.stat nr_periods", 100), ("cpu.stat nr_throttled", 60), ("cpu.max quota", 150_000),
                ("cpu.max period", 100_000),
            ]))
        #expect(found.cpuLimit == 1.5)
        #expect(found.throttledShare == 0.6)
        #expect(found.verdict == "throttled in 60 % of its periods: its CPU limit of 1.5 CPUs slows it down")
    }

    @Test("Waits for a CPU name who ran instead, those that matter")
    func ranInstead() throws {
        let found = try #require(
            suspects([
                ("cpu.pressure some total", 3_000_000), ("preempted by cc1plus", 700),
                ("preempted by its own threads", 250),
                ("preempted by kworker/0:1", 50), ("schedstat run_delay", 2_500_000_000), ("memory.stat pgfault", 12),
                ("memory.stat pgmajfault", 1),
            ]))
        #expect(found.verdict == "waits for a CPU 30 % of the time, mostly behind cc1plus, its own threads")
        #expect(found.ranInstead?.map(\.name) == ["cc1plus", "its own threads", "kworker/0:1"])
        #expect(found.runQueueWaitNanoseconds == 2_500_000_000)
        #expect(found.pageFaults == 12 && found.majorFaults == 1)
    }

    @Test("What was not read is not there, and nothing at all is no suspect")
    func absent() throws {
        #expect(suspects([]) == nil)
        let found = try #require(suspects([("memory.stat pgfault", 12)]))
        #expect(found.ranInstead == nil && found.runQueueWaitNanoseconds == nil && found.cpuStallShare == nil)
        #expect(found.verdict == "not measured here")
    }
}
