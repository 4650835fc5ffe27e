import ProfileModel

/// One mounted cgroup hierarchy.
public struct CgroupHierarchy: Hashable, Sendable {
    public enum Version: Hashable, Sendable { case v1, v2 }
    public var version: Version
    /// v1: the controllers and, for a named hierarchy, `name=NAME`. Empty for v2, whose controllers vary by cgroup.
    public var controllers: [String]
    public var mountPoint: String
    /// The path of the cgroup that the mount point shows: `/` except in a container that sees only its own part, and
    /// `/..` where the mount was made outside the reader's cgroup namespace.
    public var mountRoot: String
    var device: String

    /// Where a cgroup of this hierarchy lies.
    ///
    /// - Parameter path: as in /proc/PID/cgroup.
    /// - Returns: nil for one outside the part that is mounted.
    public func directory(of path: String) -> String? {
        guard mountRoot != "/" else { return path == "/" ? mountPoint : mountPoint + path }
        if path == mountRoot { return mountPoint }
        return path.hasPrefix(mountRoot + "/") ? mountPoint + path.dropFirst(mountRoot.count) : nil
    }

    /// The path of a cgroup, as in /proc/PID/cgroup, from its directory; nil for a directory that is not under the
    /// mount.
    public func path(ofDirectory directory: String) -> String? {
        let below: Substring
        if directory == mountPoint {
            below = ""
        } else if directory.hasPrefix(mountPoint + "/") {
            below = directory.dropFirst(mountPoint.count)
        } else {
            return nil
        }
        if mountRoot == "/" { return below.isEmpty ? "/" : String(below) }
        return mountRoot + below
    }
}

/// All cgroup hierarchies that are mounted, once each.
public struct CgroupHierarchies: Hashable, Sendable {
    /// The v2 hierarchy, where it is mounted: alone, or beside v1 ones (a hybrid host).
    public var unified: CgroupHierarchy?
    public var v1: [CgroupHierarchy]
    /// Whether `perf_event` belongs to a v1 hierarchy that is not mounted here: one that was unmounted lives on as long
    /// as it has cgroups, and a container may see its own part of some hierarchies only.
    public var perfEventIsOutOfSight = false

    /// The hierarchy whose cgroups perf events follow: the v1 one that `perf_event` is mounted with, else v2, which
    /// has the controller without naming it.
    public var perfEvent: CgroupHierarchy? {
        v1(with: "perf_event") ?? (perfEventIsOutOfSight ? nil : unified)
    }

    /// - Throws: why there is none.
    func requirePerfEvent() throws(HostError) -> CgroupHierarchy {
        guard let perfEvent else {
            throw perfEventIsOutOfSight ? .perfEventHierarchyOutOfSight : .noPerfEventHierarchy
        }
        return perfEvent
    }

    /// The v1 hierarchy of a controller.
    public func v1(with controller: String) -> CgroupHierarchy? {
        v1.first { $0.controllers.contains(controller) }
    }

    /// Every hierarchy, v2 first.
    public var all: [CgroupHierarchy] { (unified.map { [$0] } ?? []) + v1 }

    /// Reads the mounts of one process.
    ///
    /// - Parameter mountInfo: the contents of /proc/PID/mountinfo.
    /// Source: proc_pid_mountinfo(5). Of several mounts of one hierarchy the first that shows its root counts.
    public init(mountInfo: [UInt8]) {
        var found: [CgroupHierarchy] = []
        for line in mountInfo.lines {
            // id parent device root mountpoint options [tags...] - type source super-options
            let fields = line.split(separator: 0x20)
            guard let dash = fields.firstIndex(where: { $0.elementsEqual([0x2D]) }), dash >= 6, fields.count > dash + 1
            else { continue }
            let version: CgroupHierarchy.Version
            switch String(decoding: fields[dash + 1], as: UTF8.self) {
            case "cgroup": version = .v1
            case "cgroup2": version = .v2
            default: continue
            }
            let options = fields.count > dash + 3 ? String(decoding: fields[dash + 3], as: UTF8.self) : ""
            let hierarchy = CgroupHierarchy(
                version: version,
                controllers: version == .v2 ? [] : Self.controllers(inOptions: options),
                mountPoint: String(losslesslyDecoding: fields[4].decodingOctalEscapes()),
                mountRoot: String(losslesslyDecoding: fields[3].decodingOctalEscapes()),
                device: String(decoding: fields[2], as: UTF8.self))
            if let known = found.firstIndex(where: { $0.device == hierarchy.device }) {
                if found[known].mountRoot != "/" && hierarchy.mountRoot == "/" { found[known] = hierarchy }
            } else {
                found.append(hierarchy)
            }
        }
        unified = found.first { $0.version == .v2 }
        v1 = found.filter { $0.version == .v1 }
    }

    /// The mount options of a v1 hierarchy that are not controllers. Source: cgroup1_show_options in kernel/cgroup.
    private static let otherOptions: Set<Substring> = [
        "rw", "ro", "noprefix", "xattr", "cpuset_v2_mode", "favordynmods", "clone_children", "none",
    ]

    private static func controllers(inOptions options: String) -> [String] {
        options.split(separator: ",").filter { !otherOptions.contains($0) && !$0.hasPrefix("release_agent=") }
            .map(String.init)
    }
}

/// One line of /proc/PID/cgroup: where a process is in one hierarchy.
public struct CgroupMembership: Hashable, Sendable {
    /// Empty for v2.
    public var controllers: [String]
    /// The path from the root of the reader's cgroup namespace, with a leading slash; `/../x` lies outside it.
    public var path: String

    public init(controllers: [String], path: String) {
        self.controllers = controllers
        self.path = path
    }

    /// Reads /proc/PID/cgroup. Source: cgroups(7): `hierarchy-ID:controller-list:cgroup-path`.
    public static func all(inProcCgroup contents: [UInt8]) -> [CgroupMembership] {
        contents.lines.compactMap { line in
            let fields = line.split(separator: 0x3A, maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, fields[2].first == 0x2F else { return nil }
            let controllers = String(decoding: fields[1], as: UTF8.self).split(separator: ",").map(String.init)
            return CgroupMembership(controllers: controllers, path: String(losslesslyDecoding: fields[2]))
        }
    }
}

extension [CgroupMembership] {
    /// The path in the hierarchy whose cgroups perf events follow; see `CgroupHierarchies.perfEvent`.
    public var perfEventPath: String? {
        (first { $0.controllers.contains("perf_event") } ?? first { $0.controllers.isEmpty })?.path
    }
}

extension ArraySlice<UInt8> {
    /// Turns the kernel's `\ooo` into the byte it stands for; anything else stays.
    ///
    /// - Parameter only: the bytes that the writer escapes. A backslash before another number is the name's own.
    func decodingOctalEscapes(only: Set<UInt8> = [0x09, 0x0A, 0x20, 0x23, 0x5C]) -> [UInt8] {
        guard contains(0x5C) else { return Array(self) }
        var bytes: [UInt8] = []
        var rest = self
        while let byte = rest.popFirst() {
            if byte == 0x5C, rest.count >= 3,
                let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8), only.contains(value)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}

extension Host {
    /// The cgroup hierarchies that this process sees; none where /proc/self/mountinfo cannot be read.
    public func cgroupHierarchies() -> CgroupHierarchies {
        var hierarchies = CgroupHierarchies(mountInfo: contents("/proc/self/mountinfo") ?? [])
        // Each v1 hierarchy that lives has a line here, mounted or not. Source: cgroups(7).
        hierarchies.perfEventIsOutOfSight =
            hierarchies.v1(with: "perf_event") == nil
            && CgroupMembership.all(inProcCgroup: contents("/proc/self/cgroup") ?? []).contains {
                $0.controllers.contains("perf_event")
            }
        return hierarchies
    }

    /// The hierarchy whose cgroups perf events follow.
    public var perfEventHierarchy: CgroupHierarchy? { cgroupHierarchies().perfEvent }

    /// The same where there is nothing to be done without it.
    ///
    /// - Throws: `noPerfEventHierarchy` or `perfEventHierarchyOutOfSight`.
    public func requirePerfEventHierarchy() throws(HostError) -> CgroupHierarchy {
        try cgroupHierarchies().requirePerfEvent()
    }
}
