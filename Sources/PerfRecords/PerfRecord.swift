public import ProfileModel

/// One record of a perf ring or a perf.data file, as a value.
public enum PerfRecord: Hashable, Sendable {
    case sample(SampleRecord)
    /// Indirect so that it does not make every sample larger: a value of at most 128 bytes decodes in 40 ns, not 65.
    indirect case mapping(MappingRecord)
    case comm(CommRecord)
    case fork(TaskRecord)
    case exit(TaskRecord)
    case lost(LostRecord)
    case lostSamples(LostSamplesRecord)
    case throttle(ThrottleRecord)
    case unthrottle(ThrottleRecord)
    case cgroup(CgroupRecord)
    case kernelSymbol(KernelSymbolRecord)
    case contextSwitch(SwitchRecord)
    /// A record of a type that jostle does not know or does not use.
    case unknown(type: UInt32)
}

/// The trailer of every record that is no sample: who caused the record, when and where.
///
/// A field that the event's layout does not have is 0. Source: `struct sample_id` in linux/perf_event.h.
public struct SampleID: Hashable, Sendable {
    public var pid = ProcessID(0)
    public var tid = ThreadID(0)
    /// Nanoseconds of the event's clock.
    public var time: UInt64 = 0
    public var streamID: UInt64 = 0
    public var cpu: UInt32 = 0
    /// The event's id, from PERF_SAMPLE_IDENTIFIER or, where there is none, PERF_SAMPLE_ID.
    public var identifier: UInt64 = 0

    init() {}
}

/// A process mapped something: PERF_RECORD_MMAP or PERF_RECORD_MMAP2.
public struct MappingRecord: Hashable, Sendable {
    /// -1 for a mapping of the kernel's own, which only tools write.
    public var pid: ProcessID
    public var tid: ThreadID
    /// Without a `file` in the old PERF_RECORD_MMAP, and where the kernel sent a build ID in the file's place.
    public var mapping: Mapping
    /// PROT_* bits; nil in the old PERF_RECORD_MMAP.
    public var protection: UInt32?
    /// MAP_* bits; nil in the old PERF_RECORD_MMAP.
    public var flags: UInt32?
    /// Whether the mapping is not executable.
    public var isData: Bool
    /// Whether the mapping is the kernel's own or a process's.
    public var mode: CPUMode
    public var sampleID: SampleID
}

/// A thread got a name: PERF_RECORD_COMM.
public struct CommRecord: Hashable, Sendable {
    public var pid: ProcessID
    public var tid: ThreadID
    public var comm: String
    /// Whether execve(2) gave it: all mappings from before are gone.
    public var isExec: Bool
    public var sampleID: SampleID
}

/// A thread began or ended: PERF_RECORD_FORK, PERF_RECORD_EXIT.
public struct TaskRecord: Hashable, Sendable {
    public var pid: ProcessID
    /// The parent's process; equal to `pid` when a process got one more thread.
    public var parentPID: ProcessID
    public var tid: ThreadID
    public var parentTID: ThreadID
    /// Nanoseconds of the event's clock, read a moment before `sampleID.time`.
    public var time: UInt64
    public var sampleID: SampleID
}

/// The ring was full: PERF_RECORD_LOST.
public struct LostRecord: Hashable, Sendable {
    /// The id of the event that had no room.
    public var eventID: UInt64
    /// Records lost since the last such record.
    public var count: UInt64
    public var sampleID: SampleID
}

/// Samples were dropped before they reached the ring: PERF_RECORD_LOST_SAMPLES.
public struct LostSamplesRecord: Hashable, Sendable {
    /// Samples dropped.
    public var count: UInt64
    public var sampleID: SampleID
}

/// The kernel began or ceased to hold an event back: PERF_RECORD_THROTTLE, PERF_RECORD_UNTHROTTLE.
public struct ThrottleRecord: Hashable, Sendable {
    /// Nanoseconds of the event's clock.
    public var time: UInt64
    public var eventID: UInt64
    public var streamID: UInt64
    public var sampleID: SampleID
}

/// A cgroup's id got a path: PERF_RECORD_CGROUP.
public struct CgroupRecord: Hashable, Sendable {
    public var id: CgroupID
    /// Below the root of the hierarchy that has the perf_event controller; `/` for the root itself.
    public var path: String
    public var sampleID: SampleID
}

/// Kernel code appeared or vanished while the kernel ran: PERF_RECORD_KSYMBOL.
public struct KernelSymbolRecord: Hashable, Sendable {
    /// The first address.
    public var start: VirtualAddress
    public var byteCount: UInt32
    /// `enum perf_record_ksymbol_type`: 1 for BPF, 2 for ftrace's and kprobes' out-of-line code.
    public var type: UInt16
    /// PERF_RECORD_KSYMBOL_FLAGS_*.
    public var flags: UInt16
    public var name: String
    public var sampleID: SampleID

    /// Whether the code vanished.
    public var isUnregistered: Bool { flags & KernelSymbolFlags.unregister != 0 }
}

/// A thread went off a CPU or came onto it: PERF_RECORD_SWITCH, PERF_RECORD_SWITCH_CPU_WIDE. The thread is the one in
/// `sampleID`.
public struct SwitchRecord: Hashable, Sendable {
    public enum Direction: Hashable, Sendable {
        /// The thread came onto the CPU.
        case `in`
        /// The thread left the CPU.
        case out
    }

    /// The other side of a switch.
    public struct Task: Hashable, Sendable {
        public var pid: ProcessID
        public var tid: ThreadID
    }

    public var direction: Direction
    /// Whether the thread could have run on when it was taken off; false for a switch in.
    public var isPreempted: Bool
    /// The thread that comes next (out) or that ran before (in); nil in a PERF_RECORD_SWITCH, which does not say.
    public var other: Task?
    public var sampleID: SampleID
}

extension PerfRecord {
    /// The trailer; nil for a sample and for an unknown record.
    public var sampleID: SampleID? {
        switch self {
        case .sample, .unknown: nil
        case .mapping(let record): record.sampleID
        case .comm(let record): record.sampleID
        case .fork(let record), .exit(let record): record.sampleID
        case .lost(let record): record.sampleID
        case .lostSamples(let record): record.sampleID
        case .throttle(let record), .unthrottle(let record): record.sampleID
        case .cgroup(let record): record.sampleID
        case .kernelSymbol(let record): record.sampleID
        case .contextSwitch(let record): record.sampleID
        }
    }

    /// When the record was written, in nanoseconds of the event's clock; nil for an unknown record, 0 where
    /// the event's layout has no time.
    public var time: UInt64? {
        if case .sample(let sample) = self { return sample.time }
        return sampleID?.time
    }
}
