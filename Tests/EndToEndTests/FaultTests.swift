import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// The rows of Faults.md that no other suite has.
    @Suite("Faults")
    struct FaultTests {
        @Test("4,096 threads are recorded with as many descriptors as one")
        func manyThreads() async throws {
            try await Stage.with { stage in
                let source = """
                    #include <pthread.h>
                    #include <stdio.h>
                    #include <unistd.h>
                    __attribute__((noinline)) void spin(void) { for (volatile int i = 0; i < 20000; i++) {} }
                    static void *work(void *p) { for (;;) { spin(); usleep(100000); } return p; }
                    int main(void) {
                        pthread_attr_t small; pthread_attr_init(&small); pthread_attr_setstacksize(&small, 65536);
                        int made = 0;
                        for (; made < 4096; made++) { pthread_t t; if (pthread_create(&t, &small, work, 0)) break; }
                        fprintf(stderr, "%d threads\\n", made);
                        sleep(60);
                        return 0;
                    }
                    """
                let program = try await stage.compile(source, with: "cc", ["-O1", "-g", "-lpthread"], to: "threads")
                let cgroup = try stage.cgroup("threads")
                let running = try stage.start(
                    "/bin/sh", ["-c", "echo $$ > \(cgroup.directory)/cgroup.procs; exec \(program)"])
                try await running.says("threads")
                #expect(running.errors.contains("4096 threads"), "\(running.errors)")
                let report = try await stage.record("--cgroup", cgroup.path, "-F", "499", "-d", "2")
                let threads = try await stage.number("SELECT count(*) FROM threads", of: report.file)
                seen("4,096 threads: \(report.confidence.samples) samples of \(Int(threads)) threads")
                #expect(report.recording.finished && threads > 100)
            }
        }

        @Test("10,000 cgroups below a target are recorded, and told apart from nothing else")
        func manyCgroups() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("many")
                for number in 0..<10_000 {
                    // mkdir(2) reads the path during the call only.
                    let made = unsafe mkdir("\(cgroup.directory)/\(number)", 0o755)
                    try #require(made == 0, "cgroup \(number): errno \(errno)")
                }
                // Before the stage's own end, which takes the target away.
                defer {
                    for number in 0..<10_000 {
                        // rmdir(2) reads the path during the call only.
                        _ = unsafe rmdir("\(cgroup.directory)/\(number)")
                    }
                }
                let inner = "\(cgroup.directory)/9999"
                let running = try stage.start(
                    Programs.workload, ["user-spin", "--seconds", "60", "--cgroup", inner])
                while TestCgroup.processes(in: inner).isEmpty {
                    try #require(running.isRunning, "\(running.errors)")
                    try await Task.sleep(for: .milliseconds(10))
                }
                let report = try await stage.record("--cgroup", cgroup.path, "-d", "1")
                seen("10,000 cgroups: \(report.confidence.samples) samples")
                #expect(report.recording.finished && report.confidence.samples > 20)
                while !TestCgroup.processes(in: inner).isEmpty {
                    for pid in TestCgroup.processes(in: inner) { kill(pid, SIGKILL) }
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
        }

        @Test("A program that calls vfork as often as it can, and one that forks, are recorded to their end")
        func forkStorms() async throws {
            try await Stage.with { stage in
                for call in ["vfork", "fork"] {
                    let source = """
                        #define _GNU_SOURCE
                        #include <stdio.h>
                        #include <sys/wait.h>
                        #include <time.h>
                        #include <unistd.h>
                        int main(void) {
                            time_t end = time(0) + 3;
                            long made = 0;
                            while (time(0) < end) {
                                pid_t child = \(call)();
                                if (child == 0) _exit(0);
                                if (child > 0) { waitpid(child, 0, 0); made++; }
                            }
                            fprintf(stdout, "%ld", made);
                            return 0;
                        }
                        """
                    let program = try await stage.compile(source, with: "cc", ["-O1", "-g"], to: call)
                    let file = stage.path("\(call).jostle")
                    let outcome = try await stage.run(
                        Programs.jostle, ["record", "-F", "999", "-o", file, "--", program])
                    #expect(outcome.status == 0, "\(outcome.errors)")
                    let report = try await stage.report(file)
                    let made = Double(outcome.output) ?? 0
                    seen(
                        "\(call): \(Int(made / 3)) a second, \(report.confidence.samples) samples, "
                            + "\(report.confidence.lostSamples) lost, stacks complete "
                            + "\((report.confidence.completeStacksShare ?? 0).percent)")
                    #expect(report.recording.finished && report.confidence.samples > 100 && made > 1000)
                }
            }
        }

        @Test("An output directory that is removed in mid-recording ends it with 74 and a sentence")
        func removedDirectory() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("removed")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let directory = stage.path("gone")
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
                let recorder = try stage.startJostle(
                    "record", "--cgroup", cgroup.path, "-d", "20", "-o", directory + "/x.jostle")
                try await recorder.says("1s")
                try FileManager.default.removeItem(atPath: directory)
                let outcome = try await recorder.end()
                seen("output directory removed: exit \(outcome.status): \(outcome.errors.suffix(200))")
                #expect(outcome.status == 74, "\(outcome.errors)")
                #expect(outcome.errors.contains("x.jostle"))
            }
        }

        @Test("With kernel.kptr_restrict at 2 kernel symbols are hidden, and the header and the JSON say so")
        func hiddenKernelSymbols() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("kptr")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let setting = "/proc/sys/kernel/kptr_restrict"
                let before = try String(contentsOfFile: setting, encoding: .utf8)
                stage.atEnd { try Data(before.utf8).write(to: URL(filePath: setting)) }
                try Data("2".utf8).write(to: URL(filePath: setting))
                let report = try await stage.record("--cgroup", cgroup.path, "-d", "1")
                let kind = try await stage.rows(
                    "SELECT value FROM recording WHERE key = 'kernel_symbols'", of: report.file)
                seen("kptr_restrict 2: kernel symbols \(kind), warnings \(report.confidence.warnings)")
                #expect(kind == [["hidden"]])
                #expect(report.confidence.warnings.contains { $0.contains("kernel symbols") || $0.contains("kptr") })
            }
        }

        @Test("A step of the wall clock in mid-recording changes no time in it")
        func clockStep() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("clock")
                _ = try await stage.workload("user-spin", in: cgroup, seconds: 60)
                let file = stage.path("clock.jostle")
                let recorder = try stage.startJostle("record", "--cgroup", cgroup.path, "-d", "3", "-o", file)
                try await recorder.says("1s")
                func step(seconds: Int) {
                    var time = timespec()
                    // Both calls read or fill a local variable.
                    unsafe clock_gettime(CLOCK_REALTIME, &time)
                    time.tv_sec += seconds
                    // As above.
                    #expect(unsafe clock_settime(CLOCK_REALTIME, &time) == 0)
                }
                step(seconds: 2)
                try await Task.sleep(for: .milliseconds(300))
                step(seconds: -2)
                #expect(try await recorder.end().status == 0)
                let report = try await stage.report(file)
                let times = try await stage.rows("SELECT min(time), max(time) FROM samples", of: file)[0].compactMap(
                    Double.init)
                seen(
                    "clock step: \(report.recording.durationNs / 1e9) s, samples from \(times[0] / 1e9) to \(times[1] / 1e9) s"
                )
                #expect(times[0] >= -1e9 && times[1] <= report.recording.durationNs)
                // A step that came through would be two seconds more.
                #expect(report.recording.durationNs >= 3e9 && times[1] > 2e9)
            }
        }

        @Test("A cgroup that is removed and made again is recorded on, and the gap is noted")
        func cgroupMadeAgain() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("again")
                let first = try await stage.workload("user-spin", in: cgroup, seconds: 60)
                let file = stage.path("again.jostle")
                let recorder = try stage.startJostle("record", "--cgroup", cgroup.path, "-d", "5", "-o", file)
                try await recorder.says("1s")
                await cgroup.remove()
                try await first.end()
                let second = try stage.cgroup("again")
                _ = try await stage.workload("path-miss", in: second, seconds: 60)
                let outcome = try await recorder.end()
                #expect(outcome.status == 0, "\(outcome.errors)")
                let report = try await stage.report(file)
                let notes = report.recording.notes.filter { $0.contains("was restarted") }
                seen("cgroup made again: \(notes), \(report.confidence.samples) samples")
                #expect(report.recording.finished && notes.count == 1, "\(report.recording.notes)")
                // Both of them, in one row.
                let rows = try await stage.rows(
                    "SELECT name FROM containers WHERE cgroup = '/\(cgroup.path)'", of: file)
                #expect(rows.count == 1, "\(rows)")
                let functions = try await stage.functions(like: "%", of: file)
                #expect(functions.contains("Mandelbrot_compute") && functions.contains("File_exists"), "\(functions)")
            }
        }

        @Test("A terminal of width 1 gets a report, and so does one that says nothing of its width")
        func narrowTerminal() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("narrow")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let file = try await stage.record("--cgroup", cgroup.path, "-d", "1").file
                for columns in ["1", "0", "-5", "x", "100000"] {
                    for options in [[], ["--by", "caller"], ["--syscall", "posix_fadvise"]] {
                        let outcome = try await stage.run(
                            Programs.jostle, ["report", file] + options, environment: ["COLUMNS": columns])
                        #expect(outcome.status == 0, "COLUMNS=\(columns) \(options): \(outcome.errors)")
                        #expect(
                            outcome.output.contains(columns == "1" ? "…" : "posix"), "COLUMNS=\(columns) \(options)")
                    }
                }
            }
        }

        @Test(
            "Where tracefs is hidden, calls are counted by way of a mount of its own, or the recording says that they are not"
        )
        func hiddenTracefs() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("tracefs")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let file = stage.path("tracefs.jostle")
                let outcome = try await stage.run(
                    "/usr/bin/unshare",
                    [
                        "-m", "/bin/sh", "-c",
                        "for d in /sys/kernel/tracing /sys/kernel/debug; do mount -t tmpfs none $d; done; exec "
                            + "'\(Programs.jostle)' record --quiet --cgroup \(cgroup.path) -d 1 -o '\(file)'",
                    ])
                #expect(outcome.status == 0, "\(outcome.errors)")
                let report = try await stage.report(file)
                let calls = try await stage.number("SELECT total(calls) FROM syscall_counts", of: file)
                seen("tracefs hidden: \(Int(calls)) calls, notes \(report.recording.notes)")
                #expect(calls > 0 || report.recording.notes.contains { $0.contains("not counted") })
            }
        }
    }
}
