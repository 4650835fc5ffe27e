import ProfileModel
import Testing

@testable import Analysis

@Suite("Two recordings side by side")
struct ComparisonTests {
    func compare(_ baseline: SyntheticLoad, _ candidate: SyntheticLoad) throws -> ComparedSyscall {
        var second = candidate
        second.seed = 2
        let comparison = try Comparison(baseline: baseline.profile(), candidate: second.profile())
        return try #require(comparison.syscalls.first { $0.name == "write" })
    }

    @Test("calls that cost twice as much at the same rate are dearer")
    func dearer() throws {
        let row = try compare(SyntheticLoad(), SyntheticLoad(cost: 40_000))
        #expect(row.verdict == .dearer)
        // 10,000 calls a second, 20 µs before and 40 µs after: 0.2 s more in each second, all of it from the cost.
        #expect(abs(row.change.value - 200e6) < 30e6)
        #expect(abs(try #require(row.fromCost) - 200e6) < 30e6)
        #expect(abs(try #require(row.fromRate)) < 20e6)
        let ratio = try #require(row.costRatio)
        #expect(ratio.low < 2 && 2 < ratio.high)
    }

    @Test("twice the calls at the same cost are more often, half the calls less often")
    func rate() throws {
        let more = try compare(SyntheticLoad(), SyntheticLoad(callsPerSecond: 20_000))
        #expect(more.verdict == .moreOften)
        #expect(abs(try #require(more.fromRate) - 200e6) < 30e6)
        #expect(try compare(SyntheticLoad(callsPerSecond: 20_000), SyntheticLoad()).verdict == .lessOften)
    }

    @Test("cheaper calls are cheaper")
    func cheaper() throws {
        #expect(try compare(SyntheticLoad(cost: 40_000), SyntheticLoad()).verdict == .cheaper)
    }

    @Test("a call that waits for a lock is dearer, though it takes no more CPU")
    func waiting() throws {
        let row = try compare(SyntheticLoad(wait: 2_000), SyntheticLoad(wait: 40_000))
        #expect(row.verdict == .dearer)
        let before = try #require(row.baseline?.cpuPerSecond)
        let after = try #require(row.candidate?.cpuPerSecond)
        #expect(abs(before - after) < 30e6)
    }

    @Test("twice the calls at twice the cost are both")
    func both() throws {
        let row = try compare(SyntheticLoad(), SyntheticLoad(callsPerSecond: 20_000, cost: 40_000))
        #expect(row.verdict == .both)
        // 0.2 s/s to 0.8 s/s. Rate: 10,000 · (20 + 40) / 2 µs = 0.3; cost: 20 µs · (10,000 + 20,000) / 2 = 0.3.
        #expect(abs(try #require(row.fromRate) - 300e6) < 40e6)
        #expect(abs(try #require(row.fromCost) - 300e6) < 40e6)
    }

    @Test("a small part of a large change is not told: twice the rate and 4 % dearer is more often")
    func smallPart() throws {
        let row = try compare(SyntheticLoad(), SyntheticLoad(callsPerSecond: 20_000, cost: 20_800))
        #expect(row.verdict == .moreOften)
    }

    @Test("the parts sum to the change, to the last digit")
    func sum() throws {
        for candidate in [SyntheticLoad(cost: 31_000), SyntheticLoad(callsPerSecond: 7_000, cost: 55_000)] {
            let row = try compare(SyntheticLoad(), candidate)
            #expect(try #require(row.fromRate) + #require(row.fromCost) == row.change.value)
        }
    }

    @Test("the same load is unchanged where there is enough of it, and not told where there is not")
    func unchanged() throws {
        #expect(try compare(SyntheticLoad(), SyntheticLoad()).verdict == .unchanged)
        // 20 calls a second: 8 ms in 20 s, two samples.
        let rare = SyntheticLoad(callsPerSecond: 20)
        #expect(try compare(rare, rare).verdict == .cannotTell)
    }

    @Test("durations do not matter: 10 s and 40 s of the same load are the same")
    func durations() throws {
        let row = try compare(SyntheticLoad(seconds: 10), SyntheticLoad(seconds: 40))
        #expect(row.verdict == .unchanged)
        let comparison = try Comparison(
            baseline: SyntheticLoad(seconds: 10).profile(), candidate: SyntheticLoad(seconds: 40).profile())
        #expect(comparison.differences.map(\.fact) == ["duration_ns"])
    }

    @Test("a container that came late is compared by the time for which it was there")
    func lateStart() throws {
        var late = SyntheticLoad(seconds: 10, seed: 2).profile()
        // Twenty seconds long, and nothing in the first ten.
        late.recording.durationNanoseconds = 20_000_000_000
        late.samples.time = late.samples.time.map { $0 + 10_000_000_000 }
        for index in late.syscallCounts.indices { late.syscallCounts[index].time += 10_000_000_000 }
        let comparison = try Comparison(baseline: SyntheticLoad(seconds: 10).profile(), candidate: late)
        #expect(comparison.containers[0].candidate.runNanoseconds == 10_000_000_000)
        #expect(comparison.syscalls.first { $0.name == "write" }?.verdict == .unchanged)
    }

    @Test("an idle end is run time where the container is as idle in between")
    func idleEnds() {
        // One slice of 100 ms in ten is busy: the silence of 9 at either end is nothing new.
        let busy = (0..<100).map { $0 % 10 == 9 && $0 < 91 }
        #expect(RunTime.whenThere(busy, slice: 100_000_000) == 0..<100)
        // Busy without a break, and then nothing for 3 s.
        #expect(RunTime.whenThere((0..<100).map { $0 < 70 }, slice: 100_000_000) == 0..<70)
        // Half a second of nothing is no end.
        #expect(RunTime.whenThere((0..<100).map { $0 < 95 }, slice: 100_000_000) == 0..<100)
    }

    @Test("calls of one side only are shown")
    func oneSided() throws {
        var second = SyntheticLoad().profile()
        second.syscallCounts = []
        var building = ProfileBuilding(seconds: 20)
        building.profile.containers = second.containers
        for slice in 0..<200 {
            building.calls(0, 1_000, at: Double(slice) * 100)
            building.calls(1, 0, at: Double(slice) * 100)
            building.sample(
                "u:main > u:/lib/libc.so.6!read#0 > do_syscall_64 > __x64_sys_read > vfs_read", at: Double(slice) * 100)
        }
        let comparison = try Comparison(baseline: SyntheticLoad().profile(), candidate: building.profile)
        let gone = try #require(comparison.syscalls.first { $0.name == "write" })
        #expect(gone.candidate == nil)
        #expect(gone.verdict == .lessOften)
        #expect(gone.fromCost == 0)
        let new = try #require(comparison.syscalls.first { $0.name == "read" })
        #expect(new.baseline == nil)
        #expect(new.verdict == .moreOften)
        // 200 samples of 5 ms in 20 s.
        #expect(new.change.value == 50e6)
    }

    @Test("without counted calls a change is told, but not why")
    func uncounted() throws {
        let row = try compare(SyntheticLoad(counts: false), SyntheticLoad(cost: 40_000, counts: false))
        #expect(row.verdict == .moreTime)
        #expect(row.fromRate == nil && row.fromCost == nil)
        #expect(row.candidate?.calls == nil)
    }

    @Test("waits that only one side recorded are compared on neither")
    func oneSidedWaits() throws {
        let comparison = try Comparison(
            baseline: SyntheticLoad().profile(), candidate: SyntheticLoad(wait: 40_000, seed: 2).profile())
        #expect(comparison.differences.map(\.fact) == ["waits"])
        #expect(comparison.containers[0].contendedWaitChange == nil)
        #expect(comparison.syscalls.first { $0.name == "write" }?.verdict == .unchanged)
    }

    @Test("kernel shares are compared with their interval")
    func kernelShare() throws {
        // 0.2 and 0.6 s of kernel time beside 0.4 s of user time in a second: a third, and six tenths.
        var holds = 0
        var halfWidths = 0.0
        for seed in UInt64(0)..<10 {
            let comparison = try Comparison(
                baseline: SyntheticLoad(seconds: 10, seed: 2 * seed + 1).profile(),
                candidate: SyntheticLoad(cost: 60_000, seconds: 10, seed: 2 * seed + 2).profile())
            let change = try #require(comparison.containers[0].kernelShareChange)
            if change.low < 0.6 - 1.0 / 3 && 0.6 - 1.0 / 3 < change.high { holds += 1 }
            #expect(change.halfWidth < 0.1)
            halfWidths += change.halfWidth
        }
        // 1,200 and 2,000 samples: 2.1 √(0.22 / 1200 + 0.24 / 2000) = 0.037, found out to a half or so.
        #expect(halfWidths / 10 < 0.055)
        // One interval in twenty misses; three of ten in 1 of 90 such runs.
        #expect(holds >= 8)
    }

    @Test("the same recordings give the same comparison")
    func determinism() throws {
        let profiles = (SyntheticLoad().profile(), SyntheticLoad(cost: 30_000, seed: 2).profile())
        let first = try Comparison(baseline: profiles.0, candidate: profiles.1)
        #expect(try Comparison(baseline: profiles.0, candidate: profiles.1) == first)
    }

    @Test("cycles and cpu-clock do not compare unless forced")
    func events() throws {
        let profiles = (SyntheticLoad(event: "cycles").profile(), SyntheticLoad().profile())
        #expect(throws: ComparisonError.differentEvents(baseline: "cycles", candidate: "cpu-clock")) {
            try Comparison(baseline: profiles.0, candidate: profiles.1)
        }
        let forced = try Comparison(
            baseline: profiles.0, candidate: profiles.1, options: ComparisonOptions(force: true))
        #expect(forced.differences.map(\.fact) == ["event"])
    }

    @Test("another kernel and CPU count compare, and the header says so")
    func machines() throws {
        var other = SyntheticLoad(seed: 2).profile()
        other.recording.kernel = "5.15.0"
        other.recording.cpus = 72
        other.recording.host = "ci-7"
        let comparison = try Comparison(baseline: SyntheticLoad().profile(), candidate: other)
        #expect(
            comparison.differences == [
                RecordingDifference(fact: "host", baseline: "host", candidate: "ci-7"),
                RecordingDifference(fact: "kernel", baseline: "6.12.0", candidate: "5.15.0"),
                RecordingDifference(fact: "cpus", baseline: "2", candidate: "72"),
            ])
    }

    @Test("one call in detail names the functions and call sites that changed")
    func detail() throws {
        let comparison = try Comparison(
            baseline: SyntheticLoad(wait: 2_000).profile(), candidate: SyntheticLoad(wait: 40_000, seed: 2).profile(),
            options: ComparisonOptions(syscall: "write"))
        let detail = try #require(comparison.detail)
        #expect(detail.callSites.map(\.place.function) == ["main"])
        #expect(detail.callSites[0].change == comparison.syscalls[0].change)
        // The mutex's time is charged to whoever takes it.
        #expect(detail.functions.map(\.place.function) == ["vfs_write"])
    }

    @Test("a kernel that leaves a call open is compared under all the names that are possible")
    func ambiguousNames() {
        var row = RecordedSide.Row(slices: 1)
        row.cpuSamples = 1
        let one: [Entry: RecordedSide.Row] = [.syscall("access|faccessat"): row]
        let other: [Entry: RecordedSide.Row] = [.syscall("access"): row, .syscall("read"): row]
        let alignment = EntryAlignment(one.keys, other.keys)
        #expect(Set(alignment.aligned(one).keys) == [.syscall("access|faccessat")])
        #expect(Set(alignment.aligned(other).keys) == [.syscall("access|faccessat"), .syscall("read")])
    }
}

@Suite("Which container is which")
struct ContainerMatchingTests {
    func pairs(
        _ baseline: [Container], _ candidate: [Container], container: String? = nil, maps: [String] = []
    ) throws -> [[Int]] {
        try ContainerMatching(
            baseline, candidate, container: container, maps: maps.compactMap { ContainerMap($0) }
        ).pairs.map { [$0.baseline, $0.candidate] }
    }

    @Test("by name, whatever the order")
    func names() throws {
        let containers = [Container(name: "a"), Container(name: "b")]
        #expect(try pairs(containers, containers.reversed()) == [[1, 0], [0, 1]])
    }

    @Test("a container that is alone on both sides matches whatever its name")
    func alone() throws {
        #expect(try pairs([Container(name: "a")], [Container(name: "jostle-9")]) == [[0, 0]])
    }

    @Test("by image where names differ, but not where several have it")
    func images() throws {
        let before = [Container(name: "a-1", image: "a"), Container(name: "b-1", image: "b")]
        let after = [Container(name: "b-2", image: "b"), Container(name: "a-2", image: "a")]
        #expect(try pairs(before, after) == [[1, 0], [0, 1]])
        let twins = [Container(name: "x", image: "a"), Container(name: "y", image: "a"), after[0]]
        #expect(try pairs(before, twins) == [[1, 2]])
    }

    @Test("as --map says, before anything else")
    func maps() throws {
        let containers = [Container(name: "a"), Container(name: "b")]
        #expect(try pairs(containers, containers, maps: ["a=b", "b=a"]) == [[1, 0], [0, 1]])
        #expect(ContainerMap("a") == nil)
        #expect(ContainerMap("=b") == nil)
        #expect(ContainerMap("a=b=c") == nil)
    }

    @Test("only what --container asks for; the other side's single container is then meant")
    func chosen() throws {
        let two = [Container(name: "a"), Container(name: "b")]
        #expect(try pairs(two, two, container: "b") == [[1, 1]])
        #expect(try pairs([Container(name: "command")], two, container: "b") == [[0, 1]])
        #expect(throws: ComparisonError.noSuchContainer(query: "c", in: .baseline, known: ["a", "b"])) {
            try pairs(two, two, container: "c")
        }
    }

    @Test("--container takes the name on either side of those that an image or a map matches")
    func chosenByEitherName() throws {
        let before = [Container(name: "api-1", image: "api"), Container(name: "log-1", image: "log")]
        let after = [Container(name: "log-2", image: "log"), Container(name: "api-2", image: "api")]
        #expect(try pairs(before, after, container: "log-2") == [[1, 0]])
        #expect(try pairs(before, after, container: "api-1") == [[0, 1]])
        #expect(try pairs(before, after, container: "log-2", maps: ["api-1=log-2"]) == [[0, 0]])
    }

    @Test("nothing in common is an error that names what there is")
    func nothing() {
        #expect(throws: ComparisonError.nothingMatches(baseline: ["a", "b"], candidate: ["c"])) {
            try pairs([Container(name: "a"), Container(name: "b")], [Container(name: "c")])
        }
    }
}
