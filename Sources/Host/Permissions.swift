import Glibc
public import ProfileModel

/// What this process is allowed to look at, each found by looking. Results are 0 or an errno.
extension Host {
    /// The process's own privileges; nil where /proc/self/status cannot be read.
    public func privileges() -> MachineFacts.Privileges? {
        contents("/proc/self/status").flatMap(MachineFacts.Privileges.init(procStatus:)).map { privileges in
            var privileges = privileges
            privileges.isInInitialUserNamespace = isInitial("user")
            privileges.isInInitialPIDNamespace = isInitial("pid")
            privileges.isInInitialCgroupNamespace = isInitial("cgroup")
            return privileges
        }
    }

    /// The numbers that the kernel gives to the namespaces it starts with. Source: linux/nsfs.h, enum init_ns_ino.
    private static let initialNamespaces = ["user": "4026531837", "pid": "4026531836", "cgroup": "4026531835"]

    /// Whether the process is in the machine's own namespace of a kind; so it is where the kernel has no such kind.
    private func isInitial(_ kind: String) -> Bool {
        guard let link = Files.linkTarget(path("/proc/self/ns/\(kind)")), let number = Self.initialNamespaces[kind]
        else {
            return true
        }
        return link == "\(kind):[\(number)]"
    }

    /// Opens a file or directory for reading.
    public func errnoOfOpening(_ absolute: String) -> Int32 {
        guard let descriptor = Files.open(path(absolute), flags: O_RDONLY | O_NONBLOCK) else { return errno }
        Files.close(descriptor)
        return 0
    }

    /// Opens the first file that this process has mapped, as names of functions are read from it.
    public func errnoOfOpeningMappedFile() -> Int32 {
        let directory = "/proc/self/map_files"
        guard let first = Files.names(in: path(directory)).first else { return ENOENT }
        return errnoOfOpening(directory + "/" + first)
    }

    /// Opens a path in this process's own root, with no link that could lead out of it.
    public func errnoOfOpeningInOwnRoot() -> Int32 {
        Files.errnoOfOpening("/proc", within: path("/proc/self/root"))
    }

    /// Looks for tracepoints where tracefs is mounted, and in a mount that nobody sees.
    public func errnoOfTracefs() -> Int32 {
        let mounted = errnoOfOpening("/sys/kernel/tracing/events")
        return mounted == 0 || tracepointID("sched/sched_switch") != nil ? 0 : mounted
    }

    /// Opens the maps of processes that are not of this process's user; of all others, for root.
    ///
    /// - Returns: nil where there is no other process; an errno where it is refused for most of them: single ones may be
    ///   shut off from everybody.
    public func errnoOfOpeningMapsOfOthers() -> Int32? {
        let own = geteuid()
        let others = allProcessIDs().filter { pid in
            pid.rawValue != getpid() && (own == 0 || Files.owner(of: path("/proc/\(pid.rawValue)")) != own)
                // Kernel threads have no memory, and no command line.
                && contents("/proc/\(pid.rawValue)/cmdline")?.isEmpty == false
        }.prefix(64)
        if others.isEmpty { return nil }
        let refusals = others.map { errnoOfOpening("/proc/\($0.rawValue)/maps") }.filter { $0 != 0 && $0 != ENOENT }
        return refusals.count * 2 > others.count ? refusals[0] : 0
    }
}

extension MachineFacts.Privileges {
    /// Reads /proc/PID/status. Source: proc_pid_status(5).
    ///
    /// - Returns: nil without `Uid:` and `CapEff:`.
    public init?(procStatus contents: [UInt8]) {
        var fields: [String: String] = [:]
        for line in String(decoding: contents, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
        func words(_ name: String) -> [Substring] { (fields[name] ?? "").split { $0 == " " || $0 == "\t" } }
        // Real, effective, saved and file-system user id.
        guard let user = words("Uid").dropFirst().first.flatMap({ UInt32($0) }),
            let effective = words("CapEff").first.flatMap({ UInt64($0, radix: 16) })
        else { return nil }
        self.init(
            user: user, capabilities: CapabilitySet(rawValue: effective),
            seccomp: words("Seccomp").first.flatMap { Int($0) })
    }
}
