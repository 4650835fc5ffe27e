public import ProfileModel

/// What `jostle record` can be aimed at now, with the CPU time of each over a short while.
///
/// All times are integer nanoseconds. A figure that was not measured is nil, never 0.
public struct TargetsReport: Sendable, Codable, Equatable {
    public var schema: String
    public var schemaVersion: Int
    /// Between the two readings.
    public var measuredNanoseconds: Int64
    /// CPUs that are online.
    public var cpus: Int
    /// Containers first, then services and other cgroups; of each those with the most kernel time first.
    public var targets: [TargetReport]
    /// Services and other cgroups that used no CPU and were left out; nil where all were asked for.
    public var idleOmitted: Int?

    public static let schemaName = "jostle.targets"
    public static let currentSchemaVersion = 1

    enum CodingKeys: String, CodingKey {
        case schema
        case schemaVersion = "schema_version"
        case measuredNanoseconds = "measured_ns"
        case cpus, targets
        case idleOmitted = "idle_omitted"
    }
}

/// One container, service or other cgroup. Times in nanoseconds between the two readings.
public struct TargetReport: Sendable, Codable, Equatable {
    public enum Kind: String, Sendable, Codable {
        case container
        /// A service or scope of systemd.
        case service
        case cgroup
    }

    public var kind: Kind
    public var name: String
    public var id: String?
    public var runtime: String?
    public var image: String?
    public var pod: String?
    public var namespace: String?
    /// The path below the cgroup root, as `record --cgroup` takes it.
    public var cgroup: String
    /// In it and below it; those outside the reader's pid namespace cannot be seen.
    public var processes: Int
    public var cpuNanoseconds: Int64?
    public var kernelCPUNanoseconds: Int64?
    /// Kernel time of all CPU time, by the cgroup's own count; nil where it used no CPU.
    public var kernelShare: Double?

    enum CodingKeys: String, CodingKey {
        case kind, name, id, runtime, image, pod, namespace, cgroup, processes
        case cpuNanoseconds = "cpu_ns"
        case kernelCPUNanoseconds = "kernel_cpu_ns"
        case kernelShare = "kernel_share"
    }
}

/// One thing to aim at, as two readings of the machine found it.
public struct TargetReading: Sendable, Equatable {
    public var kind: TargetReport.Kind
    /// With its cgroup's path.
    public var container: Container
    public var processes: Int
    /// The cgroup's CPU time since it was made, at the first reading and at the second; nil where it has no count.
    public var before: CPUTimes?
    public var after: CPUTimes?

    public init(
        kind: TargetReport.Kind, container: Container, processes: Int, before: CPUTimes?, after: CPUTimes?
    ) {
        self.kind = kind
        self.container = container
        self.processes = processes
        self.before = before
        self.after = after
    }
}

extension TargetsReport {
    /// Adds two readings up.
    ///
    /// - Parameter includesIdle: also services and other cgroups that used no CPU in between; containers always are.
    public init(_ readings: [TargetReading], measuredNanoseconds: Int64, cpus: Int, includesIdle: Bool) {
        schema = Self.schemaName
        schemaVersion = Self.currentSchemaVersion
        self.measuredNanoseconds = measuredNanoseconds
        self.cpus = cpus
        let all = readings.map(TargetReport.init)
        targets = all.filter { includesIdle || $0.kind == .container || ($0.cpuNanoseconds ?? 0) > 0 }
            .sorted { left, right in
                if (left.kind == .container) != (right.kind == .container) { return left.kind == .container }
                let (first, second) = (left.kernelCPUNanoseconds ?? -1, right.kernelCPUNanoseconds ?? -1)
                if first != second { return first > second }
                let (whole, other) = (left.cpuNanoseconds ?? -1, right.cpuNanoseconds ?? -1)
                return whole != other ? whole > other : left.cgroup < right.cgroup
            }
        idleOmitted = includesIdle ? nil : all.count - targets.count
    }
}

extension TargetReport {
    init(_ reading: TargetReading) {
        kind = reading.kind
        name = reading.container.name
        id = reading.container.id
        runtime = reading.container.runtime
        image = reading.container.image
        pod = reading.container.pod
        namespace = reading.container.namespace
        cgroup = reading.container.cgroup ?? ""
        processes = reading.processes
        guard let before = reading.before, let after = reading.after else { return }
        // A cgroup that was made anew under the same path begins at 0 again.
        let user = max(0, after.userNanoseconds &- before.userNanoseconds)
        let system = max(0, after.systemNanoseconds &- before.systemNanoseconds)
        cpuNanoseconds = user &+ system
        kernelCPUNanoseconds = system
        let total = user &+ system
        if total > 0 { kernelShare = (Double(system) / Double(total)).roundedForReport }
    }
}
