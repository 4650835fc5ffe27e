import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Real containers of a real docker, named as people name them.
    @Suite(
        "Containers by name",
        .enabled(
            if: Programs.arePresent("dockerd", "docker", "cc", "tar", "perf", "python3"),
            "docker, perf or a compiler is missing"))
    struct ByNameTests {
        private static let image = "shop/work:1"
        private static let seconds = 4.0
        private static let frequency = 499

        @Test("By name, by id prefix, two at once and all: names, images, and perf's figures for each")
        func named() async throws {
            try await Stage.with { stage in
                let docker = try await DockerDaemon(on: stage)
                try await docker.importWorkloads(as: Self.image)
                var containers: [String: (id: String, cgroup: String)] = [:]
                for (name, workload) in [("api", "path-miss"), ("logger", "pipe-ping-pong"), ("web", "mmap-churn")] {
                    containers[name] = try await docker.start(
                        Self.image, name: name, "/workload", workload, "--seconds", "300", "--directory", "/")
                }
                let prefixes = try ["logger", "web"].map { String(try #require(containers[$0]).id.prefix(12)) }
                for (targets, names) in [
                    (["--container", "api"], ["api"]),
                    (prefixes.flatMap { ["--container", $0] }, ["logger", "web"]),
                    (["--all-containers"], ["api", "logger", "web"]),
                ] {
                    let cgroups = try names.map { try #require(containers[$0]).cgroup }
                    let first = try await compare(targets, cgroups, on: stage)
                    try await PerfComparison.confirm("\(targets)", first.differences) {
                        try await compare(targets, cgroups, on: stage).differences
                    }
                    let report = try await stage.report(first.recording)
                    for name in names {
                        let expected = try #require(containers[name])
                        let found = try #require(report.containers.first { $0.name == name }, "no \(name)")
                        #expect(found.id == expected.id && found.runtime == "docker" && found.image == Self.image)
                        #expect(found.cgroup == "/" + expected.cgroup)
                        #expect(found.samples > 50, "\(name) has \(found.samples) samples")
                    }
                    let isAll = targets == ["--all-containers"]
                    #expect(report.containers.contains { $0.name == "host and others" } == isAll)
                    if !isAll { #expect(Set(report.containers.map(\.name)) == Set(names)) }
                    let text = try await stage.run(
                        Programs.jostle, ["report", first.recording], environment: ["COLUMNS": "120"])
                    for name in names {
                        let id = try #require(containers[name]).id.prefix(12)
                        #expect(text.output.contains("\(name) · docker \(id) · image \(Self.image)"), "\(text.output)")
                    }
                    // The table of several comes first.
                    #expect(text.output.contains("KERNEL TIME/s") == (report.containers.count > 1))
                    let table = try await stage.jostle("report", first.recording, "--by", "container")
                    for name in names { #expect(table.output.contains("\n  \(name) ")) }
                    seen(
                        "\(targets.map { $0.hasPrefix("--") ? $0 : String($0.prefix(12)) }.joined(separator: " ")): "
                            + report.containers.map {
                                "\($0.name) (\($0.image ?? "-")) \($0.samples) samples, kernel "
                                    + ($0.kernelShare?.value ?? 0).percent
                            }.joined(separator: "; "))
                }
            }
        }

        private func compare(
            _ targets: [String], _ cgroups: [String], on stage: Stage
        ) async throws -> (differences: Set<String>, recording: String) {
            let made = try await PerfComparison.make(
                on: stage, of: cgroups, targets: targets, seconds: Self.seconds, frequency: Self.frequency)
            for line in made.comparison.comparisons where line.perf != nil {
                seen("\(targets[0]) \((line.cgroup ?? "").suffix(64).prefix(12)) \(line.description)")
            }
            return (made.comparison.differences, made.recording)
        }

        @Test("A restarted container is recorded on and the gap noted, a new one is taken, and the rest is summed up")
        func restarted() async throws {
            try await Stage.with { stage in
                let docker = try await DockerDaemon(on: stage)
                try await docker.importWorkloads(as: Self.image)
                let api = try await docker.start(
                    Self.image, name: "api", "/workload", "path-miss", "--seconds", "300", "--directory", "/")
                let directory = try #require(TestCgroup.perfEventRoot()) + "/" + api.cgroup
                // Two recorders at once: the one by events of the cgroup, the other by events of the whole machine.
                let files = ["--container": stage.path("one.jostle"), "--all-containers": stage.path("all.jostle")]
                let one = try stage.startJostle(
                    "record", "--container", "api", "-o", try #require(files["--container"]))
                let all = try stage.startJostle(
                    "record", "--all-containers", "-o", try #require(files["--all-containers"]))
                try await one.says("2s")
                try await all.says("2s")
                let before = Set(TestCgroup.processes(in: directory).map(String.init))
                try #require(try await docker.run("restart", "-t", "0", "api").status == 0)
                _ = try await docker.start(
                    Self.image, name: "late", "/workload", "user-spin", "--seconds", "300")
                let bystander = try await stage.workload("user-spin", in: try stage.cgroup("bystander"), seconds: 60)
                try await Task.sleep(for: .seconds(3))
                let after = Set(TestCgroup.processes(in: directory).map(String.init))
                #expect(!before.isEmpty && !after.isEmpty && before.isDisjoint(with: after))
                for recorder in [one, all] {
                    recorder.signal(SIGINT)
                    let outcome = try await recorder.end()
                    try #require(outcome.status == 0, "\(outcome.errors)")
                }
                for (target, file) in files.sorted(by: { $0.key < $1.key }) {
                    let report = try await stage.report(file)
                    let note = try #require(
                        report.recording.notes.first { $0.hasPrefix("api was restarted") }, "\(report.recording.notes)")
                    #expect(note.contains("between"))
                    #expect(try await stage.jostle("report", file).output.contains("note: api was restarted"))
                    let runs = try await Self.processes(of: "api", in: file, on: stage)
                    for run in [before, after] {
                        let samples = runs.filter { run.contains($0.pid) }.reduce(0) { $0 + $1.samples }
                        #expect(samples > 5, "\(run.sorted()) of \(runs)")
                    }
                    let odd = try await stage.number(
                        """
                        SELECT sum(value) FROM recording WHERE key IN ('undecodable_records', 'unknown_records')
                        """, of: file)
                    #expect(odd == 0, "\(target): \(odd) records made no sense")
                    seen("restart, \(target): \(note); api's processes \(runs.map { "\($0.pid): \($0.samples)" })")
                    if target == "--container" {
                        #expect(report.containers.map(\.name) == ["api"])
                        continue
                    }
                    let late = try #require(report.containers.first { $0.name == "late" }, "late was not taken")
                    #expect(late.image == Self.image && late.samples > 20)
                    let others = try await Self.processes(of: "host and others", in: file, on: stage)
                    #expect(others.contains { $0.pid == "\(bystander.pid)" && $0.samples > 20 })
                    let inside = try await Self.processes(of: "late", in: file, on: stage).map(\.pid) + runs.map(\.pid)
                    #expect(Set(others.map(\.pid)).isDisjoint(with: inside))
                    seen(
                        "late: \(late.samples) samples; host and others: \(others.map(\.samples).reduce(0, +)), "
                            + "\(others.first { $0.pid == "\(bystander.pid)" }?.samples ?? 0) of a bystander")
                }
            }
        }

        /// The processes with on-CPU samples of a container.
        private static func processes(
            of container: String, in file: String, on stage: Stage
        ) async throws -> [(pid: String, samples: Int)] {
            try await stage.rows(
                """
                SELECT p.pid, count(*) FROM samples s JOIN containers c ON c.id = s.container
                JOIN threads t ON t.id = s.thread JOIN processes p ON p.id = t.process
                WHERE s.kind = 1 AND p.comm = 'workload' AND c.name = '\(container)' GROUP BY 1
                """, of: file
            ).map { ($0[0], Int($0[1]) ?? 0) }
        }
    }
}
