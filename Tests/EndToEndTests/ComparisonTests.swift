import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Side by side")
    struct ComparisonTests {
        /// What the tests read of `jostle diff --format json`.
        struct Difference: Decodable {
            struct Estimate: Decodable {
                var value: Double
                var low: Double?
                var high: Double?
            }
            struct Side: Decodable {
                var callsPerSecond: Double?
                var costPerCallNs: Double?
            }
            struct Syscall: Decodable {
                /// The candidate's.
                var container: String
                var name: String
                var verdict: String
                var change: Estimate
                var baseline: Side?
                var candidate: Side?
                var fromRateNs: Double?
                var fromCostNs: Double?
                var fromRate: Estimate?
                var fromCost: Estimate?
                var rateRatio: Estimate?
                var costRatio: Estimate?
            }
            var syscalls: [Syscall]

            init(json: String) throws {
                let decoder = JSONDecoder()
                decoder.keyDecodingStrategy = .convertFromSnakeCase
                self = try decoder.decode(Self.self, from: Data(json.utf8))
            }
        }

        /// A workload in a cgroup of its own.
        private struct Load {
            var name: String
            var workload: String
            var options: [String]
        }

        /// Records each load into a file of its own, all of them in the same seconds.
        ///
        /// What only the load can make differ: the machine, and whatever else keeps it busy, is the same for all.
        private static func record(
            _ stage: Stage, _ loads: [Load], seconds: Int, frequency: Int = 199
        ) async throws -> [String] {
            var running: [RunningProgram] = []
            var recorders: [RunningProgram] = []
            let files = loads.map { stage.path($0.name + ".jostle") }
            var cgroups: [TestCgroup] = []
            for load in loads {
                let cgroup = try stage.cgroup(load.name)
                running.append(
                    try await stage.workload(load.workload, in: cgroup, seconds: 120, options: load.options))
                cgroups.append(cgroup)
            }
            for (file, cgroup) in zip(files, cgroups) {
                recorders.append(
                    try stage.startJostle(
                        "record", "--quiet", "-o", file, "-d", "\(seconds)", "-F", "\(frequency)", "--cgroup",
                        cgroup.directory))
            }
            for recorder in recorders {
                let recorded = try await recorder.end()
                try #require(recorded.status == 0, "jostle record: \(recorded.errors)")
            }
            for load in running { load.signal(SIGTERM) }
            for load in running {
                let ended = try await load.end(within: .seconds(180))
                try #require(ended.status == 0, "\(ended.errors)")
            }
            return files
        }

        private static func row(
            _ stage: Stage, _ baseline: String, _ candidate: String, of names: Set<String>
        ) async throws -> Difference.Syscall {
            let outcome = try await stage.jostle("diff", baseline, candidate, "--format", "json")
            try #require(outcome.status == 0, "jostle diff: \(outcome.errors)")
            let row = try #require(try Difference(json: outcome.output).syscalls.first { names.contains($0.name) })
            func whole(_ value: Double?) -> String { value.map { "\(Int($0))" } ?? "?" }
            func interval(_ estimate: Difference.Estimate?, by unit: Double, places: Int) -> String {
                [estimate?.value, estimate?.low, estimate?.high]
                    .map { $0.map { String(format: "%.\(places)f", $0 / unit) } ?? "?" }.joined(separator: ", ")
            }
            seen(
                "\(row.name): \(row.verdict); calls/s \(whole(row.baseline?.callsPerSecond)) → "
                    + "\(whole(row.candidate?.callsPerSecond)), cost \(whole(row.baseline?.costPerCallNs)) → "
                    + "\(whole(row.candidate?.costPerCallNs)) ns; with intervals: from rate "
                    + "\(interval(row.fromRate, by: 1e6, places: 2)) ms/s, from cost "
                    + "\(interval(row.fromCost, by: 1e6, places: 2)) ms/s, rate × "
                    + "\(interval(row.rateRatio, by: 1, places: 3)), cost × \(interval(row.costRatio, by: 1, places: 3))"
            )
            return row
        }

        /// What the decomposition of a change must say. `verdict` first: "cannot tell" is an honest answer of a recording in
        /// which the machine stood still for a second, so that it counts when a second, fresh pair says it, too.
        private static func confirmed(
            _ what: String, verdict: String, _ pair: (Stage) async throws -> Difference.Syscall,
            parts: (Difference.Syscall, inout Findings) throws -> Void
        ) async throws {
            try await Findings.confirmed(what) {
                let row = try await Stage.with(pair)
                var findings = Findings()
                findings.expect("verdict", row.verdict == verdict, row.verdict)
                try parts(row, &findings)
                return findings
            }
        }

        @Test("A storm in another container makes each posix_fadvise dearer, and not more often")
        func contention() async throws {
            // The program keeps its own rate in both recordings: what others do can change the cost alone. Four threads,
            // because waits behind a storm are long and rare: half of the time lies in the 60 longest of 5 s. Ten seconds,
            // because 50 slices of such waits may by chance look like one long burst.
            func logger(_ name: String) -> Load {
                Load(name: name, workload: "fadvise-storm", options: ["--threads", "4", "--rate", "4000"])
            }
            try await Self.confirmed("a storm beside", verdict: "dearer") { stage in
                let alone = try await Self.record(stage, [logger("alone")], seconds: 10, frequency: 999)
                let others = try stage.cgroup("others")
                let storm = try await stage.workload(
                    "fadvise-storm", in: others, seconds: 120, options: ["--threads", "16"])
                let amid = try await Self.record(stage, [logger("amid")], seconds: 10, frequency: 999)
                storm.signal(SIGTERM)
                let stormed = try await storm.end(within: .seconds(60))
                try #require(stormed.status == 0, "\(stormed.errors)")
                return try await Self.row(stage, alone[0], amid[0], of: ["fadvise64"])
            } parts: { row, findings in
                let (rate, cost) = (try #require(row.fromRateNs), try #require(row.fromCostNs))
                findings.expect("parts", abs(rate) < 0.2 * cost, "\(rate) from the rate, \(cost) from the cost")
                let ratio = try #require(row.costRatio?.low)
                findings.expect("ratio", ratio > 1, "the cost may be \(ratio) times what it was")
            }
        }

        @Test("Calls of stat at twice the rate and the same cost are called more often")
        func rate() async throws {
            func load(_ name: String, _ rate: Int) -> Load {
                // Long paths: caches that are cold after each sleep weigh little beside what a call costs.
                Load(
                    name: name, workload: "path-miss",
                    options: ["--threads", "1", "--depth", "200", "--rate", "\(rate)"]
                )
            }
            try await Self.confirmed("twice as often", verdict: "more often") { stage in
                let files = try await Self.record(
                    stage, [load("slow", 10_000), load("fast", 20_000)], seconds: 10, frequency: 999)
                return try await Self.row(stage, files[0], files[1], of: ["newfstatat", "stat"])
            } parts: { row, findings in
                let before = try #require(row.baseline?.callsPerSecond)
                let after = try #require(row.candidate?.callsPerSecond)
                findings.expect("calls per second", after / before, near: 2, within: 0.1)
                let (rate, cost) = (try #require(row.fromRateNs), try #require(row.fromCostNs))
                findings.expect("parts", rate > 2 * abs(cost), "\(rate) from the rate, \(cost) from the cost")
            }
        }

        @Test("Calls of stat at the same rate that each cost more are dearer, and not called more often")
        func dearer() async throws {
            func load(_ name: String, _ depth: Int) -> Load {
                Load(
                    name: name, workload: "path-miss",
                    options: ["--threads", "1", "--depth", "\(depth)", "--rate", "10000"])
            }
            try await Self.confirmed("dearer calls", verdict: "dearer") { stage in
                let files = try await Self.record(
                    stage, [load("short", 100), load("long", 300)], seconds: 10, frequency: 999)
                return try await Self.row(stage, files[0], files[1], of: ["newfstatat", "stat"])
            } parts: { row, findings in
                let (rate, cost) = (try #require(row.fromRateNs), try #require(row.fromCostNs))
                findings.expect("parts", cost > 2 * abs(rate), "\(rate) from the rate, \(cost) from the cost")
            }
        }

        @Test("Recordings of different machines compare, and the header says what differs")
        func otherMachine() async throws {
            try await Stage.with { stage in
                let load = Load(name: "load", workload: "fadvise-storm", options: ["--threads", "1"])
                let file = try await Self.record(stage, [load], seconds: 2)[0]
                let other = stage.path("other.jostle")
                try FileManager.default.copyItem(atPath: file, toPath: other)
                // As a larger machine would have written it.
                try await stage.need(
                    "/usr/bin/sqlite3", other,
                    """
                    UPDATE recording SET value = '5.10.0-28-amd64' WHERE key = 'kernel';
                    UPDATE recording SET value = 64 WHERE key = 'cpus';
                    UPDATE recording SET value = 'elsewhere' WHERE key = 'host';
                    """)
                let outcome = try await stage.jostle("diff", other, file)
                #expect(outcome.status == 0, "\(outcome.errors)")
                let header = outcome.output.split(separator: "\n").prefix { !$0.contains("kernel share") }
                    .joined(separator: " ").split(whereSeparator: \.isWhitespace).joined(separator: " ")
                seen(header)
                #expect(header.contains("not the same:"))
                #expect(header.contains("host elsewhere → "))
                #expect(header.contains("kernel 5.10.0-28-amd64 → "))
                #expect(header.contains("CPUs 64 → "))
            }
        }

        @Test("A recording of a former build, of another host and kernel, compares with one of today")
        func formerBuild() async throws {
            try await Stage.with { stage in
                let load = Load(name: "load", workload: "fadvise-storm", options: ["--threads", "1"])
                let file = try await Self.record(stage, [load], seconds: 2)[0]
                let former = URL(filePath: Programs.oracles).deletingLastPathComponent()
                    .appending(path: "RecordingTests/Fixtures/schema-1.jostle").path
                // It has two containers, neither of which is called as the load's cgroup is.
                let unmapped = try await stage.jostle("diff", former, file)
                #expect(unmapped.status == 66)
                #expect(unmapped.errors.contains("--map A=B"), "\(unmapped.errors)")
                let map = "api=jostle-test-\(getpid())-load"
                let outcome = try await stage.jostle("diff", former, file, "--map", map, "--format", "json")
                try #require(outcome.status == 0, "\(outcome.errors)")
                struct Facts: Decodable {
                    struct Difference: Decodable {
                        var fact: String
                        var baseline: String
                        var candidate: String
                    }
                    struct Recording: Decodable {
                        struct Summary: Decodable { var kernel: String }
                        var recording: Summary
                    }
                    var differences: [Difference]
                    var candidate: Recording
                    var unmatchedBaseline: [String]
                    var syscalls: [ComparisonTests.Difference.Syscall]
                }
                let decoder = JSONDecoder()
                decoder.keyDecodingStrategy = .convertFromSnakeCase
                let facts = try decoder.decode(Facts.self, from: Data(outcome.output.utf8))
                seen(facts.differences.map { "\($0.fact) \($0.baseline) → \($0.candidate)" }.joined(separator: "; "))
                let host = facts.differences.first { $0.fact == "host" }
                let kernel = facts.differences.first { $0.fact == "kernel" }
                #expect(host?.baseline == "node-7")
                #expect(kernel?.baseline == "6.18.0-test")
                #expect(kernel?.candidate == facts.candidate.recording.kernel)
                // Both called it.
                let row = try #require(facts.syscalls.first { $0.name == "fadvise64" })
                #expect(row.baseline != nil && row.candidate != nil)
                // The byte 0xE4, which alone is no UTF-8, as `jostle schema diff` says.
                #expect(facts.unmatchedBaseline == ["m\u{10FEE4}r"])
            }
        }

        /// Python, because 780 checks and the recordings that they need are a script of their own, which people run with
        /// longer recordings as well.
        @Test("40 recordings of one workload differ in at most 5 % of pairs; 30 % dearer is not overlooked")
        func manyPairs() async throws {
            try await Stage.with { stage in
                let script = URL(filePath: Programs.oracles).deletingLastPathComponent().deletingLastPathComponent()
                    .appending(path: "scripts/bench-comparisons").path
                let outcome = try await stage.run(
                    "/usr/bin/env",
                    [
                        "python3", script, "pairs", "--lock-held", "--rounds", "20", "--seconds", "3", "--frequency",
                        "999", "--jostle",
                        Programs.jostle, "--workload", Programs.workload,
                    ], within: .seconds(900))
                for line in outcome.output.split(separator: "\n") { seen(String(line)) }
                #expect(outcome.status == 0, "\(outcome.output) \(outcome.errors)")
            }
        }

        @Test("check passes, fails and cannot tell with the exit codes that say so; so does every way to misuse it")
        func exitCodes() async throws {
            try await Stage.with { stage in
                let load = Load(name: "load", workload: "fadvise-storm", options: ["--threads", "1"])
                // Often enough that a busy machine leaves the hundred samples that a check asks for.
                let file = try await Self.record(stage, [load], seconds: 4, frequency: 999)[0]
                func check(_ arguments: String...) async throws -> Outcome {
                    try await stage.run(Programs.jostle, ["check", "--max-lost", "100%"] + arguments)
                }
                // The storm is in the kernel nearly all of its time.
                let pass = try await check(file, "--max", "kernel-share=100%")
                #expect(pass.status == 0, "\(pass.output)")
                let fail = try await check(file, "--max", "kernel-share=5%", "--format", "github")
                #expect(fail.status == 1, "\(fail.output)")
                #expect(fail.output.hasPrefix("::error "))
                let few = try await check(file, "--max", "kernel-share=5%", "--min-samples", "1000000")
                #expect(few.status == 2, "\(few.output)")
                #expect(few.output.contains("1000000 are asked for"))
                for usage in [
                    ["check", file], ["check", file, "--max", "kernel-share=+5pp"],
                    ["check", file, "--max", "wriet.share=1%"], ["diff", file], ["diff", file, file, "--map", "a"],
                    ["schema", "nothing"],
                ] {
                    let outcome = try await stage.run(Programs.jostle, usage)
                    #expect(outcome.status == 64, "\(usage): \(outcome.status) \(outcome.errors)")
                }

                let text = stage.path("no-recording")
                try Data("not a recording, though long enough to be one".utf8).write(to: URL(filePath: text))
                #expect(try await stage.jostle("diff", file, text).status == 65)
                #expect(try await check(text, "--max", "kernel-share=5%").status == 65)
                #expect(try await stage.jostle("diff", file, stage.path("none")).status == 66)
                #expect(try await check(file, "--baseline", stage.path("none")).status == 66)
                let container = try await stage.jostle("diff", file, file, "--map", "nobody=load")
                #expect(container.status == 66)
                #expect(container.errors.contains("has no container nobody"))
                #expect(try await stage.jostle("diff", file, file).status == 0)
            }
        }
    }
}
