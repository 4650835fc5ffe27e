import Analysis
import FoundationEssentials
import ProfileModel
import Testing

@testable import Reports

/// Whole reports compared with files. After a change that is meant, rewrite them and read what `git diff` says:
///
///     REWRITE_GOLDEN=1 swift test --filter ReportsTests
@Suite("Whole reports are as they were")
struct GoldenTests {
    @Test(
        "text", arguments: ReportView.allCases, [80, 120])
    func text(view: ReportView, width: Int) throws {
        let report = KernelReport(Example.onCPU(), options: ReportOptions(view: view))
        try compare(
            TextRenderer(width: width, colour: false).render(report), with: "on-cpu-\(view.rawValue)-\(width).txt")
    }

    @Test("text with waits and calls", arguments: [80, 120, 160])
    func waits(width: Int) throws {
        let report = KernelReport(Example.withWaits())
        try compare(TextRenderer(width: width, colour: false).render(report), with: "waits-\(width).txt")
    }

    @Test("text of one call", arguments: [80, 120])
    func detail(width: Int) throws {
        let detail = SyscallDetail(Example.withWaits(), syscall: "posix_fadvise")
        try compare(TextRenderer(width: width, colour: false).render(detail), with: "detail-\(width).txt")
    }

    @Test("text of locks, shared paths and findings, by lock and in each container's section", arguments: [80, 120])
    func locks(width: Int) throws {
        let renderer = TextRenderer(width: width, colour: false)
        let byLock = KernelReport(Example.locks(), options: ReportOptions(view: .lock))
        try compare(renderer.render(byLock), with: "locks-\(width).txt")
        try compare(renderer.render(KernelReport(Example.locks())), with: "locks-in-containers-\(width).txt")
    }

    @Test("the list of patterns, and one in full")
    func patterns() throws {
        let renderer = TextRenderer(width: 100, colour: false)
        try compare(renderer.render(PatternCatalogue.all), with: "patterns.txt")
        let one = try #require(PatternCatalogue.pattern(named: "dcache-hash-chain-negative-dentries"))
        try compare(renderer.render(one), with: "pattern.txt")
        try compare(JSONRenderer().render([one]), with: "pattern.json")
    }

    @Test("text in colour")
    func colour() throws {
        let report = KernelReport(Example.onCPU(), options: ReportOptions(top: 2))
        try compare(TextRenderer(width: 100, colour: true).render(report), with: "on-cpu-colour.txt")
    }

    @Test("JSON")
    func json() throws {
        let renderer = JSONRenderer()
        try compare(renderer.render(KernelReport(Example.onCPU())), with: "on-cpu.json")
        try compare(renderer.render(KernelReport(Example.withWaits())), with: "waits.json")
        try compare(renderer.render(KernelReport(Example.locks())), with: "locks.json")
        try compare(
            renderer.render(SyscallDetail(Example.withWaits(), syscall: "posix_fadvise")), with: "detail.json")
        try compare(renderer.render(KernelReport(Example.hostileNames())), with: "hostile.json")
    }

    @Test("JSON reads back as the very report it was made of")
    func roundTrip() throws {
        for profile in [Example.onCPU(), Example.withWaits(), Example.locks(), Example.hostileNames()] {
            for view in ReportView.allCases {
                let report = KernelReport(profile, options: ReportOptions(view: view))
                let json = try JSONRenderer().render(report)
                #expect(try JSONDecoder().decode(KernelReport.self, from: Data(json.utf8)) == report)
            }
            let detail = SyscallDetail(profile, syscall: "write")
            let json = try JSONRenderer().render(detail)
            #expect(try JSONDecoder().decode(SyscallDetail.self, from: Data(json.utf8)) == detail)
        }
    }

    @Test("names that would act on the terminal", arguments: [80, 120])
    func hostileNames(width: Int) throws {
        let report = KernelReport(Example.hostileNames())
        try compare(TextRenderer(width: width, colour: false).render(report), with: "hostile-\(width).txt")
    }

    private func compare(_ text: String, with name: String) throws { try Self.compare(text, with: name) }

    static func compare(_ text: String, with name: String) throws {
        var folder = #filePath
        if let slash = folder.lastIndex(of: "/") { folder = String(folder[..<slash]) }
        let path = "\(folder)/Fixtures/\(name)"
        if ProcessInfo.processInfo.environment["REWRITE_GOLDEN"] == "1" {
            try Data(text.utf8).write(to: URL(filePath: path))
            return
        }
        let golden = try String(decoding: Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        #expect(text == golden, "\(name) differs; REWRITE_GOLDEN=1 rewrites it")
    }
}

/// The recordings that the golden files show.
enum Example {
    static let enter = "entry_SYSCALL_64_after_hwframe > do_syscall_64"
    static let libc = "/usr/lib/x86_64-linux-gnu/libc.so.6"

    /// Two containers on their CPUs for ten seconds: a storm of posix_fadvise, and one that works for itself.
    static func onCPU() -> Profile {
        var building = base()
        let log = "u:main@logger.cc:40 > u:google::LogFileObject::Write(bool, long, char const*, int)@logging.cc:1113"
        let fadvise = "\(log) > u:\(libc)!posix_fadvise64#221 > \(enter) > __x64_sys_fadvise64 > generic_fadvise"
        let write = "\(log) > u:\(libc)!__libc_write#1 > \(enter) > __x64_sys_write > vfs_write"
        for index in 0..<1_000 {
            let time = Double(index) * 10
            switch index % 10 {
            case 0..<4:
                building.sample("\(fadvise) > __lru_add_drain_all > mutex_lock > __mutex_lock.constprop.0", at: time)
            case 4: building.sample("\(fadvise) > __lru_add_drain_all > mutex_spin_on_owner", at: time)
            case 5: building.sample("\(fadvise) > invalidate_mapping_pages", at: time)
            case 6: building.sample("\(write) > copy_folio_from_iter_atomic", at: time)
            case 7 where index % 3 == 0: building.sample("\(write) > asm_common_interrupt > common_interrupt", at: time)
            case 7: building.sample("\(log) > asm_exc_page_fault > exc_page_fault > do_user_addr_fault", at: time)
            case 8: building.sample("\(log) > u:\(libc)!access > \(enter) > do_faccessat > user_path_at", at: time)
            default: building.sample("\(log) > u:format@format.h:9", at: time)
            }
            if index.isMultiple(of: 2) {
                building.sample("u:main@work.c:3 > u:spin@work.c:12", at: time, container: 1)
            }
        }
        building.sample("t:no-unwind-rows > \(enter) > __x64_sys_openat > do_sys_openat2", at: 9_995, container: 1)
        return building.profile
    }

    /// The same storm as it is when sleepers and calls were recorded too.
    static func withWaits() -> Profile { waiting().profile }

    private static func waiting() -> ProfileBuilding {
        var building = base()
        let log = "u:main@logger.cc:40 > u:LogFileObject::Write@logging.cc:1113"
        let fadvise = "\(log) > u:\(libc)!posix_fadvise64#221 > \(enter) > __x64_sys_fadvise64 > generic_fadvise"
        let write = "\(log) > u:\(libc)!__libc_write#1 > \(enter) > __x64_sys_write > vfs_write"
        let mutex = "\(fadvise) > __lru_add_drain_all > __mutex_lock.constprop.0"
        for index in 0..<500 {
            let time = Double(index) * 20
            building.sample("\(mutex) > mutex_spin_on_owner", at: time)
            building.sample("\(mutex) > schedule > __schedule", at: time, kind: .blocked, weight: 12_000_000)
            building.sample("\(fadvise) > __lru_add_drain_all > __flush_work > schedule", at: time, kind: .blocked)
            building.sample("\(write) > copy_folio_from_iter_atomic", at: time)
            building.sample("\(log) > u:format@format.h:9", at: time)
            building.sample(
                "\(log) > u:\(libc)!futex > \(enter) > __x64_sys_futex > futex_wait > schedule", at: time,
                kind: .blocked)
            building.sample(
                "\(log) > asm_sysvec_apic_timer_interrupt > schedule", at: time, kind: .preempted, weight: 900_000)
        }
        building.profile.syscallCounts = [
            SyscallCount(container: 0, number: 221, time: 0, calls: 92_140),
            SyscallCount(container: 0, number: 1, time: 0, calls: 881_200),
        ]
        building.profile.recording.losses.lostRecords = 3
        return building
    }

    /// Two containers that wait for one mutex, threads that wait for each other only, and a path without a lock.
    static func locks() -> Profile {
        var building = waiting()
        building.profile.recording.hasLocks = true
        building.profile.pressure.append(
            PressureReading(
                container: nil, name: "dentry-state nr_negative", unit: "entries", before: 1_204, after: 4_001_204))
        let mutex = 0
        let churn = 1
        building.profile.locks = [
            Lock(address: VirtualAddress(0xffff_ffff_8311_c660), kind: .mutex),
            Lock(address: VirtualAddress(0xffff_8881_0251_d128), kind: .rwsem),
            Lock(address: VirtualAddress(0xffff_ffff_8320_0040), kind: .rwlock, symbol: "tasklist_lock"),
        ]
        let fadvise = "u:main@worker.c:3 > u:drop@worker.c:7 > u:\(libc)!posix_fadvise64#221 > \(enter)"
        let drain = "> __x64_sys_fadvise64 > generic_fadvise > __lru_add_drain_all > __mutex_lock.constprop.0"
        let log =
            "u:main@logger.cc:40 > u:LogFileObject::Write@logging.cc:1113 > u:\(libc)!posix_fadvise64#221 > \(enter)"
        let map = "u:main@worker.c:3 > u:\(libc)!mmap#9 > \(enter) > vm_mmap_pgoff > down_write_killable"
        let waits: [(String, Int, Int, Int64, Int64)] = [
            ("\(log) \(drain)", 0, mutex, 12_300, 5_100_000_000),
            ("\(fadvise) \(drain)", 1, mutex, 3_700, 1_400_000_000),
            ("\(map) > rwsem_down_write_slowpath", 1, churn, 810, 620_000_000), ("", 1, 2, 9, 1_000_000),
        ]
        for (stack, container, lock, contentions, waited) in waits {
            let node = building.stack(stack)
            building.profile.lockWaits.append(
                LockWait(
                    time: 0, container: container, process: node < 0 ? nil : 0, stack: node, lock: lock,
                    contentions: contentions, waited: waited))
        }
        building.profile.lockHolds = [
            LockHold(lock: mutex, waiter: 0, holder: 0, waited: 3_000_000_000),
            LockHold(lock: mutex, waiter: 0, holder: 1, waited: 1_900_000_000),
            LockHold(lock: mutex, waiter: 1, holder: 0, waited: 1_200_000_000),
            LockHold(lock: churn, waiter: 1, holder: 1, waited: 600_000_000),
        ]
        let look = "\(enter) > __x64_sys_access > path_lookupat > walk_component > lookup_fast > __d_lookup_rcu"
        for index in 0..<200 {
            building.sample("u:main@work.c:3 > u:\(libc)!access#21 > \(look)", at: Double(index) * 20, container: 1)
            building.sample("u:main@logger.cc:44 > u:\(libc)!access#21 > \(look)", at: Double(index) * 20)
        }
        return building.profile
    }

    /// A container whose names try to act on the terminal, of a recording that was killed.
    static func hostileNames() -> Profile {
        var building = base()
        let bytes: [UInt8] = [0x62, 0xFF, 0x1B, 0x5B, 0x32, 0x4A]
        building.profile.containers = [
            Container(
                name: String(losslesslyDecoding: bytes), id: "\u{9B}31m", runtime: "docker",
                image: "shop/\u{202E}ipa\nfake line", cgroup: "/a")
        ]
        building.sample("u:line\u{2028}sep@a\tb.c:1 > \(enter) > __x64_sys_read > evil\u{1B}]0;title\u{7}", at: 1)
        building.sample("u:表示幅の検査@表.c:1 > \(enter) > __x64_sys_write > vfs_write", at: 2)
        building.profile.recording.finished = false
        building.profile.recording.notes = ["no \u{1B}[31mred\u{1B}[0m here"]
        return building.profile
    }

    private static func base() -> ProfileBuilding {
        var building = ProfileBuilding()
        building.profile.containers = [
            Container(
                name: "logger", id: "3f2ab8c1d0e94b7f8a6c5d4e3f2a1b0c", runtime: "docker", image: "shop/logger:14",
                cgroup: "/docker/3f2ab8c1d0e94b7f8a6c5d4e3f2a1b0c",
                cgroupTimes: CPUTimes(userNanoseconds: 1_000_000_000, systemNanoseconds: 9_050_000_000)),
            Container(name: "worker", cgroup: "/demo/worker"),
        ]
        building.profile.recording.losses.recorderCPUNanoseconds = 60_000_000
        return building
    }
}
