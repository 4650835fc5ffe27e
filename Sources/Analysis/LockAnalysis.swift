internal import ProfileModel

/// Who waited for which lock, and who for whom.
struct LockAnalysis {
    private let whole: ProfileAnalysis
    private let profile: Profile
    private let facts: StackFacts

    /// Of the time of one thread: what is waited less for is not listed.
    static let leastWait = 0.01
    /// The same for run queues: whoever has to share a CPU takes their locks, in interrupts and when switched, and a little
    /// of that is no contention.
    static let leastWaitForRunQueue = 0.05
    /// Of a lock's waiting: whoever has less is not named.
    static let leastShare = 0.01

    init(_ whole: ProfileAnalysis) {
        self.whole = whole
        profile = whole.profile
        facts = whole.facts
    }

    /// One container's waits for one lock.
    private struct Waiter {
        var waited: Int64 = 0
        var contentions: Int64 = 0
        var entries: [Int32: Int64] = [:]
        var sites: [Int32: Int64] = [:]
    }
    private struct Sum {
        var waited: Int64 = 0
        var contentions: Int64 = 0
        var waiters: [Int: Waiter] = [:]
        /// By the function that takes the lock, index into `FunctionCharging.names`.
        var functions: [Int32: Int64] = [:]
        var processes: Set<Int> = []
    }

    /// - Parameter chosen: only locks that one of these containers waits for.
    /// - Returns: longest waited for first, and how many of little consequence there are besides; nil where locks were not
    ///   recorded.
    func reports(chosen: Set<Int>) -> (locks: [LockReport], omitted: Int)? {
        guard profile.recording.hasLocks else { return nil }
        var sums = [Sum](repeating: Sum(), count: profile.locks.count)
        for wait in profile.lockWaits { add(wait, to: &sums[wait.lock]) }
        var holds: [Int: [Int: Int64]] = [:]
        for hold in profile.lockHolds { holds[hold.lock, default: [:]][hold.holder, default: 0] &+= hold.waited }
        let duration = Double(profile.recording.durationNanoseconds)
        let used = sums.indices.filter { !chosen.isDisjoint(with: sums[$0].waiters.keys) }
        let listed = used.filter { index in
            let least = family(of: index, sums[index]) == .runQueue ? Self.leastWaitForRunQueue : Self.leastWait
            return Double(sums[index].waited) >= duration * least
        }.sorted { (sums[$1].waited, $0) < (sums[$0].waited, $1) }
        let functions = listed.map { heaviest(sums[$0].functions) }
        let running = Running(whole, functions: Set(functions.compactMap(\.self)))
        let locks = zip(listed, functions).map { index, function in
            report(sums[index], index: index, function: function, holds: holds[index] ?? [:], running: running)
        }
        return (locks, used.count - listed.count)
    }

    private func add(_ wait: LockWait, to sum: inout Sum) {
        sum.waited &+= wait.waited
        sum.contentions &+= wait.contentions
        var waiter = sum.waiters[wait.container] ?? Waiter()
        waiter.waited &+= wait.waited
        waiter.contentions &+= wait.contentions
        if let process = wait.process { sum.processes.insert(process) }
        if wait.stack >= 0, facts.attribution.entry[Int(wait.stack)] >= 0 {
            let syscall = facts.attribution.syscall[Int(wait.stack)]
            let entry = facts.entry(ofKernelSampleAt: wait.stack)
            // A wait inside an interrupt is the interrupt's, whatever it interrupted.
            let isInterrupt = !facts.attribution.entries[Int(entry)].kind.hasCallSite
            waiter.entries[syscall >= 0 && !isInterrupt ? syscall : entry, default: 0] &+= wait.waited
            if !isInterrupt, let site = facts.callSites.place(of: wait.stack) {
                waiter.sites[site, default: 0] &+= wait.waited
            }
            let taker = facts.charging.charge(leaf: wait.stack, isWaiting: true).function
            if taker >= 0 { sum.functions[taker, default: 0] &+= wait.waited }
        }
        sum.waiters[wait.container] = waiter
    }

    private func family(of index: Int, _ sum: Sum) -> LockFamily? {
        heaviest(sum.functions).flatMap {
            LockFamily(kind: profile.locks[index].kind, takenIn: facts.charging.names[Int($0)])
        }
    }

    private func heaviest(_ times: [Int32: Int64]) -> Int32? {
        times.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    private func report(
        _ sum: Sum, index: Int, function: Int32?, holds: [Int: Int64], running: Running
    ) -> LockReport {
        let lock = profile.locks[index]
        let total = Double(max(1, sum.waited))
        func share(_ time: Int64) -> Double { (Double(time) / total).roundedForReport }
        let waiters = sum.waiters.filter { share($0.value.waited) >= Self.leastShare }
        let holders = holds.filter { share($0.value) >= Self.leastShare }
        let involved = Set(waiters.keys).union(holders.keys)
        let duration = Double(max(1, profile.recording.durationNanoseconds))
        return LockReport(
            name: name(of: lock, function: function.map { facts.charging.names[Int($0)] }, processes: sum.processes),
            kind: lock.kind.rawValue, address: "0x" + String(lock.address.rawValue, radix: 16),
            scope: involved.count > 1 ? .shared : .own, waitNanoseconds: sum.waited, contentions: sum.contentions,
            waiters: waiters.sorted { ($1.value.waited, $0.key) < ($0.value.waited, $1.key) }.map { container, waiter in
                let entry = heaviest(waiter.entries)
                return LockWaiter(
                    container: profile.containers[container].name, waitNanoseconds: waiter.waited,
                    contentions: waiter.contentions, share: share(waiter.waited),
                    boundOfGain: (Double(waiter.waited) / duration).roundedForReport,
                    syscall: entry.map { facts.attribution.entries[Int($0)].name },
                    libcName: entry.flatMap { facts.attribution.entries[Int($0)].libcName },
                    syscallNanoseconds: entry.flatMap { waiter.entries[$0] },
                    callSite: heaviest(waiter.sites).map { facts.callSites.places[Int($0)] })
            },
            holders: holders.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { container, time in
                LockHolder(
                    container: profile.containers[container].name, waitNanoseconds: time, share: share(time),
                    inferred: true)
            },
            running: function.map { running.containers(under: $0) } ?? [])
    }

    private func name(of lock: Lock, function: String?, processes: Set<Int>) -> String {
        if let symbol = lock.symbol {
            // `lock` or `lock.3` of a function's own says nothing without the function.
            let isGeneric = symbol.prefix { $0 != "." }.count < 7 && !symbol.contains("_")
            return isGeneric ? function.map { "\(symbol) in \($0)" } ?? symbol : symbol
        }
        guard let function else { return "\(lock.kind.rawValue) at 0x" + String(lock.address.rawValue, radix: 16) }
        guard let family = LockFamily(kind: lock.kind, takenIn: function) else {
            return "\(lock.kind.rawValue) in \(function)"
        }
        guard family == .addressSpace, processes.count == 1, let process = processes.first else {
            return family.rawValue
        }
        let owner = profile.processes[process]
        return "\(family.rawValue) of \(owner.comm)(\(owner.pid.rawValue))"
    }
}

/// Locks without a name of their own that are known by who takes them.
private enum LockFamily: String {
    case addressSpace = "mmap_lock"
    case runQueue = "run queue's lock"
    case pipe = "pipe's mutex"
    case inode = "inode's i_rwsem"
    case futex = "futex bucket's lock"

    init?(kind: LockKind, takenIn function: String) {
        switch (kind, function) {
        case (.rwsem, _) where Self.addressSpaceTakers.contains(function): self = .addressSpace
        case (.rwsem, _) where Self.inodeTakers.contains(function): self = .inode
        case (.mutex, "pipe_read"), (.mutex, "pipe_write"), (.mutex, "anon_pipe_read"), (.mutex, "anon_pipe_write"),
            (.mutex, "fifo_pipe_read"), (.mutex, "fifo_pipe_write"):
            self = .pipe
        case (.spinlock, _) where Self.runQueueTakers.contains(function): self = .runQueue
        case (.spinlock, "futex_q_lock"), (.spinlock, "futex_wake"), (.spinlock, "futex_hash"): self = .futex
        default: return nil
        }
    }

    private static let runQueueTakers: Set<String> = [
        "raw_spin_rq_lock_nested", "raw_spin_rq_lock", "__task_rq_lock", "task_rq_lock", "try_to_wake_up", "ttwu_queue",
        "ttwu_do_activate", "wake_up_new_task", "sched_tick", "scheduler_tick", "__schedule", "sched_balance_rq",
        "load_balance", "sched_balance_newidle", "newidle_balance", "sched_balance_update_blocked_averages",
        "update_blocked_averages", "do_sched_yield", "yield_task_fair", "sched_exec", "__balance_callbacks",
    ]
    private static let addressSpaceTakers: Set<String> = [
        "vm_mmap_pgoff", "__vm_munmap", "vm_munmap", "do_mprotect_pkey", "__do_sys_brk", "do_madvise", "madvise_lock",
        "__do_sys_mremap", "lock_mm_and_find_vma", "do_user_addr_fault", "exit_mmap", "dup_mmap", "do_mlock",
        "mmap_write_lock_killable", "mmap_read_lock_killable", "madvise_walk_vmas", "vm_brk_flags",
    ]
    private static let inodeTakers: Set<String> = [
        "ext4_buffered_write_iter", "ext4_file_write_iter", "generic_file_write_iter", "xfs_ilock", "open_last_lookups",
        "path_openat", "do_unlinkat", "do_rmdir", "filename_create", "iterate_dir", "lock_rename", "do_truncate",
        "chmod_common", "chown_common", "shmem_file_write_iter", "btrfs_inode_lock", "start_creating",
    ]
}

/// Who was on a CPU under some functions.
private struct Running {
    private var times: [Int32: [Int: Int64]] = [:]
    private let profile: Profile

    init(_ whole: ProfileAnalysis, functions: Set<Int32>) {
        profile = whole.profile
        guard !functions.isEmpty else { return }
        let facts = whole.facts
        let stacks = profile.stacks
        // The innermost of the functions that a node lies under; parents stand before their children.
        var under = [Int32](repeating: -1, count: facts.attribution.entry.count)
        for node in under.indices where facts.attribution.entry[node] >= 0 {
            let function = facts.charging.name(ofFrame: Int(stacks.frame[node]))
            let parent = Int(stacks.parent[node])
            under[node] = functions.contains(function) ? function : parent >= 0 ? under[parent] : -1
        }
        for (container, tally) in whole.tallies.enumerated() {
            for stack in tally.stacks where stack.node >= 0 && stack.kernelCPU > 0 {
                let function = under[Int(stack.node)]
                guard function >= 0, !facts.charging.charge(leaf: stack.node, isWaiting: false).isSpinning else {
                    continue
                }
                times[function, default: [:]][container, default: 0] &+= stack.kernelCPU
            }
        }
    }

    func containers(under function: Int32) -> [LockRunner] {
        (times[function] ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { container, time in
            LockRunner(container: profile.containers[container].name, cpuNanoseconds: time)
        }
    }
}
