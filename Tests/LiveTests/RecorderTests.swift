import Analysis
import Foundation
import Glibc
import Host
import Parsing
import ProfileModel
import Recorder
import Recording
import Symbolication
import TestSupport
import Testing

extension Live {
    @Suite("Recorder")
    struct RecorderTests {
        /// The workload's files are our own: they are read here, so that one process is what is tested.
        private let helpers = RecorderHelpers(inThisProcess: .direct { Parser.answer($0, files: $1) })

        private func request(_ targets: [RecordRequest.Target], _ output: URL) -> RecordRequest {
            RecordRequest(targets: targets, duration: .seconds(1), output: output.path, toolVersion: "test")
        }

        /// The descriptors of this process that are perf events.
        private static func perfEventDescriptors() throws -> Int {
            let directory = "/proc/self/fd"
            return try FileManager.default.contentsOfDirectory(atPath: directory).count { name in
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\(name)")
                return target == "anon_inode:[perf_event]"
            }
        }

        @Test("Descriptors grow with CPUs, not with threads, and all are closed at the end")
        func descriptors() async throws {
            let cpus = Host().machine().onlineCPUs.count
            var counts: [Int] = []
            for threads in [1, 64] {
                try await withWorkload(["user-spin", "--threads", "\(threads)"], named: "threads") {
                    cgroup, _, directory in
                    let file = directory.appending(path: "threads.jostle")
                    var start: RecordStart?
                    var open = 0
                    let summary = try await Recorder.record(
                        request([.cgroup(cgroup.path)], file), helpers: helpers, announce: { start = $0 },
                        progress: { _ in open = max(open, (try? Self.perfEventDescriptors()) ?? 0) })
                    #expect(start?.openEvents == open)
                    #expect(try Self.perfEventDescriptors() == 0)
                    #expect(summary.samples > 20)
                    #expect(summary.endReason == .durationOver)
                    seen("\(threads) threads, \(cpus) CPUs: \(open) perf descriptors, \(summary.samples) samples")
                    counts.append(open)
                }
            }
            #expect(counts.count == 2 && counts[0] == counts[1])
            #expect(counts.allSatisfy { $0 > 0 && $0.isMultiple(of: cpus) })
        }

        @Test("A recording read back is the recording that was made")
        func readBack() async throws {
            try await withWorkload(["fadvise-storm"], named: "back") { cgroup, pid, directory in
                let file = directory.appending(path: "back.jostle")
                let summary = try await Recorder.record(
                    request([.cgroup(cgroup.path)], file), helpers: helpers, announce: { _ in }, progress: { _ in })
                let profile = try RecordingReader.read(path: file.path)
                #expect(profile.recording == RecordingInfo(finished: summary.info))
                #expect(profile.samples.kind.count { $0 == .onCPU } == Int(summary.samples))
                #expect(profile.containers.map(\.cgroup) == [cgroup.path])
                #expect(profile.processes.contains { $0.pid == pid })
                let report = KernelReport(profile, options: ReportOptions())
                #expect(report.containers.first?.syscalls.first?.name == "fadvise64")
            }
        }

        @Test("Progress is told some times a second, and naming after recording")
        func progress() async throws {
            try await withWorkload(["path-miss"], named: "progress") { _, pid, directory in
                var phases: [RecordProgress.Phase] = []
                var announced = 0
                _ = try await Recorder.record(
                    request([.process(pid)], directory.appending(path: "progress.jostle")), helpers: helpers,
                    announce: { _ in
                        announced += 1
                        #expect(phases.isEmpty)
                    }, progress: { phases.append($0.phase) })
                #expect(announced == 1)
                #expect(phases.first == .recording)
                #expect(phases.last == .naming)
                // No recording after naming.
                #expect(phases == phases.filter { $0 == .recording } + phases.filter { $0 == .naming })
            }
        }
    }
}

extension RecordingInfo {
    /// What a file says of a recording that came to its end.
    fileprivate init(finished info: RecordingInfo) {
        self = info
        finished = true
    }
}
