import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("jostle targets")
    struct TargetsTests {
        private struct Report: Decodable {
            struct Target: Decodable {
                var kind: String
                var name: String
                var runtime: String?
                var cgroup: String
                var processes: Int
                var cpuNs: Double?
                var kernelCpuNs: Double?
                var kernelShare: Double?
            }
            var schema: String
            var measuredNs: Double
            var targets: [Target]
        }

        private func report(_ json: String) throws -> Report {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Report.self, from: Data(json.utf8))
        }

        @Test("A cgroup is listed with its processes and the split of its CPU time; a container's comes first")
        func listed() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("busy")
                _ = try await stage.workload("user-spin", in: cgroup, seconds: 60)
                // The path of a Docker container: no runtime knows it, so it has its id for a name.
                let docker = try stage.cgroup("docker")
                let id = String(repeating: "0123456789abcdef", count: 4)
                let container = try stage.cgroup(id, in: docker)
                _ = try await stage.workload("path-miss", in: container, seconds: 60)

                let before = try cgroup.times()
                let outcome = try await stage.jostle("targets", "--format", "json")
                let after = try cgroup.times()
                #expect(outcome.status == 0, "\(outcome.errors)")
                let report = try report(outcome.output)
                #expect(report.schema == "jostle.targets")
                let busy = try #require(report.targets.first { $0.cgroup == "/" + cgroup.path })
                #expect(busy.kind == "cgroup" && busy.name == cgroup.path && busy.processes == 1)
                let cpu = try #require(busy.cpuNs)
                // The one second lies within the test's own two readings.
                #expect(cpu > 0 && cpu <= (after.user - before.user) + (after.system - before.system))
                #expect(try #require(busy.kernelShare) < 0.2)
                let other = try #require(report.targets.first { $0.cgroup.hasSuffix("/" + id) })
                #expect(other.kind == "container" && other.name == "0123456789ab" && other.processes == 1)
                #expect(try #require(other.kernelShare) > 0.5)
                // It only holds the other, and would repeat what that has.
                #expect(!report.targets.contains { $0.cgroup == "/" + docker.path })
                let kinds = report.targets.map(\.kind)
                #expect(kinds == kinds.filter { $0 == "container" } + kinds.filter { $0 != "container" })
                seen(
                    "targets: \(report.targets.map { "\($0.name) \(($0.kernelShare ?? 0).percent)" }) in \(outcome.duration)"
                )

                let text = try await stage.run(Programs.jostle, ["targets"], environment: ["COLUMNS": "80"])
                #expect(text.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
            }
        }

        @Test("--watch repeats the table, without control bytes into a file, and ends with its reader or a signal")
        func watch() async throws {
            try await Stage.with { stage in
                let watching = try stage.startJostle("targets", "--watch")
                try await Task.sleep(for: .milliseconds(3_600))
                watching.signal(SIGINT)
                let outcome = try await watching.end()
                #expect(outcome.output.components(separatedBy: "CPU over").count - 1 >= 2)
                #expect(!outcome.output.utf8.contains(0x1B))
                let gone = try await stage.run("/bin/sh", ["-c", "\"$0\" targets --watch | head -1", Programs.jostle])
                #expect(gone.status == 0 && gone.duration < .seconds(20))
            }
        }

        /// Not valid: 0xFF. ESC [2J clears the screen, U+202E turns the line around, U+009B is a control as well.
        static let hostile: [UInt8] =
            Array("a\u{1B}[2J".utf8) + [0xFF] + Array("\u{202E}b\u{9B}31m\u{200B}".utf8)

        @Test("Names of cgroups and processes that try to act on the terminal do not, and JSON keeps every byte")
        func hostileNames() async throws {
            try await Stage.with { stage in
                let parent = try stage.cgroup("hostile")
                let path = Array((parent.directory + "/").utf8) + Self.hostile
                try Self.makeDirectory(path)
                defer { Self.removeDirectory(path) }
                // A process that moves there by the shell's own bytes, and calls itself by two lines.
                let script = """
                    echo 0 > "$0/cgroup.procs"; printf 'x\\ny\\033[31m' > /proc/self/comm; i=0
                    while [ $i -lt 4000000 ]; do i=$((i + 1)); done
                    """
                let busy = try Self.spawn(["/bin/sh", "-c", script], last: path)
                defer {
                    kill(busy, SIGKILL)
                    _ = waitpid(busy, nil, 0)
                }
                try await Task.sleep(for: .milliseconds(300))

                let text = try await stage.run(
                    Programs.jostle, ["targets", "--all"], environment: ["COLUMNS": "200"])
                #expect(text.status == 0)
                #expect(text.output.contains("a\\x1b[2J\\xff\\u{202e}b\\u{9b}31m\\u{200b}"), "\(text.output)")
                for scalar in text.output.unicodeScalars where scalar != "\n" {
                    #expect(scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value) && scalar.value != 0x202E)
                }
                let json = try await stage.jostle("targets", "--all", "--format", "json")
                #expect(json.output.utf8.allSatisfy { $0 == 0x0A || $0 >= 0x20 })
                let target = try #require(
                    try report(json.output).targets.first { $0.cgroup.hasPrefix("/" + parent.path + "/") })
                #expect(Self.bytes(of: target.name) == Self.hostile)

                // Also what a recording keeps of both names.
                let file = stage.path("hostile.jostle")
                let recorded = try await stage.jostle("record", "--pid", "\(busy)", "-d", "1", "-o", file)
                #expect(recorded.status == 0, "\(recorded.errors)")
                for arguments in [["report", file], ["report", file, "--format", "json"]] {
                    let shown = try await stage.run(Programs.jostle, arguments)
                    #expect(shown.status == 0)
                    #expect(shown.output.utf8.allSatisfy { $0 == 0x0A || $0 >= 0x20 }, "\(arguments)")
                    #expect((recorded.errors + shown.errors).utf8.allSatisfy { $0 == 0x0A || $0 >= 0x20 })
                }
            }
        }

        /// A byte that was not valid UTF-8 stands as U+10FE00 plus the byte: the promise of the JSON format.
        static func bytes(of name: String) -> [UInt8] {
            name.unicodeScalars.flatMap { scalar -> [UInt8] in
                (0x10FE00...0x10FEFF).contains(scalar.value)
                    ? [UInt8(scalar.value & 0xFF)] : Array(String(scalar).utf8)
            }
        }

        /// FileManager takes text only, and the path is not.
        static func makeDirectory(_ path: [UInt8]) throws {
            let path = path.map { CChar(bitPattern: $0) } + [0]
            // mkdir(2) reads the path during the call only.
            try #require(unsafe mkdir(path, 0o755) == 0)
        }

        /// Waits until nobody is left in it.
        static func removeDirectory(_ path: [UInt8]) {
            let path = path.map { CChar(bitPattern: $0) } + [0]
            // rmdir(2) reads the path during the call only.
            for _ in 0..<200 where unsafe rmdir(path) != 0 { usleep(10_000) }
        }

        /// Foundation's Process takes text only, and the paths are not.
        static func spawn(_ arguments: [String], last: [UInt8]...) throws -> pid_t {
            let strings = (arguments.map { Array($0.utf8) } + last).map { $0.map { CChar(bitPattern: $0) } + [0] }
            var pid: pid_t = 0
            // Copies that live until they are freed below; posix_spawn(3) reads them during the call only.
            var pointers = unsafe strings.map { unsafe strdup($0) } + [nil]
            defer { while let pointer = unsafe pointers.popLast() { unsafe free(pointer) } }
            // As above.
            let result = unsafe posix_spawn(&pid, arguments[0], nil, nil, &pointers, environ)
            try #require(result == 0)
            return pid
        }
    }
}
