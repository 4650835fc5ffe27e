import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Workloads whose truth is known, and what the catalogue says of them: a word where there is something to say, and
    /// silence where there is not.
    @Suite(
        "Known answers",
        .enabled(
            if: Programs.arePresent("stress-ng", "sysbench", "python3"), "stress-ng, sysbench or python3 is missing"))
    struct KnownAnswersTests {
        struct Case {
            var name: String
            var command: [String]
            /// The pattern that must be found; nil for silence.
            var expected: String?
            /// What is true of it as well, on some machines or kernels.
            var allowed: Set<String> = []
        }

        private static func cases(on stage: Stage) -> [Case] {
            func own(_ name: String, expected: String? = nil, allowed: Set<String> = [], _ options: String...) -> Case {
                Case(
                    name: ([name] + options).joined(separator: " "),
                    command: [Programs.workload, name, "--seconds", "60", "--directory", stage.directory.path]
                        + options,
                    expected: expected, allowed: allowed)
            }
            func stress(_ stressor: String, expected: String? = nil, allowed: Set<String> = []) -> Case {
                Case(
                    name: "stress-ng --\(stressor)",
                    command: [
                        "/usr/bin/env", "stress-ng", "--\(stressor)", "2", "--timeout", "60", "--temp-path",
                        stage.directory.path, "-q",
                    ], expected: expected, allowed: allowed)
            }
            func sysbench(_ test: String, expected: String? = nil, _ options: String...) -> Case {
                Case(
                    name: "sysbench \(test)",
                    command: ["/usr/bin/env", "sysbench", test, "--threads=2", "--time=60"] + options + ["run"],
                    expected: expected)
            }
            let smaps = "while True: open('/proc/self/smaps').read()"
            // Where two threads take turns all is switches, and the one lock between them: true where its slow path shows.
            let turns: Set<String> = ["psi-accounting", "futex-hash-bucket", "pipe-thundering-herd"]
            // Memory comes from lists that all CPUs share, and goes back there: spinning for them is true wherever it shows.
            let memory: Set<String> = [
                "zone-lock-contention", "lru-lock-contention", "slab-list-lock", "memcg-charge-counter",
                "percpu-alloc-mutex", "tlb-shootdown-ipi", "page-fault-mmap-lock", "thp-direct-compaction",
            ]
            // One directory, whose name counts its users, and files of one file system.
            let names: Set<String> = [
                "dcache-hash-chain-negative-dentries", "dentry-refcount-lockref", "directory-inode-rwsem",
                "inode-hash-lock", "fsnotify-child-flags", "inode-rwsem-io", "block-queue-wait",
                "fadvise-dontneed-page-teardown", "dirty-throttling",
            ]
            let processes: Set<String> = ["tasklist-lock-fork-exit", "mmap-lock-write-contention", "vmap-area-lock"]
            return [
                own(
                    "fadvise-storm", expected: "fadvise-dontneed-lru-drain",
                    allowed: memory.union(names)),
                own("mmap-churn", expected: "mmap-lock-write-contention", allowed: memory),
                stress("inotify", expected: "inotify-teardown-srcu", allowed: memory.union(names)),
                stress(
                    "membarrier", expected: "membarrier-registration-grace-period",
                    allowed: ["membarrier-expedited-ipi"]),
                sysbench("threads", expected: "sched-yield-spin"),
                Case(
                    name: "reads of smaps", command: ["/usr/bin/env", "python3", "-c", smaps],
                    expected: "proc-smaps-mmap-lock"),
                own("user-spin"),
                sysbench("cpu"),
                sysbench("memory", "--memory-total-size=1000T"),
                own("mix", "--threads", "2"),
                own("path-miss", allowed: names.union(memory), "--threads", "2"),
                own("pipe-ping-pong", allowed: turns),
                own("futex-ping-pong", allowed: turns),
                own("fault-storm", allowed: memory),
                own("fork-exec", allowed: memory.union(names).union(processes)),
                own("flock-wait"),
                stress("getrandom"),
            ]
        }

        @Test("Each workload gets its finding or its silence; the whole is told as a confusion table")
        func table() async throws {
            try await Stage.with { stage in
                let cases = Self.cases(on: stage)
                var rows: [(name: String, expected: String, found: [String], isRight: Bool)] = []
                for test in cases {
                    var wrong = try await Self.ask(test, on: stage)
                    // Two seconds of a machine that does other things as well may show too little: a fault shows again.
                    if !wrong.isRight { wrong = try await Self.ask(test, on: stage) }
                    rows.append((test.name, test.expected ?? "(silence)", wrong.found, wrong.isRight))
                }
                for row in rows {
                    let found = row.found.isEmpty ? "(silence)" : row.found.joined(separator: ", ")
                    seen("\(row.isRight ? "right" : "WRONG")  \(row.name): expected \(row.expected), found \(found)")
                }
                let speaking = zip(cases, rows).filter { $0.0.expected != nil }
                let silent = zip(cases, rows).filter { $0.0.expected == nil }
                let hits = speaking.filter { $0.1.found.contains($0.0.expected ?? "") }.count
                let quiet = silent.filter { $0.1.found.isEmpty }.count
                let rightly = silent.filter { $0.1.isRight }.count - quiet
                seen(
                    "confusion table: of \(speaking.count) with a pattern \(hits) found and \(speaking.count - hits) missed; "
                        + "of \(silent.count) without one \(quiet) silent, \(rightly) with what is true of them at times, "
                        + "and \(silent.count - quiet - rightly) falsely accused")
                #expect(rows.count >= 12)
                for row in rows { #expect(row.isRight, "\(row.name): expected \(row.expected), found \(row.found)") }
            }
        }

        private static func ask(_ test: Case, on stage: Stage) async throws -> (found: [String], isRight: Bool) {
            let report = try await stage.record(["-F", "997", "-d", "2", "--"] + test.command)
            let found = (report.findings ?? []).map(\.pattern)
            let isRight =
                test.expected.map(found.contains) ?? true
                && Set(found).subtracting(test.allowed).subtracting([test.expected ?? ""]).isEmpty
            return (found, isRight)
        }
    }
}
