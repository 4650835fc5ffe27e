import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The library that jostle was made for, as Debian builds it: each container logs through it and flushes every line.
    @Suite(
        "glog in containers",
        .enabled(
            if: Programs.arePresent("dockerd", "docker", "g++", "tar")
                && FileManager.default.fileExists(atPath: "/usr/include/glog/logging.h"),
            "docker, g++ or libgoogle-glog-dev is missing"))
    struct GlogTests {
        static let names = ["orders", "payments", "search", "users"]

        /// Long lines (glog cuts them at 30,000 bytes), because Debian's glog 0.6 drops its file from the page cache once in
        /// 2 MiB, not at each flush: some thirteen calls a second, of a third of a millisecond each.
        static let service = """
            #include <glog/logging.h>
            #include <string>
            #include <unistd.h>
            __attribute__((noinline)) void Service_log(const std::string &text) {
                LOG(INFO) << text;
                __asm__ volatile("" ::: "memory");
            }
            int main(int, char **arguments) {
                google::InitGoogleLogging(arguments[0]);
                const std::string text(28000, 'x');
                for (;;) {
                    for (int line = 0; line < 2; line++) Service_log(text);
                    usleep(2000);
                }
            }
            """

        /// A root directory with the service and what it links to, at the paths that the host has them.
        private static func image(on stage: Stage, with docker: DockerDaemon) async throws {
            let root = stage.path("rootfs")
            for directory in ["/srv", "/tmp"] {
                try FileManager.default.createDirectory(atPath: root + directory, withIntermediateDirectories: true)
            }
            let program = try await stage.compile(
                service, with: "g++", ["-O2", "-g", "-fomit-frame-pointer", "-lglog", "-lpthread"], to: "service")
            let linked = try await stage.run("/usr/bin/env", ["ldd", program]).output
            for word in linked.split(whereSeparator: \.isWhitespace) where word.hasPrefix("/") {
                let target = root + word
                try FileManager.default.createDirectory(
                    at: URL(filePath: target).deletingLastPathComponent(), withIntermediateDirectories: true)
                try FileManager.default.copyItem(
                    at: URL(filePath: String(word)).resolvingSymlinksInPath(), to: URL(filePath: target))
            }
            try FileManager.default.moveItem(atPath: program, toPath: root + "/srv/service")
            try await docker.importImage(root, as: "jostle-glog")
        }

        /// Records four containers for some seconds and ends them.
        private static func record(
            _ environment: [String], with docker: DockerDaemon, on stage: Stage
        ) async throws -> Report {
            var arguments = ["-d", "8", "-F", "999"]
            for name in names {
                let container = try await docker.start(
                    "jostle-glog", name: name, environment: ["GLOG_logbufsecs=0"] + environment, "/srv/service")
                arguments += ["--cgroup", container.cgroup]
            }
            let report = try await stage.record(arguments)
            for name in names { try #require(try await docker.run("rm", "-f", name).status == 0) }
            return report
        }

        @Test(
            "Four containers that log with and without dropping the page cache: reports show the difference, diff its cause"
        )
        func dropLogMemory() async throws {
            try await Stage.with { stage in
                let docker = try await DockerDaemon(on: stage)
                try await Self.image(on: stage, with: docker)
                try await Findings.confirmed("glog") { try await Self.compare(with: docker, on: stage) }
            }
        }

        /// - Returns: what `jostle diff` says of the two; all else must hold at once.
        private static func compare(with docker: DockerDaemon, on stage: Stage) async throws -> Findings {
            let drops = try await record([], with: docker, on: stage)
            let keeps = try await record(["GLOG_drop_log_memory=false"], with: docker, on: stage)
            #expect(drops.containers.count == 4)
            #expect(keeps.containers.count == 4)
            for (report, words) in [(drops, "drops the page cache"), (keeps, "keeps it")] {
                for container in report.containers {
                    let fadvise = container.syscalls.first { $0.name == "fadvise64" }
                    let write = container.syscalls.first { $0.name == "write" }
                    let site = fadvise?.callSites?.first
                    seen(
                        "\(container.name.prefix(12)) \(words): write \(Int(write?.calls ?? 0)) calls, posix_fadvise "
                            + "\(Int(fadvise?.calls ?? 0)) calls of \(((fadvise?.latencyPerCallNs ?? 0) / 1e3).short) µs, "
                            + "\(((fadvise?.kernelTimeNs ?? 0) / 1e6).short) ms of kernel time, from "
                            + "\(site?.function ?? "nowhere")")
                    #expect(write?.calls ?? 0 >= 100)
                }
            }
            // Calls are made whether or not a sample happens to hit one.
            for (report, isExpected) in [(drops, true), (keeps, false)] {
                let counted = try await stage.rows(
                    "SELECT container, sum(calls) FROM syscall_counts WHERE number = 221 GROUP BY container",
                    of: report.file)
                #expect(counted.count == (isExpected ? 4 : 0), "\(counted)")
            }
            // 221 is x86_64's number of fadvise64.
            #expect(!keeps.containers.contains { $0.syscalls.contains { $0.name == "fadvise64" } })

            let diff = try await stage.jostle("diff", keeps.file, drops.file, "--format", "json")
            try #require(diff.status == 0, "\(diff.errors)")
            let rows = try ComparisonTests.Difference(json: diff.output).syscalls.filter { $0.name == "fadvise64" }
            var findings = Findings()
            // The program calls it where it did not before; nothing else is to blame.
            for name in names {
                let row = rows.first { $0.container == name }
                let (rate, cost) = (row?.fromRate, row?.fromCostNs)
                seen(
                    "diff: \(name): \(row?.verdict ?? "no posix_fadvise"), from rate "
                        + "\([rate?.value, rate?.low, rate?.high].map { (($0 ?? 0) / 1e6).short }) ms/s, from cost "
                        + "\(cost.map { "\(Int($0))" } ?? "?") ns/s")
                findings.expect("\(name)'s verdict", row?.verdict == "more often", row?.verdict ?? "no row")
                findings.expect("\(name)'s cost", cost == 0, "\(cost.map { "\($0)" } ?? "no") ns/s from the cost")
            }
            let lines = try await stage.jostle("diff", keeps.file, drops.file, "--top", "0").output.split(
                separator: "\n")
            for line in lines where line.contains("posix_fadvise (") { seen("diff: \(line)") }
            return findings
        }
    }
}
