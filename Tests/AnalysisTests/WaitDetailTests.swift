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

@Suite("Classes of waits")
struct WaitClassTests {
    /// Slow paths of locks and waits for others as kernels from 4.4 to 6.18 call them, below a call that is not itself a wait.
    @Test(
        "Every kernel's name of a slow path has its class",
        arguments: [
            (
                WaitClass.kernelLock,
                """
                __mutex_lock __mutex_lock.constprop.0 __mutex_lock_slowpath __mutex_lock_killable_slowpath
                __mutex_lock_interruptible_slowpath rwsem_down_write_slowpath rwsem_down_write_failed
                rwsem_down_write_failed_killable call_rwsem_down_write_failed rwsem_down_read_slowpath
                rwsem_down_read_failed rwsem_down_read_failed_killable call_rwsem_down_read_failed
                percpu_down_write __percpu_down_read percpu_rwsem_wait __down __down_common ___down_common
                __down_interruptible __down_killable rt_mutex_slowlock.constprop.0 __rt_mutex_slowlock_locked.constprop.0
                __ww_mutex_lock.constprop.0
                """
            ),
            (
                .kernelWait,
                """
                synchronize_rcu synchronize_sched __wait_rcu_gp synchronize_rcu_expedited synchronize_srcu
                __flush_work flush_work __flush_workqueue wait_for_completion wait_for_completion_killable rcu_barrier
                """
            ),
            (
                .diskIO,
                """
                io_schedule folio_wait_bit_common folio_wait_writeback wait_on_page_bit_common blk_mq_get_tag
                jbd2_log_wait_commit xfs_log_force_seq wait_on_buffer bit_wait_io wait_for_completion_io
                """
            ),
            (
                .memory,
                """
                balance_dirty_pages balance_dirty_pages_ratelimited_flags throttle_direct_reclaim
                try_to_free_mem_cgroup_pages
                """
            ),
        ])
    func slowPaths(expected: WaitClass, names: String) throws {
        for name in names.split(whereSeparator: \.isWhitespace) {
            var building = ProfileBuilding()
            building.sample(
                "u:main > do_syscall_64 > __x64_sys_mkdir > do_mkdirat > \(name) > schedule", kind: .blocked, weight: 7)
            let waits = try #require(KernelReport(building.profile).containers.first?.waits)
            var only = Waits()
            only.add(7, to: expected)
            #expect(waits == only, "\(name)")
        }
    }

    @Test(
        "A call that is made in order to wait is never contention, nor is a peer that does not answer",
        arguments: [
            "__x64_sys_futex > do_futex > futex_wait > futex_do_wait", "__x64_sys_epoll_wait > do_epoll_wait > ep_poll",
            "__x64_sys_poll > do_sys_poll", "__x64_sys_select > core_sys_select > do_select",
            "__x64_sys_clock_nanosleep > do_nanosleep", "__x64_sys_wait4 > kernel_wait4 > do_wait",
            "ksys_read > vfs_read > pipe_read", "ksys_read > vfs_read > anon_pipe_read",
            "ksys_write > vfs_write > anon_pipe_write",
            "__x64_sys_recvfrom > tcp_recvmsg > sk_wait_data", "__x64_sys_accept4 > inet_csk_accept",
            "__x64_sys_flock > locks_lock_inode_wait", "__x64_sys_sendto > sock_sendmsg > sk_stream_wait_memory",
            "__x64_sys_rt_sigtimedwait > do_sigtimedwait.isra.0 > schedule_hrtimeout_range_clock",
        ])
    func byChoice(path: String) throws {
        var building = ProfileBuilding()
        building.sample("u:main > do_syscall_64 > \(path) > schedule", kind: .blocked, weight: 7)
        let waits = try #require(KernelReport(building.profile).containers.first?.waits)
        #expect(waits.byChoice == 7 && waits.total == 7, "\(waits)")
    }
}
