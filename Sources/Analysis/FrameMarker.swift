/// What one kernel function says about why a thread is in the kernel. Where a frame must stand for it to count is
/// `EntryAttribution`'s business.
enum FrameMarker: Hashable, Sendable {
    /// An ordinary function.
    case none
    /// The system call dispatcher: the next frame inwards says which call.
    case syscallGate(compat: Bool)
    /// The entry from user mode of which only the next frame says whether it is a call, a fault or something else.
    case userGate(compat: Bool)
    /// The entry from kernel mode of which only the next frame says what it is.
    case kernelGate
    /// The entry function of a system call; `isWrapper` where nothing else can be meant than this call.
    case syscall(base: String, isWrapper: Bool)
    /// A name that means a system call beside a gate, and anything elsewhere (`ksys_read`, `sys_read`).
    case syscallBesideGate(base: String)
    /// Work on the way into or out of user mode.
    case exitWork
    /// Functions that are exit work beside a gate, and ordinary elsewhere (`schedule`, `task_work_run`).
    case exitWorkBesideGate
    case pageFault
    /// An interrupt; nil where the frame does not say which.
    case interrupt(String?)
    case softirq
    /// The handler of one softirq, inside `softirq`.
    case softirqAction(String)
    case exception(String)
    case nmi
    case fork
    /// `kthread` and the loops under it that only call the thread's real function.
    case kthread
    /// `process_one_work`: the next frame inwards is the work.
    case work
    case idle

    /// - Parameter name: a kernel function's name, normalized.
    init(of name: String) {
        if let known = Self.exact[name] {
            self = known
        } else if let base = name.droppingFirst(of: Self.wrapperPrefixes) {
            self = .syscall(base: base, isWrapper: true)
        } else if let base = name.droppingFirst(of: Self.bodyPrefixes) {
            self = .syscall(base: base, isWrapper: false)
        } else if let base = name.droppingFirst(of: Self.prefixesBesideGate) {
            self = .syscallBesideGate(base: base)
        } else if let vector = name.droppingFirst(of: ["asm_sysvec_", "sysvec_", "fred_sysvec_"]) {
            self = .interrupt(Self.vectors[vector] ?? Self.words(vector))
        } else if name.hasPrefix("asm_exc_nmi") || name.hasPrefix("exc_nmi") {
            self = .nmi
        } else if let exception = name.droppingFirst(of: ["asm_exc_", "exc_"]) {
            self = .exception(Self.words(exception))
        } else if name.hasPrefix("el0t_64_irq") || name.hasPrefix("el0t_64_fiq") || name.hasPrefix("el1h_64_irq")
            || name.hasPrefix("el1h_64_fiq") || name.hasPrefix("el0t_32_irq") || name.hasPrefix("el0t_32_fiq")
        {
            self = .interrupt(nil)
        } else if name.hasPrefix("entry_SYSCALL_64") {
            self = .syscallGate(compat: false)
        } else if name.hasPrefix("entry_SYSENTER_compat") || name.hasPrefix("entry_SYSCALL_compat") {
            self = .syscallGate(compat: true)
        } else if name.hasPrefix("secondary_startup_64") {
            self = .idle
        } else {
            self = .none
        }
    }

    private static func words(_ symbol: String) -> String { String(symbol.map { $0 == "_" ? " " : $0 }) }

    /// The entry functions proper. Linux 4.17 and later; `SyS_` and its like before.
    private static let wrapperPrefixes = [
        "__x64_sys_", "__ia32_compat_sys_", "__ia32_sys_", "__x64_compat_sys_", "__x32_compat_sys_", "__x32_sys_",
        "__arm64_compat_sys_", "__arm64_sys_", "__riscv_compat_sys_", "__riscv_sys_", "__s390x_sys_", "__s390_sys_",
        "compat_SyS_", "SyS_",
    ]
    /// The bodies behind them, which another call's wrapper may jump to as well.
    private static let bodyPrefixes = [
        "__do_compat_sys_", "__do_sys_", "__se_compat_sys_", "__se_sys_", "C_SYSC_", "SYSC_",
    ]
    private static let prefixesBesideGate = ["compat_sys_", "sys_", "ksys_"]

    /// x86 interrupt vectors, by what is left of `asm_sysvec_NAME`.
    private static let vectors: [String: String] = [
        "apic_timer_interrupt": "timer", "hyperv_stimer0": "timer",
        "call_function": "call from another CPU", "call_function_single": "call from another CPU",
        "reschedule_ipi": "reschedule", "irq_work": "irq work",
        "hyperv_callback": "hypervisor", "xen_hvm_callback": "hypervisor", "kvm_asyncpf_interrupt": "hypervisor",
    ]

    private static let exact: [String: FrameMarker] = {
        var markers: [String: FrameMarker] = [:]
        func set(_ marker: FrameMarker, _ names: String) {
            for name in names.split(whereSeparator: \.isWhitespace) { markers[String(name)] = marker }
        }
        set(
            .syscallGate(compat: false),
            """
            do_syscall_64 x64_sys_call x32_sys_call
            el0_svc el0_svc_naked el0_svc_handler el0_svc_common do_el0_svc invoke_syscall
            do_trap_ecall_u system_call_exception
            """)
        set(
            .syscallGate(compat: true),
            """
            do_syscall_32_irqs_on do_int80_syscall_32 do_fast_syscall_32 __do_fast_syscall_32 do_int80_emulation
            do_SYSENTER_32 int80_emulation asm_int80_emulation entry_INT80_compat ia32_sys_call
            el0_svc_compat el0_svc_compat_naked el0_svc_compat_handler do_el0_svc_compat
            """)
        set(
            .userGate(compat: false),
            """
            el0_sync el0_sync_handler el0t_64_sync el0t_64_sync_handler
            asm_fred_entrypoint_user fred_entry_from_user fred_hwexc fred_other
            """)
        set(
            .userGate(compat: true),
            "el0_sync_compat el0_sync_compat_handler el0t_32_sync el0t_32_sync_handler")
        set(
            .kernelGate,
            """
            el1_sync el1_sync_handler el1h_64_sync el1h_64_sync_handler
            asm_fred_entrypoint_kernel fred_entry_from_kernel
            """)
        set(
            .exitWork,
            """
            syscall_exit_to_user_mode syscall_exit_to_user_mode_prepare syscall_exit_to_user_mode_work
            syscall_exit_work syscall_slow_exit_work syscall_return_slowpath syscall_trace_leave syscall_trace_exit
            syscall_trace_enter syscall_enter_from_user_mode syscall_enter_from_user_mode_prepare
            syscall_enter_from_user_mode_work irqentry_enter_from_user_mode irqentry_exit_to_user_mode
            exit_to_user_mode exit_to_user_mode_loop exit_to_user_mode_prepare asm_exit_to_user_mode
            prepare_exit_to_usermode exit_to_usermode_loop do_notify_resume ret_to_user work_pending retint_user
            """)
        set(
            .exitWorkBesideGate,
            """
            task_work_run arch_do_signal_or_restart do_signal get_signal schedule schedule_tail
            __rseq_handle_notify_resume uprobe_notify_resume mem_cgroup_handle_over_high
            blkcg_maybe_throttle_current switch_fpu_return fpregs_assert_state_consistent
            __audit_syscall_entry __audit_syscall_exit __context_tracking_enter __context_tracking_exit
            ct_user_enter ct_user_exit __ct_user_enter __ct_user_exit context_tracking_enter context_tracking_exit
            fire_user_return_notifiers user_enter_callable user_exit_callable enter_from_user_mode
            """)
        set(
            .pageFault,
            """
            asm_exc_page_fault exc_page_fault do_user_addr_fault do_kern_addr_fault
            page_fault async_page_fault do_async_page_fault do_page_fault __do_page_fault handle_page_fault
            el0_da el0_ia el1_da el1_ia el1_abort do_mem_abort do_translation_fault do_el0_ia_bp_hardening
            """)
        set(.interrupt("timer"), "apic_timer_interrupt smp_apic_timer_interrupt arch_timer_handler_virt")
        set(.interrupt("timer"), "arch_timer_handler_phys arch_timer_handler_virt_mem riscv_timer_interrupt")
        set(.interrupt("device"), "asm_common_interrupt common_interrupt do_IRQ ret_from_intr")
        set(
            .interrupt("call from another CPU"),
            """
            call_function_interrupt call_function_single_interrupt smp_call_function_interrupt
            smp_call_function_single_interrupt generic_smp_call_function_interrupt
            generic_smp_call_function_single_interrupt
            """)
        set(
            .interrupt("reschedule"),
            "reschedule_interrupt smp_reschedule_interrupt fred_sysvec_reschedule_ipi")
        set(.interrupt("irq work"), "irq_work_interrupt smp_irq_work_interrupt")
        set(
            .interrupt("hypervisor"),
            """
            xen_hvm_callback_vector hypervisor_callback hyperv_callback_vector hyperv_vector_handler
            hv_stimer0_callback_vector xen_evtchn_do_upcall asm_exc_xen_hypervisor_callback
            """)
        set(
            .interrupt(nil),
            """
            el0_irq el0_irq_naked el0_interrupt el1_irq el1_interrupt __el0_irq_handler_common el0_fiq el1_fiq
            fred_extint gic_handle_irq do_interrupt_handler handle_arch_irq do_irq handle_riscv_irq
            """)
        set(
            .softirq,
            """
            __do_softirq handle_softirqs do_softirq do_softirq_own_stack __do_softirq_own_stack call_softirq
            """)
        let actions = [
            "net_rx_action": "net_rx", "net_tx_action": "net_tx", "run_timer_softirq": "timer",
            "__run_timers": "timer", "tasklet_action": "tasklet", "tasklet_hi_action": "tasklet",
            "tasklet_action_common": "tasklet", "rcu_core": "rcu", "rcu_core_si": "rcu", "rcu_process_callbacks": "rcu",
            "run_rebalance_domains": "sched", "sched_balance_softirq": "sched", "blk_done_softirq": "block",
            "hrtimer_run_softirq": "hrtimer", "irq_poll_softirq": "irq_poll",
        ]
        for (function, action) in actions { markers[function] = .softirqAction(action) }
        for name in [
            "general_protection", "invalid_op", "divide_error", "device_not_available", "simd_coprocessor_error",
            "coprocessor_error", "int3", "stack_segment", "double_fault", "alignment_check", "machine_check",
        ] {
            markers[name] = .exception(words(name))
            markers["do_" + name] = .exception(words(name))
        }
        for name in [
            "undef", "dbg", "brk64", "softstp", "watchpt", "breakpt", "fpsimd_acc", "fpsimd_exc", "sve_acc", "sme_acc",
            "sys", "pc", "sp", "sp_pc", "fpac", "bti", "gcs", "inv", "mops", "error",
        ] {
            markers["el0_" + name] = .exception(words(name))
            markers["el1_" + name] = .exception(words(name))
        }
        set(.exception("error"), "el0t_64_error el0t_64_error_handler el1h_64_error el1h_64_error_handler")
        set(.nmi, "nmi end_repeat_nmi first_nmi repeat_nmi do_nmi default_do_nmi __sdei_asm_handler __el1_pnmi")
        set(.fork, "ret_from_fork ret_from_fork_asm kernel_thread_helper")
        set(.kthread, "kthread smpboot_thread_fn kthread_worker_fn")
        set(.work, "process_one_work process_scheduled_works")
        set(
            .idle,
            """
            cpu_startup_entry do_idle cpu_idle_loop default_idle_call start_secondary common_startup_64 rest_init
            arch_call_rest_init start_kernel x86_64_start_kernel x86_64_start_reservations secondary_start_kernel
            __secondary_switched __primary_switched
            """)
        return markers
    }()
}
