import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Pods")
    struct PodTests {
        @Test(
            "A pod that `podman play kube` made is named by its name; a container that starts in it meanwhile is taken",
            .enabled(
                if: Programs.arePresent("podman", "runc", "cc", "tar", "busybox"), "podman or a compiler is missing"))
        func podman() async throws {
            try await Stage.with { stage in
                let podman = try await Podman(on: stage)
                let manifest = """
                    apiVersion: v1
                    kind: Pod
                    metadata:
                      name: \(podman.pod)
                    spec:
                      hostNetwork: true
                      containers:
                      - name: api
                        image: localhost/work:1
                        imagePullPolicy: Never
                        command: ["/workload", "path-miss", "--seconds", "300", "--directory", "/"]
                      - name: logger
                        image: localhost/work:1
                        imagePullPolicy: Never
                        command: ["/workload", "pipe-ping-pong", "--seconds", "300"]
                    """
                let file = stage.path("pod.yaml")
                try manifest.write(toFile: file, atomically: true, encoding: .utf8)
                try await podman.need("play", "kube", file)

                let recording = stage.path("pod.jostle")
                let recorder = try stage.startJostle("record", "--pod", "default/\(podman.pod)", "-o", recording)
                try await recorder.says("2s")
                try await podman.need(
                    "run", "-d", "--pod", podman.pod, "--name", podman.pod + "-late", "localhost/work:1", "user-spin",
                    "--seconds", "300")
                try await Task.sleep(for: .seconds(4))
                recorder.signal(SIGINT)
                let outcome = try await recorder.end()
                try #require(outcome.status == 0, "\(outcome.errors)")
                let report = try await stage.report(recording)
                let names = ["api", "late", "logger"].map { "\(podman.pod)-\($0)" }
                #expect(report.containers.map(\.name).sorted() == names)
                for container in report.containers {
                    #expect(container.runtime == "podman" && container.pod == podman.pod)
                    #expect(container.image == "localhost/work:1" && container.samples > 4, "\(container)")
                }
                let calls = Dictionary(report.containers.map { ($0.name, $0.syscallNames) }, uniquingKeysWith: { $1 })
                #expect(calls[names[0]]?.contains("newfstatat") == true && calls[names[0]]?.contains("write") == false)
                #expect(calls[names[2]]?.contains("write") == true && calls[names[2]]?.contains("newfstatat") == false)
                seen(
                    "podman play kube, --pod default/\(podman.pod): "
                        + report.containers.map { "\($0.name) \($0.samples) samples" }.joined(separator: ", "))
            }
        }

        /// podman with a storage of its own, in the stage's directory.
        private struct Podman {
            let stage: Stage
            let pod = "jostle-test-\(getpid())"
            private let environment: [String: String]
            private let options: [String]

            init(on stage: Stage) async throws {
                self.stage = stage
                let configuration = stage.path("containers.conf")
                // Without a network, and with limits that a root without CAP_SYS_RESOURCE can set.
                try """
                [engine]
                infra_image = "localhost/pause:1"
                runtime = "runc"
                cgroup_manager = "cgroupfs"
                [containers]
                default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
                """.write(toFile: configuration, atomically: true, encoding: .utf8)
                environment = ["CONTAINERS_CONF": configuration]
                options = ["--root", stage.path("store"), "--runroot", stage.path("run"), "--storage-driver", "vfs"]
                let (podman, name) = (self, pod)
                stage.atEndWhileProgramsRun {
                    let listed = try? await podman.run("pod", "inspect", "-f", "{{.Id}}", name)
                    _ = try? await podman.run("pod", "rm", "-f", "-t", "0", name)
                    let id = listed?.output.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
                    removeCgroups(id.isEmpty ? [] : ["libpod_parent/\(id)", "libpod_parent"])
                }
                let root = stage.path("rootfs")
                try await stage.compileWorkloads(to: root + "/workload")
                try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: root + "/busybox")
                for (image, entry) in [("work", "/workload"), ("pause", "/busybox\", \"sleep\", \"600")] {
                    try await stage.need(
                        "/bin/sh", "-c",
                        "tar -C '\(root)' -c . | CONTAINERS_CONF='\(configuration)' podman "
                            + "\(options.joined(separator: " ")) import --change 'ENTRYPOINT [\"\(entry)\"]' - "
                            + "localhost/\(image):1")
                }
            }

            func run(_ arguments: String...) async throws -> Outcome {
                try await stage.run("/usr/bin/env", ["podman"] + options + arguments, environment: environment)
            }

            /// For commands that start containers, whose monitors stay.
            func need(_ arguments: String...) async throws {
                let words = ["podman"] + options + arguments
                try await stage.runLeaving(
                    "export CONTAINERS_CONF='\(environment["CONTAINERS_CONF"] ?? "")'\nexec "
                        + words.map { "'\($0)'" }.joined(separator: " "))
            }
        }

        @Test(
            "--pod NAMESPACE/NAME finds what a kubelet with containerd leaves: cgroups by UID, names in the OCI bundles",
            .enabled(if: Programs.arePresent("runc", "cc", "python3", "busybox"), "runc or a compiler is missing"))
        func kubernetes() async throws {
            try await Stage.with { stage in
                let parent = "jostle-test-\(getpid())-kubelet"
                let state = "/run/\(parent)"
                let uid = "0a1b2c3d-0000-1111-2222-\(String(format: "%012d", getpid()))"
                let pod = "\(parent)/kubepods/burstable/pod\(uid)"
                let ids = ["sandbox": "a0", "api": "a1", "logger": "a2"].mapValues {
                    $0 + String(repeating: "0", count: 62)
                }
                stage.atEndWhileProgramsRun {
                    for id in ids.values {
                        _ = try? await stage.run(
                            "/usr/bin/env", ["runc", "--root", stage.path("runc"), "delete", "-f", id])
                    }
                    // runc gives up on a cgroup whose processes take a moment to go.
                    removeCgroups(
                        ids.values.map { "\(pod)/\($0)" } + [
                            pod, "\(parent)/kubepods/burstable", "\(parent)/kubepods", parent,
                        ])
                    try? FileManager.default.removeItem(atPath: state)
                }
                let workloads = ["api": "path-miss", "logger": "pipe-ping-pong"]
                let workload = stage.path("workload")
                try await stage.compileWorkloads(to: workload)
                for (name, id) in ids.sorted(by: { $0.value < $1.value }) {
                    let bundle = "\(state)/io.containerd.runtime.v2.task/k8s.io/\(id)"
                    try FileManager.default.createDirectory(
                        atPath: bundle + "/rootfs", withIntermediateDirectories: true)
                    try FileManager.default.copyItem(atPath: workload, toPath: bundle + "/rootfs/workload")
                    try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: bundle + "/rootfs/busybox")
                    let made = try await stage.run(
                        "/usr/bin/env",
                        [
                            "python3", "-c", Self.bundleMaker, bundle, "/\(pod)/\(id)", name,
                            workloads[name] ?? "", uid,
                        ])
                    try #require(made.status == 0, "\(made.errors)")
                    let run = try await stage.run(
                        "/usr/bin/env",
                        ["runc", "--root", stage.path("runc"), "run", "-d", "--bundle", bundle, id])
                    try #require(run.status == 0, "runc: \(run.errors)")
                }
                let report = try await stage.record("--pod", "shop/web-\(getpid())", "-d", "3")
                #expect(report.containers.map(\.name).sorted() == ["api", "logger"])
                for container in report.containers {
                    #expect(container.namespace == "shop" && container.pod == "web-\(getpid())")
                    #expect(container.runtime == "containerd" && container.image == "registry.example/shop/work:1")
                    #expect(container.id == ids[container.name] && container.samples > 20)
                }
                let listed = try await stage.jostle("targets", "--format", "json")
                #expect(listed.output.contains("\"web-\(getpid())\""))
                seen(
                    "a kubelet's pod, --pod shop/web-\(getpid()): "
                        + report.containers.map { "\($0.name) \($0.samples) samples" }.joined(separator: ", "))
                let wrong = try await stage.jostle("record", "--pod", "shop/nowhere", "-d", "1")
                #expect(wrong.status == 66 && wrong.errors.contains("shop/web-\(getpid())"), "\(wrong.errors)")
            }
        }

        /// Writes a bundle as containerd does: runc's own specification, the cgroup, and the annotations.
        private static let bundleMaker = """
            import json, os, subprocess, sys
            bundle, cgroup, name, arguments, uid = sys.argv[1:]
            subprocess.run(["runc", "spec"], cwd=bundle, check=True)
            path = os.path.join(bundle, "config.json")
            with open(path) as file:
                config = json.load(file)
            config["process"]["terminal"] = False
            config["process"]["args"] = (
                ["/workload"] + arguments.split() + ["--seconds", "300", "--directory", "/"]
                if arguments else ["/busybox", "sleep", "300"])
            config["root"]["readonly"] = False
            config["linux"]["cgroupsPath"] = cgroup
            note = "io.kubernetes.cri."
            config["annotations"] = {
                note + "container-type": "sandbox" if name == "sandbox" else "container",
                note + "sandbox-namespace": "shop", note + "sandbox-name": "web-" + str(int(uid[-12:])),
                note + "sandbox-uid": uid}
            if name != "sandbox":
                config["annotations"][note + "container-name"] = name
                config["annotations"][note + "image-name"] = "registry.example/shop/work:1"
            with open(path, "w") as file:
                json.dump(config, file)
            """
    }
}

/// Removes cgroups from every hierarchy, in this order; those that are not empty stay.
func removeCgroups(_ paths: [String]) {
    let root = "/sys/fs/cgroup"
    let hierarchies =
        [root] + ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).map { "\(root)/\($0)" }
    for hierarchy in hierarchies {
        for path in paths {
            // rmdir(2) reads the path during the call only.
            for _ in 0..<100 where unsafe rmdir("\(hierarchy)/\(path)") != 0 && errno == EBUSY { usleep(10_000) }
        }
    }
}
