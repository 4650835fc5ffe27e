/// A lock of the kernel's that threads were seen to wait for: one object in its memory.
public struct Lock: Hashable, Sendable {
    /// Where it lies in the kernel's memory.
    public var address: VirtualAddress
    public var kind: LockKind
    /// The kernel's name of the variable that the address lies in; nil where it has none, or was not told.
    public var symbol: String?

    public init(address: VirtualAddress, kind: LockKind, symbol: String? = nil) {
        self.address = address
        self.kind = kind
        self.symbol = symbol
    }
}

/// What sort of lock it is. The raw value is the recording's `locks.kind` and the word in reports.
public enum LockKind: String, Hashable, Sendable, Codable, CaseIterable {
    case spinlock
    case rwlock
    case mutex
    case rwsem
    case percpuRwsem = "percpu rwsem"
    case rtMutex = "rt-mutex"
    case semaphore

    /// - Parameter flags: of `lock:contention_begin`. Source: trace/events/lock.h.
    public init(flags: LockFlags) {
        if flags.contains(.mutex) {
            self = .mutex
        } else if flags.contains(.percpu) {
            self = .percpuRwsem
        } else if flags.contains(.realTime) {
            self = .rtMutex
        } else if flags.isDisjoint(with: [.read, .write]) {
            // A semaphore's wait has no flag at all.
            self = flags.contains(.spin) ? .spinlock : .semaphore
        } else {
            self = flags.contains(.spin) ? .rwlock : .rwsem
        }
    }
}

/// The flags of `lock:contention_begin`. Source: trace/events/lock.h.
public struct LockFlags: OptionSet, Hashable, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let spin = LockFlags(rawValue: 1)
    public static let read = LockFlags(rawValue: 2)
    public static let write = LockFlags(rawValue: 4)
    public static let realTime = LockFlags(rawValue: 8)
    public static let percpu = LockFlags(rawValue: 16)
    public static let mutex = LockFlags(rawValue: 32)
}

/// The waits of one container's process for one lock, by one way through the code, that ended in one slice of time.
///
/// A second view on time that is also in samples: asleep as `blocked`, spinning as on-CPU. The two are never added up.
public struct LockWait: Hashable, Sendable {
    /// Start of the slice in which the waits ended, nanoseconds since the start of the recording.
    public var time: Int64
    /// Index into `Profile.containers`.
    public var container: Int
    /// Index into `Profile.processes`; nil where no wait that this stands for was looked at closely.
    public var process: Int?
    /// Node of `Profile.stacks`; -1 where no wait that this stands for was looked at closely.
    public var stack: Int32
    /// Index into `Profile.locks`.
    public var lock: Int
    /// How often the lock was waited for.
    public var contentions: Int64
    /// Nanoseconds from the first `contention_begin` of a wait to its `contention_end`, summed up.
    public var waited: Int64

    public init(
        time: Int64, container: Int, process: Int?, stack: Int32, lock: Int, contentions: Int64, waited: Int64
    ) {
        self.time = time
        self.container = container
        self.process = process
        self.stack = stack
        self.lock = lock
        self.contentions = contentions
        self.waited = waited
    }
}

/// For how long a container waited for a lock while another one, or it itself, probably held it.
///
/// Inferred: from the end of a thread's wait for a lock, it holds the lock until the next wait for it ends. Whoever takes
/// it without having to wait is not seen.
public struct LockHold: Hashable, Sendable {
    /// Index into `Profile.locks`.
    public var lock: Int
    /// Index into `Profile.containers`: who waited.
    public var waiter: Int
    /// Index into `Profile.containers`: who probably held the lock.
    public var holder: Int
    /// Nanoseconds of waiting, summed up over the waiting threads.
    public var waited: Int64

    public init(lock: Int, waiter: Int, holder: Int, waited: Int64) {
        self.lock = lock
        self.waiter = waiter
        self.holder = holder
        self.waited = waited
    }
}
