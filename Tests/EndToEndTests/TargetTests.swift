import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Targets and ends")
    struct TargetTests {
        @Test("A command runs in a cgroup of its own, its exit status is reported, and the cgroup is removed")
        func command() async throws {
            try await Stage.with { stage in
                let file = stage.path("command.jostle")
                let script =
                    "cat /proc/self/cgroup > \(stage.path("cgroup")); \(Programs.workload) user-spin --seconds 1; exit 7"
                let outcome = try await stage.jostle("record", "-o", file, "--", "/bin/sh", "-c", script)
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.errors.contains("status 7"), "\(outcome.errors)")
                let report = try await stage.report(file)
                #expect(report.recording.commandStatus == 7)
                let container = try #require(report.containers.first)
                #expect(container.samples > 20)
                #expect(container.name == "sh")
                let cgroup = try #require(container.cgroup)
                let lines = try String(contentsOfFile: stage.path("cgroup"), encoding: .utf8).split(separator: "\n")
                #expect(lines.contains { $0.hasSuffix(":" + cgroup) }, "\(lines) is not in \(cgroup)")
                let root = try #require(TestCgroup.perfEventRoot())
                #expect(!FileManager.default.fileExists(atPath: root + cgroup), "\(cgroup) is still there")
                seen(
                    "command: \(container.samples) samples in \(cgroup), status \(report.recording.commandStatus ?? -1)"
                )
            }
        }

        @Test("A command's status is a shell's where a signal ended it")
        func killedCommand() async throws {
            try await Stage.with { stage in
                let script = "\(Programs.workload) user-spin --seconds 0.5; kill -KILL $$"
                let report = try await stage.record("--", "/bin/sh", "-c", script)
                #expect(report.recording.commandStatus == 128 + 9)
            }
        }

        @Test("A command is ended with the recording, and what it left running goes on elsewhere")
        func endedCommand() async throws {
            try await Stage.with { stage in
                let file = stage.path("ended.jostle")
                let ready = stage.path("left.pid")
                // The sleeper, in a session of its own, does not hear of the command's end. It closes what it inherited, so
                // that nobody waits for it.
                let sleeper = stage.path("sleeper")
                try """
                for descriptor in $(ls /proc/$$/fd); do ((descriptor > 2)) && eval "exec $descriptor>&-"; done
                exec setsid sleep 60
                """.write(toFile: sleeper, atomically: true, encoding: .utf8)
                let script = "bash \(sleeper) & echo $! > \(ready); exec \(Programs.workload) user-spin --seconds 60"
                let outcome = try await stage.jostle("record", "-d", "1", "-o", file, "--", "/bin/sh", "-c", script)
                let left = try #require(
                    Int32(try String(contentsOfFile: ready, encoding: .utf8).trimmingCharacters(in: .newlines)))
                let wasAlive = kill(left, 0) == 0
                kill(left, SIGKILL)
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(wasAlive)
                let cgroup = try #require(try await stage.report(file).containers.first?.cgroup)
                let root = try #require(TestCgroup.perfEventRoot())
                #expect(!FileManager.default.fileExists(atPath: root + cgroup), "\(cgroup) is still there")
            }
        }

        @Test("--pid follows a process and what it forks later, and nobody else")
        func process() async throws {
            try await Stage.with { stage in
                let children = stage.path("children")
                let script = """
                    sleep 1
                    \(Programs.workload) user-spin --seconds 30 >/dev/null & echo $! >> \(children)
                    \(Programs.workload) path-miss --seconds 30 --directory \(stage.directory.path) >/dev/null & \
                    echo $! >> \(children)
                    trap 'kill %1 %2' TERM
                    wait
                    """
                let cgroup = try stage.cgroup("parent")
                let parent = try stage.start(
                    "/bin/sh", ["-c", "echo 0 > \(cgroup.directory)/cgroup.procs; " + script])
                let stranger = try await stage.workload("user-spin", in: nil, seconds: 60)
                let report = try await stage.record("--pid", "\(parent.pid)", "-d", "3")
                let pids = try String(contentsOfFile: children, encoding: .utf8).split(separator: "\n").map(String.init)
                #expect(pids.count == 2)
                let owners = try await stage.rows(
                    """
                    SELECT p.pid, count(*) FROM samples s JOIN threads t ON t.id = s.thread
                    JOIN processes p ON p.id = t.process GROUP BY 1
                    """, of: report.file)
                let samples = Dictionary(owners.map { ($0[0], Int($0[1]) ?? 0) }, uniquingKeysWith: +)
                for pid in pids {
                    #expect(samples[pid, default: 0] > 5, "the child \(pid) has \(samples[pid] ?? 0) samples")
                }
                #expect(samples["\(stranger.pid)"] == nil)
                #expect(report.containers.count == 1)
                #expect(report.containers.first?.syscallNames.contains("newfstatat") == true)
                seen(
                    "--pid: \(report.confidence.samples) samples; later forks \(pids.map { samples[$0] ?? 0 }), a stranger none"
                )
            }
        }

        @Test(
            "SIGINT and SIGTERM end a recording within a second, and so does a second SIGINT",
            arguments: [[SIGINT], [SIGTERM], [SIGINT, SIGINT], [SIGTERM, SIGINT]])
        func signals(_ signals: [Int32]) async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("signals")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let file = stage.path("signals.jostle")
                let recorder = try stage.startJostle("record", "--cgroup", cgroup.path, "-o", file)
                try await recorder.says("2s")
                let start = ContinuousClock.now
                for (index, signal) in signals.enumerated() {
                    if index > 0 { try await Task.sleep(for: .milliseconds(30)) }
                    recorder.signal(signal)
                }
                let outcome = try await recorder.end()
                let took = ContinuousClock.now - start
                seen("signals \(signals): ended after \(took), status \(outcome.status)")
                #expect(took <= .seconds(1))
                #expect(outcome.status == 0, "\(outcome.errors)")
                let report = try await stage.report(file)
                #expect(report.recording.finished)
                #expect(report.containers.first?.syscalls.first?.name == "fadvise64")
            }
        }

        @Test("A signal that comes before the first sample ends it, too")
        func earlySignal() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("early")
                let recorder = try stage.startJostle(
                    "record", "--cgroup", cgroup.path, "-o", stage.path("early.jostle"))
                try await recorder.says("recording")
                let start = ContinuousClock.now
                recorder.signal(SIGINT)
                let outcome = try await recorder.end()
                #expect(ContinuousClock.now - start <= .seconds(1))
                #expect(outcome.status == 2, "no samples: \(outcome.errors)")
            }
        }

        @Test("Zero samples are said with their cause, and exit with 2")
        func noSamples() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("idle")
                let sleeper = try stage.start(
                    "/bin/sh", ["-c", "echo 0 > \(cgroup.directory)/cgroup.procs; exec sleep 60"])
                while cgroup.processes != [sleeper.pid] { try await Task.sleep(for: .milliseconds(5)) }
                let idle = try await stage.jostle(
                    "record", "--cgroup", cgroup.path, "-d", "1", "-o", stage.path("idle.jostle"))
                #expect(idle.status == 2)
                #expect(idle.errors.contains("no samples"), "\(idle.errors)")
                #expect(idle.errors.contains("used no CPU"), "\(idle.errors)")

                // A target that used some CPU, but too little for one sample in a second of it.
                let command = try await stage.jostle(
                    "record", "-F", "1", "-o", stage.path("short.jostle"), "--", Programs.workload, "user-spin",
                    "--seconds", "0.1")
                #expect(command.status == 2)
                #expect(
                    command.errors.contains("too little") || command.errors.contains("--frequency"), "\(command.errors)"
                )
                seen("no samples: \(idle.errors.split(separator: "\n").last ?? "")")
            }
        }

        @Test("A target that vanishes ends the recording, which keeps what there was")
        func vanishingTarget() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("vanishing")
                let program = try await stage.workload("pipe-ping-pong", in: cgroup, seconds: 60)
                let file = stage.path("vanishing.jostle")
                let recorder = try stage.startJostle("record", "--cgroup", cgroup.path, "-d", "30", "-o", file)
                try await recorder.says("1s / 30s")
                program.signal(SIGKILL)
                try await program.end()
                await cgroup.remove()
                let outcome = try await recorder.end(within: .seconds(10))
                #expect(outcome.status == 0)
                #expect(outcome.errors.contains("gone"), "\(outcome.errors)")
                let report = try await stage.report(file)
                #expect(report.recording.finished)
                #expect(report.confidence.samples > 50)
            }
        }

        @Test("Above kernel.perf_event_max_sample_rate it lowers the frequency and says so")
        func sampleRateLimit() async throws {
            try await Stage.with { stage in
                let limit = "/proc/sys/kernel/perf_event_max_sample_rate"
                let before = try String(contentsOfFile: limit, encoding: .utf8)
                stage.atEnd { try Self.write(before, to: limit) }
                let cgroup = try stage.cgroup("limit")
                _ = try await stage.workload("user-spin", in: cgroup, seconds: 60)
                try Self.write("150\n", to: limit)
                let file = stage.path("limit.jostle")
                let outcome = try await stage.jostle("record", "--cgroup", cgroup.path, "-d", "1", "-o", file)
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.errors.contains("150 Hz, not 199"), "\(outcome.errors)")
                #expect(outcome.errors.contains("perf_event_max_sample_rate"))
                let report = try await stage.report(file)
                #expect(report.recording.frequencyHz == 150)
                #expect(report.recording.notes.contains { $0.contains("150") }, "\(report.recording.notes)")
                let text = try await stage.jostle("report", file)
                #expect(text.output.contains("150 Hz"), "\(text.output)")
            }
        }

        private static func write(_ text: String, to path: String) throws {
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.write(contentsOf: Data(text.utf8))
            try file.close()
        }
    }
}
