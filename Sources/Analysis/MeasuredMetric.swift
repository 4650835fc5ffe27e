internal import ProfileModel

/// A metric of one container: x by y, or x per second.
struct MeasuredMetric {
    var pair: SlicePair
    var isRatio: Bool
    /// Samples that x was made of; nil for what was counted.
    var sampled: Int?
    /// Samples that y was made of, where x is part of it; nil for what is no share.
    var whole: Int?
    /// What one more sample would have added to x.
    var sampleWeight: Double

    enum Result {
        case measured(MeasuredMetric)
        /// It cannot be known from this recording.
        case notMeasured(String)
        /// There is nothing to measure, which keeps every limit.
        case nothing(String)
    }

    static func measure(_ metric: CheckMetric, _ side: RecordedSide, hasWaits: Bool) -> Result {
        func ratio(
            _ x: [Double], _ y: [Double], samples: Int, of whole: Int? = nil, sampleWeight: Double? = nil
        ) -> Result {
            guard y.contains(where: { $0 > 0 }) else { return .notMeasured("no time was sampled") }
            let weight = sampleWeight ?? side.cpu.reduce(0, +) / Double(max(1, side.analysis.samples))
            return .measured(
                MeasuredMetric(
                    pair: side.pair(x, y), isRatio: true, sampled: samples, whole: whole, sampleWeight: weight))
        }
        let none = [Double](repeating: 0, count: side.sliceCount)
        let needsKernelHalf = if case .syscall(_, .callsPerSecond) = metric { false } else { true }
        if needsKernelHalf, !side.hasKernelHalf {
            return .notMeasured("the kernel's half was not sampled")
        }
        switch metric {
        case .kernelShare:
            return ratio(side.kernel, side.cpu, samples: side.kernelSamples, of: side.analysis.samples)
        case .contentionShare:
            guard hasWaits else { return .notMeasured("waits were not recorded") }
            return ratio(
                zip(side.wait, side.spin).map(+), zip(side.cpu, side.wait).map(+), samples: side.contendedSamples,
                of: side.analysis.samples + side.waitSamples)
        case .syscall(let name, let quantity):
            let rows = side.entryRows()
            let matching = rows.filter { $0.key.answers(to: name) }
            var sum = RecordedSide.Row(slices: side.sliceCount)
            for (_, row) in matching.sorted(by: { $0.key.name < $1.key.name }) { sum += row }
            if quantity == .share {
                let whole = hasWaits ? zip(side.kernel, side.wait).map(+) : side.kernel
                guard whole.contains(where: { $0 > 0 }) else { return .nothing("no kernel time was sampled") }
                return ratio(
                    sum.time(withWaits: hasWaits), whole, samples: sum.samples,
                    of: side.kernelSamples + (hasWaits ? side.waitSamples : 0))
            }
            guard let calls = side.calls(answeringTo: name, matching.keys, among: rows.keys) else {
                return .notMeasured("its calls were not counted")
            }
            if quantity == .callsPerSecond {
                return .measured(
                    MeasuredMetric(
                        pair: side.pair(calls, none), isRatio: false, sampled: nil, whole: nil, sampleWeight: 0))
            }
            if quantity == .waitPerCall && !hasWaits { return .notMeasured("waits were not recorded") }
            guard calls.contains(where: { $0 > 0 }) else { return .nothing("it was not called") }
            if quantity == .cpuPerCall { return ratio(sum.cpu, calls, samples: sum.cpuSamples) }
            // Every wait is seen, or one in a few: none seen is none, or next to none.
            return ratio(sum.wait, calls, samples: sum.waitSamples, sampleWeight: 0)
        }
    }

    private init(pair: SlicePair, isRatio: Bool, sampled: Int?, whole: Int?, sampleWeight: Double) {
        self.pair = pair
        self.isRatio = isRatio
        self.sampled = sampled
        self.whole = whole
        self.sampleWeight = sampleWeight
    }

    /// Several recordings as one; nil for none.
    init?(pooling others: [MeasuredMetric]) {
        guard var pooled = others.first else { return nil }
        for other in others.dropFirst() {
            pooled.pair.x += other.pair.x
            pooled.pair.y += other.pair.y
            pooled.pair.seconds += other.pair.seconds
            if let own = pooled.sampled { pooled.sampled = own + (other.sampled ?? 0) }
            if let own = pooled.whole { pooled.whole = own + (other.whole ?? 0) }
        }
        self = pooled
    }

    var samples: Int { sampled ?? .max }

    var value: Double {
        let x = pair.x.reduce(0, +)
        return isRatio ? x / pair.y.reduce(0, +) : x / pair.seconds
    }

    func estimate(_ intervals: PairIntervals) -> Estimate? {
        if let whole {
            return intervals.estimates(.none, pair, of: [.share])[0]?.asShare(samples: whole, of: sampled ?? whole)
        }
        return intervals.estimates(.none, pair, of: [isRatio ? Self.cost : Self.rate])[0]
    }

    /// A share's as `diff` has it; of what is no share, on the scale on which each side's own doubt is even.
    func difference(from other: MeasuredMetric, _ intervals: PairIntervals) -> Estimate? {
        let statistic =
            whole != nil ? .shareDifference : isRatio ? Self.costDifference : Self.rateDifference
        return intervals.estimates(other.pair, pair, of: [statistic])[0]
    }

    func ratio(to other: MeasuredMetric, _ intervals: PairIntervals) -> Estimate? {
        intervals.estimates(other.pair, pair, of: [isRatio ? .costRatio : Self.rateRatio])[0]
    }

    private static let rate = PairIntervals.Statistic(.logarithmic) { $0.x1 }
    private static let rateDifference = PairIntervals.Statistic.difference({ $0.x1 }, less: { $0.x0 })
    private static let rateRatio = PairIntervals.Statistic(.ratio) { $0.x1 / $0.x0 }
    private static let cost = PairIntervals.Statistic(.logarithmic) { $0.x1 / $0.y1 }
    private static let costDifference = PairIntervals.Statistic.difference({ $0.x1 / $0.y1 }, less: { $0.x0 / $0.y0 })

    /// An interval no narrower than the count of samples allows: resampling a handful of them shows too little, and of none
    /// it shows nothing at all.
    ///
    /// - Parameters: what the value was divided by, and then lessened by, to make `estimate`.
    func floored(_ estimate: Estimate?, by divisor: Double = 1, over base: Double = 0) -> Estimate? {
        guard let estimate, let sampled, let limits = PoissonLimits(count: sampled) else { return estimate }
        let whole = isRatio ? pair.y.reduce(0, +) : pair.seconds
        func scaled(_ bound: Double) -> Double {
            (sampled == 0 ? bound * sampleWeight / whole : bound * value) / divisor - base
        }
        return Estimate(
            value: estimate.value, low: min(estimate.low, scaled(limits.low)),
            high: max(estimate.high, scaled(limits.high)))
    }
}

extension RecordedSide {
    /// The calls of everything that answers to `name`, seen in samples or not.
    fileprivate func calls(
        answeringTo name: String, _ entries: some Collection<Entry>, among rows: some Collection<Entry>
    ) -> [Double]? {
        guard calls != nil else { return nil }
        let seen = entries.flatMap { $0.name.split(separator: "|").map(String.init) }
        let all = SyscallNames.kernelNames(for: name).union(seen)
        let table = SyscallTable(arch: whole.profile.recording.arch)
        var sum: [Double]?
        for member in all.sorted() where table.number(of: member) != nil {
            guard let calls = calls(of: .syscall(member), among: rows.filter { $0.name == member }) else { continue }
            sum = sum.map { zip($0, calls).map(+) } ?? calls
        }
        return sum
    }
}
