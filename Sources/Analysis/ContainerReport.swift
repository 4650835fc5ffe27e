/// One recorded container and what its threads did in the kernel. Times in nanoseconds.
public struct ContainerReport: Sendable, Codable, Equatable {
    public var name: String
    public var id: String?
    public var runtime: String?
    public var image: String?
    public var pod: String?
    public var namespace: String?
    public var cgroup: String?
    /// On-CPU samples.
    public var samples: Int
    public var cpuNanoseconds: Int64
    public var kernelCPUNanoseconds: Int64
    public var userCPUNanoseconds: Int64
    /// nil without any on-CPU sample.
    public var kernelShare: KernelShare?
    /// The cgroup's own system time by its own user and system time: an independent witness.
    public var cgroupKernelShare: Double?
    /// On-CPU kernel time and contended wait: what the rows' shares are shares of.
    public var kernelTimeNanoseconds: Int64
    public var contendedWaitNanoseconds: Int64?
    public var waits: Waits?
    /// What its limits and the machine's stalls did to it; nil where that was not read.
    public var suspects: Suspects?
    public var syscalls: [EntryReport]
    /// Rows that `top` left out.
    public var omittedRows: Int?
    /// Only in the view by function.
    public var functions: [FunctionReport]?
    /// Only in the view by caller.
    public var callers: [CallerReport]?
    public var warnings: [String]

    enum CodingKeys: String, CodingKey {
        case name, id, runtime, image, pod, namespace, cgroup, samples
        case cpuNanoseconds = "cpu_ns"
        case kernelCPUNanoseconds = "kernel_cpu_ns"
        case userCPUNanoseconds = "user_cpu_ns"
        case kernelShare = "kernel_share"
        case cgroupKernelShare = "cgroup_kernel_share"
        case kernelTimeNanoseconds = "kernel_time_ns"
        case contendedWaitNanoseconds = "contended_wait_ns"
        case waits = "waits_ns"
        case suspects, syscalls
        case omittedRows = "omitted_rows"
        case functions, callers, warnings
    }
}

/// One entry into the kernel, most often a system call, and what it cost its container. Times in nanoseconds.
public struct EntryReport: Sendable, Codable, Equatable {
    public var name: String
    public var libcName: String?
    public var kind: EntryKind
    /// On-CPU samples.
    public var samples: Int
    /// On-CPU kernel time and contended wait.
    public var kernelTimeNanoseconds: Int64
    public var kernelCPUNanoseconds: Int64
    public var contendedWaitNanoseconds: Int64?
    public var waits: Waits?
    /// Of the container's kernel time.
    public var share: Share
    /// Over the whole recording; a call is counted when it is made.
    public var calls: Int64?
    public var callsPerSecond: Double?
    public var cpuPerCallNanoseconds: Int64?
    /// Contended wait only: `latencyPerCall` holds all.
    public var waitPerCallNanoseconds: Int64?
    /// All time between the call's beginning and end, on the CPU and off it, interrupts and faults included.
    public var latencyPerCallNanoseconds: Int64?
    /// The kernel function with most of the time; for lock code its nearest caller that is not lock code.
    public var hottestKernelFunction: String?
    /// What lies between that function and the CPU: a lock's kind, what is waited for, or that interrupts were off.
    public var hottestThrough: String?
    public var hottestNanoseconds: Int64?
    /// On-CPU in the slow paths of locks.
    public var spinNanoseconds: Int64
    /// Heaviest first.
    public var callSites: [CallSiteReport]

    enum CodingKeys: String, CodingKey {
        case name
        case libcName = "libc_name"
        case kind, samples
        case kernelTimeNanoseconds = "kernel_time_ns"
        case kernelCPUNanoseconds = "kernel_cpu_ns"
        case contendedWaitNanoseconds = "contended_wait_ns"
        case waits = "waits_ns"
        case share, calls
        case callsPerSecond = "calls_per_second"
        case cpuPerCallNanoseconds = "cpu_per_call_ns"
        case waitPerCallNanoseconds = "wait_per_call_ns"
        case latencyPerCallNanoseconds = "latency_per_call_ns"
        case hottestKernelFunction = "hottest_kernel_function"
        case hottestThrough = "hottest_through"
        case hottestNanoseconds = "hottest_ns"
        case spinNanoseconds = "spin_ns"
        case callSites = "call_sites"
    }
}

/// A place in the application and the kernel time that it led to.
public struct CallSiteReport: Sendable, Codable, Equatable {
    public var function: String?
    public var file: String?
    public var line: Int?
    public var module: String?
    public var address: String?
    public var kernelTimeNanoseconds: Int64

    public init(place: CodePlace, kernelTimeNanoseconds: Int64) {
        function = place.function
        file = place.file
        line = place.line
        module = place.module
        address = place.address
        self.kernelTimeNanoseconds = kernelTimeNanoseconds
    }

    public var place: CodePlace {
        CodePlace(function: function, file: file, line: line, module: module, address: address)
    }

    enum CodingKeys: String, CodingKey {
        case function, file, line, module, address
        case kernelTimeNanoseconds = "kernel_time_ns"
    }
}

/// A kernel function and the time charged to it, whatever the entry.
public struct FunctionReport: Sendable, Codable, Equatable {
    /// nil where the kernel's symbols are hidden.
    public var function: String?
    public var kernelTimeNanoseconds: Int64
    public var kernelCPUNanoseconds: Int64
    public var contendedWaitNanoseconds: Int64?
    public var spinNanoseconds: Int64
    public var share: Share
    /// The entry with most of that time.
    public var mostlyIn: Entry

    enum CodingKeys: String, CodingKey {
        case function
        case kernelTimeNanoseconds = "kernel_time_ns"
        case kernelCPUNanoseconds = "kernel_cpu_ns"
        case contendedWaitNanoseconds = "contended_wait_ns"
        case spinNanoseconds = "spin_ns"
        case share
        case mostlyIn = "mostly_in"
    }
}

/// A call site and its kernel time, whatever the entry.
public struct CallerReport: Sendable, Codable, Equatable {
    public var place: CodePlace
    public var kernelTimeNanoseconds: Int64
    public var kernelCPUNanoseconds: Int64
    public var contendedWaitNanoseconds: Int64?
    public var share: Share
    public var mostlyIn: Entry

    enum CodingKeys: String, CodingKey {
        case place
        case kernelTimeNanoseconds = "kernel_time_ns"
        case kernelCPUNanoseconds = "kernel_cpu_ns"
        case contendedWaitNanoseconds = "contended_wait_ns"
        case share
        case mostlyIn = "mostly_in"
    }
}
