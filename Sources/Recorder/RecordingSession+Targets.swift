import Host
import ProfileBuilder
import ProfileModel
import Recording

/// Targets that come and go while the recording runs.
extension RecordingSession {
    /// Whether nothing is left of what was named.
    var targetsAreGone: Bool {
        if plan.takesNewContainers { return false }
        let cgroupsAreGone = plan.cgroups.isEmpty || plan.allGoneSince(at: Clock.monotonic()) != nil
        return cgroupsAreGone && !builder.attribution.processes.keys.contains { host.isAlive($0) }
    }

    /// Takes over what started, and goes on with what was removed and made again.
    ///
    /// - Parameter searches: see `RecordingPlan.look`; once a second.
    mutating func followTargets(searches: Bool) throws(RecorderError) {
        takeNewContainers()
        let now = Clock.monotonic()
        for restart in plan.look(at: now, searches: searches, host: host) {
            plan.take(restart, at: now, host: host)
            let named = plan.cgroups[restart.index]
            let isFollowed = builder.attribution.cgroups[restart.cgroup.id] == named.row
            events.retire(named.row)
            try follow(named)
            let from = seconds(max(restart.lastSeen, startTime))
            let to = seconds(Clock.monotonic())
            let name = plan.containers[Int(named.row) - 1].name
            info.notes.append(
                plan.needsWholeMachine && isFollowed
                    ? "\(name) was restarted between \(from) s and \(to) s"
                    : "\(name) was restarted: nothing of it is recorded between \(from) s and \(to) s")
        }
        guard searches else { return }
        for identity in plan.newInPods(host: host) {
            let row = RowID(plan.containers.count + 1)
            plan.add(identity, row: row, host: host)
            builder.set(identity.container, id: row)
            guard let named = plan.cgroups.last else { continue }
            try follow(named)
            info.notes.append("\(identity.container.name) started at \(seconds(Clock.monotonic())) s")
        }
    }

    /// Takes the containers that the kernel told of, and that the builder has rows for.
    mutating func takeNewContainers() {
        for new in machine.takeNewContainers() {
            plan.add(new.identity, row: new.row, host: host)
            for pid in host.processIDs(in: new.identity.cgroup) { builder.add(pid) }
        }
    }

    /// Opens the events of a cgroup that was not there at the start, and says whose its samples are.
    private mutating func follow(_ named: RecordingPlan.NamedCgroup) throws(RecorderError) {
        if !plan.needsWholeMachine {
            do throws(RecorderError) {
                try events.attach(named, enabled: true, attribution: &builder.attribution)
            } catch {
                // It may be gone again already; the next look will tell.
                if host.present(named.cgroup) != nil { throw error }
                return
            }
        }
        builder.attribution.paths[named.cgroup.path] = named.row
        for inner in host.descendants(of: named.cgroup) { builder.attribution.cgroups[inner.id] = named.row }
        for pid in host.processIDs(in: named.cgroup) { builder.add(pid) }
    }

    /// Since the start, with one decimal.
    func seconds(_ time: UInt64) -> Double {
        (Double(time - min(time, startTime)) / 1e8).rounded() / 10
    }
}
