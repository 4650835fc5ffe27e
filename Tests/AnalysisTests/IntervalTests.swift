import ProfileModel
import TestSupport
import Testing

@testable import Analysis

@Suite("Intervals of shares")
struct IntervalTests {
    static let kernel = "u:main > do_syscall_64 > __x64_sys_read > vfs_read"
    static let user = "u:main > u:work"

    /// 10 s of 200 samples a second, kernel or user as `isKernel` says for each.
    func share(seconds: Int = 10, isKernel: (_ milliseconds: Int) -> Bool) throws -> KernelShare {
        var building = ProfileBuilding(seconds: Double(seconds))
        for milliseconds in stride(from: 0, to: seconds * 1000, by: 5) {
            building.sample(isKernel(milliseconds) ? Self.kernel : Self.user, at: Double(milliseconds))
        }
        return try #require(KernelReport(building.profile).containers[0].kernelShare)
    }

    @Test("a kernel share keeps its counts")
    func counts() throws {
        var building = ProfileBuilding()
        for index in 0..<9 { building.sample(Self.kernel, at: Double(index) * 200) }
        building.sample(Self.user, at: 1_900)
        let share = try #require(KernelReport(building.profile).containers[0].kernelShare)
        // Ten samples of 5 ms.
        #expect(share.kernel == 45_000_000)
        #expect(share.total == 50_000_000)
        #expect(share.value == 0.9)
        #expect(share.low < 0.9 && share.high > 0.9)
    }

    @Test("what is the same in every slice has no width")
    func constant() throws {
        let share = try share { ($0 / 5).isMultiple(of: 2) }
        #expect(share.value == 0.5)
        #expect(share.low == 0.5)
        #expect(share.high == 0.5)
    }

    @Test("bursts make the interval wider than counting samples singly would")
    func bursty() throws {
        // In the kernel or in user code for half a second on average: 2,000 samples, but some 20 bursts.
        var generator = SeededGenerator(seed: 3)
        var isKernel = false
        let modes = (0..<2_000).map { _ in
            // Steps of 5 ms.
            if generator.uniform() < 0.01 { isKernel.toggle() }
            return isKernel
        }
        let share = try share { modes[$0 / 5] }
        // Singly: 1.96 √(0.25 / 2000) = 0.022. Bursts that are alike for τ = 0.25 s say it 2 τ / 10 s = 1/20 times:
        // 1.96 √(0.25 / 20) = 0.22, found out from the samples themselves to a half or so.
        #expect(share.high - share.low > 0.2)
        #expect(share.high - share.low < 0.7)
    }

    @Test("all or nothing is no certainty: n of n samples leave Wilson's bound")
    func allOrNothing() throws {
        let all = try share { _ in true }
        // 2,000 of 2,000: 2000 / (2000 + 1.96²) = 0.99808
        #expect(all.value == 1)
        #expect(abs(all.low - 0.99808) < 1e-5)
        #expect(all.high == 1)
        let none = try share { _ in false }
        #expect(none.low == 0)
        #expect(abs(none.high - 0.00192) < 1e-5)
    }

    @Test("few slices give wide intervals, a single one says nothing")
    func shortRecordings() throws {
        // The mean of many: a few slices may by chance be alike.
        func width(slices: Int) -> Double {
            var generator = SeededGenerator(seed: 8)
            let intervals = PairIntervals()
            let widths = (0..<100).map { _ in
                let part = (0..<slices).map { _ in 40 + 20 * generator.uniform() }
                let pair = SlicePair(x: part, y: part.map { _ in 100 }, seconds: Double(slices) / 10)
                let share = intervals.estimates(.none, pair, of: [.share])[0]?.asShare(samples: 1_000, of: 500)
                return share.map { $0.high - $0.low } ?? .nan
            }
            return widths.reduce(0, +) / 100
        }
        #expect(width(slices: 1) == 1)
        // Two slices: Student's t for one degree of freedom is 12.7.
        #expect(width(slices: 2) > width(slices: 4))
        #expect(width(slices: 4) > width(slices: 40))
        #expect(width(slices: 40) > width(slices: 200))
    }

    @Test("the same recording gives the same intervals")
    func determinism() throws {
        func report() throws -> KernelShare { try share(seconds: 3) { $0 % 37 < 15 } }
        #expect(try report() == report())
    }

    @Test("a long recording gets longer slices, not more")
    func longRecordings() throws {
        // An hour: 36,000 slices of 100 ms become 300 of 12 s.
        var building = ProfileBuilding(seconds: 3_600)
        for second in 0..<3_600 {
            building.sample(second.isMultiple(of: 2) ? Self.kernel : Self.user, at: Double(second) * 1000)
        }
        let share = try #require(KernelReport(building.profile).containers[0].kernelShare)
        #expect(share.value == 0.5)
        #expect(share.high - share.low > 0)
        #expect(share.high - share.low < 0.05)
    }
}
