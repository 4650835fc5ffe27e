/// SplitMix64: small, fast, and the same on every machine, so that a report of one recording is always the same.
///
/// Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Uniform below `bound`; off by less than one in 2^32, for bounds that slices have.
    mutating func next(below bound: Int) -> Int {
        Int(truncatingIfNeeded: ((next() >> 32) &* UInt64(bound)) >> 32)
    }
}

/// One series over the slices of a recording, without the slices in which it is 0.
struct SliceSeries {
    private(set) var slices: [Int32] = []
    private(set) var values: [Double] = []
    private(set) var total = 0.0

    /// Slices may come in any order; in time order they take the least room.
    mutating func add(_ value: Double, slice: Int32) {
        total += value
        if slices.last == slice {
            values[values.count - 1] += value
        } else {
            slices.append(slice)
            values.append(value)
        }
    }
}

/// 95 % intervals of ratios by resampling the slices of a recording.
///
/// Samples come in bursts: neighbours in time say the same thing twice, and an interval that counts them singly is too
/// narrow. Slices of 100 ms are drawn with replacement instead, and the ratio is taken of each such recording that might
/// have been.
struct SliceBootstrap {
    static let sliceNanoseconds: Int64 = 100_000_000
    /// Longer recordings get longer slices instead of more: their interval is no worse for it.
    static let mostSlices = 1_200
    private static let mostResamples = 1_000
    private static let fewestResamples = 200
    /// Additions that one call may spend, which keeps a report with very many rows fast.
    private static let workBudget = 200_000_000

    private let seed: UInt64

    init(seed: UInt64) { self.seed = seed }

    /// The interval of each of `parts` as a share of `whole`.
    ///
    /// - Parameters:
    ///   - count: the samples behind `whole`: they alone bound a share that is all or nothing in every slice.
    /// - Returns: as many pairs as `parts`; 0 and 1 where a single slice leaves everything possible.
    func intervals(of parts: [SliceSeries], in whole: SliceSeries, count: Int) -> [(low: Double, high: Double)] {
        var position: [Int32] = Array(repeating: -1, count: Int(whole.slices.max() ?? -1) + 1)
        var weights: [Double] = []
        for (slice, value) in zip(whole.slices, whole.values) where slice >= 0 {
            if position[Int(slice)] < 0 {
                position[Int(slice)] = Int32(weights.count)
                weights.append(value)
            } else {
                weights[Int(position[Int(slice)])] += value
            }
        }
        let slices = weights.count
        guard slices > 1, whole.total > 0 else { return parts.map { _ in (0, 1) } }

        // All series as one, so that the inner loop runs through memory in order.
        var starts: [Int] = [0]
        var indices: [Int32] = []
        var values: [Double] = []
        for part in parts {
            for (slice, value) in zip(part.slices, part.values) {
                guard position.indices.contains(Int(slice)), position[Int(slice)] >= 0 else { continue }
                indices.append(position[Int(slice)])
                values.append(value)
            }
            starts.append(indices.count)
        }
        let work = max(1, indices.count + slices)
        let resamples = min(Self.mostResamples, max(Self.fewestResamples, Self.workBudget / work))

        var generator = SplitMix64(seed: seed)
        var ratios = [Double](repeating: 0, count: parts.count * resamples)
        var times = [Double](repeating: 0, count: slices)
        for resample in 0..<resamples {
            for slice in 0..<slices { times[slice] = 0 }
            for _ in 0..<slices { times[generator.next(below: slices)] += 1 }
            var denominator = 0.0
            for slice in 0..<slices { denominator += times[slice] * weights[slice] }
            guard denominator > 0 else { continue }
            for part in 0..<parts.count {
                var sum = 0.0
                for index in starts[part]..<starts[part + 1] { sum += times[Int(indices[index])] * values[index] }
                ratios[part * resamples + resample] = sum / denominator
            }
        }
        let widening = Self.widening(slices: slices)
        return parts.indices.map { part in
            let sorted = ratios[part * resamples..<(part + 1) * resamples].sorted()
            let value = parts[part].total / whole.total
            return Self.interval(sorted: sorted, value: value, widening: widening, count: count)
        }
    }

    private static func interval(
        sorted: [Double], value: Double, widening: Double, count: Int
    ) -> (low: Double, high: Double) {
        let last = sorted.count - 1
        var low = min(value, sorted[Int((Double(last) * 0.025).rounded())])
        var high = max(value, sorted[Int((Double(last) * 0.975).rounded())])
        low = max(0, value - (value - low) * widening)
        high = min(1, value + (high - value) * widening)
        // Sums taken in another order differ in the last bits; what is the same in every slice has no width.
        if high - low < 1e-9 {
            low = value
            high = value
        }
        // All or nothing in every sample leaves nothing to resample: Wilson's bound for n of n.
        let count = Double(max(1, count))
        if value >= 1 { low = min(low, count / (count + 1.96 * 1.96)) }
        if value <= 0 { high = max(high, 1.96 * 1.96 / (count + 1.96 * 1.96)) }
        return (low, high)
    }

    /// Resampling n slices shows too little of their spread, by √((n-1)/n), and knows nothing of the doubt about that
    /// spread itself: Student's t instead of the normal 1.96. Short recordings get wide intervals by this.
    static func widening(slices: Int) -> Double {
        let freedom = slices - 1
        guard freedom > 0 else { return 1 }
        return studentQuantile(freedom: freedom) / 1.96 * (Double(slices) / Double(freedom)).squareRoot()
    }

    /// What 95 % of Student's t lie within, for `freedom` degrees of freedom, at least 1.
    static func studentQuantile(freedom: Int) -> Double {
        let quantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
        return freedom <= quantiles.count ? quantiles[max(0, freedom - 1)] : 1.96 + 2.5 / Double(freedom)
    }
}
