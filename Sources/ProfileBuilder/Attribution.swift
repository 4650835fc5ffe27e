public import ProfileModel
public import Recording

/// Whose a sample is: which of the recording's containers, or nobody's.
public struct Attribution: Sendable {
    /// What each open event is for, by its id.
    public var events: [UInt64: EventUse] = [:]
    /// Named processes and what they forked.
    public var processes: [ProcessID: RowID] = [:]
    /// Named cgroups and those below them.
    public var cgroups: [CgroupID: RowID] = [:]
    /// The paths of the named cgroups: a cgroup that is made below one of them belongs to it.
    public var paths: [String: RowID] = [:]
    /// Where all that is not named goes; nil where it is dropped.
    public var others: RowID?

    public struct EventUse: Sendable {
        /// What a sample of this event means.
        public enum Meaning: Sendable {
            case onCPU
            case switchedOut
            case syscallEntry
            /// `lock:contention_begin` and `contention_end`, without stacks.
            case lockBegin
            case lockEnd
            /// `lock:contention_begin` with a stack.
            case lockStack

            /// Whether it tells of locks.
            public var isOfLocks: Bool { self == .lockBegin || self == .lockEnd || self == .lockStack }
        }
        public var meaning: Meaning
        /// The container that the event counts for, where it counts for one only.
        public var container: RowID?
        /// Nanoseconds (or calls) for each unit of the event's period.
        public var weight: Double
        public init(meaning: Meaning, container: RowID?, weight: Double = 1) {
            self.meaning = meaning
            self.container = container
            self.weight = weight
        }

        /// What a sample stands for, whatever period a record claims.
        func weight(ofPeriod period: UInt64) -> Int64 {
            let weight = (Double(period) * self.weight).rounded()
            return Int64(exactly: weight) ?? (weight > 0 ? .max : 0)
        }
    }

    /// The events that sample switches, by CPU and by the container they count for.
    private var switchEvents: [SwitchPlace: UInt64] = [:]
    private struct SwitchPlace: Hashable {
        var cpu: UInt32
        var container: RowID?
    }

    public init() {}

    /// Takes an event that was opened on one CPU.
    public mutating func add(_ event: UInt64, cpu: Int, _ use: EventUse) {
        events[event] = use
        if use.meaning == .switchedOut {
            switchEvents[SwitchPlace(cpu: UInt32(truncatingIfNeeded: cpu), container: use.container)] = event
        }
    }

    /// The event that a sample is of.
    ///
    /// Where another tool counts switches too, the kernel (seen with 6.18) hands both events one set of sample data and
    /// fills in only what is not there yet, so that the second event's sample has the first one's id. A sample in our
    /// rings with an id that is not ours is of the event that samples switches on its CPU: tracepoints start anew for
    /// each event, and clocks have timers of their own. Source: do_perf_sw_event and perf_prepare_sample in
    /// kernel/events/core.c.
    func event(identifier: UInt64, cpu: UInt32, cgroup: CgroupID) -> (id: UInt64, use: EventUse)? {
        if let use = events[identifier] { return (identifier, use) }
        let own = cgroups[cgroup].flatMap { switchEvents[SwitchPlace(cpu: cpu, container: $0)] }
        guard let id = own ?? switchEvents[SwitchPlace(cpu: cpu, container: nil)], let use = events[id] else {
            return nil
        }
        return (id, use)
    }

    /// The container of a task: the process was named, or its cgroup, or the event counts one container only.
    func container(pid: ProcessID, cgroup: CgroupID, event: EventUse) -> RowID? {
        if !processes.isEmpty, let named = processes[pid] { return named }
        if let named = cgroups[cgroup] { return named }
        return event.container ?? others
    }

    /// Takes a cgroup that the kernel tells of: it is its nearest named ancestor's.
    ///
    /// - Returns: whether it has one.
    @discardableResult
    mutating func name(_ cgroup: CgroupID, path: String) -> Bool {
        guard cgroups[cgroup] == nil else { return true }
        var rest = path[...]
        while !rest.isEmpty {
            if let named = paths[String(rest)] {
                cgroups[cgroup] = named
                return true
            }
            rest = rest[..<(rest.lastIndex(of: "/") ?? rest.startIndex)]
        }
        cgroups[cgroup] = paths["/"]
        return paths["/"] != nil
    }

    /// Follows a fork: a child of a named process is named too.
    mutating func fork(_ child: ProcessID, from parent: ProcessID) {
        guard !processes.isEmpty else { return }
        processes[child] = processes[parent]
    }

    /// Lets go of a process that ended: its id may come again as somebody else's.
    mutating func forget(_ process: ProcessID) {
        if !processes.isEmpty { processes[process] = nil }
    }
}
