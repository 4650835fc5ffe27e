internal import CPerfEvent
import Glibc
public import PerfRecords

/// What to open: one kernel event and what each of its records carries.
public struct EventDescription: Sendable, Hashable {
    public enum Source: Sendable, Hashable {
        /// The CPU's cycle counter.
        case cycles
        /// A high-resolution timer that runs with the CPU: samples land wherever interrupts are on.
        case cpuClock
        /// Each switch of a task off a CPU.
        case contextSwitches
        /// A tracepoint by its id in tracefs.
        case tracepoint(id: UInt64)
        /// No event: only the records of mappings, tasks and names.
        case dummy

        /// The name in reports and errors.
        public var name: String {
            switch self {
            case .cycles: "cycles"
            case .cpuClock: "cpu-clock"
            case .contextSwitches: "context-switches"
            case .tracepoint(let id): "tracepoint \(id)"
            case .dummy: "dummy"
            }
        }
    }
    public enum Sampling: Sendable, Hashable {
        /// Samples per second; the kernel adapts the period.
        case frequency(Int)
        /// One sample for each `n` events.
        case period(UInt64)
        case counting
    }

    public var source: Source
    public var sampling: Sampling
    public var layout: SampleLayout
    /// Bytes of user stack copied with each sample; a multiple of 8; only where the layout has `userStack`.
    public var userStackBytes: UInt32
    /// Leave the user part of callchains out: it is unwound from registers and the stack copy.
    public var excludesUserCallchain: Bool
    public var excludesKernel: Bool
    /// No samples of the idle task.
    public var excludesIdle: Bool
    /// Whether records of mappings, names, forks, exits, cgroups and kernel symbols come with this event.
    public var followsTasks: Bool
    /// Whether records of switches on and off the CPU come with this event.
    public var followsSwitches: Bool
    /// Wake the reader when this many bytes wait in the ring.
    public var wakeupBytes: UInt32

    public init(
        source: Source, sampling: Sampling, layout: SampleLayout, userStackBytes: UInt32 = 0,
        excludesUserCallchain: Bool = false, excludesKernel: Bool = false, excludesIdle: Bool = true,
        followsTasks: Bool = false, followsSwitches: Bool = false, wakeupBytes: UInt32 = 0
    ) {
        self.source = source
        self.sampling = sampling
        self.layout = layout
        self.userStackBytes = userStackBytes
        self.excludesUserCallchain = excludesUserCallchain
        self.excludesKernel = excludesKernel
        self.excludesIdle = excludesIdle
        self.followsTasks = followsTasks
        self.followsSwitches = followsSwitches
        self.wakeupBytes = wakeupBytes
    }

    /// The kernel's form of this description; times are of CLOCK_MONOTONIC, the event starts disabled.
    ///
    /// Source: perf_event_open(2).
    func attributes(_ abilities: KernelAbilities) -> perf_event_attr {
        var attr = perf_event_attr()
        attr.size = UInt32(MemoryLayout<perf_event_attr>.size)
        switch source {
        case .cycles:
            attr.type = PERF_TYPE_HARDWARE.rawValue
            attr.config = UInt64(PERF_COUNT_HW_CPU_CYCLES.rawValue)
        case .cpuClock:
            attr.type = PERF_TYPE_SOFTWARE.rawValue
            attr.config = UInt64(PERF_COUNT_SW_CPU_CLOCK.rawValue)
        case .contextSwitches:
            attr.type = PERF_TYPE_SOFTWARE.rawValue
            attr.config = UInt64(PERF_COUNT_SW_CONTEXT_SWITCHES.rawValue)
        case .tracepoint(let id):
            attr.type = PERF_TYPE_TRACEPOINT.rawValue
            attr.config = id
        case .dummy:
            attr.type = PERF_TYPE_SOFTWARE.rawValue
            attr.config = UInt64(PERF_COUNT_SW_DUMMY.rawValue)
        }
        switch sampling {
        case .frequency(let hertz):
            attr.freq = 1
            attr.sample_freq = UInt64(max(1, hertz))
        case .period(let period):
            attr.sample_period = period
        case .counting:
            break
        }
        attr.sample_type = layout.sampleFields.rawValue
        attr.read_format = KernelAbilities.timesFormat | (abilities.countsLost ? cperfevent_format_lost : 0)
        attr.sample_regs_user = layout.userRegisterMask
        attr.sample_stack_user = userStackBytes
        attr.disabled = 1
        attr.sample_id_all = 1
        attr.use_clockid = 1
        attr.clockid = CLOCK_MONOTONIC
        attr.exclude_kernel = excludesKernel ? 1 : 0
        attr.exclude_idle = excludesIdle ? 1 : 0
        attr.exclude_callchain_user = excludesUserCallchain ? 1 : 0
        if followsTasks {
            attr.mmap = 1
            attr.mmap2 = 1
            attr.build_id = abilities.sendsBuildIDs ? 1 : 0
            attr.cgroup = abilities.sendsCgroups ? 1 : 0
            attr.comm = 1
            attr.comm_exec = 1
            attr.task = 1
            attr.ksymbol = 1
        }
        attr.context_switch = followsSwitches ? 1 : 0
        if wakeupBytes > 0 {
            attr.watermark = 1
            attr.wakeup_watermark = wakeupBytes
        }
        return attr
    }
}

/// Whose events to count, on one CPU.
public enum EventScope: Sendable, Hashable {
    /// Tasks in the cgroup whose directory is open as `descriptor`, and in its descendants.
    case cgroup(descriptor: Int32, cpu: Int)
    /// Every task.
    case everything(cpu: Int)
    /// The calling thread, on any CPU.
    case thisThread
}
