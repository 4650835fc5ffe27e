import Testing

@testable import Host

@Suite("Cgroup hierarchies")
struct CgroupHierarchyTests {
    @Test("On a pure v2 host perf events follow v2")
    func v2() throws {
        let hierarchies = CgroupHierarchies(mountInfo: try Fixture.bytes("mountinfo/v2"))
        #expect(hierarchies.v1.isEmpty)
        #expect(hierarchies.perfEvent?.version == .v2)
        #expect(hierarchies.perfEvent?.mountPoint == "/sys/fs/cgroup")
        #expect(hierarchies.perfEvent?.controllers == [])
    }

    @Test("On a hybrid host without a v1 perf_event mount perf events follow v2")
    func hybrid() throws {
        let hierarchies = CgroupHierarchies(mountInfo: try Fixture.bytes("mountinfo/hybrid"))
        #expect(hierarchies.perfEvent?.mountPoint == "/sys/fs/cgroup/unified")
        #expect(hierarchies.v1.map(\.controllers) == [["cpu"], ["cpuacct"], ["memory"], ["name=systemd"]])
    }

    @Test("A v1 perf_event mount beats v2, wherever it is mounted")
    func hybridWithPerfEvent() throws {
        let mounts = try Fixture.bytes("mountinfo/hybrid")
        let added = "90 22 0:60 / /mnt/pe rw,relatime - cgroup none rw,perf_event\n"
        let hierarchies = CgroupHierarchies(mountInfo: mounts + Array(added.utf8))
        #expect(hierarchies.perfEvent?.version == .v1)
        #expect(hierarchies.perfEvent?.mountPoint == "/mnt/pe")
    }

    @Test("Where perf_event is in a v1 hierarchy that is not mounted, v2 does not stand in, and the error says so")
    func outOfSight() throws {
        let tree = try FixtureTree()
        try tree.mount("hybrid")
        try tree.makeDirectory("/sys/fs/cgroup/unified/shop")
        #expect(try tree.host.cgroup("shop").path == "/shop")
        // Unmounted, but not gone: it still has cgroups.
        try tree.write("9:perf_event:/\n1:name=systemd:/\n0::/\n", to: "/proc/self/cgroup")
        #expect(tree.host.perfEventHierarchy == nil)
        #expect(throws: HostError.perfEventHierarchyOutOfSight) { try tree.host.cgroup("shop") }
        #expect(throws: HostError.perfEventHierarchyOutOfSight) { try tree.host.createOwnCgroup() }
        #expect(throws: HostError.perfEventHierarchyOutOfSight) { try tree.host.requirePerfEventHierarchy() }
        // Mounted again it is what counts.
        let mounts = String(decoding: try Fixture.bytes("mountinfo/hybrid"), as: UTF8.self)
        try tree.write(
            mounts + "90 22 0:60 / /mnt/pe rw,relatime - cgroup none rw,perf_event\n", to: "/proc/self/mountinfo")
        try tree.makeDirectory("/mnt/pe/shop")
        #expect(try tree.host.cgroup("shop").directory == tree.root + "/mnt/pe/shop")
    }

    @Test("On a v1 host controllers that share a mount are all found, options are none of them")
    func v1() throws {
        let hierarchies = CgroupHierarchies(mountInfo: try Fixture.bytes("mountinfo/v1"))
        #expect(hierarchies.unified == nil)
        #expect(hierarchies.v1(with: "cpuacct")?.mountPoint == "/sys/fs/cgroup/cpu,cpuacct")
        #expect(hierarchies.v1(with: "cpu") == hierarchies.v1(with: "cpuacct"))
        #expect(hierarchies.v1.first?.controllers == ["name=systemd"])
        #expect(hierarchies.perfEvent?.mountPoint == "/sys/fs/cgroup/perf_event")
    }

    @Test("Of two mounts of one hierarchy the one that shows its root counts")
    func mountedTwice() throws {
        let hierarchies = CgroupHierarchies(mountInfo: try Fixture.bytes("mountinfo/v1-container"))
        let perfEvent = try #require(hierarchies.perfEvent)
        #expect(perfEvent.mountRoot == "/")
        #expect(perfEvent.mountPoint == "/host/sys/fs cgroup/perf_event")
        #expect(perfEvent.directory(of: "/docker/6ab3") == "/host/sys/fs cgroup/perf_event/docker/6ab3")
    }

    @Test("A mount that shows a part of its hierarchy maps the paths of that part only")
    func partialMount() throws {
        let hierarchies = CgroupHierarchies(mountInfo: try Fixture.bytes("mountinfo/v1-container"))
        let systemd = try #require(hierarchies.v1.first { $0.controllers == ["name=systemd"] })
        #expect(systemd.directory(of: "/docker/6ab3") == "/sys/fs/cgroup/systemd")
        #expect(systemd.directory(of: "/docker/6ab3/child") == "/sys/fs/cgroup/systemd/child")
        #expect(systemd.directory(of: "/docker/6ab34") == nil)
        #expect(systemd.directory(of: "/") == nil)
        #expect(systemd.path(ofDirectory: "/sys/fs/cgroup/systemd/child") == "/docker/6ab3/child")
        #expect(systemd.path(ofDirectory: "/sys/fs/cgroup/systemd2") == nil)
    }

    @Test("Lines that are no mounts are passed over, wherever they are cut")
    func truncated() throws {
        let whole = try Fixture.bytes("mountinfo/v1")
        for count in whole.indices { _ = CgroupHierarchies(mountInfo: Array(whole[..<count])) }
        #expect(CgroupHierarchies(mountInfo: Array("- - - cgroup cgroup\n\n - cgroup2\n".utf8)).all.isEmpty)
    }

    @Test("A process's cgroups are read with their colons")
    func procCgroup() {
        let lines = "9:name=systemd:/user.slice\n4:cpu,cpuacct:/docker/6ab3\n0::/a:b c\nrubbish\n:::\n"
        let memberships = CgroupMembership.all(inProcCgroup: Array(lines.utf8))
        #expect(
            memberships == [
                CgroupMembership(controllers: ["name=systemd"], path: "/user.slice"),
                CgroupMembership(controllers: ["cpu", "cpuacct"], path: "/docker/6ab3"),
                CgroupMembership(controllers: [], path: "/a:b c"),
            ])
        #expect(memberships.perfEventPath == "/a:b c")
    }

    @Test("A v1 perf_event line says where a process is for perf events")
    func procCgroupV1() {
        let memberships = CgroupMembership.all(inProcCgroup: Array("3:perf_event:/one\n0::/two\n".utf8))
        #expect(memberships.perfEventPath == "/one")
    }
}
