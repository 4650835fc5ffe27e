import Analysis
import Glibc
import Host
import ProfileModel

/// What can be recorded, and the CPU time of each, as one look at the machine found it.
struct TargetsReading {
    private struct Found {
        var kind: TargetReport.Kind
        var container: Container
        var processes: Int
        var source: CPUTimesSource?
        var times: CPUTimes?
    }

    private let found: [Found]
    /// CLOCK_MONOTONIC in nanoseconds, when the times were read.
    let time: Int64
    private let cpus: Int

    /// Containers, systemd's services and scopes, and other cgroups that hold processes. What lies in a container is that
    /// container's own affair, and the root is the machine.
    init(_ host: Host) {
        var found: [Found] = []
        var known: Set<String> = []
        for identity in host.containers(includingUnits: true) {
            known.insert(identity.cgroup.path)
            let isUnit = identity.runtime == "systemd"
            if isUnit, ContainerPath.innermost(holding: identity.cgroup.path)?.path != identity.cgroup.path { continue }
            found.append(
                Found(
                    kind: isUnit ? .service : .container, container: identity.container,
                    processes: host.processIDs(in: identity.cgroup).count,
                    source: host.cpuTimesSource(of: identity.cgroup)))
        }
        for cgroup in host.allCgroups() where cgroup.path != "/" && !known.contains(cgroup.path) {
            guard ContainerPath.innermost(holding: cgroup.path) == nil else { continue }
            // A cgroup that only holds others would repeat what they have.
            guard !host.processIDs(in: cgroup, includingDescendants: false).isEmpty else { continue }
            found.append(
                Found(
                    kind: .cgroup, container: Container(name: cgroup.name, cgroup: cgroup.path),
                    processes: host.processIDs(in: cgroup).count, source: host.cpuTimesSource(of: cgroup)))
        }
        // Finding them takes a while: the times are read together, as near to one moment as can be.
        for index in found.indices { found[index].times = found[index].source?.read() }
        self.found = found
        time = Self.now()
        cpus = host.machine().onlineCPUs.count
    }

    /// What was used since an earlier look. What is new since then has figures only the next time.
    func report(since earlier: TargetsReading, includingIdle: Bool) -> TargetsReport {
        let before = Dictionary(
            earlier.found.map { (Self.key($0), $0.times) }, uniquingKeysWith: { first, _ in first })
        let readings = found.map { now in
            TargetReading(
                kind: now.kind, container: now.container, processes: now.processes,
                before: before[Self.key(now)] ?? nil, after: now.times)
        }
        return TargetsReport(
            readings, measuredNanoseconds: time - earlier.time, cpus: cpus, includesIdle: includingIdle)
    }

    /// Two counts compare only where they come from one file.
    private static func key(_ found: Found) -> [String] {
        [found.container.cgroup ?? "", found.container.id ?? "", found.source?.path ?? ""]
    }

    private static func now() -> Int64 {
        var time = timespec()
        // clock_gettime(2) fills a local variable.
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
