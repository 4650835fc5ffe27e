import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Real containers of a real docker, with files that the host does not have.
    @Suite(
        "Containers",
        .enabled(if: Programs.arePresent("dockerd", "docker", "cc", "tar"), "docker or a compiler is missing"))
    struct ContainersTests {
        /// Spins in user code, reads, and calls libc: functions of its own, at lines that are in view.
        static let service = """
            #include <fcntl.h>
            #include <stdlib.h>
            #include <string.h>
            #include <time.h>
            #include <unistd.h>
            static volatile unsigned sink;
            static char block[1 << 16], other[1 << 16];
            __attribute__((noinline)) static void Service_read(int file) {
                if (pread(file, block, sizeof block, 0) != sizeof block) exit(1); // READ
                __asm__ volatile("" ::: "memory");
            }
            __attribute__((noinline)) static void Service_copy(void) {
                for (int i = 0; i < 20; i++) {
                    memmove(other, block, sizeof block);
                    sink += (unsigned)other[i];
                }
                __asm__ volatile("" ::: "memory");
            }
            __attribute__((noinline)) static void Service_spin(void) {
                for (int i = 0; i < 60000; i++) sink += i; // SPIN
            }
            int main(int count, char **arguments) {
                int file = open("/dev/zero", O_RDONLY);
                time_t end = time(NULL) + atoi(arguments[1]);
                while (time(NULL) < end) {
                    Service_read(file);
                    Service_copy();
                    Service_spin();
                }
            }
            """

        /// A root directory with the service, a libc of its own and nothing else, which is not on the host any more when
        /// the image is made.
        private static func image(on stage: Stage, with docker: DockerDaemon) async throws {
            let root = stage.path("rootfs")
            for directory in ["/srv/app", "/opt/own/lib"] {
                try FileManager.default.createDirectory(atPath: root + directory, withIntermediateDirectories: true)
            }
            // The dynamic linker and libc as files of the image's own, at paths that the host does not have.
            let program = try await stage.compile(
                service, with: "cc",
                [
                    "-O2", "-g", "-fomit-frame-pointer", "-Wl,--dynamic-linker=/opt/own/lib/ld.so",
                    "-Wl,-rpath,/opt/own/lib",
                ],
                to: "service")
            let loader = try await stage.run("/usr/bin/env", ["cc", "-print-file-name=ld-linux-x86-64.so.2"]).output
            let libc = try await stage.run("/usr/bin/env", ["cc", "-print-file-name=libc.so.6"]).output
            for (path, name) in [(loader, "ld.so"), (libc, "libc.so.6")] {
                let file = URL(filePath: path.trimmingCharacters(in: .whitespacesAndNewlines)).resolvingSymlinksInPath()
                try FileManager.default.copyItem(atPath: file.path, toPath: root + "/opt/own/lib/" + name)
            }
            try FileManager.default.moveItem(atPath: program, toPath: root + "/srv/app/service")
            try await docker.importImage(root, as: "jostle-test")
            try FileManager.default.removeItem(atPath: root)
            #expect(!FileManager.default.fileExists(atPath: "/srv/app/service"))
            #expect(!FileManager.default.fileExists(atPath: "/opt/own/lib/libc.so.6"))
        }

        /// On-CPU samples, and those of them whose innermost frame has no name.
        private static func unknownTopFrames(_ file: String, on stage: Stage) async throws -> (
            unknown: Double, all: Double
        ) {
            let row = try await stage.rows(
                """
                SELECT total(f.function IS NULL), count(*) FROM samples s LEFT JOIN stacks k ON k.id = s.stack
                LEFT JOIN frames f ON f.id = k.frame WHERE s.kind = 1
                """, of: file)
            let numbers = try #require(row.first).compactMap(Double.init)
            return (numbers[0], numbers[1])
        }

        @Test("Functions and lines are the container's own, of files that the host does not have")
        func ownFiles() async throws {
            try await Stage.with { stage in
                let docker = try await DockerDaemon(on: stage)
                try await Self.image(on: stage, with: docker)
                let container = try await docker.start("jostle-test", name: "own", "/srv/app/service", "60")
                let report = try await stage.record("--cgroup", container.cgroup, "-d", "4", "-F", "999", "--no-calls")
                let unknown = try await Self.unknownTopFrames(report.file, on: stage)
                let share = try #require(report.confidence.completeStacksShare)
                let through = try await stage.share(through: ["main"], of: report.file)
                let site = report.containers.first?.syscalls.first { $0.name == "pread64" }?.callSites?.first
                seen(
                    "container: \(report.confidence.samples) samples, \(share.percent) of stacks complete, "
                        + "\((through.reached / max(1, through.all)).percent) lead through main, "
                        + "\(Int(unknown.unknown)) of \(Int(unknown.all)) top frames unknown; pread64 is called from "
                        + "\(site?.function ?? "?") \(site?.file ?? "?"):\(site?.line ?? 0)")
                #expect(report.confidence.samples >= 500)
                #expect(share >= 0.99)
                #expect(through.reached >= 0.99 * through.all)
                #expect(unknown.unknown <= 0.01 * unknown.all)
                #expect(site?.function == "Service_read")
                #expect(site?.line == Self.service.line(of: "// READ"))
                let spin = try await stage.stack(through: "Service_spin", of: report.file)
                #expect(spin.last?.line == Self.service.line(of: "// SPIN"))
                let modules = try await stage.rows("SELECT path FROM modules WHERE kind = 'file'", of: report.file).map
                { $0[0] }
                seen("container: its modules are \(modules.sorted())")
                #expect(
                    Set(modules).isSubset(of: ["/srv/app/service", "/opt/own/lib/libc.so.6", "/opt/own/lib/ld.so"]))
            }
        }

        @Test("A container that is removed in mid-recording keeps its names: 1 % of top frames unknown at most")
        func removedMeanwhile() async throws {
            try await Stage.with { stage in
                let docker = try await DockerDaemon(on: stage)
                try await Self.image(on: stage, with: docker)
                let container = try await docker.start("jostle-test", name: "removed", "/srv/app/service", "60")
                let file = stage.path("removed.jostle")
                let recorder = try stage.startJostle(
                    "record", "--cgroup", container.cgroup, "-d", "8", "-F", "999", "--no-calls", "-o", file)
                try await recorder.says("2s / 8s")
                try #require(try await docker.run("rm", "-f", "removed").status == 0)
                #expect(try await docker.run("image", "rm", "-f", "jostle-test").status == 0)
                #expect(try await recorder.end().status == 0)
                let report = try await stage.report(file)
                let unknown = try await Self.unknownTopFrames(file, on: stage)
                let share = try #require(report.confidence.completeStacksShare)
                seen(
                    "removed in mid-recording: \(Int(unknown.all)) samples, \((unknown.unknown / max(1, unknown.all)).percent) of "
                        + "top frames unknown, \(share.percent) of stacks complete")
                #expect(unknown.all >= 500)
                #expect(unknown.unknown <= 0.01 * unknown.all)
                #expect(share >= 0.99)
                #expect(try await stage.functions(like: "Service\\_%", of: file).count >= 3)
            }
        }
    }
}
