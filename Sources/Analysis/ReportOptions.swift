/// What a report is asked for.
public struct ReportOptions: Sendable, Equatable {
    /// What the rows of a container are.
    public var view: ReportView
    public var rankBy: Ranking
    /// The most rows in a container; nil for all.
    public var top: Int?
    /// Only containers of this name, of this id or one beginning so, or of this cgroup path; nil for all.
    public var container: String?
    /// Whether entries are listed too that took no kernel time and only sleep by choice.
    var includesSleepOnly = false

    public init(
        view: ReportView = .syscall, rankBy: Ranking = .time, top: Int? = nil, container: String? = nil
    ) {
        self.view = view
        self.rankBy = rankBy
        self.top = top
        self.container = container
    }
}

/// What the rows of a report are. The raw value is the word on the command line and in JSON.
public enum ReportView: String, Sendable, Codable, CaseIterable {
    case syscall
    case container
    case function
    case caller
    case lock
}

/// What rows are ranked by. The raw value is the word on the command line and in JSON.
public enum Ranking: String, Sendable, Codable, CaseIterable {
    /// On-CPU kernel time and contended wait together.
    case time
    case cpu
    case wait
}
