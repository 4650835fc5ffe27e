import ProfileModel
import Testing

@testable import Analysis

@Suite("Where threads sleep inside one call")
struct WaitDetailTests {
    /// A lock that is waited for by choice, and a kernel mutex in the same call; no sample on a CPU.
    private func profile() -> Profile {
        var building = ProfileBuilding()
        building.sample(
            "u:main > u:Registry_lock > do_syscall_64 > __x64_sys_flock > flock_lock_inode_wait > schedule",
            kind: .blocked,
            weight: 600)
        building.sample(
            "u:main > u:Registry_open > do_syscall_64 > __x64_sys_flock > locks_get_lock_context > __mutex_lock > schedule",
            kind: .blocked, weight: 400)
        return building.profile
    }

    @Test("A call's sleep is shown inwards to where it slept, with the class, and outwards from its call sites")
    func trees() throws {
        let detail = SyscallDetail(profile(), syscall: "flock")
        let container = try #require(detail.containers.first)
        #expect(container.waitNanoseconds == 1_000)
        let tree = try #require(container.waitTree)
        #expect(
            tree.map { "\($0.depth) \($0.function ?? "?") \($0.waitNanoseconds) \($0.waitClass?.rawValue ?? "")" } == [
                "0 __x64_sys_flock 1000 ", "1 flock_lock_inode_wait 600 by_choice", "1 locks_get_lock_context 400 ",
                "2 __mutex_lock 400 kernel_lock",
            ])
        let sites = try #require(container.waitCallTree)
        #expect(sites.filter { $0.depth == 0 }.map { $0.place?.function } == ["Registry_lock", "Registry_open"])
        #expect(sites.first?.share == 0.6)
        // Only the mutex is contention.
        #expect(container.kernelTimeNanoseconds == 400)
        #expect(container.kernelTree.last?.function == "__mutex_lock")
    }

    @Test("A call that only sleeps by choice has a detail, and no row among those that take kernel time")
    func sleepOnly() throws {
        var building = ProfileBuilding()
        building.sample(
            "u:main > do_syscall_64 > __x64_sys_clock_nanosleep > do_nanosleep > schedule", kind: .blocked, weight: 500)
        let report = KernelReport(building.profile)
        #expect(report.containers.first?.syscalls.isEmpty == true)
        #expect(report.containers.first?.omittedRows == nil)
        #expect(report.containers.first?.waits?.byChoice == 500)
        let detail = SyscallDetail(building.profile, syscall: "clock_nanosleep")
        #expect(detail.containers.first?.waitTree?.last?.waitClass == .byChoice)
    }

    @Test(
        "A call lasts to the end of the way out of the kernel, where the number that was loaded tells which call it is")
    func wayOut() throws {
        var building = ProfileBuilding()
        let gate = "entry_SYSCALL_64_after_hwframe > do_syscall_64"
        building.sample("u:main > u:flock#73 > \(gate) > __x64_sys_flock", weight: 100)
        building.sample("u:main > u:flock#73 > \(gate) > syscall_exit_to_user_mode", weight: 50)
        building.sample(
            "u:main > u:flock#73 > \(gate) > syscall_exit_to_user_mode > exit_to_user_mode_loop > schedule",
            kind: .preempted, weight: 350)
        // Not known which: the number was in a variable.
        building.sample("u:main > u:syscall > \(gate) > syscall_exit_to_user_mode", weight: 1000)
        building.calls(73, 10, at: 0)
        let report = KernelReport(building.profile)
        let flock = try #require(report.containers.first?.syscalls.first { $0.name == "flock" })
        #expect(flock.latencyPerCallNanoseconds == 50)
        // The way itself remains an entry of its own.
        #expect(flock.kernelCPUNanoseconds == 100)
    }
}
