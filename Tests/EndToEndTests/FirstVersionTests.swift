import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("cgroup v1")
    struct FirstVersionTests {
        @Test("A v1 hierarchy that carries perf_event is recorded by, and v2 again when it is unmounted")
        func firstVersion() async throws {
            try await Stage.with { stage in
                let second = try stage.cgroup("plain")
                try await Self.mountFirstVersion(stage)
                let first = try stage.cgroup("first")
                #expect(first.directory.hasPrefix(stage.directory.path), "not in the v1 hierarchy: \(first.directory)")
                // In v2, too, which has its own count of CPU time, but another path: v1's is what must be recorded by.
                _ = try await stage.workload(
                    "fadvise-storm", in: second, seconds: 60, options: ["--cgroup", first.directory])
                let report = try await stage.record("--cgroup", first.directory, "-d", "2")
                let container = try #require(report.container(of: first))
                #expect(container.samples > 50)
                #expect(container.syscalls.first?.name == "fadvise64")
                seen(
                    "v1: \(container.samples) samples, first \(container.syscalls.first?.libcName ?? "?"), kernel share "
                        + (container.kernelShare?.value ?? 0).percent)

                let own = try await stage.record("--", Programs.workload, "user-spin", "--seconds", "1")
                #expect(own.containers.first.map { $0.samples > 20 } == true)
            }
            // All of that is gone; what follows is as before.
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("second")
                #expect(!cgroup.directory.hasPrefix(stage.directory.path))
                _ = try await stage.workload("user-spin", in: cgroup, seconds: 60)
                let report = try await stage.record("--cgroup", cgroup.directory, "-d", "1")
                #expect(try #require(report.container(of: cgroup)).samples > 50)
                seen("v2 again after the unmounting: \(report.confidence.samples) samples")
            }
        }

        /// Mounts a hierarchy with `perf_event` for as long as the stage stands.
        ///
        /// v2 gets the controller back only when the hierarchy is gone, and unmounting one that still has cgroups, be they
        /// removed and dying, keeps it: so this waits for them, and looks afterwards.
        private static func mountFirstVersion(_ stage: Stage) async throws {
            let directory = stage.path("perf_event")
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            let before = try controller()
            try #require(before.hierarchy == 0, "perf_event is in a v1 hierarchy already")
            try await stage.need("/usr/bin/mount", "-t", "cgroup", "-o", "perf_event", "none", directory)
            stage.atEnd {
                for _ in 0..<200 where try controller().cgroups > 1 { usleep(20_000) }
                try run("/usr/bin/umount", directory)
                for _ in 0..<200 where try controller().hierarchy != 0 { usleep(20_000) }
                #expect(try controller().hierarchy == 0, "v2 did not get perf_event back")
            }
        }

        static func run(_ program: String, _ arguments: String...) throws {
            let process = try Process.run(URL(filePath: program), arguments: arguments)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(program) \(arguments) fails")
        }

        /// The line of perf_event in /proc/cgroups: the number of its v1 hierarchy, 0 for v2's, and how many cgroups are in it.
        static func controller() throws -> (hierarchy: Int, cgroups: Int) {
            let text = try String(contentsOfFile: "/proc/cgroups", encoding: .utf8)
            let line = text.split(separator: "\n").first { $0.hasPrefix("perf_event\t") }
            let fields = try #require(line, "no perf_event in /proc/cgroups").split(separator: "\t")
            return (try #require(Int(fields[1])), try #require(Int(fields[2])))
        }
    }
}
