import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("jostle doctor")
    struct DoctorTests {
        private struct Report: Decodable {
            struct Check: Decodable {
                var id: String
                var outcome: String
                var cause: String?
                var lost: String?
            }
            var schema: String
            var schemaVersion: Int
            var verdict: String
            var checks: [Check]

            func check(_ id: String) throws -> Check { try #require(checks.first { $0.id == id }, "no \(id)") }
        }

        private func report(_ json: String) throws -> Report {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Report.self, from: Data(json.utf8))
        }

        @Test("As root everything that the other tests use works, and it exits with 0")
        func asRoot() async throws {
            try await Stage.with { stage in
                let text = try await stage.jostle("doctor")
                #expect(text.status == 0, "\(text.errors)")
                #expect(text.output.hasPrefix("recording works"))
                let report = try report(try await stage.jostle("doctor", "--format", "json").output)
                #expect(report.schema == "jostle.doctor" && report.schemaVersion == 1)
                for id in [
                    "perf_events", "sampling", "cgroup_mode", "kernel_callchains", "user_callchains", "user_stacks",
                    "context_switches", "system_calls", "kernel_symbols", "map_files", "cpu_times", "ring_memory",
                ] {
                    #expect(try report.check(id).outcome == "works", "\(id)")
                }
                let others = report.checks.filter { $0.outcome != "works" }.map { "\($0.id) \($0.outcome)" }
                seen("doctor as root: \(report.verdict); not fine: \(others), after \(text.duration)")
            }
        }

        @Test(
            "As nobody it says what is missing and exits with 77, and so does record",
            .enabled(if: Programs.arePresent("setpriv")))
        func asNobody() async throws {
            try await Stage.with { stage in
                let paranoid = try String(contentsOfFile: "/proc/sys/kernel/perf_event_paranoid", encoding: .utf8)
                try #require(Int(paranoid.filter { !$0.isWhitespace }) ?? 2 > 0, "everybody may record here")
                // Where jostle was built nobody may look.
                let copy = stage.path("jostle")
                try FileManager.default.copyItem(atPath: Programs.jostle, toPath: copy)
                func asNobody(_ arguments: String...) async throws -> Outcome {
                    try await stage.run(
                        "/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", copy] + arguments)
                }
                let doctor = try await asNobody("doctor", "--format", "json")
                #expect(doctor.status == 77, "\(doctor.errors)")
                let report = try report(doctor.output)
                #expect(report.verdict == "not_permitted")
                #expect(try report.check("perf_events").outcome == "works")
                let sampling = try report.check("sampling")
                #expect(sampling.outcome == "missing" && sampling.cause == "paranoid")
                #expect(try report.check("map_files").cause == "capability")
                let text = try await asNobody("doctor")
                #expect(text.status == 77)
                for word in ["perf_event_paranoid", "setcap cap_", "docker run", "privileged: true"] {
                    #expect(text.output.contains(word), "\(word)")
                }

                let record = try await asNobody("record", "--pid", "1", "-d", "1", "-o", "/dev/null/x.jostle")
                #expect([73, 77].contains(record.status))
                let refused = try await asNobody("record", "--pid", "1", "-d", "1", "-o", "/var/tmp/\(UUID()).jostle")
                #expect(refused.status == 77, "\(refused.errors)")
                #expect(refused.errors.contains("perf_event_paranoid") && refused.errors.contains("setcap"))
                #expect(refused.errors.split(separator: "\n").count <= 3)
                // Who may not record sees no names either: that is said, not that there is no such container.
                for target in [["--container", "api"], ["--pod", "shop/web"], ["--all-containers"]] {
                    let other = try await stage.run(
                        "/usr/bin/setpriv",
                        ["--reuid=65534", "--regid=65534", "--clear-groups", copy, "record", "-d", "1"]
                            + ["-o", "/var/tmp/\(UUID()).jostle"] + target)
                    #expect(other.status == 77, "\(target): \(other.errors)")
                    #expect(other.errors.contains("setcap"), "\(other.errors)")
                    #expect(other.errors.split(separator: "\n").count <= 3)
                }
                seen("nobody: doctor \(doctor.status), record \(refused.status): \(refused.errors)")
            }
        }

        @Test("A capability that is given up is named as the cause", .enabled(if: Programs.arePresent("setpriv")))
        func withoutOneCapability() async throws {
            try await Stage.with { stage in
                let drop = "-checkpoint_restore,-sys_admin"
                let doctor = try await stage.run(
                    "/usr/bin/setpriv",
                    ["--bounding-set", drop, "--inh-caps", drop, Programs.jostle, "doctor", "--format", "json"])
                #expect(doctor.status == 0, "\(doctor.errors)")
                let files = try report(doctor.output).check("map_files")
                #expect(files.outcome == "degraded" && files.cause == "capability")
                #expect(files.lost?.isEmpty == false)
            }
        }
    }
}
