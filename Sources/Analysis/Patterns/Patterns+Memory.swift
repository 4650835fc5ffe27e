extension PatternCatalogue {
    /// Memory: page cache, address spaces, cgroups, allocators. See `PatternText` for the form.
    static let memory = """
        pattern fadvise-dontneed-lru-drain
        title posix_fadvise(DONTNEED) makes every CPU empty its page lists, one caller at a time
        scope host-wide
        share 1
        confidence documented
        entries syscall
        calls fadvise64 fadvise64_64
        strong any generic_fadvise > lru_add_drain_all|__lru_add_drain_all
        strong waiting generic_fadvise > lru_add_drain_all|__lru_add_drain_all > @MUTEX
        strong waiting generic_fadvise > lru_add_drain_all|__lru_add_drain_all > @FLUSHW
        supporting running generic_fadvise > __filemap_fdatawrite_range
        supporting running worker_thread > process_one_work > lru_add_drain_per_cpu
        shared The kernel's per-CPU page lists, and one mutex for the whole machine. When a page cannot be dropped at
          once, the caller takes the mutex, puts a work item on each CPU and waits for all of them; everybody else who
          calls it queues behind.
        cause A program that drops its file from the page cache after each line or record: glog before pull request 145,
          ng-log, copy and backup tools that drop what they just wrote.
        remedy glog: --drop_log_memory=false (or GLOG_drop_log_memory=false), or a release with pull request 145, which
          drops once in 2 MiB. Elsewhere: call it once for many records, or leave it to the kernel's own reclaim.
        check off-CPU stacks in __lru_add_drain_all; the rate of fadvise64
        see https://github.com/google/glog/pull/145
        see https://github.com/google/glog/issues/84
        see https://github.com/google/glog/issues/1165
        see https://github.com/ng-log/ng-log/issues/6
        see https://github.com/ng-log/ng-log/pull/42
        see https://github.com/TraceMachina/nativelink/issues/2607
        see https://hackernoon.com/another-reason-why-your-docker-containers-may-be-slow-d37207dec27f
        see Linux source: mm/fadvise.c, mm/swap.c

        pattern fadvise-dontneed-page-teardown
        title posix_fadvise(DONTNEED) by many threads fights over the locks of the page cache
        scope shared
        share 3
        confidence documented
        entries syscall
        calls fadvise64 fadvise64_64
        strong running generic_fadvise >
          mapping_try_invalidate|invalidate_mapping_pages|__invalidate_mapping_pages|invalidate_mapping_pagevec > @SPIN
        supporting running generic_fadvise > mapping_try_invalidate|invalidate_mapping_pages >
          mapping_evict_folio|invalidate_inode_page|remove_mapping|__remove_mapping
        supporting running generic_fadvise >
          mapping_try_invalidate|invalidate_mapping_pages|__invalidate_mapping_pages|invalidate_mapping_pagevec
        shared The page cache's tree of each file and the page lists; on parallel file systems also locks of the whole
          client, taken while pages go.
        cause Parallel copying or backup that drops what was just read or written.
        remedy Call it rarely and for large ranges, or not at all (rclone took the calls out); use O_DIRECT, or a cgroup
          with a memory limit, to keep the cache small.
        check spinning under mapping_try_invalidate or invalidate_mapping_pages
        see https://github.com/rclone/rclone/pull/9280
        see Linux source: mm/truncate.c

        pattern mmap-lock-write-contention
        title Threads of one process queue for its address space in mmap, munmap, mprotect, brk or madvise
        scope own
        share 3
        confidence documented
        entries syscall
        calls mmap munmap mprotect pkey_mprotect brk mremap madvise mlock munlock
        strong any vm_mmap_pgoff|__vm_munmap|vm_munmap|do_mprotect_pkey|__do_sys_brk|do_madvise|__do_sys_mremap >
          @RWSEMW
        supporting running rwsem_down_write_slowpath > rwsem_spin_on_owner|osq_lock
        supporting running vm_mmap_pgoff|__vm_munmap > up_write|up_read > rwsem_wake
        shared One process's mmap_lock. No other container takes it, but its spinning and its calls to other CPUs cost
          the machine.
        cause Many threads and an allocator that returns memory eagerly, code pages that a JIT flips with mprotect,
          thread stacks that come and go, files mapped for each request.
        remedy Fewer and larger mappings; keep freed memory longer (MALLOC_ARENA_MAX, M_TRIM_THRESHOLD,
          M_MMAP_THRESHOLD; jemalloc's dirty_decay_ms and retain), pool thread stacks, read small files instead of
          mapping them, more processes with fewer threads each. Since Linux 6.4 page faults keep off this lock.
        check perf lock contention; the tracepoint mmap_lock:mmap_lock_acquire_returned
        see https://kernel-internals.org/mm/per-vma-locks
        see https://pipedot.org/article/4EQPP
        see https://noise.getoto.net/2022/09/05/concurrent-page-fault-handling-with-per-vma-locks/ (LWN 906852)

        pattern page-fault-mmap-lock
        title Page faults wait while another thread changes the same address space
        scope own
        share 3
        confidence documented
        entries page-fault
        strong any @PF > @RWSEMR
        strong waiting @PF > lock_mm_and_find_vma > @RWSEMR
        shared One process's mmap_lock: a single writer (mmap, munmap, fork, a huge-page collapse) stops all threads
          that fault.
        cause Heaps that grow in many threads beside frequent mmap and munmap; fork of a large process; somebody who
          reads /proc/PID/smaps of it.
        remedy Linux 6.4 or newer with CONFIG_PER_VMA_LOCK; touch or reuse memory ahead of time; vfork or posix_spawn
          instead of fork in large processes.
        check vma_lock_retry and vma_lock_abort in /proc/vmstat, where the kernel counts them
        see https://kernel-internals.org/mm/per-vma-locks
        see https://noise.getoto.net/2022/09/05/concurrent-page-fault-handling-with-per-vma-locks/ (LWN 906852)
        see Linux source: arch/x86/mm/fault.c

        pattern tlb-shootdown-ipi
        title Unmapping memory waits until every CPU that runs the process has flushed its translations
        scope host-wide
        share 3
        confidence documented
        entries syscall page-fault kthread irq
        calls munmap madvise mprotect mremap exit_group
        strong running flush_tlb_mm_range|native_flush_tlb_multi|native_flush_tlb_others|arch_tlbbatch_flush > @IPI
        supporting running tlb_finish_mmu|tlb_flush_mmu > flush_tlb_mm_range
        strong running asm_sysvec_call_function|call_function_interrupt|sysvec_call_function >
          flush_tlb_func|flush_tlb_func_remote
        supporting running try_to_unmap_flush > arch_tlbbatch_flush
        shared All CPUs that the process has run on, with whatever other container runs there at the moment.
        cause Allocators and garbage collectors that give memory back, mprotect as a barrier, mapped databases, reclaim,
          NUMA balancing.
        remedy Keep memory longer, MADV_FREE instead of MADV_DONTNEED, larger batches, huge pages; a cpuset of fewer
          CPUs; more processes.
        check the rows TLB and CAL of /proc/interrupts
        see https://newsletter.onedfrk.com/archive/b71d2c16-a8e5-450d-8eca-25d216781df7
        see https://unseel.com/cs/tlb-shootdown
        see http://mail.spinics.net/lists/linux-mm/msg87192.html

        pattern membarrier-expedited-ipi
        title membarrier interrupts every CPU that runs the process, one caller at a time
        scope host-wide
        share 3
        confidence documented
        entries syscall irq
        calls membarrier
        strong running membarrier_private_expedited|membarrier_global_expedited > @IPI
        strong waiting membarrier_private_expedited|membarrier_global_expedited > @MUTEX
        strong running asm_sysvec_call_function|asm_sysvec_call_function_single|call_function_interrupt >
          ipi_mb|ipi_sync_core|ipi_rseq
        shared Those CPUs, and one mutex for the whole machine.
        cause .NET's garbage collector, liburcu, folly and other lock-free libraries, some JITs.
        remedy Fewer collections, fewer CPUs for each container (cpuset); going back to mprotect would be worse.
        check the row CAL of /proc/interrupts; the rate of membarrier
        see https://github.com/dotnet/coreclr/pull/20949
        see https://github.com/dotnet/coreclr/issues/1563
        see Linux source: kernel/sched/membarrier.c

        pattern membarrier-registration-grace-period
        title membarrier's registration, or its global command, waits for an RCU grace period
        scope own
        share 1
        confidence documented
        entries syscall
        calls membarrier
        strong waiting __x64_sys_membarrier|__do_sys_membarrier|__arm64_sys_membarrier > @RCUWAIT
        strong waiting sync_runqueues_membarrier_state > @RCUWAIT
        shared The machine's grace periods: milliseconds, or tens of them on many CPUs.
        cause A runtime that registers after its first thread was made; many short-lived processes of it.
        remedy Register before the second thread exists (.NET does since runtime pull request 106724); never use
          MEMBARRIER_CMD_GLOBAL often.
        check off-CPU stacks in synchronize_rcu under membarrier
        see https://github.com/dotnet/runtime/issues/106722
        see https://github.com/dotnet/runtime/pull/106724

        pattern memcg-reclaim-at-limit
        title A container at its memory limit frees its own pages in the middle of calls and faults
        scope own
        share 3
        confidence documented
        entries syscall page-fault exit-to-user
        calls read pread64 write pwrite64 mmap openat sendmsg recvmsg execve
        strong any try_charge|try_charge_memcg|mem_cgroup_try_charge|charge_memcg > try_to_free_mem_cgroup_pages
        strong any mem_cgroup_handle_over_high|__mem_cgroup_handle_over_high > reclaim_high
        strong running try_to_free_mem_cgroup_pages > shrink_node >
          shrink_lruvec|evict_folios|shrink_inactive_list|shrink_node_memcg
        supporting running try_to_free_mem_cgroup_pages > do_try_to_free_pages
        shared The container's own memory; what it evicts it reads again from a disk that others use too.
        cause The page cache counts towards the limit: writers of logs, file servers, databases with small limits.
        remedy Raise the limit; let the program use less cache (O_DIRECT, smaller files); reclaim ahead of need through
          memory.reclaim.
        check max and high in memory.events, full in memory.pressure, workingset_refault_file in memory.stat
        see https://www.michal-drozd.com/en/blog/container-page-cache-thrashing/
        see https://melisai.dev/docs/19-page-reclaim-thp
        see Linux source: mm/memcontrol.c, mm/vmscan.c

        pattern memcg-oom-loop
        title Containers killed for lack of memory again and again: lock, task lists and a slow console
        scope host-wide
        share 1
        confidence plausible
        entries page-fault syscall
        calls mmap read write brk
        strong running mem_cgroup_out_of_memory > out_of_memory > oom_kill_process|dump_header
        supporting running dump_header > mem_cgroup_print_oom_meminfo|dump_task|__show_mem|show_free_areas
        strong running dump_header|oom_kill_process > vprintk_emit > console_unlock|console_flush_all >
          univ8250_console_write|serial8250_console_write
        shared One mutex for all out-of-memory kills, and the console.
        cause A container that restarts into the same limit; many tasks in it; a serial console.
        remedy Mend the limit or the leak; vm.oom_dump_tasks=0; a quieter console (kernel.printk).
        check oom_kill in memory.events
        see https://kernel-internals.org/mm/reading-oom-log

        pattern memcg-charge-counter
        title Memory accounting of neighbouring cgroups bounces between CPUs
        scope shared
        share 8
        confidence documented
        entries page-fault syscall softirq
        calls sendmsg recvmsg socket openat clone mmap
        supporting self page_counter_try_charge|page_counter_cancel|page_counter_uncharge|propagate_protected_usage
        supporting running
          obj_cgroup_charge|refill_obj_stock|__memcg_slab_post_alloc_hook|memcg_slab_post_alloc_hook|__memcg_slab_free_\
        hook
        strong running try_charge_memcg|try_charge|uncharge_batch|refill_stock >
          page_counter_try_charge|page_counter_uncharge
        shared The counters of each ancestor cgroup, which all containers below it update.
        cause High rates of allocation in several cgroups on one CPU, deep hierarchies, working at the limit.
        remedy Flatter hierarchies, cpusets that keep busy cgroups apart, room below the limit; newer kernels keep more
          on each CPU.
        check perf annotate page_counter_try_charge
        see https://lkml.rescloud.iu.edu/hypermail/linux/kernel/2606.0/11251.html
        see https://patchew.org/linux/20260410210742.550489-1-joshua.hahnjy@gmail.com/
        see https://android-kvm.googlesource.com/linux/+/cdec2e4265dfa09490601b00aeabd8a8d4af30f0

        pattern cgroup-rstat-flush-lock
        title Reading cgroup statistics sums up all CPUs under one lock
        scope host-wide
        share 3
        confidence documented
        entries syscall kthread
        calls read pread64
        strong running cgroup_rstat_flush|mem_cgroup_flush_stats|cgroup_rstat_flush_hold > cgroup_rstat_flush_locked
        strong running
          cgroup_rstat_flush|cgroup_rstat_flush_locked|__cgroup_rstat_lock|cgroup_rstat_flush_irqsafe|css_rstat_flush >
          @SPIN
        strong running
          memory_stat_show|memcg_stat_show|memory_numa_stat_show|cpu_stat_show|cgroup_stat_show|blkcg_print_stat >
          cgroup_rstat_flush|mem_cgroup_flush_stats|css_rstat_flush|cgroup_rstat_flush_hold
        strong running kswapd > balance_pgdat > shrink_node >
          cgroup_rstat_flush|cgroup_rstat_flush_locked|mem_cgroup_flush_stats|css_rstat_flush
        shared The statistics of all cgroups on all CPUs: the work grows with CPUs times active cgroups.
        cause cAdvisor, kubelet and other agents that read memory.stat or cpu.stat of every container every few seconds;
          memory reclaim.
        remedy Read less often and only what is needed, with one agent instead of several; Linux 6.8 and newer skip much
          of it.
        check the tracepoint cgroup:cgroup_rstat_lock_contended
        see https://lkml.iu.edu/hypermail/linux/kernel/2409.0/05785.html
        see http://mail.spinics.net/lists/cgroups/msg45814.html
        see https://cos.googlesource.com/third_party/kernel/+/86bf003bc4f46df961f18920d6af487699dc98d3
        see https://android-kvm.googlesource.com/linux/+/bb902cb47cf93b33cd92b3b7a4019330a03ef57f%5E
        see Linux source: kernel/cgroup/rstat.c

        pattern zombie-memcg-stat-walk
        title Dead memory cgroups make statistics and reclaim walk tens of thousands of groups
        scope host-wide
        share 5
        confidence documented
        entries syscall kthread
        calls read
        strong running memcg_stat_show|memory_stat_show >
          memcg_sum_events|mem_cgroup_nr_lru_pages|mem_cgroup_iter|tree_stat
        strong running memcg_stat_show|memory_stat_show > css_next_descendant_pre|mem_cgroup_iter
        supporting running shrink_node > mem_cgroup_iter|css_next_descendant_pre
        supporting running worker_thread > process_one_work > cache_reap
        shared The kernel's tree of memory cgroups: a removed one stays while pages charged to it live.
        cause Short-lived or crashing containers and units, and an agent that reads memory.stat.
        remedy A newer kernel; memory.reclaim or drop_caches as first aid; stop what makes and removes cgroups.
        check num_cgroups in /proc/cgroups against the number of directories; nr_dying_descendants in cgroup.stat
        see https://sysdesign-wiki.pages.dev/concepts/zombie-memory-cgroup/
        see https://theojulienne.io/2019/07/06/debugging-network-latency-kubernetes.html
        see https://www.plushcap.com/content/github/blog/github-debugging-network-stalls-on-kubernetes
        see https://github.com/google/cadvisor/issues/1774
        see https://blogs.oracle.com/linux/?p=2100
        see https://www.sobyte.net/post/2022-01/memory-cgroup/
        see http://mail.spinics.net/lists/linux-mm/msg176783.html

        pattern lru-lock-contention
        title CPUs that allocate, free and reclaim pages fight over the page lists' lock
        scope host-wide
        share 3
        confidence documented
        entries syscall page-fault kthread
        calls read write munmap exit_group madvise fadvise64
        strong running folio_lruvec_lock|folio_lruvec_lock_irq|folio_lruvec_lock_irqsave|lock_page_lruvec_irqsave >
          @SPIN
        strong running
          release_pages|folios_put_refs|__page_cache_release|pagevec_lru_move_fn|__pagevec_lru_add|folio_batch_move_lru
          > @SPIN
        strong running
          shrink_lruvec|shrink_inactive_list|shrink_active_list|move_folios_to_lru|isolate_lru_folios|isolate_lru_pages
          > @SPIN
        shared The lists of pages in use: before Linux 5.11 one lock for each NUMA node and all containers, then one for
          each cgroup.
        cause Parallel reading and writing through the page cache, many processes that end at once, memory pressure.
        remedy Linux 5.11 or newer; O_DIRECT for streams; separate cgroups.
        check perf lock contention
        see https://git.karo-electronics.de/?a=commit&h=744ed1442757&p=mv-sheeva.git
        see Linux source: include/linux/mmzone.h

        pattern zone-lock-contention
        title CPUs that fetch and return pages fight over the page allocator's lock
        scope host-wide
        share 3
        confidence documented
        entries syscall page-fault softirq
        calls munmap madvise exit_group mmap read write
        strong running get_page_from_freelist|rmqueue_bulk|__rmqueue_pcplist > @SPIN
        strong running free_pcppages_bulk|free_one_page|free_unref_page|free_frozen_page_commit > @SPIN
        supporting running tlb_finish_mmu|exit_mmap|release_pages|folios_put_refs > free_pcppages_bulk
        shared The free pages of a NUMA node's zone.
        cause Allocators that free on one CPU what others allocated, large processes that end together, a page cache
          that turns over quickly.
        remedy Keep memory in the allocator, stagger what frees, huge pages; vm.percpu_pagelist_high_fraction; Linux 6.7
          sizes its lists by itself.
        check spinning under rmqueue_bulk or free_pcppages_bulk
        see https://lkml.iu.edu/hypermail/linux/kernel/2604.0/05978.html
        see https://lkml.indiana.edu/hypermail/linux/kernel/1802.0/02579.html

        pattern slab-list-lock
        title Kernel objects allocated on one CPU and freed on another pass through one list
        scope host-wide
        share 3
        confidence documented
        entries syscall softirq
        calls sendmsg recvmsg openat close socket epoll_ctl clone
        strong running ___slab_alloc > get_partial_node|get_partial|get_any_partial > @SPIN
        strong running __slab_free|__unfreeze_partials|deactivate_slab|put_cpu_partial > @SPIN
        supporting running kmem_cache_alloc|kmem_cache_alloc_noprof > ___slab_alloc
        shared The partly used slabs of each kind of object; all containers share them since Linux 5.9.
        cause Network services whose packets change CPUs, storms of open and close, container churn.
        remedy Keep producer and consumer on the same CPUs, reuse connections and descriptors; cpu_partial in
          /sys/kernel/slab.
        check slabinfo; the tracepoint kmem:kmem_cache_alloc
        see
          https://git.ipfire.org/cgi-bin/gitweb.cgi?a=commit&h=40fd0acc45d06709b3b1eea77e50e13f4145dff0&p=thirdparty%2F\
        kernel%2Flinux.git
        see https://www.kernelconfig.io/CONFIG_SLUB_CPU_PARTIAL

        pattern thp-direct-compaction
        title A page fault for a huge page compacts memory, or clears 2 MiB, before it returns
        scope host-wide
        share 3
        confidence documented
        entries page-fault syscall kthread
        calls mmap madvise
        strong any do_huge_pmd_anonymous_page > __alloc_pages_direct_compact|try_to_compact_pages
        strong running try_to_compact_pages > compact_zone_order > compact_zone|isolate_migratepages_block
        supporting running compaction_alloc|isolate_freepages_block|isolate_migratepages_block > @SPIN
        supporting running do_huge_pmd_anonymous_page > clear_huge_page|folio_zero_user > clear_page_erms|clear_page_rep
        supporting running kcompactd > kcompactd_do_work
        shared Contiguous memory of the whole machine: who fragments it makes others compact.
        cause transparent_hugepage=always, or defrag=always, with databases, JVMs, Redis or Go; machines that ran for
          long.
        remedy defrag=defer+madvise, or enabled=madvise; PR_SET_THP_DISABLE for one process; hugetlbfs;
          vm.compaction_proactiveness.
        check compact_stall and thp_fault_fallback in /proc/vmstat
        see https://loke.dev/blog/linux-thp-compaction-stall-performance
        see https://melisai.dev/docs/19-page-reclaim-thp

        pattern khugepaged-collapse
        title khugepaged holds a process's address space while it makes huge pages of small ones
        scope shared
        share 3
        confidence plausible
        entries kthread
        strong running khugepaged > collapse_huge_page|hpage_collapse_scan_pmd
        strong waiting collapse_huge_page > @RWSEMW
        supporting running khugepaged > collapse_huge_page >
          clear_page_erms|clear_page_rep|clear_huge_page|folio_zero_user
        shared One kernel thread's CPU time, and its victims' mmap_lock.
        cause transparent_hugepage=always with many large processes; khugepaged set to work fast.
        remedy enabled=madvise, a larger scan_sleep_millisecs, max_ptes_none=0.
        check pages_collapsed in /sys/kernel/mm/transparent_hugepage/khugepaged
        see Linux source: mm/khugepaged.c

        pattern shrinker-rwsem-slab-walk
        title Mounts and memory cgroups make the shrinking of caches long, and block each other over its list
        scope host-wide
        share 3
        confidence documented
        entries syscall kthread page-fault
        calls mount umount2 read write unshare clone
        strong waiting register_shrinker|register_shrinker_prepared|unregister_shrinker|prealloc_shrinker > @RWSEMW
        strong running shrink_slab > do_shrink_slab > super_cache_count|super_cache_scan
        supporting running do_shrink_slab > super_cache_scan > list_lru_walk_one|prune_dcache_sb|prune_icache_sb
        supporting waiting shrinker_register|shrinker_free > @MUTEX
        shared The machine's list of shrinkers: superblocks times cgroups times NUMA nodes.
        cause Many containers with many mounts; starts and stops under memory pressure; one slow shrinker.
        remedy Linux 6.7 or newer; fewer mounts; no drop_caches from cron.
        check the tracepoints vmscan:mm_shrink_slab_start and _end
        see https://pipedot.org/article/6ESGA
        see http://mail.spinics.net/lists/mm-commits/msg177719.html
        see Linux source: mm/vmscan.c, mm/shrinker.c

        pattern numa-balancing-hinting
        title NUMA balancing unmaps pages to see who uses them, and faults them in again
        scope own
        share 5
        confidence documented
        entries page-fault exit-to-user
        strong running task_work_run > task_numa_work > change_prot_numa > change_protection
        strong running handle_mm_fault > do_numa_page|task_numa_fault
        strong running migrate_misplaced_page|migrate_misplaced_folio > migrate_pages
        shared The process's page tables; other CPUs are interrupted to flush.
        cause Large heaps on machines with several sockets, without a cpuset.
        remedy kernel.numa_balancing=0 where work is pinned; cpuset.cpus and cpuset.mems; a longer scan period.
        check numa_hint_faults and numa_pte_updates in /proc/vmstat
        see https://sysctl-explorer.net/kernel/numa_balancing/
        see https://blogs.oracle.com/linux/numa-balancing
        see https://git.stricted.de?a=commitdiff&h=10fc05d0e551146ad6feb0ab8902d28a2d3c5624

        pattern vm-committed-as-counter
        title The machine's count of promised memory bounces between CPUs with every mapping
        scope host-wide
        share 3
        confidence plausible
        entries syscall
        calls mmap munmap brk mprotect clone
        strong running __vm_enough_memory > percpu_counter_add_batch|__percpu_counter_add > @SPIN
        supporting running do_mmap|mmap_region|do_vmi_align_munmap|__do_sys_brk >
          __vm_enough_memory|percpu_counter_add_batch
        shared One counter that each private writable mapping of each container updates.
        cause Many processes that map and unmap often on a machine of many CPUs.
        remedy Linux 5.10 or newer and vm.overcommit_memory other than 2; fewer mappings.
        check spinning under percpu_counter_add_batch in __vm_enough_memory
        see Linux commit 56f3547bfa4d “mm: adjust vm_committed_as_batch according to vm overcommit policy”
        see Linux source: mm/mm_init.c

        pattern percpu-alloc-mutex
        title New processes and cgroups queue for the allocator of per-CPU memory
        scope host-wide
        share 3
        confidence documented
        entries syscall kthread
        calls clone clone3 fork vfork execve mkdir unshare
        strong running mm_init|copy_process|dup_mmap > __percpu_counter_init|__percpu_counter_init_many >
          pcpu_alloc|pcpu_alloc_noprof
        strong waiting pcpu_alloc|pcpu_alloc_noprof > @MUTEX
        strong running pcpu_alloc|pcpu_alloc_noprof|free_percpu > @SPIN
        supporting running mem_cgroup_css_alloc|cgroup_mkdir > pcpu_alloc|pcpu_alloc_noprof
        supporting running worker_thread > pcpu_balance_workfn
        shared One mutex and one spinlock for the machine; the work grows with its CPUs.
        cause Storms of fork and exec (shell scripts, probes by exec, builds), container churn.
        remedy Fewer processes: probes by HTTP or gRPC, no shell around them; Linux 6.6 or newer.
        check time in pcpu_alloc; Percpu in /proc/meminfo
        see https://kernel.googlesource.com/pub/scm/linux/kernel/git/dennis/percpu.git/+/refs/tags/percpu-for-6.6
        see https://lkml.iu.edu/hypermail/linux/kernel/2511.3/05142.html

        pattern vmap-area-lock
        title Kernel stacks, BPF programs and large buffers queue for the kernel's own address space
        scope host-wide
        share 3
        confidence documented
        entries syscall kthread
        calls clone clone3 fork bpf seccomp setsockopt
        strong running alloc_vmap_area|free_vmap_area_noflush|find_vm_area|remove_vm_area > @SPIN
        strong running __purge_vmap_area_lazy|purge_vmap_node|_vm_unmap_aliases > @IPI
        supporting running copy_process > __vmalloc_node_range|__vmalloc_node_range_noprof|__vmalloc_node_noprof
        supporting waiting __purge_vmap_area_lazy|drain_vmap_area_work > @MUTEX
        shared The map of the kernel's addresses, and flushes on all CPUs when it is cleaned.
        cause Threads and processes that come and go faster than stacks are cached; BPF or seccomp filters loaded for
          each container.
        remedy Pools of threads; Linux 6.9 or newer; load filters once.
        check the length of /proc/vmallocinfo
        see https://noise.getoto.net/2023/05/26/mitigating-vmap-lock-contention/ (LWN 932396)
        see http://git.maquefel.me/?a=commit&h=72210662c5a2b6005f6daea7fe293a0dc573e1a5&p=linux.git
        """
}
