import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Telling cgroups apart")
    struct TellingApartTests {
        @Test("Two cgroups recorded together are told apart, and a third busy one leaves no sample")
        func cgroupsAreToldApart() async throws {
            try await Stage.with { stage in
                let lookups = try stage.cgroup("lookups")
                let pipes = try stage.cgroup("pipes")
                let stranger = try stage.cgroup("stranger")
                let programs = [
                    try await stage.workload("path-miss", in: lookups, seconds: 60, options: ["--threads", "2"]),
                    try await stage.workload("pipe-ping-pong", in: pipes, seconds: 60),
                    try await stage.workload("fault-storm", in: stranger, seconds: 60),
                ]
                let before = try stranger.times()
                let report = try await stage.record("--cgroup", lookups.path, "--cgroup", pipes.path, "-d", "3")
                let after = try stranger.times()
                let strangersTime = after.user + after.system - before.user - before.system

                #expect(report.containers.count == 2)
                let first = try #require(report.container(of: lookups))
                let second = try #require(report.container(of: pipes))
                #expect(first.samples > 50)
                #expect(second.samples > 50)
                // What only the other one calls.
                #expect(first.syscallNames.isSuperset(of: ["newfstatat"]))
                #expect(first.syscallNames.isDisjoint(with: ["read", "write"]))
                #expect(second.syscallNames.isSuperset(of: ["read", "write"]))
                #expect(second.syscallNames.isDisjoint(with: ["newfstatat", "madvise"]))

                // And the witness that needs no names: whose process each sample is of.
                let owners = try await stage.rows(
                    """
                    SELECT p.pid, c.cgroup, count(*) FROM samples s JOIN containers c ON c.id = s.container
                    JOIN threads t ON t.id = s.thread JOIN processes p ON p.id = t.process GROUP BY 1, 2
                    """, of: report.file)
                let expected = ["\(programs[0].pid)": "/" + lookups.path, "\(programs[1].pid)": "/" + pipes.path]
                for owner in owners {
                    #expect(expected[owner[0]] == owner[1], "\(owner[2]) samples of process \(owner[0])")
                }
                #expect(strangersTime > 100_000_000, "the third cgroup was not busy")
                seen(
                    "told apart: \(first.samples) and \(second.samples) samples, each process in its own cgroup; "
                        + "0 of a third that used \((strangersTime / 1e9).short) s of CPU meanwhile")
            }
        }

        @Test("What runs in a cgroup below the one that was named counts as its own")
        func descendantsAreIncluded() async throws {
            try await Stage.with { stage in
                let pod = try stage.cgroup("pod")
                let container = try stage.cgroup("container", in: pod)
                _ = try await stage.workload("pipe-ping-pong", in: container, seconds: 60)
                // One that is made, and moved into, while the recording runs.
                let file = stage.path("pod.jostle")
                let recorder = try stage.startJostle("record", "--cgroup", pod.path, "-d", "3", "-o", file)
                try await recorder.says("recording")
                let later = try stage.cgroup("later", in: pod)
                let program = try await stage.workload("path-miss", in: later, seconds: 60)
                #expect(try await recorder.end().status == 0)
                let report = try await stage.report(file)
                #expect(report.containers.count == 1)
                let whole = try #require(report.container(of: pod))
                #expect(whole.syscallNames.isSuperset(of: ["read", "write", "newfstatat"]))
                let laterSamples = try await stage.number(
                    """
                    SELECT count(*) FROM samples s JOIN threads t ON t.id = s.thread
                    JOIN processes p ON p.id = t.process WHERE p.pid = \(program.pid)
                    """, of: file)
                #expect(laterSamples > 20)
                seen("descendants: \(whole.samples) samples, \(Int(laterSamples)) of a cgroup made meanwhile")
            }
        }

        @Test("Of two named cgroups, one below the other, each sample counts once, for the inner one where it is in it")
        func nestedTargets() async throws {
            try await Stage.with { stage in
                let outer = try stage.cgroup("outer")
                let inner = try stage.cgroup("inner", in: outer)
                let programs = [
                    try await stage.workload("user-spin", in: outer, seconds: 60),
                    try await stage.workload("pipe-ping-pong", in: inner, seconds: 60),
                ]
                let report = try await stage.record("--cgroup", outer.path, "--cgroup", inner.path, "-d", "2")
                #expect(report.containers.count == 2)
                let owners = try await stage.rows(
                    """
                    SELECT p.pid, c.cgroup, count(*) FROM samples s JOIN containers c ON c.id = s.container
                    JOIN threads t ON t.id = s.thread JOIN processes p ON p.id = t.process GROUP BY 1, 2 ORDER BY 1
                    """, of: report.file)
                let expected = [["\(programs[0].pid)", "/" + outer.path], ["\(programs[1].pid)", "/" + inner.path]]
                #expect(
                    owners.map { Array($0.prefix(2)) }.sorted { $0[0] < $1[0] } == expected.sorted { $0[0] < $1[0] })
                // Two CPUs for two seconds at 199 Hz: twice as many if each one were counted by both.
                let most =
                    Double(ProcessInfo.processInfo.activeProcessorCount) * report.recording.durationNs / 1e9 * 199
                #expect(Double(report.confidence.samples) < most * 1.1)
            }
        }
    }
}
