import Foundation
import Glibc
import Host
import ProfileModel
import TestSupport
import Testing

/// The rooms at the kernel's edge, on this machine's kernel. One test at a time: they measure.
@Suite("Live", .serialized, .machineToItself, .enabled(if: geteuid() == 0, "sampling other processes needs root"))
enum Live {}

/// A cgroup with a workload in it, and a directory; all of it is gone afterwards.
func withWorkload(
    _ arguments: [String], named name: String, _ body: (Cgroup, ProcessID, URL) async throws -> Void
) async throws {
    let host = Host()
    let cgroup = try host.createCgroup(named: "jostle-live-\(getpid())-\(name)")
    let directory = URL(filePath: "/var/tmp").appending(path: "jostle-live-\(UUID().uuidString.prefix(8))")
    let workload = Process()
    var failure: (any Error)?
    do {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        let told = ProcessInfo.processInfo.environment["JOSTLE_WORKLOAD"]
        // Where the package is built, the workload lies beside the test bundle.
        let beside = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        workload.executableURL = told.map { URL(filePath: $0) } ?? beside.appending(path: "workload")
        workload.arguments =
            arguments
            + [
                "--seconds", "60", "--cgroup", cgroup.directory, "--directory", directory.path,
                "--ready", directory.appending(path: "ready").path,
            ]
        workload.standardOutput = FileHandle.nullDevice
        try workload.run()
        while !FileManager.default.fileExists(atPath: directory.appending(path: "ready").path) {
            try #require(workload.isRunning, "the workload does not start")
            try await Task.sleep(for: .milliseconds(5))
        }
        try await body(cgroup, ProcessID(workload.processIdentifier), directory)
    } catch {
        failure = error
    }
    if workload.isRunning { kill(workload.processIdentifier, SIGKILL) }
    while workload.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    try host.removeCgroup(cgroup)
    try FileManager.default.removeItem(at: directory)
    if let failure { throw failure }
}
