import Foundation
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
                var name: String
                var verdict: String
                var change: Estimate
                var baseline: Side?
                var candidate: Side?
                var fromRateNs: Double?
                var fromCostNs: Double?
                var costRatio: Estimate?
            }
            var syscalls: [Syscall]

            init(json: String) throws {
                let decoder = JSONDecoder()
                decoder.keyDecodingStrategy = .convertFromSnakeCase
                self = try decoder.decode(Self.self, from: Data(json.utf8))
            }
        }

        /// Records a workload in a cgroup of its own.
        private static func record(
            _ stage: Stage, _ name: String, _ workload: String, seconds: Int, options: [String]
        ) async throws -> String {
            let cgroup = try stage.cgroup(name)
            let running = try await stage.workload(workload, in: cgroup, seconds: 120, options: options)
            let file = stage.path(name + ".jostle")
            let recorded = try await stage.jostle(
                "record", "--quiet", "-o", file, "-d", "\(seconds)", "--cgroup", cgroup.directory)
            try #require(recorded.status == 0, "jostle record: \(recorded.errors)")
            running.signal(SIGTERM)
            try await running.end(within: .seconds(180))
            return file
        }

        private static func row(
            _ stage: Stage, _ baseline: String, _ candidate: String, of names: Set<String>
        ) async throws -> Difference.Syscall {
            let outcome = try await stage.jostle("diff", baseline, candidate, "--format", "json")
            try #require(outcome.status == 0, "jostle diff: \(outcome.errors)")
            let row = try #require(try Difference(json: outcome.output).syscalls.first { names.contains($0.name) })
            func whole(_ value: Double?) -> String { value.map { "\(Int($0))" } ?? "?" }
            seen(
                "\(row.name): \(row.verdict); calls/s \(whole(row.baseline?.callsPerSecond)) → "
                    + "\(whole(row.candidate?.callsPerSecond)), cost \(whole(row.baseline?.costPerCallNs)) → "
                    + "\(whole(row.candidate?.costPerCallNs)) ns; from rate \(whole(row.fromRateNs)) ns/s, from cost "
                    + "\(whole(row.fromCostNs)) ns/s")
            return row
        }

        @Test("A storm of sixteen threads makes each posix_fadvise dearer than one thread does")
        func contention() async throws {
            try await Stage.with { stage in
                let one = try await Self.record(
                    stage, "one", "fadvise-storm", seconds: 10, options: ["--threads", "1"])
                let many = try await Self.record(
                    stage, "many", "fadvise-storm", seconds: 10, options: ["--threads", "16"])
                let row = try await Self.row(stage, one, many, of: ["fadvise64"])
                #expect(["dearer", "both"].contains(row.verdict))
                #expect(try #require(row.fromCostNs) > 0)
                #expect(try #require(row.fromCostNs) > abs(try #require(row.fromRateNs)))
            }
        }

        @Test("Calls at twice the rate and the same cost are called more often")
        func rate() async throws {
            try await Stage.with { stage in
                func options(_ rate: Int) -> [String] { ["--threads", "1", "--rate", "\(rate)"] }
                let slow = try await Self.record(stage, "slow", "path-miss", seconds: 10, options: options(40_000))
                let fast = try await Self.record(stage, "fast", "path-miss", seconds: 10, options: options(80_000))
                let row = try await Self.row(stage, slow, fast, of: ["newfstatat", "stat"])
                let before = try #require(row.baseline?.callsPerSecond)
                let after = try #require(row.candidate?.callsPerSecond)
                #expect(abs(after / before - 2) < 0.2)
                // A machine that is busy otherwise makes a call dearer by a third, and at another time cheaper.
                #expect(["more often", "both"].contains(row.verdict))
                #expect(try #require(row.fromRateNs) > 2 * abs(try #require(row.fromCostNs)))
            }
        }

        @Test("check passes, fails and cannot tell with the exit codes that say so; so does every way to misuse it")
        func exitCodes() async throws {
            try await Stage.with { stage in
                let file = try await Self.record(
                    stage, "load", "fadvise-storm", seconds: 4, options: ["--threads", "1"])
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
