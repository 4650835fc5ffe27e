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
    /// Nothing counts, and neither part's interval reaches beyond `equivalence`: the truth lies there, too.
    case unchanged
    /// Nothing counts, but it might well.
    case cannotTell = "cannot tell: not enough samples"

    /// Of both parts' sizes: less is told by the larger part's name.
    public static let leastPart = 0.2
    /// Of the mean of both sides' time per second: less is no change worth a word.
    public static let leastEffect = 0.05
    /// Of the mean of both sides' time per second: "unchanged" says that rate and cost each changed it by less. A call
    /// that is 30 % dearer changes it by 26 %.
    public static let equivalence = 0.2
    public static let fewestSamples = 10

    /// - Parameters:
    ///   - before, after: time per second.
    ///   - samples: the larger side's.
    init(
        change: Estimate, rate: Estimate?, cost: Estimate?, before: Double, after: Double, samples: Double
    ) {
        let mean = (before + after) / 2
        func counts(_ part: Estimate, beside other: Double = 0) -> Bool {
            part.excludesZero && abs(part.value) >= Self.leastPart * (abs(part.value) + abs(other))
                && abs(part.value) >= Self.leastEffect * mean
        }
        func isSmall(_ part: Estimate) -> Bool { max(part.high, -part.low) <= Self.equivalence * mean }
        guard samples >= Double(Self.fewestSamples), mean > 0 else {
            self = .cannotTell
            return
        }
        guard let rate, let cost else {
            self =
                counts(change) ? change.value > 0 ? .moreTime : .lessTime : isSmall(change) ? .unchanged : .cannotTell
            return
        }
        switch (counts(rate, beside: cost.value), counts(cost, beside: rate.value)) {
        case (true, true): self = .both
        case (true, false): self = rate.value > 0 ? .moreOften : .lessOften
        case (false, true): self = cost.value > 0 ? .dearer : .cheaper
        case (false, false): self = isSmall(rate) && isSmall(cost) ? .unchanged : .cannotTell
        }
    }

    /// How many times as long both recordings would have to be for a verdict; 1 where they are long enough, nil where
    /// `most` times are not.
    ///
    /// - Parameter verdict: the one of recordings so many times as long, should their figures stay what they are. Once told
    ///   it stays told.
    static func neededLength(most: Double, verdict: (_ lengths: Double) -> ComparisonVerdict) -> Double? {
        if verdict(1) != .cannotTell { return 1 }
        guard most > 1, verdict(most) != .cannotTell else { return nil }
        var (short, long) = (1.0, most)
        // To a hundredth: the estimate itself is rough.
        while long > short * 1.01 {
            let middle = (short * long).squareRoot()
            if verdict(middle) == .cannotTell { short = middle } else { long = middle }
        }
        return long
    }
}
