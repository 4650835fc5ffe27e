import Glibc
public import ProfileModel

extension Host {
    /// Makes a cgroup for a command, in the hierarchy that perf events follow.
    ///
    /// It becomes a child of the root, or of this process's own cgroup where the root is not writable (a delegated
    /// part). The caller removes it with `removeCgroup`.
    /// - Throws: `noPerfEventHierarchy`, or `systemCall` with the errno of mkdir(2): EEXIST where the name is somebody's.
    public func createCgroup(named name: String) throws(HostError) -> Cgroup {
        let hierarchy = try requirePerfEventHierarchy()
        let root = hierarchy.directory(of: "/") == nil ? hierarchy.mountRoot : "/"
        let own = CgroupMembership.all(inProcCgroup: contents("/proc/self/cgroup") ?? []).perfEventPath
        var failure = HostError.noPerfEventHierarchy
        for parent in [root, own ?? root] {
            let path = (parent == "/" ? "" : parent) + "/" + name
            guard let below = hierarchy.directory(of: path) else { continue }
            let directory = self.path(below)
            let error = Files.makeDirectory(directory)
            if error == 0, let made = cgroup(at: path, in: hierarchy) { return made }
            failure = .systemCall(name: "mkdir", path: directory, errno: error)
            // A cgroup of this name is somebody's; the same name elsewhere would only hide that.
            if error == EEXIST { break }
        }
        throw failure
    }

    /// Makes a cgroup of this process's own: `jostle-PID`, or `jostle-PID-2` and so on where that name is taken: by a jostle
    /// that was killed before this process got its id, or by one whose ids another PID namespace counts.
    ///
    /// - Throws: as `createCgroup(named:)`.
    public func createOwnCgroup() throws(HostError) -> Cgroup {
        let name = "jostle-\(getpid())"
        for number in 1..<100 {
            do {
                return try createCgroup(named: number == 1 ? name : "\(name)-\(number)")
            } catch .systemCall(_, _, EEXIST) { continue }
        }
        return try createCgroup(named: "\(name)-100")
    }

    /// Opens a cgroup's `cgroup.procs` for writing: a process id written there moves that process, `0` the writer.
    ///
    /// - Returns: a descriptor, close-on-exec, that the caller closes.
    public func openProcesses(of cgroup: Cgroup) throws(HostError) -> Int32 {
        let path = cgroup.directory + "/cgroup.procs"
        guard let descriptor = Files.open(path, flags: O_WRONLY) else {
            throw .systemCall(name: "open", path: path, errno: errno)
        }
        return descriptor
    }

    /// Moves a process into a cgroup.
    ///
    /// - Throws: `systemCall` with the errno of write(2): ESRCH for a process that is gone.
    public func move(_ pid: ProcessID, to cgroup: Cgroup) throws(HostError) {
        let descriptor = try openProcesses(of: cgroup)
        defer { Files.close(descriptor) }
        let result = Files.write(Array("\(pid.rawValue)".utf8), to: descriptor)
        guard result == 0 else {
            throw .systemCall(name: "write", path: cgroup.directory + "/cgroup.procs", errno: result)
        }
    }

    /// Removes a cgroup and those below it, once their processes are gone. One that is gone already is no error.
    ///
    /// A process that has ended still counts for a moment, so this tries again for up to a second.
    /// - Throws: `systemCall` with the errno of rmdir(2): EBUSY while processes remain.
    public func removeCgroup(_ cgroup: Cgroup) throws(HostError) {
        for attempt in 1...20 {
            var failure: HostError?
            for part in descendants(of: cgroup).reversed() {
                let error = Files.removeDirectory(part.directory)
                if error != 0 && error != ENOENT {
                    failure = .systemCall(name: "rmdir", path: part.directory, errno: error)
                }
            }
            guard let failure else { return }
            if attempt == 20 { throw failure }
            usleep(50_000)
        }
    }
}
