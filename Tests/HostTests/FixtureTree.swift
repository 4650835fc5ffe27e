import FoundationEssentials
import Host

/// A directory that looks like a machine's root, removed with the value.
struct FixtureTree: ~Copyable {
    let root: String
    var host: Host { Host(root: root) }

    init() throws {
        root = FileManager.default.temporaryDirectory.path + "/jostle-host-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    /// Writes a file and the directories above it.
    func write(_ contents: String, to path: String) throws {
        try write(Array(contents.utf8), to: path)
    }

    func write(_ contents: [UInt8], to path: String) throws {
        let url = URL(fileURLWithPath: root + path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(contents).write(to: url)
    }

    /// Makes a directory and those above it.
    func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: root + path, withIntermediateDirectories: true)
    }

    /// Makes a symbolic link and the directories above it.
    func link(_ path: String, to target: String) throws {
        try makeDirectory(URL(fileURLWithPath: path).deletingLastPathComponent().path)
        try FileManager.default.createSymbolicLink(atPath: root + path, withDestinationPath: target)
    }

    /// Gives the tree the mounts of one of the fixtures, and the mounts' directories.
    func mount(_ fixture: String) throws {
        let contents = try Fixture.bytes("mountinfo/" + fixture)
        try write(contents, to: "/proc/self/mountinfo")
        for hierarchy in CgroupHierarchies(mountInfo: contents).all { try makeDirectory(hierarchy.mountPoint) }
    }

    /// Makes a process as far as its comm and its place in the cgroups go.
    func makeProcess(_ pid: Int, comm: String, cgroup: String, parent: Int = 1) throws {
        let fields = ["S", "\(parent)"] + Array(repeating: "0", count: 17) + ["4711", "0"]
        try write("\(pid) (\(comm)) " + fields.joined(separator: " ") + "\n", to: "/proc/\(pid)/stat")
        try write(comm + "\n", to: "/proc/\(pid)/comm")
        try write(comm + "\n", to: "/proc/\(pid)/task/\(pid)/comm")
        try write(cgroup, to: "/proc/\(pid)/cgroup")
    }
}
