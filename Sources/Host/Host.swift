import ProfileModel

/// What one machine says of itself: /proc, /sys and the runtimes' state, read under a root path.
///
/// A `Host` keeps nothing but the root: every call reads anew. Things that may vanish at any moment (processes,
/// cgroups, containers) answer with nil or an empty list; only a named target that is not there is an error.
public struct Host: Sendable {
    /// The path all files are read under, without a trailing slash; empty for the machine itself.
    let prefix: String

    /// - Parameter root: `/` for the machine itself; a directory with a tree like it for tests.
    public init(root: String = "/") {
        var root = root[...]
        while root.last == "/" { root.removeLast() }
        prefix = String(root)
    }

    /// Where a file of this machine lies, as this process can open it.
    func path(_ absolute: String) -> String { prefix + absolute }

    /// The whole contents of a file, nil where it cannot be read.
    func contents(_ absolute: String, limit: Int = Files.sizeLimit, expected: Int = 0) -> [UInt8]? {
        Files.contents(of: path(absolute), limit: limit, expected: expected)
    }

    /// The contents of a small file without white space around it.
    func line(_ absolute: String) -> String? {
        contents(absolute).map { String(losslesslyDecoding: $0.trimmingWhiteSpace) }
    }

    /// The number that a file holds.
    func integer(_ absolute: String) -> Int? { line(absolute).flatMap { Int($0) } }
}

/// What could not be found or done on this machine.
public enum HostError: Error, Equatable, Sendable {
    /// No mounted cgroup hierarchy carries `perf_event`.
    case noPerfEventHierarchy
    /// `perf_event` belongs to a cgroup v1 hierarchy that is not mounted where this process can see it.
    case perfEventHierarchyOutOfSight
    /// No cgroup has this path or name; `nearest` are up to five paths that exist, the most similar first.
    case unknownCgroup(target: String, nearest: [String])
    /// Several cgroups end in this name; `candidates` are their paths.
    case ambiguousCgroup(target: String, candidates: [String])
    /// A system call failed on a file or directory.
    case systemCall(name: String, path: String, errno: Int32)
}
