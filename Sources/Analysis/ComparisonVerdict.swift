/// Why the time in a system call changed. The raw value is the word in text and in JSON.
///
/// One of the two parts of a change (from the rate, from the cost) *counts* where its 95 % interval excludes 0, it is at
/// least `leastPart` of both parts' sizes together, and at least `leastEffect` of the mean of both sides' time. A
/// row needs `fewestSamples` on one side at least.
public enum ComparisonVerdict: String, Sendable, Codable, Equatable, CaseIterable {
    /// Only the cost counts, and rose: each call takes longer. That is what contention looks like.
    case dearer
    /// Only the cost counts, and fell.
    case cheaper
    /// Only the rate counts, and rose; also where there was no call before.
    case moreOften = "more often"
    /// Only the rate counts, and fell; also where there is no call any more.
    case lessOften = "less often"
    /// Rate and cost count, whichever way each went.
    case both
    /// The time rose, by `leastEffect` or more and beyond doubt; calls were not counted on both sides.
    case moreTime = "more time"
    /// The time fell; calls were not counted on both sides.
    case lessTime = "less time"
    /// Nothing counts, and a change of `visibleEffect` would have been seen: no interval is wider to either side.
    case unchanged
    /// Nothing counts, but it might well.
    case cannotTell = "cannot tell: not enough samples"

    /// Of both parts' sizes: less is told by the larger part's name.
    public static let leastPart = 0.2
    /// Of the mean of both sides' time per second: less is no change worth a word.
    public static let leastEffect = 0.05
    /// Of the larger side's time per second: narrower intervals make "unchanged" a finding.
    public static let visibleEffect = 0.25
    public static let fewestSamples = 10

    /// - Parameters:
    ///   - before, after: time per second.
    ///   - samples: the larger side's.
    init(
        change: Estimate, rate: Estimate?, cost: Estimate?, before: Double, after: Double, samples: Int
    ) {
        let larger = max(before, after)
        let mean = (before + after) / 2
        func counts(_ part: Estimate, beside other: Double = 0) -> Bool {
            part.excludesZero && abs(part.value) >= Self.leastPart * (abs(part.value) + abs(other))
                && abs(part.value) >= Self.leastEffect * mean
        }
        guard samples >= Self.fewestSamples, larger > 0 else {
            self = .cannotTell
            return
        }
        let isSeen: Bool
        if let rate, let cost {
            switch (counts(rate, beside: cost.value), counts(cost, beside: rate.value)) {
            case (true, true):
                self = .both
                return
            case (true, false):
                self = rate.value > 0 ? .moreOften : .lessOften
                return
            case (false, true):
                self = cost.value > 0 ? .dearer : .cheaper
                return
            case (false, false):
                isSeen = max(rate.halfWidth, cost.halfWidth) <= Self.visibleEffect * larger
            }
        } else {
            if counts(change) {
                self = change.value > 0 ? .moreTime : .lessTime
                return
            }
            isSeen = change.halfWidth <= Self.visibleEffect * larger
        }
        self = isSeen ? .unchanged : .cannotTell
    }
}
