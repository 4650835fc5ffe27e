/// Which fields a PERF_RECORD_SAMPLE and the trailers of the other records have: `perf_event_attr.sample_type`.
///
/// Source: `enum perf_event_sample_format` in linux/perf_event.h, complete up to Linux 6.18.
public struct SampleFields: OptionSet, Hashable, Sendable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// PERF_SAMPLE_IP: the instruction pointer.
    public static let ip = SampleFields(rawValue: 1 << 0)
    /// PERF_SAMPLE_TID: process and thread id.
    public static let tid = SampleFields(rawValue: 1 << 1)
    /// PERF_SAMPLE_TIME: nanoseconds of the event's clock.
    public static let time = SampleFields(rawValue: 1 << 2)
    /// PERF_SAMPLE_ADDR: the data address, where the event has one.
    public static let address = SampleFields(rawValue: 1 << 3)
    /// PERF_SAMPLE_READ: the counters' values, laid out as `ReadFormat` says.
    public static let read = SampleFields(rawValue: 1 << 4)
    /// PERF_SAMPLE_CALLCHAIN: addresses and context markers, innermost first.
    public static let callchain = SampleFields(rawValue: 1 << 5)
    /// PERF_SAMPLE_ID: the event's id (of the group's leader for a child event).
    public static let id = SampleFields(rawValue: 1 << 6)
    /// PERF_SAMPLE_CPU: the CPU's number.
    public static let cpu = SampleFields(rawValue: 1 << 7)
    /// PERF_SAMPLE_PERIOD: what the sample stands for.
    public static let period = SampleFields(rawValue: 1 << 8)
    /// PERF_SAMPLE_STREAM_ID: the event's own id, also for a child event.
    public static let streamID = SampleFields(rawValue: 1 << 9)
    /// PERF_SAMPLE_RAW: data of the event's own format, such as a tracepoint's fields.
    public static let raw = SampleFields(rawValue: 1 << 10)
    /// PERF_SAMPLE_BRANCH_STACK: the last branches taken.
    public static let branchStack = SampleFields(rawValue: 1 << 11)
    /// PERF_SAMPLE_REGS_USER: the registers of user code.
    public static let userRegisters = SampleFields(rawValue: 1 << 12)
    /// PERF_SAMPLE_STACK_USER: a copy of the user stack from the stack pointer upwards.
    public static let userStack = SampleFields(rawValue: 1 << 13)
    /// PERF_SAMPLE_WEIGHT: what the sampled operation cost the hardware.
    public static let weight = SampleFields(rawValue: 1 << 14)
    /// PERF_SAMPLE_DATA_SRC: where in the memory hierarchy the data came from.
    public static let dataSource = SampleFields(rawValue: 1 << 15)
    /// PERF_SAMPLE_IDENTIFIER: the event's id at a place that does not depend on the other fields.
    public static let identifier = SampleFields(rawValue: 1 << 16)
    /// PERF_SAMPLE_TRANSACTION: why a memory transaction was aborted.
    public static let transaction = SampleFields(rawValue: 1 << 17)
    /// PERF_SAMPLE_REGS_INTR: the registers when the sample was taken, in user code or in the kernel.
    public static let interruptRegisters = SampleFields(rawValue: 1 << 18)
    /// PERF_SAMPLE_PHYS_ADDR: the physical address of the data.
    public static let physicalAddress = SampleFields(rawValue: 1 << 19)
    /// PERF_SAMPLE_AUX: a piece of the AUX area.
    public static let aux = SampleFields(rawValue: 1 << 20)
    /// PERF_SAMPLE_CGROUP: the id of the task's cgroup (Linux 5.7).
    public static let cgroup = SampleFields(rawValue: 1 << 21)
    /// PERF_SAMPLE_DATA_PAGE_SIZE: the page size at the data address (Linux 5.11).
    public static let dataPageSize = SampleFields(rawValue: 1 << 22)
    /// PERF_SAMPLE_CODE_PAGE_SIZE: the page size at the instruction pointer (Linux 5.11).
    public static let codePageSize = SampleFields(rawValue: 1 << 23)
    /// PERF_SAMPLE_WEIGHT_STRUCT: `weight` in three parts, in the same eight bytes (Linux 5.12).
    public static let weightStruct = SampleFields(rawValue: 1 << 24)

    /// All fields whose place and size this room knows.
    static let known = SampleFields(rawValue: (1 << 25) - 1)
    /// The fields that the trailer of a record that is no sample repeats: `struct sample_id`.
    static let trailer: SampleFields = [.tid, .time, .id, .streamID, .cpu, .identifier]

    /// How many fields these are.
    @inline(__always) var count: Int { rawValue.nonzeroBitCount }
}

/// How counter values are laid out: `perf_event_attr.read_format`.
///
/// Source: `enum perf_event_read_format` in linux/perf_event.h.
public struct ReadFormat: OptionSet, Hashable, Sendable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let totalTimeEnabled = ReadFormat(rawValue: 1 << 0)
    public static let totalTimeRunning = ReadFormat(rawValue: 1 << 1)
    public static let id = ReadFormat(rawValue: 1 << 2)
    public static let group = ReadFormat(rawValue: 1 << 3)
    /// PERF_FORMAT_LOST (Linux 6.0).
    public static let lost = ReadFormat(rawValue: 1 << 4)

    static let known = ReadFormat(rawValue: (1 << 5) - 1)
}

/// The bits of `perf_event_attr.branch_sample_type` that change the size of a branch stack.
///
/// Source: `enum perf_branch_sample_type` in linux/perf_event.h.
public struct BranchFormat: OptionSet, Hashable, Sendable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// PERF_SAMPLE_BRANCH_HW_INDEX: one word before the entries (Linux 5.7).
    public static let hardwareIndex = BranchFormat(rawValue: 1 << 17)
    /// PERF_SAMPLE_BRANCH_COUNTERS: one word for each entry, behind the entries (Linux 6.8).
    public static let counters = BranchFormat(rawValue: 1 << 19)
}
