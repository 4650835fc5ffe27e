/// What limits say of a recording. The raw value of an outcome is the word in JSON.
public enum CheckOutcome: String, Sendable, Codable, Equatable {
    /// The whole interval is within the limit.
    case pass
    /// The whole interval is beyond the limit.
    case fail
    /// The limit lies in the interval, the figure was not measured, or the recording is too poor to judge by.
    case cannotTell = "cannot_tell"
}

/// A recording held to limits: the value behind `jostle check`.
public struct CheckReport: Sendable, Codable, Equatable {
    public var schema: String
    public var schemaVersion: Int
    /// `fail` where anything fails, else `cannot_tell` where anything cannot be told.
    public var outcome: CheckOutcome
    public var candidate: ComparedRecording
    public var baselines: [ComparedRecording]
    /// In the order of containers, then of limits.
    public var verdicts: [CheckVerdict]

    public static let schemaName = "jostle.check"
    public static let currentSchemaVersion = 1

    enum CodingKeys: String, CodingKey {
        case schema
        case schemaVersion = "schema_version"
        case outcome, candidate, baselines, verdicts
    }
}

/// One limit and one container.
public struct CheckVerdict: Sendable, Codable, Equatable {
    public var container: String
    /// As on the command line, `fadvise64.cpu-per-call`.
    public var metric: String
    /// As it was written, `+5pp`.
    public var limit: String
    public var relation: CheckLimit.Relation
    /// Of `value`, `low`, `high` and `limitValue`: `share`, `ns`, `calls_per_second` or `ratio`.
    public var unit: CheckMetric.Unit
    public var limitValue: Double
    /// What is held to the limit: the figure, its difference from the baseline's, or its ratio to that.
    public var value: Double?
    /// The 95 % interval of `value`.
    public var low: Double?
    public var high: Double?
    /// The figures themselves, in the metric's unit.
    public var candidateValue: Double?
    public var baselineValue: Double?
    public var outcome: CheckOutcome
    /// Why it cannot be told, or why there is nothing to judge.
    public var reason: String?
    /// Seconds by which the recordings would have to be longer for the interval to clear the limit, as far as this one can
    /// say; nil where no recording of a day would do.
    public var moreSeconds: Double?

    enum CodingKeys: String, CodingKey {
        case container, metric, limit, relation, unit
        case limitValue = "limit_value"
        case value, low, high
        case candidateValue = "candidate_value"
        case baselineValue = "baseline_value"
        case outcome, reason
        case moreSeconds = "more_seconds"
    }
}

/// What a check is asked for besides its limits.
public struct CheckOptions: Sendable, Equatable {
    public var container: String?
    public var maps: [ContainerMap]
    public var force: Bool
    /// On-CPU samples that each container needs, on each side.
    public var fewestSamples: Int
    /// The least part of stacks, between 0 and 1, that must reach their outermost frame; nil for any.
    public var leastCompleteStacks: Double?
    /// The most samples, between 0 and 1, that may be lost.
    public var mostLost: Double
    public var candidateLabel: String
    public var baselineLabels: [String]

    public init(
        container: String? = nil, maps: [ContainerMap] = [], force: Bool = false, fewestSamples: Int = 100,
        leastCompleteStacks: Double? = nil, mostLost: Double = 0.1, candidateLabel: String = "candidate",
        baselineLabels: [String] = []
    ) {
        self.container = container
        self.maps = maps
        self.force = force
        self.fewestSamples = fewestSamples
        self.leastCompleteStacks = leastCompleteStacks
        self.mostLost = mostLost
        self.candidateLabel = candidateLabel
        self.baselineLabels = baselineLabels
    }
}

/// Why nothing can be checked.
public enum CheckError: Error, Sendable, Equatable {
    case comparison(ComparisonError)
    /// The limit is one against a baseline, and there is none.
    case needsBaseline(CheckLimit)
    /// Neither limits nor a baseline.
    case nothingToCheck
}
