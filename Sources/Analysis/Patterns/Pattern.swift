/// One known way for programs to slow each other down in the kernel: how it shows itself, and what to do about it.
public struct Pattern: Sendable, Codable, Equatable {
    /// What it is called on the command line.
    public var name: String
    /// What it is, in one sentence.
    public var title: String
    public var scope: PatternScope
    /// The share of a container's kernel time from which on it is worth a word, between 0 and 1.
    public var leastShare: Double
    public var confidence: PatternConfidence
    /// Ways into the kernel by which it comes: `syscall`, `page-fault`, `kthread`, `irq`, `softirq`, `exit-to-user` …
    public var entries: [String]
    /// System calls that it most often comes by; others are possible.
    public var syscalls: [String]
    public var evidence: [PatternEvidence]
    /// Names of the recording's own counters that belong to it, as a prefix.
    public var counters: [String]
    /// On machines with fewer CPUs it is no contention; 1 for any.
    public var leastCPUs: Int
    /// Why it is never told, only listed; nil for all others.
    public var untold: String?
    /// What is shared, and by whom.
    public var shared: String
    public var cause: String
    public var remedy: String
    /// Where else it shows.
    public var check: String
    /// Addresses and sources.
    public var references: [String]

    enum CodingKeys: String, CodingKey {
        case name, title, scope
        case leastShare = "least_share"
        case confidence, entries, syscalls, evidence, counters
        case leastCPUs = "least_cpus"
        case untold, shared, cause, remedy, check, references
    }
}

/// Who slows whom down. The raw value is the word in JSON.
public enum PatternScope: String, Sendable, Codable, CaseIterable {
    /// The container's own threads.
    case own
    /// Whoever uses the same file, device, directory or service.
    case shared
    /// Everybody on the machine.
    case hostWide = "host-wide"
}

/// Where what is said of a pattern comes from.
public enum PatternConfidence: String, Sendable, Codable, CaseIterable {
    /// Reported by others, with references.
    case documented
    /// It follows from the kernel's source, and nobody's report is at hand.
    case plausible
}

/// One path through the kernel that a pattern shows itself by.
public struct PatternEvidence: Sendable, Codable, Equatable {
    public enum Strength: String, Sendable, Codable, CaseIterable {
        /// Justifies the finding.
        case strong
        /// Adds weight to strong evidence, and means nothing alone.
        case supporting
    }
    public enum State: String, Sendable, Codable {
        case running
        case waiting
        case any
        /// On the CPU in the innermost function itself, not in what it calls.
        case inItself = "self"
    }
    public var strength: Strength
    /// What a thread that shows it is doing, most of the time.
    public var state: State
    /// Functions from the outside inwards, others possible between them; each step has alternatives, by kernel version.
    public var path: [[String]]
}
