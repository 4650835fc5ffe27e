import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Each kind of bad input: the exit code that `--help` documents, and a sentence on standard error.
    @Suite("Bad input")
    struct BadInputTests {
        /// What every failure has: its exit code, one to three lines, nothing of Swift's own, no bare errno.
        private func expect(
            _ outcome: Outcome, exits code: Int32, saying words: String...,
            at location: SourceLocation = #_sourceLocation
        ) {
            let told = Comment(rawValue: "exit \(outcome.status): \(outcome.errors)")
            #expect(outcome.status == code, told, sourceLocation: location)
            for word in words { #expect(outcome.errors.contains(word), told, sourceLocation: location) }
            let lines = outcome.errors.split(separator: "\n")
            #expect((1...3).contains(lines.count), told, sourceLocation: location)
            for sign in ["Fatal error", "Error Domain", "RecordingError", "HostError", "rawValue", "errno: "] {
                #expect(!outcome.errors.contains(sign), told, sourceLocation: location)
            }
            #expect(outcome.output.isEmpty, "\(outcome.output)", sourceLocation: location)
            if let line = lines.first { seen("exit \(outcome.status): \(line)") }
        }

        @Test("An unknown cgroup: 66, with the nearest names")
        func unknownCgroup() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("apple")
                let asked = cgroup.path.replacing("apple", with: "aple")
                let file = stage.path("x.jostle")
                let outcome = try await stage.jostle("record", "--cgroup", asked, "-d", "1", "-o", file)
                expect(outcome, exits: 66, saying: "no cgroup \(asked)", "/" + cgroup.path)
                #expect(!FileManager.default.fileExists(atPath: file))
                let empty = try await stage.jostle("record", "--cgroup", "", "-d", "1", "-o", file)
                #expect(empty.status == 66 || empty.status == 64, "\(empty.status): \(empty.errors)")
                let outside = try await stage.jostle("record", "--cgroup", "../../../etc", "-d", "1", "-o", file)
                expect(outside, exits: 66)
            }
        }

        @Test("A process that is gone: 66")
        func vanishedProcess() async throws {
            try await Stage.with { stage in
                let gone = try stage.start("/bin/true", [])
                try await gone.end()
                let outcome = try await stage.jostle(
                    "record", "--pid", "\(gone.pid)", "-d", "1", "-o", stage.path("x.jostle"))
                expect(outcome, exits: 66, saying: "no process \(gone.pid)")
            }
        }

        @Test("A command that cannot be found: 66; one that may not be run: 77; neither leaves a file or a cgroup")
        func unusableCommand() async throws {
            try await Stage.with { stage in
                let file = stage.path("x.jostle")
                let missing = try await stage.jostle("record", "--quiet", "-o", file, "--", "no-such-command", "x")
                expect(missing, exits: 66, saying: "no-such-command")
                let plain = stage.path("plain-file")
                try "text".write(toFile: plain, atomically: true, encoding: .utf8)
                let refused = try await stage.jostle("record", "--quiet", "-o", file, "--", plain)
                expect(refused, exits: 77, saying: "plain-file")
                #expect(!FileManager.default.fileExists(atPath: file))
                let root = try #require(TestCgroup.perfEventRoot())
                for outcome in [missing, refused] {
                    let left = "\(root)/jostle-\(outcome.pid)"
                    #expect(!FileManager.default.fileExists(atPath: left), "\(left) is still there")
                }
            }
        }

        @Test("An output that cannot be created: 73")
        func unwritableOutput() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("output")
                func record(_ path: String) async throws -> Outcome {
                    try await stage.jostle("record", "--cgroup", cgroup.path, "-d", "1", "-o", path)
                }
                let missing = stage.path("missing/x.jostle")
                expect(try await record(missing), exits: 73, saying: missing, "No such file or directory")
                let file = stage.path("file")
                try "text".write(toFile: file, atomically: true, encoding: .utf8)
                expect(try await record(file + "/x.jostle"), exits: 73, saying: "Not a directory")
                // The directory of the stage belongs to root.
                let refused = try await asNobody(
                    ["record", "--cgroup", cgroup.path, "-d", "1", "-o", stage.path("x.jostle")], on: stage)
                expect(refused, exits: 73, saying: "Permission denied")
            }
        }

        @Test("An existing output without --force: 73, and it stays what it was; also one that a link points to")
        func existingOutput() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("existing")
                _ = try await stage.workload("user-spin", in: cgroup, seconds: 60)
                let file = stage.path("precious")
                let link = stage.path("link.jostle")
                try "precious".write(toFile: file, atomically: true, encoding: .utf8)
                try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
                for path in [file, link] {
                    let outcome = try await stage.jostle("record", "--cgroup", cgroup.path, "-d", "1", "-o", path)
                    expect(outcome, exits: 73, saying: path, "--force")
                }
                #expect(try String(contentsOfFile: file, encoding: .utf8) == "precious")

                // With --force it is replaced, but only by a recording that is complete.
                let recorder = try stage.startJostle("record", "--cgroup", cgroup.path, "--force", "-o", file)
                try await recorder.says("1s")
                recorder.signal(SIGKILL)
                try await recorder.end()
                #expect(try String(contentsOfFile: file, encoding: .utf8) == "precious")
                let forced = try await stage.jostle("record", "--cgroup", cgroup.path, "-d", "1", "--force", "-o", file)
                #expect(forced.status == 0, "\(forced.errors)")
                #expect(try await stage.report(file).recording.finished)
                let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
                #expect(mode == 0o600)
                // One file, no side files.
                let files = try FileManager.default.contentsOfDirectory(atPath: stage.directory.path)
                #expect(files.filter { $0.hasPrefix("precious") } == ["precious"])
            }
        }

        @Test("No permission to record: 77, with what to do, and no file is left")
        func noPermission() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("forbidden")
                let directory = stage.path("open")
                try FileManager.default.createDirectory(
                    atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o777])
                // umask may have taken the mode's last bits away.
                try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: directory)
                let outcome = try await asNobody(
                    ["record", "--cgroup", cgroup.path, "-d", "1", "-o", directory + "/x.jostle"], on: stage)
                expect(outcome, exits: 77, saying: "not permitted", "perf_event_paranoid", "CAP_PERFMON")
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
                let command = try await asNobody(
                    ["record", "-o", directory + "/y.jostle", "--", "/bin/true"], on: stage)
                expect(command, exits: 77)
            }
        }

        /// Runs a copy of jostle as `nobody`: the build's own directory may be closed to others.
        private func asNobody(_ arguments: [String], on stage: Stage) async throws -> Outcome {
            let copy = stage.path("jostle")
            if !FileManager.default.fileExists(atPath: copy) {
                try FileManager.default.copyItem(atPath: Programs.jostle, toPath: copy)
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: copy)
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: stage.directory.path)
            }
            return try await stage.run(
                "/usr/bin/setpriv",
                ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", copy] + arguments)
        }

        @Test("What is not a recording, is cut short, or is of a newer schema: 65; what is not there: 66")
        func badRecordings() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("recording")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let good = try await stage.record("--cgroup", cgroup.path, "-d", "1").file
                let bytes = try Data(contentsOf: URL(filePath: good))

                func report(_ name: String, _ contents: Data) async throws -> Outcome {
                    let path = stage.path(name)
                    try contents.write(to: URL(filePath: path))
                    return try await stage.jostle("report", path)
                }
                expect(try await report("text", Data("no recording\n".utf8)), exits: 65, saying: "is not a recording")
                expect(try await report("empty", Data()), exits: 65, saying: "is not a recording")
                let other = stage.path("other.db")
                try await stage.need("/usr/bin/sqlite3", other, "CREATE TABLE notes (text)")
                expect(try await stage.jostle("report", other), exits: 65, saying: "is not a recording")

                // Cut in its first page, between two pages, in the middle of one, and before its last byte.
                for count in [100, 4096, bytes.count / 2 / 4096 * 4096, bytes.count / 2 + 17, bytes.count - 1] {
                    expect(try await report("cut-\(count)", bytes.prefix(count)), exits: 65, saying: "cut-\(count)")
                }

                let newer = stage.path("newer.jostle")
                try bytes.write(to: URL(filePath: newer))
                try await stage.need("/usr/bin/sqlite3", newer, "PRAGMA user_version = 99")
                expect(try await stage.jostle("report", newer), exits: 65, saying: "schema 99", "newer")

                expect(try await stage.jostle("report", stage.path("nothing")), exits: 66, saying: "no file")
                expect(try await stage.jostle("report", stage.directory.path), exits: 74, saying: "Is a directory")
                expect(
                    try await stage.jostle("report", good, "--container", "no-such"), exits: 66, saying: "no-such")
                expect(try await stage.jostle("report", good, "--syscall", "no-such"), exits: 66, saying: "no-such")
            }
        }

        @Test("A reader of standard output that goes away ends a report quietly; a full disk behind it is 74")
        func closedOutput() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("pipe")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let file = try await stage.record("--cgroup", cgroup.path, "-d", "1").file
                for format in ["text", "json"] {
                    let report = "'\(Programs.jostle)' report '\(file)' --format \(format)"
                    let head = try await stage.run("/bin/bash", ["-c", "\(report) | head -1; exit ${PIPESTATUS[0]}"])
                    #expect(head.status == 0, "\(head.errors)")
                    #expect(head.errors.isEmpty)
                    #expect(head.output.split(separator: "\n").count == 1)
                    // The reader is surely gone when the first byte comes.
                    let gone = try await stage.run(
                        "/bin/bash", ["-c", "(sleep 0.3; exec \(report)) | true; exit ${PIPESTATUS[0]}"])
                    #expect(gone.status == 0, "\(gone.errors)")
                    #expect(gone.errors.isEmpty)
                    let full = try await stage.run("/bin/bash", ["-c", "exec \(report) > /dev/full"])
                    expect(full, exits: 74, saying: "No space left")
                }
                // The same for standard error, while it records.
                let recorder = try await stage.run(
                    "/bin/bash",
                    [
                        "-c",
                        "'\(Programs.jostle)' record --cgroup \(cgroup.path) -d 2 -o '\(stage.path("e.jostle"))' 2> >(true)",
                    ])
                #expect(recorder.status == 0)
                #expect(try await stage.report(stage.path("e.jostle")).recording.finished)
            }
        }

        @Test(
            "Usage errors: 64",
            arguments: [
                ["record"], ["record", "--cgroup", "x", "-d", "soon"], ["record", "--cgroup", "x", "-d", "0"],
                ["record", "--cgroup", "x", "-d", "-1"], ["record", "--cgroup", "x", "-d", "inf"],
                ["record", "--cgroup", "x", "-d", "nan"], ["record", "--cgroup", "x", "-F", "0"],
                ["record", "--cgroup", "x", "-F", "x"], ["record", "--pid", "-5"], ["record", "--pid", "x"],
                ["record", "--no-such-option"], ["record", "--cgroup"], ["report"], ["report", "a", "b"],
                ["report", "a", "--top", "-1"], ["report", "a", "--by", "nothing"], ["report", "a", "--format", "xml"],
                ["no-such-command"],
            ])
        func usage(_ arguments: [String]) async throws {
            try await Stage.with { stage in
                let outcome = try await stage.run(Programs.jostle, arguments, directory: stage.directory.path)
                #expect(outcome.status == 64, "\(outcome.errors)")
                #expect(!outcome.errors.isEmpty)
                #expect(outcome.output.isEmpty)
                let left = try FileManager.default.contentsOfDirectory(atPath: stage.directory.path)
                #expect(!left.contains { $0.hasSuffix(".jostle") })
            }
        }

        @Test(
            "--help documents every exit code, on standard output, and exits with 0",
            arguments: [[], ["record"], ["report"]])
        func help(_ command: [String]) async throws {
            try await Stage.with { stage in
                let outcome = try await stage.run(Programs.jostle, command + ["--help"])
                #expect(outcome.status == 0)
                let words = outcome.output.split { $0.isWhitespace }
                for code in [2, 64, 65, 66, 69, 73, 74, 77] {
                    // Between the code and what it stands for before it.
                    let at = words.firstIndex { $0 == "\(code)" }
                    #expect(at.map { words[$0 - 1] == "·" } == true, "exit code \(code): \(outcome.output)")
                }
            }
        }
    }
}
