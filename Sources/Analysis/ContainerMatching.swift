internal import ProfileModel

/// Which of the two recordings a fact is about.
public enum ComparisonPart: String, Sendable, Codable, Equatable {
    case baseline
    case candidate
}

/// Why two recordings cannot be compared.
public enum ComparisonError: Error, Sendable, Equatable {
    /// Nanoseconds by `cycles` and by `cpu-clock` stand for different things.
    case differentEvents(baseline: String, candidate: String)
    /// No container answers to `query`; those that there are.
    case noSuchContainer(query: String, in: ComparisonPart, known: [String])
    /// No container of the one matches one of the other.
    case nothingMatches(baseline: [String], candidate: [String])
}

/// A container of the baseline that is called otherwise in the candidate.
public struct ContainerMap: Sendable, Equatable {
    public var baseline: String
    public var candidate: String

    public init(baseline: String, candidate: String) {
        self.baseline = baseline
        self.candidate = candidate
    }

    /// - Parameter text: `A=B`. A name with `=` in it cannot be said.
    /// - Returns: nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(baseline: String(parts[0]), candidate: String(parts[1]))
    }
}

/// Which container of the baseline belongs to which of the candidate; indices into the profiles' containers.
struct ContainerMatching: Equatable {
    struct Pair: Equatable {
        var baseline: Int
        var candidate: Int
    }

    var pairs: [Pair] = []
    private(set) var unmatchedBaseline: [Int]
    private(set) var unmatchedCandidate: [Int]

    /// Matches first what `maps` says, then by name, then by pod, then by an image that one container on each side has. A
    /// container that is alone on both sides matches whatever its name.
    init(
        _ baseline: [Container], _ candidate: [Container], container: String? = nil, maps: [ContainerMap] = []
    ) throws(ComparisonError) {
        unmatchedBaseline = Array(baseline.indices)
        unmatchedCandidate = Array(candidate.indices)
        for map in maps {
            let first = baseline.indices.filter { baseline[$0].answers(to: map.baseline) }
            let second = candidate.indices.filter { candidate[$0].answers(to: map.candidate) }
            guard let one = first.first else {
                throw .noSuchContainer(query: map.baseline, in: .baseline, known: baseline.map(\.name))
            }
            guard let other = second.first else {
                throw .noSuchContainer(query: map.candidate, in: .candidate, known: candidate.map(\.name))
            }
            match(one, other)
        }
        if let container {
            if let chosen = Self.pairs(answering: container, baseline, candidate, maps), !chosen.isEmpty {
                pairs = chosen
                return
            }
            try choose(container, baseline, candidate, isMapped: !maps.isEmpty)
        }
        let areAlone = unmatchedBaseline.count == 1 && unmatchedCandidate.count == 1 && pairs.isEmpty
        if areAlone {
            match(unmatchedBaseline[0], unmatchedCandidate[0])
        } else {
            matchUnique(baseline.map { $0.name }, candidate.map { $0.name })
            matchUnique(baseline.map(\.podKey), candidate.map(\.podKey))
            matchUnique(baseline.map(\.image), candidate.map(\.image))
        }
        if pairs.isEmpty {
            throw .nothingMatches(baseline: baseline.map(\.name), candidate: candidate.map(\.name))
        }
        pairs.sort { $0.candidate < $1.candidate }
    }

    /// Of what matches anyway, what answers to `query` on one side only: a container that is called otherwise in the other
    /// recording and was found there by its image. nil where containers on both sides answer: those are meant.
    private static func pairs(
        answering query: String, _ baseline: [Container], _ candidate: [Container], _ maps: [ContainerMap]
    ) -> [Pair]? {
        let isOnBoth = baseline.contains { $0.answers(to: query) } && candidate.contains { $0.answers(to: query) }
        guard !isOnBoth, let all = try? ContainerMatching(baseline, candidate, maps: maps) else { return nil }
        return all.pairs.filter {
            baseline[$0.baseline].answers(to: query) || candidate[$0.candidate].answers(to: query)
        }
    }

    /// Leaves only what answers to `query`; a side on which nothing does may have only one container, which is then meant.
    private mutating func choose(
        _ query: String, _ baseline: [Container], _ candidate: [Container], isMapped: Bool
    ) throws(ComparisonError) {
        if isMapped {
            pairs = pairs.filter {
                baseline[$0.baseline].answers(to: query) || candidate[$0.candidate].answers(to: query)
            }
        }
        let first = unmatchedBaseline.filter { baseline[$0].answers(to: query) }
        let second = unmatchedCandidate.filter { candidate[$0].answers(to: query) }
        if pairs.isEmpty {
            if first.isEmpty && (second.isEmpty || baseline.count != 1) {
                throw .noSuchContainer(query: query, in: .baseline, known: baseline.map(\.name))
            }
            if second.isEmpty && candidate.count != 1 {
                throw .noSuchContainer(query: query, in: .candidate, known: candidate.map(\.name))
            }
        }
        unmatchedBaseline = first.isEmpty && pairs.isEmpty ? Array(baseline.indices) : first
        unmatchedCandidate = second.isEmpty && pairs.isEmpty ? Array(candidate.indices) : second
    }

    private mutating func match(_ first: Int, _ second: Int) {
        pairs.append(Pair(baseline: first, candidate: second))
        unmatchedBaseline.removeAll { $0 == first }
        unmatchedCandidate.removeAll { $0 == second }
    }

    private mutating func matchUnique(_ baseline: [String?], _ candidate: [String?]) {
        func unique(_ keys: [String?], _ indices: [Int]) -> [String: Int] {
            var found: [String: [Int]] = [:]
            for index in indices { if let key = keys[index] { found[key, default: []].append(index) } }
            return found.compactMapValues { $0.count == 1 ? $0[0] : nil }
        }
        let second = unique(candidate, unmatchedCandidate)
        for (key, index) in unique(baseline, unmatchedBaseline).sorted(by: { $0.value < $1.value }) {
            if let other = second[key] { match(index, other) }
        }
    }
}

extension Container {
    /// The pod, and what of it: pods have several containers, each with its image.
    fileprivate var podKey: String? {
        pod.map { "\(namespace ?? "")/\($0)/\(image ?? "")" }
    }
}
