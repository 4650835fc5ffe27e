import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Many targets")
    struct ManyTargetsTests {
        /// What a recorder has used and holds when everything is open and nothing is recorded yet.
        private struct Start {
            var wall: Duration
            var cpuSeconds: Double
            var descriptors: Int
            var events: Int
        }

        @Test("With 1,000 containers it starts within a second more than with one, and holds no more events")
        func thousand() async throws {
            try await Stage.with { stage in
                // The paths of Docker's containers, of which nothing else is known.
                let parent = try stage.cgroup("many")
                let docker = try stage.cgroup("docker", in: parent)
                func id(_ number: Int) -> String { String(format: "%064x", number) }
                var made = 0
                stage.atEndWhileProgramsRun {
                    let directories = (0..<made).map { "\(docker.directory)/\(id($0))" }
                    for directory in directories {
                        for pid in TestCgroup.processes(in: directory) { kill(pid, SIGKILL) }
                    }
                    for directory in directories {
                        // rmdir(2) reads the path during the call only.
                        for _ in 0..<500 where unsafe rmdir(directory) != 0 && errno == EBUSY { usleep(2_000) }
                    }
                }
                func grow(to count: Int) async throws {
                    let first = made
                    for number in first..<count {
                        try FileManager.default.createDirectory(
                            atPath: "\(docker.directory)/\(id(number))", withIntermediateDirectories: false)
                        made = number + 1
                    }
                    // Each process sees to its own cgroup; the shell ends when all are on their way.
                    let script = """
                        n=\(first); while [ $n -lt \(count) ]; do
                            (echo 0 > \(docker.directory)/$(printf %064x $n)/cgroup.procs; exec sleep 300) &
                            n=$((n + 1))
                        done >/dev/null 2>&1
                        """
                    try await stage.runLeaving(script)
                    for number in [first, count - 1] {
                        for _ in 0..<1_000
                        where TestCgroup.processes(in: "\(docker.directory)/\(id(number))").isEmpty {
                            try await Task.sleep(for: .milliseconds(10))
                        }
                    }
                }
                try await grow(to: 1)
                let one = try await Self.start(on: stage)
                try await grow(to: 1_000)
                let thousand = try await Self.start(on: stage)
                seen(
                    "start with 1 container: \(one.wall), \(one.cpuSeconds.short) s of CPU, \(one.descriptors) descriptors, "
                        + "\(one.events) events; with 1,000: \(thousand.wall), \(thousand.cpuSeconds.short) s of CPU, "
                        + "\(thousand.descriptors) descriptors, \(thousand.events) events")
                #expect(one.events > 0 && thousand.events == one.events)
                #expect(thousand.events % ProcessInfo.processInfo.activeProcessorCount == 0)
                #expect(thousand.descriptors <= thousand.events + 64)
                // CPU time, since the wall's depends on what else runs.
                #expect(thousand.cpuSeconds - one.cpuSeconds <= 1)
            }
        }

        private static func start(on stage: Stage) async throws -> Start {
            let begin = ContinuousClock.now
            let recorder = try stage.startJostle(
                "record", "--all-containers", "-o", stage.path("\(UUID().uuidString).jostle"))
            try await recorder.says("recording ")
            let wall = ContinuousClock.now - begin
            // utime and stime, fields 14 and 15; the comm may hold spaces.
            let stat = try String(contentsOfFile: "/proc/\(recorder.pid)/stat", encoding: .utf8)
            let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
            let ticks = try #require(Double(fields[11])) + #require(Double(fields[12]))
            // When it has looked at the processes that there are.
            try await recorder.says("1s")
            let directory = "/proc/\(recorder.pid)/fd"
            let descriptors = try FileManager.default.contentsOfDirectory(atPath: directory)
            let events = descriptors.count {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)"))?.contains(
                    "perf_event")
                    == true
            }
            recorder.signal(SIGINT)
            let outcome = try await recorder.end()
            try #require([0, 2].contains(outcome.status), "\(outcome.errors)")
            return Start(wall: wall, cpuSeconds: ticks / 100, descriptors: descriptors.count, events: events)
        }
    }
}
