import ProfileModel
import Testing

@testable import Analysis

@Suite("Locks") struct LockReportTests {
    private static let enter = "u:main@log.c:9 > u:/lib/libc.so.6!posix_fadvise64#221 > do_syscall_64"
    private static let drain = "\(enter) > __x64_sys_fadvise64 > generic_fadvise > __lru_add_drain_all"
    private static let mmap = "u:main@a.c:1 > u:/lib/libc.so.6!mmap#9 > do_syscall_64 > vm_mmap_pgoff"

    private func building(_ names: String...) -> ProfileBuilding {
        var building = ProfileBuilding()
        building.profile.containers = names.map { Container(name: $0) }
        building.profile.recording.hasLocks = true
        return building
    }

    @Test("One mutex of two containers: its name, both shares, both calls, and the bound of what each could win")
    func shared() throws {
        var building = building("api", "logger")
        let lock = building.lock(.mutex)
        // Of 10 s: 30 s by api's threads, 10 s by logger's.
        building.wait("\(Self.drain) > __mutex_lock.constprop.0", lock, container: 0, seconds: 30, contentions: 300)
        building.wait("\(Self.drain) > __mutex_lock.constprop.0", lock, container: 1, seconds: 10, contentions: 50)
        building.hold(lock, waiter: 0, holder: 1, seconds: 20)
        building.hold(lock, waiter: 1, holder: 1, seconds: 4)
        let found = try #require(KernelReport(building.profile).locks?.first)
        #expect(found.name == "mutex in __lru_add_drain_all" && found.kind == "mutex" && found.scope == .shared)
        #expect(found.waitNanoseconds == 40_000_000_000 && found.contentions == 350)
        #expect(found.waiters.map(\.container) == ["api", "logger"] && found.waiters.map(\.share) == [0.75, 0.25])
        #expect(found.waiters.map(\.boundOfGain) == [3, 1])
        #expect(found.waiters[0].libcName == "posix_fadvise" && found.waiters[0].callSite?.line == 9)
        #expect(
            found.holders == [
                LockHolder(container: "logger", waitNanoseconds: 24_000_000_000, share: 0.6, inferred: true)
            ])
    }

    @Test("Threads of one container among themselves: its own affair, by the process whose address space it is")
    func own() throws {
        var building = building("churn", "innocent")
        let lock = building.lock(.rwsem)
        building.wait("\(Self.mmap) > down_write_killable > rwsem_down_write_slowpath", lock, container: 0, seconds: 5)
        building.hold(lock, waiter: 0, holder: 0, seconds: 5)
        for index in 0..<100 { building.sample("u:main > u:work", at: Double(index) * 20, container: 1) }
        let report = KernelReport(building.profile)
        let found = try #require(report.locks?.first)
        #expect(found.name == "mmap_lock of app(100)" && found.scope == .own)
        #expect(found.waiters.map(\.container) == ["churn"] && found.holders.map(\.container) == ["churn"])
        #expect(KernelReport(building.profile, options: ReportOptions(container: "innocent")).locks == [])
    }

    @Test("A lock that only one container waits for, and another one probably holds, is shared")
    func heldByAnother() throws {
        var building = building("victim", "monitor")
        let lock = building.lock(.rwsem)
        building.wait("\(Self.mmap) > down_write_killable > rwsem_down_write_slowpath", lock, container: 0, seconds: 5)
        building.hold(lock, waiter: 0, holder: 1, seconds: 4)
        let found = try #require(KernelReport(building.profile).locks?.first)
        #expect(found.scope == .shared && found.holders.map(\.container) == ["monitor"])
    }

    @Test("A lock is called by its variable; one that says nothing goes with the function that takes it")
    func names() throws {
        var building = building("api")
        for (kind, symbol) in [(LockKind.mutex, "cgroup_mutex"), (.mutex, "lock"), (.mutex, "lock.3"), (.rwlock, nil)] {
            let lock = building.lock(kind, symbol: symbol)
            building.wait("\(Self.drain) > mutex_lock > __mutex_lock", lock, container: 0, seconds: 1)
        }
        let unseen = building.lock(.spinlock)
        building.wait("", unseen, container: 0, seconds: 1)
        let names = try #require(KernelReport(building.profile).locks).map(\.name)
        #expect(
            names == [
                "cgroup_mutex", "lock in __lru_add_drain_all", "lock.3 in __lru_add_drain_all",
                "rwlock in __lru_add_drain_all", "spinlock at 0x1005",
            ])
    }

    @Test(
        "What is waited for less than a hundredth of the time is not listed but counted, and who has a hundredth not named"
    )
    func little() throws {
        var building = building("api", "logger")
        let lock = building.lock(.mutex)
        building.wait("\(Self.drain) > __mutex_lock", lock, container: 0, seconds: 1)
        building.wait("\(Self.drain) > __mutex_lock", lock, container: 1, seconds: 0.009)
        let small = building.lock(.spinlock)
        building.wait("\(Self.drain) > __mutex_lock", small, container: 0, seconds: 0.009)
        let report = KernelReport(building.profile)
        #expect(report.locks?.map(\.address) == ["0x1001"] && report.omittedLocks == 1)
        #expect(report.locks?.first?.waiters.map(\.container) == ["api"] && report.locks?.first?.scope == .own)
    }

    @Test("A run queue's lock, which all take that share a CPU, is listed from a twentieth of the time on")
    func runQueue() throws {
        for (seconds, isListed) in [(0.4, false), (0.6, true)] {
            var building = building("api")
            let lock = building.lock(.spinlock)
            building.wait(
                "u:main > asm_sysvec_apic_timer_interrupt > sched_tick > _raw_spin_lock > native_queued_spin_lock_slowpath",
                lock, container: 0, seconds: seconds)
            #expect(KernelReport(building.profile).locks?.map(\.name) == (isListed ? ["run queue's lock"] : []))
        }
    }

    @Test("A wait inside an interrupt is the interrupt's, not the call's that it interrupted")
    func interrupts() throws {
        var building = building("api")
        let lock = building.lock(.spinlock)
        building.wait(
            "\(Self.drain) > asm_common_interrupt > common_interrupt > handler > _raw_spin_lock > "
                + "native_queued_spin_lock_slowpath", lock, container: 0, seconds: 1)
        let found = try #require(KernelReport(building.profile).locks?.first)
        #expect(found.name == "spinlock in handler")
        #expect(found.waiters.first?.syscall == "interrupt (device)" && found.waiters.first?.callSite == nil)
    }

    @Test("Where locks were not recorded there is nothing to say of them, which is not the same as none")
    func notRecorded() {
        #expect(KernelReport(ProfileBuilding().profile).locks == nil)
        #expect(KernelReport(building("api").profile).locks == [])
    }

    @Test("Waits for locks add nothing to the times of calls, which have them already")
    func secondView() {
        var building = building("api")
        building.sample("\(Self.drain) > __mutex_lock > schedule", kind: .blocked)
        let before = KernelReport(building.profile).containers[0]
        building.wait("\(Self.drain) > __mutex_lock", building.lock(.mutex), container: 0, seconds: 1)
        #expect(KernelReport(building.profile).containers[0] == before)
    }
}

extension ProfileBuilding {
    /// - Returns: index of the lock; addresses are 0x1001, 0x1002 …
    mutating func lock(_ kind: LockKind, symbol: String? = nil) -> Int {
        profile.locks.append(
            Lock(address: VirtualAddress(0x1001 + UInt64(profile.locks.count)), kind: kind, symbol: symbol))
        return profile.locks.count - 1
    }

    mutating func wait(
        _ stack: String, _ lock: Int, container: Int, seconds: Double, contentions: Int64 = 1
    ) {
        let node = self.stack(stack)
        profile.lockWaits.append(
            LockWait(
                time: 0, container: container, process: node < 0 ? nil : 0, stack: node, lock: lock,
                contentions: contentions, waited: Int64((seconds * 1e9).rounded())))
    }

    mutating func hold(_ lock: Int, waiter: Int, holder: Int, seconds: Double) {
        profile.lockHolds.append(
            LockHold(lock: lock, waiter: waiter, holder: holder, waited: Int64((seconds * 1e9).rounded())))
    }
}
