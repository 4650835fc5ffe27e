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
}

/// 95 % intervals of what is worked out from one recording or from two together.
///
/// A statistic of sums varies, to first order, as a sum over slices does: each slice's x and y times the statistic's slopes.
/// `SliceSpectrum` says by how much; the two sides' variances add up, and so do their degrees of freedom in Welch's way.
/// Nothing is drawn by chance: the same recordings give the same intervals.
///
/// Sources: Welch, The generalization of Student's problem when several different population variances are involved,
/// Biometrika 1947; Zou, Donner, Construction of confidence limits about effect measures, Statistics in Medicine 2008 (the
/// interval of a difference from the two sides' own).
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
            /// Of what is above 0, such as a ratio: half and twice are equally far from 1.
            case logarithmic
            /// Of what lies between 0 and 1.
            case share
            /// Of the candidate's part less the baseline's, neither below 0: each side's own doubt is the same to either
            /// side on the scale of cube roots, as that of sums of pieces of random sizes is.
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
        static let costRatio = Statistic(.logarithmic) { ($0.x1 / $0.y1) / ($0.x0 / $0.y0) }
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
            case .share where value > 0 && value < 1 && reach < value * (1 - value):
                // By the odds; where next to nothing is known, they would say that anything is possible.
                let odds = value / (1 - value)
                let factor = ElementaryFunctions.exp(reach / (value * (1 - value)))
                return Estimate(value: value, low: odds / (odds + factor), high: odds * factor / (1 + odds * factor))
            case .difference(let baseline, let candidate):
                let before = Self.reaches(baseline(centre), quantile * (variances.baseline / lengths).squareRoot())
                let after = Self.reaches(candidate(centre), quantile * (variances.candidate / lengths).squareRoot())
                return Estimate(
                    value: value, low: value - (after.down * after.down + before.up * before.up).squareRoot(),
                    high: value + (after.up * after.up + before.down * before.down).squareRoot())
            case .linear, .logarithmic, .share:
                return Estimate(value: value, low: value - reach, high: value + reach)
            }
        }

        /// How far what is not below 0 may lie from `part`: where cube roots lie within a reach of its cube root.
        ///
        /// Source: Wilson, Hilferty, The distribution of chi-square, PNAS 1931, as `PoissonLimits` has it.
        private static func reaches(_ part: Double, _ reach: Double) -> (down: Double, up: Double) {
            guard part > 0 else { return (reach, reach) }
            func cubed(_ value: Double) -> Double { value * value * value }
            let bend = reach / (3 * part)
            return (part - part * cubed(max(0, 1 - bend)), part * cubed(1 + bend) - part)
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
    private struct Side {
        let pair: SlicePair
        let spectrum: SliceSpectrum?
        var rates: (x: Double, y: Double)
        private let coefficients: (x: [Double], y: [Double])
        private let norm: (x: Double, y: Double)

        init(_ pair: SlicePair, _ intervals: PairIntervals) {
            self.pair = pair
            rates = (pair.x.reduce(0, +) / pair.seconds, pair.y.reduce(0, +) / pair.seconds)
            func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            self.norm = (norm(pair.x), norm(pair.y))
            guard !pair.x.isEmpty else {
                spectrum = nil
                coefficients = ([], [])
                return
            }
            let spectrum = intervals.spectrum(slices: pair.x.count)
            self.spectrum = spectrum
            coefficients = (spectrum.coefficients(of: pair.x), spectrum.coefficients(of: pair.y))
        }

        /// What this side's slices leave open of a statistic; nil where it does not depend on them.
        func doubt(_ slopeX: Double, _ slopeY: Double) -> (variance: Double, freedom: Int)? {
            guard let spectrum, slopeX != 0 || slopeY != 0 else { return nil }
            let (scaleX, scaleY) = (slopeX / pair.seconds, slopeY / pair.seconds)
            if spectrum.slices == 1 {
                return scaleX * norm.x != 0 || scaleY * norm.y != 0 ? (.infinity, 1) : nil
            }
            let own = zip(coefficients.x, coefficients.y).map { scaleX * $0 + scaleY * $1 }
            let size = own.reduce(0) { $0 + $1 * $1 }.squareRoot()
            // Sums taken in another order differ in the last bits; what is the same in every slice leaves no doubt.
            guard size > 1e-9 * (abs(scaleX) * norm.x + abs(scaleY) * norm.y) else { return nil }
            return spectrum.variance(ofSumWith: own)
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
