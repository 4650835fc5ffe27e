import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// A program that others wrote and everybody knows: each of its tests gets a report that says the true thing.
    @Suite("sysbench", .enabled(if: Programs.arePresent("sysbench"), "sysbench is missing"))
    struct SysbenchTests {
        private struct Run {
            var container: Report.Container
            var output: String
            var duration: Double

            func call(_ name: String) throws -> Report.Syscall {
                try #require(container.syscalls.first { $0.name == name }, "no \(name)")
            }
            var kernelShare: Double { container.kernelShare?.value ?? 0 }
            var waits: Report.Waits {
                get throws { try #require(container.waitsNs) }
            }
            /// Threads that wait for the kernel, on average.
            var contended: Double { (container.contendedWaitNs ?? 0) / duration }

            /// A figure of sysbench's own report, such as `reads/s:`.
            func figure(_ name: String) throws -> Double {
                let line = try #require(
                    output.split(separator: "\n").first { $0.contains(name) }, "no \(name): \(output)")
                let words = line.split { $0 == " " || $0 == "s" }.compactMap { Double($0) }
                return try #require(words.first, "no number: \(line)")
            }
        }

        private func run(_ arguments: String..., on stage: Stage) async throws -> Run {
            let file = stage.path("sysbench.jostle")
            let command = ["sysbench"] + arguments + ["--time=2", "run"]
            let recorded = try await stage.run(
                Programs.jostle, ["record", "--quiet", "-F", "499", "-o", file, "--"] + command,
                directory: stage.directory.path)
            try #require(recorded.status == 0, "\(command): \(recorded.errors)\(recorded.output)")
            let report = try await stage.report(file)
            let run = Run(
                container: try #require(report.containers.first), output: recorded.output,
                duration: report.recording.durationNs)
            let waits = try run.waits
            seen(
                "sysbench \(arguments[0]): kernel \(run.kernelShare.percent), contended \(run.contended.short) threads, disk "
                    + "\((waits.diskIo / run.duration).short), by choice \((waits.byChoice / run.duration).short), preempted "
                    + "\((waits.preempted / run.duration).short); "
                    + run.container.syscalls.filter { $0.kind == "syscall" }.prefix(4).map {
                        "\($0.name) \(Int($0.calls ?? 0)) calls"
                    }.joined(separator: ", "))
            return run
        }

        @Test("cpu: the time is the program's own, and nothing contends", arguments: ["cpu", "memory"])
        func ownTime(_ test: String) async throws {
            try await Findings.confirmed("sysbench \(test)") {
                try await Stage.with { stage in
                    let run = try await run(test, "--threads=2", on: stage)
                    var findings = Findings()
                    findings.expect("kernel share", run.kernelShare < 0.05, "\(run.kernelShare)")
                    findings.expect("contention", run.contended < 0.01, "\(run.contended)")
                    return findings
                }
            }
        }

        @Test("fileio: it waits for the disk in fsync, and calls as often as it says itself")
        func fileio() async throws {
            try await Findings.confirmed("sysbench fileio") {
                try await Stage.with { stage in
                    let files = ["--file-total-size=32M", "--file-num=8", "--file-test-mode=rndrw"]
                    let prepared = try await stage.run(
                        "/usr/bin/sysbench", ["fileio"] + files + ["prepare"], directory: stage.directory.path)
                    try #require(prepared.status == 0, "\(prepared.output)")
                    let run = try await run("fileio", files[0], files[1], files[2], "--threads=2", on: stage)
                    let waits = try run.waits
                    let fsync = try run.call("fsync")
                    var findings = Findings()
                    findings.expect(
                        "fsync waits for the disk", (fsync.waitsNs?.diskIo ?? 0) >= 0.8 * (fsync.waitsNs?.blocked ?? 0),
                        "\(fsync.waitsNs as Any)")
                    findings.expect("disk", (fsync.waitsNs?.diskIo ?? 0) >= 0.5 * waits.diskIo, "\(waits)")
                    // Its own figures are rates of its own time; the ratios of the calls are the same.
                    let (reads, writes) = (try run.figure("reads/s:"), try run.figure("writes/s:"))
                    let ratio = try (#require(run.call("pread64").calls)) / (#require(run.call("pwrite64").calls))
                    seen(
                        "sysbench fileio: \((ratio).short) pread64 for each pwrite64, by its own report "
                            + "\((reads / writes).short)")
                    findings.expect("reads to writes", ratio, near: reads / writes, within: 0.1)
                    return findings
                }
            }
        }

        @Test("threads: it yields and waits by choice, and the kernel's locks are not to blame")
        func threads() async throws {
            try await Findings.confirmed("sysbench threads") {
                try await Stage.with { stage in
                    let run = try await run(
                        "threads", "--threads=8", "--thread-yields=10", "--thread-locks=2", on: stage)
                    let waits = try run.waits
                    var findings = Findings()
                    let yields = try run.call("sched_yield").calls ?? 0
                    let events = try run.figure("total number of events:")
                    // Equal within 1 % where the machine does nothing else; up to 22 % were missing on a loaded one.
                    seen("sysbench threads: \(Int(yields)) calls of sched_yield, \(Int(events)) events of 10 yields")
                    findings.expect("yields", yields >= 1000, "\(yields)")
                    findings.expect(
                        "contention", waits.contended <= 0.05 * (waits.blocked + waits.preempted), "\(waits)")
                    return findings
                }
            }
        }

        @Test("mutex: a lock of the program's own is waited for by choice, in futex")
        func mutex() async throws {
            try await Findings.confirmed("sysbench mutex") {
                try await Stage.with { stage in
                    let run = try await run(
                        "mutex", "--threads=8", "--mutex-num=1", "--mutex-locks=1000000", "--mutex-loops=100", on: stage
                    )
                    let waits = try run.waits
                    let futex = try run.call("futex")
                    var findings = Findings()
                    findings.expect("contention", waits.contended <= 0.05 * waits.blocked, "\(waits)")
                    // "Other" are waits whose place no sample saw: it is over in a second, and begins with a burst.
                    findings.expect("choice", waits.byChoice >= 0.9 * (waits.blocked - waits.other), "\(waits)")
                    findings.expect(
                        "futex", (futex.waitsNs?.byChoice ?? 0) >= 0.5 * waits.byChoice, "\(futex.waitsNs as Any)")
                    return findings
                }
            }
        }
    }
}
