import FoundationEssentials
import ProfileModel
import Testing

@testable import Host

@Suite("Finding containers")
struct ContainerTests {
    private let docker = "152b494db555888a9a908ef1347180c7183172f70769cfbaf6983737c4b56ea2"
    private let podmanAlone = "d814a708e95e722cae4232068c96933d510f13f6cbf28d17ee2efcc6a183bc6e"
    private let podmanMember = "c531b747d15078ca637c4b8dfa0d6e0138738ab31a2dd951769d49f7405d7d9b"
    private let podmanInfra = "0864f25c0bc69833c9a7040a910358436a1c75587945c9a2e27f6347ba16f44e"
    private let podmanPodless = "a67637b42e07f3e1013cc4eb8461bdda8fab235a34584c8a6a6c2ae8e4379d41"
    private let podmanPod = "26a7d0905dca8d5a6df5bc8fe76bc2a17d1d62f94854040973dcd0219827e48e"

    /// The tree of a host whose perf events follow a hierarchy mounted at `mount`.
    private func tree(_ mounts: String, _ mount: String, cgroups: [String]) throws -> FixtureTree {
        let tree = try FixtureTree()
        try tree.mount(mounts)
        for cgroup in cgroups { try tree.makeDirectory(mount + cgroup) }
        return tree
    }

    /// A runtime's process as far as it tells where the runtime's files are.
    private func makeDaemon(
        _ comm: String, _ arguments: [String], pid: Int, in tree: borrowing FixtureTree, workingDirectory: String? = nil
    ) throws {
        try tree.makeProcess(pid, comm: comm, cgroup: "0::/system.slice\n")
        try tree.write(arguments.joined(separator: "\0") + "\0", to: "/proc/\(pid)/cmdline")
        if let workingDirectory { try link("/proc/\(pid)/cwd", to: workingDirectory, in: tree) }
    }

    private func link(_ path: String, to target: String, in tree: borrowing FixtureTree) throws {
        try tree.link(path, to: target)
    }

    private func copy(_ fixture: String, to path: String, in tree: borrowing FixtureTree) throws {
        try tree.write(try Fixture.bytes("containers/" + fixture), to: path)
    }

    /// Runtime, name, image and pod of each container, as one line.
    private func lines(_ containers: [ContainerIdentity]) -> [String] {
        containers.map { [$0.runtime, $0.qualifiedName, $0.image].map { $0 ?? "-" }.joined(separator: " ") }
    }

    /// Where each kind of host has its cgroups, and its fixture of mounts.
    static let hosts = [
        ("v2", "/sys/fs/cgroup"), ("v1", "/sys/fs/cgroup/perf_event"), ("hybrid", "/sys/fs/cgroup/unified"),
    ]

    @Test("Docker's containers are found on v2, v1 and hybrid hosts", arguments: hosts)
    func dockerEverywhere(host: (mounts: String, mount: String)) throws {
        let tree = try tree(host.mounts, host.mount, cgroups: ["/docker/\(docker)", "/system.slice/cron.service"])
        try copy("docker-config.v2.json", to: "/var/lib/docker/containers/\(docker)/config.v2.json", in: tree)
        let found = tree.host.containers()
        #expect(lines(found) == ["docker api shop/api:1.2"])
        let container = try #require(found.first)
        #expect(container.id == docker)
        #expect(container.cgroup.directory == tree.root + host.mount + "/docker/" + docker)
        #expect(container.container.cgroup == "/docker/" + docker)
        #expect(lines(tree.host.containers(includingUnits: true)).last == "systemd cron.service -")
    }

    @Test("Docker's data are found where daemon.json, the command line or a home directory has them")
    func dataRoots() throws {
        let roots = ["/etc-root", "/arg-root", "/home/ann/.local/share/docker"]
        for root in roots {
            let tree = try tree("v2", "/sys/fs/cgroup", cgroups: ["/tenants/\(docker)"])
            #expect(lines(tree.host.containers()) == ["- 152b494db555 -"])
            try tree.write(#"{"data-root": "/etc-root"}"#, to: "/etc/docker/daemon.json")
            try makeDaemon("dockerd", ["dockerd", "--data-root", "/arg-root"], pid: 50, in: tree)
            try copy("docker-config.v2.json", to: "\(root)/containers/\(docker)/config.v2.json", in: tree)
            #expect(lines(tree.host.containers()) == ["docker api shop/api:1.2"])
        }
    }

    @Test("Docker in Docker is read through the inner daemon's root, and no link leads out of that")
    func dockerInDocker() throws {
        let outer = fullID("f0")
        let tree = try tree("v2", "/sys/fs/cgroup", cgroups: ["/docker/\(outer)/docker/\(docker)"])
        for (process, namespace) in [("self", 1), ("80", 2)] {
            try tree.makeDirectory("/proc/\(process)/ns")
            try link("/proc/\(process)/ns/mnt", to: "mnt:[\(namespace)]", in: tree)
        }
        try makeDaemon("dockerd", ["dockerd"], pid: 80, in: tree)
        let file = "/containers/\(docker)/config.v2.json"
        // What lies on the machine under the path that the link has is somebody else's.
        try copy("docker-kubernetes-config.v2.json", to: "/elsewhere" + file, in: tree)
        try tree.makeDirectory("/proc/80/root/var/lib")
        try link("/proc/80/root/var/lib/docker", to: tree.root + "/elsewhere", in: tree)
        #expect(lines(tree.host.containers()) == ["docker f00000000000 -", "docker 152b494db555 -"])
        try copy("docker-config.v2.json", to: "/proc/80/root" + tree.root + "/elsewhere" + file, in: tree)
        #expect(lines(tree.host.containers()) == ["docker f00000000000 -", "docker api shop/api:1.2"])
    }

    @Test("Podman's containers have names, images and pods, and the one that holds the pod together is left out")
    func podman() throws {
        let tree = try tree(
            "hybrid", "/sys/fs/cgroup/unified",
            cgroups: [
                "/libpod_parent/libpod-\(podmanAlone)", "/libpod_parent/libpod-\(podmanPodless)",
                "/libpod_parent/\(podmanPod)/libpod-\(podmanMember)",
                "/libpod_parent/\(podmanPod)/libpod-\(podmanInfra)",
            ])
        let storage = "/var/lib/containers/storage/overlay-containers/"
        try copy("podman-containers.json", to: storage + "containers.json", in: tree)
        let configs = [
            (podmanAlone, "alone"), (podmanPodless, "podless"), (podmanMember, "pod-member"),
            (podmanInfra, "pod-infra"),
        ]
        for (id, name) in configs {
            try copy("podman-\(name)-config.json", to: storage + id + "/userdata/config.json", in: tree)
        }
        #expect(
            lines(tree.host.containers()) == [
                "podman kshop/kshop-web localhost/api:1.2", "podman b3eb29437ae7/shop-web localhost/api:1.2",
                "podman pweb -",
            ])
        #expect(tree.host.pods().map(\.qualifiedName) == ["b3eb29437ae7", "kshop"])
        #expect(try tree.host.resolvePod(named: "default/kshop").containers.map(\.name) == ["kshop-web"])
    }

    @Test("A podman storage of one's own is found through the container's monitor")
    func conmon() throws {
        let tree = try tree("v2", "/sys/fs/cgroup", cgroups: ["/machine.slice/libpod-\(podmanMember).scope"])
        let bundle = "/mnt/store/overlay-containers/\(podmanMember)/userdata"
        try makeDaemon("conmon", ["conmon", "-c", podmanMember, "-b", bundle, "-n", "kshop-web"], pid: 60, in: tree)
        #expect(lines(tree.host.containers()) == ["podman kshop-web -"])
        try copy("podman-containers.json", to: "/mnt/store/overlay-containers/containers.json", in: tree)
        #expect(lines(tree.host.containers()) == ["podman kshop-web localhost/api:1.2"])
    }

    @Test("Kubernetes' containers are told through containerd's bundles, with the systemd driver and with cgroupfs")
    func kubernetes() throws {
        let uid = "0a1b2c3d-0000-1111-2222-333344445555"
        let slice = "kubepods-besteffort-pod" + uid.replacing("-", with: "_") + ".slice"
        let paths = [
            "/kubepods.slice/kubepods-besteffort.slice/\(slice)/cri-containerd-ID.scope",
            "/kubepods/burstable/pod\(uid)/ID",
        ]
        for path in paths {
            let ids = (container: fullID("c1"), sandbox: fullID("aa"))
            let cgroups = [ids.container, ids.sandbox].map { path.replacing("ID", with: $0) }
            let tree = try tree("v2", "/sys/fs/cgroup", cgroups: cgroups)
            let unread = tree.host.containers()
            #expect(unread.map(\.pod) == [uid, uid])
            #expect(unread.map(\.name).sorted() == ["aa0000000000", "c10000000000"])
            let tasks = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/"
            try copy("containerd-config.json", to: tasks + ids.container + "/config.json", in: tree)
            try copy("containerd-sandbox-config.json", to: tasks + ids.sandbox + "/config.json", in: tree)
            #expect(lines(tree.host.containers()) == ["containerd shop/web-7f/api registry.example/shop/api:1.2"])
            #expect(try tree.host.resolvePod(named: "shop/web-7f").containers.map(\.id) == [ids.container])
            #expect(try tree.host.resolvePod(named: "web-7f").namespace == "shop")
        }
    }

    @Test(
        "A containerd state directory of one's own is found through its shims, beside whose bundle the pod's others lie"
    )
    func shims() throws {
        let id = fullID("c1")
        let tree = try tree("v2", "/sys/fs/cgroup", cgroups: ["/kubepods/\(id)"])
        try makeDaemon(
            "containerd-shim", ["containerd-shim-runc-v2"], pid: 70, in: tree,
            workingDirectory: "/mnt/state/k8s.io/\(fullID("aa"))")
        try copy("containerd-config.json", to: "/mnt/state/k8s.io/\(id)/config.json", in: tree)
        #expect(lines(tree.host.containers()) == ["containerd shop/web-7f/api registry.example/shop/api:1.2"])
    }

    @Test("CRI-O's containers are told through the storage it shares with podman")
    func crio() throws {
        let id = fullID("c1")
        let tree = try tree(
            "v2", "/sys/fs/cgroup",
            cgroups: ["/kubepods.slice/crio-\(id).scope", "/kubepods.slice/crio-conmon-\(id).scope"])
        let storage = "/run/containers/storage/overlay-containers/"
        try copy("crio-config.json", to: storage + id + "/userdata/config.json", in: tree)
        #expect(lines(tree.host.containers()) == ["cri-o shop/web-7f/api registry.example/shop/api:1.2"])
    }

    @Test("LXC, nspawn and Mesos have what their paths say")
    func named() throws {
        let tree = try tree(
            "v2", "/sys/fs/cgroup",
            cgroups: ["/lxc.payload.web", "/lxc.monitor.web", "/machine.slice/machine-db.scope", "/mesos/8a1f-44"])
        #expect(lines(tree.host.containers()) == ["lxc web -", "nspawn db -", "mesos 8a1f-44 -"])
    }

    @Test("A container is named by its name, by its pod's and its own, and by the beginning of its id")
    func resolve() throws {
        let ids = [fullID("c1"), fullID("c2")]
        let tree = try tree("v2", "/sys/fs/cgroup", cgroups: ["/docker/\(docker)"] + ids.map { "/kubepods/\($0)" })
        try copy("docker-config.v2.json", to: "/var/lib/docker/containers/\(docker)/config.v2.json", in: tree)
        try copy(
            "containerd-config.json", to: "/run/containerd/io.containerd.runtime.v2.task/k8s.io/\(ids[0])/config.json",
            in: tree)
        let host = tree.host
        for name in ["shop/web-7f/api", "web-7f/api", "c1", ids[0]] {
            #expect(try host.resolveContainer(named: name).id == ids[0])
        }
        #expect(try host.resolveContainer(named: "152b").name == "api")
        #expect(
            throws: ContainerError.ambiguousContainer(
                name: "api", candidates: ["api (152b494db555)", "shop/web-7f/api (c10000000000)"])
        ) {
            try host.resolveContainer(named: "api")
        }
        #expect(
            throws: ContainerError.ambiguousContainer(
                name: "c", candidates: ["shop/web-7f/api (c10000000000)", "c20000000000 (c20000000000)"])
        ) {
            try host.resolveContainer(named: "c")
        }
        for name in ["web", "", "52b"] {
            #expect(
                throws: ContainerError.unknownContainer(
                    name: name, existing: ["api", "c20000000000", "shop/web-7f/api"])
            ) {
                try host.resolveContainer(named: name)
            }
        }
        #expect(throws: ContainerError.unknownPod(name: "x", existing: ["shop/web-7f"])) {
            try host.resolvePod(named: "x")
        }
    }

    @Test("A cgroup inside a container is the container's; a bare one is nobody's")
    func holding() throws {
        let tree = try tree("v2", "/sys/fs/cgroup", cgroups: ["/docker/\(docker)/init", "/plain"])
        let inside = try tree.host.cgroup("/docker/\(docker)/init")
        #expect(tree.host.container(holding: inside)?.cgroup.path == "/docker/" + docker)
        #expect(tree.host.container(holding: try tree.host.cgroup("/plain")) == nil)
    }
}
