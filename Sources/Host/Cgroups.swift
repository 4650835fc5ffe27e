public import ProfileModel

/// One cgroup of the hierarchy that perf events follow.
public struct Cgroup: Hashable, Sendable {
    /// The path as in /proc/PID/cgroup, with a leading slash; `/` for the root.
    public var path: String
    /// The directory, as this process can open it.
    public var directory: String
    /// What samples call it.
    public var id: CgroupID

    public init(path: String, directory: String, id: CgroupID) {
        self.path = path
        self.directory = directory
        self.id = id
    }

    /// The last part of the path: what people call a cgroup that has no other name. `/` for the root.
    public var name: String { path.split(separator: "/").last.map(String.init) ?? "/" }
}

extension Host {
    /// No walk over a hierarchy visits more cgroups; machines have up to some ten thousand.
    static let cgroupWalkLimit = 100_000

    /// Finds the cgroup that somebody named.
    ///
    /// - Parameter target: a directory under any cgroup mount (the same path is then looked for in the hierarchy that
    ///   perf events follow), a path below the root of that hierarchy with or without a leading slash, or the last part
    ///   of the path of exactly one cgroup, such as `nginx.service`.
    /// - Throws: `noPerfEventHierarchy`, `perfEventHierarchyOutOfSight`, `unknownCgroup` or `ambiguousCgroup`.
    public func cgroup(_ target: String) throws(HostError) -> Cgroup {
        let hierarchies = cgroupHierarchies()
        let hierarchy = try hierarchies.requirePerfEvent()
        let parts = target.split(separator: "/").filter { $0 != "." }
        let clean = "/" + parts.joined(separator: "/")
        // `..` may leave the hierarchy, and no cgroup needs it to be named.
        if !target.isEmpty, !parts.contains("..") {
            let paths = hierarchies.paths(of: clean)
            for path in paths {
                if let found = cgroup(at: path, in: hierarchy) { return found }
            }
            if parts.count == 1, let name = parts.first {
                let matches = cgroups(below: "/", of: hierarchy).filter { $0.name == name }
                if matches.count > 1 {
                    throw .ambiguousCgroup(target: target, candidates: matches.map(\.path))
                }
                if let match = matches.first { return match }
            }
        }
        throw .unknownCgroup(
            target: target,
            nearest: NameDistance.nearest(to: clean, among: cgroups(below: "/", of: hierarchy).map(\.path)))
    }

    /// The cgroup with this path in the hierarchy that perf events follow; nil where there is none.
    public func cgroup(atPath path: String) -> Cgroup? {
        perfEventHierarchy.flatMap { cgroup(at: path, in: $0) }
    }

    /// Every cgroup of the hierarchy that perf events follow, as far as it is mounted here, by path.
    public func allCgroups() -> [Cgroup] {
        perfEventHierarchy.map { cgroups(below: "/", of: $0) } ?? []
    }

    /// The cgroup that lies in the directory of `cgroup` now: another one, by its id, where it was removed and made
    /// again; nil where there is none.
    public func present(_ cgroup: Cgroup) -> Cgroup? {
        Files.inodeOfDirectory(cgroup.directory).map {
            Cgroup(path: cgroup.path, directory: cgroup.directory, id: CgroupID($0))
        }
    }

    /// The names of the cgroups right below a path, sorted; empty where there is none.
    public func namesOfCgroups(in path: String) -> [String] {
        perfEventHierarchy?.directory(of: path).map { Files.directories(in: self.path($0)) } ?? []
    }

    /// The cgroup and all cgroups below it, by path. Empty when it is gone.
    public func descendants(of cgroup: Cgroup) -> [Cgroup] {
        walk(from: cgroup.directory, path: cgroup.path)
    }

    func cgroup(at path: String, in hierarchy: CgroupHierarchy) -> Cgroup? {
        guard let below = hierarchy.directory(of: path) else { return nil }
        let directory = self.path(below)
        return Files.inodeOfDirectory(directory).map { Cgroup(path: path, directory: directory, id: CgroupID($0)) }
    }

    /// All cgroups of a hierarchy from one path on. Of a part that is not mounted there are none.
    func cgroups(below path: String, of hierarchy: CgroupHierarchy) -> [Cgroup] {
        // A mount that shows only its own part of the hierarchy is walked from there.
        let start = hierarchy.directory(of: path) == nil ? hierarchy.mountRoot : path
        guard let directory = hierarchy.directory(of: start) else { return [] }
        return walk(from: self.path(directory), path: start)
    }

    private func walk(from directory: String, path: String) -> [Cgroup] {
        var found: [Cgroup] = []
        var waiting = [(directory: directory, path: path)]
        while let next = waiting.popLast(), found.count < Self.cgroupWalkLimit {
            guard let inode = Files.inodeOfDirectory(next.directory) else { continue }
            found.append(Cgroup(path: next.path, directory: next.directory, id: CgroupID(inode)))
            let parent = next.path == "/" ? "" : next.path
            for name in Files.directories(in: next.directory) {
                waiting.append((next.directory + "/" + name, parent + "/" + name))
            }
        }
        return found.sorted { $0.path < $1.path }
    }
}

extension CgroupHierarchies {
    /// What a target may mean as a path in the hierarchy that perf events follow: what lies under a cgroup mount, and
    /// the target itself, which may begin like a mount point by chance.
    func paths(of target: String) -> [String] {
        // The longest mount point is the one the directory is really in.
        let mounts = all.sorted { $0.mountPoint.utf8.count > $1.mountPoint.utf8.count }
        let mapped = mounts.lazy.compactMap { $0.path(ofDirectory: target) }.first
        return (mapped.map { [$0] } ?? []) + [target]
    }
}

/// Which of the names that exist somebody may have meant.
enum NameDistance {
    /// The paths most similar to `target`, the most similar first.
    ///
    /// A path that contains the target's last part comes first (people shorten ids), then the smallest number of edits.
    static func nearest(to target: String, among paths: [String], count: Int = 5) -> [String] {
        let name = lastPart(of: target)
        let scored = paths.filter { $0 != "/" }.map { path -> (path: String, score: Int) in
            let candidate = lastPart(of: path)
            if !name.isEmpty, contains(candidate, name) { return (path, 0) }
            let whole = edits(from: Array(target.utf8), to: Array(path.utf8))
            return (path, 1 + min(edits(from: name, to: candidate), whole))
        }
        return scored.sorted { ($0.score, $0.path) < ($1.score, $1.path) }.prefix(count).map(\.path)
    }

    private static func lastPart(of path: String) -> [UInt8] {
        path.split(separator: "/").last.map { Array($0.utf8) } ?? []
    }

    private static func contains(_ whole: [UInt8], _ part: [UInt8]) -> Bool {
        guard part.count <= whole.count else { return false }
        return (0...whole.count - part.count).contains { whole[$0...].starts(with: part) }
    }

    /// Levenshtein's distance over the first 128 bytes.
    static func edits(from source: [UInt8], to destination: [UInt8]) -> Int {
        let source = source.prefix(128)
        let destination = destination.prefix(128)
        var previous = Array(0...destination.count)
        for (row, byte) in source.enumerated() {
            var current = [row + 1]
            for (column, other) in destination.enumerated() {
                current.append(
                    min(previous[column] + (byte == other ? 0 : 1), previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[destination.count]
    }
}
