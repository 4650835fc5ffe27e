import Testing

@testable import Host

/// A full id that begins with some digits.
func fullID(_ start: String) -> String { start + String(repeating: "0", count: 64 - start.count) }

@Suite("What a cgroup's path says of a container")
struct ContainerPathTests {
    /// One path as a runtime makes it, and what it says.
    struct Case: Sendable, CustomTestStringConvertible {
        var path: String
        var runtime: String?
        var id: String?
        var name: String?
        var podUID: String?
        var testDescription: String { path }
    }

    private static let id = fullID("6ab3")
    private static let uid = "0a1b2c3d-0000-1111-2222-333344445555"
    private static let uidInSlice = "0a1b2c3d_0000_1111_2222_333344445555"

    private static let bestEffort = "kubepods-besteffort.slice/kubepods-besteffort-pod\(uidInSlice).slice"
    private static let burstable = "kubepods-burstable.slice/kubepods-burstable-pod\(uidInSlice).slice"
    private static let nodePod = "kubelet-kubepods.slice/kubelet-kubepods-pod\(uidInSlice).slice"

    static let containers = [
        // Docker: cgroupfs, systemd, a --cgroup-parent of one's own, rootless.
        Case(path: "/docker/\(id)", runtime: "docker", id: id),
        Case(path: "/system.slice/docker-\(id).scope", runtime: "docker", id: id),
        Case(path: "/tenants/a/\(id)", runtime: nil, id: id),
        Case(
            path: "/user.slice/user-1000.slice/user@1000.service/app.slice/docker-\(id).scope", runtime: "docker",
            id: id
        ),
        // Podman: cgroupfs, systemd, pods of both, rootless, --cgroups=split.
        Case(path: "/libpod_parent/libpod-\(id)", runtime: "podman", id: id),
        Case(path: "/machine.slice/libpod-\(id).scope", runtime: "podman", id: id),
        Case(path: "/libpod_parent/\(fullID("26a7"))/libpod-\(id)", runtime: "podman", id: id),
        Case(
            path: "/machine.slice/machine-libpod_pod_\(fullID("26a7")).slice/libpod-\(id).scope", runtime: "podman",
            id: id),
        Case(
            path: "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-\(id).scope", runtime: "podman",
            id: id),
        Case(path: "/system.slice/web.service/libpod-payload-\(id)", runtime: "podman", id: id),
        // containerd: nerdctl with both drivers.
        Case(path: "/default/\(id)", runtime: nil, id: id),
        Case(path: "/system.slice/nerdctl-\(id).scope", runtime: "containerd", id: id),
        // Kubernetes: both drivers, all QoS classes, a static pod's UID, a driver that was set up half.
        Case(path: "/kubepods/burstable/pod\(uid)/\(id)", runtime: nil, id: id, podUID: uid),
        Case(path: "/kubepods/pod\(uid)/\(id)", runtime: nil, id: id, podUID: uid),
        Case(
            path: "/kubepods/besteffort/pod\(fullID("c0").prefix(32))/\(id)", id: id,
            podUID: "c0" + String(repeating: "0", count: 30)),
        Case(
            path: "/kubepods.slice/\(bestEffort)/cri-containerd-\(id).scope", runtime: "containerd", id: id,
            podUID: uid),
        Case(
            path: "/kubepods.slice/kubepods-pod\(uidInSlice).slice/crio-\(id).scope", runtime: "cri-o", id: id,
            podUID: uid),
        Case(path: "/kubepods.slice/\(burstable)/docker-\(id).scope", runtime: "docker", id: id, podUID: uid),
        Case(
            path: "/system.slice/containerd.service/kubepods-besteffort-pod\(uidInSlice).slice:cri-containerd:\(id)",
            runtime: "containerd", id: id),
        // A cluster whose nodes are containers, and Docker in Docker.
        Case(
            path: "/docker/\(fullID("f0"))/kubelet.slice/\(nodePod)/cri-containerd-\(id).scope",
            runtime: "containerd", id: id, podUID: uid),
        Case(path: "/docker/\(fullID("f0"))/docker/\(id)", runtime: "docker", id: id),
        // The reader sits in a cgroup namespace of its own.
        Case(path: "/../../docker/\(id)", runtime: "docker", id: id),
        Case(path: "/../\(id)", runtime: nil, id: id),
        // Those with names.
        Case(path: "/lxc/101", runtime: "lxc", name: "101"),
        Case(path: "/lxc.payload.web", runtime: "lxc", name: "web"),
        Case(path: "/lxc.payload/web", runtime: "lxc", name: "web"),
        Case(path: #"/machine.slice/machine-web\x2d1.scope"#, runtime: "nspawn", name: "web-1"),
        Case(path: "/machine.slice/systemd-nspawn@web.service", runtime: "nspawn", name: "web"),
        Case(path: "/mesos/8a1f-executor", runtime: "mesos", id: "8a1f-executor"),
        Case(path: "/mesos/8a1f/mesos/b2", runtime: "mesos", id: "b2"),
        Case(path: "/system.slice/nginx.service", runtime: "systemd", name: "nginx.service"),
        Case(path: "/user.slice/user-0.slice/session-4.scope", runtime: "systemd", name: "session-4.scope"),
        Case(
            path: #"/machine.slice/machine-qemu\x2d1\x2dvm.scope"#, runtime: "systemd",
            name: #"machine-qemu\x2d1\x2dvm.scope"#),
    ]

    @Test("Each runtime's paths are told, with both drivers", arguments: containers)
    func eachRuntime(example: Case) throws {
        let found = try #require(ContainerPath(example.path))
        #expect(found.path == example.path)
        #expect(found.runtime == example.runtime)
        #expect(found.id == example.id)
        #expect(found.name == example.name)
        #expect(found.podUID == example.podUID)
    }

    @Test(
        "Slices, pods, runtimes' helpers and what lies inside a container are no containers",
        arguments: [
            "/", "", "/docker", "/system.slice", "/kubepods/burstable/pod\(Self.uid)",
            "/kubepods.slice/kubepods-pod\(Self.uidInSlice).slice", "/libpod_parent/\(Self.id)",
            "/machine.slice/libpod-conmon-\(Self.id).scope", "/kubepods.slice/crio-conmon-\(Self.id).scope",
            "/lxc.monitor.web",
            "/lxc.pivot", "/lxc", "/mesos", "/docker/6ab3", "/docker/\(Self.id)/init",
            "/docker/\(Self.id.uppercased())",
            "/docker/\(Self.id.dropLast())g", "/machine.slice/machine-.slice", "/process_api/\(Self.id.prefix(32))",
        ])
    func noContainers(path: String) {
        #expect(ContainerPath(path) == nil)
    }

    @Test("A cgroup below a container's belongs to the innermost container, whatever services run in it")
    func innermost() {
        let outer = "/docker/" + fullID("f0")
        let inner = outer + "/docker/" + fullID("6a")
        #expect(ContainerPath.innermost(holding: outer + "/init.scope")?.path == outer)
        #expect(ContainerPath.innermost(holding: inner)?.path == inner)
        #expect(ContainerPath.innermost(holding: inner + "/system.slice/nginx.service")?.path == inner)
        #expect(ContainerPath.innermost(holding: "/system.slice/web.service/worker")?.name == "web.service")
        #expect(ContainerPath.innermost(holding: "/user.slice") == nil)
        #expect(ContainerPath.innermost(holding: "/") == nil)
    }
}
