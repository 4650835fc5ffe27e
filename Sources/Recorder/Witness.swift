import Host
import ProfileModel
import Recording

/// What the kernel itself counts for the targets, before and after: CPU time, throttling and stalls.
struct Witness {
    private var times: [RowID: CPUTimes] = [:]
    private var pressure: [RowID: PressureSnapshot] = [:]
    private let machine: PressureSnapshot

    init(_ plan: RecordingPlan, host: Host) {
        machine = host.pressure()
        for named in plan.cgroups {
            times[named.row] = named.times?.read()
            pressure[named.row] = host.pressure(of: named.cgroup)
        }
    }

    /// CPU time since then; none for a container that was restarted, whose count began anew.
    func timesSpent(_ plan: RecordingPlan) -> [RowID: CPUTimes] {
        var spent: [RowID: CPUTimes] = [:]
        for named in plan.cgroups {
            guard let after = named.times?.read() else { continue }
            let before = times[named.row]
            if named.isNew {
                if before == nil { spent[named.row] = after }
            } else if let before {
                spent[named.row] = CPUTimes(
                    userNanoseconds: after.userNanoseconds - before.userNanoseconds,
                    systemNanoseconds: after.systemNanoseconds - before.systemNanoseconds)
            }
        }
        return spent
    }

    /// The figures of the machine and of each target as rows.
    func rows(_ plan: RecordingPlan, host: Host) -> [PressureRow] {
        func rows(_ readings: [PressureReading], _ container: RowID?) -> [PressureRow] {
            readings.map {
                PressureRow(
                    container: container, name: $0.name, unit: $0.unit, before: $0.before, after: $0.after)
            }
        }
        var all = rows(machine.readings(to: host.pressure(), container: nil), nil)
        for named in plan.cgroups where !named.isNew {
            guard let before = pressure[named.row] else { continue }
            all += rows(before.readings(to: host.pressure(of: named.cgroup), container: nil), named.row)
        }
        return all
    }
}
