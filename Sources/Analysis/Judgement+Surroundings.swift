internal import ProfileModel

/// The checks of files, namespaces and limits.
extension Judgement {
    func tracefsReason(_ error: ErrorNumber) -> Reason {
        let readable: [Remedy] =
            capabilities.holds(.dacReadSearch) || facts.privileges.user == 0 ? [] : [.capability(.dacReadSearch)]
        guard error.isRefusal else {
            return Reason(
                cause: .mount, sentence: "not mounted at /sys/kernel/tracing", remedies: [.tracefs] + readable)
        }
        // The directory is root's own.
        return reason(error, needs: .dacReadSearch)
    }

    private func file(
        _ trial: MachineFacts.Trial, _ id: String, _ title: String, _ outcome: Check.Outcome = .missing, works: String,
        lost: String, _ reason: (ErrorNumber) -> Reason
    ) -> Judged? {
        guard let attempt = facts.trials[trial] else { return nil }
        guard let error = attempt.error else { return Self.works(id, title, works) }
        return fails(id, title, reason(error), outcome, error: error, lost: lost)
    }

    var tracefs: Judged? {
        file(
            .tracefs, "tracefs", "tracefs", works: "it can be read", lost: "the numbers of tracepoints",
            tracefsReason)
    }

    var kernelSymbols: Judged? {
        file(
            .kernelSymbols, "kernel_symbols", "kernel symbols", works: "/proc/kallsyms shows addresses",
            lost: "the names of kernel functions, so also which system call time belongs to"
        ) { error in
            if facts.limits.kptrRestrict.map({ $0 >= 2 }) == true {
                return Reason(
                    cause: .limit, sentence: "kernel.kptr_restrict is 2, which hides them from everybody",
                    remedies: [.sysctl("kernel.kptr_restrict", "1")])
            }
            var reason = reason(error, needs: .syslog)
            // Source: kernel/ksyms_common.c, kallsyms_show_value.
            if reason.cause == .capability { reason.alternatives = [.sysctl("kernel.kptr_restrict", "0")] }
            return reason
        }
    }

    var otherProcesses: Judged? {
        file(
            .otherProcesses, "other_processes", "/proc/PID/maps of others", works: "it can be read",
            lost: "programs of other users that run before the recording starts: their stacks have no names"
        ) { reason($0, needs: .sysPtrace) }
    }

    var mappedFiles: Judged? {
        file(
            .mappedFiles, "map_files", "/proc/PID/map_files", .degraded, works: "opens the very file that is mapped",
            lost: "names in files that were deleted or replaced while they run; others are opened by their path"
        ) { reason($0, needs: .checkpointRestore) }
    }

    var openInRoot: Judged? {
        file(
            .openInRoot, "open_in_root", "openat2 in /proc/PID/root", works: "no link leads out of a container",
            lost: "files of containers, and so their names"
        ) { error in
            guard error == .noSystemCall || error == .notPermitted else { return reason(error, needs: .sysPtrace) }
            return facts.privileges.seccomp == 2
                ? Reason(cause: .seccomp, sentence: "a seccomp filter refuses openat2", remedies: [.seccompFilter])
                : Reason(
                    cause: .kernel, sentence: "openat2 came with Linux 5.6; this is \(facts.kernel)",
                    remedies: [.machine("Linux 5.6 or later")])
        }
    }

    // MARK: Namespaces

    var pidNamespace: Judged? {
        let (id, title) = ("pid_namespace", "pid namespace")
        if facts.privileges.isInInitialPIDNamespace { return Self.works(id, title, "the machine's own") }
        return fails(
            id, title,
            Reason(
                cause: .namespace, sentence: "jostle sees only its own container's processes", remedies: [.pidNamespace]
            ),
            lost: "processes of other containers: their stacks have no names")
    }

    var cgroupNamespace: Judged? {
        let (id, title) = ("cgroup_namespace", "cgroup namespace")
        if facts.privileges.isInInitialCgroupNamespace { return Self.works(id, title, "the machine's own") }
        return fails(
            id, title,
            Reason(
                cause: .namespace, sentence: "jostle sees only its own container's cgroup", remedies: [.cgroupNamespace]
            ),
            lost: "other containers: they cannot be named")
    }

    // MARK: Witnesses

    var cpuTimes: Judged? {
        file(
            .cpuTimes, "cpu_times", "cgroups' CPU time", works: "user and kernel time are counted",
            lost: "the kernel's own count beside the samples"
        ) { _ in
            Reason(
                cause: .mount, sentence: "neither v2's cpu.stat nor v1's cpuacct has a count",
                remedies: [.cgroupMount])
        }
    }

    var stalls: Judged? {
        let (id, title) = ("stalls", "pressure (PSI)")
        guard let machine = facts.trials[.machineStalls] else { return nil }
        let lost = "stalls of CPU, memory and I/O"
        if let error = machine.error {
            return fails(
                id, title,
                Reason(
                    cause: .kernel, sentence: "this kernel does not count stalls",
                    remedies: [.machine("the kernel command line psi=1, with CONFIG_PSI")]), error: error, lost: lost)
        }
        if let error = facts.trials[.cgroupStalls]?.error {
            return fails(
                id, title,
                Reason(cause: .mount, sentence: "of the machine only: no cgroup v2 beside v1", remedies: []),
                .degraded, error: error, lost: "stalls of single containers")
        }
        return Self.works(id, title, "of the machine and of cgroups")
    }

    // MARK: Limits

    var ringMemory: Judged? {
        let (id, title) = ("ring_memory", "memory for rings")
        let wanted = facts.limits.wantedRingBytes
        guard let granted = facts.limits.grantedRingBytes else { return nil }
        if granted >= wanted { return Self.works(id, title, "\(Self.kib(wanted)) for a CPU") }
        let mlock = facts.limits.perfEventMlockKiB.map(String.init) ?? "unknown"
        let locked = facts.limits.lockedBytes.map { Self.kib(Int(clamping: $0)) } ?? "unlimited"
        // The kernel counts the capability only in the machine's own user namespace.
        let isForeign = capabilities.holds(.ipcLock) && !facts.privileges.isInInitialUserNamespace
        let lack = isForeign ? "CAP_IPC_LOCK is of a user namespace" : "\(jostle) has no CAP_IPC_LOCK"
        return fails(
            id, title,
            Reason(
                cause: .limit,
                sentence: "\(Self.kib(granted)) of \(Self.kib(wanted)) for a CPU: "
                    + "kernel.perf_event_mlock_kb is \(mlock), RLIMIT_MEMLOCK \(locked), and \(lack)",
                remedies: [isForeign ? .userNamespace : .capability(.ipcLock)],
                // One page more than the ring itself.
                alternatives: [.sysctl("kernel.perf_event_mlock_kb", "\(wanted / 1024 + 4)")]),
            granted == 0 ? .missing : .degraded,
            lost: granted == 0 ? "everything: nothing can be recorded" : "samples, where many come at once")
    }

    private static func kib(_ bytes: Int) -> String { "\(bytes / 1024) KiB" }

    /// On-CPU samples, switches, calls; a lock wait's begin, its end and its stack.
    private static let eventsPerCPU = 6
    /// Standard streams, the recording, and files that symbols are read from.
    private static let ownDescriptors = 64

    var descriptors: Judged? {
        let (id, title) = ("open_files", "open files")
        let needed = facts.cpus * Self.eventsPerCPU + Self.ownDescriptors
        let limit = facts.limits.descriptors
        if limit >= UInt64(needed) { return Self.works(id, title, "\(limit) may be open; a target takes \(needed)") }
        return fails(
            id, title,
            Reason(
                cause: .limit, sentence: "\(limit) may be open, and \(facts.cpus) CPUs need \(needed)",
                remedies: [.descriptors(max(65_536, needed))]),
            lost: "recordings: they fail with EMFILE")
    }

    /// What `record` asks for without --frequency.
    private static let usualFrequency = 199

    var sampleRate: Judged? {
        let (id, title) = ("sample_rate", "sample rate")
        guard let rate = facts.limits.maxSampleRate else { return nil }
        if rate >= Self.usualFrequency { return Self.works(id, title, "up to \(rate) Hz") }
        return fails(
            id, title,
            Reason(
                cause: .limit, sentence: "kernel.perf_event_max_sample_rate is \(rate)",
                remedies: [.sysctl("kernel.perf_event_max_sample_rate", "100000")]), .degraded,
            lost: "precision: at most \(rate) samples a second and CPU")
    }
}
