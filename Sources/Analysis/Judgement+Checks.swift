internal import ProfileModel

/// The single checks, in the order in which they are shown.
extension Judgement {
    var perfEvents: Judged? {
        event(
            .ownThread, "perf_events", "perf events", level: 2, works: "jostle may sample itself",
            lost: "everything: nothing can be recorded")
    }

    /// Kernel part and user part of every task; the user part alone where the kernel's is forbidden.
    var sampling: Judged? {
        let (id, title) = ("sampling", "samples of all CPUs")
        guard let attempt = facts.trials[.sampling] else { return nil }
        guard let error = attempt.error else { return Self.works(id, title, "kernel and user part") }
        let reason = reason(error, level: 0)
        if facts.trials[.userSampling] == .worked {
            return fails(
                id, title, reason, .degraded, error: error, lost: "the kernel's part: only time in user code is seen")
        }
        return fails(id, title, reason, error: error, lost: "everything: nothing can be recorded")
    }

    var cgroupMode: Judged? {
        let (id, title) = ("cgroup_mode", "samples of one cgroup")
        let lost = "--cgroup, --container and --pod"
        guard let attempt = facts.trials[.cgroupMode] else { return nil }
        guard let error = attempt.error else { return Self.works(id, title, "PERF_FLAG_PID_CGROUP") }
        if facts.perfEventIsOutOfSight {
            return fails(
                id, title,
                Reason(
                    cause: .mount, sentence: "perf events follow a cgroup v1 hierarchy that is not mounted here",
                    remedies: [.perfEventMount]), error: error, lost: lost)
        }
        if error == .noEntry {
            return fails(
                id, title,
                Reason(
                    cause: .mount, sentence: "no mounted cgroup hierarchy carries perf_event",
                    remedies: [.cgroupMount]), error: error, lost: lost)
        }
        return fails(id, title, reason(error, level: 0), error: error, lost: lost)
    }

    // MARK: What samples hold

    private func held(
        _ id: String, _ title: String, _ works: String, lost: String, _ count: (MachineFacts.SampleFacts) -> Int
    )
        -> Judged?
    {
        guard let samples = facts.samples else { return nil }
        guard samples.count > 0 else {
            return fails(
                id, title, Reason(cause: .kernel, sentence: "no sample came of 50 ms of work", remedies: []), lost: lost
            )
        }
        let with = count(samples)
        if with > 0 {
            return Self.works(id, title, "\(works), in \(with) of \(samples.count) samples of jostle itself")
        }
        return fails(
            id, title,
            Reason(cause: .kernel, sentence: "none in \(samples.count) samples of jostle itself", remedies: []),
            lost: lost)
    }

    var kernelCallchains: Judged? {
        guard facts.samples?.includeKernel == true else { return nil }
        return held(
            "kernel_callchains", "kernel callchains", "kernel addresses", lost: "which system call time belongs to"
        ) { $0.withKernelCallchain }
    }

    var userCallchains: Judged? {
        held(
            "user_callchains", "user callchains", "user addresses", lost: "stacks of programs built with frame pointers"
        ) {
            $0.withUserCallchain
        }
    }

    var userStacks: Judged? {
        held(
            "user_stacks", "user registers and stacks", "both",
            lost: "call sites in programs built without frame pointers"
        ) { min($0.withUserRegisters, $0.withUserStack) }
    }

    // MARK: Events

    var cycles: Judged? {
        let (id, title) = ("cycles", "cycle counter (PMU)")
        let lost = "cpu-clock takes its place: time with interrupts off shows where they are turned on again"
        guard let attempt = facts.trials[.cycles] else { return nil }
        guard let error = attempt.error else { return Self.works(id, title, "it counts") }
        if error.isRefusal { return fails(id, title, reason(error, level: 2), .degraded, error: error, lost: lost) }
        let sentence =
            error == .busy ? "another user holds the counters" : "no hardware counters, as in most virtual machines"
        return fails(
            id, title,
            Reason(
                cause: .kernel, sentence: sentence,
                remedies: [.machine("for a cycle counter: bare metal, or a virtual PMU for this virtual machine")]),
            .degraded, error: error, lost: lost)
    }

    var contextSwitches: Judged? {
        event(
            .contextSwitches, "context_switches", "context switches", level: 0, works: "with the stacks that wait",
            lost: "waits: time off the CPU, so also contention that sleeps")
    }

    var systemCalls: Judged? {
        tracepoint(
            .systemCalls, "system_calls", "raw_syscalls:sys_enter",
            lost: "numbers of calls: rates and costs per call", built: "CONFIG_FTRACE_SYSCALLS")
    }

    var lockContention: Judged? {
        tracepoint(
            .lockContention, "lock_contention", "lock:contention_begin",
            lost: "which lock is waited for (kernels before 5.19 never say)", built: "lock:contention_begin: Linux 5.19"
        )
    }

    private func tracepoint(
        _ trial: MachineFacts.Trial, _ id: String, _ name: String, lost: String, built: String
    ) -> Judged? {
        guard let attempt = facts.trials[trial] else { return nil }
        guard let error = attempt.error else { return Self.works(id, name, "tracepoint") }
        guard error == .noEntry else { return fails(id, name, reason(error, level: -1), error: error, lost: lost) }
        if let failure = facts.trials[.tracefs]?.error {
            var reason = tracefsReason(failure)
            reason.sentence = "its number is in tracefs, which cannot be read"
            return fails(id, name, reason, lost: lost)
        }
        return fails(
            id, name,
            Reason(
                cause: .kernel, sentence: "this kernel has no such tracepoint",
                remedies: [.machine("a kernel with \(built)")]), error: error, lost: lost)
    }

    // MARK: What the kernel's age decides

    private func ability(
        _ trial: MachineFacts.Trial, _ id: String, _ title: String, since version: String, lost: String
    ) -> Judged? {
        guard let attempt = facts.trials[trial] else { return nil }
        guard let error = attempt.error else { return Self.works(id, title, "Linux \(version) and later") }
        return fails(
            id, title,
            Reason(
                cause: .kernel, sentence: "came with Linux \(version); this is \(facts.kernel)",
                remedies: [.machine("Linux \(version) or later")]), error: error, lost: lost)
    }

    var cgroupsInSamples: Judged? {
        ability(
            .cgroupsInSamples, "cgroups_in_samples", "cgroup ids in samples", since: "5.7",
            lost: "--all-containers, and containers together with processes")
    }

    var buildIDs: Judged? {
        ability(
            .buildIDs, "build_ids", "build IDs of mappings", since: "5.12",
            lost: "files that are gone before they are opened are known by their path only")
    }

    var lostCounts: Judged? {
        ability(
            .lostCounts, "lost_counts", "counts of lost samples", since: "6.0",
            lost: "how many samples were lost by each event; the kernel's records still tell of losses")
    }
}
