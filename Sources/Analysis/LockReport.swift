/// A lock of the kernel's that the recorded containers waited for. Times in nanoseconds, summed up over threads.
///
/// A second view on time that the containers' system calls have as well: never to be added to theirs.
public struct LockReport: Sendable, Codable, Equatable {
    /// The kernel's name of it, or its sort and where it is taken: `mutex in __lru_add_drain_all`.
    public var name: String
    /// `mutex`, `rwsem`, `spinlock` …
    public var kind: String
    /// Where it lies, hexadecimal: it tells locks of one name apart.
    public var address: String
    public var scope: LockScope
    public var waitNanoseconds: Int64
    /// How often it was waited for.
    public var contentions: Int64
    /// Who waited; longest first.
    public var waiters: [LockWaiter]
    /// Who probably held it meanwhile; longest first.
    public var holders: [LockHolder]
    /// Who was on a CPU under the function that takes it, and not waiting for it.
    public var running: [LockRunner]

    enum CodingKeys: String, CodingKey {
        case name, kind, address, scope
        case waitNanoseconds = "wait_ns"
        case contentions, waiters, holders, running
    }
}

/// Whose matter a lock is. The raw value is the word in JSON.
public enum LockScope: String, Sendable, Codable {
    /// The threads of one container among themselves.
    case own
    /// Containers that share nothing else wait for each other.
    case shared
}

/// One container that waited for a lock.
public struct LockWaiter: Sendable, Codable, Equatable {
    public var container: String
    public var waitNanoseconds: Int64
    public var contentions: Int64
    /// Of all waiting for the lock, between 0 and 1.
    public var share: Double
    /// Threads, on average, that waited: the most that the container could get back without this wait.
    public var boundOfGain: Double
    /// The entry into the kernel with most of the waiting; nil where no stack was seen.
    public var syscall: String?
    public var libcName: String?
    /// Of the wait that `syscall` has.
    public var syscallNanoseconds: Int64?
    /// The place in the application with most of the waiting.
    public var callSite: CodePlace?

    enum CodingKeys: String, CodingKey {
        case container
        case waitNanoseconds = "wait_ns"
        case contentions, share
        case boundOfGain = "bound_of_gain_threads"
        case syscall
        case libcName = "libc_name"
        case syscallNanoseconds = "syscall_wait_ns"
        case callSite = "call_site"
    }
}

/// One container that probably held a lock while others, or its own threads, waited for it.
public struct LockHolder: Sendable, Codable, Equatable {
    public var container: String
    public var waitNanoseconds: Int64
    /// Of all waiting for the lock, between 0 and 1; what is left over is not known.
    public var share: Double
    /// Always true: it follows from the order of the waits, and nobody saw the lock being held.
    public var inferred: Bool

    enum CodingKeys: String, CodingKey {
        case container
        case waitNanoseconds = "wait_ns"
        case share, inferred
    }
}

/// One container that was on a CPU under the function that takes a lock.
public struct LockRunner: Sendable, Codable, Equatable {
    public var container: String
    public var cpuNanoseconds: Int64

    enum CodingKeys: String, CodingKey {
        case container
        case cpuNanoseconds = "cpu_ns"
    }
}

/// A path through the kernel that several containers run under and that is known to be shared: contention without a lock,
/// or the possibility of it.
public struct SharedPath: Sendable, Codable, Equatable {
    /// Functions from the outside inwards.
    public var path: [String]
    /// The pattern that knows it.
    public var pattern: String
    /// Longest first; two at least.
    public var containers: [PathUser]
    /// What the kernel counted meanwhile that belongs to it.
    public var counters: [Counter]

    public struct PathUser: Sendable, Codable, Equatable {
        public var container: String
        public var timeNanoseconds: Int64
        /// Of the container's kernel time, between 0 and 1.
        public var share: Double

        enum CodingKeys: String, CodingKey {
            case container
            case timeNanoseconds = "time_ns"
            case share
        }
    }
}

/// A figure of the kernel's own, before and after the recording.
public struct Counter: Sendable, Codable, Equatable {
    public var name: String
    public var unit: String
    public var before: Int64
    public var after: Int64
}
