import ProfileModel
import Testing

@testable import Host

/// Every runtime, with each of its cgroup drivers, on hosts with cgroup v1, v2 and both: what lies on the disk is the same,
/// only the cgroup is called otherwise.
@Suite("Each runtime's containers, by driver and cgroup version")
struct RuntimeMatrixTests {
    private static let id = fullID("6ab3")
    private static let node = fullID("f0")
    private static let podUID = "0a1b2c3d-0000-1111-2222-333344445555"
    private static let podSlice = "pod0a1b2c3d_0000_1111_2222_333344445555.slice"
    private static let podmanID = "c531b747d15078ca637c4b8dfa0d6e0138738ab31a2dd951769d49f7405d7d9b"
    private static let userSlice = "/user.slice/user-1000.slice/user@1000.service"

    struct Case: Sendable, CustomTestStringConvertible {
        var title: String
        var cgroups: [String]
        /// Fixture → where it lies.
        var files: [String: String] = [:]
        /// Runtime, qualified name and image.
        var expected: String
        var testDescription: String { title }
    }

    private static let dockerFile = ["docker-config.v2.json": "/var/lib/docker/containers/\(id)/config.v2.json"]
    private static let tasks = "/run/containerd/io.containerd.runtime.v2.task/"
    private static let kubernetesFile = ["containerd-config.json": tasks + "k8s.io/\(id)/config.json"]
    private static let crioFile = [
        "crio-config.json": "/run/containers/storage/overlay-containers/\(id)/userdata/config.json"
    ]

    private static func podman(_ storage: String) -> [String: String] {
        [
            "podman-containers.json": storage + "/overlay-containers/containers.json",
            "podman-pod-member-config.json": storage + "/overlay-containers/\(podmanID)/userdata/config.json",
        ]
    }

    static let cases = [
        Case(
            title: "Docker: cgroupfs, systemd, rootless with systemd",
            cgroups: [
                "/docker/\(id)", "/system.slice/docker-\(id).scope", "\(userSlice)/app.slice/docker-\(id).scope",
            ], files: dockerFile, expected: "docker api shop/api:1.2"),
        Case(
            title: "Docker, rootless, with its data in a home directory",
            cgroups: ["\(userSlice)/user.slice/docker-\(id).scope"],
            files: ["docker-config.v2.json": "/home/ann/.local/share/docker/containers/\(id)/config.v2.json"],
            expected: "docker api shop/api:1.2"),
        Case(
            title: "podman: cgroupfs, systemd, split",
            cgroups: [
                "/libpod_parent/libpod-\(podmanID)", "/machine.slice/libpod-\(podmanID).scope",
                "/system.slice/web.service/libpod-payload-\(podmanID)",
            ], files: podman("/var/lib/containers/storage"),
            expected: "podman 0864f25c0bc6/kshop-web localhost/api:1.2"),
        Case(
            title: "podman, rootless",
            cgroups: [
                "\(userSlice)/user.slice/libpod-\(podmanID).scope",
                "\(userSlice)/user.slice/user-libpod_pod_\(fullID("26a7")).slice/libpod-\(podmanID).scope",
            ], files: podman("/home/ann/.local/share/containers/storage"),
            expected: "podman 0864f25c0bc6/kshop-web localhost/api:1.2"),
        Case(
            title: "nerdctl: cgroupfs and systemd", cgroups: ["/default/\(id)", "/system.slice/nerdctl-\(id).scope"],
            files: ["nerdctl-config.json": tasks + "default/\(id)/config.json"], expected: "containerd cache -"),
        Case(
            title: "Kubernetes with containerd: both drivers, three QoS classes",
            cgroups: [
                "/kubepods/pod\(podUID)/\(id)", "/kubepods/burstable/pod\(podUID)/\(id)",
                "/kubepods/besteffort/pod\(podUID)/\(id)",
                "/kubepods.slice/kubepods-\(podSlice)/cri-containerd-\(id).scope",
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-\(podSlice)/cri-containerd-\(id).scope",
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-\(podSlice)/cri-containerd-\(id).scope",
                "/system.slice/containerd.service/kubepods-besteffort-\(podSlice):cri-containerd:\(id)",
            ], files: kubernetesFile, expected: "containerd shop/web-7f/api registry.example/shop/api:1.2"),
        Case(
            title: "Kubernetes with CRI-O: both drivers",
            cgroups: [
                "/kubepods/burstable/pod\(podUID)/crio-\(id)",
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-\(podSlice)/crio-\(id).scope",
            ], files: crioFile, expected: "cri-o shop/web-7f/api registry.example/shop/api:1.2"),
        Case(
            title: "Kubernetes with Docker: both drivers",
            cgroups: [
                "/kubepods/besteffort/pod\(podUID)/\(id)",
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-\(podSlice)/docker-\(id).scope",
            ],
            files: [
                "docker-kubernetes-config.v2.json": "/var/lib/docker/containers/\(id)/config.v2.json"
            ], expected: "docker shop/web-7f/api registry.example/shop/api@sha256:0011"),
        Case(
            title: "LXC and LXD, old and new", cgroups: ["/lxc/web", "/lxc.payload/web", "/lxc.payload.web"],
            expected: "lxc web -"),
        Case(
            title: "systemd-nspawn",
            cgroups: ["/machine.slice/machine-db.scope", "/machine.slice/systemd-nspawn@db.service"],
            expected: "nspawn db -"),
        Case(title: "Mesos", cgroups: ["/mesos/8a1f-executor"], expected: "mesos 8a1f-executor -"),
        Case(
            title: "a service in a user's session", cgroups: ["\(userSlice)/app.slice/nginx.service"],
            expected: "systemd nginx.service -"),
    ]

    @Test("Each is found with runtime, name, pod and image, on v1, v2 and hybrid hosts", arguments: cases)
    func found(example: Case) throws {
        for host in ContainerTests.hosts {
            for cgroup in example.cgroups {
                let tree = try FixtureTree()
                try tree.mount(host.0)
                try tree.makeDirectory(host.1 + cgroup)
                try tree.makeDirectory("/home/ann")
                for (fixture, path) in example.files {
                    try tree.write(try Fixture.bytes("containers/" + fixture), to: path)
                }
                let all = tree.host.containers(includingUnits: true).filter { $0.cgroup.path == cgroup }
                let lines = all.map {
                    [$0.runtime, $0.qualifiedName, $0.image].map { $0 ?? "-" }.joined(separator: " ")
                }
                #expect(lines == [example.expected], "\(cgroup) on \(host.0)")
                #expect(all.first?.cgroup.directory == tree.root + host.1 + cgroup)
            }
        }
    }

    @Test("Of a kind node, whose containerd has its state inside the node, container, pod and image are found")
    func kind() throws {
        for host in ContainerTests.hosts {
            let cgroup =
                "/docker/\(Self.node)/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-\(Self.podSlice)"
                + "/cri-containerd-\(Self.id).scope"
            let tree = try FixtureTree()
            try tree.mount(host.0)
            try tree.makeDirectory(host.1 + cgroup)
            // The shim stands in its bundle, as the node sees it.
            for (process, namespace) in [("self", 1), ("70", 2)] {
                try tree.link("/proc/\(process)/ns/mnt", to: "mnt:[\(namespace)]")
            }
            try tree.makeProcess(70, comm: "containerd-shim", cgroup: "0::/docker/\(Self.node)\n")
            let bundles = Self.tasks + "k8s.io/"
            try tree.link("/proc/70/cwd", to: bundles + Self.id)
            try tree.write(
                try Fixture.bytes("containers/containerd-config.json"),
                to: "/proc/70/root" + bundles + Self.id + "/config.json")
            let found = tree.host.containers().first { $0.id == Self.id }
            #expect(found?.qualifiedName == "shop/web-7f/api" && found?.image == "registry.example/shop/api:1.2")
            #expect(found?.runtime == "containerd" && found?.podUID == Self.podUID)
            // The node itself is a container, too.
            #expect(tree.host.containers().first { $0.id == Self.node }?.runtime == "docker")
        }
    }

    @Test(
        "From inside a private cgroup namespace, 0::/, nothing is found, nothing breaks, and one's own cgroup is the root"
    )
    func privateNamespace() throws {
        let tree = try FixtureTree()
        try tree.mount("v2")
        try tree.write("0::/\n", to: "/proc/self/cgroup")
        try tree.makeDirectory("/sys/fs/cgroup/init.scope")
        // Others lie outside the namespace.
        try tree.makeProcess(80, comm: "app", cgroup: "0::/../\(Self.id)\n")
        #expect(tree.host.containers().isEmpty && tree.host.pods().isEmpty)
        #expect(try tree.host.cgroup("/").path == "/")
        #expect(tree.host.process(ProcessID(80))?.cgroupPath == "/../\(Self.id)")
        #expect(throws: ContainerError.unknownContainer(name: "api", existing: [])) {
            try tree.host.resolveContainer(named: "api")
        }
    }

    @Test("A service is named by the last part of its path on each kind of host")
    func service() throws {
        for host in ContainerTests.hosts {
            let tree = try FixtureTree()
            try tree.mount(host.0)
            try tree.makeDirectory(host.1 + "/system.slice/nginx.service/worker")
            let cgroup = try tree.host.cgroup("nginx.service")
            #expect(cgroup.path == "/system.slice/nginx.service")
            #expect(tree.host.container(holding: cgroup)?.runtime == "systemd")
        }
    }
}
