internal import ProfileModel

/// A known pattern that one of two recordings shows, or both.
public struct ComparedFinding: Sendable, Codable, Equatable {
    /// The raw value is the word in JSON.
    public enum Status: String, Sendable, Codable {
        /// Only the candidate shows it.
        case new
        /// Only the baseline shows it.
        case gone
        case both
    }
    /// Index into `Comparison.containers`.
    public var pair: Int
    public var status: Status
    /// As the candidate shows it, or the baseline where it is gone.
    public var finding: Finding
    /// Of the container's kernel time on each side, between 0 and 1, also where it is too little to be told.
    public var baselineShare: Double
    public var candidateShare: Double

    enum CodingKeys: String, CodingKey {
        case pair, status, finding
        case baselineShare = "baseline_share"
        case candidateShare = "candidate_share"
    }
}

extension ComparedFinding {
    /// Below this part of what a pattern needs to be told, the other side does not show it.
    private static let leastTrace = 0.5

    /// - Parameter pairs: indices of containers that are the same before and after.
    /// - Returns: new ones first, then what is in both, then what is gone.
    static func all(
        _ baseline: ProfileAnalysis, _ candidate: ProfileAnalysis, pairs: [(baseline: Int, candidate: Int)]
    ) -> [ComparedFinding] {
        let sides = (FindingAnalysis(baseline), FindingAnalysis(candidate))
        var all: [ComparedFinding] = []
        for (pair, containers) in pairs.enumerated() {
            let before = sides.0.findings(of: [containers.baseline])
            let after = sides.1.findings(of: [containers.candidate])
            let names = (Set(before.map(\.pattern)), Set(after.map(\.pattern)))
            for finding in after + before.filter({ !names.1.contains($0.pattern) }) {
                let shares = (
                    sides.0.share(of: finding.pattern, in: containers.baseline),
                    sides.1.share(of: finding.pattern, in: containers.candidate)
                )
                let least = (PatternCatalogue.pattern(named: finding.pattern)?.leastShare ?? 0) * leastTrace
                let status: Status =
                    names.1.contains(finding.pattern)
                    ? names.0.contains(finding.pattern) || shares.0 >= least ? .both : .new
                    : shares.1 >= least ? .both : .gone
                all.append(
                    ComparedFinding(
                        pair: pair, status: status, finding: finding, baselineShare: shares.0.roundedForReport,
                        candidateShare: shares.1.roundedForReport))
            }
        }
        let order: [Status] = [.new, .both, .gone]
        return order.flatMap { status in all.filter { $0.status == status } }
    }
}
