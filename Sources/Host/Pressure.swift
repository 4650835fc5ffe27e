public import ProfileModel

/// What limits and stalls the kernel has counted for a cgroup, or for the machine, up to one moment.
public struct PressureSnapshot: Hashable, Sendable {
    public struct Figure: Hashable, Sendable {
        /// The v2 file and its field, such as `cpu.stat nr_throttled`; v1's figures bear the name of v2's.
        public var name: String
        /// `periods`, `µs`, `faults`, `events` or `entries`.
        public var unit: String
        /// Counted since the cgroup was made; for `cpu.max` what is set.
        public var value: Int64

        public init(name: String, unit: String, value: Int64) {
            self.name = name
            self.unit = unit
            self.value = value
        }
    }

    /// Only what the machine has a file for: a missing figure is not 0.
    public var figures: [Figure]

    public init(figures: [Figure]) { self.figures = figures }

    public func value(of name: String) -> Int64? { figures.first { $0.name == name }?.value }

    /// The figures that both snapshots have, as a recording stores them.
    ///
    /// - Parameter container: index into the profile's containers; nil for the whole machine.
    public func readings(to after: PressureSnapshot, container: Int?) -> [PressureReading] {
        figures.compactMap { figure in
            after.value(of: figure.name).map {
                PressureReading(
                    container: container, name: figure.name, unit: figure.unit, before: figure.value, after: $0)
            }
        }
    }
}

extension Host {
    /// Reads throttling, CPU limit, stalls and page faults of one cgroup.
    ///
    /// On a hybrid host the limits lie in v1's hierarchies and the stalls in v2: what v2 does not have is taken from
    /// the same path in v1.
    /// Source: Documentation/admin-guide/cgroup-v2.rst, scheduler/sched-bwc.rst, accounting/psi.rst.
    public func pressure(of cgroup: Cgroup) -> PressureSnapshot {
        let hierarchies = cgroupHierarchies()
        func directory(_ hierarchy: CgroupHierarchy?) -> String? {
            hierarchy?.directory(of: cgroup.path).map { path($0) }
        }
        var figures: [PressureSnapshot.Figure] = []
        func add(_ new: [PressureSnapshot.Figure]) {
            figures.append(contentsOf: new.filter { figure in !figures.contains { $0.name == figure.name } })
        }
        if let unified = directory(hierarchies.unified) {
            add(PressureSnapshot.cpu(in: unified))
            add(PressureSnapshot.stalls { Files.contents(of: unified + "/\($0).pressure", limit: 4096) })
            add(PressureSnapshot.memory(in: unified))
        }
        if let cpu = directory(hierarchies.v1(with: "cpu")) { add(PressureSnapshot.cpuV1(in: cpu)) }
        if let memory = directory(hierarchies.v1(with: "memory")) { add(PressureSnapshot.memoryV1(in: memory)) }
        return PressureSnapshot(figures: figures)
    }

    /// Reads the stalls of the whole machine, and how many names its dentry cache holds.
    public func pressure() -> PressureSnapshot {
        PressureSnapshot(
            figures: PressureSnapshot.stalls { contents("/proc/pressure/\($0)", limit: 4096) }
                + PressureSnapshot.dentries(contents("/proc/sys/fs/dentry-state", limit: 4096) ?? []))
    }
}

extension PressureSnapshot {
    fileprivate static func cpu(in directory: String) -> [Figure] {
        let stat = Files.keyedNumbers(of: directory + "/cpu.stat") ?? [:]
        return figures(
            stat, in: "cpu.stat",
            [("nr_periods", "periods"), ("nr_throttled", "periods"), ("throttled_usec", "µs")])
            + limit(Files.contents(of: directory + "/cpu.max", limit: 4096) ?? [])
    }

    fileprivate static func memory(in directory: String) -> [Figure] {
        let events = Files.keyedNumbers(of: directory + "/memory.events") ?? [:]
        let stat = Files.keyedNumbers(of: directory + "/memory.stat") ?? [:]
        return figures(
            events, in: "memory.events", ["high", "max", "oom", "oom_kill"].map { ($0, "events") })
            + figures(stat, in: "memory.stat", [("pgfault", "faults"), ("pgmajfault", "faults")])
    }

    fileprivate static func cpuV1(in directory: String) -> [Figure] {
        var stat = Files.keyedNumbers(of: directory + "/cpu.stat") ?? [:]
        stat["throttled_usec"] = stat["throttled_time"].map { $0 / 1000 }
        var limit: [Figure] = []
        // -1 stands for no limit.
        if let quota = Files.number(of: directory + "/cpu.cfs_quota_us"), quota > 0,
            let period = Files.number(of: directory + "/cpu.cfs_period_us")
        {
            limit = Self.limit(quota: quota, period: period)
        }
        return figures(
            stat, in: "cpu.stat",
            [("nr_periods", "periods"), ("nr_throttled", "periods"), ("throttled_usec", "µs")]) + limit
    }

    fileprivate static func memoryV1(in directory: String) -> [Figure] {
        // `total_` counts what is below too, as v2 does.
        let stat = Files.keyedNumbers(of: directory + "/memory.stat") ?? [:]
        let control = Files.keyedNumbers(of: directory + "/memory.oom_control") ?? [:]
        return figures(control, in: "memory.events", [("oom_kill", "events")])
            + figures(
                ["pgfault": stat["total_pgfault"], "pgmajfault": stat["total_pgmajfault"]].compactMapValues(\.self),
                in: "memory.stat", [("pgfault", "faults"), ("pgmajfault", "faults")])
    }

    /// Reads `cpu.max`: a quota and a period in µs, or `max` and a period where there is no limit.
    static func limit(_ contents: [UInt8]) -> [Figure] {
        let numbers = String(decoding: contents, as: UTF8.self).split { $0 == " " || $0 == "\n" }.map { Int64($0) }
        guard numbers.count == 2, let quota = numbers[0], let period = numbers[1] else { return [] }
        return limit(quota: quota, period: period)
    }

    private static func limit(quota: Int64, period: Int64) -> [Figure] {
        [
            Figure(name: "cpu.max quota", unit: "µs", value: quota),
            Figure(name: "cpu.max period", unit: "µs", value: period),
        ]
    }

    /// Reads the `total=` of the PSI files of cpu, io and memory.
    fileprivate static func stalls(_ read: (_ resource: String) -> [UInt8]?) -> [Figure] {
        ["cpu", "io", "memory"].flatMap { resource in
            stallTotals(read(resource) ?? []).map {
                Figure(name: "\(resource).pressure \($0.kind) total", unit: "µs", value: $0.total)
            }
        }
    }

    /// Reads one PSI file: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and the same of `full`.
    static func stallTotals(_ contents: [UInt8]) -> [(kind: String, total: Int64)] {
        String(decoding: contents, as: UTF8.self).split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard let kind = fields.first, kind == "some" || kind == "full",
                let total = fields.last, total.hasPrefix("total="), let value = Int64(total.dropFirst(6))
            else { return nil }
            return (String(kind), value)
        }
    }

    /// Reads fs.dentry-state: all names, unused ones, two figures of no interest here, and (Linux 5.0) negative ones.
    ///
    /// Source: Documentation/admin-guide/sysctl/fs.rst.
    static func dentries(_ contents: [UInt8]) -> [Figure] {
        let numbers = String(decoding: contents, as: UTF8.self).split(whereSeparator: \.isWhitespace).map { Int64($0) }
        return [("nr_dentry", 0), ("nr_unused", 1), ("nr_negative", 4)].compactMap { name, index in
            guard numbers.indices.contains(index), let value = numbers[index] else { return nil }
            return Figure(name: "dentry-state \(name)", unit: "entries", value: value)
        }
    }

    private static func figures(
        _ numbers: [String: Int64], in file: String, _ fields: [(name: String, unit: String)]
    ) -> [Figure] {
        fields.compactMap { field in
            numbers[field.name].map { Figure(name: "\(file) \(field.name)", unit: field.unit, value: $0) }
        }
    }
}
