import ProfileModel
import Testing

@testable import Host

@Suite("Limits and stalls")
struct PressureTests {
    private func figures(_ snapshot: PressureSnapshot) -> [String] {
        snapshot.figures.map { "\($0.name) \($0.value) \($0.unit)" }
    }

    @Test("v2 has throttling, limit, stalls, memory events and faults in one place")
    func v2() throws {
        let tree = try FixtureTree()
        try tree.mount("v2")
        let shop = "/sys/fs/cgroup/shop/"
        try tree.write("usage_usec 9\nnr_periods 7\nnr_throttled 3\nthrottled_usec 1500\n", to: shop + "cpu.stat")
        try tree.write("50000 100000\n", to: shop + "cpu.max")
        let stall = "some avg10=1.00 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=4\n"
        try tree.write(stall, to: shop + "io.pressure")
        try tree.write("low 0\nhigh 5\nmax 6\noom 1\noom_kill 1\n", to: shop + "memory.events")
        try tree.write("anon 1\npgfault 800\npgmajfault 2\n", to: shop + "memory.stat")
        #expect(
            figures(tree.host.pressure(of: try tree.host.cgroup("shop"))) == [
                "cpu.stat nr_periods 7 periods", "cpu.stat nr_throttled 3 periods", "cpu.stat throttled_usec 1500 µs",
                "cpu.max quota 50000 µs", "cpu.max period 100000 µs", "io.pressure some total 12 µs",
                "io.pressure full total 4 µs", "memory.events high 5 events", "memory.events max 6 events",
                "memory.events oom 1 events", "memory.events oom_kill 1 events", "memory.stat pgfault 800 faults",
                "memory.stat pgmajfault 2 faults",
            ])
    }

    @Test("On a hybrid host v1's limits stand beside v2's stalls, under v2's names and units")
    func hybrid() throws {
        let tree = try FixtureTree()
        try tree.mount("hybrid")
        try tree.write("usage_usec 9\n", to: "/sys/fs/cgroup/unified/shop/cpu.stat")
        try tree.write(
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=8\n", to: "/sys/fs/cgroup/unified/shop/cpu.pressure")
        let cpu = "/sys/fs/cgroup/cpu/shop/"
        try tree.write("nr_periods 7\nnr_throttled 3\nthrottled_time 1500999\n", to: cpu + "cpu.stat")
        try tree.write("20000\n", to: cpu + "cpu.cfs_quota_us")
        try tree.write("100000\n", to: cpu + "cpu.cfs_period_us")
        let stat = "pgfault 1\ntotal_pgfault 11\ntotal_pgmajfault 12\n"
        try tree.write(stat, to: "/sys/fs/cgroup/memory/shop/memory.stat")
        // 1,500,999 ns are 1,500 µs.
        #expect(
            figures(tree.host.pressure(of: try tree.host.cgroup("shop"))) == [
                "cpu.pressure some total 8 µs", "cpu.stat nr_periods 7 periods", "cpu.stat nr_throttled 3 periods",
                "cpu.stat throttled_usec 1500 µs", "cpu.max quota 20000 µs", "cpu.max period 100000 µs",
                "memory.stat pgfault 11 faults", "memory.stat pgmajfault 12 faults",
            ])
    }

    @Test("No limit is no figure", arguments: ["max 100000\n", "", "50000\n", "x y\n"])
    func unlimited(contents: String) {
        #expect(PressureSnapshot.limit(Array(contents.utf8)) == [])
    }

    @Test("The machine's own stalls are read, and lines of another form passed over")
    func machine() throws {
        let tree = try FixtureTree()
        #expect(tree.host.pressure().figures == [])
        try tree.write("some total=x\nsome avg10=0.00 total=5\nother total=6\nfull\n", to: "/proc/pressure/memory")
        #expect(figures(tree.host.pressure()) == ["memory.pressure some total 5 µs"])
    }

    @Test("The dentry cache's counts are read: all names, unused and negative ones, as far as the kernel tells them")
    func dentries() throws {
        let tree = try FixtureTree()
        try tree.write("142061\t120034\t45\t0\t64321\t0\n", to: "/proc/sys/fs/dentry-state")
        #expect(
            figures(tree.host.pressure()) == [
                "dentry-state nr_dentry 142061 entries", "dentry-state nr_unused 120034 entries",
                "dentry-state nr_negative 64321 entries",
            ])
        #expect(PressureSnapshot.dentries(Array("7 x\n".utf8)).map(\.name) == ["dentry-state nr_dentry"])
    }

    @Test("Readings hold what both moments have")
    func readings() {
        func figure(_ name: String, _ value: Int64) -> PressureSnapshot.Figure {
            PressureSnapshot.Figure(name: name, unit: "events", value: value)
        }
        let before = PressureSnapshot(figures: [figure("a", 1), figure("gone", 2)])
        let after = PressureSnapshot(figures: [figure("new", 3), figure("a", 5)])
        #expect(
            before.readings(to: after, container: 4) == [
                PressureReading(container: 4, name: "a", unit: "events", before: 1, after: 5)
            ])
    }
}
