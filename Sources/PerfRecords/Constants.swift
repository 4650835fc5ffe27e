// Source of every value in this file: include/uapi/linux/perf_event.h. They are written out because this room decodes
// recordings of other machines and must not depend on the headers of the one it was built on.

/// The records that this room decodes: `enum perf_event_type`.
public enum RecordType: UInt32, Hashable, Sendable, CaseIterable {
    case mmap = 1
    case lost = 2
    case comm = 3
    case exit = 4
    case throttle = 5
    case unthrottle = 6
    case fork = 7
    case sample = 9
    case mmap2 = 10
    case lostSamples = 13
    case contextSwitch = 14
    case contextSwitchCPUWide = 15
    case kernelSymbol = 17
    case cgroup = 19

    /// Types from here on are written by the perf tool into its files, and have no trailer.
    /// Source: PERF_RECORD_USER_TYPE_START in tools/lib/perf/include/perf/event.h.
    static let firstWrittenByTools: UInt32 = 64
}

/// Bits of `RecordHeader.misc`: PERF_RECORD_MISC_*. The upper ones mean different things for different types.
enum Misc {
    static let modeMask: UInt16 = 7
    static let mappingIsData: UInt16 = 1 << 13
    static let commIsExec: UInt16 = 1 << 13
    static let switchIsOut: UInt16 = 1 << 13
    static let switchIsPreempted: UInt16 = 1 << 14
    static let mappingHasBuildID: UInt16 = 1 << 14
}

/// Words in a callchain that say whose the addresses behind them are: `enum perf_callchain_context`.
enum CallchainContext {
    static let kernel: UInt64 = 0 &- 128
    static let user: UInt64 = 0 &- 512
    /// PERF_CONTEXT_MAX: no address is this high, so a word from here on is a marker, known or not.
    static let lowest: UInt64 = 0 &- 4095
}

/// PERF_RECORD_KSYMBOL_FLAGS_*.
enum KernelSymbolFlags {
    static let unregister: UInt16 = 1 << 0
}

/// The place for a build ID in a PERF_RECORD_MMAP2.
enum BuildIDField {
    static let maximumByteCount = 20
}
