import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite(
        "jostle in a container",
        .enabled(if: Programs.arePresent("dockerd", "docker", "cc", "tar", "ldd", "runc"), "docker is missing"))
    struct InContainerTests {
        /// runc, for a root that lacks CAP_SYS_RESOURCE (bit 24) itself and so cannot give it to a privileged container.
        private static let runtime = """
            #!/bin/sh
            bounding=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
            if [ $((0x$bounding >> 24 & 1)) = 0 ]; then
                for argument; do
                    [ "$previous" != --bundle ] ||
                        sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$argument/config.json"
                    previous=$argument
                done
            fi
            exec runc "$@"
            """

        @Test("The README's docker line, as it stands there, profiles a sibling")
        func sibling() async throws {
            try await Stage.with { stage in
                let runtime = stage.path("runtime")
                try Self.runtime.write(toFile: runtime, atomically: true, encoding: .utf8)
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: runtime)
                let docker = try await DockerDaemon(
                    on: stage, "--add-runtime", "here=\(runtime)", "--default-runtime", "here")
                try await docker.importWorkloads(as: "shop/work:1")
                try await Self.importJostle(on: stage, with: docker)
                let shop = try await docker.start(
                    "shop/work:1", name: "shop", "/workload", "path-miss", "--seconds", "300", "--directory", "/")

                let lines = try Self.readme()
                // Half a minute is for people.
                let script = "shopt -s expand_aliases\n" + lines.replacing("-d 30", with: "-d 3")
                try #require(script.contains("--privileged --pid host --cgroupns host"))
                let file = stage.path("session")
                try script.write(toFile: file, atomically: true, encoding: .utf8)
                try FileManager.default.createDirectory(atPath: stage.path("out"), withIntermediateDirectories: false)
                let outcome = try await stage.run(
                    "/usr/bin/env", ["bash", file], environment: ["DOCKER_HOST": docker.socket],
                    directory: stage.path("out"), within: .seconds(120))
                try #require(outcome.status == 0, "\(outcome.errors)")
                // `jostle targets` and then `jostle report`.
                let row = try #require(outcome.output.split(separator: "\n").first { $0.contains(" shop ") })
                // Names share the width that is left: beside a busy cgroup of the machine the image is cut, and says so.
                let images = ["shop/work:1", "shop/work:…", "shop/work…", "shop/wor…", "shop/wo…"]
                #expect(row.contains("docker") && images.contains { row.contains($0) }, "\(outcome.output)")
                #expect(outcome.output.contains("shop · docker \(shop.id.prefix(12)) · image shop/work:1"))
                let report = try await stage.report(stage.path("out/slow.jostle"))
                let container = try #require(report.containers.first)
                #expect(report.containers.count == 1 && container.name == "shop" && container.id == shop.id)
                #expect(container.samples > 50)
                #expect(container.syscallNames.contains("newfstatat"))
                #expect(try await stage.functions(like: "File\\_exists%", of: report.file).count == 1)
                seen(
                    "in a privileged container, by the README's line: \(container.samples) samples of its sibling "
                        + "\(container.name), image \(container.image ?? "?"), kernel "
                        + "\((container.kernelShare?.value ?? 0).percent), first \(container.syscalls.first?.name ?? "?")"
                )
            }
        }

        /// From the alias to the blank line behind the commands.
        private static func readme() throws -> String {
            let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let text = try String(contentsOf: package.appending(path: "README.md"), encoding: .utf8)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let start = try #require(lines.firstIndex { $0.contains("alias jostle='docker run") })
            return lines[start...].prefix { !$0.isEmpty }.map { $0.drop { $0 == " " } }.joined(separator: "\n") + "\n"
        }

        /// An image of jostle with the libraries that it needs here, and nothing else.
        private static func importJostle(on stage: Stage, with docker: DockerDaemon) async throws {
            let root = stage.path("image")
            let libraries = try await stage.run("/usr/bin/env", ["ldd", Programs.jostle]).output
                .split { $0.isWhitespace }.filter { $0.hasPrefix("/") }.map(String.init)
            try #require(!libraries.isEmpty)
            let copies = libraries.map { ($0, $0) } + [(Programs.jostle, "/usr/local/bin/jostle")]
            for (path, target) in copies where !FileManager.default.fileExists(atPath: root + target) {
                let copy = URL(filePath: root + target)
                try FileManager.default.createDirectory(
                    at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
                try FileManager.default.copyItem(at: URL(filePath: path).resolvingSymlinksInPath(), to: copy)
            }
            try FileManager.default.createDirectory(atPath: root + "/tmp", withIntermediateDirectories: true)
            try await docker.importImage(
                root, as: "jostle", changes: ["ENTRYPOINT [\"jostle\"]", "ENV PATH=/usr/local/bin"])
            try FileManager.default.removeItem(atPath: root)
        }
    }
}
