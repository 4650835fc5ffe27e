/// A known pattern that a container's stacks show.
public struct Finding: Sendable, Codable, Equatable {
    /// The pattern's name: `jostle patterns NAME` shows it in full.
    public var pattern: String
    /// What it is, in one sentence.
    public var title: String
    public var container: String
    public var scope: PatternScope
    public var confidence: PatternConfidence
    public var evidence: FindingEvidence
    public var cause: String
    public var remedy: String
    public var references: [String]
}

/// What a finding rests on. Times in nanoseconds over the whole recording.
public struct FindingEvidence: Sendable, Codable, Equatable {
    /// Samples whose stacks show the pattern, on a CPU and off it.
    public var samples: Int
    public var timeNanoseconds: Int64
    /// Of the container's kernel time: on a CPU in the kernel, and waiting there by no wish of its own.
    public var share: Share
    /// Time of stacks that support it and would mean nothing alone; nil without any.
    public var supportingNanoseconds: Int64?
    /// The functions of the path with most of the time, from the outside inwards.
    public var path: [String]
    /// The entry into the kernel with most of the time.
    public var syscall: String
    public var libcName: String?
    /// The place in the application with most of the time; nil where none is known.
    public var callSite: CodePlace?
    /// Other containers of the recording whose stacks show it, too.
    public var sharedWith: [String]
    /// What the kernel counted meanwhile that belongs to it.
    public var counters: [Counter]

    enum CodingKeys: String, CodingKey {
        case samples
        case timeNanoseconds = "time_ns"
        case share
        case supportingNanoseconds = "supporting_ns"
        case path, syscall
        case libcName = "libc_name"
        case callSite = "call_site"
        case sharedWith = "shared_with"
        case counters
    }
}
