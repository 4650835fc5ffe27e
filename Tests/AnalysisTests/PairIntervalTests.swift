import ProfileModel
import Testing

@testable import Analysis

@Suite("Intervals of differences")
struct PairIntervalTests {
    /// Slices of 100 ms of a load that is on and off by turns, each for a random time; calls come while it is on, and each
    /// takes 20 µs, sampled every 5 ms.
    static func bursts(
        seconds: Int, on: Double, off: Double, _ generator: inout SplitMix64
    ) -> SlicePair {
        var time = [Double](repeating: 0, count: seconds * 10)
        var calls = time
        var isOn = generator.uniform() < on / (on + off)
        var left = 0.0
        // Steps of 20 ms.
        for step in 0..<seconds * 50 {
            // The memoryless length of a burst: it ends in each step with the same chance.
            left = isOn ? on : off
            if isOn {
                let count = generator.poisson(8_000 * 0.02)
                calls[step / 5] += Double(count)
                time[step / 5] += Double(generator.poisson(Double(count) * 20e3 / 5e6)) * 5e6
            }
            if generator.uniform() < 0.02 / left { isOn.toggle() }
        }
        return SlicePair(x: time, y: calls, seconds: Double(seconds))
    }

    static let statistics: [PairBootstrap.Statistic] = [
        { $0.x1 - $0.x0 },
        { rates in
            let costs = rates.x0 / rates.y0 + rates.x1 / rates.y1
            return (rates.y1 - rates.y0) * costs / 2
        },
        { rates in
            let costs = rates.x1 / rates.y1 - rates.x0 / rates.y0
            return costs * (rates.y0 + rates.y1) / 2
        },
    ]

    @Test(
        "about 95 of 100 intervals hold the truth, bursts or not",
        arguments: [(0.05, 0.15), (0.25, 0.75), (0.5, 0.5)])
    func coverage(on: Double, off: Double) {
        let runs = 240
        var holds = [0, 0, 0]
        var generator = SplitMix64(seed: 11)
        for run in 0..<runs {
            let first = Self.bursts(seconds: 10, on: on, off: off, &generator)
            let second = Self.bursts(seconds: 10, on: on, off: off, &generator)
            let found = PairBootstrap(seed: UInt64(run), work: 60_000_000).estimates(first, second, of: Self.statistics)
            for (index, estimate) in found.enumerated() {
                // Both sides are the same load: the truth is 0.
                if let estimate, estimate.low <= 0, 0 <= estimate.high { holds[index] += 1 }
            }
        }
        // 228 of 240, with a standard deviation of 3.4: three of them to either side.
        for held in holds { #expect((218...238).contains(held), "\(holds)") }
    }

    @Test("a side without slices adds nothing")
    func single() throws {
        let pair = SlicePair(x: [1, 2, 1, 2, 1, 2, 1, 2], y: [2, 2, 2, 2, 2, 2, 2, 2], seconds: 0.8)
        let estimate = try #require(PairBootstrap(seed: 1, work: 1).estimates(.none, pair, of: [{ $0.x1 / $0.y1 }])[0])
        #expect(estimate.value == 0.75)
        #expect(estimate.low > 0.5 && estimate.high < 1)
    }

    @Test("what is not defined has no estimate, and one slice leaves everything open")
    func undefined() throws {
        let nothing = SlicePair(x: [0, 0, 0], y: [0, 0, 0], seconds: 1)
        #expect(PairBootstrap(seed: 1, work: 1).estimates(nothing, nothing, of: [{ $0.x1 / $0.y1 }]) == [nil])
        let one = SlicePair(x: [1], seconds: 1)
        let estimate = try #require(PairBootstrap(seed: 1, work: 1).estimates(one, one, of: [{ $0.x1 - $0.x0 }])[0])
        #expect(estimate.low == -.infinity && estimate.high == .infinity)
    }

    @Test("neighbours that are alike are joined, others stay")
    func joining() {
        // Eight on, eight off: joined by fours, two on and two off, neighbours are as often alike as not.
        let alike = SlicePair(x: (0..<160).map { $0 / 8 % 2 == 0 ? 1.0 : 0 }, seconds: 16)
        #expect(alike.joined().x.count == 40)
        #expect(alike.joined().x.reduce(0, +) == alike.x.reduce(0, +))
        let alternating = SlicePair(x: (0..<160).map { Double($0 % 2) }, seconds: 16)
        #expect(alternating.joined().x.count == 160)
    }
}
