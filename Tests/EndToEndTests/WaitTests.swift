import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Workloads that wait for what is known beforehand.
    @Suite("Waits")
    struct WaitTests {
        struct Case: CustomTestStringConvertible {
            var workload: String
            var options: [String] = []
            /// The system call that waits, and the class that its time off the CPU belongs to.
            var call: String
            var waitClass: String
            /// The least share of the call's blocked time that must lie in the class.
            var least = 0.95
            var testDescription: String { workload }
        }

        static let cases = [
            // The machine's one mutex around the draining of page lists, and the work that is waited for inside it.
            Case(
                workload: "fadvise-storm", options: ["--threads", "4"], call: "fadvise64", waitClass: "contended",
                // It also starts the writeback of its pages, which may have to wait for the disk.
                least: 0.85),
            Case(workload: "flock-wait", call: "flock", waitClass: "by_choice"),
            Case(workload: "fsync-loop", call: "fsync", waitClass: "disk_io", least: 0.9),
            Case(workload: "pipe-ping-pong", call: "read", waitClass: "by_choice"),
        ]

        @Test("Time off the CPU lands in its class, and all of the threads' time is accounted for", arguments: cases)
        func landsInItsClass(_ test: Case) async throws {
            try await Findings.confirmed(test.workload) {
                try await Stage.with { stage in
                    let cgroup = try stage.cgroup("waits")
                    let whole = try await stage.recordWhole(
                        test.workload, options: test.options, in: cgroup, seconds: 2)
                    let container = try #require(whole.report.container(of: cgroup))
                    let call = try #require(container.syscalls.first { $0.name == test.call })
                    let waits = try #require(call.waitsNs)
                    let all = try #require(container.waitsNs)
                    let inClass = try #require(waits[test.waitClass])
                    let inside = try #require(call.latencyPerCallNs) * (call.calls ?? 0)
                    let own = try #require(whole.truth.calls[test.call]).latencyNs
                    seen(whole.summary)
                    seen(
                        "\(test.workload): \(test.call) blocked \((waits.blocked / 1e9).short) s, of it in \(test.waitClass) "
                            + "\((inClass / waits.blocked).percent); inside the call \((inside / 1e9).short) s, by its own "
                            + "clock \((own / 1e9).short) s (\((inside / own - 1).percent) off); of the container's blocked "
                            + "time \((all.contended / all.blocked).percent) are contention")
                    var findings = Findings()
                    let switches =
                        (whole.truth.voluntarySwitches + whole.truth.involuntarySwitches) / whole.truth.wallNs * 1e9
                    let note = whole.report.recording.notes.first { $0.contains("switches off the CPU were sampled") }
                    seen(
                        "\(test.workload): \(Int(switches)) switches a second, \(whole.report.confidence.lostRecords) records lost; the "
                            + "header says: \(note ?? "nothing of it")")
                    // Far more than 2,000 a second and CPU: some are sampled, the time is all there, and it is said.
                    if switches > 50_000 { findings.expect("note", note != nil, "\(whole.report.recording.notes)") }
                    findings.expect("accounted", whole.accounted, near: 1, within: 0.03)
                    findings.expect(
                        "class", inClass >= test.least * waits.blocked, "\(test.call) waits \(waits)")
                    // The way in and out, and reading the clock, take about half a microsecond that is in no sample of the call.
                    if own / (call.calls ?? 1) > 20_000 {
                        findings.expect("time in \(test.call)", inside, near: own, within: 0.1)
                    }
                    // Waiting by choice, and for the disk, is never called contention.
                    if test.waitClass != "contended" {
                        findings.expect("contention", all.contended <= 0.05 * all.blocked, "waits \(all)")
                    }
                    return findings
                }
            }
        }

        @Test("A thread that others keep from its CPU is runnable, not blocked, and the report says who ran instead")
        func preempted() async throws {
            try await Findings.confirmed("preempted") {
                try await Stage.with { stage in
                    let cgroup = try stage.cgroup("preempted")
                    let others = try stage.cgroup("others")
                    let whole = try await stage.recordWhole(
                        "user-spin", options: ["--threads", "2"], in: cgroup, seconds: 2,
                        recording: ["--cgroup", others.directory],
                        beside: {
                            _ = try await stage.workload(
                                "user-spin", in: others, seconds: 60, options: ["--threads", "4"])
                        })
                    let container = try #require(whole.report.container(of: cgroup))
                    let waits = try #require(container.waitsNs)
                    let suspects = try #require(container.suspects)
                    let instead = suspects.ranInstead ?? []
                    let byOthers = instead.filter { !["its own threads", "nobody"].contains($0.name) }
                        .reduce(0) { $0 + $1.ns }
                    // Those live on when the recording ends, so that the scheduler's own count can be read.
                    let rivals = try #require(whole.report.container(of: others))
                    let queued = rivals.suspects?.runQueueWaitNs ?? 0
                    let runnable = rivals.waitsNs?.preempted ?? 0
                    seen(whole.summary)
                    seen(
                        "preempted: \(suspects.verdict); the others were runnable for \((runnable / 1e9).short) s, by schedstat "
                            + "\((queued / 1e9).short) s; instead ran "
                            + instead.prefix(3).map { "\($0.name) \(($0.ns / 1e9).short) s" }.joined(separator: ", "))
                    var findings = Findings()
                    findings.expect("accounted", whole.accounted, near: 1, within: 0.03)
                    // Six threads for two CPUs: two thirds of the time.
                    findings.expect(
                        "preempted", whole.preempted >= 0.4 * whole.truth.threads * whole.truth.wallNs, whole.summary)
                    findings.expect("blocked", whole.blocked <= 0.02 * whole.preempted, whole.summary)
                    findings.expect("contention", waits.contended <= 0.01 * whole.preempted, "waits \(waits)")
                    findings.expect("who ran", byOthers >= 0.5 * whole.preempted, "\(instead)")
                    findings.expect("a name", instead.contains { $0.name == "workload" && $0.ns > 0 }, "\(instead)")
                    findings.expect("the scheduler's count", runnable, near: queued, within: 0.1)
                    findings.expect("verdict", suspects.verdict.contains("waits for a CPU"), suspects.verdict)
                    return findings
                }
            }
        }

        @Test(
            "A thread that its CPU limit keeps from running is runnable, and the report says that the limit slows it down"
        )
        func throttled() async throws {
            try await Findings.confirmed("throttled") {
                try await Stage.with { stage in
                    let cgroup = try stage.cgroup("throttled")
                    // 20 ms of CPU time in each 100 ms.
                    let limit = try CPULimit(on: stage, like: cgroup, quota: 20_000, period: 100_000)
                    let whole = try await stage.recordWhole(
                        "user-spin", options: ["--threads", "1"] + limit.options, in: cgroup, seconds: 3)
                    let container = try #require(whole.report.container(of: cgroup))
                    let suspects = try #require(container.suspects)
                    seen(whole.summary)
                    seen(
                        "throttled (\(limit.directory)): \(suspects.verdict); limit \((suspects.cpuLimit ?? 0).short) CPUs, in "
                            + "\((suspects.throttledShare ?? 0).percent) of periods")
                    var findings = Findings()
                    findings.expect("accounted", whole.accounted, near: 1, within: 0.03)
                    // The rest of the time is throttled, but for what else there is to wait for.
                    findings.expect("runnable", whole.preempted / whole.truth.wallNs, near: 0.8, within: 0.1)
                    findings.expect("limit", suspects.cpuLimit == 0.2, "\(suspects)")
                    findings.expect("periods", suspects.throttledShare ?? 0 >= 0.5, "\(suspects)")
                    findings.expect(
                        "verdict", suspects.verdict.contains("throttled") && suspects.verdict.contains("limit"),
                        suspects.verdict)
                    return findings
                }
            }
        }

        @Test("Threads that sleep before, all through and after the recording are accounted for what was seen of them")
        func asleepThroughout() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("asleep")
                // One reader that nobody ever writes to and one thread asleep for 100 s; the first thread works now and then.
                let program = try await stage.compile(
                    Self.sleepers, with: "cc", ["-O2", "-g", "-pthread"], to: "sleepers")
                let running = try stage.start(program, [cgroup.directory])
                try await running.says("asleep")
                let report = try await stage.record("--cgroup", cgroup.directory, "-d", "2")
                let container = try #require(report.container(of: cgroup))
                let waits = try #require(container.waitsNs)
                let asleep = try await stage.number(
                    """
                    SELECT total(s.weight) FROM samples s JOIN threads t ON t.id = s.thread JOIN processes p ON p.id = t.process
                    WHERE s.kind = 2 AND t.tid <> p.pid
                    """, of: report.file)
                let ratio = asleep / (2 * report.recording.durationNs)
                let places = try await stage.rows(
                    """
                    WITH RECURSIVE up (sample, node) AS (SELECT id, stack FROM samples WHERE kind = 2
                        UNION ALL SELECT sample, k.parent FROM up JOIN stacks k ON k.id = node WHERE k.parent IS NOT NULL)
                    SELECT DISTINCT n.name FROM up JOIN stacks k ON k.id = up.node JOIN frames f ON f.id = k.frame
                    JOIN functions n ON n.id = f.function WHERE n.name LIKE 'Sleeper%' ORDER BY n.name
                    """, of: report.file
                ).map { $0[0] }
                seen(
                    "asleep throughout: two threads for \((asleep / 1e9).short) s (\((ratio - 1).percent) off), by choice "
                        + "\((waits.byChoice / waits.blocked).percent); at \(places)")
                #expect(abs(ratio - 1) <= 0.03)
                #expect(waits.byChoice >= 0.99 * waits.blocked)
                #expect(places == ["Sleeper_nap", "Sleeper_read"])
            }
        }

        static let sleepers = """
            #include <fcntl.h>
            #include <pthread.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            static int ends[2];
            __attribute__((noinline)) static void Sleeper_read(void) {
                char byte;
                if (read(ends[0], &byte, 1) < 0) exit(1);
                __asm__ volatile("" ::: "memory");
            }
            __attribute__((noinline)) static void Sleeper_nap(void) {
                sleep(100);
                __asm__ volatile("" ::: "memory");
            }
            static void *read_on(void *nothing) { return Sleeper_read(), nothing; }
            static void *nap(void *nothing) { return Sleeper_nap(), nothing; }
            int main(int count, char **arguments) {
                char path[4096];
                snprintf(path, sizeof path, "%s/cgroup.procs", arguments[count - 1]);
                int procs = open(path, O_WRONLY);
                if (write(procs, "0", 1) != 1 || pipe(ends) != 0) return 1;
                pthread_t threads[2];
                pthread_create(&threads[0], NULL, read_on, NULL);
                pthread_create(&threads[1], NULL, nap, NULL);
                usleep(200000);
                fprintf(stderr, "asleep\\n");
                for (volatile unsigned long turn = 0;; turn++)
                    if (turn % 1000000 == 0) usleep(1000);
            }
            """
    }
}

/// A CPU limit for a workload: in v2 on its own cgroup, on a hybrid host in the v1 hierarchy that carries `cpu`, at the
/// same path.
struct CPULimit {
    /// Where the limit is set.
    let directory: String
    /// What the workload needs to be in it.
    let options: [String]

    init(on stage: Stage, like cgroup: TestCgroup, quota: Int, period: Int) throws {
        if let root = Self.firstVersionRoot() {
            let directory = root + "/" + cgroup.path
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            stage.atEnd {
                // rmdir(2) reads the path during the call only; what was in it may count for a moment.
                for _ in 0..<200 where unsafe rmdir(directory) != 0 && errno != ENOENT { usleep(10_000) }
                #expect(!FileManager.default.fileExists(atPath: directory), "\(directory) cannot be removed")
            }
            try "\(period)".write(toFile: directory + "/cpu.cfs_period_us", atomically: false, encoding: .utf8)
            try "\(quota)".write(toFile: directory + "/cpu.cfs_quota_us", atomically: false, encoding: .utf8)
            self.directory = directory
            options = ["--cgroup", directory]
        } else {
            let root = String(cgroup.directory.dropLast(cgroup.path.count + 1))
            try "+cpu".write(toFile: root + "/cgroup.subtree_control", atomically: false, encoding: .utf8)
            try "\(quota) \(period)".write(
                toFile: cgroup.directory + "/cpu.max", atomically: false, encoding: .utf8)
            directory = cgroup.directory
            options = []
        }
    }

    /// Where a v1 hierarchy with `cpu` is mounted. See proc_pid_mountinfo(5).
    private static func firstVersionRoot() -> String? {
        let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3, fields[dash + 1] == "cgroup" else {
                continue
            }
            if fields[dash + 3].split(separator: ",").contains("cpu") { return String(fields[4]) }
        }
        return nil
    }
}
