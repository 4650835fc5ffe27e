import Glibc
import ProfileModel

/// What is said of the machine as a whole. A nil limit means that its file could not be read.
public struct Machine: Sendable, Equatable {
    public var hostname: String
    /// `uname -r`.
    public var kernelRelease: String
    /// `x86_64` or `aarch64`.
    public var arch: String
    /// The numbers of the CPUs that are online, ascending; not necessarily contiguous.
    public var onlineCPUs: [Int]
    /// kernel.perf_event_paranoid: -1 allows everything, 2 is the kernel's default, 3 and 4 exist on distributions.
    public var perfEventParanoid: Int?
    /// kernel.perf_event_max_sample_rate, samples per second and CPU.
    public var perfEventMaxSampleRate: Int?
    /// kernel.perf_event_mlock_kb: KiB of ring memory per CPU that are free of RLIMIT_MEMLOCK.
    public var perfEventMlockKiB: Int?
    /// kernel.kptr_restrict: 0 shows kernel addresses, 1 to CAP_SYSLOG only, 2 to nobody.
    public var kptrRestrict: Int?
}

extension Host {
    /// Reads what is said of the machine as a whole.
    public func machine() -> Machine {
        Machine(
            hostname: line("/proc/sys/kernel/hostname") ?? "",
            kernelRelease: line("/proc/sys/kernel/osrelease") ?? "",
            arch: line("/proc/sys/kernel/arch") ?? Machine.builtFor,
            onlineCPUs: onlineCPUs(),
            perfEventParanoid: integer("/proc/sys/kernel/perf_event_paranoid"),
            perfEventMaxSampleRate: integer("/proc/sys/kernel/perf_event_max_sample_rate"),
            perfEventMlockKiB: integer("/proc/sys/kernel/perf_event_mlock_kb"),
            kptrRestrict: integer("/proc/sys/kernel/kptr_restrict"))
    }

    /// The numbers of the CPUs that are online, ascending.
    public func onlineCPUs() -> [Int] {
        line("/sys/devices/system/cpu/online").flatMap(Machine.cpus(inList:)) ?? [0]
    }
}

extension Host {
    /// Lets this process have as many open files as its hard limit allows.
    ///
    /// - Returns: how many that are; nil where the limit cannot be read.
    @discardableResult
    public static func raiseDescriptorLimit() -> Int? {
        var limit = rlimit()
        // getrlimit(2) and setrlimit(2) fill and read a local variable.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_max)
    }
}

extension Machine {
    /// The CPU numbers in the kernel's list format, such as `0-3,5`.
    ///
    /// - Returns: nil for anything else, and for numbers that no kernel has.
    /// Source: Documentation/admin-guide/cputopology.rst.
    public static func cpus(inList list: String) -> [Int]? {
        var cpus: [Int] = []
        for part in list.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2,
                0 <= first, first <= last, last < 1 << 16
            else { return nil }
            cpus.append(contentsOf: first...last)
        }
        return cpus.isEmpty ? nil : cpus
    }

    /// The architecture this program was built for; the file that says it exists since Linux 6.1.
    static var builtFor: String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "aarch64"
        #else
            "unknown"
        #endif
    }
}
