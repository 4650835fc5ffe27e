internal import CPerfEvent
import Glibc

/// What this kernel's perf_event_open(2) takes beyond the basics, found by asking it.
public struct KernelAbilities: Sendable, Hashable {
    /// Mappings come with build IDs. Linux 5.12.
    public var sendsBuildIDs: Bool
    /// Samples carry their cgroup's id, and new cgroups are told of. Linux 5.7.
    public var sendsCgroups: Bool
    /// Each event counts the samples that found no room. Linux 6.0.
    public var countsLost: Bool

    public init(sendsBuildIDs: Bool, sendsCgroups: Bool, countsLost: Bool) {
        self.sendsBuildIDs = sendsBuildIDs
        self.sendsCgroups = sendsCgroups
        self.countsLost = countsLost
    }

    static let timesFormat =
        UInt64(PERF_FORMAT_TOTAL_TIME_ENABLED.rawValue) | UInt64(PERF_FORMAT_TOTAL_TIME_RUNNING.rawValue)

    /// Opens a dummy event of this thread with each ability on, and closes it again.
    ///
    /// Source: perf_event_open(2): a bit that the kernel does not know is refused with EINVAL or E2BIG.
    public static func probe() -> KernelAbilities {
        func accepts(_ change: (inout perf_event_attr) -> Void) -> Bool {
            var attr = perf_event_attr()
            attr.size = UInt32(MemoryLayout<perf_event_attr>.size)
            attr.type = PERF_TYPE_SOFTWARE.rawValue
            attr.config = UInt64(PERF_COUNT_SW_DUMMY.rawValue)
            attr.exclude_kernel = 1
            attr.disabled = 1
            change(&attr)
            // The kernel reads the attributes during the call only.
            let opened = unsafe cperfevent_open(&attr, 0, -1, cperfevent_flag_cloexec)
            if opened >= 0 { close(opened) }
            return opened != -EINVAL && opened != -E2BIG
        }
        return KernelAbilities(
            sendsBuildIDs: accepts {
                $0.mmap = 1
                $0.mmap2 = 1
                $0.build_id = 1
            },
            sendsCgroups: accepts {
                $0.cgroup = 1
                $0.sample_type = UInt64(PERF_SAMPLE_CGROUP.rawValue)
            },
            countsLost: accepts { $0.read_format = timesFormat | cperfevent_format_lost })
    }
}
