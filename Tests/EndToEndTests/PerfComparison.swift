import Foundation
import TestSupport
import Testing

/// What jostle and perf say of the same cgroups in the same seconds, as compare_with_perf.py writes it, and, of one cgroup,
/// compare_call_sites.py.
struct PerfComparison: Decodable {
    struct Line: Decodable, CustomStringConvertible {
        /// nil where there is but one.
        var cgroup: String?
        var what: String
        var jostle: Report.Share
        var perf: Report.Share?
        var cpuStat: Double?
        var agree: Bool

        var description: String {
            var text = "\(what): jostle \(Self.shown(jostle))"
            if let perf { text += ", perf \(Self.shown(perf))" }
            if let cpuStat { text += ", cpu.stat \(cpuStat.percent)" }
            return text + (agree ? "" : " DIFFERS")
        }

        private static func shown(_ share: Report.Share) -> String {
            "\(share.value.percent) [\(share.low.percent), \(share.high.percent)]"
        }
    }
    var comparisons: [Line]

    /// What differs, of which cgroup.
    var differences: Set<String> {
        Set(comparisons.filter { !$0.agree }.map { line in line.what + (line.cgroup.map { " of " + $0 } ?? "") })
    }

    init(writtenTo path: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(Self.self, from: Data(contentsOf: URL(filePath: path)))
    }

    /// By chance two of some dozen pairs of intervals miss each other once: what differs must do so again, in fresh recordings.
    static func confirm(_ what: String, _ first: Set<String>, again: () async throws -> Set<String>) async throws {
        if first.isEmpty { return }
        seen("\(what): differs once: \(first.sorted().joined(separator: ", ")); again:")
        let both = first.intersection(try await again())
        #expect(both.isEmpty, "\(what): differ twice: \(both.sorted())")
    }

    private static func oracle(_ name: String) -> String { Programs.oracles + "/" + name }

    /// Records with both, perf from before to after; only what falls into jostle's seconds counts.
    ///
    /// - Parameters:
    ///   - cgroups: below the root of the hierarchy that carries perf_event.
    ///   - targets: how `jostle record` is told of them.
    ///   - points: how far the kernel share may be from the cgroup's own count, in percentage points; nil to leave that
    ///     out.
    static func make(
        on stage: Stage, of cgroups: [String], targets: [String], seconds: Double, frequency: Int,
        withinPointsOfCPUStat points: Double? = nil
    ) async throws -> (comparison: PerfComparison, recording: String) {
        let theirs = stage.path("\(UUID().uuidString).perf.json")
        let recording = stage.path("\(UUID().uuidString).jostle")
        let perf = try stage.start(
            oracle("perf_oracle.py"),
            cgroups.flatMap { ["--cgroup", $0] } + [
                // Another frequency: timers that go in step would fire right behind each other all the time, and the second
                // see what the first one's interrupt left.
                "--seconds", "\(seconds + 2)", "--frequency", "\(frequency - frequency / 40)", "--during", recording,
                "-o", theirs,
            ])
        try await Task.sleep(for: .milliseconds(700))
        let recorded = try await stage.run(
            Programs.jostle,
            ["record", "--quiet", "-d", "\(seconds)", "-F", "\(frequency)", "-o", recording] + targets)
        try #require(recorded.status == 0, "jostle record: \(recorded.errors)")
        let json = try await stage.jostle("report", recording, "--format", "json")
        let ours = recording + ".json"
        try json.output.write(toFile: ours, atomically: true, encoding: .utf8)
        let oracle = try await perf.end()
        try #require(oracle.status == 0, "perf_oracle.py: \(oracle.errors)")
        let compared = recording + ".compared"
        let outcome = try await stage.run(
            Self.oracle("compare_with_perf.py"),
            [ours, theirs, "-o", compared] + (points.map { ["--cpu-stat-points", "\($0)"] } ?? []))
        try #require(
            outcome.status == 0 || outcome.status == 1, "compare_with_perf.py: \(outcome.errors)\(outcome.output)")
        let comparison = try Self(writtenTo: compared)
        #expect(comparison.comparisons.count >= 2, "neither perf nor cpu.stat was compared with")
        return (comparison, recording)
    }
}
