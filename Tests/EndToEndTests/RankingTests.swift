import TestSupport
import Testing

extension EndToEnd {
    @Suite("Ranking")
    struct RankingTests {
        @Test("Of a storm in two cgroups that share no file, posix_fadvise comes first in both")
        func fadviseComesFirst() async throws {
            try await Stage.with { stage in
                let cgroups = [try stage.cgroup("api"), try stage.cgroup("logger")]
                for cgroup in cgroups { _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60) }
                let report = try await stage.record(
                    "--cgroup", cgroups[0].directory, "--cgroup", cgroups[1].directory, "-d", "4")
                #expect(report.recording.finished)
                #expect(report.containers.count == 2)
                for cgroup in cgroups {
                    let container = try #require(report.container(of: cgroup))
                    let first = try #require(container.syscalls.first)
                    seen(
                        "\(cgroup.path): \(container.samples) samples, kernel share "
                            + "\((container.kernelShare?.value ?? 0).percent) (cpu.stat "
                            + "\((container.cgroupKernelShare ?? 0).percent)), first \(first.libcName ?? first.name) "
                            + "\((first.share?.value ?? 0).percent) of the kernel time, called from "
                            + "\(first.callSites?.first?.function ?? "?")")
                    #expect(first.name == "fadvise64")
                    #expect(first.libcName == "posix_fadvise")
                    // What the storm does besides: it writes each line, and empties the file once per MiB.
                    #expect(container.syscallNames.isSuperset(of: ["fadvise64", "write"]))
                }
            }
        }

        @Test("A system call's call site is the function of the program that made it")
        func callSiteIsTheProgramsOwn() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("site")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let report = try await stage.record("--cgroup", cgroup.path, "-d", "2")
                let container = try #require(report.container(of: cgroup))
                let first = try #require(container.syscalls.first { $0.name == "fadvise64" })
                let site = try #require(first.callSites?.first)
                seen("call site of fadvise64: \(site.function ?? "?") \(site.file ?? "?"):\(site.line ?? 0)")
                // `LogFile_flush` calls posix_fadvise in fadvise_storm.c.
                #expect(site.function == "LogFile_flush")
                #expect(site.file?.hasSuffix("fadvise_storm.c") == true)
            }
        }
    }
}
