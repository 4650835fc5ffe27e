import ProfileModel
import Testing

@testable import Analysis

@Suite("Limits")
struct CheckLimitTests {
    @Test(
        "are read with their units",
        arguments: [
            ("kernel-share=40%", "kernel-share", CheckLimit.Relation.absolute, 0.4),
            ("kernel-share=0.4", "kernel-share", .absolute, 0.4),
            ("contention-share=+5pp", "contention-share", .plus, 0.05),
            ("fadvise64.cpu-per-call=50us", "fadvise64.cpu-per-call", .absolute, 50e3),
            ("posix_fadvise.wait-per-call=1.2ms", "posix_fadvise.wait-per-call", .absolute, 1.2e6),
            ("write.cpu-per-call=50µs", "write.cpu-per-call", .absolute, 50e3),
            ("write.cpu-per-call=+10us", "write.cpu-per-call", .plus, 10e3),
            ("write.share=x1.5", "write.share", .times, 1.5),
            ("write.calls-per-second=2000", "write.calls-per-second", .absolute, 2000),
            ("page-fault.share=10%", "page-fault.share", .absolute, 0.1),
        ])
    func reading(text: String, metric: String, relation: CheckLimit.Relation, value: Double) throws {
        let limit = try CheckLimit(parsing: text)
        #expect(limit.metric.name == metric)
        #expect(limit.relation == relation)
        #expect(abs(limit.value - value) <= value * 1e-12)
        #expect("\(metric)=\(limit.text)" == text)
    }

    @Test(
        "that make no sense say which part does not",
        arguments: [
            ("kernel-share", CheckLimitError.notAnAssignment("kernel-share")),
            ("kernel=40%", .unknownMetric("kernel")),
            ("write.cost=1us", .unknownMetric("write.cost")),
            ("wriet.share=1%", .unknownSyscall("wriet")),
            ("kernel-share=140%", .badLimit("140%", .share)),
            ("kernel-share=40", .badLimit("40", .share)),
            ("kernel-share=+5%", .badLimit("+5%", .share)),
            ("kernel-share=-5%", .badLimit("-5%", .share)),
            ("kernel-share=nan", .badLimit("nan", .share)),
            ("write.cpu-per-call=50", .badLimit("50", .nanoseconds)),
            ("write.cpu-per-call=", .badLimit("", .nanoseconds)),
            ("write.calls-per-second=1e400", .badLimit("1e400", .callsPerSecond)),
        ])
    func refusing(text: String, error: CheckLimitError) {
        #expect(throws: error) { try CheckLimit(parsing: text) }
    }
}

@Suite("Checks")
struct CheckTests {
    func check(
        _ candidate: SyntheticLoad, against baselines: [SyntheticLoad] = [], _ limits: String...,
        options: CheckOptions = CheckOptions()
    ) throws -> CheckReport {
        try CheckReport(
            candidate: candidate.profile(), baselines: baselines.map { $0.profile() },
            limits: limits.map { try CheckLimit(parsing: $0) }, options: options)
    }

    @Test("a limit kept beyond doubt passes, one broken beyond doubt fails, one in between cannot be told")
    func outcomes() throws {
        // 0.2 s in the kernel beside 0.4 s of user code: a third.
        let report = try check(SyntheticLoad(), "kernel-share=40%", "kernel-share=25%", "kernel-share=33%")
        #expect(report.verdicts.map(\.outcome) == [.pass, .fail, .cannotTell])
        #expect(report.outcome == .fail)
        let pass = report.verdicts[0]
        #expect(try #require(pass.low) < 1.0 / 3 && 1.0 / 3 < #require(pass.high))
        #expect(try check(SyntheticLoad(), "kernel-share=40%").outcome == .pass)
        #expect(try check(SyntheticLoad(), "kernel-share=40%", "kernel-share=33%").outcome == .cannotTell)
    }

    @Test("what cannot be told says how many more seconds would, and they do")
    func moreSeconds() throws {
        // 20 µs a call against 19: near.
        let short = try check(SyntheticLoad(seconds: 10), "write.cpu-per-call=19us").verdicts[0]
        try #require(short.outcome == .cannotTell)
        // The interval is as wide as it is at 10 s, so that it must become narrower by its width over the gap.
        let value = try #require(short.value)
        let gap = abs(value - 19e3)
        let side = value > 19e3 ? value - (try #require(short.low)) : try #require(short.high) - value
        let expected = 10 * (side / gap) * (side / gap) - 10
        #expect(abs(try #require(short.moreSeconds) - expected) <= 1)
    }

    @Test("costs, waits, rates and shares of one call", arguments: [false, true])
    func callMetrics(libcName: Bool) throws {
        let load = SyntheticLoad(wait: 30_000)
        // 10,000 calls a second of 20 µs CPU and 30 µs wait each; all kernel time is write's.
        let passing = try check(
            load, "write.cpu-per-call=23us", "write.wait-per-call=34us", "write.calls-per-second=10500",
            "contention-share=36%")
        // Contention: 0.3 s of 0.9.
        #expect(passing.verdicts.map(\.outcome) == [.pass, .pass, .pass, .pass])
        let failing = try check(
            load, "write.cpu-per-call=17us", "write.wait-per-call=26us", "write.calls-per-second=9500",
            "contention-share=30%", "write.share=90%")
        #expect(failing.verdicts.map(\.outcome) == [.fail, .fail, .fail, .fail, .fail])
    }

    @Test("against a baseline: points and factors")
    func relative() throws {
        let base = SyntheticLoad(seed: 9)
        let report = try check(
            SyntheticLoad(cost: 30_000), against: [base], "kernel-share=+20pp", "kernel-share=+5pp",
            "write.cpu-per-call=x2", "write.cpu-per-call=x1.2", "write.cpu-per-call=+20us")
        // 1/3 to 3/7 is +9.5 points; ×1.5; +10 µs.
        #expect(report.verdicts.map(\.outcome) == [.pass, .fail, .pass, .fail, .pass])
        let ratio = report.verdicts[3]
        #expect(ratio.unit == .ratio)
        #expect(abs(try #require(ratio.value) - 1.5) < 0.15)
        #expect(abs(try #require(ratio.baselineValue) - 20e3) < 2e3)
    }

    @Test("a pair of recordings has the same intervals in `check` as in `diff`")
    func sameAsDiff() throws {
        let (base, candidate) = (SyntheticLoad(seed: 9), SyntheticLoad(cost: 30_000))
        let report = try check(
            candidate, against: [base], "kernel-share=+5pp", "write.calls-per-second=x1.2", "write.cpu-per-call=x1.2")
        let diff = try Comparison(baseline: base.profile(), candidate: candidate.profile())
        let row = try #require(diff.syscalls.first { $0.name == "write" })
        let compared = [try #require(diff.containers.first?.kernelShareChange), row.rateRatio, row.costRatio]
        for (verdict, estimate) in zip(report.verdicts, compared) {
            let estimate = try #require(estimate)
            #expect(verdict.value == estimate.value && verdict.low == estimate.low && verdict.high == estimate.high)
            #expect(estimate.low < estimate.high)
        }
    }

    @Test("the same load passes by default, half as dear again fails")
    func defaults() throws {
        let base = SyntheticLoad(seconds: 60, seed: 9)
        let same = try check(SyntheticLoad(seconds: 60), against: [base])
        #expect(same.outcome == .pass)
        #expect(same.verdicts.map(\.metric) == ["kernel-share", "write.cpu-per-call"])
        #expect(try check(SyntheticLoad(cost: 30_000, seconds: 60), against: [base]).outcome == .fail)
    }

    @Test("baselines that lie far apart leave room for one that lies there too")
    func noiseFloor() throws {
        let apart = [16_000.0, 20_000, 24_000, 18_000].enumerated()
            .map { SyntheticLoad(cost: $1, seed: UInt64($0) + 20) }
        let alike = (0..<4).map { SyntheticLoad(cost: 19_500, seed: UInt64($0) + 20) }
        let candidate = SyntheticLoad(cost: 28_000)
        // ×1.44 of the mean of both: far beyond what recordings that are alike leave open, not what the others do.
        #expect(try check(candidate, against: alike, "write.cpu-per-call=x1.15").outcome == .fail)
        #expect(try check(candidate, against: apart, "write.cpu-per-call=x1.15").outcome == .cannotTell)
    }

    @Test("too few samples, too few complete stacks and too many lost samples cannot be judged by")
    func poorRecordings() throws {
        let few = try check(SyntheticLoad(), "kernel-share=40%", options: CheckOptions(fewestSamples: 1_000_000))
        #expect(few.outcome == .cannotTell)
        #expect(few.verdicts[0].reason?.contains("1000000 are asked for") == true)

        var profile = SyntheticLoad().profile()
        profile.recording.losses.lostSamples = 10_000
        let limit = try CheckLimit(parsing: "kernel-share=40%")
        #expect(try CheckReport(candidate: profile, limits: [limit]).outcome == .cannotTell)
        let lenient = CheckOptions(mostLost: 1)
        #expect(try CheckReport(candidate: profile, limits: [limit], options: lenient).outcome == .pass)

        var building = ProfileBuilding(seconds: 20)
        for index in 0..<400 { building.sample("t:bad-frame > u:work", at: Double(index) * 50) }
        let options = CheckOptions(leastCompleteStacks: 0.9)
        #expect(try CheckReport(candidate: building.profile, limits: [limit]).outcome == .pass)
        #expect(try CheckReport(candidate: building.profile, limits: [limit], options: options).outcome == .cannotTell)
    }

    @Test("a call that is not made keeps every limit; one that was not counted cannot be told")
    func absence() throws {
        let report = try check(
            SyntheticLoad(), "fadvise64.share=5%", "fadvise64.cpu-per-call=50us", "fadvise64.calls-per-second=1",
            "write.wait-per-call=1us")
        #expect(report.verdicts.map(\.outcome) == [.pass, .pass, .pass, .cannotTell])
        #expect(report.verdicts[1].reason == "it was not called")
        #expect(report.verdicts[3].reason == "waits were not recorded")
        let uncounted = try check(SyntheticLoad(counts: false), "write.cpu-per-call=50us")
        #expect(uncounted.verdicts[0].reason == "its calls were not counted")
    }

    @Test("a handful of samples has the doubt that counting gives it")
    func fewSamples() throws {
        var building = ProfileBuilding(seconds: 20)
        for index in 0..<400 { building.sample("u:main > u:work", at: Double(index) * 50) }
        for slice in 0..<200 { building.calls(1, 100, at: Double(slice) * 100) }
        for index in 0..<4 { building.sample(SyntheticLoad.write, at: Double(index) * 5_000) }
        let limit = try CheckLimit(parsing: "write.cpu-per-call=1us")
        let verdict = try CheckReport(candidate: building.profile, limits: [limit]).verdicts[0]
        // 4 samples of 5 ms over 20,000 calls: 1 µs, and by Poisson 0.27 to 2.56 µs.
        #expect(verdict.value == 1_000)
        #expect(try #require(verdict.low) < 280)
        #expect(try #require(verdict.high) > 2_500)
    }

    @Test("a limit against a baseline needs one, and no limit at all too")
    func usage() throws {
        let limit = try CheckLimit(parsing: "kernel-share=+5pp")
        let profile = SyntheticLoad().profile()
        #expect(throws: CheckError.needsBaseline(limit)) { try CheckReport(candidate: profile, limits: [limit]) }
        #expect(throws: CheckError.nothingToCheck) { try CheckReport(candidate: profile, limits: []) }
        #expect(throws: CheckError.comparison(.differentEvents(baseline: "cycles", candidate: "cpu-clock"))) {
            try check(SyntheticLoad(), against: [SyntheticLoad(event: "cycles")], "kernel-share=40%")
        }
    }
}
