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

        /// Long lines, because Debian's glog 0.6 drops its file from the page cache once in 2 MiB, not at each flush; and few
        /// enough of them for every call to be counted.
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
                const std::string text(16000, 'x');
                for (;;) {
                    for (int line = 0; line < 2; line++) Service_log(text);
                    usleep(4000);
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
            var arguments = ["-d", "4"]
            for name in names {
                let container = try await docker.start(
                    "jostle-glog", name: name, environment: ["GLOG_logbufsecs=0"] + environment, "/srv/service")
                arguments += ["--cgroup", container.cgroup]
            }
            let report = try await stage.record(arguments)
            for name in names { try #require(try await docker.run("rm", "-f", name).status == 0) }
            return report
        }

        @Test("Four containers that log with and without dropping the page cache: the reports show the difference")
        func dropLogMemory() async throws {
            try await Stage.with { stage in
                let docker = try await DockerDaemon(on: stage)
                try await Self.image(on: stage, with: docker)
                let drops = try await Self.record([], with: docker, on: stage)
                let keeps = try await Self.record(["GLOG_drop_log_memory=false"], with: docker, on: stage)
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
                // 221 is x86_64's number of fadvise64; the report names it where a sample or a wait hit it, of some ten calls.
                let named = drops.containers.filter { $0.syscalls.contains { $0.libcName == "posix_fadvise" } }
                #expect(named.count >= 1, "posix_fadvise is named in none of 4")
                #expect(!keeps.containers.contains { $0.syscalls.contains { $0.name == "fadvise64" } })

                let diff = try await stage.jostle("diff", keeps.file, drops.file, "--top", "30")
                #expect(diff.status == 0, "\(diff.errors)")
                let line = diff.output.split(separator: "\n").first { $0.contains("posix_fadvise") }
                seen("diff: \(line ?? "no posix_fadvise")")
                #expect(line != nil, "\(diff.output)")
            }
        }
    }
}
