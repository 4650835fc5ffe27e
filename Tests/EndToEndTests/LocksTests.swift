import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Who waits for whom, on this machine's kernel.
    @Suite("Locks, shared paths and findings")
    struct LocksTests {
        static let fadvise = "fadvise-dontneed-lru-drain"

        /// A docker whose containers have the workload with the libraries that it needs, and a directory of the stage's.
        private static func docker(on stage: Stage) async throws -> (daemon: DockerDaemon, options: [String]) {
            let docker = try await DockerDaemon(on: stage)
            let root = stage.path("rootfs")
            for directory in ["/libraries", "/data"] {
                try FileManager.default.createDirectory(atPath: root + directory, withIntermediateDirectories: true)
            }
            let needed = try await stage.run("/usr/bin/env", ["ldd", Programs.workload]).output.split(separator: "\n")
            for line in needed {
                let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
                guard let path = words.first(where: { $0.hasPrefix("/") }) else { continue }
                // The dynamic linker stands alone and is asked for by its path.
                let isLinker = !words.contains("=>")
                let target = root + (isLinker ? path : "/libraries/" + URL(filePath: path).lastPathComponent)
                try FileManager.default.createDirectory(
                    atPath: URL(filePath: target).deletingLastPathComponent().path, withIntermediateDirectories: true)
                let file = URL(filePath: path).resolvingSymlinksInPath()
                try FileManager.default.copyItem(atPath: file.path, toPath: target)
            }
            try FileManager.default.copyItem(atPath: Programs.workload, toPath: root + "/workload")
            try await docker.importImage(root, as: "jostle-locks")
            let data = stage.path("data")
            try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
            return (docker, ["-e", "LD_LIBRARY_PATH=/libraries", "-v", "\(data):/data"])
        }

        @Test(
            "Two containers of the fadvise storm: the one mutex, both names and shares, perf's seconds, glog's remedy",
            .enabled(
                if: Programs.arePresent("dockerd", "docker", "tar", "perf", "python3"), "docker or perf is missing"))
        func fadviseStorm() async throws {
            try await Stage.with { stage in
                let (docker, options) = try await Self.docker(on: stage)
                for name in ["api", "logger"] {
                    try FileManager.default.createDirectory(
                        atPath: stage.path("data/\(name)"), withIntermediateDirectories: false)
                    _ = try await docker.start(
                        "jostle-locks", name: name, options: options, "/workload", "fadvise-storm", "--threads", "2",
                        "--seconds", "120", "--directory", "/data/\(name)", "--ready", "/data/\(name)/ready")
                    while !FileManager.default.fileExists(atPath: stage.path("data/\(name)/ready")) {
                        try await Task.sleep(for: .milliseconds(20))
                    }
                }
                var differences: [String] = []
                var report: Report?
                // Where either has lost records there is nothing to compare, and a difference counts when it shows again.
                for _ in 0..<4 where report == nil && differences.count < 2 {
                    let (recorded, difference) = try await Self.againstPerf(["api", "logger"], on: stage)
                    if let difference { differences.append(difference) } else { report = recorded }
                }
                let agreed = try #require(report, "perf and jostle differ: \(differences)")

                let lock = try #require(agreed.locks?.first)
                #expect(lock.name == "mutex in __lru_add_drain_all" && lock.kind == "mutex" && lock.scope == "shared")
                #expect(Set(lock.waiters.map(\.container)) == ["api", "logger"])
                for waiter in lock.waiters {
                    seen(
                        "\(waiter.container) waits for \(lock.name) \(waiter.boundOfGainThreads.short) threads, "
                            + "\(waiter.share.percent) of the waiting, in \(waiter.libcName ?? "?") from "
                            + "\(waiter.callSite?.function ?? "?")")
                    #expect(waiter.libcName == "posix_fadvise" && waiter.callSite?.function == "LogFile_flush")
                    // Twins: neither has less than a quarter.
                    #expect(waiter.share > 0.25)
                }
                let holders = lock.holders.map { "\($0.container) \($0.share.percent)" }
                seen("\(lock.name) probably held by \(holders.joined(separator: ", ")) (inferred)")
                #expect(Set(lock.holders.map(\.container)) == ["api", "logger"])
                #expect(lock.holders.allSatisfy { $0.inferred })
                for name in ["api", "logger"] {
                    let finding = try #require(
                        agreed.findings?.first { $0.container == name && $0.pattern == Self.fadvise })
                    let other = name == "api" ? "logger" : "api"
                    seen(
                        "\(name): \(finding.pattern), \(finding.evidence.share.value.percent) of its kernel time, "
                            + "\(finding.evidence.samples) samples, also in \(finding.evidence.sharedWith)")
                    #expect(finding.evidence.sharedWith == [other] && finding.scope == "host-wide")
                    #expect(finding.remedy.contains("--drop_log_memory=false"))
                    #expect(finding.references.contains("https://github.com/google/glog/pull/145"))
                }
                let text = try await stage.jostle("report", agreed.file, "--by", "lock")
                #expect(text.output.contains("mutex in __lru_add_drain_all") && text.output.contains("inferred"))
                #expect(text.output.contains("GLOG_drop_log_memory=false"))
            }
        }

        /// Records while perf does, and compares the seconds waited for the lock that was waited for longest.
        ///
        /// - Returns: the report, and in words a difference of more than a tenth.
        private static func againstPerf(
            _ containers: [String], on stage: Stage
        ) async throws -> (report: Report, difference: String?) {
            for _ in 0..<4 {
                let file = stage.path("\(UUID().uuidString).jostle")
                let theirs = stage.path("\(UUID().uuidString).json")
                let perf = try stage.start(
                    Programs.oracles + "/perf_locks.py", ["--during", file, "-o", theirs, "--top", "1"])
                try await Task.sleep(for: .milliseconds(700))
                let arguments =
                    ["record", "--quiet", "-d", "4", "-o", file] + containers.flatMap { ["--container", $0] }
                let recorded = try await stage.run(Programs.jostle, arguments)
                try #require(recorded.status == 0, "jostle record: \(recorded.errors)")
                let oracle = try await perf.end(within: .seconds(120))
                try #require(oracle.status == 0, "perf_locks.py: \(oracle.errors)")
                let decoder = JSONDecoder()
                decoder.keyDecodingStrategy = .convertFromSnakeCase
                let comparison = try decoder.decode(LockComparison.self, from: Data(contentsOf: URL(filePath: theirs)))
                let report = try await stage.report(file)
                let lock = try #require(comparison.locks.first, "perf saw no wait for a lock")
                let lost = report.confidence.lostRecords + comparison.perfLost
                seen(
                    "\(lock.address) over \(comparison.seconds.short) s: jostle \((lock.jostle.waitNs / 1e9).short) s and "
                        + "\(lock.jostle.contentions) waits, perf lock record \((lock.perf.waitNs / 1e9).short) s and "
                        + "\(lock.perf.contentions) waits; \(lost) records lost")
                for line in comparison.perfLockContention where line.contains("mutex") {
                    seen("perf lock contention, all of its recording: \(line)")
                }
                if lost > 0 { continue }
                let ratio = lock.jostle.waitNs / lock.perf.waitNs
                let isClose = abs(ratio - 1) <= 0.1 && report.locks?.first?.address == lock.address
                return (report, isClose ? nil : "\(lock.address): \(ratio.short) of perf's seconds")
            }
            throw Missing(what: "no recording of four without lost records")
        }

        private struct Missing: Error { var what: String }

        @Test("Threads that fight among themselves, an innocent busy neighbour, and one that only takes CPU")
        func ownAffair() async throws {
            try await Stage.with { stage in
                let (churn, spinner) = (try stage.cgroup("churn"), try stage.cgroup("spinner"))
                _ = try await stage.workload("mmap-churn", in: churn, seconds: 60)
                _ = try await stage.workload("user-spin", in: spinner, seconds: 60, options: ["--threads", "2"])
                let report = try await stage.record(
                    "--cgroup", churn.directory, "--cgroup", spinner.directory, "-d", "4")
                let (busy, innocent) = try (
                    #require(report.container(of: churn)), #require(report.container(of: spinner))
                )
                let lock = try #require(report.locks?.first)
                seen(
                    "own: \(lock.name), \(lock.scope), \((lock.waitNs / report.recording.durationNs).short) threads wait; "
                        + "others: \((report.locks ?? []).dropFirst().map { "\($0.name) (\($0.scope))" })")
                #expect(lock.name.hasPrefix("mmap_lock of workload(") && lock.scope == "own" && lock.kind == "rwsem")
                #expect(lock.waiters.map(\.container) == [busy.name])
                #expect(lock.waiters.first.map { ["mmap", "munmap"].contains($0.syscall ?? "") } == true)
                let findings = report.findings ?? []
                seen("own: findings \(findings.map { "\($0.container): \($0.pattern)" })")
                #expect(findings.contains { $0.container == busy.name && $0.pattern == "mmap-lock-write-contention" })
                #expect(findings.filter { $0.scope == "own" }.allSatisfy { $0.evidence.sharedWith.isEmpty })
                // The innocent one is named nowhere.
                #expect(!findings.contains { $0.container == innocent.name })
                #expect(!findings.contains { $0.evidence.sharedWith.contains(innocent.name) })
                for lock in report.locks ?? [] {
                    #expect(!lock.waiters.contains { $0.container == innocent.name }, "\(lock.name)")
                    #expect(!lock.holders.contains { $0.container == innocent.name }, "\(lock.name)")
                }
                #expect((report.sharedPaths ?? []).isEmpty)
                // It has to wait for a CPU as its neighbour does, and that is no contention.
                let waits = try #require(innocent.waitsNs)
                let contended = waits.contended / report.recording.durationNs
                let preempted = waits.preempted / report.recording.durationNs
                seen(
                    "CPU only: \(preempted.short) threads preempted, \(contended.short) in contention; "
                        + (innocent.suspects?.verdict ?? "?"))
                #expect(preempted > 0.1 && contended < 0.01)
                #expect(innocent.suspects?.verdict.contains("waits for a CPU") == true)
            }
        }

        /// Asks for names that do not exist, a new one each time, from two threads.
        private static let filler = """
            #include <pthread.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            static int names;
            static void *fill(void *first) {
                char name[32];
                for (int number = (int)(long)first; number < names; number += 2) {
                    snprintf(name, sizeof name, "negative-%d", number);
                    access(name, F_OK);
                }
                return NULL;
            }
            int main(int count, char **arguments) {
                if (chdir(arguments[1]) != 0) return 1;
                names = atoi(arguments[2]);
                pthread_t other;
                pthread_create(&other, NULL, fill, (void *)1L);
                fill((void *)0L);
                pthread_join(other, NULL);
                puts("full");
                fflush(stdout);
                for (;;) fill((void *)0L);
            }
            """
        private static let names = 4_000_000

        @Test(
            "A dentry cache that one container fills and another reads: the shared path, the kernel's counts, the pattern"
        )
        func dentryCache() async throws {
            try await Stage.with { stage in
                let directory = stage.path("names")
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
                // Names go with their directory; what else was cached meanwhile, too.
                stage.atEnd {
                    _ = unsafe rmdir(directory)
                    try Data("2".utf8).write(to: URL(filePath: "/proc/sys/vm/drop_caches"))
                }
                let program = try await stage.compile(Self.filler, with: "cc", ["-O2", "-g", "-pthread"], to: "filler")
                let (writer, reader) = (try stage.cgroup("filler"), try stage.cgroup("reader"))
                _ = try await stage.workload("path-miss", in: reader, seconds: 120, options: ["--threads", "1"])
                let file = stage.path("dentries.jostle")
                let recorder = try stage.startJostle(
                    "record", "--cgroup", writer.directory, "--cgroup", reader.directory, "-F", "499", "-o", file)
                try await recorder.says("recording")
                let filling = try stage.start(
                    "/bin/sh",
                    ["-c", "echo $$ >'\(writer.directory)/cgroup.procs' && exec \(program) \(directory) \(Self.names)"])
                // However long it takes, and a moment longer.
                for _ in 0..<600 where !filling.output.contains("full") {
                    try await Task.sleep(for: .milliseconds(100))
                }
                #expect(filling.output.contains("full"), "\(filling.errors)")
                try await Task.sleep(for: .seconds(2))
                recorder.signal(SIGINT)
                let ended = try await recorder.end()
                try #require(ended.status == 0, "\(ended.errors)")
                #expect(filling.isRunning, "\(filling.errors)")
                let report = try await stage.report(file)
                let path = try #require(
                    report.sharedPaths?.first { $0.pattern == "dcache-hash-chain-negative-dentries" },
                    "no shared path among \((report.sharedPaths ?? []).map(\.path))")
                seen(
                    "shared path \(path.path.joined(separator: " > ")): "
                        + path.containers.map { "\($0.container) \($0.share.percent)" }.joined(separator: ", "))
                #expect(Set(path.containers.map(\.container)).count == 2)
                let negative = try #require(path.counters.first { $0.name == "dentry-state nr_negative" })
                seen("\(negative.name): \(Int(negative.before)) before, \(Int(negative.after)) after")
                #expect(negative.after - negative.before > Double(Self.names) * 0.9)
                let findings = (report.findings ?? []).filter { $0.pattern == path.pattern }
                for finding in findings {
                    seen("\(finding.container): \(finding.pattern), \(finding.evidence.share.value.percent)")
                    #expect(finding.evidence.share.value >= 0.1)
                    #expect(finding.evidence.counters.contains { $0.name == negative.name })
                }
                if findings.isEmpty { seen("the dcache pattern's threshold of 10 % is not passed by either") }
            }
        }
    }
}

/// What perf_locks.py writes.
private struct LockComparison: Decodable {
    struct Side: Decodable {
        var contentions: Int
        var waitNs: Double
    }
    struct Lock: Decodable {
        var address: String
        var jostle: Side
        var perf: Side
    }
    var seconds: Double
    var perfLost: Int
    var locks: [Lock]
    var perfLockContention: [String]
}
