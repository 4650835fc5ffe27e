/// How sure a sum over the slices of a recording is, from the slices themselves.
///
/// Samples come in bursts: neighbours in time say the same thing twice, and an interval that counts them singly, or slice
/// by slice, is too narrow. What a sum over n slices varies by is n times the spectral density of the series at frequency
/// zero. That density is estimated from the series' cosine transform: its squared coefficients at the lowest frequencies
/// are as many independent looks at it, so that Student's t with as many degrees of freedom says how far the sum may lie
/// from the truth. How much lower the density is at those frequencies than at zero itself is told by a shape
///
///     r + (1 - r) / (1 + (ω τ)²)
///
/// (bursts of memoryless lengths, which are alike for a time τ, in noise r) that all coefficients choose by Whittle's
/// likelihood. The longer bursts last, the fewer coefficients are used: then the interval gets wide by Student's t.
///
/// Sources: Müller, A theory of robust long-run variance estimation, J. Econometrics 2007 (cosines and Student's t);
/// Lazarus, Lewis, Stock, Watson, HAR inference, J. Business & Economic Statistics 2018; Whittle, Estimation and
/// information in stationary time series, Arkiv för Matematik 1953. Decision record 15 has the simulations behind the
/// constants.
struct SliceSpectrum {
    let slices: Int
    private let cosines: [Double]
    private let shapes: [Shape]

    private struct Shape {
        /// At each coefficient's frequency, the density at zero by the density there.
        var inverse: [Double]
        /// The same, for bursts that are longer by `care`: the lengths that are found tend to be too short.
        var careful: [Double]
        var meanLogarithm: Double
        /// How many coefficients are used.
        var used: Int
    }

    /// The most coefficients that are used, and the fewest where there are as many.
    private static let mostUsed = 8.0
    private static let fewestUsed = 2.0
    /// Of the coefficients below the frequency at which bursts show.
    private static let usedPart = 0.3
    /// In slices; none longer than an eighth of the recording.
    private static let likenesses = [0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8, 11, 16, 22, 32, 45, 64, 90, 128]
    private static let noises = [0, 0.05, 0.2, 0.5]
    private static let care = 1.6

    /// - Parameter slices: at least 1.
    init(slices: Int) {
        self.slices = slices
        let frequencies = (1..<max(slices, 1)).map { Double.pi * Double($0) / Double(slices) }
        cosines = slices > 1 ? ElementaryFunctions.cosines(quarter: slices) : []
        func shape(likeness: Double, noise: Double) -> Shape {
            func density(_ frequency: Double, _ likeness: Double) -> Double {
                let turned = frequency * likeness
                return noise + (1 - noise) / (1 + turned * turned)
            }
            let relative = frequencies.map { density($0, likeness) }
            let below = likeness > 0 ? Self.usedPart * Double(slices) / (Double.pi * likeness) : .infinity
            let used = min(max(below.rounded(), Self.fewestUsed), Self.mostUsed, Double(frequencies.count))
            let logarithms = relative.reduce(0) { $0 + ElementaryFunctions.log($1) }
            return Shape(
                inverse: relative.map { 1 / $0 }, careful: frequencies.map { 1 / density($0, likeness * Self.care) },
                meanLogarithm: logarithms / Double(max(1, frequencies.count)), used: Int(used))
        }
        var shapes = [shape(likeness: 0, noise: 0)]
        for likeness in Self.likenesses where likeness <= Double(slices) / 8 {
            shapes += Self.noises.map { shape(likeness: likeness, noise: $0) }
        }
        self.shapes = shapes
    }

    /// The cosine transform of a series (DCT-II, orthonormal), without the mean.
    ///
    /// - Complexity: quadratic in slices, of which there are few.
    func coefficients(of series: [Double]) -> [Double] {
        precondition(series.count == slices)
        guard slices > 1, series.contains(where: { $0 != 0 }) else {
            return [Double](repeating: 0, count: max(0, slices - 1))
        }
        let scale = (2 / Double(slices)).squareRoot()
        let period = 4 * slices
        return (1..<slices).map { frequency in
            var sum = 0.0
            var angle = frequency
            let step = 2 * frequency
            // Loops over indices, here and below: tests run this millions of times without optimization.
            var slice = 0
            while slice < slices {
                sum += series[slice] * cosines[angle]
                angle += step
                if angle >= period { angle -= period }
                slice += 1
            }
            return sum * scale
        }
    }

    /// The variance of the sum of a series, and the degrees of freedom behind it.
    ///
    /// - Parameter coefficients: of the series, as `coefficients(of:)` gives them.
    func variance(ofSumWith coefficients: [Double]) -> (variance: Double, freedom: Int) {
        let squares = coefficients.map { $0 * $0 }
        guard !squares.isEmpty else { return (.infinity, 1) }
        var best: (score: Double, shape: Shape)?
        let count = squares.count
        for shape in shapes {
            var scale = 0.0
            var index = 0
            while index < count {
                scale += squares[index] * shape.inverse[index]
                index += 1
            }
            // Whittle's likelihood with the scale that fits best, up to what all shapes have in common.
            let score = ElementaryFunctions.log(scale / Double(count)) + shape.meanLogarithm
            if best.map({ score < $0.score }) ?? true { best = (score, shape) }
        }
        guard let shape = best?.shape else { return (.infinity, 1) }
        var density = 0.0
        for index in 0..<shape.used { density += squares[index] * shape.careful[index] }
        return (density / Double(shape.used) * Double(slices), shape.used)
    }
}
