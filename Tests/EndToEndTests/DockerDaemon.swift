import Foundation
import Glibc
import Testing

/// A docker daemon of a test's own, in the stage's directory.
struct DockerDaemon {
    private let stage: Stage
    /// As DOCKER_HOST has it.
    let socket: String

    /// Starts one and waits until it answers; it ends with the stage.
    init(on stage: Stage, _ options: String...) async throws {
        self.stage = stage
        let home = stage.path("docker")
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: false)
        socket = "unix://\(home)/socket"
        let cgroup = "jostle-test-\(getpid())-docker"
        let daemon = try stage.start(
            "/usr/bin/env",
            [
                "dockerd", "--bridge=none", "--iptables=false", "--data-root", home + "/data", "--exec-root",
                home + "/exec",
                "-H", socket, "--pidfile", home + "/pid", "--cgroup-parent", "/" + cgroup,
            ] + options)
        let ownSocket = socket
        stage.atEndWhileProgramsRun {
            for container in (try? await Self.containers(ownSocket, on: stage)) ?? [] {
                _ = try? await stage.run("/usr/bin/env", ["docker", "-H", ownSocket, "rm", "-f", container])
            }
            // It ends its own containerd.
            daemon.signal(SIGTERM)
            _ = try? await daemon.end(within: .seconds(60))
            // Docker leaves the parent of its containers' cgroups behind, in every hierarchy.
            let root = "/sys/fs/cgroup"
            for hierarchy in [root]
                + ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).map({ "\(root)/\($0)" })
            {
                // rmdir(2) reads the path during the call only.
                _ = unsafe rmdir("\(hierarchy)/\(cgroup)")
            }
        }
        for _ in 0..<200 {
            if try await run("version").status == 0 { return }
            try #require(daemon.isRunning, "dockerd: \(daemon.errors)")
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("dockerd does not answer: \(daemon.errors)")
    }

    private static func containers(_ socket: String, on stage: Stage) async throws -> [String] {
        try await stage.run("/usr/bin/env", ["docker", "-H", socket, "ps", "-aq"]).output.split(separator: "\n").map(
            String.init)
    }

    func run(_ arguments: String...) async throws -> Outcome {
        try await stage.run("/usr/bin/env", ["docker", "-H", socket] + arguments)
    }

    /// Makes an image of a directory, without a registry.
    ///
    /// - Parameter changes: instructions of a Dockerfile.
    func importImage(_ directory: String, as name: String, changes: [String] = []) async throws {
        let options = changes.map { "--change '\($0)' " }.joined()
        let outcome = try await stage.run(
            "/bin/sh", ["-c", "tar -C '\(directory)' -c . | docker -H '\(socket)' import \(options)- \(name)"])
        try #require(outcome.status == 0, "docker import: \(outcome.errors)")
    }

    /// Makes an image of the workloads: `/workload`, and nothing else.
    func importWorkloads(as name: String) async throws {
        let root = stage.path("workloads")
        try await stage.compileWorkloads(to: root + "/workload")
        try await importImage(root, as: name)
    }

    /// Starts a container.
    ///
    /// - Parameters:
    ///   - environment: variables as `NAME=VALUE`.
    ///   - options: of `docker run`, such as mounts.
    /// - Returns: its id and its cgroup, below the root of the hierarchy that carries perf_event.
    func start(
        _ image: String, name: String, environment: [String] = [], options: [String] = [], _ command: String...
    ) async throws -> (id: String, cgroup: String) {
        let all = environment.flatMap { ["-e", $0] } + options
        let outcome = try await stage.run(
            "/usr/bin/env",
            ["docker", "-H", socket, "run", "-d", "--network", "none", "--name", name] + all + [image] + command)
        try #require(outcome.status == 0, "docker run: \(outcome.errors)")
        let id = outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let pid = try await run("inspect", "-f", "{{.State.Pid}}", name).output.trimmingCharacters(
            in: .whitespacesAndNewlines)
        let lines = try String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8).split(separator: "\n")
        let line = try #require(lines.first { $0.contains("perf_event") } ?? lines.first { $0.hasPrefix("0::") })
        return (id, String(line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)[2].dropFirst()))
    }
}
