import ProfileModel
import Testing

@testable import Analysis

@Suite("Why a thread was in the kernel")
struct EntryTests {
    /// The entry of the innermost frame of one stack.
    func entry(_ stack: String, _ building: ProfileBuilding = ProfileBuilding()) -> Entry? {
        var building = building
        let node = building.stack(stack)
        let attribution = EntryAttribution(building.profile)
        let index = attribution.entry[Int(node)]
        return index >= 0 ? attribution.entries[Int(index)] : nil
    }

    static let entry64 = "u:main > entry_SYSCALL_64_after_hwframe > do_syscall_64"

    @Test("the entry function names the system call, with every prefix that kernels used")
    func prefixes() {
        for (stack, name) in [
            ("\(Self.entry64) > __x64_sys_fadvise64 > ksys_fadvise64_64", "fadvise64"),
            ("\(Self.entry64) > x64_sys_call > __x64_sys_openat > do_sys_openat2", "openat"),
            ("\(Self.entry64) > __do_sys_sync", "sync"),
            ("\(Self.entry64) > __se_sys_mprotect", "mprotect"),
            ("\(Self.entry64) > __x64_sys_newfstatat > __do_sys_newfstatat > vfs_statx", "newfstatat"),
            ("\(Self.entry64) > __x64_sys_newstat", "stat"),
            ("\(Self.entry64) > __x64_sys_umount", "umount2"),
            ("u:main > entry_SYSCALL_64_fastpath > sys_write > vfs_write", "write"),
            ("u:main > entry_SYSCALL_64_fastpath > SyS_futex > do_futex", "futex"),
            ("u:main > do_syscall_64 > SYSC_sendto", "sendto"),
            ("u:main > entry_INT80_compat > do_int80_syscall_32 > __ia32_compat_sys_ioctl", "ioctl"),
            ("u:main > entry_SYSENTER_compat_after_hwframe > do_fast_syscall_32 > __ia32_sys_futex_time32", "futex"),
            ("u:main > entry_SYSENTER_compat_after_hwframe > do_fast_syscall_32 > __ia32_sys_ia32_pread64", "pread64"),
            ("u:main > do_fast_syscall_32 > compat_sys_writev", "writev"),
            ("u:main > ret_from_syscall > do_trap_ecall_u > __riscv_sys_read", "read"),
        ] {
            #expect(entry(stack) == .syscall(name), "\(stack)")
        }
    }

    @Test("arm64's chains of every era lead to the call")
    func arm64() {
        let building = ProfileBuilding(arch: "aarch64")
        for (stack, name) in [
            ("u:main > el0_svc > sys_fadvise64_64", "fadvise64"),
            ("u:main > el0_svc_naked > SyS_write", "write"),
            ("u:main > el0_svc > el0_svc_handler > el0_svc_common > __arm64_sys_read", "read"),
            (
                "u:main > el0_sync > el0_sync_handler > el0_svc > do_el0_svc > el0_svc_common.constprop.0 > "
                    + "invoke_syscall > __arm64_sys_fadvise64_64 > ksys_fadvise64_64", "fadvise64"
            ),
            (
                "u:main > el0t_64_sync > el0t_64_sync_handler > el0_svc > do_el0_svc > el0_svc_common.constprop.0 > "
                    + "invoke_syscall > __arm64_sys_newfstat", "fstat"
            ),
            (
                "u:main > el0t_32_sync > el0t_32_sync_handler > el0_svc_compat > do_el0_svc_compat > el0_svc_common > "
                    + "invoke_syscall > __arm64_compat_sys_ioctl", "ioctl"
            ),
        ] {
            #expect(entry(stack, building) == .syscall(name), "\(stack)")
        }
        #expect(
            entry("u:main > el0t_64_sync > el0t_64_sync_handler > el0_da > do_mem_abort > do_page_fault", building)
                == .pageFault)
        #expect(
            entry(
                "u:main > el0t_64_sync > el0_svc > invoke_syscall > __arm64_sys_write > __arch_copy_from_user > "
                    + "el1h_64_sync > el1h_64_sync_handler > el1_abort > do_mem_abort", building) == .pageFault)
        #expect(
            entry(
                "u:main > el0t_64_irq > el0t_64_irq_handler > __el0_irq_handler_common > gic_handle_irq > "
                    + "arch_timer_handler_virt", building) == .interrupt("timer"))
        #expect(
            entry("u:main > el0t_64_sync > el0t_64_sync_handler > el0_undef", building) == .exception("undef"))
        // The wrapper's frame is always there, so anything else beside the dispatcher is not a call.
        #expect(entry("u:main > el0t_64_sync > el0_svc > fpsimd_restore_current_state", building) == .syscallEntryExit)
    }

    @Test("an interrupt that hits inside write is not write's, and neither are its softirqs")
    func interrupts() {
        let write = "\(Self.entry64) > __x64_sys_write > ksys_write > vfs_write"
        #expect(entry("\(write) > asm_common_interrupt > common_interrupt > handle_edge_irq") == .interrupt("device"))
        #expect(
            entry("\(write) > asm_sysvec_apic_timer_interrupt > sysvec_apic_timer_interrupt > hrtimer_interrupt")
                == .interrupt("timer"))
        #expect(
            entry(
                "\(write) > asm_common_interrupt > common_interrupt > __irq_exit_rcu > handle_softirqs > net_rx_action > x"
            )
                == .softirq("net_rx"))
        #expect(
            entry("\(write) > tcp_sendmsg > __local_bh_enable_ip > do_softirq > __do_softirq > rcu_core")
                == .softirq("rcu"))
        #expect(entry("u:main > apic_timer_interrupt > smp_apic_timer_interrupt") == .interrupt("timer"))
        #expect(
            entry("u:main > asm_sysvec_call_function_single > sysvec_call_function_single > flush_tlb_func")
                == .interrupt("call from another CPU"))
        // An interrupt in a softirq in an interrupt: the innermost again.
        #expect(
            entry(
                "u:main > asm_common_interrupt > common_interrupt > __irq_exit_rcu > handle_softirqs > net_rx_action > "
                    + "asm_sysvec_apic_timer_interrupt > sysvec_apic_timer_interrupt") == .interrupt("timer"))
    }

    @Test("a page fault is its own entry, also inside a call that copies from user memory")
    func pageFaults() {
        #expect(
            entry("u:main > asm_exc_page_fault > exc_page_fault > do_user_addr_fault > handle_mm_fault") == .pageFault)
        #expect(entry("u:main > page_fault > do_page_fault > __do_page_fault > handle_mm_fault") == .pageFault)
        let write = "\(Self.entry64) > __x64_sys_write > vfs_write > copy_from_user"
        #expect(entry("\(write) > asm_exc_page_fault > exc_page_fault > do_user_addr_fault") == .pageFault)
        #expect(entry("u:main > asm_exc_int3 > exc_int3") == .exception("int3"))
    }

    @Test("the call under way stays known where a fault or an interrupt is the entry")
    func enclosingCall() throws {
        var building = ProfileBuilding()
        let node = building.stack("\(Self.entry64) > __x64_sys_write > vfs_write > asm_exc_page_fault > exc_page_fault")
        let attribution = EntryAttribution(building.profile)
        let call = attribution.syscall[Int(node)]
        #expect(attribution.entries[Int(call)] == .syscall("write"))
    }

    @Test("a worker stands for the wrapper that ended in a jump to it")
    func tailCalls() {
        for (worker, name) in [
            ("ksys_read", "read"), ("ksys_mmap_pgoff", "mmap"), ("vm_mmap_pgoff", "mmap"), ("kernel_wait4", "wait4"),
            ("ksys_semctl.constprop.0", "semctl"), ("alloc_shstk", "map_shadow_stack"), ("do_seccomp", "seccomp"),
            ("__do_sys_brk", "brk"), ("ksys_dup3", "dup3"), ("ksys_fadvise64_64", "fadvise64"),
        ] {
            #expect(entry("\(Self.entry64) > \(worker) > x") == .syscall(name), "\(worker)")
        }
        // Only the frame beside the dispatcher counts: here ksys_read is a helper.
        #expect(entry("\(Self.entry64) > __x64_sys_splice > ksys_read") == .syscall("splice"))
        #expect(entry("\(Self.entry64) > nobody_knows_me > x") == .syscall("syscall (via nobody_knows_me)"))
        #expect(entry("u:main#9 > entry_SYSCALL_64 > do_syscall_64 > nobody_knows_me") == .syscall("mmap"))
    }

    @Test("a worker of several calls is decided by the number that user code loads, and named so where there is none")
    func ambiguousWorkers() {
        // 21 is access, 269 faccessat in the x86-64 table; 1 (write) is none of the three.
        let inside = "entry_SYSCALL_64_after_hwframe > do_syscall_64 > do_faccessat > user_path_at"
        #expect(entry("u:main > u:access#21 > \(inside)") == .syscall("access"))
        #expect(entry("u:main > u:faccessat#269 > \(inside)") == .syscall("faccessat"))
        #expect(entry("u:main > u:access > \(inside)") == .syscall("access|faccessat|faccessat2"))
        #expect(entry("u:main > u:write#1 > \(inside)") == .syscall("access|faccessat|faccessat2"))
    }

    @Test("this kernel's own jumps are better evidence than the table")
    func ownTailCalls() {
        let building = ProfileBuilding(tailCalls: ["do_readv": ["readv"], "my_worker": ["newstat", "newlstat"]])
        #expect(entry("\(Self.entry64) > do_readv", building) == .syscall("readv"))
        #expect(entry("\(Self.entry64) > do_readv") == .syscall("preadv2|readv"))
        #expect(entry("\(Self.entry64) > my_worker", building) == .syscall("lstat|stat"))
        #expect(entry("u:stat#4 > do_syscall_64 > my_worker", building) == .syscall("stat"))
    }

    @Test("work on the way in and out belongs to no call")
    func entryAndExit() {
        for inner in [
            "syscall_exit_to_user_mode > exit_to_user_mode_loop > task_work_run", "syscall_trace_enter", "schedule",
            "task_work_run > ____fput", "exit_to_user_mode_prepare", "arch_do_signal_or_restart > get_signal",
        ] {
            #expect(entry("\(Self.entry64) > \(inner)") == .syscallEntryExit, "\(inner)")
        }
        #expect(entry(Self.entry64) == .syscallEntryExit)
        #expect(
            entry(
                "u:main > asm_sysvec_apic_timer_interrupt > irqentry_exit_to_user_mode > exit_to_user_mode_loop > schedule"
            )
                == .returnToUser)
        #expect(entry("u:main > ret_from_fork_asm > ret_from_fork > syscall_exit_to_user_mode") == .syscallEntryExit)
        // The same functions inside a call are the call's.
        #expect(entry("\(Self.entry64) > __x64_sys_exit_group > do_exit > task_work_run") == .syscall("exit_group"))
        #expect(entry("\(Self.entry64) > __x64_sys_futex > futex_wait > schedule") == .syscall("futex"))
    }

    @Test("kernel threads are named by what they run")
    func kernelThreads() {
        let thread = "ret_from_fork_asm > ret_from_fork > kthread"
        #expect(entry("\(thread) > worker_thread > process_one_work > wb_workfn > x") == .kernelThread("wb_workfn"))
        #expect(entry("\(thread) > worker_thread > schedule") == .kernelThread("worker_thread"))
        #expect(entry("\(thread) > smpboot_thread_fn > schedule > __schedule > finish_task_switch") == .kernelThread)
        #expect(
            entry("\(thread) > worker_thread > process_one_work > _raw_spin_unlock_irq")
                == .kernelThread("worker_thread"))
        #expect(entry("\(thread) > kswapd > balance_pgdat") == .kernelThread("kswapd"))
        #expect(entry("\(thread) > smpboot_thread_fn > cpu_stopper_thread") == .kernelThread("cpu_stopper_thread"))
        #expect(
            entry("\(thread) > smpboot_thread_fn > run_ksoftirqd > handle_softirqs > net_rx_action")
                == .softirq("net_rx"))
        #expect(entry("ret_from_fork_asm > ret_from_fork > io_wq_worker > io_write") == .kernelThread("io_wq_worker"))
        #expect(entry("ret_from_fork > kthread > kjournald2") == .kernelThread("kjournald2"))
    }

    @Test("idle is idle, but for what interrupts it")
    func idle() {
        let idle = "secondary_startup_64_no_verify > start_secondary > cpu_startup_entry > do_idle"
        #expect(entry("\(idle) > default_idle_call > native_safe_halt") == .idle)
        #expect(entry("\(idle) > asm_common_interrupt > common_interrupt") == .interrupt("device"))
    }

    @Test("an NMI is the profiler's own: the entry below it stays, and its frames are not charged")
    func nmi() {
        var building = ProfileBuilding()
        let node = building.stack(
            "\(Self.entry64) > __x64_sys_write > vfs_write > asm_exc_nmi > exc_nmi > perf_event_nmi_handler")
        let attribution = EntryAttribution(building.profile)
        #expect(attribution.entries[Int(attribution.entry[Int(node)])] == .syscall("write"))
        let outside = Int(attribution.outsideNMI[Int(node)])
        #expect(attribution.functions[Int(building.profile.stacks.frame[outside])] == "vfs_write")
    }

    @Test("hidden kernel symbols leave the number that user code shows, or the kernel as a whole")
    func hiddenSymbols() {
        let building = ProfileBuilding(symbols: .hidden)
        #expect(entry("u:main > ? > ?", building) == .hidden)
        #expect(entry("u:main > u:posix_fadvise#221 > ? > ?", building) == .syscall("fadvise64"))
        #expect(entry("u:main > ?") == .unknown)
        #expect(entry("u:main", building) == nil)
    }

    @Test("a stack cut at its outer end still finds the markers that are left")
    func cutStacks() {
        #expect(entry("vfs_write > asm_exc_page_fault > exc_page_fault") == .pageFault)
        #expect(entry("something > do_syscall_64 > __x64_sys_read") == .syscall("read"))
        #expect(entry("path_lookupat > link_path_walk") == .unknown)
    }

    @Test("compiler suffixes and padding symbols do not hide a function")
    func normalization() {
        for (name, plain) in [
            ("__mutex_lock.constprop.0", "__mutex_lock"),
            ("visit_groups_merge.constprop.0.isra.0", "visit_groups_merge"),
            ("foo.part.3.cold", "foo"), ("bar.llvm.1234", "bar"), ("baz.lto_priv.0", "baz"),
            ("__pfx_do_exit", "do_exit"),
            ("ext4_write [ext4]", "ext4_write"), ("v1.2.handler", "v1.2.handler"), (".hidden", ".hidden"), ("", ""),
        ] {
            #expect(KernelSymbol.normalized(name) == plain)
        }
    }

    @Test("a tree that contradicts itself is nobody's stack, and ends nowhere else")
    func unsoundTrees() {
        var building = ProfileBuilding()
        _ = building.stack("u:main > do_syscall_64 > __x64_sys_read")
        building.profile.stacks.parent += [5, 4, -7, 900]
        building.profile.stacks.frame += [0, 1, 77, -1]
        for node in building.profile.stacks.parent.indices {
            building.profile.samples.append(
                time: 0, thread: 0, container: 0, stack: Int32(node), kind: .onCPU, mode: .kernel, weight: 1)
        }
        building.profile.samples.append(
            time: .min, thread: 9, container: 7, stack: 12_345, kind: .onCPU, mode: .kernel, weight: .min)
        building.profile.samples.append(
            time: .max, thread: 9, container: 0, stack: 12_345, kind: .blocked, mode: .kernel, weight: .max)
        let report = KernelReport(building.profile, options: ReportOptions(view: .caller))
        #expect(report.containers[0].samples == 7)
    }
}

@Suite("The names of system calls")
struct SyscallNameTests {
    @Test("numbers are those of the architecture")
    func numbers() {
        #expect(SyscallTable(arch: "x86_64").name(of: 221) == "fadvise64")
        #expect(SyscallTable(arch: "x86_64").name(of: 0) == "read")
        #expect(SyscallTable(arch: "x86_64").name(of: 334) == "rseq")
        #expect(SyscallTable(arch: "x86_64").name(of: 450) == "set_mempolicy_home_node")
        #expect(SyscallTable(arch: "x86_64").name(of: 462) == "mseal")
        #expect(SyscallTable(arch: "x86_64").name(of: 0x4000_0001) == "write")
        #expect(SyscallTable(arch: "aarch64").name(of: 223) == "fadvise64")
        #expect(SyscallTable(arch: "aarch64").name(of: 63) == "read")
        #expect(SyscallTable(arch: "aarch64").name(of: 98) == "futex")
        #expect(SyscallTable(arch: "aarch64").name(of: 291) == "statx")
        #expect(SyscallTable(arch: "aarch64").name(of: 462) == "mseal")
        for arch in ["x86_64", "aarch64"] {
            #expect(SyscallTable(arch: arch).name(of: 400) == nil)
            #expect(SyscallTable(arch: arch).name(of: -1) == nil)
            #expect(SyscallTable(arch: arch).name(of: .max) == nil)
        }
        #expect(SyscallTable(arch: "s390x").isEmpty)
    }

    @Test("a call is found by the kernel's name, by libc's, and by one of several possible")
    func lookup() {
        #expect(Entry.syscall("fadvise64").libcName == "posix_fadvise")
        for query in ["fadvise64", "posix_fadvise", "posix_fadvise64", "fadvise64_64"] {
            #expect(Entry.syscall("fadvise64").answers(to: query), "\(query)")
        }
        #expect(Entry.syscall("openat").answers(to: "open"))
        #expect(!Entry.syscall("open").answers(to: "openat"))
        #expect(Entry.syscall("access|faccessat|faccessat2").answers(to: "faccessat"))
        #expect(Entry.pageFault.answers(to: "page fault"))
        #expect(!Entry.syscall("write").answers(to: "writ"))
    }

    @Test("libc's wrappers are known under their decoration")
    func wrappers() {
        for name in ["__libc_write", "__GI___open64_nocancel", "posix_fadvise64", "syscall", "__write", "fadvise64"] {
            #expect(SyscallNames.isWrapper(name), "\(name)")
        }
        #expect(!SyscallNames.isWrapper("LogFileObject::Write"))
    }

    @Test("every tail-called worker stands for calls that the table has")
    func aliases() {
        for (worker, calls) in TailCallAliases.syscallsOfWorker {
            for call in calls { #expect(SyscallTable.x8664.number(of: call) != nil, "\(worker): \(call)") }
        }
    }
}
