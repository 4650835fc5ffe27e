import ProfileModel
import Testing

@testable import Analysis

@Suite("Patterns") struct PatternTests {
    @Test("Every pattern of the catalogue is whole, under a name of its own")
    func catalogue() {
        let texts = [
            PatternCatalogue.memory, PatternCatalogue.files, PatternCatalogue.storage, PatternCatalogue.scheduler,
            PatternCatalogue.network, PatternCatalogue.system,
        ]
        #expect(texts.flatMap { PatternText.patterns(of: $0).problems } == [])
        #expect(PatternCatalogue.all.count == 85)
        #expect(Set(PatternCatalogue.all.map(\.name)).count == 85)
        #expect(PatternCatalogue.all.filter { $0.evidence.count == 1 }.map(\.name) == ["unix-dgram-log-backpressure"])
        let fadvise = PatternCatalogue.pattern(named: "fadvise-dontneed-lru-drain")
        #expect(fadvise?.remedy.contains("--drop_log_memory=false") == true)
        #expect(fadvise?.scope == .hostWide && fadvise?.leastShare == 0.01)
        // The short way to them finds the same.
        let paths = PatternCatalogue.all.flatMap(\.evidence).map(\.path)
        #expect(PatternCatalogue.functionsBetween == Set(paths.flatMap { $0.dropFirst().dropLast() }.joined()))
        #expect(PatternCatalogue.functionsBetween.contains("process_one_work"))
        #expect(!PatternCatalogue.functionsBetween.contains("generic_fadvise"))
    }

    @Test("Lines that make no sense are named, and a pattern without strong evidence is none")
    func problems() {
        let text = """
            pattern one
            title One
            scope galaxy
            share 0
            entries syscall
            strong sometimes a > b
            strong any a >  > b
            supporting any a > b
            shared x
            cause x
            remedy x
            check x
            spoon x
            """
        #expect(
            PatternText.patterns(of: text).problems == [
                "one: scope galaxy", "one: share 0", "one: strong sometimes a > b", "one: strong any a >  > b",
                "one: spoon x", "one: something is missing",
            ])
    }

    private static let enter = "u:main@a.c:1 > u:/lib/libc.so.6!call#1 > do_syscall_64"

    /// One pattern of `evidence`, in the catalogue's form.
    private func pattern(_ evidence: String, entries: String = "syscall", share: Int = 3) -> Pattern {
        PatternText.patterns(
            of: """
                pattern p
                title P
                scope host-wide
                share \(share)
                confidence plausible
                entries \(entries)
                \(evidence)
                shared x
                cause x
                remedy x
                check x
                """
        ).patterns[0]
    }

    /// Whether 100 samples of `stack` beside 100 in another call show the pattern.
    private func shows(
        _ evidence: String, _ stack: String, entries: String = "syscall", kind: SampleKind = .onCPU,
        missing: [String]? = nil, others: Int = 100
    ) -> Bool {
        var building = ProfileBuilding()
        building.profile.recording.missingFunctions = missing
        for _ in 0..<100 { building.sample("\(Self.enter) > \(stack)", kind: kind, mode: .kernel) }
        for _ in 0..<others { building.sample("\(Self.enter) > __x64_sys_getpid") }
        let whole = ProfileAnalysis(building.profile)
        let analysis = FindingAnalysis(whole, patterns: [pattern(evidence, entries: entries)])
        return !analysis.findings(of: [0]).isEmpty
    }

    @Test(
        "A path is found in its order, with other frames between, under the names of other kernels and compilers' too")
    func order() {
        let strong = "strong running generic_fadvise > lru_add_drain_all|__lru_add_drain_all"
        #expect(shows(strong, "__x64_sys_fadvise64 > generic_fadvise > other > __lru_add_drain_all.isra.0 > more"))
        #expect(shows(strong, "__x64_sys_fadvise64 > generic_fadvise > lru_add_drain_all"))
        #expect(!shows(strong, "__x64_sys_fadvise64 > lru_add_drain_all > generic_fadvise"))
        #expect(!shows(strong, "__x64_sys_fadvise64 > generic_fadvise"))
        #expect(shows("strong any a > kmem_cache_alloc", "__x64_sys_read > a > kmem_cache_alloc_noprof"))
        #expect(shows("strong any a > bpf_prog_*", "__x64_sys_read > a > bpf_prog_0123_filter"))
    }

    @Test("Supporting evidence means nothing alone, and adds to strong evidence")
    func supporting() throws {
        #expect(!shows("supporting any a > b\nstrong any never > seen", "__x64_sys_read > a > b"))
        var building = ProfileBuilding()
        for _ in 0..<50 {
            building.sample("\(Self.enter) > __x64_sys_read > a > c")
            building.sample("\(Self.enter) > __x64_sys_read > a > b")
        }
        let analysis = FindingAnalysis(
            ProfileAnalysis(building.profile), patterns: [pattern("strong any a > c\nsupporting any a > b")])
        let finding = try #require(analysis.findings(of: [0]).first)
        // 50 samples of 5 ms each.
        #expect(finding.evidence.samples == 50 && finding.evidence.timeNanoseconds == 250_000_000)
        #expect(finding.evidence.supportingNanoseconds == 250_000_000 && finding.evidence.share.value == 0.5)
        #expect(finding.evidence.path == ["a", "c"] && finding.evidence.syscall == "read")
    }

    @Test("What an interrupt does is not its victim's, and only patterns of interrupts look into it")
    func interrupts() {
        let stack = "__x64_sys_read > a > asm_common_interrupt > common_interrupt > handle_softirqs > net_rx_action > b"
        #expect(!shows("strong any a > b", stack))
        #expect(!shows("strong any a", stack))
        #expect(!shows("strong any net_rx_action > b", stack))
        #expect(shows("strong any net_rx_action > b", stack, entries: "softirq"))
        #expect(shows("strong any asm_common_interrupt > handle_softirqs", stack, entries: "irq softirq"))
        #expect(!shows("strong any a > b", stack, entries: "irq softirq"))
    }

    @Test("A middle step that the kernel has under none of its names is passed over; the first and last are needed")
    func inlined() {
        let evidence = "strong any a > middle|centre > b"
        #expect(!shows(evidence, "__x64_sys_read > a > b"))
        #expect(!shows(evidence, "__x64_sys_read > a > b", missing: ["middle"]))
        #expect(shows(evidence, "__x64_sys_read > a > b", missing: ["middle", "centre"]))
        #expect(!shows(evidence, "__x64_sys_read > b", missing: ["a", "middle", "centre"]))
    }

    @Test("A lock's slow path is its nearest named caller's, and never the scheduler's or somebody's deep inside")
    func nearestCaller() throws {
        let spin = "_raw_spin_lock > native_queued_spin_lock_slowpath"
        #expect(shows("strong running copy_process > @SPIN", "__x64_sys_clone > copy_process > alloc_pid > \(spin)"))
        #expect(
            !shows(
                "strong running futex_wait > @SPIN",
                "__x64_sys_futex > futex_wait > schedule > __schedule > raw_spin_rq_lock_nested > \(spin)"))
        #expect(
            !shows(
                "strong running copy_process > @SPIN", "__x64_sys_clone > copy_process > a > b > \(spin)"))
        // The nearest of two.
        var building = ProfileBuilding()
        for _ in 0..<50 { building.sample("\(Self.enter) > __x64_sys_clone > copy_process > get_page > \(spin)") }
        var patterns = ["copy_process", "get_page"].map { pattern("strong running \($0) > @SPIN") }
        patterns[1].name = "q"
        let analysis = FindingAnalysis(ProfileAnalysis(building.profile), patterns: patterns)
        #expect(analysis.findings(of: [0]).map(\.pattern) == ["q"])
    }

    @Test("Self time is that of the innermost function; where interrupts were off, of the one that let them on again")
    func inItself() {
        let evidence = "strong self lookup_fast > __d_lookup_rcu"
        #expect(shows(evidence, "__x64_sys_access > lookup_fast > __d_lookup_rcu"))
        #expect(!shows(evidence, "__x64_sys_access > lookup_fast > __d_lookup_rcu > other"))
        #expect(!shows(evidence, "__x64_sys_access > lookup_fast > __d_lookup_rcu", kind: .blocked))
    }

    @Test("Waits that were not wished for count, those by choice only where a pattern is about them")
    func waits() {
        let mutex = "__mutex_lock > schedule"
        #expect(shows("strong waiting a > @MUTEX", "__x64_sys_read > a > \(mutex)", kind: .blocked))
        #expect(!shows("supporting any a\nstrong any b > c", "__x64_sys_futex > a > schedule", kind: .blocked))
        // A stack that no rule knows is no part of the kernel time that shares are of.
        var building = ProfileBuilding()
        for _ in 0..<50 { building.sample("\(Self.enter) > __x64_sys_read > a") }
        building.sample("\(Self.enter) > __x64_sys_mmap > odd > schedule", kind: .blocked, weight: 60_000_000_000)
        let analysis = FindingAnalysis(ProfileAnalysis(building.profile), patterns: [pattern("strong any a")])
        #expect(analysis.findings(of: [0]).map(\.evidence.share.value) == [1])
        #expect(
            shows(
                "strong waiting unix_dgram_sendmsg > unix_wait_for_peer",
                "__x64_sys_sendto > unix_dgram_sendmsg > unix_wait_for_peer > schedule", kind: .blocked))
    }

    @Test("What needs more CPUs than there are, or is jostle's own doing, is never told")
    func untold() {
        // The recording has 2 CPUs.
        #expect(!shows("cpus 3\nstrong any a", "__x64_sys_read > a"))
        #expect(shows("cpus 2\nstrong any a", "__x64_sys_read > a"))
        #expect(!shows("untold because\nstrong any a", "__x64_sys_read > a"))
        #expect(PatternCatalogue.pattern(named: "perf-cgroup-switch")?.untold != nil)
    }

    @Test("Little of the kernel time, few samples, or a container that is hardly in the kernel: no word")
    func thresholds() {
        // 100 of 5,000 samples are 2 % of what needs 3.
        #expect(!shows("strong any a", "__x64_sys_read > a", others: 4_900))
        #expect(shows("strong any a", "__x64_sys_read > a", others: 3_000))
        func finding(samples: Int, user: Int) -> Bool {
            var building = ProfileBuilding()
            for _ in 0..<samples { building.sample("\(Self.enter) > __x64_sys_read > a") }
            for _ in 0..<user { building.sample("u:main > u:work") }
            let analysis = FindingAnalysis(ProfileAnalysis(building.profile), patterns: [pattern("strong any a")])
            return !analysis.findings(of: [0]).isEmpty
        }
        #expect(!finding(samples: 9, user: 0))
        #expect(finding(samples: 10, user: 900))
        // All of the kernel time, and less than a hundredth of all.
        #expect(!finding(samples: 10, user: 1_000))
    }
}

@Suite("Findings") struct FindingTests {
    private static let enter = "u:main@log.c:9 > u:/lib/libc.so.6!posix_fadvise64#221 > do_syscall_64"
    private static let drain = "\(enter) > __x64_sys_fadvise64 > generic_fadvise > __lru_add_drain_all"

    private func storm(_ building: inout ProfileBuilding, container: Int32, count: Int = 100) {
        for index in 0..<count {
            building.sample(
                "\(Self.drain) > __mutex_lock.constprop.0 > schedule", at: Double(index) * 20, container: container,
                kind: .blocked)
            building.sample("u:main > u:format", at: Double(index) * 20, container: container)
        }
    }

    @Test("The fadvise storm is told in each container that has it, with the others, the call, the site and the remedy")
    func fadviseStorm() throws {
        var building = ProfileBuilding()
        building.profile.containers = ["api", "logger", "idle"].map { Container(name: $0) }
        storm(&building, container: 0)
        storm(&building, container: 1)
        for index in 0..<100 { building.sample("u:main > u:work", at: Double(index) * 20, container: 2) }
        let findings = try #require(KernelReport(building.profile).findings)
        #expect(findings.map(\.container) == ["api", "logger"])
        let finding = findings[0]
        #expect(finding.pattern == "fadvise-dontneed-lru-drain" && finding.scope == .hostWide)
        #expect(finding.evidence.sharedWith == ["logger"])
        #expect(finding.evidence.path == ["generic_fadvise", "__lru_add_drain_all", "__mutex_lock"])
        #expect(finding.evidence.libcName == "posix_fadvise" && finding.evidence.callSite?.file == "log.c")
        #expect(finding.evidence.share.value == 1 && finding.confidence == .documented)
        #expect(finding.remedy.contains("GLOG_drop_log_memory=false"))
        #expect(finding.references.first == "https://github.com/google/glog/pull/145")
    }

    @Test(
        "Long hash chains of names are told with the kernel's own counts, and as a path that both containers run under")
    func longChains() throws {
        var building = ProfileBuilding()
        building.profile.containers = [Container(name: "filler"), Container(name: "reader")]
        building.profile.pressure = [
            PressureReading(
                container: nil, name: "dentry-state nr_negative", unit: "entries", before: 1_000, after: 40_001_000),
            PressureReading(container: nil, name: "cpu.pressure some total", unit: "µs", before: 0, after: 1),
        ]
        let look = "u:main@a.c:1 > u:/lib/libc.so.6!access#21 > do_syscall_64 > __x64_sys_access > path_lookupat"
        for index in 0..<200 {
            for container in [Int32(0), 1] {
                let inside = index.isMultiple(of: 2) ? "walk_component > lookup_fast > __d_lookup_rcu" : "getname"
                building.sample("\(look) > \(inside)", at: Double(index) * 20, container: container)
            }
        }
        let report = KernelReport(building.profile)
        let finding = try #require(report.findings?.first { $0.container == "reader" })
        #expect(finding.pattern == "dcache-hash-chain-negative-dentries" && finding.evidence.share.value == 0.5)
        let counter = Counter(name: "dentry-state nr_negative", unit: "entries", before: 1_000, after: 40_001_000)
        #expect(finding.evidence.counters == [counter])
        let path = try #require(report.sharedPaths?.first)
        #expect(path.path == ["walk_component", "__d_lookup_rcu"] || path.path == ["lookup_fast", "__d_lookup_rcu"])
        #expect(
            path.containers.map(\.container) == ["filler", "reader"] && path.containers.allSatisfy { $0.share == 0.5 })
        #expect(path.counters == [counter])
    }

    @Test("Silence where nothing is known, and no word at all where the kernel's symbols were hidden")
    func silence() {
        var building = ProfileBuilding()
        let write = "u:main@a.c:1 > u:/lib/libc.so.6!write#1 > do_syscall_64 > __x64_sys_write > vfs_write"
        for index in 0..<500 { building.sample("\(write) > copy_folio_from_iter_atomic", at: Double(index) * 20) }
        #expect(KernelReport(building.profile).findings == [])
        #expect(KernelReport(building.profile).sharedPaths == [])
        building.profile.recording.kernelSymbols = .hidden
        #expect(KernelReport(building.profile).findings == nil)
    }

    @Test("diff tells a pattern that only the candidate shows as new, and one that only the baseline shows as gone")
    func comparison() throws {
        var healthy = ProfileBuilding()
        var slow = ProfileBuilding()
        let write = "u:main@a.c:1 > u:/lib/libc.so.6!write#1 > do_syscall_64 > __x64_sys_write > vfs_write"
        for index in 0..<200 {
            healthy.sample(write, at: Double(index) * 20)
            slow.sample(write, at: Double(index) * 20)
        }
        storm(&slow, container: 0)
        let change = try Comparison(baseline: healthy.profile, candidate: slow.profile)
        let found = try #require(change.findings?.first)
        #expect(change.findings?.count == 1 && found.status == .new && found.pair == 0)
        #expect(found.finding.pattern == "fadvise-dontneed-lru-drain")
        // 100 waits of 5 ms beside 200 samples of as much.
        #expect(found.baselineShare == 0 && abs(found.candidateShare - 1.0 / 3) < 1e-5)
        let back = try Comparison(baseline: slow.profile, candidate: healthy.profile)
        #expect(back.findings?.map(\.status) == [.gone])
        let same = try Comparison(baseline: slow.profile, candidate: slow.profile)
        #expect(same.findings?.map(\.status) == [.both])
        #expect(try Comparison(baseline: healthy.profile, candidate: healthy.profile).findings == [])
    }
}
