/// Why a thread was off the CPU. The raw value is the key in JSON's `waits_ns`.
public enum WaitClass: String, Hashable, Sendable, Codable, CaseIterable {
    /// Asleep in a lock of the kernel's.
    case kernelLock = "kernel_lock"
    /// Waiting, by no wish of its own, for other CPUs, workers or a grace period.
    case kernelWait = "kernel_wait"
    case diskIO = "disk_io"
    /// Throttled by dirty pages, or reclaiming memory.
    case memory
    /// Taken off the CPU while it could run.
    case preempted
    /// The call was made in order to wait: futex, poll, sleep, pipe and socket reads.
    case byChoice = "by_choice"
    /// A stack that no rule knows: named, not blamed.
    case other

    /// Whether the time is contention.
    public var isContended: Bool { self == .kernelLock || self == .kernelWait }
}

/// Tells blocked time apart by the kernel stack: the first function from the leaf outwards that some rule knows.
struct WaitClassification {
    /// What one function says.
    private enum Evidence {
        case nothing
        case sure(WaitClass)
        /// So unless a caller says better: a completion may be of a disk's, and I/O waits also throttle writers.
        case likely(WaitClass)
    }

    private let evidence: [Evidence]
    private let attribution: EntryAttribution
    private let parents: [Int32]
    private let frames: [Int32]
    private let pureWaits: [Bool]
    private let possibleWaits: [Bool]

    init(parents: [Int32], frames: [Int32], attribution: EntryAttribution) {
        self.parents = parents
        self.frames = frames
        self.attribution = attribution
        evidence = attribution.functions.map { $0.map(Self.evidence(of:)) ?? .nothing }
        func all(_ entry: Entry, in calls: Set<Substring>) -> Bool {
            entry.kind == .syscall && entry.name.split(separator: "|").allSatisfy(calls.contains)
        }
        pureWaits = attribution.entries.map { all($0, in: Self.pureWaitCalls) }
        possibleWaits = attribution.entries.map { $0.kind == .kernelThread || all($0, in: Self.possibleWaitCalls) }
    }

    /// - Parameter leaf: the stack node that a blocked thread slept at.
    func waitClass(leaf: Int32) -> WaitClass {
        let entry = attribution.entry[Int(leaf)]
        let isPureWait = entry >= 0 && pureWaits[Int(entry)]
        let mayWait = entry >= 0 && possibleWaits[Int(entry)]
        var likely: WaitClass?
        var node = leaf
        while node >= 0, attribution.entry[Int(node)] == entry, entry >= 0 {
            switch evidence[Int(frames[Int(node)])] {
            case .nothing: break
            case .sure(.kernelWait) where isPureWait: return .byChoice
            case .sure(let found): return found
            case .likely(let found): if likely == nil { likely = found }
            }
            node = parents[Int(node)]
        }
        if likely == .kernelWait && isPureWait { return .byChoice }
        return likely ?? (isPureWait || mayWait ? .byChoice : .other)
    }

    private static func evidence(of function: String) -> Evidence {
        if let known = exact[function] { return known }
        // A futex with priority inheritance sleeps in an rt-mutex: then a frame further out says so.
        if case .lock(let kind, isSlowPath: true) = CodeRole(of: function) {
            return kind == .rtMutex ? .likely(.kernelLock) : .sure(.kernelLock)
        }
        for (prefix, meaning) in prefixes where function.hasPrefix(prefix) { return meaning }
        return .nothing
    }

    private static let exact: [String: Evidence] = {
        var rules: [String: Evidence] = [:]
        func set(_ meaning: Evidence, _ names: String) {
            for name in names.split(whereSeparator: \.isWhitespace) { rules[String(name)] = meaning }
        }
        set(.likely(.kernelWait), "wait_for_common __wait_for_common")
        set(
            .sure(.kernelWait),
            """
            __flush_work flush_work __flush_workqueue flush_workqueue drain_workqueue __lru_add_drain_all
            __wait_rcu_gp rcu_barrier wait_rcu_exp_gp exp_funnel_lock stop_one_cpu stop_two_cpus stop_machine
            stop_cpus stop_machine_cpuslocked smp_call_function_many_cond kthread_stop
            """)
        set(
            .sure(.diskIO),
            """
            bit_wait_io submit_bio_wait wait_on_buffer __wait_on_buffer rq_qos_wait wbt_wait
            jbd2_log_wait_commit jbd2_log_do_checkpoint wait_transaction_locked wait_current_trans
            do_get_write_access start_this_handle wait_log_commit wait_for_commit file_write_and_wait_range
            file_fdatawait_range __filemap_fdatawait_range fuse_dev_do_read request_wait_answer
            """)
        set(
            .sure(.memory),
            """
            throttle_direct_reclaim try_to_free_mem_cgroup_pages try_to_free_pages do_try_to_free_pages
            shrink_node reclaim_throttle mem_cgroup_handle_over_high mem_cgroup_out_of_memory congestion_wait
            wait_iff_congested try_to_compact_pages
            """)
        set(
            .sure(.byChoice),
            """
            wait_for_vfork_done do_wait ep_poll do_epoll_wait do_epoll_pwait do_poll do_sys_poll do_select
            core_sys_select do_nanosleep hrtimer_nanosleep pipe_read anon_pipe_read pipe_wait pipe_wait_readable
            inet_csk_accept inet_csk_wait_for_connect unix_accept skb_wait_for_more_packets
            __skb_wait_for_more_packets sk_wait_data unix_stream_data_wait unix_stream_read_generic do_sigtimedwait
            sigsuspend eventfd_read signalfd_read_iter signalfd_read timerfd_read inotify_read fanotify_read
            do_semtimedop do_msgrcv do_msgsnd locks_lock_inode_wait flock_lock_inode_wait fcntl_setlk do_lock_file_wait
            n_tty_read io_cqring_wait do_signal_stop ptrace_stop jobctl_trap
            """)
        return rules
    }()

    private static let prefixes: [(String, Evidence)] = [
        ("balance_dirty_pages", .sure(.memory)),
        ("futex_wait", .sure(.byChoice)), ("futex_lock_pi", .sure(.byChoice)),
        ("wait_for_completion_io", .sure(.diskIO)), ("wait_for_completion", .likely(.kernelWait)),
        ("synchronize_rcu", .sure(.kernelWait)), ("synchronize_srcu", .sure(.kernelWait)),
        ("__synchronize_srcu", .sure(.kernelWait)), ("synchronize_sched", .sure(.kernelWait)),
        ("io_schedule", .likely(.diskIO)), ("folio_wait_", .likely(.diskIO)), ("wait_on_page_", .likely(.diskIO)),
        ("__folio_lock", .likely(.diskIO)), ("__lock_page", .likely(.diskIO)),
        ("blk_", .sure(.diskIO)), ("blkdev_", .sure(.diskIO)), ("xfs_log_", .sure(.diskIO)),
        ("xlog_", .sure(.diskIO)), ("xfs_buf_", .sure(.diskIO)), ("nfs_wait", .sure(.diskIO)),
    ]

    /// Calls that are made in order to wait: being made to wait inside them is nobody's contention.
    private static let pureWaitCalls: Set<Substring> = Set(
        """
        futex futex_wait futex_waitv futex_requeue poll ppoll select pselect6 epoll_wait epoll_pwait epoll_pwait2
        nanosleep clock_nanosleep pause rt_sigsuspend rt_sigtimedwait wait4 waitid semop semtimedop msgrcv
        mq_timedreceive flock io_getevents io_pgetevents restart_syscall
        """.split(whereSeparator: \.isWhitespace))

    /// Calls that wait for somebody outside the kernel where no frame says otherwise: for a pipe, a socket, a peer.
    private static let possibleWaitCalls: Set<Substring> = Set(
        """
        read readv recvfrom recvmsg recvmmsg write writev sendto sendmsg sendmmsg accept accept4 connect msgsnd
        mq_timedsend fcntl io_uring_enter sched_yield ioctl
        """.split(whereSeparator: \.isWhitespace))
}
