import FoundationEssentials
import Host
import ProfileModel
import Recording
import Testing

@testable import Recorder

/// A directory that looks like a machine with cgroup v2 and Docker, removed with the value.
struct FixtureMachine: ~Copyable {
    let root: String
    var host: Host { Host(root: root) }

    init() throws {
        root = FileManager.default.temporaryDirectory.path + "/jostle-recorder-" + UUID().uuidString
        try write("29 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", to: "/proc/self/mountinfo")
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func write(_ text: String, to path: String) throws {
        let url = URL(fileURLWithPath: root + path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    func make(_ cgroup: String) throws {
        try FileManager.default.createDirectory(
            atPath: root + "/sys/fs/cgroup" + cgroup, withIntermediateDirectories: true)
    }

    func remove(_ cgroup: String) throws {
        try FileManager.default.removeItem(atPath: root + "/sys/fs/cgroup" + cgroup)
    }

    func docker(_ id: String, named name: String) throws {
        try write(#"{"Name": "/\#(name)"}"#, to: "/var/lib/docker/containers/\(id)/config.v2.json")
        try make("/docker/" + id)
    }

    static let pods = "/kubepods/podaaaaaaaa-0000-1111-2222-333344445555/"

    func pod(_ pod: String, _ container: String, id: String) throws {
        let notes = """
            {"annotations": {"io.kubernetes.cri.container-type": "container",
            "io.kubernetes.cri.container-name": "\(container)", "io.kubernetes.cri.sandbox-name": "\(pod)",
            "io.kubernetes.cri.sandbox-namespace": "shop"}}
            """
        try write(notes, to: "/run/containerd/io.containerd.runtime.v2.task/k8s.io/\(id)/config.json")
        try make(Self.pods + id)
    }
}

@Suite("Targets that come and go while a recording runs")
struct FollowingTargetsTests {
    private static func id(_ start: String) -> String { start + String(repeating: "0", count: 64 - start.count) }
    private static let second: UInt64 = 1_000_000_000

    private func plan(_ targets: [RecordRequest.Target], _ machine: borrowing FixtureMachine) throws -> RecordingPlan {
        try RecordingPlan(
            RecordRequest(targets: targets, output: "/dev/null", toolVersion: "test"), host: machine.host)
    }

    @Test("A cgroup that was removed and made again under its path is another one, and goes on in its row")
    func sameplace() throws {
        let machine = try FixtureMachine()
        try machine.docker(Self.id("aa"), named: "api")
        var plan = try plan([.container("api")], machine)
        #expect(plan.look(at: Self.second, searches: false, host: machine.host).isEmpty)
        #expect(plan.cgroups[0].lastSeen == Self.second)
        let before = plan.cgroups[0].cgroup.id
        // Made before the old one is removed: an inode number must not come again.
        try machine.make("/docker/new")
        try machine.remove("/docker/" + Self.id("aa"))
        #expect(plan.look(at: 2 * Self.second, searches: false, host: machine.host).isEmpty)
        #expect(plan.cgroups[0].isGone && plan.cgroups[0].lastSeen == Self.second)
        try FileManager.default.moveItem(
            atPath: machine.root + "/sys/fs/cgroup/docker/new",
            toPath: machine.root + "/sys/fs/cgroup/docker/" + Self.id("aa"))
        let restart = try #require(plan.look(at: 3 * Self.second, searches: false, host: machine.host).first)
        #expect(restart.lastSeen == Self.second && restart.cgroup.id != before)
        plan.take(restart, at: 3 * Self.second, host: machine.host)
        #expect(!plan.cgroups[0].isGone && plan.cgroups[0].row == 1 && plan.cgroups[0].cgroup.id == restart.cgroup.id)
        #expect(plan.look(at: 4 * Self.second, searches: true, host: machine.host).isEmpty)
    }

    @Test("A container that comes back with another id is found by its name, also when it was named by its id")
    func otherPlace() throws {
        for name in ["api", "aa0"] {
            let machine = try FixtureMachine()
            try machine.docker(Self.id("aa"), named: "api")
            var plan = try plan([.container(name)], machine)
            try machine.remove("/docker/" + Self.id("aa"))
            // One whose id begins the same is not meant.
            try machine.docker(Self.id("aa01"), named: "stranger")
            #expect(plan.look(at: Self.second, searches: true, host: machine.host).isEmpty)
            try machine.docker(Self.id("bb"), named: "api")
            #expect(plan.look(at: 2 * Self.second, searches: false, host: machine.host).isEmpty, "it searches unasked")
            let restart = try #require(plan.look(at: 3 * Self.second, searches: true, host: machine.host).first)
            #expect(restart.cgroup.path == "/docker/" + Self.id("bb"))
        }
    }

    @Test("A container is waited for ten seconds, another cgroup three, and all must be gone")
    func patience() throws {
        let machine = try FixtureMachine()
        try machine.docker(Self.id("aa"), named: "api")
        try machine.make("/plain")
        for (target, seconds) in [(RecordRequest.Target.container("api"), 10), (.cgroup("/plain"), 3)]
            as [(
                RecordRequest.Target, UInt64
            )]
        {
            var plan = try plan([target], machine)
            _ = plan.look(at: 5 * Self.second, searches: false, host: machine.host)
            #expect(plan.allGoneSince(at: 100 * Self.second) == nil)
            try machine.remove(plan.cgroups[0].cgroup.path)
            _ = plan.look(at: 6 * Self.second, searches: true, host: machine.host)
            #expect(plan.allGoneSince(at: (5 + seconds) * Self.second - 1) == nil)
            #expect(plan.allGoneSince(at: (5 + seconds) * Self.second) == 5 * Self.second)
        }
        try machine.docker(Self.id("cc"), named: "api")
        try machine.make("/plain")
        var both = try plan([.container("api"), .cgroup("/plain")], machine)
        try machine.remove("/plain")
        _ = both.look(at: 6 * Self.second, searches: true, host: machine.host)
        #expect(both.allGoneSince(at: 100 * Self.second) == nil)
    }

    @Test("Containers that start in a named pod are taken, once, and those of other pods are not")
    func pods() throws {
        let machine = try FixtureMachine()
        try machine.pod("web", "api", id: Self.id("a1"))
        try machine.pod("other", "api", id: Self.id("b1"))
        var plan = try plan([.pod("shop/web")], machine)
        #expect(plan.containers.map(\.name) == ["api"])
        #expect(plan.newInPods(host: machine.host).isEmpty)
        try machine.pod("web", "logger", id: Self.id("a2"))
        try machine.pod("other", "logger", id: Self.id("b2"))
        let new = plan.newInPods(host: machine.host)
        #expect(new.map(\.qualifiedName) == ["shop/web/logger"])
        for identity in new { plan.add(identity, row: RowID(plan.containers.count + 1), host: machine.host) }
        #expect(plan.newInPods(host: machine.host).isEmpty)
        #expect(plan.containers.map(\.name) == ["api", "logger"] && plan.cgroups.map(\.row) == [1, 2])
    }

    @Test("A container whose cgroup is there before anything is written of it is taken when it is")
    func writtenLater() throws {
        let machine = try FixtureMachine()
        try machine.pod("web", "api", id: Self.id("a1"))
        var plan = try plan([.pod("shop/web")], machine)
        for _ in 0..<20 { #expect(plan.newInPods(host: machine.host).isEmpty) }
        try machine.make(FixtureMachine.pods + Self.id("a2"))
        #expect(plan.newInPods(host: machine.host).isEmpty)
        try machine.pod("web", "late", id: Self.id("a2"))
        #expect(plan.newInPods(host: machine.host).map(\.qualifiedName) == ["shop/web/late"])
    }

    @Test("More targets than events are worth opening for are recorded by events of the whole machine")
    func many() throws {
        let machine = try FixtureMachine()
        let names = (0..<17).map { "/c\($0)" }
        for name in names { try machine.make(name) }
        #expect(!(try plan(names.prefix(16).map { .cgroup($0) }, machine).needsWholeMachine))
        let plan = try plan(names.map { .cgroup($0) }, machine)
        #expect(plan.needsWholeMachine && plan.containers.last?.name == "host and others")
        #expect(plan.others == 18)
    }
}
