/// What two quantities came to in each slice of one recording, such as the time in a system call and its calls.
struct SlicePair {
    var x: [Double]
    var y: [Double]
    /// The run time that all slices stand for together, in seconds.
    var seconds: Double

    /// A side that is not there: it adds nothing to any statistic, and no doubt.
    static let none = SlicePair(x: [], y: [], seconds: 1)

    init(x: [Double], y: [Double]? = nil, seconds: Double) {
        self.x = x
        self.y = y ?? [Double](repeating: 0, count: x.count)
        self.seconds = seconds
    }

    /// Neighbours joined until what is left of their likeness is small.
    ///
    /// Bursts longer than a slice make neighbours alike, and resampling them singly then gives intervals that are too
    /// narrow: with bursts of half a second, 95 % intervals from 100 ms slices held the truth in 60 % of simulated
    /// recordings, with joined slices in 93 to 96 %.
    func joined() -> SlicePair {
        var joined = self
        while joined.x.count / 2 >= Self.fewestJoined,
            max(Self.autocorrelation(joined.x), Self.autocorrelation(joined.y)) > Self.likeness
        {
            joined.x = Self.halved(joined.x)
            joined.y = Self.halved(joined.y)
        }
        return joined
    }

    private static let fewestJoined = 20
    private static let likeness = 0.3

    /// An odd one at the end stays by itself.
    private static func halved(_ values: [Double]) -> [Double] {
        stride(from: 0, to: values.count, by: 2).map { index in
            index + 1 < values.count ? values[index] + values[index + 1] : values[index]
        }
    }

    /// Of neighbours, between -1 and 1; 0 for what does not vary.
    static func autocorrelation(_ values: [Double]) -> Double {
        guard values.count > 2 else { return 0 }
        let mean = values.reduce(0, +) / Double(values.count)
        var variance = 0.0
        var covariance = 0.0
        var previous = 0.0
        for (index, value) in values.enumerated() {
            let deviation = value - mean
            variance += deviation * deviation
            if index > 0 { covariance += deviation * previous }
            previous = deviation
        }
        return variance > 0 ? covariance / variance : 0
    }
}

/// 95 % intervals of what is worked out from two recordings together, by resampling the slices of each.
///
/// The two sides are drawn independently of each other, joined slices (`SlicePair.joined`) with replacement; the
/// statistic is worked out for each such pair of recordings that might have been, and the middle 95 % are its interval.
/// What likeness remains between neighbours widens it by √((1 + r) / (1 - r)), with r the autocorrelation of the
/// statistic's own deviations, and short recordings by Student's t (`SliceBootstrap.widening`).
///
/// Sources: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 8.6 (blocks); Sokal, Monte Carlo
/// Methods in Statistical Mechanics, 1996, section 3 (variance of correlated series).
struct PairBootstrap {
    /// The quantities per second of run time: x and y of the baseline, x and y of the candidate.
    struct Rates {
        var x0 = 0.0
        var y0 = 0.0
        var x1 = 0.0
        var y1 = 0.0
    }

    /// Not a number where it is not defined, such as a cost without calls.
    typealias Statistic = @Sendable (Rates) -> Double

    let seed: UInt64
    let resamples: Int

    /// - Parameter work: how many pairs of series will be asked about, times their slices: many get fewer resamples.
    init(seed: UInt64, work: Int) {
        self.seed = seed
        resamples = min(1_000, max(200, 60_000_000 / max(1, work)))
    }

    /// - Returns: nil for a statistic that is not defined, or not in a tenth of the resamples; without an interval
    ///   (minus to plus infinity) where a side has one slice only.
    func estimates(_ baseline: SlicePair, _ candidate: SlicePair, of statistics: [Statistic]) -> [Estimate?] {
        let first = baseline.joined()
        let second = candidate.joined()
        let centre = Rates(
            x0: first.x.reduce(0, +) / first.seconds, y0: first.y.reduce(0, +) / first.seconds,
            x1: second.x.reduce(0, +) / second.seconds, y1: second.y.reduce(0, +) / second.seconds)
        let values = statistics.map { $0(centre) }
        var drawn = [[Double]](repeating: [], count: statistics.count)
        var generator = SplitMix64(seed: seed)
        for _ in 0..<resamples {
            var rates = Rates()
            (rates.x0, rates.y0) = Self.draw(first, &generator)
            (rates.x1, rates.y1) = Self.draw(second, &generator)
            for (index, statistic) in statistics.enumerated() {
                let value = statistic(rates)
                if value.isFinite { drawn[index].append(value) }
            }
        }
        return statistics.indices.map { index in
            guard values[index].isFinite, drawn[index].count * 10 >= resamples * 9 else { return nil }
            if first.x.count == 1 || second.x.count == 1 {
                return Estimate(value: values[index], low: -.infinity, high: .infinity)
            }
            let width = widening(of: statistics[index], at: centre, first, second)
            return Self.estimate(values[index], of: drawn[index].sorted(), widening: width)
        }
    }

    private static func draw(_ pair: SlicePair, _ generator: inout SplitMix64) -> (Double, Double) {
        let count = pair.x.count
        var x = 0.0
        var y = 0.0
        for _ in 0..<count {
            let slice = generator.next(below: count)
            x += pair.x[slice]
            y += pair.y[slice]
        }
        return (x / pair.seconds, y / pair.seconds)
    }

    private static func estimate(_ value: Double, of sorted: [Double], widening: Double) -> Estimate {
        let last = Double(sorted.count - 1)
        let low = min(value, sorted[Int((last * 0.025).rounded())])
        let high = max(value, sorted[Int((last * 0.975).rounded())])
        // Sums taken in another order differ in the last bits; what is the same in every slice has no width.
        guard high - low > 1e-9 * abs(value) else { return Estimate(value: value, low: value, high: value) }
        return Estimate(
            value: value, low: value - (value - low) * widening, high: value + (high - value) * widening)
    }

    /// By what the drawn interval is too narrow, from the deviations of `statistic` slice by slice.
    private func widening(
        of statistic: Statistic, at centre: Rates, _ first: SlicePair, _ second: SlicePair
    ) -> Double {
        var plain = 0.0
        var corrected = 0.0
        var slices = Int.max
        func add(_ pair: SlicePair, _ x: WritableKeyPath<Rates, Double>, _ y: WritableKeyPath<Rates, Double>) {
            guard pair.x.count > 1 else { return }
            slices = min(slices, pair.x.count)
            let slopeX = Self.slope(of: statistic, at: centre, along: x)
            let slopeY = Self.slope(of: statistic, at: centre, along: y)
            let deviations = zip(pair.x, pair.y).map { slopeX * $0 / pair.seconds + slopeY * $1 / pair.seconds }
            let count = Double(deviations.count)
            let mean = deviations.reduce(0, +) / count
            let variance = deviations.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            // An estimate of n values lies too low by 1/n.
            let likeness = min(0.6, max(0, SlicePair.autocorrelation(deviations) + 1 / count))
            plain += variance
            corrected += variance * (1 + likeness) / (1 - likeness)
        }
        add(first, \.x0, \.y0)
        add(second, \.x1, \.y1)
        guard slices < Int.max else { return 1 }
        let ratio = corrected / plain
        return (ratio.isFinite ? ratio.squareRoot() : 1) * SliceBootstrap.widening(slices: slices)
    }

    private static func slope(
        of statistic: Statistic, at centre: Rates, along path: WritableKeyPath<Rates, Double>
    ) -> Double {
        let step = max(abs(centre[keyPath: path]) * 1e-4, 1e-12)
        var above = centre
        var below = centre
        above[keyPath: path] += step
        below[keyPath: path] -= step
        let slope = (statistic(above) - statistic(below)) / (2 * step)
        return slope.isFinite ? slope : 0
    }
}
