public import ProfileModel

/// Judges facts: what works, what is lost, why, and what would help. Nothing is tried here.
struct Judgement {
    let facts: MachineFacts

    /// A check, and what would help: all of `remedies` together, or each of `alternatives`.
    struct Judged {
        var check: Check
        var remedies: [Remedy] = []
        var alternatives: [Remedy] = []
    }

    /// Why something was refused, and what would help.
    struct Reason {
        var cause: Check.Cause
        /// Goes on after "EACCES: ".
        var sentence: String
        /// Needed together; they help jostle alone.
        var remedies: [Remedy]
        /// What would do instead, for everybody on the machine.
        var alternatives: [Remedy] = []
    }

    var checks: [Judged] {
        [
            perfEvents, sampling, cgroupMode, kernelCallchains, userCallchains, userStacks, cycles, contextSwitches,
            systemCalls, lockContention, cgroupsInSamples, buildIDs, lostCounts, tracefs, kernelSymbols, otherProcesses,
            mappedFiles, openInRoot, pidNamespace, cgroupNamespace, cpuTimes, stalls, ringMemory, descriptors,
            sampleRate,
        ].compactMap(\.self)
    }

    // MARK: Reasons

    var capabilities: CapabilitySet { facts.privileges.capabilities }
    private var filters: Bool { facts.privileges.seccomp == 2 }
    var jostle: String { "jostle (user \(facts.privileges.user))" }

    /// Why perf_event_open(2) refused.
    ///
    /// - Parameter level: the highest kernel.perf_event_paranoid that allows it without CAP_PERFMON.
    /// Source: perf_event_open(2); kernel/events/core.c, perf_allow_cpu and perf_allow_kernel; a level of 3 or 4, which
    /// forbids everything, is a patch of distributions.
    func reason(_ error: ErrorNumber, level: Int) -> Reason {
        if error == .noSystemCall {
            return filters
                ? Reason(
                    cause: .seccomp, sentence: "a seccomp filter hides the system call", remedies: [.seccompFilter])
                : Reason(
                    cause: .kernel, sentence: "this kernel was built without perf events",
                    remedies: [.machine("a kernel with CONFIG_PERF_EVENTS")])
        }
        guard error.isRefusal else {
            return Reason(cause: .kernel, sentence: "this kernel or machine has no such event", remedies: [])
        }
        let own = facts.trials[.ownThread]?.error
        let paranoid = facts.limits.perfEventParanoid
        let mayByCapability = capabilities.holds(.perfmon)
        // The kernel itself says EACCES to an event of one's own in user code, and only from level 3 on.
        if let own, filters, own == .notPermitted {
            return Reason(
                cause: .seccomp, sentence: "a seccomp filter refuses the system call, whoever asks",
                remedies: [.seccompFilter])
        }
        if !mayByCapability, let paranoid, paranoid > level {
            return Reason(
                cause: .paranoid,
                sentence: "kernel.perf_event_paranoid is \(paranoid), and \(jostle) has no CAP_PERFMON",
                remedies: [.capability(.perfmon)], alternatives: [.sysctl("kernel.perf_event_paranoid", "\(level)")])
        }
        if mayByCapability && !facts.privileges.isInInitialUserNamespace {
            return Reason(
                cause: .userNamespace,
                sentence: "the capabilities are of a user namespace and count for nothing here",
                remedies: [.userNamespace])
        }
        if !mayByCapability {
            return Reason(
                cause: .capability, sentence: "\(jostle) has no CAP_PERFMON", remedies: [.capability(.perfmon)])
        }
        return Reason(
            cause: .securityModule,
            sentence: "neither capabilities nor seccomp nor perf_event_paranoid forbid it: a security module does",
            remedies: [.machine("a policy of SELinux, AppArmor or lockdown that allows perf_event_open")])
    }

    /// Why a file of /proc was refused that needs a capability.
    func reason(_ error: ErrorNumber, needs capability: Capability) -> Reason {
        guard error.isRefusal else {
            return Reason(cause: .kernel, sentence: "this kernel has no such file", remedies: [])
        }
        if !capabilities.holds(capability) {
            return Reason(
                cause: .capability, sentence: "\(jostle) has no \(capability.name)",
                remedies: [.capability(capability)])
        }
        if !facts.privileges.isInInitialUserNamespace {
            return Reason(
                cause: .userNamespace,
                sentence: "the capabilities are of a user namespace and count for nothing here",
                remedies: [.userNamespace])
        }
        return Reason(cause: .securityModule, sentence: "a security module forbids it", remedies: [])
    }

    // MARK: Forms of checks

    static func works(_ id: String, _ title: String, _ finding: String) -> Judged {
        Judged(
            check: Check(id: id, title: title, outcome: .works, finding: finding, fixes: []))
    }

    func fails(
        _ id: String, _ title: String, _ reason: Reason, _ outcome: Check.Outcome = .missing, error: ErrorNumber? = nil,
        lost: String
    ) -> Judged {
        let finding = (error.map { $0.name + ": " } ?? "") + reason.sentence
        return Judged(
            check: Check(
                id: id, title: title, outcome: outcome, finding: finding, error: error?.name, cause: reason.cause,
                lost: lost, fixes: fixes(reason.remedies) + fixes(reason.alternatives)),
            remedies: reason.remedies, alternatives: reason.alternatives)
    }

    func fixes(_ remedies: [Remedy]) -> [Fix] { Remedy.fixes(remedies, for: facts.privileges) }

    /// A check that is one call of perf_event_open(2).
    func event(
        _ trial: MachineFacts.Trial, _ id: String, _ title: String, level: Int, works: String, lost: String
    ) -> Judged? {
        guard let attempt = facts.trials[trial] else { return nil }
        guard let error = attempt.error else { return Self.works(id, title, works) }
        return fails(id, title, reason(error, level: level), error: error, lost: lost)
    }
}

extension DoctorReport {
    /// Judges what was found on a machine.
    public init(_ facts: MachineFacts) {
        let judged = Judgement(facts: facts).checks
        schema = Self.schemaName
        schemaVersion = Self.currentSchemaVersion
        kernel = facts.kernel
        arch = facts.arch
        cpus = facts.cpus
        privileges = Privileges(facts)
        checks = judged.map(\.check)
        fixes = Remedy.fixes(judged.flatMap(\.remedies), for: facts.privileges, forOtherContainers: true)
        alternatives = Remedy.fixes(judged.flatMap(\.alternatives), for: facts.privileges)
        if let obstacle = checks.first(where: \.isObstacle) {
            verdict = obstacle.cause == .kernel ? .unavailable : .notPermitted
        } else {
            verdict = checks.allSatisfy { $0.outcome == .works } ? .works : .degraded
        }
    }

    /// Why nothing can be recorded, in at most three lines: what, why, and what to do. nil where something can.
    public var refusal: [String]? {
        guard verdict == .notPermitted || verdict == .unavailable,
            let check = checks.first(where: \.isObstacle)
        else { return nil }
        let place: Fix.Place = check.cause == .seccomp || privileges.user == 0 ? .docker : .shell
        let fix = fixes.first { $0.place == place } ?? fixes.first
        var lines = ["not permitted to sample other processes (perf_event_open)", check.finding]
        if verdict == .unavailable { lines[0] = "this machine cannot sample (perf_event_open)" }
        lines.append((fix.map { "\($0.text), or " } ?? "") + "`jostle doctor` for more")
        if privileges.user != 0, check.cause != .seccomp, fix != nil { lines[2] = "run it as root, or: " + lines[2] }
        return lines
    }
}

extension Check {
    /// Without samples, or a ring for them, there is no recording.
    var isObstacle: Bool { outcome == .missing && (id == "sampling" || id == "ring_memory") }
}

extension DoctorReport.Privileges {
    init(_ facts: MachineFacts) {
        let privileges = facts.privileges
        user = privileges.user
        // By the bit itself: what CAP_SYS_ADMIN holds besides is known.
        capabilities = Capability.allCases.filter { privileges.capabilities.rawValue & (1 << UInt64($0.rawValue)) != 0 }
            .map(\.name)
        seccomp = privileges.seccomp.map { $0 == 0 ? "none" : $0 == 1 ? "strict" : "filter" }
        perfEventParanoid = facts.limits.perfEventParanoid
        kptrRestrict = facts.limits.kptrRestrict
        ownNamespaces = [
            (privileges.isInInitialUserNamespace, "user"), (privileges.isInInitialPIDNamespace, "pid"),
            (privileges.isInInitialCgroupNamespace, "cgroup"),
        ].filter { !$0.0 }.map(\.1)
    }
}
