internal import ProfileModel

/// One container of the candidate, with the same in each baseline.
struct CheckSubject {
    let candidate: RecordedSide
    let baselines: [RecordedSide]
    /// Whether all of them recorded waits.
    let hasWaits: Bool
    private let options: CheckOptions
    private let intervals = PairIntervals()

    /// Every container of the candidate that `options` ask for; with baselines those that each baseline has.
    static func all(
        _ candidate: ProfileAnalysis, _ baselines: [ProfileAnalysis], _ options: CheckOptions
    ) throws(ComparisonError) -> [CheckSubject] {
        let containers = candidate.profile.containers
        var matches: [[Int: Int]] = []
        for baseline in baselines {
            if !options.force, !Comparison.sameEvent(baseline.profile, candidate.profile) {
                throw .differentEvents(
                    baseline: baseline.profile.recording.event, candidate: candidate.profile.recording.event)
            }
            let matching = try ContainerMatching(
                baseline.profile.containers, containers, container: options.container, maps: options.maps)
            matches.append(Dictionary(matching.pairs.map { ($0.candidate, $0.baseline) }) { first, _ in first })
        }
        let wanted = containers.indices.filter { index in
            baselines.isEmpty
                ? options.container.map(containers[index].answers(to:)) ?? true
                : matches.allSatisfy { $0[index] != nil }
        }
        if wanted.isEmpty {
            if let container = options.container {
                throw .noSuchContainer(query: container, in: .candidate, known: containers.map(\.name))
            }
            throw .nothingMatches(
                baseline: baselines.first?.profile.containers.map(\.name) ?? [], candidate: containers.map(\.name))
        }
        return wanted.map { index in
            CheckSubject(
                RecordedSide(candidate, container: index),
                zip(baselines, matches).map { RecordedSide($0, container: $1[index] ?? 0) }, options)
        }
    }

    private init(_ candidate: RecordedSide, _ baselines: [RecordedSide], _ options: CheckOptions) {
        self.candidate = candidate
        self.baselines = baselines
        self.options = options
        hasWaits = ([candidate] + baselines).allSatisfy(\.whole.hasWaits)
    }

    func judge(_ limit: CheckLimit) -> CheckVerdict {
        var verdict = CheckVerdict(
            container: candidate.container.name, metric: limit.metric.name, limit: limit.text,
            relation: limit.relation, unit: limit.relation == .times ? .ratio : limit.metric.unit,
            limitValue: limit.value, outcome: .cannotTell)
        for side in [candidate] + baselines where side.analysis.samples < options.fewestSamples {
            let samples = side.analysis.samples
            verdict.reason = "only \(samples) samples, \(options.fewestSamples) are asked for"
            let needed = side.seconds * Double(options.fewestSamples) / Double(max(1, samples)) - side.seconds
            verdict.moreSeconds = samples > 0 ? Self.wholeSeconds(needed) : nil
            return verdict
        }
        let own: MeasuredMetric
        switch MeasuredMetric.measure(limit.metric, candidate, hasWaits: hasWaits) {
        case .notMeasured(let reason):
            verdict.reason = reason
            return verdict
        case .nothing(let reason):
            verdict.outcome = .pass
            verdict.reason = reason
            return verdict
        case .measured(let measured): own = measured
        }
        verdict.candidateValue = own.value.roundedForReport

        guard limit.relation != .absolute else {
            judge(own.floored(own.estimate(intervals)), noise: noise(limit.metric), limit.value, &verdict)
            return verdict
        }
        var others: [MeasuredMetric] = []
        for side in baselines {
            switch MeasuredMetric.measure(limit.metric, side, hasWaits: hasWaits) {
            case .notMeasured(let reason), .nothing(let reason):
                verdict.reason = "in the baseline: " + reason
                return verdict
            case .measured(let measured): others.append(measured)
            }
        }
        guard let pooled = MeasuredMetric(pooling: others) else { return verdict }
        verdict.baselineValue = pooled.value.roundedForReport
        if limit.relation == .times, pooled.value <= 0 || pooled.samples < ComparisonVerdict.fewestSamples {
            verdict.reason = "too little of it in the baseline for a ratio: give it a limit of its own"
            return verdict
        }
        let spread = noise(others)
        switch limit.relation {
        case .times:
            let noise = spread * own.value / (pooled.value * pooled.value)
            judge(own.floored(own.ratio(to: pooled, intervals), by: pooled.value), noise: noise, limit.value, &verdict)
        case .plus, .absolute:
            let difference = own.floored(own.difference(from: pooled, intervals), over: pooled.value)
            judge(difference, noise: spread, limit.value, &verdict)
        }
        return verdict
    }

    /// - Parameter noise: what recordings of the same thing add to the interval on either side.
    private func judge(_ estimate: Estimate?, noise: Double, _ limit: Double, _ verdict: inout CheckVerdict) {
        guard let estimate else {
            verdict.reason = "too few slices of time have it"
            return
        }
        let within = max(estimate.value - estimate.low, 0)
        let above = max(estimate.high - estimate.value, 0)
        let low = estimate.value - (within * within + noise * noise).squareRoot()
        let high = estimate.value + (above * above + noise * noise).squareRoot()
        verdict.value = estimate.value.roundedForReport
        verdict.low = low.isFinite ? low.roundedForReport : nil
        verdict.high = high.isFinite ? high.roundedForReport : nil
        if high <= limit {
            verdict.outcome = .pass
        } else if low > limit {
            verdict.outcome = .fail
        } else {
            verdict.reason = "the limit lies within the interval"
            let gap = abs(estimate.value - limit)
            let side = estimate.value > limit ? within : above
            // Longer recordings narrow only their own part.
            let room = gap * gap - noise * noise
            let seconds = ([candidate] + baselines).map(\.seconds).min() ?? 0
            guard side.isFinite, room > 0 else { return }
            verdict.moreSeconds = Self.wholeSeconds(seconds * side * side / room - seconds)
        }
    }

    /// A day.
    static let mostSeconds = 86_400.0

    /// At least 1; nil for more than a day.
    static func wholeSeconds(_ seconds: Double) -> Double? {
        guard seconds.isFinite, seconds <= mostSeconds else { return nil }
        return max(1, seconds.rounded(.up))
    }

    private func noise(_ metric: CheckMetric) -> Double {
        noise(
            baselines.compactMap { side in
                if case .measured(let measured) = MeasuredMetric.measure(metric, side, hasWaits: hasWaits) {
                    measured
                } else {
                    nil
                }
            })
    }

    /// Half the width that recordings of the same thing add to a 95 % interval, beyond what each one's own slices say; 0
    /// for fewer than two. One more recording lies within ± t · τ · √(1 + 1/k) of the mean of k.
    private func noise(_ others: [MeasuredMetric]) -> Double {
        let count = Double(others.count)
        guard others.count >= 2 else { return 0 }
        let values = others.map(\.value)
        let mean = values.reduce(0, +) / count
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        let own = others.map { other in
            let width = other.estimate(intervals).map { ($0.high - $0.low) / 2 / 1.96 } ?? 0
            return width.isFinite ? width * width : 0
        }
        let between = max(0, variance - own.reduce(0, +) / count).squareRoot()
        return ElementaryFunctions.studentQuantile(freedom: count - 1) * between * (1 + 1 / count).squareRoot()
    }
}
