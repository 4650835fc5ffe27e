import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Hostile names")
    struct HostileNamesTests {
        @Test("A container's name, a comm and a path that try to act on the terminal do not, and JSON keeps every byte")
        func everywhere() async throws {
            try await Stage.with { stage in
                let hostile = TargetsTests.hostile
                let parent = try stage.cgroup("hostile-container")
                // LXC's names stand in the path: this is the container's name, and its cgroup's.
                let cgroup = Array((parent.directory + "/lxc.payload.").utf8) + hostile
                try TargetsTests.makeDirectory(cgroup)
                defer { TargetsTests.removeDirectory(cgroup) }
                // A program of that name: its path is a module's, and its comm begins so.
                let program = Array((stage.directory.path + "/").utf8) + hostile
                let copied = try TargetsTests.spawn(["/bin/cp", Programs.workload], last: program)
                _ = waitpid(copied, nil, 0)
                let script = """
                    echo 0 > "$1/cgroup.procs"; exec "$2" path-miss --seconds 60 --directory / >/dev/null
                    """
                let busy = try TargetsTests.spawn(["/bin/sh", "-c", script, "sh"], last: cgroup, program)
                defer {
                    kill(busy, SIGKILL)
                    _ = waitpid(busy, nil, 0)
                }
                try await Task.sleep(for: .milliseconds(300))

                let file = stage.path("hostile.jostle")
                let recorded = try await stage.jostle("record", "--all-containers", "-d", "2", "-o", file)
                try #require(recorded.status == 0, "\(recorded.errors)")
                let shown = "a\\x1b[2J\\xff\\u{202e}b\\u{9b}31m\\u{200b}"
                #expect(recorded.errors.contains(shown))
                var texts = [recorded.errors]
                for view in ["syscall", "container", "function", "caller"] {
                    let text = try await stage.run(
                        Programs.jostle, ["report", file, "--by", view], environment: ["COLUMNS": "250"])
                    #expect(text.status == 0 && text.output.contains(shown), "\(view): \(text.output)")
                    texts += [text.output, text.errors]
                }
                texts.append(
                    try await stage.run(
                        Programs.jostle, ["report", file, "--syscall", "newfstatat"], environment: ["COLUMNS": "250"]
                    ).output)
                for text in texts {
                    for scalar in text.unicodeScalars where scalar != "\n" {
                        #expect(scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value) && scalar.value != 0x202E)
                    }
                }
                let json = try await stage.jostle("report", file, "--format", "json")
                #expect(json.output.utf8.allSatisfy { $0 == 0x0A || $0 >= 0x20 })
                let report = try Report(json: json.output)
                let container = try #require(report.containers.first { $0.runtime == "lxc" })
                #expect(TargetsTests.bytes(of: container.name) == hostile)
                #expect(container.samples > 20)
                let path = try await stage.rows(
                    "SELECT path FROM modules WHERE path LIKE '\(stage.directory.path)/%'", of: file)
                #expect(path.first.map { TargetsTests.bytes(of: $0[0]) } == program)
                let comm = try await stage.rows("SELECT DISTINCT comm FROM processes WHERE pid = \(busy)", of: file)
                #expect(comm.first.map { TargetsTests.bytes(of: $0[0]) } == Array(hostile.prefix(15)))
                seen("hostile names: \(container.samples) samples of the container \(shown)")
            }
        }
    }
}
