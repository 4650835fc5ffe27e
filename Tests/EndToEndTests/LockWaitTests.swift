import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Against perf, which follows each contended lock from its beginning to its end by two tracepoints.
    @Suite("Lock waits", .enabled(if: Programs.arePresent("perf", "mkfifo"), "linux-perf is missing"))
    struct LockWaitTests {
        /// SQL: nanoseconds of a cgroup's samples, asleep, pushed off the CPU and on it, whose stacks lead through a lock's
        /// slow path.
        private static func timeInSlowPaths(of cgroup: String) -> String {
            """
            WITH RECURSIVE inside (id) AS (
                SELECT s.id FROM stacks s JOIN frames f ON f.id = s.frame JOIN functions n ON n.id = f.function
                WHERE n.name GLOB '__mutex_lock*' OR n.name GLOB 'rwsem_down_*' OR n.name GLOB '*_lock_slowpath'
                UNION SELECT s.id FROM stacks s JOIN inside ON s.parent = inside.id)
            SELECT total(x.weight) FROM samples x JOIN inside ON inside.id = x.stack
            JOIN containers c ON c.id = x.container WHERE x.kind < 4 AND c.cgroup = '\(cgroup)'
            """
        }

        @Test("Waits on kernel locks are those of perf lock contention, in each of two cgroups, and so is their place")
        func agreesWithPerfLock() async throws {
            try await Findings.confirmed("lock waits") {
                try await Stage.with { stage in
                    let cgroups = [try stage.cgroup("locks-a"), try stage.cgroup("locks-b")]
                    let perf = try await PerfLock(on: stage)
                    let file = stage.path("locks.jostle")
                    let recorder = try stage.startJostle(
                        "record", "--cgroup", cgroups[0].directory, "--cgroup", cgroups[1].directory, "-F", "499",
                        "--no-calls", "-o", file)
                    try await recorder.says(" samples · ")
                    var programs: [RunningProgram] = []
                    for cgroup in cgroups {
                        programs.append(
                            try await stage.workload(
                                "fadvise-storm", in: cgroup, seconds: 4, options: ["--threads", "2"]))
                    }
                    var truths: [Truth] = []
                    for program in programs { truths.append(try Truth(json: try await program.end().output)) }
                    recorder.signal(SIGTERM)
                    try #require(try await recorder.end().status == 0)
                    let theirs = try await perf.waits()
                    let report = try await stage.report(file)

                    var findings = Findings()
                    for (cgroup, truth) in zip(cgroups, truths) {
                        let container = try #require(report.container(of: cgroup))
                        let threads = try await stage.rows(
                            """
                            SELECT DISTINCT t.tid FROM threads t JOIN samples s ON s.thread = t.id
                            JOIN containers c ON c.id = s.container WHERE c.cgroup = '/\(cgroup.path)'
                            """, of: file
                        ).compactMap { Int32($0[0]) }
                        let perfs = threads.reduce(0) { $0 + (theirs[$1] ?? 0) }
                        let waits = try #require(container.waitsNs)
                        let byLock = (report.locks ?? []).flatMap(\.waiters).filter { $0.container == container.name }
                            .reduce(0) { $0 + $1.waitNs }
                        // Perf's wait is from the lock's slow path's beginning to its end: mostly asleep, but also on a CPU,
                        // spinning or switching, or pushed off it.
                        let byStack = try await stage.number(
                            Self.timeInSlowPaths(of: "/\(cgroup.path)"), of: file)
                        let fadvise = try #require(container.syscalls.first { $0.name == "fadvise64" })
                        let asleep = (fadvise.waitsNs?.kernelLock ?? 0) / (truth.threads * truth.wallNs)
                        seen(
                            "\(cgroup.path): by lock \((byLock / 1e9).short) s, by stack \((byStack / 1e9).short) s, "
                                + "\((waits.kernelLock / 1e9).short) s of it asleep; by perf lock contention "
                                + "\((perfs / 1e9).short) s (\((byLock / perfs - 1).percent) and "
                                + "\((byStack / perfs - 1).percent) off); the mutex in fadvise64 is \(asleep.percent) of the "
                                + "threads' time, hottest \(fadvise.hottestKernelFunction ?? "?")")
                        findings.expect("\(cgroup.path) waits by lock", byLock, near: perfs, within: 0.1)
                        findings.expect("\(cgroup.path) waits by stack", byStack, near: perfs, within: 0.1)
                        findings.expect(
                            "\(cgroup.path) place", fadvise.hottestKernelFunction == "__lru_add_drain_all",
                            fadvise.hottestKernelFunction ?? "nil")
                        findings.expect(
                            "\(cgroup.path) call", (fadvise.waitsNs?.kernelLock ?? 0) >= 0.5 * waits.kernelLock,
                            "\(fadvise.waitsNs as Any)")
                    }
                    return findings
                }
            }
        }
    }
}

/// `perf lock record` from now on, until its waits are asked for.
private struct PerfLock {
    private let stage: Stage
    private let file: String
    private let recorder: RunningProgram

    init(on stage: Stage) async throws {
        self.stage = stage
        file = stage.path("perf-lock.data")
        let (control, answer) = (stage.path("perf-control"), stage.path("perf-answer"))
        try await stage.need("/usr/bin/mkfifo", control, answer)
        // Signals are blocked in the threads that start programs here.
        recorder = try stage.start(
            "/usr/bin/env",
            [
                "--default-signal=INT", "perf", "lock", "record", "-a", "-m", "4096", "--control",
                "fifo:\(control),\(answer)", "-o", file,
            ])
        // It answers from the loop that begins when its events count.
        let asked = try await stage.run(
            "/bin/sh", ["-c", "echo ping > '\(control)' && read -r answer < '\(answer)' && echo \"$answer\""],
            within: .seconds(20))
        try #require(asked.output.contains("ack"), "perf lock record: \(recorder.errors)")
    }

    /// Nanoseconds that each thread spent waiting for locks, by perf's own sums.
    func waits() async throws -> [Int32: Double] {
        recorder.signal(SIGINT)
        try await recorder.end()
        let outcome = try await stage.run("/usr/bin/perf", ["lock", "contention", "-t", "-E", "100000", "-i", file])
        try #require(outcome.status == 0, "perf lock contention: \(outcome.errors)")
        // CONTENDED TOTAL UNIT MAX UNIT AVERAGE UNIT PID COMM
        let units = ["ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9]
        var waits: [Int32: Double] = [:]
        for line in (outcome.output + outcome.errors).split(separator: "\n") {
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count >= 8, Int(fields[0]) != nil, let total = Double(fields[1]), let unit = units[fields[2]],
                let pid = Int32(fields[7])
            else { continue }
            waits[pid, default: 0] += total * unit
        }
        try #require(!waits.isEmpty, "perf lock contention says nothing: \(outcome.output)\(outcome.errors)")
        return waits
    }
}
