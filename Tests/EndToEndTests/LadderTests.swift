import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// What a recording does without where a machine forbids something, and what it says of that.
    @Suite("The ladder")
    struct LadderTests {
        /// Stands before perf_event_open(2) like a kernel that forbids some of it: no machine of ours does by itself.
        private static let refusal = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <errno.h>
            #include <linux/perf_event.h>
            #include <stdarg.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/syscall.h>
            long syscall(long number, ...) {
                va_list list;
                long a[6];
                va_start(list, number);
                for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
                va_end(list);
                const char *part = getenv("REFUSED");
                if (number == SYS_perf_event_open && part) {
                    const struct perf_event_attr *attr = (const void *)a[0];
                    int isTracepoint = attr->type == PERF_TYPE_TRACEPOINT;
                    int isSwitch = attr->type == PERF_TYPE_SOFTWARE && attr->config == PERF_COUNT_SW_CONTEXT_SWITCHES;
                    if ((strstr(part, "kernel") && !attr->exclude_kernel) || (strstr(part, "tracepoints") && isTracepoint)
                        || (strstr(part, "switches") && isSwitch)) {
                        errno = EACCES;
                        return -1;
                    }
                }
                long (*real)(long, ...) = dlsym(RTLD_NEXT, "syscall");
                return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
            }
            """

        @Test(
            "Each step is said in the header, with the cause that doctor knows, and what is not measured is not there",
            .enabled(if: Programs.arePresent("cc")),
            arguments: [
                ("kernel", ["kernel's half is not recorded"]), ("tracepoints", ["system calls are not counted"]),
                ("tracepoints,switches", ["system calls are not counted", "time off the CPU is not recorded"]),
            ])
        func step(refused: String, said: [String]) async throws {
            try await Stage.with { stage in
                let library = try await stage.compile(
                    Self.refusal, with: "cc", ["-O2", "-shared", "-fPIC", "-ldl"], to: "refusal.so")
                let cgroup = try stage.cgroup("ladder")
                // Time in user code for the one that sees no other.
                _ = try await stage.workload(
                    refused == "kernel" ? "user-spin" : "fadvise-storm", in: cgroup, seconds: 60)
                let file = stage.path("ladder.jostle")
                let environment = ["LD_PRELOAD": library, "REFUSED": refused]
                let recorded = try await stage.run(
                    Programs.jostle, ["record", "--cgroup", cgroup.path, "-d", "1", "-F", "499", "-o", file],
                    environment: environment)
                try #require(recorded.status == 0, "\(recorded.errors)")
                let report = try await stage.report(file)
                let text = try await stage.run(Programs.jostle, ["report", file], environment: ["COLUMNS": "1000"])
                let doctor = try await stage.run(
                    Programs.jostle, ["doctor", "--format", "json"], environment: environment)
                for sentence in said {
                    let note = try #require(
                        report.recording.notes.first { $0.contains(sentence) }, "\(report.recording.notes)")
                    #expect(text.output.contains("note: " + note) && recorded.errors.contains(note))
                    // The cause, in doctor's own words.
                    let cause = try #require(note.split(separator: ": ", maxSplits: 2).last).split(separator: " (")[0]
                    #expect(doctor.output.contains(cause), "\(note)")
                    seen("without \(refused): \(note)")
                }
                let container = try #require(report.containers.first)
                #expect(container.samples > 20)
                if refused == "kernel" {
                    #expect(container.kernelShare == nil && container.syscalls.isEmpty)
                    #expect(!report.confidence.warnings.contains { $0.contains("own count says") })
                    #expect(text.output.contains("the kernel's half was not sampled"))
                } else {
                    #expect(container.kernelShare.map { $0.value > 0.3 } == true)
                    #expect(container.syscallNames.contains("fadvise64"))
                }
                let rows = try await stage.rows(
                    "SELECT 'calls', count(*) FROM syscall_counts UNION SELECT 'waits', count(*) FROM samples WHERE kind > 1",
                    of: file)
                let counts = Dictionary(rows.map { ($0[0], Int($0[1]) ?? -1) }, uniquingKeysWith: { $1 })
                #expect(counts["calls"] == 0)
                #expect(((counts["waits"] ?? 0) > 0) == (refused == "tracepoints"))
            }
        }

        @Test("perf_event in a v1 hierarchy that is not mounted is named as the cause, with the line that mounts it")
        func outOfSight() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("plain")
                _ = try await stage.workload("user-spin", in: cgroup, seconds: 60)
                let directory = stage.path("perf_event")
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
                try #require(
                    try FirstVersionTests.controller().hierarchy == 0, "perf_event is in a v1 hierarchy already")
                try await stage.need("/usr/bin/mount", "-t", "cgroup", "-o", "perf_event", "none", directory)
                stage.atEnd {
                    // It lives on as long as it has cgroups: it takes a mount to remove them.
                    let inner = directory + "/keeps"
                    if !FileManager.default.fileExists(atPath: inner) {
                        try FirstVersionTests.run(
                            "/usr/bin/mount", "-t", "cgroup", "-o", "perf_event", "none", directory)
                    }
                    // rmdir(2) reads the path during the call only.
                    _ = unsafe rmdir(inner)
                    for _ in 0..<200 where try FirstVersionTests.controller().cgroups > 1 { usleep(20_000) }
                    try FirstVersionTests.run("/usr/bin/umount", directory)
                    for _ in 0..<200 where try FirstVersionTests.controller().hierarchy != 0 { usleep(20_000) }
                    #expect(try FirstVersionTests.controller().hierarchy == 0, "v2 did not get perf_event back")
                }
                try FileManager.default.createDirectory(
                    atPath: directory + "/keeps", withIntermediateDirectories: false)
                try await stage.need("/usr/bin/umount", directory)
                for target in [["--cgroup", cgroup.path], ["--container", "api"], ["--all-containers"]] {
                    let outcome = try await stage.run(
                        Programs.jostle, ["record", "-d", "1", "-o", stage.path("x.jostle")] + target)
                    #expect(outcome.status == 69, "\(target): \(outcome.errors)")
                    #expect(outcome.errors.contains("not mounted here"), "\(outcome.errors)")
                    #expect(outcome.errors.contains("mount -t cgroup -o perf_event none"), "\(outcome.errors)")
                    #expect(outcome.errors.split(separator: "\n").count <= 3)
                    if target[0] == "--cgroup" { seen("v1 out of sight: \(outcome.errors)") }
                }
                #expect(try await stage.jostle("targets").status == 69)
                let doctor = try await stage.jostle("doctor")
                #expect(doctor.output.contains("mount -t cgroup -o perf_event none"), "\(doctor.output)")
            }
        }

        @Test("Rings that keep to a small budget, as on many CPUs, say so, and what they hold is whole")
        func smallRings() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("rings")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let cpus = ProcessInfo.processInfo.activeProcessorCount
                for mebibytes in [256, 2 * cpus] {
                    let report = try await stage.record(
                        "--cgroup", cgroup.path, "-d", "3", "--ring-memory", "\(mebibytes)")
                    let container = try #require(report.container(of: cgroup))
                    let waits = try await stage.number(
                        "SELECT count(*) FROM samples WHERE kind > 1", of: report.file)
                    let note = report.recording.notes.first { $0.contains("rings of") }
                    seen(
                        "rings of \(mebibytes / cpus) MiB: \(container.samples) samples, \(Int(waits)) waits, "
                            + "\(report.confidence.lostRecords) records and \(report.confidence.lostSamples) samples lost; "
                            + (note ?? "no note"))
                    #expect((note == nil) == (mebibytes == 256))
                    #expect(container.samples > 0 && waits > 0)
                    #expect(container.syscallNames.contains("fadvise64"))
                    let odd = try await stage.number(
                        "SELECT value FROM recording WHERE key = 'undecodable_records'", of: report.file)
                    #expect(odd == 0)
                }
            }
        }

        @Test("A service is named by the last part of its path, and by it alone where that is ambiguous")
        func service() async throws {
            try await Stage.with { stage in
                let name = "jostle-test-\(getpid()).service"
                let slice = try stage.cgroup("slice")
                let service = try stage.cgroup(name, in: slice)
                _ = try await stage.workload("user-spin", in: service, seconds: 60)
                let report = try await stage.record("--cgroup", name, "-d", "1")
                let container = try #require(report.container(of: service))
                #expect(report.containers.count == 1 && container.name == name && container.samples > 20)
                #expect(container.runtime == "systemd")
                seen("--cgroup \(name): \(container.samples) samples of \(container.cgroup ?? "?")")
                let other = try stage.cgroup("other")
                _ = try stage.cgroup(name, in: other)
                let ambiguous = try await stage.jostle("record", "--cgroup", name, "-d", "1")
                #expect(ambiguous.status == 66 && ambiguous.errors.contains(slice.path), "\(ambiguous.errors)")
            }
        }
    }
}
