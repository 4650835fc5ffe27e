extension PatternCatalogue {
    /// Security modules, entry costs, time, random numbers and tracing. See `PatternText` for the form.
    static let system = """
        pattern apparmor-label-refcount
        title All tasks under one AppArmor profile count up and down on the same label
        scope host-wide
        share 5
        confidence documented
        entries syscall
        calls openat sendmsg recvmsg socket accept4 newfstatat
        supporting self
          apparmor_file_open|apparmor_current_getsecid_subj|apparmor_file_permission|apparmor_socket_sendmsg|aa_sk_perm
        strong self security_file_open > apparmor_file_open
        shared The label of the profile, such as docker-default, that all containers have.
        cause Services that accept, open or send at high rates on large machines.
        remedy Linux 6.7 or newer; a profile of its own for the busy container.
        check perf annotate: atomic instructions in these functions
        see http://www.uwsg.indiana.edu/hypermail/linux/kernel/2402.1/02273.html

        pattern apparmor-buffer-lock
        title AppArmor's checks of paths queue for one pool of buffers
        scope host-wide
        share 3
        confidence documented
        entries syscall
        calls newlstat lstat stat newfstatat openat unlink rename execve
        strong running aa_path_perm|apparmor_inode_getattr|aa_file_perm|apparmor_file_open > aa_get_buffer > @SPIN
        strong running aa_put_buffer > @SPIN
        supporting running security_inode_getattr > apparmor_inode_getattr > aa_path_perm
        shared One pool, under one spinlock, for the machine.
        cause Parallel builds, package managers and scanners in confined containers.
        remedy A kernel with a pool for each CPU (commit ea9bae12d028); fewer stat calls; no profile for builds that are
          trusted.
        check aa_get_buffer under apparmor_inode_getattr
        see https://lkml.iu.edu/hypermail/linux/kernel/2210.3/09796.html
        see https://lexplain.net/commit-analyses/640cf2f09575c9dc344b3f7be2498d31e3923ead
        see Linux source: security/apparmor/lsm.c

        pattern selinux-sidtab
        title SELinux translates very many container contexts
        scope host-wide
        share 3
        confidence documented
        entries syscall
        calls openat execve getxattr setxattr sendmsg recvmsg mount
        strong running security_context_to_sid_core|sidtab_context_to_sid|sidtab_search
        strong running security_sid_to_context_core|sidtab_entry_to_string|mls_sid_to_context
        strong running avc_has_perm|avc_has_perm_noaudit > avc_compute_av|security_compute_av >
          context_struct_compute_av
        supporting running sidtab_context_to_sid > @SPIN
        shared The machine's table of contexts, one for each container's categories, and the cache of decisions.
        cause Hosts that have made thousands of containers; journald; relabelling of volumes.
        remedy Linux 5.6 or newer; one level for related pods; a larger avc/cache_threshold; no :Z on large volumes.
        check ss/sidtab_hash_stats and avc/hash_stats in /sys/fs/selinux
        see
          https://review.shift-gmbh.com/plugins/gitiles/SHIFTPHONES/kernel/shift/mainline/+/66f8e2f03c02e812002f8e9e465\
        681cc62edda5b
        see https://kernel.googlesource.com/pub/scm/linux/kernel/git/pcmoore/selinux/+/refs/heads/next-queue

        pattern audit-backlog
        title Calls sleep because the audit queue is full, or pay for audit rules
        scope host-wide
        share 3
        confidence documented
        entries syscall
        calls execve openat connect clone setuid
        strong waiting audit_log_start > schedule_timeout
        strong running __audit_syscall_exit > audit_filter_syscall|audit_filter_rules|audit_filter_inodes
        supporting running audit_log_start|audit_log_end > @SPIN
        supporting running kauditd_thread
        shared One queue and one auditd for the machine.
        cause Broad rules, containers that exec much, a slow disk behind auditd, floods of denials.
        remedy Narrower rules; auditctl -b with more, --backlog_wait_time 0; audit=0 where it is not used.
        check backlog and lost in auditctl -s
        see https://git.stricted.de?a=commit&h=3197542482df22c2a131d4a813280bd7c54cedf5
        see https://github.com/RedHatInsights/incluster-checks/wiki/Linux-%E2%80%90-Check-auditd-backlog-limit-usage
        see https://devopsaitoolkit.com/blog/security-error-auditd-backlog-limit-exceeded/
        see Linux source: kernel/audit.c

        pattern seccomp-filter-cost
        title The container's seccomp filter runs at every system call
        scope own
        share 5
        confidence documented
        entries syscall
        strong running syscall_trace_enter|__secure_computing > __seccomp_filter
        supporting running __seccomp_filter > bpf_prog_*|___bpf_prog_run
        shared Nothing: CPU time of each call.
        cause The default profile's hundreds of rules, filters on top of filters, and a program that calls often.
        remedy Linux 5.11 or newer, libseccomp with a binary tree, net.core.bpf_jit_enable=1, a smaller profile.
        check Seccomp_filters in /proc/PID/status
        see https://www.phoronix.com/news/Linux-5.11-SECCOMP-Performance
        see https://lwn.net/Articles/834785/rss
        see http://mail.spinics.net/lists/bpf/msg28161.html
        see Linux source: kernel/seccomp.c

        pattern cpu-mitigations-entry-cost
        title Mitigations make each entry into the kernel and each switch dear
        scope own
        share 10
        confidence documented
        entries syscall page-fault irq
        strong running entry_ibpb|write_ibpb
        supporting self
          srso_return_thunk|srso_alias_return_thunk|retbleed_untrain_ret|srso_untrain_ret|entry_untrain_ret|__x86_retur\
        n_thunk|clear_bhb_loop
        supporting self
          syscall_return_via_sysret|entry_SYSCALL_64|swapgs_restore_regs_and_return_to_usermode|entry_SYSCALL_64_safe_s\
        tack
        supporting running switch_mm_irqs_off
        shared Nothing: CPU time of each crossing.
        cause Programs that call very often; before Linux 5.16 seccomp turned more of them on for each container.
        remedy Fewer and larger calls (io_uring, sendmmsg); Linux 5.16 or newer; newer CPUs; turning them off is for
          machines with one tenant.
        check /sys/devices/system/cpu/vulnerabilities
        see https://esequeira.com/posts/performance-impact-of-kernel-security-mitigations
        see https://www.phoronix.com/news/Drop-SYSCALL64-Tramp-KPTI
        see https://www.phoronix.com/news/Retbleed-Call-Depth-Tracking
        see Linux source: arch/x86/kernel/cpu/bugs.c

        pattern clocksource-not-vdso
        title Asking for the time enters the kernel, because the clock source cannot be read outside
        scope host-wide
        share 5
        confidence documented
        entries syscall
        calls clock_gettime gettimeofday time
        strong running
          __x64_sys_clock_gettime|posix_get_realtime_timespec|posix_get_monotonic_timespec|ktime_get_ts64|ktime_get_rea\
        l_ts64
          > read_hpet|acpi_pm_read|xen_clocksource_get_cycles|pvclock_clocksource_read
        strong running read_hpet|acpi_pm_read
        supporting running __x64_sys_clock_gettime|__arm64_sys_clock_gettime >
          ktime_get_real_ts64|ktime_get_ts64|posix_get_realtime_timespec
        shared The timer's hardware, for all CPUs.
        cause A virtual machine without a steady TSC, a TSC that was found unstable; programs that take many time
          stamps.
        remedy tsc, kvm-clock or hyperv as the clock source where the hardware is good; fewer calls; CLOCK_*_COARSE.
        check /sys/devices/system/clocksource/clocksource0/current_clocksource
        see https://heap.io/blog/clocksource-aws-ec2-vdso
        see https://bert-hubert.blogspot.com/2017/03/on-linux-vdso-and-clockgettime.html

        pattern getrandom-crng-lock
        title Readers of random bytes share one lock (before Linux 5.18)
        scope host-wide
        share 5
        confidence documented
        entries syscall
        calls getrandom read
        strong running extract_crng|_extract_crng|extract_crng_user|urandom_read > @SPIN
        supporting running get_random_bytes_user|urandom_read_iter > crng_make_state|chacha_block_generic
        supporting running crng_make_state > @SPIN
        shared The kernel's random generator.
        cause TLS servers, UUIDs, languages that read /dev/urandom for each request.
        remedy Linux 5.18 or newer; buffer random bytes in the program.
        check spinning under getrandom
        see https://www.phoronix.com/news/Linux-getrandom-8450p
        see http://blog.sgmansfield.com/2016/01/locking-in-crypto-rand/
        see Linux source: drivers/char/random.c

        pattern uprobe-overhead
        title Probes in hot user functions trap into the kernel
        scope shared
        share 3
        confidence documented
        entries exception exit-to-user
        strong running asm_exc_int3|exc_int3|int3|el0_dbg|el0_brk64|exit_to_user_mode_loop|do_notify_resume >
          uprobe_notify_resume
        strong running uprobe_notify_resume > uprobe_dispatcher|filter_chain|find_uprobe|find_active_uprobe_rcu
        strong running uprobe_notify_resume > @SPIN|@RWLOCK|@RWSEMR
        shared One tree of probes for the machine.
        cause BPF tools and agents on malloc, SSL_read or a runtime's functions in every container.
        remedy Remove the hot ones; sample instead; Linux 6.13 or newer.
        check bpftool perf show; uprobe_events in tracefs
        see
          https://android-kvm.googlesource.com/linux/+/cd7bdd9d46a9540f3a20a0e14c99aa37b2d4a1dd%5E%21/kernel/events/upr\
        obes.c
        see
          https://www.infradead.org/git/?a=commit&h=8617408f7a01e94ce1f73e40a7704530e5dfb25c&p=users%2Fwilly%2Fxarray.g\
        it
        see http://mail.spinics.net/lists/bpf/msg125322.html

        pattern bpf-map-lock
        title BPF maps and ring buffers queue for their locks
        scope host-wide
        share 3
        confidence documented
        entries syscall softirq kprobe
        calls bpf sendmsg connect openat execve
        strong running htab_lru_map_update_elem|prealloc_lru_pop > bpf_lru_pop_free > @SPIN
        strong running bpf_lru_push_free|bpf_lru_pop_free > @SPIN
        strong running htab_map_update_elem|htab_map_delete_elem > htab_lock_bucket|@SPIN
        strong running bpf_ringbuf_reserve|__bpf_ringbuf_reserve|bpf_ringbuf_output > @SPIN
        supporting running __pcpu_freelist_pop|pcpu_freelist_pop|pcpu_freelist_push > @SPIN
        shared One map for the machine.
        cause Connection tracking in BPF, security agents, profilers that sum up stacks.
        remedy Maps for each CPU, BPF_F_NO_COMMON_LRU, larger maps, fewer events.
        check spinning under bpf_prog_…
        see https://github.com/DataDog/datadog-agent/pull/28737
        see https://github.com/cilium/cilium/pull/24268
        see https://github.com/cilium/cilium/issues/35010

        pattern perf-cgroup-switch
        title Performance events of single containers add work to each switch
        scope host-wide
        share 5
        confidence plausible
        entries syscall irq kthread
        untold The events of a recording by jostle show it, too.
        strong running __perf_event_task_sched_out|__perf_event_task_sched_in >
          perf_cgroup_switch|ctx_sched_in|ctx_sched_out
        strong running perf_cgroup_switch > ctx_sched_in|ctx_sched_out|visit_groups_merge
        supporting running perf_mux_hrtimer_handler
        shared Counters that are set anew at each switch, for each event.
        cause Tools that open events for each cgroup and CPU.
        remedy Events of the whole machine, told apart afterwards; fewer of them.
        check time of perf_cgroup_switch under __schedule

        pattern pv-spinlock-vcpu-preemption
        title A virtual CPU that holds or wants a lock is stopped by the hypervisor
        scope host-wide
        share 5
        confidence plausible
        entries syscall irq softirq
        strong any __pv_queued_spin_lock_slowpath > kvm_wait|xen_qlock_wait|hv_qlock_wait
        supporting running __pv_queued_spin_lock_slowpath
        supporting running __pv_queued_spin_unlock_slowpath > kvm_kick_cpu
        shared The real CPUs below the virtual machine.
        cause A hypervisor with more virtual CPUs than real ones; a limit on the machine.
        remedy CPUs of its own, fewer virtual ones; look at the steal time.
        check steal in /proc/stat
        """
}
