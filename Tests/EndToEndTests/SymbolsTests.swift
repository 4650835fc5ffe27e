import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Names of functions, and what they are not taken from.
    @Suite("Symbols")
    struct SymbolsTests {
        // MARK: Call sites

        private struct PerfSites: Decodable {
            var stacks: Double
            var complete: Double
        }

        /// By the rule of `OracleTests`: two 95 % intervals that do not overlap count when they do so again in a second,
        /// fresh recording.
        @Test(
            "The call sites of system calls, and their shares, are those that perf finds in DWARF recordings",
            .enabled(if: Programs.arePresent("perf", "python3"), "linux-perf or python3 is missing"),
            arguments: ["fadvise-storm", "path-miss", "pipe-ping-pong", "mmap-churn"])
        func callSitesAgreeWithPerf(workload: String) async throws {
            try await Stage.with { stage in
                let first = try await Self.compareSites(workload, on: stage)
                try await PerfComparison.confirm("call sites of \(workload)", first) {
                    try await Self.compareSites(workload, on: stage)
                }
            }
        }

        /// - Returns: the pairs of system call and call site that differ.
        private static func compareSites(_ workload: String, on stage: Stage) async throws -> Set<String> {
            let cgroup = try stage.cgroup("sites")
            let program = try await stage.workload(workload, in: cgroup, seconds: 90)
            let file = stage.path("\(UUID().uuidString).jostle")
            let theirs = stage.path("sites.json")
            // perf records from before to after, and only what falls into jostle's seconds counts.
            let perf = try stage.start(
                Programs.oracles + "/perf_call_sites.py",
                [
                    "--cgroup", cgroup.path, "--seconds", "7", "--frequency", "499", "--during", file, "-o", theirs,
                ])
            try await Task.sleep(for: .milliseconds(700))
            let recorded = try await stage.jostle(
                "record", "--quiet", "--cgroup", cgroup.path, "-d", "5", "-F", "499", "--no-blocked", "--no-calls",
                "-o", file)
            try #require(recorded.status == 0, "jostle record: \(recorded.errors)")
            let json = try await stage.jostle("report", file, "--format", "json")
            let ours = stage.path("report.json")
            try json.output.write(toFile: ours, atomically: true, encoding: .utf8)
            let outcome = try await perf.end(within: .seconds(120))
            try #require(outcome.status == 0, "perf_call_sites.py: \(outcome.errors)")
            program.signal(SIGTERM)
            try await program.end()
            await cgroup.remove()

            let report = try Report(json: json.output)
            let oracle = try JSONDecoder().decode(PerfSites.self, from: Data(contentsOf: URL(filePath: theirs)))
            seen(
                "call sites of \(workload): perf followed \((oracle.complete / max(1, oracle.stacks)).percent) of its "
                    + "\(Int(oracle.stacks)) stacks, jostle \((report.confidence.completeStacksShare ?? 0).percent) of "
                    + "\(report.confidence.samples)")
            try #require(oracle.complete >= 100)
            let compared = stage.path("sites-compared.json")
            let comparison = try await stage.run(
                Programs.oracles + "/compare_call_sites.py", [ours, theirs, "--cgroup", cgroup.path, "-o", compared])
            try #require(comparison.status == 0 || comparison.status == 1, "\(comparison.errors)\(comparison.output)")
            let sites = try PerfComparison(writtenTo: compared).comparisons
            for line in sites { seen("  \(line.description)") }
            #expect(!sites.isEmpty)
            return Set(sites.filter { !$0.agree }.map(\.what))
        }

        @Test("--by caller and --syscall NAME show call sites, as a table and as a tree with shares")
        func callersAreShown() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("callers")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let report = try await stage.record("--cgroup", cgroup.path, "-d", "2", "--no-calls")
                let callers = try await stage.jostle("report", report.file, "--by", "caller")
                // In 80 columns a place is its line alone.
                let row = callers.output.split(separator: "\n").first { $0.contains("fadvise_storm.c") }
                seen("by caller: \(row ?? "nothing")")
                #expect(row?.contains("posix_fadv") == true, "\(callers.output)")
                let json = try await stage.jostle("report", report.file, "--by", "caller", "--format", "json")
                let found = try JSONDecoder().decode(Callers.self, from: Data(json.output.utf8))
                let sites = found.containers.flatMap(\.callers).map(\.place.function)
                #expect(sites.first == "LogFile_flush")
                #expect(sites.contains("LogFile_write"))

                let detail = try await stage.jostle("report", report.file, "--syscall", "posix_fadvise")
                let lines = detail.output.split(separator: "\n").map(String.init)
                // From the call site outwards, one below the other.
                let names = ["LogFile_flush", "LogFile_write", "Service_logRequests", "worker_thread"]
                let places = names.map { name in lines.firstIndex { $0.contains(name) } }
                let shown = places.compactMap { $0.map { lines[$0].trimmingCharacters(in: .whitespaces) } }
                seen("--syscall: " + shown.joined(separator: " < "))
                #expect(places.allSatisfy { $0 != nil }, "\(detail.output)")
                #expect(places.compactMap(\.self) == places.compactMap(\.self).sorted(), "\(detail.output)")
                let first = try #require(places[0])
                #expect(lines[first].contains("%"), "\(lines[first])")
                #expect(lines[first].contains("fadvise_storm.c"), "\(lines[first])")
            }
        }

        private struct Callers: Decodable {
            struct Place: Decodable { var function: String? }
            struct Caller: Decodable { var place: Place }
            struct Container: Decodable { var callers: [Caller] }
            var containers: [Container]
        }

        // MARK: Files that are not what they were

        /// Two programs with the same shape and other names, `right_…` and `wrong_…`.
        private static func twins(on stage: Stage, flags: [String] = []) async throws -> (right: String, wrong: String)
        {
            let all = ["-O2", "-g", "-fomit-frame-pointer"] + flags
            let right = try await stage.compile(
                UnwindingTests.spinner(named: "right_touch"), with: "cc", all, to: "right")
            // Not of equal length: wrong addresses must not fall on like places.
            let source =
                "__attribute__((noinline, used)) void wrong_pad(void) { __asm__ volatile(\".fill 160, 1, 0x90\"); }\n"
            let wrong = try await stage.compile(
                source + UnwindingTests.spinner(named: "wrong_touch"), with: "cc", all, to: "wrong")
            return (right, wrong)
        }

        /// Expects 1,000 samples of one process and, in them, no name of another program than its own.
        private static func expectNoWrongName(
            _ what: String, _ report: Report, pid: Int32, wrong: String, on stage: Stage
        ) async throws {
            func count(_ pattern: String) async throws -> Double {
                try await stage.number(
                    """
                    WITH RECURSIVE hit (node) AS (
                        SELECT s.id FROM stacks s JOIN frames f ON f.id = s.frame LEFT JOIN functions n ON n.id = f.function
                        WHERE n.name LIKE '\(pattern)'
                        UNION SELECT s.id FROM hit JOIN stacks s ON s.parent = hit.node)
                    SELECT count(*) FROM samples s JOIN threads t ON t.id = s.thread JOIN processes p ON p.id = t.process
                    WHERE s.kind = 1 AND p.pid = \(pid) AND s.stack IN (SELECT node FROM hit)
                    """, of: report.file)
            }
            let samples = try await stage.number(
                """
                SELECT count(*) FROM samples s JOIN threads t ON t.id = s.thread JOIN processes p ON p.id = t.process
                WHERE s.kind = 1 AND p.pid = \(pid)
                """, of: report.file)
            let ofWrong = try await count(wrong + "%")
            let ofOwn = try await count(wrong == "wrong_" ? "right_touch" : "wrong_touch")
            seen(
                "\(what): \(Int(samples)) samples, \(Int(ofOwn)) with the right name, \(Int(ofWrong)) with a wrong one")
            #expect(samples >= 1000, "\(what)")
            #expect(ofWrong == 0, "\(what)")
            // Unknown would be allowed, but not needed: the files are open or can be.
            #expect(ofOwn >= 0.9 * samples, "\(what)")
        }

        private static func start(_ program: String, in cgroup: TestCgroup, on stage: Stage) async throws
            -> RunningProgram
        {
            let running = try stage.start(
                "/bin/sh", ["-c", "echo $$ > \(cgroup.directory)/cgroup.procs; exec \(program) 60"])
            while (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(running.pid)/exe")) != program {
                try #require(running.isRunning, "\(program): \(running.errors)")
                try await Task.sleep(for: .milliseconds(5))
            }
            return running
        }

        /// As a package manager does it: the old file lives on without a name.
        private static func replace(_ path: String, by other: String) throws {
            // rename(2) reads the paths during the call only.
            try #require(unsafe rename(other, path) == 0)
        }

        private static func record(_ cgroup: TestCgroup, on stage: Stage) async throws -> Report {
            try await stage.record("--cgroup", cgroup.path, "-F", "1999", "-d", "4", "--no-blocked", "--no-calls")
        }

        @Test(
            "A binary that another one was renamed over while it runs keeps its names",
            .enabled(if: Programs.arePresent("cc")))
        func replaced() async throws {
            try await Stage.with { stage in
                let twins = try await Self.twins(on: stage)
                let cgroup = try stage.cgroup("replaced")
                let running = try await Self.start(twins.right, in: cgroup, on: stage)
                try Self.replace(twins.right, by: twins.wrong)
                let report = try await Self.record(cgroup, on: stage)
                try await Self.expectNoWrongName("renamed over", report, pid: running.pid, wrong: "wrong_", on: stage)
            }
        }

        @Test(
            "A binary that is renamed over in mid-recording keeps its names, and the new one has its own",
            .enabled(if: Programs.arePresent("cc")))
        func replacedMeanwhile() async throws {
            try await Stage.with { stage in
                let twins = try await Self.twins(on: stage)
                let cgroup = try stage.cgroup("meanwhile")
                let first = try await Self.start(twins.right, in: cgroup, on: stage)
                let file = stage.path("meanwhile.jostle")
                let recorder = try stage.startJostle(
                    "record", "--cgroup", cgroup.path, "-F", "1999", "-d", "6", "--no-blocked", "--no-calls", "-o", file
                )
                try await recorder.says("1s / 6s")
                try Self.replace(twins.right, by: twins.wrong)
                let second = try await Self.start(twins.right, in: cgroup, on: stage)
                #expect(try await recorder.end().status == 0)
                let report = try await stage.report(file)
                try await Self.expectNoWrongName("the old one", report, pid: first.pid, wrong: "wrong_", on: stage)
                try await Self.expectNoWrongName("the new one", report, pid: second.pid, wrong: "right_", on: stage)
            }
        }

        @Test("A binary that was deleted while it runs keeps its names", .enabled(if: Programs.arePresent("cc")))
        func deleted() async throws {
            try await Stage.with { stage in
                let twins = try await Self.twins(on: stage)
                let cgroup = try stage.cgroup("deleted")
                let running = try await Self.start(twins.right, in: cgroup, on: stage)
                try FileManager.default.removeItem(atPath: twins.right)
                let report = try await Self.record(cgroup, on: stage)
                try await Self.expectNoWrongName("deleted", report, pid: running.pid, wrong: "wrong_", on: stage)
            }
        }

        @Test("Two files with one build ID have each their own names", .enabled(if: Programs.arePresent("cc")))
        func oneBuildID() async throws {
            try await Stage.with { stage in
                let twins = try await Self.twins(
                    on: stage, flags: ["-Wl,--build-id=0x00112233445566778899aabbccddeeff00112233"])
                let cgroup = try stage.cgroup("buildid")
                let file = stage.path("buildid.jostle")
                // One that was there before, and one that the kernel tells of with its build ID alone.
                let first = try await Self.start(twins.right, in: cgroup, on: stage)
                let recorder = try stage.startJostle(
                    "record", "--cgroup", cgroup.path, "-F", "1999", "-d", "6", "--no-blocked", "--no-calls", "-o", file
                )
                try await recorder.says("recording")
                let second = try await Self.start(twins.wrong, in: cgroup, on: stage)
                #expect(try await recorder.end().status == 0)
                let report = try await stage.report(file)
                try await Self.expectNoWrongName(
                    "one build ID, first", report, pid: first.pid, wrong: "wrong_", on: stage)
                try await Self.expectNoWrongName(
                    "one build ID, second", report, pid: second.pid, wrong: "right_", on: stage)
            }
        }

        @Test(
            "A file at the same path on the host gives no names to a process with another root",
            .enabled(if: Programs.arePresent("cc", "chroot")))
        func samePathOnHost() async throws {
            try await Stage.with { stage in
                let twins = try await Self.twins(on: stage, flags: ["-static"])
                let cgroup = try stage.cgroup("samepath")
                // Inside: the right one, at the path that the wrong one has on the host.
                let root = stage.path("root")
                let inside = root + twins.wrong
                try FileManager.default.createDirectory(
                    atPath: (inside as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
                try FileManager.default.createDirectory(atPath: root + "/dev", withIntermediateDirectories: true)
                try FileManager.default.copyItem(atPath: twins.right, toPath: inside)
                // It reads what it takes for a device.
                let zeroes = root + "/dev/zero"
                _ = FileManager.default.createFile(atPath: zeroes, contents: Data(count: 4096))
                let running = try stage.start(
                    "/bin/sh",
                    [
                        "-c",
                        "echo $$ > \(cgroup.directory)/cgroup.procs; exec chroot \(root) \(twins.wrong) 60",
                    ])
                while (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(running.pid)/exe")) != inside
                {
                    try #require(running.isRunning, "\(running.errors)")
                    try await Task.sleep(for: .milliseconds(5))
                }
                let report = try await Self.record(cgroup, on: stage)
                try await Self.expectNoWrongName(
                    "same path on the host", report, pid: running.pid, wrong: "wrong_", on: stage)
            }
        }

        // MARK: Short-lived processes

        @Test("As many processes in a second as it goes: their names are known, and the recorder does not grow")
        func shortLivedProcesses() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("shortlived")
                let program = try await stage.workload(
                    "fork-exec", in: cgroup, seconds: 120, options: ["--threads", "4", "--call", "vfork"])
                let file = stage.path("shortlived.jostle")
                let recorder = try stage.startJostle(
                    "record", "--cgroup", cgroup.path, "-F", "499", "-d", "20", "-o", file)
                try await recorder.says("recording")
                var sizes: [Double] = []
                // While names are looked up it may grow: the rounds end before.
                for _ in 0..<9 {
                    try await Task.sleep(for: .seconds(2))
                    sizes.append(Self.residentMebibytes(recorder.pid))
                }
                #expect(try await recorder.end(within: .seconds(120)).status == 0)
                program.signal(SIGTERM)
                let truth = try Truth(json: try await program.end().output)
                let processes = try #require(truth.calls["vfork"]?.count)
                let report = try await stage.report(file)
                // Of all samples of children that execute /bin/true: the innermost user frame in a module without a name.
                let row = try #require(
                    try await stage.rows(
                        """
                        WITH RECURSIVE up (sample, node) AS (
                            SELECT s.id, s.stack FROM samples s JOIN threads t ON t.id = s.thread
                            JOIN processes p ON p.id = t.process WHERE s.kind = 1 AND p.comm = 'true'
                            UNION ALL SELECT up.sample, k.parent FROM up JOIN stacks k ON k.id = up.node
                            JOIN frames f ON f.id = k.frame WHERE f.kind = 1 AND k.parent IS NOT NULL)
                        SELECT count(DISTINCT up.sample), total(f.kind = 0 AND (f.module IS NULL OR m.symbols_skipped IS NOT NULL)),
                            total(f.kind = 0)
                        FROM up JOIN stacks k ON k.id = up.node JOIN frames f ON f.id = k.frame
                        LEFT JOIN modules m ON m.id = f.module WHERE f.kind <> 1 OR k.parent IS NULL
                        """, of: file
                    ).first
                ).compactMap(Double.init)
                let unknown = row[1] / max(1, row[0])
                seen(
                    "short-lived: \(Int(row[0])) samples of children, \(Int(row[2])) in user code, \(unknown.percent) of them in "
                        + "files that were gone; recorder "
                        + sizes.map { "\(Int($0))" }.joined(separator: " ")
                        + " MiB; \(Int(processes)) processes, \(Int(processes / truth.wallNs * 1e9)) in a second")
                #expect(row[0] >= 100)
                #expect(unknown <= 0.01)
                #expect(report.confidence.completeStacksShare ?? 0 >= 0.99)
                // After the first rounds it has what it needs: from then on a tenth at most.
                #expect(sizes[8] <= sizes[3] * 1.1 + 4, "\(sizes)")
            }
        }

        private static func residentMebibytes(_ pid: Int32) -> Double {
            let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
            return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first).flatMap { Double($0) }.map {
                $0 / 1024
            } ?? 0
        }
    }
}
