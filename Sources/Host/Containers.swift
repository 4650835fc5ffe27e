public import ProfileModel

/// One container that exists now: what people call it, and the cgroup to profile.
public struct ContainerIdentity: Hashable, Sendable {
    /// `docker`, `podman`, `containerd`, `cri-o`, `lxc`, `nspawn`, `mesos`, or `systemd` for a service or scope; nil
    /// for a container whose id no runtime's files know.
    public var runtime: String?
    /// Full length; nil for those that have names only.
    public var id: String?
    /// The container's name, else the first 12 digits of its id; Mesos' ids, which are all the name there is, are whole.
    public var name: String
    public var image: String?
    /// The pod's name; its UID where that is all there is to know.
    public var pod: String?
    public var namespace: String?
    public var podUID: String?
    /// Whether it does no work of its own and only holds a pod together.
    public var isSandbox: Bool
    public var cgroup: Cgroup

    public init(
        runtime: String?, id: String?, name: String, image: String? = nil, pod: String? = nil,
        namespace: String? = nil, podUID: String? = nil, isSandbox: Bool = false, cgroup: Cgroup
    ) {
        self.runtime = runtime
        self.id = id
        self.name = name
        self.image = image
        self.pod = pod
        self.namespace = namespace
        self.podUID = podUID
        self.isSandbox = isSandbox
        self.cgroup = cgroup
    }

    /// `NAMESPACE/POD/NAME` as far as there is one.
    public var qualifiedName: String { [namespace, pod, name].compactMap(\.self).joined(separator: "/") }

    /// As a recording stores it.
    public var container: Container {
        Container(
            name: name, id: id, runtime: runtime, image: image, pod: pod, namespace: namespace, cgroup: cgroup.path)
    }
}

/// The containers of one pod.
public struct Pod: Hashable, Sendable {
    public var name: String
    /// Nil for podman, which has none.
    public var namespace: String?
    /// Without those that only hold the pod together.
    public var containers: [ContainerIdentity]

    /// `NAMESPACE/NAME`, or the name alone.
    public var qualifiedName: String { [namespace, name].compactMap(\.self).joined(separator: "/") }
}

/// Why a container or pod could not be found by its name.
public enum ContainerError: Error, Equatable, Sendable {
    /// No container has this name or id; `existing` are the names of those that run.
    case unknownContainer(name: String, existing: [String])
    /// Several containers have this name, or ids that begin so; `candidates` are their names with ids.
    case ambiguousContainer(name: String, candidates: [String])
    /// No pod has this name; `existing` are the names of those that run.
    case unknownPod(name: String, existing: [String])
    /// Several namespaces have a pod of this name; `candidates` are `NAMESPACE/NAME`.
    case ambiguousPod(name: String, candidates: [String])
}

extension Host {
    /// All containers that have a cgroup now, by cgroup path. Those that only hold a pod together are left out.
    ///
    /// - Parameter includingUnits: systemd's services and scopes too.
    public func containers(includingUnits: Bool = false) -> [ContainerIdentity] {
        guard let hierarchy = perfEventHierarchy else { return [] }
        let state = ContainerState(self)
        return cgroups(below: "/", of: hierarchy).compactMap { cgroup in
            guard let path = ContainerPath(cgroup.path), includingUnits || path.runtime != "systemd" else { return nil }
            let identity = identity(path, at: cgroup, state)
            return identity.isSandbox ? nil : identity
        }
    }

    /// The container whose own cgroup this is, or the innermost one that holds it; nil for a bare cgroup.
    public func container(holding cgroup: Cgroup) -> ContainerIdentity? {
        guard let path = ContainerPath.innermost(holding: cgroup.path),
            let own = path.path == cgroup.path ? cgroup : self.cgroup(atPath: path.path)
        else { return nil }
        return identity(path, at: own, ContainerState(self))
    }

    /// Finds the container that somebody named.
    ///
    /// - Parameter name: the name; `POD/NAME` or `NAMESPACE/POD/NAME`; or the beginning of the id. A name beats an id.
    /// - Throws: `unknownContainer` or `ambiguousContainer`.
    public func resolveContainer(named name: String) throws(ContainerError) -> ContainerIdentity {
        let all = containers()
        var matches = all.filter { $0.name == name || $0.qualifiedName == name }
        if matches.isEmpty { matches = all.filter { $0.podAndName == name } }
        if matches.isEmpty && !name.isEmpty { matches = all.filter { $0.id?.hasPrefix(name) == true } }
        if matches.count > 1 { throw .ambiguousContainer(name: name, candidates: matches.map(\.distinctName)) }
        guard let match = matches.first else {
            throw .unknownContainer(name: name, existing: all.map(\.qualifiedName).sorted())
        }
        return match
    }

    /// The pods that have containers now, by namespace and name.
    public func pods() -> [Pod] {
        let groups = Dictionary(grouping: containers().filter { $0.pod != nil }) { [$0.namespace, $0.pod] }
        return groups.compactMap { key, containers in
            key[1].map { Pod(name: $0, namespace: key[0], containers: containers) }
        }.sorted { $0.qualifiedName < $1.qualifiedName }
    }

    /// Finds the pod that somebody named.
    ///
    /// - Parameter name: `NAMESPACE/NAME`, or the name alone. A pod without a namespace is also found in `default`.
    /// - Throws: `unknownPod` or `ambiguousPod`.
    public func resolvePod(named name: String) throws(ContainerError) -> Pod {
        let all = pods()
        var matches = all.filter { $0.qualifiedName == name }
        if matches.isEmpty {
            matches = all.filter { $0.name == name || ($0.namespace == nil && "default/" + $0.name == name) }
        }
        if matches.count > 1 { throw .ambiguousPod(name: name, candidates: matches.map(\.qualifiedName)) }
        guard let match = matches.first else {
            throw .unknownPod(name: name, existing: all.map(\.qualifiedName))
        }
        return match
    }

    private func identity(_ path: ContainerPath, at cgroup: Cgroup, _ state: ContainerState) -> ContainerIdentity {
        let record = path.id.flatMap { state.record(of: $0) }
        let podUID = path.podUID ?? record?.podUID
        return ContainerIdentity(
            runtime: path.runtime ?? record?.runtime, id: path.id,
            name: path.name ?? record?.name ?? path.shortID ?? cgroup.name, image: record?.image,
            pod: record?.pod ?? podUID, namespace: record?.namespace, podUID: podUID,
            isSandbox: record?.isSandbox ?? false, cgroup: cgroup)
    }
}

extension ContainerPath {
    fileprivate var shortID: String? { id.map { runtime == "mesos" ? $0 : String($0.prefix(12)) } }
}

extension ContainerIdentity {
    /// `POD/NAME`; nil outside a pod.
    fileprivate var podAndName: String? { pod.map { $0 + "/" + name } }

    /// What tells it from another of the same name.
    fileprivate var distinctName: String {
        let short = id.map { " (" + $0.prefix(12) + ")" } ?? " (" + cgroup.path + ")"
        return qualifiedName + short
    }
}
