import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// What a hostile container can do to the recorder, which is root: nothing.
    @Suite("Trust")
    struct TrustTests {
        // MARK: Processes

        /// A process as /proc tells of it.
        private struct Seen {
            var name = ""
            var pid: Int32 = 0
            var users: [String] = []
            var capabilities = ""
            var bounding = ""
            var seccomp = ""
            var noNewPrivileges = ""
            var threads = ""
            var descriptors: [String] = []
            var network = ""

            init(_ pid: Int32) {
                self.pid = pid
                let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
                for line in text.split(separator: "\n") {
                    let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
                    guard let key = words.first, words.count > 1 else { continue }
                    switch key {
                    case "Name:": name = words[1]
                    case "Uid:": users = Array(words.dropFirst())
                    case "CapEff:": capabilities = words[1]
                    case "CapBnd:": bounding = words[1]
                    case "Seccomp:": seccomp = words[1]
                    case "NoNewPrivs:": noNewPrivileges = words[1]
                    case "Threads:": threads = words[1]
                    default: break
                    }
                }
                let directory = "/proc/\(pid)/fd"
                let numbers = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).compactMap {
                    Int($0)
                }
                descriptors = numbers.sorted().map {
                    (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")) ?? "?"
                }
                network = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/net")) ?? ""
            }

            /// Descriptors without the numbers of sockets and pipes.
            var kinds: [String] { descriptors.map { $0.replacing(#/:\[\d+\]/#, with: "") } }
        }

        private static func children(of pid: Int32) -> [Int32] {
            let text = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
            return text.split(separator: " ").compactMap { Int32($0) }
        }

        /// The helpers of a recorder that says that it records: the process that forks them, and those.
        private static func helpers(of recorder: RunningProgram) throws -> (nursery: Int32, all: [Int32]) {
            let nursery = try #require(
                children(of: recorder.pid).first { Seen($0).name == "jostle-helpers" }, "the recorder has no helpers")
            return (nursery, children(of: nursery))
        }

        @Test(
            "Each process has the privileges that it needs, and the descriptors: asserted from /proc in mid-recording")
        func privileges() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("privileges")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let file = stage.path("x.jostle")
                let recorder = try stage.startJostle("record", "--cgroup", cgroup.path, "-o", file)
                try await recorder.says("1s")
                let names = try Self.checkPrivileges(
                    of: recorder.pid, helpers: try Self.helpers(of: recorder), recording: file)
                recorder.signal(SIGTERM)
                #expect(try await recorder.end().status == 0)
                // None of them outlives the recorder.
                let deadline = ContinuousClock.now + .seconds(5)
                while names.contains(where: { Seen($0.key).name == $0.value }), ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(!names.contains { Seen($0.key).name == $0.value }, "a helper outlived its recorder")
            }
        }

        /// - Returns: the helpers' names by process id.
        private static func checkPrivileges(
            of recorder: Int32, helpers: (nursery: Int32, all: [Int32]), recording file: String
        ) throws -> [Int32: String] {
            let processes = ([helpers.nursery] + helpers.all).map { Seen($0) }
            for process in processes {
                seen(
                    "\(process.name): uid \(process.users.first ?? "?"), capabilities \(process.capabilities), seccomp "
                        + "\(process.seccomp), no_new_privs \(process.noNewPrivileges), \(process.threads) thread, "
                        + process.kinds.joined(separator: " "))
                #expect(process.seccomp == "2" && process.noNewPrivileges == "1" && process.threads == "1")
                #expect(process.network != Seen(recorder).network, "\(process.name) has the host's network")
            }
            let parsers = processes.filter { $0.name == "jostle-parser" }
            let openers = processes.filter { $0.name == "jostle-opener" }
            #expect(!parsers.isEmpty && openers.count == 1 && processes.count == parsers.count + 2)
            let sockets = ["/dev/null", "/dev/null", "/dev/null", "socket", "socket"]
            for process in parsers + openers {
                #expect(process.users == ["65534", "65534", "65534", "65534"])
                #expect(process.kinds == sockets, "\(process.descriptors)")
            }
            for parser in parsers {
                #expect(parser.capabilities == "0000000000000000" && parser.bounding == "0000000000000000")
                let root = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(parser.pid)/root")
                #expect(root.isEmpty, "a parser sees \(root)")
                let limits = try String(contentsOfFile: "/proc/\(parser.pid)/limits", encoding: .utf8)
                #expect(limits.contains(#/Max address space +536870912 +536870912/#), "\(limits)")
                #expect(limits.contains(#/Max file size +0 +0/#) && limits.contains(#/Max processes +0 +0/#))
            }
            // CAP_DAC_READ_SEARCH (2), CAP_SYS_PTRACE (19), and for map_files CAP_CHECKPOINT_RESTORE (40).
            #expect(openers.first?.capabilities == "0000010000080004")
            #expect(processes.first?.kinds == ["/dev/null", "/dev/null", "/dev/null", "socket"])
            try checkRecorder(recorder, recording: file)
            return Dictionary(processes.map { ($0.pid, $0.name) }, uniquingKeysWith: { $1 })
        }

        /// The recorder is who started it: it has to read the kernel's rings, and to run the command as that one would. What it
        /// has open are events, sockets and files of its own, and what it holds of containers, which it can neither read nor
        /// write.
        private static func checkRecorder(_ recorder: Int32, recording file: String) throws {
            let (process, own) = (Seen(recorder), Seen(getpid()))
            #expect(process.name.hasPrefix("jostle") && process.users == ["0", "0", "0", "0"])
            #expect(process.capabilities == own.capabilities && process.bounding == own.bounding)
            #expect(process.seccomp == own.seccomp && process.noNewPrivileges == own.noNewPrivileges)
            var counts: [String: Int] = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(recorder)/fd") {
                let link = "/proc/\(recorder)/fd/\(name)"
                guard let number = Int(name),
                    let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link),
                    let info = try? String(contentsOfFile: "/proc/\(recorder)/fdinfo/\(name)", encoding: .utf8)
                else { continue }  // closed meanwhile
                let flags = info.firstMatch(of: #/flags:\s+0*([0-7]+)/#).flatMap { Int($0.1, radix: 8) } ?? 0
                let isHeldOnly = flags & 0o10_000_000 != 0
                let kind = target.hasPrefix("/") ? "file" : target.replacing(#/:\[\d+\]/#, with: "")
                let told = Comment(rawValue: "\(number): \(target), flags \(String(flags, radix: 8))")
                switch kind {
                case "file" where number < 3: counts["standard", default: 0] += 1
                case "file" where isHeldOnly: counts["held only", default: 0] += 1
                case "file":
                    // Nothing that a container wrote: the recording, and requests in memory on their way to a parser.
                    let isRequest = target.hasPrefix("/memfd:jostle-")
                    #expect(isRequest || target == file || target == file + "-journal", told)
                    counts[isRequest ? "request" : "the recording", default: 0] += 1
                default:
                    let allowed: Set = [
                        "socket", "pipe", "anon_inode:[perf_event]", "anon_inode:[pidfd]", "anon_inode:[eventfd]",
                        "anon_inode:[eventpoll]", "anon_inode:[timerfd]", "pidfd",
                    ]
                    #expect(allowed.contains(kind), told)
                    counts[kind, default: 0] += 1
                }
            }
            seen(
                "jostle: uid \(process.users.first ?? "?"), capabilities \(process.capabilities), seccomp \(process.seccomp), "
                    + counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
            #expect(counts["the recording", default: 0] >= 1 && counts["held only", default: 0] >= 1)
            #expect(counts["anon_inode:[perf_event]", default: 0] >= 2)
        }

        @Test(
            "Nothing is written but the output file and the command's cgroup, and nothing executed but the command",
            .enabled(if: Programs.arePresent("strace")))
        func writesAndExecutions() async throws {
            try await Stage.with { stage in
                let file = stage.path("traced.jostle")
                let trace = stage.path("trace")
                let traced = try await stage.run(
                    "/usr/bin/strace",
                    [
                        "-f", "-qq", "-s", "300", "-o", trace, "-e",
                        "trace=execve,execveat,open,openat,openat2,creat,unlink,unlinkat,rename,renameat,renameat2,link,"
                            + "linkat,symlink,symlinkat,mkdir,mkdirat,rmdir,truncate,ftruncate,chmod,fchmod,fchmodat,chown,"
                            + "mknod,mknodat,ptrace,process_vm_writev,kill,tgkill,tkill,pidfd_send_signal,fork,vfork,clone,"
                            + "clone3",
                        Programs.jostle, "record", "-F", "999", "-o", file, "--", Programs.workload, "user-spin",
                        "--seconds", "1",
                    ])
                #expect(traced.status == 0, "\(traced.errors)")
                let lines = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
                let executed = lines.filter { $0.contains("execve") && !$0.contains(" = -1 ") }
                #expect(executed.count == 2, "\(executed)")
                #expect(executed.first?.contains(Programs.jostle) == true)
                #expect(executed.last?.contains(Programs.workload) == true)
                #expect(!lines.contains { $0.contains("ptrace(") || $0.contains("process_vm_writev(") })
                let commandPID = executed.last?.prefix { $0 != " " } ?? ""
                var written: Set<String> = []
                for line in lines where !line.hasPrefix(commandPID) {
                    let isOpen = line.contains(#/ open(at2?)?\(/#)
                    if isOpen, !line.contains(#/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND/#) { continue }
                    guard !line.contains("execve"), let path = line.firstMatch(of: #/"([^"]*)"/#)?.1 else { continue }
                    written.insert(String(path))
                }
                let cgroups = try #require(TestCgroup.perfEventRoot())
                let others = written.filter { path in
                    // The recording, its journal, the name that it has until it can be read; the command's cgroup.
                    !path.hasPrefix(file) && path != "/dev/null" && !path.hasPrefix(cgroups + "/jostle-")
                }
                seen("strace: \(lines.count) calls looked at, executed 2, written \(written.sorted())")
                #expect(others.isEmpty, "\(others)")
                // Signals go by descriptor to helpers, and by number only from a process to its own children: helpers that did
                // not end with the others.
                let forks = lines.compactMap { $0.firstMatch(of: #/^(\d+) .*\b(?:v?fork|clone3?)\b.* = (\d+)$/#) }
                let children = Dictionary(grouping: forks, by: \.1).mapValues { Set($0.map(\.2)) }
                for line in lines where !line.hasPrefix(commandPID) {
                    guard let signal = line.firstMatch(of: #/^(\d+) +t?g?kill\((\d+), .*SIG/#) else { continue }
                    #expect(children[signal.1]?.contains(signal.2) == true && signal.2 != commandPID, "\(line)")
                }
                #expect(forks.count >= 4, "\(lines.filter { $0.contains("clone") || $0.contains("fork") })")
            }
        }

        @Test("A parser that is stopped or killed costs the file that it reads its names, and nothing else")
        func lostParsers() async throws {
            // On a busy machine another parser may be asked: then nothing may be missing, and it is tried again.
            for _ in 0..<3 where try await Self.oneIsLost() { return }
            Issue.record("in three recordings the stopped parser was never asked")
        }

        /// - Returns: whether the parser that was stopped was asked.
        private static func oneIsLost() async throws -> Bool {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("parsers")
                _ = try await stage.workload("fadvise-storm", in: cgroup, seconds: 60)
                let file = stage.path("parsers.jostle")
                let recorder = try stage.startJostle(
                    "record", "--cgroup", cgroup.path, "-F", "499", "-d", "10", "-o", file)
                try await recorder.says("2s")
                let (nursery, all) = try Self.helpers(of: recorder)
                let parsers = all.filter { Seen($0).name == "jostle-parser" }
                try #require(!parsers.isEmpty)
                for parser in parsers { kill(parser, SIGSTOP) }
                // A program of another name, whose file has to be read now.
                let copy = stage.path("another")
                try FileManager.default.copyItem(atPath: Programs.workload, toPath: copy)
                let another = try stage.start(
                    copy,
                    ["path-miss", "--seconds", "30", "--cgroup", cgroup.directory, "--directory", stage.directory.path])
                // Gone after two seconds of its own.
                func stopped() -> [Int32] {
                    Self.children(of: nursery).filter { parsers.contains($0) && Seen($0).name == "jostle-parser" }
                }
                let deadline = ContinuousClock.now + .seconds(15)
                while !stopped().isEmpty, ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(stopped().isEmpty)
                for parser in Self.children(of: nursery) where Seen(parser).name == "jostle-parser" {
                    kill(parser, SIGKILL)
                }
                let outcome = try await recorder.end()
                another.signal(SIGKILL)
                #expect(outcome.status == 0, "\(outcome.errors)")
                let report = try await stage.report(file)
                #expect(report.recording.finished)
                let isSaid = report.recording.notes.contains { $0.contains("died, hung or grew") }
                let skipped = try await stage.rows(
                    "SELECT path, symbols_skipped FROM modules WHERE symbols_skipped IS NOT NULL", of: file)
                seen(
                    "a stopped parser: \(skipped), \(report.confidence.samples) samples, notes \(report.recording.notes)"
                )
                #expect(skipped.map { $0[1] } == (isSaid ? ["malformed"] : []), "\(skipped)")
                // The other program's names are all there.
                #expect(try await stage.functions(like: "LogFile\\_%", of: file).contains("LogFile_write"))
                return isSaid
            }
        }

        // MARK: Files

        @Test(
            "Dozens of crafted files, mapped and run, neither stop the recorder nor take a name from a good one",
            .enabled(if: Programs.arePresent("cc", "python3")))
        func craftedFiles() async throws {
            try await Stage.with { stage in
                let recipes = URL(filePath: Programs.oracles).deletingLastPathComponent()
                    .appending(path: "Fuzzer/crafted.py").path
                let files = stage.path("crafted")
                try await stage.need("/usr/bin/env", "python3", recipes, files)
                let mapper = try await stage.compile(Self.mapper, with: "cc", ["-O1", "-g"], to: "mapper")
                let file = stage.path("crafted.jostle")
                let outcome = try await stage.run(
                    Programs.jostle,
                    ["record", "-F", "1999", "--no-calls", "--no-blocked", "-o", file, "--", mapper, files],
                    within: .seconds(120))
                #expect(outcome.status == 0, "\(outcome.errors)")
                let report = try await stage.report(file)
                #expect(report.recording.finished)
                let modules = try await stage.rows(
                    "SELECT path, coalesce(symbols_skipped, '') FROM modules WHERE path LIKE '\(files)/%'", of: file)
                let reasons = Dictionary(grouping: modules, by: { $0[1] }).mapValues(\.count)
                let samples = try await stage.number("SELECT count(*) FROM samples", of: file)
                let named = try await stage.share(through: ["good_spin"], of: file)
                let nameless = try await stage.number(
                    "SELECT count(*) FROM frames f JOIN modules m ON m.id = f.module WHERE m.path = '\(mapper)' "
                        + "AND f.function IS NULL", of: file)
                seen(
                    "crafted files in a recording: \(modules.count) files sampled, \(Int(samples)) samples, symbols skipped "
                        + "\(reasons), \(Int(named.reached)) of \(Int(named.all)) stacks lead through the good file's function, "
                        + "\(Int(nameless)) of its frames have no name; \(outcome.duration); notes \(report.recording.notes)"
                )
                #expect(modules.count >= 40)
                // Other files' code runs in between all the time, and each of them is read.
                #expect(named.reached >= 50 && nameless == 0)
                #expect(try await stage.functions(like: "good\\_spin", of: file) == ["good_spin"])
                let text = try await stage.jostle("report", file, "--by", "function")
                #expect(text.status == 0)
                #expect(
                    !text.output.utf8.contains { $0 < 0x20 && $0 != 0x0A || $0 == 0x7F }, "a control byte came through")
            }
        }

        /// Maps each file of a directory with a page of code behind it, and spends time in that page.
        private static let mapper = #"""
            #include <dirent.h>
            #include <fcntl.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <sys/stat.h>
            #include <unistd.h>
            // Counts down from its argument.
            #if defined(__x86_64__)
            static const unsigned char code[] = {0xff, 0xcf, 0x75, 0xfc, 0xc3};
            #else
            static const unsigned char code[] = {0x00, 0x04, 0x00, 0x71, 0xe1, 0xff, 0xff, 0x54, 0xc0, 0x03, 0x5f, 0xd6};
            #endif
            __attribute__((noinline)) void good_spin(void) {
                for (int turn = 0; turn < 20000000; turn++) __asm__ volatile("" : "+r"(turn));
            }
            __attribute__((noinline)) int call_hostile_code(void (*hostile)(unsigned)) {
                hostile(50000000);
                good_spin();
                return 1;
            }
            int main(int argc, char **argv) {
                if (argc < 2) return 2;
                DIR *directory = opendir(argv[1]);
                struct dirent *entry;
                int called = 0;
                while ((entry = readdir(directory))) {
                    char path[4096];
                    snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
                    int file = open(path, O_RDWR);
                    struct stat status;
                    if (file < 0 || fstat(file, &status) < 0 || !S_ISREG(status.st_mode)) continue;
                    off_t page = (status.st_size + 4095) / 4096 * 4096;
                    if (pwrite(file, code, sizeof code, page) != sizeof code) continue;
                    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, page);
                    if (memory == MAP_FAILED) continue;
                    called += call_hostile_code((void (*)(unsigned))memory);
                }
                return called < 40;
            }
            """#
    }
}
