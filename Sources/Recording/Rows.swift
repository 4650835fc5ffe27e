public import ProfileModel

/// A row id: dense, from 1, given by whoever builds the rows.
public typealias RowID = Int64

public struct ProcessRow: Sendable {
    public var id: RowID
    public var pid: ProcessID
    public var comm: String
    public init(id: RowID, pid: ProcessID, comm: String) {
        self.id = id
        self.pid = pid
        self.comm = comm
    }
}

public struct ThreadRow: Sendable {
    public var id: RowID
    public var tid: ThreadID
    public var process: RowID
    public var comm: String
    public init(id: RowID, tid: ThreadID, process: RowID, comm: String) {
        self.id = id
        self.tid = tid
        self.process = process
        self.comm = comm
    }
}

public struct ModuleRow: Sendable {
    public var id: RowID
    public var module: Module
    public init(id: RowID, module: Module) {
        self.id = id
        self.module = module
    }
}

/// One address. Its names may be known at once (the kernel's) or come later (`FrameNames`).
public struct FrameRow: Sendable {
    public var id: RowID
    public var kind: Frame.Kind
    public var module: RowID?
    public var address: UInt64
    public var function: String?
    public init(id: RowID, kind: Frame.Kind, module: RowID?, address: UInt64, function: String?) {
        self.id = id
        self.kind = kind
        self.module = module
        self.address = address
        self.function = function
    }
}

/// The names of a frame that was written before they were known.
public struct FrameNames: Sendable {
    public var frame: RowID
    public var function: String?
    public var file: String?
    public var line: Int?
    public var inlinedInto: [InlineCaller]
    public var syscallNumber: Int?
    public init(
        frame: RowID, function: String?, file: String?, line: Int?, inlinedInto: [InlineCaller] = [],
        syscallNumber: Int? = nil
    ) {
        self.frame = frame
        self.function = function
        self.file = file
        self.line = line
        self.inlinedInto = inlinedInto
        self.syscallNumber = syscallNumber
    }
}

public struct StackRow: Sendable {
    public var id: RowID
    /// nil for an outermost frame; else smaller than `id`.
    public var parent: RowID?
    public var frame: RowID
    @inlinable public init(id: RowID, parent: RowID?, frame: RowID) {
        self.id = id
        self.parent = parent
        self.frame = frame
    }
}

public struct SampleRow: Sendable {
    /// Nanoseconds since the start.
    public var time: Int64
    public var cpu: Int32
    public var thread: RowID
    public var container: RowID
    public var stack: RowID?
    public var kind: SampleKind
    public var mode: SampleMode
    /// In the unit of `kind`.
    public var weight: Int64
    @inlinable public init(
        time: Int64, cpu: Int32, thread: RowID, container: RowID, stack: RowID?, kind: SampleKind, mode: SampleMode,
        weight: Int64
    ) {
        self.time = time
        self.cpu = cpu
        self.thread = thread
        self.container = container
        self.stack = stack
        self.kind = kind
        self.mode = mode
        self.weight = weight
    }
}

public struct SyscallCountRow: Sendable {
    public var container: RowID
    public var number: Int
    /// Start of the slice, nanoseconds since the start.
    public var time: Int64
    public var calls: Int64
    public init(container: RowID, number: Int, time: Int64, calls: Int64) {
        self.container = container
        self.number = number
        self.time = time
        self.calls = calls
    }
}

/// A lock that somebody waited for.
public struct LockRow: Sendable {
    public var id: RowID
    public var lock: Lock
    public init(id: RowID, lock: Lock) {
        self.id = id
        self.lock = lock
    }
}

/// See `LockWait`.
public struct LockWaitRow: Sendable, Equatable {
    public var time: Int64
    public var container: RowID
    public var process: RowID?
    public var stack: RowID?
    public var lock: RowID
    public var contentions: Int64
    public var waited: Int64
    public init(
        time: Int64, container: RowID, process: RowID?, stack: RowID?, lock: RowID, contentions: Int64, waited: Int64
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

/// See `LockHold`; the sum up to now.
public struct LockHoldRow: Sendable, Equatable {
    public var id: RowID
    public var lock: RowID
    public var waiter: RowID
    public var holder: RowID
    public var waited: Int64
    public init(id: RowID, lock: RowID, waiter: RowID, holder: RowID, waited: Int64) {
        self.id = id
        self.lock = lock
        self.waiter = waiter
        self.holder = holder
        self.waited = waited
    }
}

public struct PressureRow: Sendable {
    public var container: RowID?
    public var name: String
    public var unit: String
    public var before: Int64
    public var after: Int64
    public init(container: RowID?, name: String, unit: String, before: Int64, after: Int64) {
        self.container = container
        self.name = name
        self.unit = unit
        self.before = before
        self.after = after
    }
}

/// Rows that wait for the next commit, in the order in which tables refer to each other.
public struct RowBatch: Sendable {
    /// Written or replaced: a container's CPU times change until the end.
    public var containers: [(id: RowID, container: Container)] = []
    /// Written or replaced: a comm changes with exec.
    public var processes: [ProcessRow] = []
    public var threads: [ThreadRow] = []
    /// Written or replaced: `symbolsSkipped` is known at the end.
    public var modules: [ModuleRow] = []
    public var frames: [FrameRow] = []
    public var names: [FrameNames] = []
    public var stacks: [StackRow] = []
    public var samples: [SampleRow] = []
    public var syscallCounts: [SyscallCountRow] = []
    public var pressure: [PressureRow] = []
    public var locks: [LockRow] = []
    public var lockWaits: [LockWaitRow] = []
    /// Written or replaced: they grow until the end.
    public var lockHolds: [LockHoldRow] = []

    public init() {}

    public mutating func removeAll() {
        containers.removeAll(keepingCapacity: true)
        processes.removeAll(keepingCapacity: true)
        threads.removeAll(keepingCapacity: true)
        modules.removeAll(keepingCapacity: true)
        frames.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        stacks.removeAll(keepingCapacity: true)
        samples.removeAll(keepingCapacity: true)
        syscallCounts.removeAll(keepingCapacity: true)
        pressure.removeAll(keepingCapacity: true)
        locks.removeAll(keepingCapacity: true)
        lockWaits.removeAll(keepingCapacity: true)
        lockHolds.removeAll(keepingCapacity: true)
    }
}
