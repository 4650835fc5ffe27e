import Glibc
import Host
import PerfEvents
import PerfRecords
import ProfileBuilder
import ProfileModel
import Recording
import SystemPackage

/// What is to be recorded, found on this machine: containers, cgroups and processes instead of names.
struct RecordingPlan {
    struct NamedCgroup {
        var cgroup: Cgroup
        var row: RowID
        /// Where its own count of CPU time is read.
        var times: CPUTimesSource?
    }
    var containers: [Container] = []
    var cgroups: [NamedCgroup] = []
    var processes: [(pid: ProcessID, row: RowID)] = []
    /// The cgroup made for the command; removed at the end.
    var ownCgroup: Cgroup?

    /// A process can be in any cgroup and move, so that only events of the whole machine follow it.
    var needsWholeMachine: Bool { !processes.isEmpty }

    /// - Throws: `noTarget`, `noSuchProcess` or `host`.
    init(_ request: RecordRequest, host: Host) throws(RecorderError) {
        guard !request.targets.isEmpty || !request.command.isEmpty else { throw .noTarget }
        for target in request.targets {
            switch target {
            case .cgroup(let name):
                let cgroup: Cgroup
                do { cgroup = try host.cgroup(name) } catch { throw .host(error) }
                if !cgroups.contains(where: { $0.cgroup.path == cgroup.path }) {
                    add(cgroup, name: cgroup.name, host: host)
                }
            case .process(let pid):
                guard let process = host.process(pid) else { throw .noSuchProcess(pid) }
                if processes.contains(where: { $0.pid == pid }) { continue }
                containers.append(Container(name: "\(process.comm)(\(pid.rawValue))"))
                processes.append((pid, RowID(containers.count)))
            }
        }
        if let command = request.command.first {
            let cgroup: Cgroup
            do { cgroup = try host.createCgroup() } catch { throw .host(error) }
            ownCgroup = cgroup
            add(cgroup, name: FilePath(command).lastComponent?.string ?? command, host: host)
        }
    }

    private mutating func add(_ cgroup: Cgroup, name: String, host: Host) {
        containers.append(Container(name: name, cgroup: cgroup.path))
        cgroups.append(
            NamedCgroup(
                cgroup: cgroup, row: RowID(containers.count), times: host.cpuTimesSource(of: cgroup)))
    }

    /// The named cgroups that do not lie in another named one: an event of a cgroup covers what is below it, and two
    /// events would count the same sample twice.
    var outermostCgroups: [NamedCgroup] {
        cgroups.filter { inner in
            !cgroups.contains { outer in
                outer.cgroup.path != inner.cgroup.path
                    && (outer.cgroup.path == "/" || inner.cgroup.path.hasPrefix(outer.cgroup.path + "/"))
            }
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
        return attribution
    }
}
