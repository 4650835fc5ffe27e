import ProfileModel
import Testing

@testable import Analysis

@Suite("What the doctor says")
struct DoctorReportTests {
    /// Root on a machine of its own: everything worked.
    static func facts(_ change: (inout MachineFacts) -> Void = { _ in }) -> MachineFacts {
        var facts = MachineFacts(
            kernel: "6.18.0", arch: "x86_64", cpus: 4,
            privileges: MachineFacts.Privileges(
                user: 0, capabilities: CapabilitySet(Set(Capability.allCases)), seccomp: 0),
            limits: MachineFacts.Limits(
                perfEventParanoid: 2, maxSampleRate: 100_000, perfEventMlockKiB: 516, kptrRestrict: 0,
                lockedBytes: 8 << 20, descriptors: 1024, grantedRingBytes: 32 << 20, wantedRingBytes: 32 << 20),
            trials: Dictionary(uniqueKeysWithValues: MachineFacts.Trial.allCases.map { ($0, .worked) }),
            samples: MachineFacts.SampleFacts(
                count: 12, withKernelCallchain: 10, withUserCallchain: 12, withUserRegisters: 12, withUserStack: 12,
                includeKernel: true))
        change(&facts)
        return facts
    }

    /// The same machine as somebody without any capability finds it.
    static func nobody(_ change: (inout MachineFacts) -> Void = { _ in }) -> MachineFacts {
        facts { facts in
            facts.privileges.user = 65_534
            facts.privileges.capabilities = CapabilitySet([])
            for trial in [MachineFacts.Trial.sampling, .userSampling, .cgroupMode, .contextSwitches] {
                facts.trials[trial] = .failed(.accessDenied)
            }
            facts.trials[.systemCalls] = .failed(.noEntry)
            facts.trials[.lockContention] = .failed(.noEntry)
            facts.trials[.tracefs] = .failed(.accessDenied)
            facts.trials[.kernelSymbols] = .failed(.notPermitted)
            facts.trials[.mappedFiles] = .failed(.notPermitted)
            facts.trials[.otherProcesses] = .failed(.accessDenied)
            facts.limits.grantedRingBytes = 8 << 20
            facts.samples?.includeKernel = false
            facts.samples?.withKernelCallchain = 0
            change(&facts)
        }
    }

    /// A container with the runtime's defaults: root, with a filter that goes by capabilities it does not have.
    static func container(_ change: (inout MachineFacts) -> Void = { _ in }) -> MachineFacts {
        nobody { facts in
            facts.privileges.user = 0
            facts.privileges.seccomp = 2
            facts.privileges.isInInitialPIDNamespace = false
            for trial in [MachineFacts.Trial.ownThread, .sampling, .userSampling, .contextSwitches, .cycles] {
                facts.trials[trial] = .failed(.notPermitted)
            }
            facts.trials[.cgroupMode] = .failed(.noEntry)
            facts.samples = nil
            facts.limits.grantedRingBytes = nil
            change(&facts)
        }
    }

    private func check(_ id: String, _ facts: MachineFacts) throws -> Check {
        try #require(DoctorReport(facts).checks.first { $0.id == id }, "no check \(id)")
    }

    private func text(_ fixes: [Fix], _ place: Fix.Place) -> String {
        fixes.filter { $0.place == place }.map(\.text).joined(separator: "\n")
    }

    @Test("A v1 hierarchy that is not mounted is told from none at all, with the line that mounts it")
    func perfEventOutOfSight() throws {
        let report = DoctorReport(
            Self.facts { facts in
                facts.trials[.cgroupMode] = .failed(.noEntry)
                facts.perfEventIsOutOfSight = true
            })
        let check = try #require(report.checks.first { $0.id == "cgroup_mode" })
        #expect(check.outcome == .missing && check.cause == .mount && check.finding.contains("not mounted here"))
        #expect(check.fixes.contains { $0.place == .shell && $0.text.contains("mount -t cgroup -o perf_event none") })
        #expect(!check.fixes.contains { $0.text.contains("cgroup2") })
    }

    @Test("Where everything worked, it says so and has nothing to fix")
    func everythingWorks() {
        let report = DoctorReport(Self.facts())
        #expect(report.verdict == .works)
        #expect(report.checks.allSatisfy { $0.outcome == .works && $0.lost == nil && $0.fixes.isEmpty })
        #expect(report.fixes.isEmpty && report.alternatives.isEmpty)
        #expect(report.refusal == nil)
        // An id is what programs go by.
        #expect(Set(report.checks.map(\.id)).count == report.checks.count)
    }

    @Test("Whatever fails alone is named, with what is lost, and recording still works but for sampling")
    func eachAlone() throws {
        for trial in MachineFacts.Trial.allCases where trial != .userSampling {
            let report = DoctorReport(Self.facts { $0.trials[trial] = .failed(.noEntry) })
            let bad = report.checks.filter { $0.outcome != .works }
            // Nothing of one's own, and nothing of others, is another matter than a single CPU's samples.
            #expect(bad.count == 1, "\(trial): \(bad.map(\.id))")
            #expect(bad.first?.lost?.isEmpty == false, "\(trial)")
            #expect(report.verdict == .degraded, "\(trial)")
        }
    }

    @Test("Without privileges it is the paranoid level, and a capability or a setting helps")
    func paranoidLevel() throws {
        let facts = Self.nobody()
        let report = DoctorReport(facts)
        #expect(report.verdict == .notPermitted)
        let sampling = try check("sampling", facts)
        #expect(sampling.outcome == .missing)
        #expect(sampling.cause == .paranoid)
        #expect(sampling.error == "EACCES")
        #expect(sampling.finding.contains("perf_event_paranoid is 2"))
        #expect(sampling.finding.contains("user 65534"))
        // For kernel samples of whole CPUs the level must be 0 at the most.
        #expect(text(sampling.fixes, .shell).contains("sudo sysctl kernel.perf_event_paranoid=0"))
        let shell = text(report.fixes, .shell)
        for name in ["cap_perfmon", "cap_syslog", "cap_sys_ptrace", "cap_ipc_lock", "cap_checkpoint_restore"] {
            #expect(shell.contains(name), "\(name)")
        }
        #expect(shell.hasSuffix("+ep \"$(command -v jostle)\""))
        #expect(text(report.alternatives, .shell).hasPrefix("sudo sysctl kernel.kptr_restrict=0"))
        let lines = try #require(report.refusal)
        #expect(lines.count == 3)
        #expect(lines[2].hasPrefix("run it as root, or: sudo setcap"))
    }

    @Test("A filter is told from missing capabilities, and capabilities from the paranoid level")
    func causes() throws {
        // The kernel never says EPERM to an event of one's own in user code.
        #expect(try check("sampling", Self.container()).cause == .seccomp)
        // A filter that hides the call.
        let hidden = Self.container { facts in
            for trial in [MachineFacts.Trial.ownThread, .sampling] { facts.trials[trial] = .failed(.noSystemCall) }
        }
        #expect(try check("sampling", hidden).cause == .seccomp)
        #expect(DoctorReport(hidden).verdict == .notPermitted)
        // The same without any filter: the kernel has no such call.
        let old = Self.facts { facts in
            for trial in [MachineFacts.Trial.ownThread, .sampling, .userSampling] {
                facts.trials[trial] = .failed(.noSystemCall)
            }
        }
        #expect(try check("sampling", old).cause == .kernel)
        #expect(DoctorReport(old).verdict == .unavailable)
        // A filter is there, but lets an event of one's own pass: it is not the filter.
        let filtered = Self.nobody { $0.privileges.seccomp = 2 }
        #expect(try check("sampling", filtered).cause == .paranoid)
        // Level 4 of a distribution forbids even one's own.
        let distribution = Self.nobody { facts in
            facts.limits.perfEventParanoid = 4
            facts.trials[.ownThread] = .failed(.accessDenied)
        }
        #expect(try check("perf_events", distribution).cause == .paranoid)
        #expect(text(try check("perf_events", distribution).fixes, .shell).contains("kernel.perf_event_paranoid=2"))
        // No level forbids it, so it is the capability alone.
        let open = Self.nobody { $0.limits.perfEventParanoid = nil }
        #expect(try check("sampling", open).cause == .capability)
        // All capabilities, but of a user namespace.
        let owned = Self.facts { facts in
            facts.privileges.isInInitialUserNamespace = false
            facts.trials[.sampling] = .failed(.accessDenied)
            facts.trials[.userSampling] = .failed(.accessDenied)
        }
        #expect(try check("sampling", owned).cause == .userNamespace)
        var small = owned
        small.limits.grantedRingBytes = 4 << 20
        #expect(try check("ring_memory", small).finding.hasSuffix("CAP_IPC_LOCK is of a user namespace"))
        // Everything is there, and still it is refused.
        let policy = Self.facts { facts in
            facts.trials[.sampling] = .failed(.accessDenied)
            facts.trials[.userSampling] = .failed(.accessDenied)
        }
        #expect(try check("sampling", policy).cause == .securityModule)
    }

    @Test("Where only the kernel's part is refused, recording works without it")
    func userHalf() throws {
        let facts = Self.facts { $0.trials[.sampling] = .failed(.accessDenied) }
        #expect(DoctorReport(facts).verdict == .degraded)
        #expect(try check("sampling", facts).outcome == .degraded)
    }

    @Test("In a container the fix is a whole command for one that sees the others, without setcap")
    func containerFixes() throws {
        let report = DoctorReport(Self.container())
        let docker = text(report.fixes, .docker)
        for flag in [
            "--pid host", "--cgroupns host", "-v /sys/fs/cgroup:/sys/fs/cgroup:ro", "--cap-add SYS_ADMIN",
            "--cap-add SYS_PTRACE", "--cap-add SYSLOG", "--cap-add IPC_LOCK",
        ] {
            #expect(docker.contains(flag), "\(flag)")
        }
        // Debian 12's Docker knows neither.
        #expect(!docker.contains("PERFMON") && !docker.contains("CHECKPOINT_RESTORE"))
        // The default filter lets it pass with the capability.
        #expect(!docker.contains("seccomp"))
        #expect(text(report.fixes, .shell).isEmpty)
        #expect(text(report.fixes, .kubernetes).contains("hostPID: true"))
        #expect(text(report.fixes, .kubernetes).contains("privileged: true"))
        let lines = try #require(report.refusal)
        #expect(lines[2].hasPrefix("docker run --pid host"))
    }

    @Test("A filter that refuses even those who hold the capability must be taken away")
    func hardFilter() throws {
        let facts = Self.container { $0.privileges.capabilities = CapabilitySet(Set(Capability.allCases)) }
        #expect(text(DoctorReport(facts).fixes, .docker).contains("--security-opt seccomp=unconfined"))
        #expect(text(try check("sampling", facts).fixes, .kubernetes).contains("type: Unconfined"))
    }

    @Test("kptr_restrict 2 hides symbols from root too, and only the setting helps")
    func hiddenSymbols() throws {
        let facts = Self.facts { facts in
            facts.limits.kptrRestrict = 2
            facts.trials[.kernelSymbols] = .failed(.notPermitted)
        }
        let symbols = try check("kernel_symbols", facts)
        #expect(symbols.cause == .limit)
        #expect(symbols.fixes == [Fix(.shell, "sudo sysctl kernel.kptr_restrict=1")])
    }

    @Test("An unmounted tracefs needs the mount, and for others than root the right to look into it")
    func tracefs() throws {
        let root = Self.facts { $0.trials[.tracefs] = .failed(.noEntry) }
        #expect(text(try check("tracefs", root).fixes, .shell) == "sudo mount -t tracefs none /sys/kernel/tracing")
        let nobody = Self.nobody { $0.trials[.tracefs] = .failed(.noEntry) }
        #expect(text(try check("tracefs", nobody).fixes, .shell).contains("cap_dac_read_search"))
        #expect(try check("system_calls", nobody).finding.contains("tracefs"))
    }

    @Test("Rings, open files and sample rates have their limits told in figures")
    func limits() throws {
        let facts = Self.facts { facts in
            facts.cpus = 256
            facts.limits.grantedRingBytes = 512 << 10
            facts.limits.maxSampleRate = 100
        }
        // 4 events on 256 CPUs and 64 others.
        #expect(try check("open_files", facts).finding == "1024 may be open, and 256 CPUs need 1600")
        #expect(try check("ring_memory", facts).finding.hasPrefix("512 KiB of 32768 KiB"))
        // 32 MiB are 32,768 KiB, and the kernel adds a page.
        #expect(text(try check("ring_memory", facts).fixes, .shell).contains("kernel.perf_event_mlock_kb=32772"))
        #expect(try check("sample_rate", facts).lost == "precision: at most 100 samples a second and CPU")
        #expect(DoctorReport(facts).verdict == .degraded)
        let none = Self.nobody { facts in
            facts.trials[.sampling] = .worked
            facts.limits.grantedRingBytes = 0
        }
        #expect(DoctorReport(none).verdict == .notPermitted)
    }

    @Test("Capabilities count as the kernel counts them")
    func capabilitySets() {
        let admin = CapabilitySet([.sysAdmin])
        #expect(admin.holds(.perfmon) && admin.holds(.checkpointRestore))
        #expect(!admin.holds(.syslog) && !admin.holds(.sysPtrace))
        // Bit 38, as /proc/PID/status writes it.
        #expect(CapabilitySet(rawValue: 0x40_0000_0000).holds(.perfmon))
        #expect(DoctorReport(Self.nobody()).privileges.capabilities.isEmpty)
    }
}
