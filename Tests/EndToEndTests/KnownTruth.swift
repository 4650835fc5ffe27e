import Foundation
import Glibc
import TestSupport
import Testing

/// What a workload says of itself when it has ended: its own counts and its own clock.
struct Truth: Decodable {
    struct Calls: Decodable {
        var count: Double
        /// Of CLOCK_MONOTONIC, from before each call to behind it.
        var latencyNs: Double
    }
    var workload: String
    var threads: Double
    /// From the start of the first worker to the end of the last one.
    var wallNs: Double
    var userNs: Double
    var systemNs: Double
    var voluntarySwitches: Double
    var involuntarySwitches: Double
    var calls: [String: Calls]

    init(json: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(Self.self, from: Data(json.utf8))
    }
}

/// A workload that began and ended while it was recorded: what it counted is what there was to see.
struct Whole {
    var report: Report
    var truth: Truth
    /// Nanoseconds of its worker threads by kind of sample, from the recording's rows.
    var onCPU: Double
    var blocked: Double
    var preempted: Double

    /// How the workers' time is accounted for, of their number times the wall time.
    var accounted: Double { (onCPU + blocked + preempted) / (truth.threads * truth.wallNs) }

    var summary: String {
        let wall = truth.wallNs
        return "\(truth.workload): \(truth.threads.short) workers for \((wall / 1e9).short) s: on a CPU "
            + "\((onCPU / wall).short), blocked \((blocked / wall).short), runnable \((preempted / wall).short), in all "
            + "\((accounted * truth.threads).short) threads (\((accounted - 1).percent) off)"
    }
}

extension Stage {
    /// Runs a workload to its end while it is recorded.
    ///
    /// - Parameters:
    ///   - beside: what else is to run meanwhile; started when the recorder records, before the workload begins.
    func recordWhole(
        _ name: String, options: [String] = [], in cgroup: TestCgroup, seconds: Double, recording: [String] = [],
        beside: () async throws -> Void = {}, afterwards: () async throws -> Void = {}
    ) async throws -> Whole {
        let file = path("\(UUID().uuidString).jostle")
        let recorder = try start(
            Programs.jostle, ["record", "--cgroup", cgroup.directory, "-F", "499", "-o", file] + recording)
        // The first line of progress: the events count.
        try await recorder.says(" samples · ")
        try await beside()
        let program = try await workload(name, in: cgroup, seconds: seconds, options: options)
        let ended = try await program.end(within: .seconds(seconds + 60))
        try #require(ended.status == 0, "\(name): \(ended.errors)")
        try await afterwards()
        recorder.signal(SIGTERM)
        let recorded = try await recorder.end()
        try #require(recorded.status == 0, "jostle record: \(recorded.errors)")
        // Of the program only the workers: its first thread waits for them.
        let sums = try await rows(
            """
            SELECT s.kind, total(s.weight) FROM samples s JOIN threads t ON t.id = s.thread
            JOIN processes p ON p.id = t.process WHERE p.pid = \(program.pid) AND t.tid <> p.pid GROUP BY s.kind
            """, of: file)
        func sum(_ kind: String) -> Double { sums.first { $0[0] == kind }.flatMap { Double($0[1]) } ?? 0 }
        return Whole(
            report: try await report(file), truth: try Truth(json: ended.output), onCPU: sum("1"), blocked: sum("2"),
            preempted: sum("3"))
    }
}

/// What must hold of measured figures, each under a name: what does not must show itself again in a second, fresh
/// measurement to count. Chance does that once in some thousand times, and a real error always.
struct Findings {
    private(set) var wrong: [String: String] = [:]

    /// - Parameter words: what was measured; told where it does not hold.
    mutating func expect(_ name: String, _ holds: Bool, _ words: @autoclosure () -> String) {
        if !holds { wrong[name] = words() }
    }

    /// Whether `measured` lies within `tolerance` (a share) of `truth`.
    mutating func expect(_ name: String, _ measured: Double, near truth: Double, within tolerance: Double) {
        expect(
            name, truth > 0 && abs(measured / truth - 1) <= tolerance, "\(measured) where \(truth) was expected")
    }

    static func confirmed(_ what: String, _ measure: () async throws -> Findings) async throws {
        let first = try await measure().wrong
        if first.isEmpty { return }
        seen("\(what): once not as expected: \(first); again:")
        let again = try await measure().wrong
        for name in first.keys.sorted() where again[name] != nil {
            Issue.record("\(what): \(name): \(first[name] ?? ""), and again \(again[name] ?? "")")
        }
    }
}
