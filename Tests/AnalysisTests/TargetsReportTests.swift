import ProfileModel
import Testing

@testable import Analysis

@Suite("What can be aimed at")
struct TargetsReportTests {
    /// Times in ms, user and system, before and after.
    static func reading(
        _ kind: TargetReport.Kind, _ name: String, _ before: (user: Int64, system: Int64)?,
        _ after: (user: Int64, system: Int64)?
    ) -> TargetReading {
        func times(_ times: (user: Int64, system: Int64)?) -> CPUTimes? {
            times.map { CPUTimes(userNanoseconds: $0.user * 1_000_000, systemNanoseconds: $0.system * 1_000_000) }
        }
        return TargetReading(
            kind: kind, container: Container(name: name, cgroup: "/" + name), processes: 2, before: times(before),
            after: times(after))
    }

    private func report(_ readings: [TargetReading], all: Bool = false) -> TargetsReport {
        TargetsReport(readings, measuredNanoseconds: 1_000_000_000, cpus: 2, includesIdle: all)
    }

    @Test("Containers come first, then the rest, each by kernel time, then CPU time, then path")
    func order() {
        let names = report([
            Self.reading(.service, "busy.service", (0, 0), (0, 900)),
            Self.reading(.container, "b", (0, 0), (100, 5)), Self.reading(.container, "a", (0, 0), (100, 5)),
            Self.reading(.container, "user", (0, 0), (500, 5)), Self.reading(.container, "kernel", (7, 1), (8, 50)),
            Self.reading(.container, "new", nil, (1, 1)), Self.reading(.cgroup, "bare", (0, 0), (0, 950)),
        ]).targets.map(\.name)
        #expect(names == ["kernel", "user", "a", "b", "new", "bare", "busy.service"])
    }

    @Test("Figures are what was used in between; what has no two readings has none")
    func figures() throws {
        let targets = report([
            Self.reading(.container, "a", (1_000, 3_000), (1_100, 3_300)), Self.reading(.container, "new", nil, (9, 9)),
            Self.reading(.container, "idle", (5, 5), (5, 5)),
        ]).targets
        let a = try #require(targets.first { $0.name == "a" })
        // 100 ms in user code and 300 ms in the kernel: three quarters.
        #expect(a.cpuNanoseconds == 400_000_000)
        #expect(a.kernelCPUNanoseconds == 300_000_000)
        #expect(a.kernelShare == 0.75)
        let new = try #require(targets.first { $0.name == "new" })
        #expect(new.cpuNanoseconds == nil && new.kernelCPUNanoseconds == nil && new.kernelShare == nil)
        let idle = try #require(targets.first { $0.name == "idle" })
        #expect(idle.cpuNanoseconds == 0 && idle.kernelShare == nil)
    }

    @Test("A count that began again is no negative time")
    func restarted() throws {
        let target = try #require(report([Self.reading(.container, "a", (100, 100), (2, 1))]).targets.first)
        #expect(target.cpuNanoseconds == 0)
    }

    @Test("Idle services and cgroups are left out and counted, unless asked for; containers never are")
    func idle() {
        let readings = [
            Self.reading(.container, "c", (1, 1), (1, 1)), Self.reading(.service, "s", (1, 1), (1, 1)),
            Self.reading(.cgroup, "g", nil, (1, 1)), Self.reading(.service, "busy", (1, 1), (2, 1)),
        ]
        #expect(report(readings).targets.map(\.name) == ["c", "busy"])
        #expect(report(readings).idleOmitted == 2)
        #expect(report(readings, all: true).targets.count == 4)
        #expect(report(readings, all: true).idleOmitted == nil)
    }
}
