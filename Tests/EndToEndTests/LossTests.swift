import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Losses")
    struct LossTests {
        @Test("A recorder stopped for 3 s at 4999 Hz counts what it lost: with what came it is what was expected")
        func ringOverflow() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("overflow")
                _ = try await stage.workload("user-spin", in: cgroup, seconds: 60, options: ["--threads", "2"])
                let file = stage.path("overflow.jostle")
                // 33 KiB for each sample: the largest rings hold some 1000, a fifth of a second of CPU time.
                let recorder = try stage.startJostle(
                    "record", "--cgroup", cgroup.path, "-F", "4999", "--stack-bytes", "32768", "-d", "6", "-o", file)
                try await recorder.says("1s / 6s")
                recorder.signal(SIGSTOP)
                try await Task.sleep(for: .seconds(3))
                recorder.signal(SIGCONT)
                let outcome = try await recorder.end()
                #expect(outcome.status == 0, "\(outcome.errors)")

                let report = try await stage.report(file)
                #expect(report.recording.frequencyHz == 4999)
                let seconds = try await stage.number(
                    "SELECT (cgroup_user_ns + cgroup_system_ns) / 1e9 FROM containers", of: file)
                let expected = seconds * 4999
                let delivered = report.confidence.samples
                let lost = report.confidence.lostSamples
                let ratio = Double(delivered + lost) / expected
                seen(
                    "overflow: \(delivered) delivered + \(lost) lost = \(delivered + lost), expected \(Int(expected)) of "
                        + "\(seconds.short) s of CPU: \((ratio - 1).percent) off; PERF_RECORD_LOST said "
                        + "\(report.confidence.lostRecords)")
                #expect(lost > 1000, "3 s at 4999 Hz must not fit into the rings")
                #expect(abs(ratio - 1) <= 0.05)
                // And it is said: in the report's text and at the end of the recording.
                #expect(report.confidence.warnings.contains { $0.contains("lost") }, "\(report.confidence.warnings)")
                #expect(!outcome.errors.contains(" 0 lost ·"), "\(outcome.errors)")
            }
        }

        @Test("What a killed recorder leaves opens, says that it is unfinished, and lacks two seconds at most")
        func killedRecorder() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("killed")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                // Also in the middle of a second, when the last commit is old.
                for milliseconds in [3300, 3900] {
                    let file = stage.path("killed\(milliseconds).jostle")
                    let recorder = try stage.startJostle("record", "--cgroup", cgroup.path, "-o", file)
                    try await recorder.says("recording")
                    try await Task.sleep(for: .milliseconds(milliseconds))
                    let time = Date.now.timeIntervalSince1970
                    recorder.signal(SIGKILL)
                    #expect(try await recorder.end().status == 128 + SIGKILL)

                    let report = try await stage.report(file)
                    #expect(!report.recording.finished)
                    #expect(report.container(of: cgroup)?.syscalls.first?.name == "fadvise64")
                    let start = try await stage.number(
                        "SELECT value FROM recording WHERE key = 'start_wall_ns'", of: file)
                    let last = try await stage.number("SELECT max(time) FROM samples", of: file)
                    let missing = time - (start + last) / 1e9
                    seen(
                        "killed after \(milliseconds) ms: \(report.confidence.samples) samples, the last \(missing.short) s before"
                    )
                    #expect(missing <= 2)
                    let text = try await stage.jostle("report", file)
                    #expect(text.status == 0)
                    #expect(text.output.contains("unfinished"), "\(text.output)")
                    #expect(
                        report.confidence.warnings.contains { $0.contains("unfinished") },
                        "\(report.confidence.warnings)")
                }
            }
        }

        @Test("On a full disk it ends with 74 and a sentence, and what was written before still opens")
        func fullDisk() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("full")
                _ = try await stage.workload("path-miss", in: cgroup, seconds: 60)
                let disk = stage.path("disk")
                try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
                try await stage.need("/usr/bin/mount", "-t", "tmpfs", "-o", "size=512k", "none", disk)
                stage.atEnd {
                    let umount = try Process.run(URL(filePath: "/usr/bin/umount"), arguments: [disk])
                    umount.waitUntilExit()
                    #expect(umount.terminationStatus == 0)
                }
                let file = disk + "/full.jostle"
                // At this frequency the disk is full after some seconds, but not within the first commit.
                let outcome = try await stage.jostle(
                    "record", "--cgroup", cgroup.path, "-F", "1999", "-d", "30", "--quiet", "-o", file)
                #expect(outcome.status == 74)
                #expect(outcome.errors.contains("disk is full"), "\(outcome.errors)")
                let report = try await stage.report(file)
                #expect(!report.recording.finished)
                #expect(report.confidence.samples > 0)
                seen("full disk: exit 74 after \(outcome.duration); \(report.confidence.samples) samples still open")
            }
        }
    }
}
