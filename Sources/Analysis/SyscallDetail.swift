public import ProfileModel

/// One system call (or other entry) looked at closely: where its time goes inside the kernel, and who calls it.
///
/// All times are integer nanoseconds over the whole recording.
public struct SyscallDetail: Sendable, Codable, Equatable {
    public var schema: String
    public var schemaVersion: Int
    /// What was asked for.
    public var query: String
    public var recording: RecordingSummary
    public var confidence: Confidence
    /// Containers in which it occurs, heaviest first.
    public var containers: [ContainerDetail]
    /// What does occur, heaviest first, where nothing answers to `query`.
    public var knownNames: [String]?

    public static let schemaName = "jostle.syscall"
    public static let currentSchemaVersion = 1

    enum CodingKeys: String, CodingKey {
        case schema
        case schemaVersion = "schema_version"
        case query, recording, confidence, containers
        case knownNames = "known_names"
    }

    /// One container's part.
    public struct ContainerDetail: Sendable, Codable, Equatable {
        public var name: String
        public var id: String?
        public var cgroup: String?
        /// More than one where several calls answer to the query (`stat`: stat and newfstatat).
        public var entries: [EntryReport]
        public var kernelTimeNanoseconds: Int64
        /// From the entry inwards.
        public var kernelTree: [KernelTreeRow]
        /// From the call sites outwards.
        public var callTree: [CallTreeRow]
        /// Asleep inside the entry, whatever for; nil where waits were not recorded, or there was none.
        public var waitNanoseconds: Int64?
        /// From the entry inwards to where threads slept.
        public var waitTree: [WaitTreeRow]?
        /// From the call sites that slept outwards.
        public var waitCallTree: [WaitCallRow]?

        enum CodingKeys: String, CodingKey {
            case name, id, cgroup, entries
            case kernelTimeNanoseconds = "kernel_time_ns"
            case kernelTree = "kernel_tree"
            case callTree = "call_tree"
            case waitNanoseconds = "wait_ns"
            case waitTree = "wait_tree"
            case waitCallTree = "wait_call_tree"
        }
    }

    /// A kernel function in the tree below an entry. Rows stand in the order of the tree, parents before children.
    public struct KernelTreeRow: Sendable, Codable, Equatable {
        /// 0 for the entry's own function.
        public var depth: Int
        /// nil where it has no name.
        public var function: String?
        /// Here and further inside; contended wait included.
        public var kernelTimeNanoseconds: Int64
        /// Of that, waited for kernel locks and for others; nil where waits were not recorded.
        public var contendedWaitNanoseconds: Int64?
        /// Not in any function that is called from here.
        public var selfNanoseconds: Int64
        /// Of the entry's kernel time in this container, between 0 and 1.
        public var share: Double

        enum CodingKeys: String, CodingKey {
            case depth, function
            case kernelTimeNanoseconds = "kernel_time_ns"
            case contendedWaitNanoseconds = "contended_wait_ns"
            case selfNanoseconds = "self_ns"
            case share
        }
    }

    /// A place in user code that led to the entry: a call site, or a caller of the row above it.
    public struct CallTreeRow: Sendable, Codable, Equatable {
        /// 0 for a call site.
        public var depth: Int
        /// nil where the stack was cut short.
        public var place: CodePlace?
        /// Why the stack ends here: a `TruncationReason`'s word, or `more` for callers beyond those that are listed.
        public var cut: String?
        public var kernelTimeNanoseconds: Int64
        /// Of the entry's kernel time in this container, between 0 and 1.
        public var share: Double

        enum CodingKeys: String, CodingKey {
            case depth, place, cut
            case kernelTimeNanoseconds = "kernel_time_ns"
            case share
        }
    }

    /// A kernel function on the way to where threads slept. Rows stand in the order of the tree.
    public struct WaitTreeRow: Sendable, Codable, Equatable {
        /// 0 for the entry's own function.
        public var depth: Int
        /// nil where it has no name.
        public var function: String?
        /// Asleep here and further inside.
        public var waitNanoseconds: Int64
        /// Why, where this is the function that slept.
        public var waitClass: WaitClass?
        /// Of the time asleep in the entry in this container, between 0 and 1.
        public var share: Double

        enum CodingKeys: String, CodingKey {
            case depth, function
            case waitNanoseconds = "wait_ns"
            case waitClass = "class"
            case share
        }
    }

    /// A place in user code that led to sleep in the entry: a call site, or a caller of the row above it.
    public struct WaitCallRow: Sendable, Codable, Equatable {
        /// 0 for a call site.
        public var depth: Int
        /// nil where the stack was cut short.
        public var place: CodePlace?
        /// See `CallTreeRow.cut`.
        public var cut: String?
        public var waitNanoseconds: Int64
        /// Of the time asleep in the entry in this container, between 0 and 1.
        public var share: Double

        enum CodingKeys: String, CodingKey {
            case depth, place, cut
            case waitNanoseconds = "wait_ns"
            case share
        }
    }

    /// Branches lighter than this share are left out of the trees.
    public static let leastShare = 0.01

    /// - Parameter syscall: the kernel's name or libc's; `page-fault` and the like for what is no system call.
    public init(_ profile: Profile, syscall: String, options: ReportOptions = ReportOptions()) {
        let analysis = ProfileAnalysis(profile)
        let wanted = analysis.facts.attribution.entries.map { $0.answers(to: syscall) }
        var all = options
        all.view = .syscall
        all.top = nil
        all.includesSleepOnly = true
        var details: [ContainerDetail] = []
        var known: [EntryReport] = []
        var warnings: [String] = []
        for index in analysis.containers(options) {
            let container = profile.containers[index]
            let own = analysis.analysis(ofContainer: index, all)
            warnings += analysis.warnings(ofContainer: index, own)
            let entries = own.entryReports()
            known += entries
            let matching = entries.filter { Entry(kind: $0.kind, name: $0.name).answers(to: syscall) }
            guard !matching.isEmpty else { continue }
            let trees = DetailTrees(
                facts: analysis.facts, tally: analysis.tallies[index], wanted: wanted, hasWaits: analysis.hasWaits)
            var detail = ContainerDetail(
                name: container.name, id: container.id, cgroup: container.cgroup, entries: matching,
                kernelTimeNanoseconds: trees.total, kernelTree: trees.kernelRows(), callTree: trees.callRows())
            if analysis.hasWaits, trees.totalWait > 0 {
                detail.waitNanoseconds = trees.totalWait
                detail.waitTree = trees.waitRows()
                detail.waitCallTree = trees.waitCallRows()
            }
            details.append(detail)
        }
        details.sort { left, right in
            left.kernelTimeNanoseconds != right.kernelTimeNanoseconds
                ? left.kernelTimeNanoseconds > right.kernelTimeNanoseconds : left.name < right.name
        }
        schema = Self.schemaName
        schemaVersion = Self.currentSchemaVersion
        query = syscall
        recording = RecordingSummary(profile.recording)
        confidence = analysis.confidence(containerWarnings: warnings)
        containers = details
        if details.isEmpty {
            var seen: Set<String> = []
            known.sort { ($1.kernelTimeNanoseconds, $0.name) < ($0.kernelTimeNanoseconds, $1.name) }
            knownNames = known.map(\.name).filter { seen.insert($0).inserted }
        }
    }
}
