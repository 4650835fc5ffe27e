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
        /// How it was asked for, to find it again after it was restarted.
        var target: RecordRequest.Target?
        /// Where its own count of CPU time is read.
        var times: CPUTimesSource?
        /// Whether it was made while the recording ran, so that all it counted belongs to the recording.
        var isNew = false
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
        if needsWholeMachine, processes.isEmpty || takesNewContainers {
            containers.append(Container(name: "host and others"))
            others = RowID(containers.count)
        }
        if let command = request.command.first {
            let cgroup: Cgroup
            do { cgroup = try host.createCgroup() } catch { throw .host(error) }
            ownCgroup = cgroup
            let name = FilePath(command).lastComponent?.string ?? command
            add(Container(name: name, cgroup: cgroup.path), at: cgroup, target: nil, host: host)
        }
    }

    private mutating func add(_ target: RecordRequest.Target, host: Host) throws {
        switch target {
        case .cgroup(let name):
            let cgroup = try host.cgroup(name)
            let identity = host.container(holding: cgroup)
            let container =
                identity?.cgroup == cgroup ? identity?.container : Container(name: cgroup.name, cgroup: cgroup.path)
            add(container ?? Container(name: cgroup.name), at: cgroup, target: target, host: host)
        case .container(let name):
            let identity = try host.resolveContainer(named: name)
            add(identity.container, at: identity.cgroup, target: target, host: host)
        case .pod(let name):
            for identity in try host.resolvePod(named: name).containers {
                add(identity.container, at: identity.cgroup, target: nil, host: host)
            }
        case .allContainers:
            takesNewContainers = true
            for identity in host.containers() {
                add(identity.container, at: identity.cgroup, target: nil, host: host)
            }
        case .process(let pid):
            guard let process = host.process(pid) else { throw RecorderError.noSuchProcess(pid) }
            if processes.contains(where: { $0.pid == pid }) { return }
            containers.append(Container(name: "\(process.comm)(\(pid.rawValue))"))
            processes.append((pid, RowID(containers.count)))
        }
    }

    private mutating func add(_ container: Container, at cgroup: Cgroup, target: RecordRequest.Target?, host: Host) {
        if cgroups.contains(where: { $0.cgroup.path == cgroup.path }) { return }
        containers.append(container)
        cgroups.append(
            NamedCgroup(
                cgroup: cgroup, row: RowID(containers.count), target: target, times: host.cpuTimesSource(of: cgroup)))
    }

    /// A process can be in any cgroup and move, and containers that start need an event before they exist: only events of
    /// the whole machine follow those.
    var needsWholeMachine: Bool {
        !processes.isEmpty || takesNewContainers || outermostCgroups.count > Self.mostEventsPerCPU
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

    /// Takes a container that started while the recording runs.
    mutating func add(_ identity: ContainerIdentity, row: RowID, host: Host) {
        while containers.count < row { containers.append(identity.container) }
        cgroups.append(
            NamedCgroup(
                cgroup: identity.cgroup, row: row, times: host.cpuTimesSource(of: identity.cgroup), isNew: true))
    }

    /// The named cgroups that were removed and made again, as they are now.
    ///
    /// A container keeps its name over a restart, though its id may change.
    func restarted(host: Host) -> [(index: Int, cgroup: Cgroup)] {
        cgroups.indices.compactMap { index in
            let named = cgroups[index]
            if let now = host.cgroup(atPath: named.cgroup.path) {
                return now.id == named.cgroup.id ? nil : (index, now)
            }
            guard case .container(let name)? = named.target, let now = try? host.resolveContainer(named: name) else {
                return nil
            }
            return (index, now.cgroup)
        }
    }

    /// Goes on with a cgroup that was made again.
    mutating func replace(_ index: Int, with cgroup: Cgroup, host: Host) {
        cgroups[index].cgroup = cgroup
        cgroups[index].times = host.cpuTimesSource(of: cgroup)
        cgroups[index].isNew = true
    }
}
