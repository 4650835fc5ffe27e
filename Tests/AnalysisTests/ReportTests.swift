import ProfileModel
import Testing

@testable import Analysis

@Suite("What a report says")
struct ReportTests {
    static let enter = "entry_SYSCALL_64_after_hwframe > do_syscall_64"
    static let libc = "/usr/lib/x86_64-linux-gnu/libc.so.6"

    func row(_ profile: Profile, _ name: String, _ options: ReportOptions = ReportOptions()) throws -> EntryReport {
        let report = KernelReport(profile, options: options)
        return try #require(report.containers.flatMap(\.syscalls).first { $0.name == name })
    }

    @Test("rows are ranked by kernel time, by CPU or by wait, and shares are of the container's kernel time")
    func ranking() throws {
        var building = ProfileBuilding()
        // write: 3 × 5 ms on-CPU. fadvise64: 1 × 5 ms on-CPU and 20 ms asleep in a mutex. User time counts for nothing.
        for time in 0..<3 { building.sample("u:main > \(Self.enter) > __x64_sys_write", at: Double(time) * 100) }
        let fadvise = "u:main > \(Self.enter) > __x64_sys_fadvise64 > __lru_add_drain_all"
        building.sample(fadvise, at: 300)
        building.sample(
            "\(fadvise) > __mutex_lock.constprop.0 > schedule > __schedule", at: 400, kind: .blocked, weight: 20_000_000
        )
        building.sample("u:main", at: 500)

        let report = KernelReport(building.profile)
        let container = report.containers[0]
        #expect(container.syscalls.map(\.name) == ["fadvise64", "write"])
        #expect(container.syscalls.map(\.kernelTimeNanoseconds) == [25_000_000, 15_000_000])
        #expect(container.syscalls.map(\.share.value) == [0.625, 0.375])
        #expect(container.kernelTimeNanoseconds == 40_000_000)
        #expect(container.contendedWaitNanoseconds == 20_000_000)
        #expect(container.waits?.kernelLock == 20_000_000)
        #expect(container.kernelShare?.value == 0.8)
        #expect(container.samples == 5)
        #expect(report.confidence.offCPUSamples == 1)
        #expect(container.syscalls[0].libcName == "posix_fadvise")
        #expect(container.syscalls[0].hottestKernelFunction == "__lru_add_drain_all")
        #expect(container.syscalls[0].hottestThrough == "mutex")

        let byCPU = KernelReport(building.profile, options: ReportOptions(rankBy: .cpu, top: 1)).containers[0]
        #expect(byCPU.syscalls.map(\.name) == ["write"])
        #expect(byCPU.omittedRows == 1)
        let byWait = KernelReport(building.profile, options: ReportOptions(rankBy: .wait)).containers[0]
        #expect(byWait.syscalls.map(\.name) == ["fadvise64", "write"])
    }

    @Test("without the kernel's half there is no kernel share, in no report, comparison or check")
    func noKernelHalf() throws {
        var building = ProfileBuilding()
        for time in 0..<100 { building.sample("u:main", at: Double(time) * 100) }
        var blind = building.profile
        blind.recording.hasKernelHalf = false
        #expect(KernelReport(building.profile).containers[0].kernelShare?.value == 0)
        #expect(KernelReport(blind).containers[0].kernelShare == nil)
        let comparison = try Comparison(baseline: building.profile, candidate: blind)
        #expect(comparison.containers[0].baseline.kernelShare != nil)
        #expect(comparison.containers[0].candidate.kernelShare == nil)
        #expect(comparison.containers[0].kernelShareChange == nil)
        #expect(comparison.differences.contains { $0.fact == "kernel_half" })
        let limits = try ["kernel-share=40%", "write.share=10%"].map(CheckLimit.init(parsing:))
        let check = try CheckReport(candidate: blind, limits: limits)
        #expect(check.verdicts.map(\.outcome) == [.cannotTell, .cannotTell])
        #expect(check.verdicts[0].reason?.contains("kernel's half was not sampled") == true)
    }

    @Test("what was not measured is absent, never 0")
    func absence() throws {
        var building = ProfileBuilding()
        building.sample("u:main > \(Self.enter) > __x64_sys_write")
        let report = KernelReport(building.profile)
        let row = report.containers[0].syscalls[0]
        #expect(report.confidence.offCPUSamples == nil)
        #expect(report.containers[0].waits == nil)
        #expect(report.containers[0].cgroupKernelShare == nil)
        #expect(row.contendedWaitNanoseconds == nil)
        #expect(row.calls == nil)
        #expect(row.cpuPerCallNanoseconds == nil)
        #expect(row.latencyPerCallNanoseconds == nil)
    }

    @Test("costs of one call come from the times and the calls that were counted")
    func costs() throws {
        var building = ProfileBuilding(seconds: 10)
        let read = "u:main > \(Self.enter) > __x64_sys_read > vfs_read"
        // On-CPU in read 5 ms, and 5 ms of an interrupt that hit inside; 20 ms in a lock, 10 ms preempted, 100 ms by choice.
        building.sample(read)
        building.sample("\(read) > asm_common_interrupt > common_interrupt")
        building.sample("\(read) > down_read > rwsem_down_read_slowpath > schedule", kind: .blocked, weight: 20_000_000)
        building.sample(
            "\(read) > asm_sysvec_apic_timer_interrupt > irqentry_exit > preempt_schedule_irq > __schedule",
            kind: .preempted, weight: 10_000_000)
        building.sample("\(read) > pipe_read > schedule", kind: .blocked, weight: 100_000_000)
        // read is number 0. 60 + 40 calls.
        building.profile.syscallCounts = [
            SyscallCount(container: 0, number: 0, time: 0, calls: 60),
            SyscallCount(container: 0, number: 0, time: 5_000_000_000, calls: 40),
            SyscallCount(container: 0, number: 1, time: 0, calls: 1_000),
        ]
        let row = try row(building.profile, "read")
        #expect(row.calls == 100)
        #expect(row.callsPerSecond == 10)
        #expect(row.cpuPerCallNanoseconds == 50_000)
        #expect(row.waitPerCallNanoseconds == 200_000)
        // (5 + 5 + 20 + 10 + 100) ms / 100
        #expect(row.latencyPerCallNanoseconds == 1_400_000)
        #expect(row.waits?.preempted == 10_000_000)
        #expect(row.waits?.byChoice == 100_000_000)
        #expect(row.kernelTimeNanoseconds == 25_000_000)
    }

    @Test("the call site is the innermost user frame outside libc, and libc's own where there is nothing else")
    func callSites() throws {
        var building = ProfileBuilding()
        let libc = "u:\(Self.libc)!"
        // `!` in the builder separates the module from the function.
        let call = "\(Self.enter) > __x64_sys_fadvise64"
        building.sample(
            "u:main@main.cc:7 > u:LogFileObject::Write@logging.cc:1113 > \(libc)posix_fadvise64#221 > \(call)")
        building.sample(
            "u:main@main.cc:7 > u:LogFileObject::Write@logging.cc:1113 > \(libc)posix_fadvise64#221 > \(call)")
        // libc calls back into the application, which calls libc: the innermost application frame counts.
        building.sample("u:main@main.cc:7 > \(libc)qsort > u:compare@sort.cc:3 > \(libc)posix_fadvise64#221 > \(call)")
        building.sample("\(libc)start_thread > \(libc)posix_fadvise64#221 > \(call)")
        // A static program's wrapper is known by its name and by the number it loads.
        building.sample("u:main@main.cc:9 > u:__posix_fadvise64#221 > \(call)")
        building.sample("t:no-unwind-rows > \(call)")
        let sites = try row(building.profile, "fadvise64").callSites
        #expect(sites.map(\.function) == ["LogFileObject::Write", "compare", "main", "posix_fadvise64"])
        #expect(sites.map(\.line) == [1113, 3, 9, nil])
        #expect(sites.map(\.kernelTimeNanoseconds) == [10_000_000, 5_000_000, 5_000_000, 5_000_000])
        #expect(sites[0].file == "logging.cc")
        #expect(sites[3].module == Self.libc)
    }

    @Test("an interrupt has no call site: it would have hit anybody")
    func interruptsHaveNoCallSite() throws {
        var building = ProfileBuilding()
        building.sample("u:main > asm_common_interrupt > common_interrupt")
        #expect(try row(building.profile, "interrupt (device)").callSites.isEmpty)
    }

    @Test("time in lock code is charged to the nearest caller that is none, and spinning is told apart")
    func lockCode() throws {
        var building = ProfileBuilding()
        let call = "u:main > \(Self.enter) > __x64_sys_openat > path_openat > lookup_open"
        building.sample("\(call) > _raw_spin_lock > native_queued_spin_lock_slowpath")
        building.sample("\(call) > down_write > rwsem_down_write_slowpath > osq_lock")
        building.sample("\(call) > _raw_spin_lock")
        building.sample("\(call) > d_alloc")
        let row = try row(building.profile, "openat")
        #expect(row.hottestKernelFunction == "lookup_open")
        // Two spinlock samples against one of the rwsem; three in all.
        #expect(row.hottestThrough == "spinlock")
        #expect(row.hottestNanoseconds == 15_000_000)
        // The fast path's own time is no proof of contention.
        #expect(row.spinNanoseconds == 10_000_000)
    }

    @Test("cpu-clock's samples at the unlock are charged to its caller and marked, those of cycles are not")
    func interruptsOff() throws {
        let stack = "u:main > \(Self.enter) > __x64_sys_write > pipe_write > __wake_up > _raw_spin_unlock_irqrestore"
        var clock = ProfileBuilding(event: "cpu-clock")
        clock.sample(stack)
        #expect(try row(clock.profile, "write").hottestKernelFunction == "__wake_up")
        #expect(try row(clock.profile, "write").hottestThrough == "interrupts were off")
        #expect(try row(clock.profile, "write").spinNanoseconds == 0)
        var cycles = ProfileBuilding(event: "cycles")
        cycles.sample(stack)
        #expect(try row(cycles.profile, "write").hottestKernelFunction == "_raw_spin_unlock_irqrestore")
    }

    @Test(
        "blocked time falls into its class",
        arguments: [
            ("__x64_sys_fadvise64 > __lru_add_drain_all > __mutex_lock > schedule > __schedule", WaitClass.kernelLock),
            ("__x64_sys_mmap > down_write_killable > rwsem_down_write_slowpath > schedule", .kernelLock),
            ("__x64_sys_clone > cgroup_can_fork > percpu_down_read > __percpu_down_read > schedule", .kernelLock),
            ("__x64_sys_fadvise64 > __lru_add_drain_all > __flush_work > __wait_for_common > schedule", .kernelWait),
            ("__x64_sys_umount > synchronize_rcu_expedited > schedule", .kernelWait),
            ("__x64_sys_ioctl > driver > wait_for_completion > __wait_for_common > schedule", .kernelWait),
            ("__x64_sys_fsync > ext4_sync_file > jbd2_log_wait_commit > schedule", .diskIO),
            ("__x64_sys_read > filemap_read > folio_wait_bit_common > io_schedule > schedule", .diskIO),
            ("__x64_sys_fsync > submit_bio_wait > wait_for_completion_io > schedule", .diskIO),
            ("__x64_sys_write > balance_dirty_pages > io_schedule_timeout > schedule_timeout", .memory),
            ("__x64_sys_write > try_charge_memcg > try_to_free_mem_cgroup_pages > shrink_node > schedule", .memory),
            ("__x64_sys_futex > futex_wait > futex_wait_queue > schedule", .byChoice),
            ("__x64_sys_futex > futex_lock_pi > rt_mutex_wait_proxy_lock > schedule", .byChoice),
            ("__x64_sys_epoll_wait > do_epoll_wait > schedule_hrtimeout_range > schedule", .byChoice),
            ("__x64_sys_clone > kernel_clone > wait_for_vfork_done > wait_for_completion_state > schedule", .byChoice),
            ("__x64_sys_wait4 > do_wait > schedule", .byChoice),
            ("__x64_sys_flock > locks_lock_inode_wait > schedule", .byChoice),
            ("__x64_sys_read > sock_read > schedule_timeout", .byChoice),
            // A lock inside a call that is meant to wait is a lock all the same.
            ("__x64_sys_read > inode_lock > rwsem_down_read_slowpath > schedule", .kernelLock),
            ("__x64_sys_mprotect > somewhere_unknown > schedule", .other),
        ])
    func waitClasses(stack: String, expected: WaitClass) throws {
        var building = ProfileBuilding()
        building.sample("u:main > \(Self.enter) > \(stack)", kind: .blocked, weight: 7)
        var waits = Waits()
        waits.add(7, to: expected)
        #expect(KernelReport(building.profile).containers[0].waits == waits)
    }

    @Test("a preempted thread is not blocked, whatever its stack")
    func preempted() {
        var building = ProfileBuilding()
        building.sample(
            "u:main > \(Self.enter) > __x64_sys_mmap > rwsem_down_write_slowpath", kind: .preempted, weight: 9)
        let container = KernelReport(building.profile).containers[0]
        #expect(container.waits?.preempted == 9)
        #expect(container.contendedWaitNanoseconds == 0)
    }

    @Test("files whose symbols were skipped are warned of by name, three of them, with the reason")
    func skippedSymbols() {
        #expect(ConfidenceWarnings.ofNames(skipped: [:]).isEmpty)
        #expect(
            ConfidenceWarnings.ofNames(skipped: ["/b": "malformed", "/a": "budget"])
                == ["symbols skipped, so that names are missing: /a (budget), /b (malformed)"])
        let many = Dictionary(uniqueKeysWithValues: (1...5).map { ("/\($0)", "budget") })
        #expect(
            ConfidenceWarnings.ofNames(skipped: many)
                == ["symbols skipped, so that names are missing: /1 (budget), /2 (budget), /3 (budget) and 2 more"])
        var building = ProfileBuilding()
        for index in 0..<100 { building.sample("u:main", at: Double(index)) }
        #expect(KernelReport(building.profile).confidence.warnings.isEmpty)
        for index in building.profile.modules.indices { building.profile.modules[index].symbolsSkipped = "budget" }
        #expect(KernelReport(building.profile).confidence.warnings.count == 1)
    }

    @Test("the cgroup's own count is a witness: more than three points apart, and than chance explains, is a warning")
    func witness() {
        func warnings(
            seconds: Double, systemShare: Double, samples: Int = 20_000, cpuSeconds: Double = 80
        ) -> [String] {
            var building = ProfileBuilding(seconds: seconds)
            for index in 0..<samples {
                let stack = index.isMultiple(of: 2) ? "u:main" : "u:main > \(Self.enter) > __x64_sys_read"
                building.sample(stack, at: Double(index))
            }
            let cpu = cpuSeconds * 1e9
            let system = Int64(cpu * systemShare)
            building.profile.containers[0].cgroupTimes = CPUTimes(
                userNanoseconds: Int64(cpu) - system, systemNanoseconds: system)
            return KernelReport(building.profile).containers[0].warnings
        }
        // The samples say 50 %. 20,000 samples and 20,000 ticks of 4 ms: 1.96 × √(0.25 × 2/20,000) is 1.0 points.
        #expect(warnings(seconds: 4, systemShare: 0.529).isEmpty)
        #expect(warnings(seconds: 4, systemShare: 0.531).count == 1)
        #expect(warnings(seconds: 4, systemShare: 0.469).count == 1)
        #expect(warnings(seconds: 3, systemShare: 0.9).isEmpty)
        // 1 s of CPU time has 250 ticks, and 200 samples: 1.96 × √(0.25 × (1/200 + 1/250)) is 9.3 points.
        #expect(warnings(seconds: 4, systemShare: 0.59, samples: 200, cpuSeconds: 1).isEmpty)
        #expect(warnings(seconds: 4, systemShare: 0.60, samples: 200, cpuSeconds: 1).count == 1)
        #expect(
            warnings(seconds: 4, systemShare: 0.9, samples: 50).map { $0.contains("only 50 samples") } == [true])
    }

    @Test("poor recordings say so")
    func confidence() {
        var building = ProfileBuilding(seconds: 10)
        for _ in 0..<8 { building.sample("u:main > \(Self.enter) > __x64_sys_read") }
        building.sample("t:no-unwind-rows > u:deep > \(Self.enter) > __x64_sys_read")
        building.sample("t:stack-copy-too-short > u:deep > \(Self.enter) > __x64_sys_read")
        building.profile.recording.finished = false
        building.profile.recording.losses = Losses(
            lostRecords: 12, lostSamples: 10, throttledNanoseconds: 1_000_000_000, throttledIntervals: 3,
            undecodableRecords: 1)
        let confidence = KernelReport(building.profile).confidence
        #expect(confidence.completeStacksShare == 0.8)
        #expect(confidence.completeStacks == 8)
        #expect(confidence.stacks == 10)
        #expect(confidence.truncations == ["no-unwind-rows": 1, "stack-copy-too-short": 1])
        func says(_ words: String) -> Bool { confidence.warnings.contains { $0.contains(words) } }
        #expect(says("unfinished"))
        // 10 lost of 20; 1 s of 2 CPUs × 10 s.
        #expect(says("10 samples were lost (50.0 % of all)"))
        #expect(says("3 times (5.0 % of the time)"))
        #expect(says("made no sense"))
        #expect(says("2 of 10 stacks (20.0 %)"))
        #expect(says("no-unwind-rows: 1, stack-copy-too-short: 1"))
        #expect(says("only 10 samples"))
    }

    @Test("idle time is nobody's, and time in other containers is theirs")
    func containersApart() {
        var building = ProfileBuilding()
        building.profile.containers.append(Container(name: "logger", id: "abcdef", cgroup: "/demo/logger"))
        building.sample("u:main > \(Self.enter) > __x64_sys_read")
        building.sample("cpu_startup_entry > do_idle")
        for _ in 0..<2 { building.sample("u:main > \(Self.enter) > __x64_sys_write", container: 1) }
        let all = KernelReport(building.profile)
        #expect(all.containers.map(\.name) == ["logger", "api"])
        #expect(all.containers.map(\.samples) == [2, 1])
        #expect(all.containers.map { $0.syscalls.map(\.name) } == [["write"], ["read"]])
        for query in ["logger", "abc", "demo/logger", "/demo/logger"] {
            let one = KernelReport(building.profile, options: ReportOptions(container: query))
            #expect(one.containers.map(\.name) == ["logger"], "\(query)")
        }
        #expect(KernelReport(building.profile, options: ReportOptions(container: "log")).containers.isEmpty)
    }

    @Test("by function and by caller, each row says what it is mostly in")
    func otherViews() throws {
        var building = ProfileBuilding()
        building.sample("u:main > u:copy@c.c:1 > \(Self.enter) > __x64_sys_read > copy_to_user")
        building.sample("u:main > u:copy@c.c:1 > \(Self.enter) > __x64_sys_read > copy_to_user")
        building.sample("u:main > u:copy@c.c:1 > \(Self.enter) > __x64_sys_write > copy_to_user")
        building.sample("u:main > u:send@s.c:2 > \(Self.enter) > __x64_sys_write > vfs_write")
        let functions = try #require(
            KernelReport(building.profile, options: ReportOptions(view: .function)).containers[0].functions)
        #expect(functions.map(\.function) == ["copy_to_user", "vfs_write"])
        #expect(functions.map(\.share.value) == [0.75, 0.25])
        #expect(functions.map(\.mostlyIn.name) == ["read", "write"])
        let callers = try #require(
            KernelReport(building.profile, options: ReportOptions(view: .caller)).containers[0].callers)
        #expect(callers.map(\.place.function) == ["copy", "send"])
        #expect(callers.map(\.place.line) == [1, 2])
        #expect(callers.map(\.share.value) == [0.75, 0.25])
    }

    @Test("calls of an ambiguous row are those of all it may be, unless one of them has its own row")
    func ambiguousCalls() throws {
        var building = ProfileBuilding()
        building.sample("u:main > \(Self.enter) > do_faccessat")
        // access 21, faccessat 269.
        building.profile.syscallCounts = [
            SyscallCount(container: 0, number: 21, time: 0, calls: 3),
            SyscallCount(container: 0, number: 269, time: 0, calls: 4),
        ]
        #expect(try row(building.profile, "access|faccessat|faccessat2").calls == 7)
        building.sample("u:main > \(Self.enter) > __x64_sys_faccessat")
        #expect(try row(building.profile, "access|faccessat|faccessat2").calls == nil)
    }
}

@Suite("One call in detail")
struct DetailTests {
    static let enter = "entry_SYSCALL_64_after_hwframe > do_syscall_64"

    @Test("the kernel tree goes inwards from the entry, the call tree outwards from the call site")
    func trees() throws {
        var building = ProfileBuilding()
        let call = "\(Self.enter) > __x64_sys_fadvise64 > generic_fadvise"
        building.sample("u:main@a.c:1 > u:log@a.c:5 > \(call) > __lru_add_drain_all")
        building.sample("u:main@a.c:1 > u:log@a.c:5 > \(call) > invalidate_mapping_pages")
        building.sample("u:main@a.c:2 > u:log@a.c:5 > \(call) > invalidate_mapping_pages")
        building.sample(
            "u:main@a.c:2 > u:flush@a.c:9 > \(call) > __lru_add_drain_all > __mutex_lock.constprop.0 > schedule > __schedule",
            kind: .blocked, weight: 25_000_000)
        building.sample("u:main@a.c:2 > \(Self.enter) > __x64_sys_read")
        let detail = SyscallDetail(building.profile, syscall: "posix_fadvise")
        let container = try #require(detail.containers.first)
        // 3 × 5 ms and 25 ms.
        #expect(container.kernelTimeNanoseconds == 40_000_000)
        #expect(
            container.kernelTree.map { "\($0.depth) \($0.function ?? "-") \($0.share)" } == [
                "0 __x64_sys_fadvise64 1.0", "1 generic_fadvise 1.0", "2 __lru_add_drain_all 0.75",
                "3 __mutex_lock 0.625", "2 invalidate_mapping_pages 0.25",
            ])
        #expect(container.kernelTree.map(\.selfNanoseconds) == [0, 0, 5_000_000, 25_000_000, 10_000_000])
        #expect(container.kernelTree[2].contendedWaitNanoseconds == 25_000_000)
        #expect(
            container.callTree.map { "\($0.depth) \($0.place?.function ?? "-") \($0.place?.line ?? 0) \($0.share)" }
                == [
                    "0 flush 9 0.625", "1 main 2 0.625", "0 log 5 0.375", "1 main 1 0.25", "1 main 2 0.125",
                ])
        #expect(container.entries.map(\.name) == ["fadvise64"])
    }

    @Test("a stack cut short and a recursion end with the reason")
    func cuts() throws {
        var building = ProfileBuilding()
        building.sample("t:no-unwind-rows > u:inner > \(Self.enter) > __x64_sys_read")
        let recursion = (0..<100).map { "u:f@r.c:\($0)" }.joined(separator: " > ")
        building.sample("\(recursion) > \(Self.enter) > __x64_sys_read")
        let rows = try #require(SyscallDetail(building.profile, syscall: "read").containers.first?.callTree)
        #expect(rows.filter { $0.cut != nil }.map(\.cut) == ["more", "no-unwind-rows"])
        #expect(rows.first { $0.cut == "more" }?.depth == 64)
    }

    @Test("branches below a hundredth are left out")
    func pruning() throws {
        var building = ProfileBuilding()
        building.sample("u:main > \(Self.enter) > __x64_sys_read > heavy", weight: 995)
        building.sample("u:main > \(Self.enter) > __x64_sys_read > light", weight: 5)
        let tree = try #require(SyscallDetail(building.profile, syscall: "read").containers.first?.kernelTree)
        #expect(tree.map(\.function) == ["__x64_sys_read", "heavy"])
    }

    @Test("a call that does not occur is answered with those that do")
    func unknown() {
        var building = ProfileBuilding()
        building.sample("u:main > \(Self.enter) > __x64_sys_read")
        let detail = SyscallDetail(building.profile, syscall: "reed")
        #expect(detail.containers.isEmpty)
        #expect(detail.knownNames == ["read"])
    }
}
