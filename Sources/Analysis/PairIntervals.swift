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

    /// Slices with as much of y in each, in the same order, as many as y is spread over: what x comes to per y has y for
    /// its clock. In slices of time a call that comes in two bursts would show what its cost varies by in two places
    /// only, and by construction not in their sum.
    ///
    /// - Returns: nil where y is in one slice.
    func withEqualY() -> SlicePair? {
        let total = y.reduce(0, +)
        let spread = total * total / y.reduce(0) { $0 + $1 * $1 }
        var count = x.count
        // In steps, so that few spectra are wanted.
        while Double(count) > spread + 0.5 { count = min(count - 1, count * 7 / 8) }
        guard count > 1 else { return nil }
        var slices = [Double](repeating: 0, count: count)
        var start = 0.0
        for (x, y) in zip(x, y) where y > 0 {
            let end = start + y / total * Double(count)
            var index = Int(start)
            while index < count, Double(index) < end {
                slices[index] += x * (min(end, Double(index + 1)) - max(start, Double(index))) / (end - start)
                index += 1
            }
            start = end
        }
        return SlicePair(x: slices, y: [Double](repeating: total / Double(count), count: count), seconds: seconds)
    }
}

/// 95 % intervals of what is worked out from one recording or from two together.
///
/// A statistic of sums varies, to first order, as a sum over slices does: each slice's x and y times the statistic's slopes.
/// `SliceSpectrum` says by how much; the two sides' variances add up, and so do their degrees of freedom in Welch's way.
/// Nothing is drawn by chance: the same recordings give the same intervals. Decision record 15 has the simulations behind
/// the scales.
///
/// Source: Welch, The generalization of Student's problem when several different population variances are involved,
/// Biometrika 1947.
final class PairIntervals {
    /// The quantities per second of run time: x and y of the baseline, x and y of the candidate.
    struct Rates {
        var x0 = 0.0
        var y0 = 0.0
        var x1 = 0.0
        var y1 = 0.0
    }

    /// What is worked out, and on which scale its doubt is about the same to either side.
    struct Statistic: Sendable {
        enum Scale: Sendable {
            case linear
            /// Of what is above 0, such as a cost: half and twice are equally far.
            case logarithmic
            /// Of the candidate's by the baseline's: half and twice are equally far from 1, too, but where both sides are
            /// in doubt the logarithm reaches further than need be.
            case ratio
            /// Of what lies between 0 and 1.
            case share
            /// Of the candidate's part less the baseline's, neither below 0: a side's own doubt is the same to either side
            /// on the scale of cube roots, as that of sums of pieces of random sizes is; two sides' that are alike
            /// make a difference whose doubt is the same to either side as it stands.
            case difference(baseline: @Sendable (Rates) -> Double, candidate: @Sendable (Rates) -> Double)
        }

        var scale: Scale
        /// Not a number where it is not defined, such as a cost without calls.
        var value: @Sendable (Rates) -> Double

        init(_ scale: Scale = .linear, _ value: @escaping @Sendable (Rates) -> Double) {
            self.scale = scale
            self.value = value
        }

        /// The candidate's part less the baseline's.
        ///
        /// Neither can fall below 0, so that a side which bursts leave in doubt by its own size still differs from another
        /// of a hundredth: a linear interval would say that it may be nothing.
        static func difference(
            _ candidate: @escaping @Sendable (Rates) -> Double, less baseline: @escaping @Sendable (Rates) -> Double
        ) -> Statistic {
            Statistic(.difference(baseline: baseline, candidate: candidate)) { candidate($0) - baseline($0) }
        }

        /// x of the candidate's y.
        static let share = Statistic(.share) { $0.x1 / $0.y1 }

        /// How far x of y is above the baseline's: `diff` and `check` tell the same.
        static let shareDifference = Statistic { $0.x1 / $0.y1 - $0.x0 / $0.y0 }

        /// x by y, by the baseline's.
        static let costRatio = Statistic(.ratio) { ($0.x1 / $0.y1) / ($0.x0 / $0.y0) }
    }

    /// By number of slices.
    private var spectra: [Int: SliceSpectrum] = [:]

    private func spectrum(slices: Int) -> SliceSpectrum {
        if let known = spectra[slices] { return known }
        let spectrum = SliceSpectrum(slices: slices)
        spectra[slices] = spectrum
        return spectrum
    }

    /// What is known of a statistic.
    struct Finding {
        let value: Double
        private let scale: Statistic.Scale
        private let centre: Rates
        /// By side, 0 where it adds no doubt.
        private let variances: (baseline: Double, candidate: Double)
        private let quantile: Double

        fileprivate init(
            _ value: Double, _ scale: Statistic.Scale, _ centre: Rates, _ baseline: (variance: Double, freedom: Int)?,
            _ candidate: (variance: Double, freedom: Int)?
        ) {
            self.value = value
            self.scale = scale
            self.centre = centre
            variances = (baseline?.variance ?? 0, candidate?.variance ?? 0)
            let variance = variances.baseline + variances.candidate
            let weights = [baseline, candidate].compactMap(\.self).reduce(0) {
                $0 + $1.variance * $1.variance / Double($1.freedom)
            }
            let isDoubtful = variance > 0 && variance.isFinite
            quantile = isDoubtful ? ElementaryFunctions.studentQuantile(freedom: variance * variance / weights) : 0
        }

        /// The 95 % interval; without one (minus to plus infinity) where a side has one slice only.
        ///
        /// - Parameter lengths: what recordings so many times as long would leave, should all else stay as it is: doubt
        ///   falls with the root of the time.
        func estimate(lengths: Double = 1) -> Estimate {
            let variance = (variances.baseline + variances.candidate) / lengths
            guard variance.isFinite else { return Estimate(value: value, low: -.infinity, high: .infinity) }
            guard variance > 0 else { return Estimate(value: value, low: value, high: value) }
            let reach = quantile * variance.squareRoot()
            switch scale {
            case .logarithmic where value > 0:
                let factor = ElementaryFunctions.exp(reach / value)
                return Estimate(value: value, low: value / factor, high: value * factor)
            case .ratio where value > 0:
                let root = 1 + reach / value / 6
                let factor = root * root * root * root * root * root
                return Estimate(value: value, low: value / factor, high: value * factor)
            case .share where value > 0 && value < 1 && reach < value * (1 - value):
                // By the odds; where next to nothing is known, they would say that anything is possible.
                let odds = value / (1 - value)
                let factor = ElementaryFunctions.exp(reach / (value * (1 - value)))
                return Estimate(value: value, low: odds / (odds + factor), high: odds * factor / (1 + odds * factor))
            case .difference(let baseline, let candidate):
                let bend = bend(
                    Self.lean(variances.baseline / lengths, of: baseline(centre)),
                    Self.lean(variances.candidate / lengths, of: candidate(centre)), reach: reach, variance: variance)
                guard abs(bend) > 1e-6 else { return Estimate(value: value, low: value - reach, high: value + reach) }
                func cubed(_ value: Double) -> Double { value * value * value }
                let unit = reach / (3 * bend)
                return Estimate(
                    value: value, low: value - unit * (1 - cubed(max(0, 1 - bend))),
                    high: value + unit * (cubed(max(0, 1 + bend)) - 1))
            case .linear, .logarithmic, .ratio, .share:
                return Estimate(value: value, low: value - reach, high: value + reach)
            }
        }

        /// By how much the doubt of something leans upwards when it is a sum of pieces of random sizes: half of its third
        /// central moment.
        ///
        /// Source: Wilson, Hilferty, The distribution of chi-square, PNAS 1931, as `PoissonLimits` has it.
        private static func lean(_ variance: Double, of part: Double) -> Double {
            part > 0 ? variance * variance / part : 0
        }

        /// How far the scale of a difference bends: by a third of the relative reach where one side makes all of the doubt,
        /// upwards for the candidate; not at all where both make as much of it.
        ///
        /// In between it bends by the cube of what one side leans more than the other: sides that are alike seem to
        /// differ by chance, and then the one that seems larger also seems to leave more doubt.
        private func bend(_ baseline: Double, _ candidate: Double, reach: Double, variance: Double) -> Double {
            let both = baseline + candidate
            guard both > 0 else { return 0 }
            let part = (candidate - baseline) / both
            return part * part * part * both * reach / (3 * variance * variance)
        }
    }

    /// - Returns: nil for a statistic that is not defined.
    func findings(_ baseline: SlicePair, _ candidate: SlicePair, of statistics: [Statistic]) -> [Finding?] {
        let first = Side(baseline, self)
        let second = Side(candidate, self)
        let centre = Rates(x0: first.rates.x, y0: first.rates.y, x1: second.rates.x, y1: second.rates.y)
        return statistics.map { statistic in
            let value = statistic.value(centre)
            guard value.isFinite else { return nil }
            return Finding(
                value, statistic.scale, centre,
                first.doubt(
                    Self.slope(of: statistic, at: centre, along: \.x0),
                    Self.slope(of: statistic, at: centre, along: \.y0)),
                second.doubt(
                    Self.slope(of: statistic, at: centre, along: \.x1),
                    Self.slope(of: statistic, at: centre, along: \.y1)))
        }
    }

    /// - Returns: nil for a statistic that is not defined.
    func estimates(_ baseline: SlicePair, _ candidate: SlicePair, of statistics: [Statistic]) -> [Estimate?] {
        findings(baseline, candidate, of: statistics).map { $0?.estimate() }
    }

    /// One of the recordings.
    private final class Side {
        let rates: (x: Double, y: Double)
        private let pair: SlicePair
        private let intervals: PairIntervals
        private let norm: (x: Double, y: Double)

        /// Slices of the same length.
        private lazy var inTime = Transform(pair, intervals)
        /// Slices with as much of y in each; nil where all of it is in one.
        private lazy var inY = pair.withEqualY().map { Transform($0, intervals) }

        private struct Transform {
            let spectrum: SliceSpectrum
            let x: [Double]
            let y: [Double]

            init(_ pair: SlicePair, _ intervals: PairIntervals) {
                spectrum = intervals.spectrum(slices: pair.x.count)
                x = spectrum.coefficients(of: pair.x)
                y = spectrum.coefficients(of: pair.y)
            }
        }

        init(_ pair: SlicePair, _ intervals: PairIntervals) {
            self.pair = pair
            self.intervals = intervals
            rates = (pair.x.reduce(0, +) / pair.seconds, pair.y.reduce(0, +) / pair.seconds)
            func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            self.norm = (norm(pair.x), norm(pair.y))
        }

        /// What this side's slices leave open of a statistic; nil where it does not depend on them.
        func doubt(_ slopeX: Double, _ slopeY: Double) -> (variance: Double, freedom: Int)? {
            guard !pair.x.isEmpty, slopeX != 0 || slopeY != 0 else { return nil }
            let (scaleX, scaleY) = (slopeX / pair.seconds, slopeY / pair.seconds)
            let size = abs(scaleX) * norm.x + abs(scaleY) * norm.y
            if pair.x.count == 1 { return size != 0 ? (.infinity, 1) : nil }
            // What x comes to per y does not change when both grow alike.
            let isPerY = abs(slopeX * rates.x + slopeY * rates.y) < 1e-6 * abs(slopeX) * rates.x
            guard let transform = isPerY ? inY : inTime else { return size != 0 ? (.infinity, 1) : nil }
            let own = zip(transform.x, transform.y).map { scaleX * $0 + scaleY * $1 }
            // Sums taken in another order differ in the last bits; what is the same in every slice leaves no doubt.
            guard own.reduce(0, { $0 + $1 * $1 }).squareRoot() > 1e-9 * size else { return nil }
            return transform.spectrum.variance(ofSumWith: own)
        }
    }

    private static func slope(
        of statistic: Statistic, at centre: Rates, along path: WritableKeyPath<Rates, Double>
    ) -> Double {
        let step = max(abs(centre[keyPath: path]) * 1e-4, 1e-12)
        var above = centre
        var below = centre
        above[keyPath: path] += step
        below[keyPath: path] -= step
        let slope = (statistic.value(above) - statistic.value(below)) / (2 * step)
        return slope.isFinite ? slope : 0
    }
}
