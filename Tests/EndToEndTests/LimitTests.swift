import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// What the kernel's settings, capabilities and limits take away, one by one: nothing goes without a word.
    @Suite("Limits")
    struct LimitTests {
        // MARK: Capabilities

        /// What a recording lacks without a capability.
        private enum Loss {
            case nothing
            case largeRings
            case names
            case kernelSymbols
        }

        /// All that record, or a process that it starts, could want. That root keeps everything without most of them is a
        /// result, too: another one stands in for them (PERFMON and CHECKPOINT_RESTORE for SYS_ADMIN, and it for them).
        private static let capabilities: [(name: String, loss: Loss)] = [
            ("sys_ptrace", .names), ("syslog", .kernelSymbols), ("ipc_lock", .largeRings),
            ("sys_admin", .nothing), ("perfmon", .nothing), ("checkpoint_restore", .nothing), ("bpf", .nothing),
            ("dac_override", .nothing), ("dac_read_search", .nothing), ("setuid", .nothing), ("setgid", .nothing),
            ("setpcap", .nothing), ("sys_chroot", .nothing), ("sys_resource", .nothing), ("sys_nice", .nothing),
            ("kill", .nothing), ("net_admin", .nothing),
        ]

        private static func without(_ capabilities: String) -> [String] {
            let dropped = capabilities.split(separator: "+").map { "-\($0)" }.joined(separator: ",")
            return ["--bounding-set=\(dropped)", "--inh-caps=\(dropped)"]
        }

        @Test(
            "Without one capability it records and says what is missing, or says what it needs",
            .enabled(if: Programs.arePresent("setpriv")))
        func capabilitiesOneByOne() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("capabilities")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                for (capability, loss) in Self.capabilities {
                    let file = stage.path("\(capability).jostle")
                    let outcome = try await stage.run(
                        "/usr/bin/setpriv",
                        Self.without(capability) + [
                            Programs.jostle, "record", "--quiet", "--cgroup", cgroup.path, "-F", "499", "-d", "0.5",
                            "-o", file,
                        ])
                    #expect(outcome.status == 0, "without \(capability): \(outcome.status) \(outcome.errors)")
                    if outcome.status == 0 { try await check(loss, without: capability, in: file, on: stage) }
                }
                // Two that stand in for each other.
                let file = stage.path("neither.jostle")
                let refused = try await stage.run(
                    "/usr/bin/setpriv",
                    Self.without("sys_admin+perfmon") + [
                        Programs.jostle, "record", "--quiet", "--cgroup", cgroup.path, "-d", "1", "-o", file,
                    ])
                #expect(refused.status == 77 && refused.errors.contains("no CAP_PERFMON"), "\(refused.errors)")
                #expect(!FileManager.default.fileExists(atPath: file))
            }
        }

        private func check(_ loss: Loss, without capability: String, in file: String, on stage: Stage) async throws {
            let report = try await stage.report(file)
            let confidence = report.confidence
            let skipped = try await stage.rows(
                "SELECT path, symbols_skipped FROM modules WHERE symbols_skipped IS NOT NULL", of: file)
            let symbols = try await stage.rows("SELECT value FROM recording WHERE key = 'kernel_symbols'", of: file)
            let calls = try await stage.number("SELECT total(calls) FROM syscall_counts", of: file)
            // What was sampled because there was so much of it is told each time.
            let notes = report.recording.notes.filter { !$0.contains("sampled") || $0.contains("rings") }
            seen(
                "without \(capability): \(confidence.samples) samples, complete "
                    + "\((confidence.completeStacksShare ?? 0).percent), kernel symbols \(symbols), \(skipped.count) files "
                    + "without names, notes \(notes)")
            let told = Comment(rawValue: "without \(capability): \(notes) \(confidence.warnings) \(skipped)")
            #expect(confidence.samples > 10 && calls > 0, told)
            #expect(symbols == [[loss == .kernelSymbols ? "hidden" : "visible"]], told)
            #expect(confidence.warnings.contains { $0.contains("kptr_restrict") } == (loss == .kernelSymbols), told)
            if loss == .names {
                #expect(!skipped.isEmpty && skipped.allSatisfy { $0[1] == "not permitted" }, told)
                #expect(confidence.completeStacksShare.map { $0 < 0.1 } == true, told)
                #expect(confidence.warnings.contains { $0.contains("do not surely reach") }, told)
            } else {
                #expect(skipped.isEmpty, told)
                #expect(confidence.completeStacksShare.map { $0 > 0.99 } == true, told)
            }
            let ringNotes = notes.filter { $0.contains("rings of") && $0.contains("CAP_IPC_LOCK") }
            #expect(ringNotes.count == (loss == .largeRings ? 1 : 0) && notes.count == ringNotes.count, told)
        }

        // MARK: Settings

        /// Sets a file below /proc/sys for the length of the test.
        private func set(_ name: String, to value: String, on stage: Stage) throws {
            let path = "/proc/sys/kernel/\(name)"
            let before = try String(contentsOfFile: path, encoding: .utf8)
            stage.atEnd { try Self.write(before, to: path) }
            try Self.write(value + "\n", to: path)
        }

        private static func write(_ text: String, to path: String) throws {
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.write(contentsOf: Data(text.utf8))
            try file.close()
        }

        @Test(
            "At each level of kernel.perf_event_paranoid nobody is told what is allowed: doctor and record agree",
            .enabled(if: Programs.arePresent("setpriv")))
        func paranoidLevels() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("paranoid")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let directory = stage.path("open")
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
                for (path, mode) in [(directory, 0o777), (stage.directory.path, 0o755)] {
                    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
                }
                // The build's own directory may be closed to others.
                let copy = stage.path("jostle")
                try FileManager.default.copyItem(atPath: Programs.jostle, toPath: copy)
                let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", copy]
                for level in -1...4 {
                    try set("perf_event_paranoid", to: "\(level)", on: stage)
                    let file = "\(directory)/\(level).jostle"
                    let doctor = try await stage.run("/usr/bin/setpriv", nobody + ["doctor", "--format", "json"])
                    let record = try await stage.run(
                        "/usr/bin/setpriv",
                        nobody + ["record", "--quiet", "--cgroup", cgroup.path, "-d", "1", "-o", file])
                    seen("paranoid \(level): doctor \(doctor.status), record \(record.status)")
                    // Above 0 events of whole CPUs, which those of a cgroup are, need CAP_PERFMON.
                    let code: Int32 = level > 0 ? 77 : 0
                    #expect(doctor.status == code && record.status == code, "\(level): \(record.errors)")
                    if level > 0 {
                        #expect(record.errors.contains("perf_event_paranoid is \(level)"), "\(record.errors)")
                        #expect(record.errors.contains("CAP_PERFMON") || record.errors.contains("cap_perfmon"))
                        #expect(!FileManager.default.fileExists(atPath: file))
                        continue
                    }
                    // The storm is root's: its memory and files are not to be seen.
                    let report = try await stage.report(file)
                    #expect(report.confidence.samples > 0)
                    #expect(report.confidence.completeStacksShare == 0)
                    #expect(report.confidence.warnings.contains { $0.contains("do not surely reach") })
                    #expect(report.recording.notes.contains { $0.contains("calls are not counted") })
                }
            }
        }

        @Test(
            "The limit on locked memory makes rings smaller, with a note; where it allows none: 77 with what to raise",
            .enabled(if: Programs.arePresent("setpriv")))
        func lockedMemory() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("mlock")
                _ = try await stage.workload("user-spin", in: cgroup, seconds: 60)
                func record(mlockKiB: Int, _ file: String) async throws -> Outcome {
                    try set("perf_event_mlock_kb", to: "\(mlockKiB)", on: stage)
                    // Of a user whom nobody else records as: what is locked is counted by user.
                    let kept = [
                        "perfmon", "sys_ptrace", "syslog", "dac_override", "checkpoint_restore", "setuid", "setgid",
                    ]
                    .map { "+\($0)" }.joined(separator: ",")
                    let words =
                        "exec setpriv --reuid=54321 --regid=54321 --clear-groups --inh-caps=\(kept) --ambient-caps=\(kept) "
                        + "'\(Programs.jostle)'"
                    return try await stage.run(
                        "/bin/bash",
                        ["-c", "ulimit -l 0; \(words) record --quiet --cgroup \(cgroup.path) -d 1 -o '\(file)'"])
                }
                let small = stage.path("small.jostle")
                let smaller = try await record(mlockKiB: 516, small)
                #expect(smaller.status == 0, "\(smaller.errors)")
                let notes = try await stage.report(small).recording.notes
                seen("516 KiB to lock: \(notes)")
                #expect(
                    notes.contains { $0.contains("rings of 512 KiB") && $0.contains("perf_event_mlock_kb") }, "\(notes)"
                )
                let none = stage.path("none.jostle")
                let refused = try await record(mlockKiB: 16, none)
                seen("16 KiB to lock: exit \(refused.status): \(refused.errors)")
                #expect(
                    refused.status == 77 && refused.errors.contains("perf_event_mlock_kb is 16"), "\(refused.errors)")
                #expect(!FileManager.default.fileExists(atPath: none))
            }
        }

        @Test("What the kernel throttles is counted: with what came and what was lost it is what was expected")
        func throttling() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("throttled")
                _ = try await stage.workload("user-spin", in: cgroup, seconds: 60, options: ["--threads", "2"])
                let file = stage.path("throttled.jostle")
                let recorder = try stage.startJostle(
                    "record", "--cgroup", cgroup.path, "-F", "4999", "--no-blocked", "--no-calls", "--no-locks", "-d",
                    "4",
                    "-o", file)
                try await recorder.says("1s")
                // Beneath what is being recorded, which the kernel then keeps to.
                try set("perf_event_max_sample_rate", to: "3000", on: stage)
                let outcome = try await recorder.end()
                #expect(outcome.status == 0, "\(outcome.errors)")
                let report = try await stage.report(file)
                let seconds = try await stage.number(
                    "SELECT (cgroup_user_ns + cgroup_system_ns) / 1e9 FROM containers", of: file)
                let throttled = (report.confidence.throttledNs ?? 0) / 1e9 * 4999
                let got = Double(report.confidence.samples + report.confidence.lostSamples) + throttled
                seen(
                    "throttled: \(report.confidence.samples) delivered + \(report.confidence.lostSamples) lost + "
                        + "\(Int(throttled)) throttled of \(Int(seconds * 4999)) expected: "
                        + "\((got / seconds / 4999 - 1).percent) off")
                #expect(throttled > 5000)
                #expect(got / seconds / 4999 >= 0.97)
                // Whatever else ran within the tick that ends an interval is in it: a fifth of it on a busy machine.
                let hadCPUs = seconds > 0.9 * 2 * report.recording.durationNs / 1e9
                #expect(got / seconds / 4999 <= (hadCPUs ? 1.05 : 1.08))
                #expect(report.confidence.warnings.contains { $0.contains("held sampling back") })
            }
        }

        // MARK: Descriptors

        @Test("With few descriptors it says so and ends with 74, or records and says what is missing")
        func fewDescriptors() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("few")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                func record(limit: Int, _ file: String, _ options: [String] = []) async throws -> Outcome {
                    let words = ([Programs.jostle, "record", "--quiet", "-o", file] + options).map { "'\($0)'" }
                    return try await stage.run(
                        "/bin/bash", ["-c", "ulimit -n \(limit); exec \(words.joined(separator: " "))"])
                }
                // With 5 the Swift runtime itself would break.
                for limit in [5, 8, 31] {
                    let file = stage.path("few\(limit).jostle")
                    let outcome = try await record(limit: limit, file, ["--cgroup", cgroup.path, "-d", "1"])
                    #expect(outcome.status == 74, "\(limit): \(outcome.errors)")
                    #expect(outcome.errors.contains("the limit is \(limit)"), "\(outcome.errors)")
                    #expect(!FileManager.default.fileExists(atPath: file))
                }
                // Enough for one cgroup.
                let file = stage.path("enough.jostle")
                let outcome = try await record(limit: 64, file, ["--cgroup", cgroup.path, "-d", "1"])
                #expect(outcome.status == 0, "\(outcome.errors)")
                let report = try await stage.report(file)
                let skipped = try await stage.rows(
                    "SELECT path, symbols_skipped FROM modules WHERE symbols_skipped IS NOT NULL", of: file)
                seen(
                    "64 descriptors: \(report.confidence.samples) samples, complete "
                        + "\((report.confidence.completeStacksShare ?? 0).percent), without names \(skipped)")
                #expect(skipped.isEmpty)
                #expect(report.confidence.completeStacksShare.map { $0 > 0.99 } == true)
                // Up to 16 targets each take some for each CPU.
                let many = try (0..<12).map { try stage.cgroup("few\($0)").path }
                let refused = try await record(
                    limit: 40, stage.path("many.jostle"), many.flatMap { ["--cgroup", $0] } + ["-d", "1"])
                seen("40 descriptors for 12 cgroups: exit \(refused.status): \(refused.errors)")
                #expect(refused.status == 74 && refused.errors.contains("ulimit -n"), "\(refused.errors)")
            }
        }
    }
}
