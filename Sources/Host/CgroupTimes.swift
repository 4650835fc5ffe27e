public import ProfileModel

/// Where a cgroup's own CPU time is read: the independent witness of what the samples say.
///
/// Chosen once and kept, so that the figures before and after a recording come from the same hierarchy.
public struct CPUTimesSource: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// v2 `cpu.stat`: user_usec and system_usec.
        case unified
        /// v1 `cpuacct.usage_user` and `cpuacct.usage_sys` in nanoseconds, else `cpuacct.stat` in ticks.
        case cpuacct
    }
    var kind: Kind
    var directory: String

    /// The directory of the files: what tells this source from another.
    public var path: String { directory }

    /// The CPU time since the cgroup was made; nil where the files are gone or hold something else.
    public func read() -> CPUTimes? {
        switch kind {
        case .unified:
            guard let stat = Files.keyedNumbers(of: directory + "/cpu.stat"), let user = stat["user_usec"],
                let system = stat["system_usec"]
            else { return nil }
            return CPUTimes(userNanoseconds: user &* 1000, systemNanoseconds: system &* 1000)
        case .cpuacct:
            if let user = Files.number(of: directory + "/cpuacct.usage_user"),
                let system = Files.number(of: directory + "/cpuacct.usage_sys")
            {
                return CPUTimes(userNanoseconds: user, systemNanoseconds: system)
            }
            // USER_HZ is 100 on every architecture jostle runs on.
            guard let stat = Files.keyedNumbers(of: directory + "/cpuacct.stat"), let user = stat["user"],
                let system = stat["system"]
            else { return nil }
            return CPUTimes(userNanoseconds: user &* 10_000_000, systemNanoseconds: system &* 10_000_000)
        }
    }
}

extension Host {
    /// Where the CPU time of a cgroup can be read.
    ///
    /// Where perf events follow v2, its `cpu.stat` lies in the cgroup itself. Where they follow a v1 hierarchy, the
    /// same path is looked for in v2 and in v1's cpuacct; if both have it, the one with processes in it is the real
    /// one: on a hybrid host some managers make every cgroup in every hierarchy and use one.
    public func cpuTimesSource(of cgroup: Cgroup) -> CPUTimesSource? {
        let hierarchies = cgroupHierarchies()
        var candidates: [CPUTimesSource] = []
        if let unified = hierarchies.unified?.directory(of: cgroup.path) {
            candidates.append(CPUTimesSource(kind: .unified, directory: path(unified)))
        }
        if hierarchies.perfEvent?.version != .v2 || candidates.isEmpty,
            let accounting = hierarchies.v1(with: "cpuacct")?.directory(of: cgroup.path)
        {
            candidates.append(CPUTimesSource(kind: .cpuacct, directory: path(accounting)))
        }
        candidates = candidates.filter { $0.read() != nil }
        guard candidates.count > 1 else { return candidates.first }
        return candidates.first { hasProcesses(below: $0.directory) } ?? candidates.first
    }

    /// A cgroup's CPU time since it was made, split by mode; see `cpuTimesSource(of:)`.
    public func cgroupTimes(of cgroup: Cgroup) -> CPUTimes? { cpuTimesSource(of: cgroup)?.read() }

    private func hasProcesses(below directory: String) -> Bool {
        var waiting = [directory]
        var visited = 0
        while let next = waiting.popLast(), visited < Self.cgroupWalkLimit {
            visited += 1
            if let procs = Files.contents(of: next + "/cgroup.procs"), !procs.isEmpty { return true }
            waiting.append(contentsOf: Files.directories(in: next).map { next + "/" + $0 })
        }
        return false
    }
}

extension Files {
    /// The one number in a file.
    static func number(of path: String) -> Int64? {
        contents(of: path, limit: 4096).flatMap { Int64(String(decoding: $0.trimmingWhiteSpace, as: UTF8.self)) }
    }

    /// A file of lines `key number`; lines of another form are skipped.
    static func keyedNumbers(of path: String) -> [String: Int64]? {
        guard let contents = contents(of: path, limit: 1 << 20) else { return nil }
        var numbers: [String: Int64] = [:]
        for line in contents.lines {
            let fields = line.split(separator: 0x20)
            if fields.count == 2, let value = Int64(String(decoding: fields[1], as: UTF8.self)) {
                numbers[String(decoding: fields[0], as: UTF8.self)] = value
            }
        }
        return numbers
    }
}
