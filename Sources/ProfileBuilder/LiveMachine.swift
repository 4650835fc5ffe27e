public import ObjectTables
public import PerfRecords
public import ProfileModel
public import Recording

/// What the records do not say and the builder asks of the machine, while the things it asks about live.
public protocol LiveMachine {
    /// A process that began before the recording, or whose beginning was not seen; nil when it is gone.
    func process(_ pid: ProcessID) -> KnownProcess?

    /// The module that a mapping shows, opened while it lives.
    ///
    /// - Parameter relatives: processes that may still live when `pid` is gone and see the same files.
    /// - Returns: nil while the file is still being read, which can take its time: to be asked again.
    func module(shownBy mapping: Mapping, in pid: ProcessID, relatives: [ProcessID]) -> LiveModule?

    /// The kernel's function at an address; nil when its symbols are hidden, or there is none.
    func kernelFunction(at address: VirtualAddress) -> KernelFunction?

    /// The kernel's variable that lies at an address; nil where none does, or its name is hidden.
    func kernelVariable(at address: VirtualAddress) -> String?

    /// The container that a new cgroup is, and its row; nil where it is none, or new ones are not wanted.
    func container(madeAs cgroup: CgroupID, path: String) -> (row: RowID, container: Container)?

    /// Kernel code came or went while the kernel ran.
    func follow(_ record: KernelSymbolRecord)

    /// What a thread does at this moment; nil when it is gone.
    func standing(of tid: ThreadID, in pid: ProcessID) -> ThreadStanding?

    /// Whether a thread is still there, and has not ended.
    func exists(_ tid: ThreadID, in pid: ProcessID) -> Bool

    /// What a process is called at this moment; nil when it is gone.
    func comm(of pid: ProcessID) -> String?
}

extension LiveMachine {
    public func kernelVariable(at address: VirtualAddress) -> String? { nil }

    public func container(madeAs cgroup: CgroupID, path: String) -> (row: RowID, container: Container)? { nil }
    public func standing(of tid: ThreadID, in pid: ProcessID) -> ThreadStanding? { nil }
    public func exists(_ tid: ThreadID, in pid: ProcessID) -> Bool { true }
    public func comm(of pid: ProcessID) -> String? { nil }
}

/// A thread as it was found: asleep somewhere, or running or waiting for a CPU.
public struct ThreadStanding: Sendable {
    /// When it was looked at, nanoseconds of CLOCK_MONOTONIC.
    public var time: UInt64
    public var isRunnable: Bool
    /// The CPU that it was on last.
    public var cpu: Int32
    /// Where in the kernel it sleeps, innermost first; empty for one that is runnable.
    public var kernel: [KernelFunction]
    /// Where it entered the kernel; nil where that could not be seen.
    public var user: User?

    public struct User: Sendable {
        public var instructionPointer: UInt64
        public var stackPointer: UInt64
        /// Memory from the stack pointer upwards.
        public var stack: [UInt8]
        public init(instructionPointer: UInt64, stackPointer: UInt64, stack: [UInt8]) {
            self.instructionPointer = instructionPointer
            self.stackPointer = stackPointer
            self.stack = stack
        }
    }

    public init(time: UInt64, isRunnable: Bool, cpu: Int32, kernel: [KernelFunction], user: User?) {
        self.time = time
        self.isRunnable = isRunnable
        self.cpu = cpu
        self.kernel = kernel
        self.user = user
    }
}

/// A process as it was found, rather than as it was followed.
public struct KnownProcess: Sendable {
    public var comm: String
    public var parent: ProcessID
    public var threads: [(tid: ThreadID, comm: String)]
    public var mappings: [Mapping]
    public init(comm: String, parent: ProcessID, threads: [(tid: ThreadID, comm: String)], mappings: [Mapping]) {
        self.comm = comm
        self.parent = parent
        self.threads = threads
        self.mappings = mappings
    }
}

/// A module that was opened, or of which only the name is known.
public struct LiveModule: Sendable {
    /// The same number for the same file, whatever process maps it.
    public var key: Int
    public var module: Module
    /// nil when the file could not be opened.
    public var header: ModuleHeader?
    public var unwindTable: UnwindTable?
    public init(key: Int, module: Module, header: ModuleHeader?, unwindTable: UnwindTable?) {
        self.key = key
        self.module = module
        self.header = header
        self.unwindTable = unwindTable
    }
}

/// A function of the running kernel.
public struct KernelFunction: Sendable, Hashable {
    public var name: String
    public var start: VirtualAddress
    /// The kernel module; nil for the kernel itself.
    public var module: String?
    public init(name: String, start: VirtualAddress, module: String?) {
        self.name = name
        self.start = start
        self.module = module
    }
}
