import ProfileModel
import TestSupport
import Testing

@testable import Analysis

@Suite("Intervals of differences")
struct PairIntervalTests {
    /// Slices of 100 ms of a load that is on and off by turns, each for a random time; calls come while it is on, and each
    /// takes 20 µs, sampled every 5 ms.
    struct Bursts: CustomTestStringConvertible, Sendable {
        var seconds: Int
        /// Mean lengths, in seconds.
        var on: Double
        var off: Double

        var testDescription: String { "\(on) s on, \(off) s off, for \(seconds) s" }

        func slices(_ generator: inout SeededGenerator) -> SlicePair {
            var time = [Double](repeating: 0, count: seconds * 10)
            var calls = time
            var isOn = generator.uniform() < on / (on + off)
            // Steps of 20 ms.
            for step in 0..<seconds * 50 {
                if isOn {
                    let count = (8_000 * 0.02 * (0.8 + 0.4 * generator.uniform())).rounded()
                    calls[step / 5] += count
                    time[step / 5] += Double(generator.poisson(count * 20e3 / 5e6)) * 5e6
                }
                // The memoryless length of a burst: it ends in each step with the same chance.
                if generator.uniform() < 0.02 / (isOn ? on : off) { isOn.toggle() }
            }
            return SlicePair(x: time, y: calls, seconds: Double(seconds))
        }
    }

    /// The change, its parts from the rate and from the cost, and the ratios of calls and of costs.
    static let statistics = ComparedPairs.statistics

    @Test(
        "95 of 100 intervals hold the truth, however long bursts last: 93 to 97 % of 2,000",
        arguments: [
            Bursts(seconds: 3, on: 0.25, off: 0.25), Bursts(seconds: 10, on: 0.05, off: 0.15),
            Bursts(seconds: 10, on: 0.5, off: 0.5), Bursts(seconds: 10, on: 1, off: 1),
            Bursts(seconds: 10, on: 2, off: 2), Bursts(seconds: 10, on: 0.5, off: 1.5),
        ])
    func coverage(_ bursts: Bursts) {
        let runs = 2_000
        var holds = Self.statistics.map { _ in 0 }
        var generator = SeededGenerator(seed: 31)
        let intervals = PairIntervals()
        for _ in 0..<runs {
            let first = bursts.slices(&generator)
            let second = bursts.slices(&generator)
            let found = intervals.estimates(first, second, of: Self.statistics)
            for (index, estimate) in found.enumerated() {
                // Both sides are the same load: no difference, and ratios of 1. What is not defined (no call at all) claims
                // nothing.
                guard let estimate else {
                    holds[index] += 1
                    continue
                }
                let truth = index < 3 ? 0.0 : 1
                if estimate.low <= truth, truth <= estimate.high { holds[index] += 1 }
            }
        }
        seen("\(bursts.testDescription): time, rate, cost and both ratios of \(runs) intervals hold \(holds)")
        for held in holds { #expect((runs * 93 / 100...runs * 97 / 100).contains(held), "\(holds) of \(runs)") }
    }

    @Test("95 of 100 intervals of a share hold the truth: 93 to 97 % of 2,000", arguments: [0.1, 1.0])
    func shares(burst: Double) {
        // While a burst is on, eight samples of ten are in the kernel; while it is off, two are: half of all.
        let runs = 2_000
        var holds = 0
        var generator = SeededGenerator(seed: 5)
        let intervals = PairIntervals()
        for _ in 0..<runs {
            var kernel = [Double](repeating: 0, count: 100)
            var all = kernel
            var isOn = generator.uniform() < 0.5
            for step in 0..<500 {
                let samples = generator.poisson(4)
                for _ in 0..<samples where generator.uniform() < (isOn ? 0.8 : 0.2) { kernel[step / 5] += 1 }
                all[step / 5] += Double(samples)
                if generator.uniform() < 0.02 / burst { isOn.toggle() }
            }
            let pair = SlicePair(x: kernel, y: all, seconds: 10)
            if let estimate = intervals.estimates(.none, pair, of: [.share])[0], estimate.low <= 0.5,
                0.5 <= estimate.high
            {
                holds += 1
            }
        }
        seen("kernel share in bursts of \(burst) s: \(holds) of \(runs) intervals hold")
        #expect((runs * 93 / 100...runs * 97 / 100).contains(holds), "\(holds) of \(runs)")
    }

    @Test("a call that comes in two bursts is not sure of its cost, and in one it says nothing")
    func fewBursts() throws {
        func cost(_ bursts: Int) throws -> Estimate {
            // Each burst is a slice of 100 calls, dearer by a tenth than the one before.
            let calls = (0..<40).map { $0.isMultiple(of: 10) && $0 / 10 < bursts ? 100.0 : 0 }
            let time = calls.enumerated().map { $1 * (1 + Double($0 / 10) / 10) }
            let statistic = PairIntervals.Statistic(.logarithmic) { $0.x1 / $0.y1 }
            let pair = SlicePair(x: time, y: calls, seconds: 4)
            return try #require(PairIntervals().estimates(.none, pair, of: [statistic])[0])
        }
        #expect(try cost(1) == Estimate(value: 1, low: -.infinity, high: .infinity))
        let two = try cost(2)
        // 1.05, of two that differ by 0.1: half of it is the error of their mean, and Student's t of one degree 12.7.
        #expect(abs(two.high / 1.05 - ElementaryFunctions.exp(12.706 * 0.05 / 1.05)) < 0.01)
        let four = try cost(4)
        #expect(four.low < 1.15 && four.high > 1.15 && four.high - four.low < two.high - two.low)
    }

    @Test("a side without slices adds nothing")
    func single() throws {
        let pair = SlicePair(x: [1, 2, 1, 2, 1, 2, 1, 2], y: [2, 2, 2, 2, 2, 2, 2, 2], seconds: 0.8)
        let estimate = try #require(PairIntervals().estimates(.none, pair, of: [.share])[0])
        #expect(estimate.value == 0.75)
        #expect(estimate.low > 0.4 && estimate.high < 1)
    }

    @Test("what is not defined has no estimate, and one slice leaves everything open")
    func undefined() throws {
        let nothing = SlicePair(x: [0, 0, 0], y: [0, 0, 0], seconds: 1)
        #expect(PairIntervals().estimates(nothing, nothing, of: [.share]) == [nil])
        let one = SlicePair(x: [1], seconds: 1)
        let difference = PairIntervals.Statistic.difference({ $0.x1 }, less: { $0.x0 })
        let estimate = try #require(PairIntervals().estimates(one, one, of: [difference])[0])
        #expect(estimate.low == -.infinity && estimate.high == .infinity)
    }

    @Test("a side that bursts leave in doubt by its own size still differs from a hundredth of it")
    func bursts() throws {
        let steady = SlicePair(x: [Double](repeating: 1, count: 40), seconds: 4)
        // One burst, as long as a tenth of the recording.
        let burst = SlicePair(x: (0..<40).map { 18..<22 ~= $0 ? 340 : 40 }, seconds: 4)
        let linear = PairIntervals.Statistic { $0.x1 - $0.x0 }
        let found = PairIntervals().estimates(steady, burst, of: [linear] + Self.statistics.prefix(1))
        let (straight, bent) = (try #require(found[0]), try #require(found[1]))
        // 690 a second, and what is above 0 cannot have been less than nothing.
        #expect(straight.value == 690 && straight.low < 0)
        #expect(bent.value == 690 && bent.low > 0 && bent.high > straight.high)
    }

    @Test("longer recordings are told to leave less doubt, by the root of their length")
    func lengths() throws {
        let pair = SlicePair(x: [1, 4, 2, 3, 1, 2, 4, 3], seconds: 0.8)
        let linear = PairIntervals.Statistic { $0.x1 }
        let finding = try #require(PairIntervals().findings(.none, pair, of: [linear])[0])
        let (now, later) = (finding.estimate(), finding.estimate(lengths: 4))
        #expect(now.value == later.value)
        #expect(abs((now.high - now.low) / (later.high - later.low) - 2) < 1e-9)
    }

    @Test("the time that a verdict needs is the one at which it comes")
    func neededLength() throws {
        func verdict(from length: Double) -> (Double) -> ComparisonVerdict {
            { $0 < length ? .cannotTell : .dearer }
        }
        #expect(ComparisonVerdict.neededLength(most: 100, verdict: verdict(from: 0)) == 1)
        let needed = try #require(ComparisonVerdict.neededLength(most: 100, verdict: verdict(from: 7)))
        #expect(7...7.07 ~= needed)
        #expect(ComparisonVerdict.neededLength(most: 100, verdict: verdict(from: 101)) == nil)
    }

    @Test("what is the same in every slice has no width, and twice the calls at the same cost leave no doubt of it")
    func certainty() throws {
        let one = SlicePair(x: [3, 3, 3, 3], y: [1, 1, 1, 1], seconds: 1)
        let twice = SlicePair(x: [6, 6, 6, 6], y: [2, 2, 2, 2], seconds: 1)
        let found = PairIntervals().estimates(one, twice, of: Self.statistics).map {
            $0 ?? Estimate(value: .nan, low: 0, high: 0)
        }
        // 12 and 24 a second: all of it from the rate.
        #expect(found.map(\.value) == [12, 12, 0, 2, 1])
        for estimate in found { #expect(abs(estimate.high - estimate.low) < 1e-9) }
    }

    @Test("the transform of a cosine is that cosine alone")
    func transform() {
        // The third of eight frequencies, in steps of half a slice: cos(3 π (t + ½) / 8).
        let table = ElementaryFunctions.cosines(quarter: 8)
        let series = (0..<8).map { table[3 * (2 * $0 + 1) % 32] }
        let coefficients = SliceSpectrum(slices: 8).coefficients(of: series)
        for (index, value) in coefficients.enumerated() { #expect(abs(value - (index == 2 ? 2 : 0)) < 1e-12) }
    }

    @Test(
        "elementary functions agree with tables",
        arguments: [(1.0, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (8, 2.306), (16, 2.120), (1e9, 1.95996)])
    func functions(freedom: Double, quantile: Double) {
        #expect(abs(ElementaryFunctions.studentQuantile(freedom: freedom) - quantile) < 0.005)
        #expect(abs(ElementaryFunctions.log(10) - 2.302_585_092_994_046) < 1e-14)
        #expect(abs(ElementaryFunctions.log(1e-300) + 690.775_527_898_213_7) < 1e-11)
        #expect(abs(ElementaryFunctions.exp(1) - 2.718_281_828_459_045) < 1e-13)
        #expect(abs(ElementaryFunctions.exp(-16) / 1.125_351_747_192_591e-7 - 1) < 1e-12)
    }
}
