import Glibc
import ProfileModel
import Testing

@testable import Host

@Suite("Naming a cgroup")
struct CgroupTests {
    private let v2 = "/sys/fs/cgroup"

    private func v2Tree(_ cgroups: [String]) throws -> FixtureTree {
        let tree = try FixtureTree()
        try tree.mount("v2")
        for cgroup in cgroups { try tree.makeDirectory(v2 + cgroup) }
        return tree
    }

    @Test(
        "A cgroup is named by its directory, by its path, and by its last part",
        arguments: [
            "/sys/fs/cgroup/system.slice/nginx.service", "/sys/fs/cgroup/system.slice/nginx.service/",
            "/system.slice/nginx.service", "system.slice/nginx.service", "./system.slice//nginx.service",
            "nginx.service",
        ])
    func spellings(target: String) throws {
        let tree = try v2Tree(["/system.slice/nginx.service", "/system.slice/cron.service"])
        let cgroup = try tree.host.cgroup(target)
        #expect(cgroup.path == "/system.slice/nginx.service")
        #expect(cgroup.directory == tree.root + "/sys/fs/cgroup/system.slice/nginx.service")
        #expect(cgroup.id.rawValue == Files.inodeOfDirectory(cgroup.directory))
        #expect(cgroup.name == "nginx.service")
    }

    @Test("The root is a cgroup too", arguments: ["/", "/sys/fs/cgroup", "/sys/fs/cgroup/"])
    func root(target: String) throws {
        let tree = try v2Tree([])
        #expect(try tree.host.cgroup(target).path == "/")
    }

    @Test("An unknown name brings the nearest ones: those that contain it, then those a few letters off")
    func unknown() throws {
        let tree = try v2Tree(["/shop/web", "/shop/web-2", "/shop/database", "/shop/wob", "/x"])
        // One edit to web, two to wob, three to the rest, by path: wep → (s)hop, web(-2), x.
        let near = ["/shop/web", "/shop/wob", "/shop", "/shop/web-2", "/x"]
        #expect(throws: HostError.unknownCgroup(target: "wep", nearest: near)) { try tree.host.cgroup("wep") }
        // Two hold it; then two edits to wob and x, three (`/we`) to the parent; five are named at most.
        let below = ["/shop/web", "/shop/web-2", "/shop/wob", "/x", "/shop"]
        #expect(throws: HostError.unknownCgroup(target: "/shop/we", nearest: below)) {
            try tree.host.cgroup("/shop/we")
        }
    }

    @Test("A path that climbs is no cgroup", arguments: ["..", "/shop/../..", "../etc", ""])
    func climbing(target: String) throws {
        let tree = try v2Tree(["/shop"])
        #expect(throws: HostError.unknownCgroup(target: target, nearest: ["/shop"])) { try tree.host.cgroup(target) }
    }

    @Test("A last part that several cgroups have is ambiguous, a path that ends in it is not")
    func ambiguous() throws {
        let tree = try v2Tree(["/a/web", "/b/web"])
        #expect(throws: HostError.ambiguousCgroup(target: "web", candidates: ["/a/web", "/b/web"])) {
            try tree.host.cgroup("web")
        }
        #expect(try tree.host.cgroup("b/web").path == "/b/web")
    }

    @Test("Another controller's directory means the same path in the perf_event hierarchy")
    func otherController() throws {
        let tree = try FixtureTree()
        try tree.mount("v1")
        try tree.makeDirectory("/sys/fs/cgroup/perf_event/docker/6ab3")
        let cgroup = try tree.host.cgroup("/sys/fs/cgroup/cpu,cpuacct/docker/6ab3")
        #expect(cgroup.path == "/docker/6ab3")
        #expect(cgroup.directory == tree.root + "/sys/fs/cgroup/perf_event/docker/6ab3")
    }

    @Test("Without any cgroup mount there is nothing to name")
    func noHierarchy() throws {
        let tree = try FixtureTree()
        #expect(throws: HostError.noPerfEventHierarchy) { try tree.host.cgroup("/x") }
    }

    @Test("Descendants hold the cgroup itself, and follow no symbolic link")
    func descendants() throws {
        let tree = try v2Tree(["/shop/web/worker", "/shop/db", "/other"])
        let shop = try tree.host.cgroup("/shop")
        #expect(tree.host.descendants(of: shop).map(\.path) == ["/shop", "/shop/db", "/shop/web", "/shop/web/worker"])
        #expect(Set(tree.host.descendants(of: shop).map(\.id)).count == 4)
    }

    @Test("A process outside the reader's pid namespace has no id and is left out")
    func processes() throws {
        let tree = try v2Tree(["/shop/web"])
        try tree.write("12\n0\n7\n", to: v2 + "/shop/cgroup.procs")
        try tree.write("7\n31\n", to: v2 + "/shop/web/cgroup.procs")
        let shop = try tree.host.cgroup("/shop")
        #expect(tree.host.processIDs(in: shop).map(\.rawValue) == [7, 12, 31])
        #expect(tree.host.processIDs(in: shop, includingDescendants: false).map(\.rawValue) == [7, 12])
    }

    @Test("Edits are insertions, deletions and replacements")
    func edits() {
        // kitten → sitten → sittin → sitting
        #expect(NameDistance.edits(from: Array("kitten".utf8), to: Array("sitting".utf8)) == 3)
        #expect(NameDistance.edits(from: [], to: Array("abc".utf8)) == 3)
        #expect(NameDistance.edits(from: Array("abc".utf8), to: []) == 3)
    }
}

@Suite("A cgroup's own CPU time")
struct CgroupTimesTests {
    @Test("v2 counts in microseconds")
    func v2() throws {
        let tree = try FixtureTree()
        try tree.mount("v2")
        try tree.write(
            "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_periods 0\n", to: "/sys/fs/cgroup/shop/cpu.stat")
        let shop = try tree.host.cgroup("shop")
        #expect(tree.host.cgroupTimes(of: shop) == CPUTimes(userNanoseconds: 10_000, systemNanoseconds: 20_000))
    }

    @Test("v1 counts in nanoseconds, or in ticks of 10 ms where that is all there is")
    func v1() throws {
        let tree = try FixtureTree()
        try tree.mount("v1")
        let accounting = "/sys/fs/cgroup/cpu,cpuacct/shop/"
        try tree.makeDirectory("/sys/fs/cgroup/perf_event/shop")
        try tree.write("user 3\nsystem 4\n", to: accounting + "cpuacct.stat")
        let shop = try tree.host.cgroup("shop")
        #expect(tree.host.cgroupTimes(of: shop) == CPUTimes(userNanoseconds: 30_000_000, systemNanoseconds: 40_000_000))
        try tree.write("31000001\n", to: accounting + "cpuacct.usage_user")
        try tree.write("41000002\n", to: accounting + "cpuacct.usage_sys")
        #expect(tree.host.cgroupTimes(of: shop) == CPUTimes(userNanoseconds: 31_000_001, systemNanoseconds: 41_000_002))
    }

    @Test("Where v2 and cpuacct both have the cgroup, the one with processes is read")
    func hybrid() throws {
        let tree = try FixtureTree()
        try tree.mount("hybrid")
        let mounts = String(decoding: try Fixture.bytes("mountinfo/hybrid"), as: UTF8.self)
        try tree.write(
            mounts + "90 22 0:60 / /mnt/pe rw,relatime - cgroup none rw,perf_event\n", to: "/proc/self/mountinfo")
        try tree.makeDirectory("/mnt/pe/shop")
        try tree.write("user_usec 1\nsystem_usec 2\n", to: "/sys/fs/cgroup/unified/shop/cpu.stat")
        try tree.write("", to: "/sys/fs/cgroup/unified/shop/cgroup.procs")
        try tree.write("user 3\nsystem 4\n", to: "/sys/fs/cgroup/cpuacct/shop/cpuacct.stat")
        try tree.write("", to: "/sys/fs/cgroup/cpuacct/shop/cgroup.procs")
        try tree.write("17\n", to: "/sys/fs/cgroup/cpuacct/shop/worker/cgroup.procs")
        let shop = try tree.host.cgroup("shop")
        #expect(tree.host.cgroupTimes(of: shop) == CPUTimes(userNanoseconds: 30_000_000, systemNanoseconds: 40_000_000))
        try tree.write("17\n", to: "/sys/fs/cgroup/unified/shop/cgroup.procs")
        #expect(tree.host.cgroupTimes(of: shop) == CPUTimes(userNanoseconds: 1000, systemNanoseconds: 2000))
    }

    @Test("A cgroup without accounting has no CPU time")
    func none() throws {
        let tree = try FixtureTree()
        try tree.mount("v2")
        try tree.makeDirectory("/sys/fs/cgroup/shop")
        #expect(tree.host.cgroupTimes(of: try tree.host.cgroup("shop")) == nil)
    }
}

@Suite("A cgroup of our own")
struct OwnCgroupTests {
    @Test("It is made in the root, and removed with what was made below it")
    func makeAndRemove() throws {
        let tree = try FixtureTree()
        try tree.mount("v2")
        let made = try tree.host.createCgroup(named: "jostle-7")
        #expect(made.path == "/jostle-7")
        #expect(try tree.host.cgroup("/jostle-7") == made)
        try tree.makeDirectory("/sys/fs/cgroup/jostle-7/a/b")
        try tree.host.removeCgroup(made)
        #expect(throws: HostError.self) { try tree.host.cgroup("/jostle-7") }
        // Removing what is gone is no error.
        try tree.host.removeCgroup(made)
    }

    @Test("A name that is taken is not shared")
    func taken() throws {
        let tree = try FixtureTree()
        try tree.mount("v2")
        _ = try tree.host.createCgroup(named: "jostle-7")
        // 17: EEXIST
        #expect(
            throws: HostError.systemCall(name: "mkdir", path: tree.root + "/sys/fs/cgroup/jostle-7", errno: 17)
        ) { try tree.host.createCgroup(named: "jostle-7") }
    }

    @Test("Where a killed jostle of the same id left its cgroup, the next one is made beside it")
    func leftBehind() throws {
        let tree = try FixtureTree()
        try tree.mount("v2")
        let name = "jostle-\(getpid())"
        let paths = try (0..<3).map { _ in try tree.host.createOwnCgroup().path }
        #expect(paths == ["/\(name)", "/\(name)-2", "/\(name)-3"])
    }
}
