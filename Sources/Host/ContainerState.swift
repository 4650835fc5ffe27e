import ProfileModel

/// Where the runtimes of this machine keep what they know about their containers.
///
/// The places are the runtimes' defaults, and what the runtimes that run now show of themselves: their command lines,
/// and the directories their helpers stand in. A runtime inside a container (Docker in Docker, kind) is read through
/// its own root directory, and no symbolic link leads out of that.
struct ContainerState {
    /// A directory, seen from a process's root where there is one.
    private struct Place: Hashable {
        /// `/proc/PID/root` or `/proc/PID/cwd`.
        var base: String?
        var path: String

        func appending(_ part: String) -> Place { Place(base: base, path: path + "/" + part) }
    }

    private let host: Host
    /// Hold `containers/ID/config.v2.json`.
    private var dockerRoots: [Place] = []
    /// Hold `ID/config.json`.
    private var bundles: [Place] = []
    /// Hold `ID/userdata/config.json`.
    private var storages: [Place] = []
    /// What the storages' indices say, by id.
    private var indexed: [String: ContainerRecord] = [:]
    /// The names that podman's and CRI-O's monitors were given, by id.
    private var monitored: [String: String] = [:]
    /// By mount namespace.
    private var bases: [String: String?] = [:]

    /// A runtime's file about one container is some KiB; an index of thousands of them some MiB.
    private static let recordLimit = 4 << 20
    private static let indexLimit = 64 << 20

    init(_ host: Host) {
        self.host = host
        addDefaults()
        // Those that run on the machine itself come before those that run in its containers, so that nobody in a
        // container gives another one its name.
        for pid in host.allProcessIDs() { addProcess(pid) }
        dockerRoots = Self.ownFirst(dockerRoots)
        bundles = Self.ownFirst(bundles)
        storages = Self.ownFirst(storages)
        for storage in storages { addIndex(of: storage) }
    }

    private static func ownFirst(_ places: [Place]) -> [Place] {
        places.filter { $0.base == nil } + places.filter { $0.base != nil }
    }

    /// Everything that is written about a container.
    func record(of id: String) -> ContainerRecord? {
        // The id becomes a part of paths.
        guard !id.isEmpty, id != "..", id != ".", !id.contains("/") else { return nil }
        var found: ContainerRecord?
        func add(_ record: ContainerRecord?) {
            guard let record else { return }
            if found == nil { found = record } else { found?.complete(from: record) }
        }
        add(first(dockerRoots, "containers/\(id)/config.v2.json", ContainerRecord.init(dockerConfig:)))
        add(first(bundles, "\(id)/config.json", ContainerRecord.init(ociConfig:)))
        add(first(storages, "\(id)/userdata/config.json", ContainerRecord.init(ociConfig:)))
        add(indexed[id])
        add(monitored[id].map { ContainerRecord(name: $0) })
        guard var record = found else { return nil }
        if record.runtime == "podman" { addPod(to: &record, id: id) }
        return record
    }

    /// Podman writes no pod's name into its containers. The pod's first container, called `POD-ID…-infra`, has it as
    /// its hostname; a pod made without one is called by its id here.
    private func addPod(to record: inout ContainerRecord, id: String) {
        if record.name?.hasSuffix("-infra") == true {
            record.isSandbox = true
            record.pod = record.hostname
        } else if let sandbox = record.sandboxID, sandbox != id {
            let first = first(storages, "\(sandbox)/userdata/config.json", ContainerRecord.init(ociConfig:))
            record.pod = first?.hostname ?? String(sandbox.prefix(12))
        }
    }

    /// What the first of the places that has such a file says.
    private func first(
        _ places: [Place], _ file: String, _ read: ([UInt8]) -> ContainerRecord?
    ) -> ContainerRecord? {
        for place in places {
            if let record = contents(place.appending(file), limit: Self.recordLimit).flatMap(read) { return record }
        }
        return nil
    }

    private func contents(_ place: Place, limit: Int) -> [UInt8]? {
        guard let base = place.base else { return host.contents(place.path, limit: limit) }
        return Files.contents(of: place.path, within: host.path(base), limit: limit)
    }

    private mutating func addDefaults() {
        let configured = host.contents("/etc/docker/daemon.json", limit: Self.recordLimit)
            .flatMap(ContainerRecord.dataRoot(inDaemonConfig:))
        dockerRoots = [configured, "/var/lib/docker"].compactMap(\.self).map { Place(path: $0) }
        addStorage(Place(path: "/var/lib/containers/storage"))
        addStorage(Place(path: "/run/containers/storage"))
        for home in homes() {
            dockerRoots.append(Place(path: home + "/.local/share/docker"))
            addStorage(Place(path: home + "/.local/share/containers/storage"))
        }
        for directory in Files.directories(in: host.path("/run")) {
            addTasks(Place(path: "/run/" + directory))
            addTasks(Place(path: "/run/" + directory + "/containerd"))
            addTasks(Place(path: "/run/" + directory + "/containerd/daemon"))
        }
    }

    /// The directories that users have, as /etc/passwd and /home say.
    private func homes() -> [String] {
        let listed = (host.contents("/etc/passwd", limit: Self.recordLimit) ?? []).lines.compactMap { line -> String? in
            let fields = line.split(separator: 0x3A, omittingEmptySubsequences: false)
            guard fields.count > 5, fields[5].count > 1 else { return nil }
            return String(losslesslyDecoding: fields[5])
        }
        let found = Files.directories(in: host.path("/home")).map { "/home/" + $0 }
        return Set(listed + found).sorted()
    }

    /// A containerd state directory: its tasks lie in directories by containerd namespace.
    private mutating func addTasks(_ state: Place) {
        let tasks = state.path + "/io.containerd.runtime.v2.task"
        for namespace in Files.directories(in: host.path(tasks)) {
            bundles.append(Place(path: tasks + "/" + namespace))
        }
    }

    /// A containers/storage directory holds one directory of containers for each storage driver it was used with.
    private mutating func addStorage(_ storage: Place) {
        for driver in ["overlay", "vfs", "btrfs", "zfs"] {
            let containers = storage.appending(driver + "-containers")
            if Files.exists(host.path((containers.base ?? "") + containers.path)) { storages.append(containers) }
        }
    }

    private mutating func addIndex(of storage: Place) {
        guard let contents = contents(storage.appending("containers.json"), limit: Self.indexLimit) else { return }
        indexed.merge(ContainerRecord.all(inStorageIndex: contents)) { earlier, _ in earlier }
    }

    private mutating func addProcess(_ pid: ProcessID) {
        let directory = "/proc/\(pid.rawValue)"
        switch host.line(directory + "/comm") {
        case "dockerd":
            let base = base(of: directory)
            let arguments = arguments(in: directory)
            let config = ContainerRecord.option("--config-file", in: arguments) ?? "/etc/docker/daemon.json"
            let configured = contents(Place(base: base, path: config), limit: Self.recordLimit)
                .flatMap(ContainerRecord.dataRoot(inDaemonConfig:))
            let dataRoot = ContainerRecord.option("--data-root", "--graph", "-g", in: arguments) ?? configured
            add(Place(base: base, path: dataRoot ?? "/var/lib/docker"), to: &dockerRoots)
        case "containerd-shim":
            // A shim stands in its bundle; a pod's shim has the bundles of the pod's containers beside its own.
            guard let bundle = Files.linkTarget(host.path(directory + "/cwd")),
                let bundles = Self.removingLastParts(1, of: bundle)
            else { return }
            add(Place(base: base(of: directory), path: bundles), to: &self.bundles)
        case "conmon":
            let arguments = arguments(in: directory)
            guard let id = ContainerRecord.option("-c", "--cid", in: arguments) else { return }
            if let name = ContainerRecord.option("-n", "--name", in: arguments) { monitored[id] = name }
            // The bundle is STORAGE/ID/userdata.
            if let bundle = ContainerRecord.option("-b", "--bundle", in: arguments),
                let storage = Self.removingLastParts(2, of: bundle)
            {
                add(Place(base: base(of: directory), path: storage), to: &storages)
            }
        default:
            return
        }
    }

    private func add(_ place: Place, to places: inout [Place]) {
        if !places.contains(place) { places.append(place) }
    }

    /// Through which directory the files of a process are seen: nil for one that sees the machine's own.
    private mutating func base(of process: String) -> String? {
        guard let namespace = Files.linkTarget(host.path(process + "/ns/mnt")) else { return nil }
        if let known = bases[namespace] { return known }
        let isOwn = namespace == Files.linkTarget(host.path("/proc/self/ns/mnt"))
        let base = isOwn ? nil : process + "/root"
        bases[namespace] = .some(base)
        return base
    }

    private static func removingLastParts(_ count: Int, of path: String) -> String? {
        let parts = path.split(separator: "/")
        guard path.hasPrefix("/"), parts.count > count else { return nil }
        return "/" + parts.dropLast(count).joined(separator: "/")
    }

    private func arguments(in directory: String) -> [String] {
        (host.contents(directory + "/cmdline", limit: Self.recordLimit) ?? []).split(separator: 0)
            .map { String(losslesslyDecoding: $0) }
    }
}
