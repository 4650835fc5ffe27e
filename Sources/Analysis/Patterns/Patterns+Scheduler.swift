extension PatternCatalogue {
    /// Tasks, cgroups of CPUs, and locks between programs. See `PatternText` for the form.
    static let scheduler = """
        pattern cgroup-threadgroup-rwsem
        title Moving a task between cgroups stops every fork, exec and exit of the machine
        scope host-wide
        share 1
        confidence documented
        entries syscall
        calls write clone clone3 fork vfork execve exit_group
        strong waiting cgroup_procs_write|__cgroup_procs_write|__cgroup1_procs_write|cgroup_attach_task_all >
          cgroup_procs_write_start|cgroup_attach_lock > percpu_down_write
        strong waiting cgroup_procs_write_start|cgroup_attach_lock|percpu_down_write
        strong waiting copy_process|cgroup_can_fork|begin_new_exec|do_exit|exit_signals >
          __percpu_down_read|percpu_rwsem_wait
        shared One lock that each of those reads and each move writes.
        cause Runtimes that write to cgroup.procs at each start and each probe by exec; scopes for each request.
        remedy clone3 with CLONE_INTO_CGROUP (runc does for exec since pull request 4812); fewer probes by exec;
          cgroup2's favordynmods.
        check forks blocked in percpu_rwsem_wait
        see https://github.com/opencontainers/runc/pull/4782
        see https://github.com/opencontainers/runc/pull/4812
        see
          https://gerrit-public.fairphone.software/plugins/gitiles/kernel/msm-4.9/+/1ed1328792ff46e4bb86a3d7f7be2971f45\
        49f6c
        see https://github.com/google/gvisor/pull/14125
        see
          https://www.thebrief.news/en/detailed/article/1091/how-linux-is-fixing-a-hidden-bottleneck-in-container-manag\
        ement
        see Linux source: kernel/cgroup/cgroup.c

        pattern cgroup-mutex-churn
        title Making, removing and listing cgroups share one mutex
        scope host-wide
        share 3
        confidence plausible
        entries syscall kthread
        calls mkdir rmdir write read openat
        strong waiting
          cgroup_mkdir|cgroup_rmdir|cgroup_kn_lock_live|proc_cgroup_show|cgroup_pidlist_start|cgroup_subtree_control_wr\
        ite
          > @MUTEX
        strong waiting worker_thread > process_one_work > css_killed_work_fn|css_free_rwork_fn|css_release_work_fn >
          @MUTEX
        supporting running cgroup_mkdir > mem_cgroup_css_alloc
        supporting running rebuild_sched_domains_locked|cpuset_write_resmask|cpuset_attach
        shared One mutex for all cgroups.
        cause Container churn, units for each job, agents that read /proc/PID/cgroup of every process.
        remedy Reuse cgroups; cgroup v2; remember what was read.
        check off-CPU stacks in cgroup_kn_lock_live or proc_cgroup_show

        pattern cfs-quota-throttling
        title The CPU limit stops the container's threads for the rest of each period
        scope own
        share 5
        confidence documented
        entries irq syscall exit-to-user
        strong running throttle_cfs_rq|check_cfs_rq_runtime
        strong any throttle_cfs_rq_work
        supporting running __account_cfs_rq_runtime
        supporting running sched_cfs_slack_timer|__refill_cfs_bandwidth_runtime|sched_cfs_period_timer
        shared Its own quota; a thread that is stopped may hold a lock that others want.
        cause A limit below the number of busy threads, such as GOMAXPROCS or a JVM sized for the whole machine.
        remedy Raise or remove the limit, size the runtime for it, cpu.max.burst; Linux 5.4 or newer; weights or cpusets
          instead.
        check nr_throttled and throttled_usec in cpu.stat
        see https://github.com/kubernetes/kubernetes/issues/67577
        see https://gitlab.ublinux.ru/upstream/linux-stable/-/tree/v5.4.118/Documentation/scheduler
        see https://github.com/koordinator-sh/koordinator/issues/489
        see Linux source: kernel/sched/fair.c

        pattern cfs-unthrottle-irq
        title A timer lets thousands of throttled cgroups run again, with interrupts off
        scope host-wide
        share 5
        confidence documented
        entries irq
        strong running sched_cfs_period_timer > distribute_cfs_runtime > unthrottle_cfs_rq
        strong running unthrottle_cfs_rq|throttle_cfs_rq > walk_tg_tree_from > tg_unthrottle_up|tg_throttle_down
        supporting running __cfsb_csd_unthrottle > unthrottle_cfs_rq
        shared The CPU that the timer runs on.
        cause A limit on a parent of many cgroups, very short periods, very many CPUs.
        remedy Linux 6.3 or newer; limits on the leaves only; longer periods.
        check hard lockup warnings
        see https://lab.nexedi.com/kirr/linux/-/commit/8ad075c2eb1f6b4b33436144ea1ef2619f3b6398
        see
          https://www.fclose.com/linux-kernels/836530/sched-fair-limit-sched_cfs_period_timer-loop-to-avoid-hard-lockup\
        -linux-3-16-72/

        pattern task-group-load-avg
        title The scheduler's load of one container bounces between CPUs
        scope own
        share 5
        confidence documented
        entries syscall irq softirq
        calls futex epoll_wait read write sendto recvfrom sched_yield
        cpus 32
        strong self update_cfs_group
        strong running enqueue_task_fair|dequeue_task_fair|dequeue_entities|task_tick_fair >
          update_load_avg|update_cfs_group
        supporting running update_load_avg > update_tg_load_avg
        shared One cache line for each container, written at each wake-up.
        cause Services that wake very often, in one container over a hundred CPUs.
        remedy Linux 6.7 or newer; several containers, or a cpuset of fewer CPUs.
        check self time of update_cfs_group and update_load_avg
        see https://www.phoronix.com/news/Linux-Sched-Postgres-SPR
        see https://lkml.iu.edu/hypermail/linux/kernel/2308.1/10033.html
        see Linux source: kernel/sched/fair.c

        pattern cgroup-load-balance-walk
        title Load balancing walks every cgroup of a CPU
        scope host-wide
        share 5
        confidence documented
        entries softirq irq syscall
        cpus 32
        strong running update_blocked_averages|sched_balance_update_blocked_averages
        supporting running newidle_balance|sched_balance_newidle|idle_balance|load_balance|sched_balance_rq >
          update_sd_lb_stats|find_busiest_group|sched_balance_find_src_group
        strong running sched_balance_newidle|newidle_balance|_nohz_idle_balance >
          update_blocked_averages|sched_balance_update_blocked_averages
        shared The run queues; the work grows with the cgroups that had load.
        cause Thousands of mostly idle containers; deep hierarchies.
        remedy Fewer and flatter CPU cgroups; cpuset partitions; newer kernels.
        check these functions in idle or softirq
        see
          https://git.ipfire.org/?a=commit&h=a35b6466aabb051568b844e8c63f87a356d3d129&p=thirdparty%2Fkernel%2Fstable.git

        pattern psi-accounting
        title Pressure accounting costs at each switch, once for each level of cgroups
        scope own
        share 5
        confidence plausible
        entries syscall irq kthread
        calls futex epoll_wait read write sched_yield
        strong running psi_task_switch|psi_task_change > psi_group_change
        supporting running worker_thread > psi_avgs_work > collect_percpu_times
        shared Nothing: CPU time of each switch.
        cause Work that switches very often, deep in a hierarchy.
        remedy cgroup.pressure=0 on inner cgroups, psi=0 at boot where it is not used.
        check self time of psi_group_change
        see Linux source: kernel/cgroup/cgroup.c

        pattern tasklist-lock-fork-exit
        title Processes that start, end and are waited for fight over the machine's list of tasks
        scope host-wide
        share 3
        confidence documented
        entries syscall
        calls clone clone3 fork vfork exit exit_group wait4 waitid setpgid kill ptrace setsid
        strong running
          copy_process|release_task|do_exit|exit_notify|wait_consider_task|do_wait|kill_something_info|ptrace_attach >
          @RWLOCK
        strong running alloc_pid|free_pid|copy_process|release_task > @SPIN
        supporting running do_wait > wait_consider_task
        shared The list of tasks and the map of process ids, of all pid namespaces.
        cause Entrypoints, probes and builds that start very many processes; tools that walk them; a first process that
          does not reap.
        remedy Fewer processes; probes by HTTP; tini as the first process; posix_spawn or vfork; pools of workers.
        check queued_write_lock_slowpath under copy_process or release_task
        see
          https://git.leafos.org/LeafOS-Devices/android_kernel_samsung_gta4xl/+/6b0c81b3be114a93f79bd4c5639ade5107d77c21
        see Linux source: kernel/fork.c

        pattern futex-hash-bucket
        title Futexes that have nothing to do with each other share a bucket's lock
        scope host-wide
        share 3
        confidence documented
        entries syscall
        calls futex futex_waitv futex_wake futex_wait futex_requeue
        strong running futex_wait|__futex_wait|futex_wait_setup|futex_wake|futex_requeue|futex_q_lock|queue_lock > @SPIN
        supporting running futex_wake > wake_up_q > try_to_wake_up
        supporting waiting futex_wait|__futex_wait > futex_wait_queue|futex_wait_queue_me|futex_do_wait > schedule
        shared Before Linux 6.16 one table for all processes of the machine.
        cause Hot mutexes and condition variables in user code, broadcasts that wake all, allocators with one lock.
        remedy Less contention in the program (shards, fewer threads, another allocator); Linux 6.16 or newer.
        check perf lock contention; the rate of futex
        see https://man7.org/linux/man-pages/man2/PR_FUTEX_HASH.2const.html

        pattern epoll-lock
        title Many wake-ups of one epoll instance queue for its lock
        scope own
        share 3
        confidence documented
        entries syscall softirq
        calls epoll_wait epoll_pwait epoll_ctl write sendto sendmsg
        strong running __wake_up_common|sock_def_readable|__wake_up_common_lock > ep_poll_callback > @SPIN|@RWLOCK
        strong any do_epoll_wait|ep_poll|ep_send_events|ep_done_scan|ep_scan_ready_list > @SPIN|@RWLOCK|@MUTEX
        supporting waiting do_epoll_ctl|ep_insert|ep_remove > @MUTEX
        supporting running do_epoll_ctl > ep_loop_check_proc|reverse_path_check
        shared One epoll instance.
        cause One epoll descriptor for many threads, thousands of busy descriptors in it, an eventfd for each message.
        remedy An instance for each thread, EPOLLEXCLUSIVE, edge-triggered events, batches, SO_REUSEPORT.
        check spinning under ep_poll_callback
        see https://git.baikalelectronics.ru/sdk/?a=object&h=fbb40e37cc41&p=kernel.git
        see
          https://lists-ec2.96boards.org/archives/list/linux-stable-mirror@lists.linaro.org/message/XV4ENO3VFPZNOCH7NU2\
        PCEYPZY26MB6R
        see https://www.lkml.org/lkml/2021/11/16/584
        see Linux source: fs/eventpoll.c

        pattern pipe-thundering-herd
        title Readers and writers of one pipe wake together and fight for its mutex
        scope shared
        share 3
        confidence documented
        entries syscall
        calls read write poll splice
        strong any pipe_read|pipe_write|anon_pipe_read|anon_pipe_write|fifo_pipe_read > @MUTEX
        supporting waiting pipe_read|pipe_wait|anon_pipe_read|fifo_pipe_read > schedule
        supporting running pipe_write|anon_pipe_write > __wake_up_common
        shared One pipe: make's job server, or the standard output that goes to the runtime.
        cause make -j on many CPUs, one log pipe for many workers.
        remedy Linux 5.6 or newer; a pipe for each process; a larger pipe.
        check off-CPU stacks under pipe_read
        see Linux source: fs/pipe.c
        see Linux commit 0ddad21d3e99 “pipe: use exclusive waits when reading or writing”

        pattern process-cputime-siglock
        title Asking for a process's CPU time walks all its threads
        scope own
        share 10
        confidence documented
        entries syscall
        calls getrusage times clock_gettime timer_settime setitimer
        strong running getrusage|k_getrusage > __lock_task_sighand > @SPIN
        strong running thread_group_cputime_adjusted|posix_cpu_clock_get|do_sys_times|getrusage > thread_group_cputime
        supporting running thread_group_cputime > task_sched_runtime
        shared The process's signal lock on older kernels; run queues.
        cause Accounting for each request, profilers, metrics in tight loops.
        remedy RUSAGE_THREAD or CLOCK_THREAD_CPUTIME_ID; ask less often; Linux 6.8 or newer.
        check time under getrusage
        see
          https://gerrit-public.fairphone.software/plugins/gitiles/kernel/msm-4.9/+/e78c3496790ee8a36522a838b59b388e8a7\
        09e65%5E%21/kernel/fork.c
        see Linux source: kernel/sys.c

        pattern sched-yield-spin
        title Locks in user space that spin with sched_yield burn CPU in the scheduler
        scope own
        share 10
        confidence plausible
        entries syscall
        calls sched_yield nanosleep clock_nanosleep futex
        strong running do_sched_yield
        strong running __x64_sys_sched_yield|__do_sys_sched_yield|__arm64_sys_sched_yield|sys_sched_yield > schedule >
          __schedule
        supporting running __schedule > pick_next_task_fair|update_curr
        shared Run queues; a CPU limit is burnt while the holder is stopped.
        cause Databases, MPI and OpenMP that wait actively, games.
        remedy Locks by futex, OMP_WAIT_POLICY=passive, KMP_BLOCKTIME=0, as many threads as CPUs.
        check the rate of sched_yield
        """
}
