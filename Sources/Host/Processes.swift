public import ProfileModel

/// One process as /proc showed it at one moment.
public struct HostProcess: Hashable, Sendable {
    public var pid: ProcessID
    public var comm: String
    public var parent: ProcessID
    /// Clock ticks (1/100 s) from boot to its start. Pid and start together name a process for ever.
    public var startTime: UInt64
    public var threads: [HostThread]
    /// Where it is in each hierarchy.
    public var cgroups: [CgroupMembership]
    /// Its id in its own pid namespace: 1 for a container's first process.
    public var namespacePID: ProcessID

    /// Where it is in the hierarchy that perf events follow.
    public var cgroupPath: String? { cgroups.perfEventPath }
}

/// One thread as /proc showed it at one moment; threads may have names of their own.
public struct HostThread: Hashable, Sendable {
    public var tid: ThreadID
    public var comm: String

    public init(tid: ThreadID, comm: String) {
        self.tid = tid
        self.comm = comm
    }
}

extension Host {
    /// The processes in a cgroup, ascending.
    ///
    /// Processes outside the reader's pid namespace have no id here (the kernel writes 0) and are left out.
    public func processIDs(in cgroup: Cgroup, includingDescendants: Bool = true) -> [ProcessID] {
        let directories = includingDescendants ? descendants(of: cgroup).map(\.directory) : [cgroup.directory]
        var ids: Set<ProcessID> = []
        for directory in directories {
            // The threads of a threaded cgroup belong to processes listed further up, and reading its list fails.
            ids.formUnion(Self.processIDs(inCgroupProcs: Files.contents(of: directory + "/cgroup.procs") ?? []))
        }
        return ids.sorted()
    }

    /// Reads the contents of a `cgroup.procs`.
    static func processIDs(inCgroupProcs contents: [UInt8]) -> [ProcessID] {
        contents.lines.compactMap { line in
            Int32(String(decoding: line, as: UTF8.self)).flatMap { $0 > 0 ? ProcessID($0) : nil }
        }
    }

    /// All processes that this one can see, ascending.
    public func allProcessIDs() -> [ProcessID] { numericNames(in: "/proc").map { ProcessID($0) } }

    /// What /proc says of one process; nil when it is gone.
    public func process(_ pid: ProcessID) -> HostProcess? {
        let directory = "/proc/\(pid.rawValue)"
        guard let stat = contents(directory + "/stat").flatMap(ProcStat.init),
            let comm = comm(in: directory)
        else { return nil }
        let threads = numericNames(in: directory + "/task").compactMap { tid in
            self.comm(in: directory + "/task/\(tid)").map { HostThread(tid: ThreadID(tid), comm: $0) }
        }
        return HostProcess(
            pid: pid, comm: comm, parent: stat.parent, startTime: stat.startTime, threads: threads,
            cgroups: CgroupMembership.all(inProcCgroup: contents(directory + "/cgroup") ?? []),
            namespacePID: Self.innermostPID(inProcStatus: contents(directory + "/status") ?? []) ?? pid)
    }

    /// Whether the process exists and has not ended; one that waits to be reaped has ended.
    public func isAlive(_ pid: ProcessID) -> Bool {
        guard let stat = contents("/proc/\(pid.rawValue)/stat").flatMap(ProcStat.init) else { return false }
        return stat.state != UInt8(ascii: "Z") && stat.state != UInt8(ascii: "X")
    }

    /// The last number of `NSpid:` in /proc/PID/status.
    static func innermostPID(inProcStatus contents: [UInt8]) -> ProcessID? {
        for line in contents.lines where line.starts(with: "NSpid:".utf8) {
            let numbers = line.split { $0 == 0x09 || $0 == 0x20 }
            return numbers.last.flatMap { Int32(String(decoding: $0, as: UTF8.self)) }.map { ProcessID($0) }
        }
        return nil
    }

    /// A comm may hold any byte, even a line end; the kernel adds one behind it.
    func comm(in directory: String) -> String? {
        guard var bytes = contents(directory + "/comm", limit: 4096) else { return nil }
        if bytes.last == 0x0A { bytes.removeLast() }
        return String(losslesslyDecoding: bytes)
    }

    private func numericNames(in directory: String) -> [Int32] {
        Files.names(in: path(directory)).compactMap { Int32($0) }.filter { $0 > 0 }.sorted()
    }
}

/// The fields of /proc/PID/stat that are used here. Source: proc_pid_stat(5).
struct ProcStat: Equatable {
    var state: UInt8
    var parent: ProcessID
    /// Clock ticks from boot to the process's start.
    var startTime: UInt64
    /// The CPU that it was on last.
    var processor: Int32

    /// - Returns: nil for contents that are no such line.
    init?(_ contents: [UInt8]) {
        // The comm stands in parentheses and may itself hold parentheses and spaces: what counts is behind the last
        // one.
        guard let end = contents.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = contents[(end + 1)...].split { $0 == 0x20 || $0 == 0x0A }
        // Behind the comm come state (field 3) and ppid (4); starttime is field 22, processor 39.
        guard fields.count > 19, let state = fields[0].first,
            let parent = Int32(String(decoding: fields[1], as: UTF8.self)),
            let startTime = UInt64(String(decoding: fields[19], as: UTF8.self))
        else { return nil }
        self.state = state
        self.parent = ProcessID(parent)
        self.startTime = startTime
        processor = fields.count > 36 ? Int32(String(decoding: fields[36], as: UTF8.self)) ?? 0 : 0
    }
}
