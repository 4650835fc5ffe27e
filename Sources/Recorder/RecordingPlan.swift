import Glibc
import Host
import PerfEvents
import PerfRecords
import ProfileBuilder
import ProfileModel
import Recording
import SystemPackage

/// What is to be recorded, found on this machine: cgroups and processes instead of names.
struct RecordingPlan {
    struct NamedCgroup {
        var cgroup: Cgroup
        var row: RowID
        /// The container's full name, to find it again after it was restarted; nil for what is no container.
        var container: String?
        /// Where its own count of CPU time is read.
        var times: CPUTimesSource?
        /// Whether it was made while the recording ran, so that all it counted belongs to the recording.
        var isNew = false
        /// CLOCK_MONOTONIC in nanoseconds when it was last seen to be there; 0 before the first look.
        var lastSeen: UInt64 = 0
        var isGone = false
    }
    /// By row: the first has row 1.
    private(set) var containers: [Container] = []
    private(set) var cgroups: [NamedCgroup] = []
    private(set) var processes: [(pid: ProcessID, row: RowID)] = []
    /// The cgroup made for the command; removed at the end.
    private(set) var ownCgroup: Cgroup?
    /// Whether containers that start meanwhile are taken too.
    private(set) var takesNewContainers = false
    /// The row of all that was not named; nil where that is not recorded.
    private(set) var others: RowID?
    /// The pods that were named, whose containers that start meanwhile are taken too.
    private var pods: [String] = []
    /// The cgroups beside those of the pods' containers, as they were when they were last looked at.
    private var besidePods: [String: [String]] = [:]
    /// How many more times the runtimes' state is read, though nothing has changed beside the pods.
    private var looksBesidePods = 0
    /// Whether events of the whole machine are used: decided once.
    ///
    /// A process can be in any cgroup and move, and containers that start need an event before they exist: only events of
    /// the whole machine follow those.
    private(set) var needsWholeMachine = false

    /// With more targets than this, events of the whole machine and a filter cost less than events for each.
    static let mostEventsPerCPU = 16

    /// - Throws: `noTarget`, `noSuchProcess` or `host`.
    init(_ request: RecordRequest, host: Host) throws(RecorderError) {
        guard !request.targets.isEmpty || !request.command.isEmpty else { throw .noTarget }
        for target in request.targets {
            do throws(any Error) {
                try add(target, host: host)
            } catch {
                throw error as? RecorderError ?? .host(error)
            }
        }
        let eventsPerCPU = outermostCgroups.count + (request.command.isEmpty ? 0 : 1)
        needsWholeMachine = !processes.isEmpty || takesNewContainers || eventsPerCPU > Self.mostEventsPerCPU
        if needsWholeMachine, processes.isEmpty || takesNewContainers {
            containers.append(Container(name: "host and others"))
            others = RowID(containers.count)
        }
        if let command = request.command.first {
            let cgroup: Cgroup
            do { cgroup = try host.createOwnCgroup() } catch { throw .host(error) }
            ownCgroup = cgroup
            let name = FilePath(command).lastComponent?.string ?? command
            add(Container(name: name, cgroup: cgroup.path), at: cgroup, host: host)
        }
        noteBesidePods(host)
    }

    private mutating func add(_ target: RecordRequest.Target, host: Host) throws {
        switch target {
        case .cgroup(let name):
            let cgroup = try host.cgroup(name)
            let identity = host.container(holding: cgroup)
            let container =
                identity?.cgroup == cgroup ? identity?.container : Container(name: cgroup.name, cgroup: cgroup.path)
            add(container ?? Container(name: cgroup.name), at: cgroup, host: host)
        case .container(let name):
            _ = try host.requirePerfEventHierarchy()
            add(try host.resolveContainer(named: name), host: host)
        case .pod(let name):
            _ = try host.requirePerfEventHierarchy()
            let pod = try host.resolvePod(named: name)
            pods.append(pod.qualifiedName)
            for identity in pod.containers { add(identity, host: host) }
        case .allContainers:
            _ = try host.requirePerfEventHierarchy()
            takesNewContainers = true
            for identity in host.containers() { add(identity, host: host) }
        case .process(let pid):
            guard let process = host.process(pid) else { throw RecorderError.noSuchProcess(pid) }
            if processes.contains(where: { $0.pid == pid }) { return }
            containers.append(Container(name: "\(process.comm)(\(pid.rawValue))"))
            processes.append((pid, RowID(containers.count)))
        }
    }

    private mutating func add(_ identity: ContainerIdentity, host: Host) {
        add(identity.container, at: identity.cgroup, named: identity.qualifiedName, host: host)
    }

    private mutating func add(_ container: Container, at cgroup: Cgroup, named name: String? = nil, host: Host) {
        if cgroups.contains(where: { $0.cgroup.path == cgroup.path }) { return }
        containers.append(container)
        cgroups.append(
            NamedCgroup(
                cgroup: cgroup, row: RowID(containers.count), container: name, times: host.cpuTimesSource(of: cgroup)))
    }

    /// The named cgroups that do not lie in another named one: an event of a cgroup covers what is below it, and two
    /// events would count the same sample twice.
    var outermostCgroups: [NamedCgroup] {
        let paths = Set(cgroups.map(\.cgroup.path))
        return cgroups.filter { named in
            var rest = named.cgroup.path[...]
            while let slash = rest.lastIndex(of: "/") {
                rest = rest[..<slash]
                let ancestor = rest.isEmpty ? "/" : String(rest)
                if ancestor != named.cgroup.path, paths.contains(ancestor) { return false }
            }
            return true
        }
    }

    /// Whether nothing that is recorded is in a container, or can come to be in one that exists now.
    func isOnHost(host: Host) -> Bool {
        func isContainer(_ cgroup: Cgroup) -> Bool {
            ContainerPath.innermost(holding: cgroup.path).map { $0.runtime != "systemd" } ?? false
        }
        if takesNewContainers { return false }
        let ofProcesses = processes.compactMap { host.process($0.pid)?.cgroupPath }.compactMap {
            host.cgroup(atPath: $0)
        }
        return !ofProcesses.contains(where: isContainer)
            && !cgroups.contains { named in
                isContainer(named.cgroup) || host.descendants(of: named.cgroup).contains(where: isContainer)
            }
    }

    /// Whose samples are whose, but for the events, which are not open yet.
    func attribution(host: Host) -> Attribution {
        var attribution = Attribution()
        // From the outside inwards, so that the deepest named cgroup has the last word.
        for named in cgroups.sorted(by: { $0.cgroup.path.utf8.count < $1.cgroup.path.utf8.count }) {
            attribution.paths[named.cgroup.path] = named.row
            for cgroup in host.descendants(of: named.cgroup) { attribution.cgroups[cgroup.id] = named.row }
        }
        for process in processes { attribution.processes[process.pid] = process.row }
        attribution.others = others
        return attribution
    }
}

// MARK: While the recording runs

extension RecordingPlan {
    /// A named cgroup that was removed and made again.
    struct Restart {
        var index: Int
        var cgroup: Cgroup
        /// When the one before was last seen.
        var lastSeen: UInt64
    }

    /// A container's restart, or a service's, takes a moment; one whose name nobody else can have is waited for longer.
    private static let patience: (cgroup: UInt64, container: UInt64) = (3_000_000_000, 10_000_000_000)

    /// Takes a container that started while the recording runs.
    mutating func add(_ identity: ContainerIdentity, row: RowID, host: Host) {
        while containers.count < row { containers.append(identity.container) }
        cgroups.append(
            NamedCgroup(
                cgroup: identity.cgroup, row: row, container: identity.qualifiedName,
                times: host.cpuTimesSource(of: identity.cgroup), isNew: true))
    }

    /// Sees which of the named cgroups are there, and which were made again.
    ///
    /// A container keeps its name over a restart, though its id and with it its cgroup's path may change.
    /// - Parameter searches: whether those that are gone are looked for by name, which means reading the runtimes' state.
    mutating func look(at now: UInt64, searches: Bool, host: Host) -> [Restart] {
        var restarts: [Restart] = []
        for index in cgroups.indices {
            let named = cgroups[index]
            if let present = host.present(named.cgroup) {
                if present.id == named.cgroup.id {
                    cgroups[index].lastSeen = now
                    cgroups[index].isGone = false
                } else {
                    restarts.append(Restart(index: index, cgroup: present, lastSeen: named.lastSeen))
                }
                continue
            }
            cgroups[index].isGone = true
            guard searches, !takesNewContainers, let name = named.container,
                let identity = try? host.resolveContainer(named: name),
                !cgroups.contains(where: { $0.cgroup.path == identity.cgroup.path })
            else { continue }
            restarts.append(Restart(index: index, cgroup: identity.cgroup, lastSeen: named.lastSeen))
        }
        return restarts
    }

    /// Goes on with a cgroup that was made again.
    mutating func take(_ restart: Restart, at now: UInt64, host: Host) {
        cgroups[restart.index].cgroup = restart.cgroup
        cgroups[restart.index].times = host.cpuTimesSource(of: restart.cgroup)
        cgroups[restart.index].isNew = true
        cgroups[restart.index].isGone = false
        cgroups[restart.index].lastSeen = now
    }

    /// When the last of the named cgroups went, where all are gone for longer than a restart takes; nil where one is there
    /// or may come back.
    func allGoneSince(at now: UInt64) -> UInt64? {
        if takesNewContainers || cgroups.isEmpty { return nil }
        for named in cgroups {
            let patience = named.container == nil ? Self.patience.cgroup : Self.patience.container
            if !named.isGone || now < named.lastSeen + patience { return nil }
        }
        return cgroups.map(\.lastSeen).max()
    }

    /// The containers of the named pods that are not recorded yet.
    mutating func newInPods(host: Host) -> [ContainerIdentity] {
        guard !takesNewContainers, noteBesidePods(host) else { return [] }
        let known = Set(cgroups.map(\.cgroup.path))
        return pods.flatMap { (try? host.resolvePod(named: $0))?.containers ?? [] }
            .filter { !known.contains($0.cgroup.path) }
    }

    /// Lists the cgroups where a container of a named pod would turn up.
    ///
    /// - Returns: whether they have changed lately, so that the runtimes' state is worth reading.
    @discardableResult
    private mutating func noteBesidePods(_ host: Host) -> Bool {
        if pods.isEmpty { return false }
        var found: [String: [String]] = [:]
        for named in cgroups where named.container != nil {
            let parent = named.cgroup.path.split(separator: "/").dropLast().joined(separator: "/")
            if found[parent] == nil { found[parent] = host.namesOfCgroups(in: "/" + parent) }
        }
        if found != besidePods { looksBesidePods = Self.looksAfterChange }
        besidePods = found
        looksBesidePods -= 1
        return looksBesidePods >= 0
    }

    /// A runtime makes a container's cgroup before it writes down whose it is; podman on a busy machine seconds before.
    private static let looksAfterChange = 10
}
