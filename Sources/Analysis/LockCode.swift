/// What a kernel function is to somebody who asks where time goes: the place itself, or machinery between the place and
/// the CPU that is to be charged to its caller.
enum CodeRole: Hashable, Sendable {
    case plain
    /// Taking a lock. Only slow paths tell of contention; the fast paths around them are lock code all the same.
    case lock(Obstacle, isSlowPath: Bool)
    /// Enables interrupts again: `cpu-clock`, itself an interrupt, sees here what ran while they were off.
    case interruptsOn
    case scheduler
    /// Waiting for something that others finish.
    case wait(Obstacle)

    /// - Parameter name: a kernel function's name, normalized.
    init(of name: String) {
        if let known = Self.exact[name] {
            self = known
            return
        }
        for (prefix, role) in Self.prefixes where name.hasPrefix(prefix) {
            self = role
            return
        }
        self = .plain
    }

    private static let exact: [String: CodeRole] = [
        "native_queued_spin_lock_slowpath": .lock(.spinlock, isSlowPath: true),
        "queued_spin_lock_slowpath": .lock(.spinlock, isSlowPath: true),
        "__pv_queued_spin_lock_slowpath": .lock(.spinlock, isSlowPath: true),
        "resilient_queued_spin_lock_slowpath": .lock(.spinlock, isSlowPath: true),
        "__pv_wait_node": .lock(.spinlock, isSlowPath: true), "pv_wait_node": .lock(.spinlock, isSlowPath: true),
        "kvm_wait": .lock(.spinlock, isSlowPath: true), "xen_qlock_wait": .lock(.spinlock, isSlowPath: true),
        "do_raw_spin_lock": .lock(.spinlock, isSlowPath: false),
        "queued_write_lock_slowpath": .lock(.rwlock, isSlowPath: true),
        "queued_read_lock_slowpath": .lock(.rwlock, isSlowPath: true),
        "mutex_spin_on_owner": .lock(.mutex, isSlowPath: true),
        "mutex_optimistic_spin": .lock(.mutex, isSlowPath: true),
        "osq_lock": .lock(.spinQueue, isSlowPath: true),
        "rwsem_spin_on_owner": .lock(.rwsem, isSlowPath: true),
        "rwsem_optimistic_spin": .lock(.rwsem, isSlowPath: true),
        "percpu_down_write": .lock(.percpuRwsem, isSlowPath: true),
        "percpu_rwsem_wait": .lock(.percpuRwsem, isSlowPath: true),
        "down": .lock(.semaphore, isSlowPath: false), "down_interruptible": .lock(.semaphore, isSlowPath: false),
        "down_killable": .lock(.semaphore, isSlowPath: false), "down_timeout": .lock(.semaphore, isSlowPath: false),
        "rtmutex_spin_on_owner": .lock(.rtMutex, isSlowPath: true), "rt_spin_lock": .lock(.rtMutex, isSlowPath: false),
        "finish_task_switch": .interruptsOn,
        "io_schedule": .scheduler, "context_switch": .scheduler, "prepare_task_switch": .scheduler,
        "bit_wait": .wait(.bit), "bit_wait_io": .wait(.bit), "__wait_on_bit": .wait(.bit),
        "__wait_on_bit_lock": .wait(.bit), "out_of_line_wait_on_bit": .wait(.bit),
        "out_of_line_wait_on_bit_lock": .wait(.bit), "wait_for_common": .wait(.completion),
        "__wait_for_common": .wait(.completion), "__flush_work": .wait(.workItem), "flush_work": .wait(.workItem),
        "__flush_workqueue": .wait(.workQueue), "flush_workqueue": .wait(.workQueue),
        "drain_workqueue": .wait(.workQueue), "__wait_rcu_gp": .wait(.rcu), "rcu_barrier": .wait(.rcu),
        "wait_rcu_exp_gp": .wait(.rcu), "exp_funnel_lock": .wait(.rcu),
        "smp_call_function_many_cond": .wait(.otherCPUs), "smp_call_function_many": .wait(.otherCPUs),
        "smp_call_function_single": .wait(.otherCPUs), "on_each_cpu_cond_mask": .wait(.otherCPUs),
        "stop_one_cpu": .wait(.otherCPUs), "stop_machine": .wait(.otherCPUs), "stop_cpus": .wait(.otherCPUs),
        "stop_two_cpus": .wait(.otherCPUs), "stop_machine_cpuslocked": .wait(.otherCPUs),
    ]

    private static let prefixes: [(String, CodeRole)] = [
        ("_raw_spin_unlock_irq", .interruptsOn), ("__raw_spin_unlock_irq", .interruptsOn),
        ("_raw_read_unlock_irq", .interruptsOn), ("_raw_write_unlock_irq", .interruptsOn),
        ("_raw_spin_lock", .lock(.spinlock, isSlowPath: false)),
        ("__raw_spin_lock", .lock(.spinlock, isSlowPath: false)),
        ("_raw_read_lock", .lock(.rwlock, isSlowPath: false)),
        ("_raw_write_lock", .lock(.rwlock, isSlowPath: false)),
        ("__mutex_lock", .lock(.mutex, isSlowPath: true)),
        ("mutex_lock", .lock(.mutex, isSlowPath: false)),
        ("rwsem_down_", .lock(.rwsem, isSlowPath: true)),
        ("call_rwsem_down_", .lock(.rwsem, isSlowPath: true)),
        ("__percpu_down_", .lock(.percpuRwsem, isSlowPath: true)),
        ("percpu_down_", .lock(.percpuRwsem, isSlowPath: false)),
        ("down_read", .lock(.rwsem, isSlowPath: false)),
        ("down_write", .lock(.rwsem, isSlowPath: false)),
        ("__down_read", .lock(.rwsem, isSlowPath: false)),
        ("__down_write", .lock(.rwsem, isSlowPath: false)),
        ("___down_common", .lock(.semaphore, isSlowPath: true)),
        ("__down", .lock(.semaphore, isSlowPath: true)),
        ("__rt_mutex_", .lock(.rtMutex, isSlowPath: true)),
        ("rt_mutex_", .lock(.rtMutex, isSlowPath: true)),
        ("rtlock_slow", .lock(.rtMutex, isSlowPath: true)),
        ("__ww_mutex_lock", .lock(.wwMutex, isSlowPath: true)),
        ("ww_mutex_lock", .lock(.wwMutex, isSlowPath: false)),
        ("__schedule", .scheduler), ("schedule", .scheduler), ("io_schedule", .scheduler),
        ("preempt_schedule", .scheduler), ("__cond_resched", .scheduler),
        ("perf_event_task_sched", .scheduler), ("__perf_event_task_sched", .scheduler),
        ("wait_for_completion", .wait(.completion)), ("synchronize_rcu", .wait(.rcu)),
        ("synchronize_srcu", .wait(.rcu)), ("__synchronize_srcu", .wait(.rcu)), ("synchronize_sched", .wait(.rcu)),
    ]
}

/// What lies between a place in the kernel and the CPU.
enum Obstacle: UInt8, Hashable, Sendable {
    case spinlock, rwlock, mutex, rwsem, percpuRwsem, semaphore, rtMutex, wwMutex
    /// The queue of spinners that mutexes and rwsems share; its caller says which of them it is.
    case spinQueue
    case bit, completion, workItem, workQueue, rcu, otherCPUs
    case interruptsOff

    /// The word in reports.
    var word: String {
        switch self {
        case .spinlock: "spinlock"
        case .rwlock: "rwlock"
        case .mutex: "mutex"
        case .rwsem: "rwsem"
        case .percpuRwsem: "percpu rwsem"
        case .semaphore: "semaphore"
        case .rtMutex: "rt-mutex"
        case .wwMutex: "ww-mutex"
        case .spinQueue: "optimistic spin"
        case .bit: "bit"
        case .completion: "completion"
        case .workItem: "work item"
        case .workQueue: "work queue"
        case .rcu: "RCU"
        case .otherCPUs: "other CPUs"
        case .interruptsOff: "interrupts were off"
        }
    }
}

/// One kernel function to which time is charged.
struct ChargedFunction: Hashable {
    /// Index into `FunctionCharging.names`; -1 where it has no name.
    var function: Int32
    /// What lay between.
    var through: Obstacle?
    /// On-CPU inside a lock's slow path.
    var isSpinning: Bool
}

/// Charges samples to functions: lock code to the nearest caller that is not lock code, the scheduler to whoever slept.
struct FunctionCharging {
    private let attribution: EntryAttribution
    private let parents: [Int32]
    private let frames: [Int32]
    private let roles: [CodeRole]
    private let isCPUClock: Bool
    /// The functions' names, each once.
    let names: [String]
    private let nameOfFrame: [Int32]

    init(parents: [Int32], frames: [Int32], attribution: EntryAttribution, isCPUClock: Bool) {
        self.parents = parents
        self.frames = frames
        self.attribution = attribution
        self.isCPUClock = isCPUClock
        roles = attribution.functions.map { $0.map(CodeRole.init(of:)) ?? .plain }
        var names: [String] = []
        var indices: [String: Int32] = [:]
        nameOfFrame = attribution.functions.map { function in
            guard let function else { return -1 }
            if let known = indices[function] { return known }
            let new = Int32(truncatingIfNeeded: names.count)
            names.append(function)
            indices[function] = new
            return new
        }
        self.names = names
    }

    /// Index into `names`; -1 where the frame has no name.
    func name(ofFrame frame: Int) -> Int32 { nameOfFrame.indices.contains(frame) ? nameOfFrame[frame] : -1 }

    func isScheduler(frame: Int) -> Bool { roles.indices.contains(frame) && roles[frame] == .scheduler }

    /// - Parameters:
    ///   - leaf: the sample's stack node, in kernel code.
    ///   - isWaiting: the thread was off the CPU, so that scheduler and wait functions are not the place either.
    func charge(leaf: Int32, isWaiting: Bool) -> ChargedFunction {
        let leaf = attribution.outsideNMI[Int(leaf)]
        let entry = attribution.entryNode[Int(leaf)]
        var node = leaf
        var lock: Obstacle?
        var isSlow = false
        var wait: Obstacle?
        var wereOff = false
        var depth = 0
        walk: while node >= entry, node >= 0, attribution.entry[Int(node)] >= 0 {
            switch roles[Int(frames[Int(node)])] {
            case .lock(let kind, let isSlowPath):
                if lock == nil || lock == .spinQueue { lock = kind }
                isSlow = isSlow || isSlowPath
            case .interruptsOn where depth == 0 && isCPUClock && !isWaiting: wereOff = true
            case .interruptsOn where isWaiting: break
            case .scheduler where isWaiting: break
            case .wait(let what) where isWaiting: if wait == nil { wait = what }
            default: break walk
            }
            if node == entry { return unresolved(leaf, isWaiting: isWaiting) }
            node = parents[Int(node)]
            depth += 1
        }
        guard node >= 0, attribution.entry[Int(node)] >= 0 else { return unresolved(leaf, isWaiting: isWaiting) }
        let through = lock ?? wait ?? (wereOff ? .interruptsOff : nil)
        return ChargedFunction(
            function: nameOfFrame[Int(frames[Int(node)])], through: through,
            isSpinning: !isWaiting && isSlow && !wereOff)
    }

    /// Lock code all the way to the entry: the innermost frame stands for itself.
    private func unresolved(_ leaf: Int32, isWaiting: Bool) -> ChargedFunction {
        guard attribution.entry[Int(leaf)] >= 0 else {
            return ChargedFunction(function: -1, through: nil, isSpinning: false)
        }
        let frame = Int(frames[Int(leaf)])
        var isSpinning = false
        if case .lock(_, isSlowPath: true) = roles[frame] { isSpinning = !isWaiting }
        return ChargedFunction(function: nameOfFrame[frame], through: nil, isSpinning: isSpinning)
    }
}
