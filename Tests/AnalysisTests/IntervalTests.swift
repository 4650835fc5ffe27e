import ProfileModel
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
        // Half a second in the kernel, half a second in user code: 2,000 samples, but only 100 independent slices.
        let share = try share { $0 / 500 % 2 == 0 }
        #expect(share.value == 0.5)
        // Singly: 1.96 √(0.25/2000) = 0.022. By slices that are all or nothing: 1.96 √(0.25/100) = 0.098.
        #expect(share.high - share.value > 0.08)
        #expect(share.value - share.low > 0.08)
        #expect(share.high - share.value < 0.12)
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
        func width(slices: Int) -> Double {
            var part = SliceSeries()
            var whole = SliceSeries()
            for slice in 0..<slices {
                part.add(slice.isMultiple(of: 2) ? 40 : 60, slice: Int32(slice))
                whole.add(100, slice: Int32(slice))
            }
            let interval = SliceBootstrap(seed: 1).intervals(of: [part], in: whole, count: slices * 20)[0]
            return interval.high - interval.low
        }
        #expect(width(slices: 1) == 1)
        // Two slices: Student's t for one degree of freedom is 12.7, 6.5 times the normal quantile.
        #expect(width(slices: 2) > 0.9)
        #expect(width(slices: 4) > width(slices: 40))
        #expect(width(slices: 40) > width(slices: 400))
    }

    @Test("about 95 of 100 intervals hold the truth")
    func coverage() {
        // Slices of a container whose kernel share wanders: uniform in 0.2...0.8 for each slice, so 0.5 in truth.
        var generator = SplitMix64(seed: 42)
        var holds = 0
        let trials = 200
        for trial in 0..<trials {
            var part = SliceSeries()
            var whole = SliceSeries()
            for slice in 0..<30 {
                let share = 0.2 + 0.6 * Double(generator.next(below: 1_000_000)) / 1e6
                part.add(share * 100, slice: Int32(slice))
                whole.add(100, slice: Int32(slice))
            }
            let interval = SliceBootstrap(seed: UInt64(trial)).intervals(of: [part], in: whole, count: 600)[0]
            if interval.low <= 0.5 && 0.5 <= interval.high { holds += 1 }
        }
        // 95 % of 200 is 190, with a standard deviation of 3.1: three of them to either side.
        #expect(holds >= 181)
        #expect(holds <= 199)
    }

    @Test("the same recording gives the same intervals")
    func determinism() throws {
        func report() throws -> KernelShare { try share(seconds: 3) { $0 % 37 < 15 } }
        #expect(try report() == report())
    }

    @Test("numbers drawn are spread over the whole range and stay below the bound")
    func generator() {
        var generator = SplitMix64(seed: 7)
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 { counts[generator.next(below: 10)] += 1 }
        // 1,000 each, standard deviation 30.
        #expect(counts.allSatisfy { abs($0 - 1_000) < 150 })
    }

    @Test("a long recording gets longer slices, not more")
    func longRecordings() throws {
        // An hour: 36,000 slices of 100 ms become 1,200 of 3 s.
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
