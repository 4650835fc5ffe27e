import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// How often system calls are made, and what one costs.
    @Suite("Calls", .enabled(if: Programs.arePresent("perf"), "linux-perf is missing"))
    struct CallTests {
        struct Case: CustomTestStringConvertible {
            var workload: String
            var options: [String] = []
            var calls: [String]
            var testDescription: String { workload }
        }

        @Test(
            "Calls are the program's own count, and perf stat's",
            arguments: [
                Case(workload: "fadvise-storm", options: ["--threads", "4"], calls: ["fadvise64", "write"]),
                Case(workload: "path-miss", options: ["--threads", "2"], calls: ["newfstatat"]),
                Case(workload: "fsync-loop", calls: ["fsync", "pwrite64"]),
            ])
        func calls(_ test: Case) async throws {
            try await Findings.confirmed(test.workload) {
                try await Stage.with { stage in
                    let cgroup = try stage.cgroup("calls")
                    let events = test.calls.map { "syscalls:sys_enter_\($0)" }.joined(separator: ",")
                    // Signals are blocked in the threads that start programs here.
                    let perf = try stage.start(
                        "/usr/bin/env",
                        [
                            "--default-signal=INT", "perf", "stat", "-a", "-I", "200", "-x", ",", "-e", events,
                            "--for-each-cgroup",
                            cgroup.path,
                        ])
                    // Its first interval is over: it counts.
                    try await perf.says(cgroup.path)
                    let whole = try await stage.recordWhole(
                        test.workload, options: test.options, in: cgroup, seconds: 4)
                    perf.signal(SIGINT)
                    try await perf.end()
                    let container = try #require(whole.report.container(of: cgroup))
                    var findings = Findings()
                    for name in test.calls {
                        let own = try #require(whole.truth.calls[name]).count
                        let theirs = Self.count(of: "syscalls:sys_enter_\(name)", in: perf.errors)
                        let row = try #require(container.syscalls.first { $0.name == name })
                        let ours = try #require(row.calls)
                        seen(
                            "\(test.workload): \(name) \(Int(ours)) calls (\(Int(row.callsPerSecond ?? 0)) a second), the "
                                + "program counts \(Int(own)) (\((ours / own - 1).percent) off), perf stat \(Int(theirs)) "
                                + "(\((ours / theirs - 1).percent) off)")
                        findings.expect("\(name), its own count", ours, near: own, within: 0.03)
                        findings.expect("\(name), perf stat", ours, near: theirs, within: 0.03)
                        findings.expect(
                            "\(name), a second", row.callsPerSecond ?? 0,
                            near: ours / (whole.report.recording.durationNs / 1e9), within: 0.001)
                    }
                    return findings
                }
            }
        }

        /// Sums up the intervals: lines of `TIME,COUNT,UNIT,EVENT,CGROUP,…`.
        private static func count(of event: String, in text: String) -> Double {
            text.split(separator: "\n").reduce(0) { sum, line in
                let fields = line.split(separator: ",", omittingEmptySubsequences: false)
                return fields.count > 4 && fields[3] == event ? sum + (Double(fields[1]) ?? 0) : sum
            }
        }

        @Test(
            "The latency of a call is that of the program's own clock, whether it sleeps or computes",
            arguments: [
                Case(workload: "fsync-loop", calls: ["fsync"]),
                Case(workload: "flock-wait", calls: ["flock"]),
                // Clearing 64 KiB: some microseconds of pure kernel work.
                Case(
                    workload: "mix", options: ["--threads", "2", "--user-percent", "10", "--syscall-percent", "80"],
                    calls: ["pread64"]),
            ])
        func latency(_ test: Case) async throws {
            try await Findings.confirmed(test.workload) {
                try await Stage.with { stage in
                    let cgroup = try stage.cgroup("latency")
                    let whole = try await stage.recordWhole(
                        test.workload, options: test.options, in: cgroup, seconds: 2.5)
                    let container = try #require(whole.report.container(of: cgroup))
                    var findings = Findings()
                    for name in test.calls {
                        let own = try #require(whole.truth.calls[name])
                        let row = try #require(container.syscalls.first { $0.name == name })
                        let latency = try #require(row.latencyPerCallNs)
                        let truth = own.latencyNs / own.count
                        seen(
                            "\(test.workload): latency of \(name) \((latency / 1e3).short) µs, by the program's own clock "
                                + "\((truth / 1e3).short) µs (\((latency / truth - 1).percent) off), CPU "
                                + "\(((row.cpuPerCallNs ?? 0) / 1e3).short) µs and wait \(((row.waitPerCallNs ?? 0) / 1e3).short) "
                                + "µs a call")
                        findings.expect(name, latency, near: truth, within: 0.1)
                    }
                    return findings
                }
            }
        }

        @Test(
            "Beyond 1,000,000 calls a second the recorder samples: counts stay right, records few, and the header says so"
        )
        func manyCalls() async throws {
            try await Findings.confirmed("many calls") {
                try await Stage.with { stage in
                    let cgroup = try stage.cgroup("many-calls")
                    let whole = try await stage.recordWhole("null-calls", in: cgroup, seconds: 5)
                    let container = try #require(whole.report.container(of: cgroup))
                    let row = try #require(container.syscalls.first { $0.name == "getppid" })
                    let own = try #require(whole.truth.calls["getppid"])
                    let rate = own.count / whole.truth.wallNs * 1e9
                    let note = whole.report.recording.notes.first { $0.contains("system calls were sampled") }
                    let cost = (whole.report.confidence.recorderCpuNs ?? 0) / whole.report.recording.durationNs
                    seen(whole.summary)
                    seen(
                        "\(Int(rate)) calls a second: getppid \(Int(row.calls ?? 0)) calls of \(Int(own.count)) "
                            + "(\(((row.calls ?? 0) / own.count - 1).percent) off), \(whole.report.confidence.lostRecords) lost, jostle "
                            + "used \(cost.percent) of a CPU")
                    seen("the header says: \(note ?? "nothing")")
                    var findings = Findings()
                    findings.expect("rate", rate >= 1_000_000, "only \(rate) calls a second")
                    findings.expect("calls", row.calls ?? 0, near: own.count, within: 0.03)
                    findings.expect("accounted", whole.accounted, near: 1, within: 0.03)
                    findings.expect("note", note != nil, "\(whole.report.recording.notes)")
                    return findings
                }
            }
        }
    }
}
