import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Stacks without frame pointers, of real programs.
    @Suite("Unwinding")
    struct UnwindingTests {
        /// The share of stacks that has to be followed to its end.
        static let wanted = 0.99

        private static func expectComplete(
            _ what: String, _ report: Report, through functions: [String], on stage: Stage
        ) async throws {
            let share = try #require(report.confidence.completeStacksShare)
            let through = try await stage.share(through: functions, of: report.file)
            seen(
                "\(what): \(report.confidence.samples) samples, \(share.percent) of all stacks complete, "
                    + "\((through.reached / max(1, through.all)).percent) of \(Int(through.all)) on-CPU ones lead through "
                    + functions.joined(separator: " or "))
            #expect(report.confidence.samples >= 100, "\(what): too few samples to tell")
            #expect(share >= wanted, "\(what)")
            // The loader, and what runs before main and after it, is not in main.
            #expect(through.reached >= 0.9 * through.all, "\(what)")
        }

        @Test(
            "The stacks of our workloads, built without frame pointers, reach main or their thread's start",
            arguments: [
                "fadvise-storm", "path-miss", "mmap-churn", "futex-ping-pong", "pipe-ping-pong", "user-spin",
                "fault-storm",
                "fork-exec", "mix", "flock-wait", "fsync-loop", "mutex-sleep", "deep-stack", "alias-calls",
            ])
        func workloads(name: String) async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("unwinding")
                let options = name == "alias-calls" ? ["--call", "readv"] : []
                _ = try await stage.workload(name, in: cgroup, seconds: 60, options: options)
                let report = try await stage.record("--cgroup", cgroup.path, "-d", "2", "-F", "999", "--no-calls")
                // Workers are threads or processes of harness.c. A program that a child executes has a main of its own,
                // and is stripped.
                if name == "fork-exec" {
                    let share = try #require(report.confidence.completeStacksShare)
                    seen("fork-exec: \(report.confidence.samples) samples, \(share.percent) of all stacks complete")
                    #expect(share >= Self.wanted)
                } else {
                    try await Self.expectComplete(
                        name, report, through: ["main", "run_worker", "start_thread"], on: stage)
                }
            }
        }

        @Test("glog as Debian builds it, logging from two threads", .enabled(if: Programs.arePresent("g++")))
        func glog() async throws {
            guard FileManager.default.fileExists(atPath: "/usr/include/glog/logging.h") else {
                return seen("glog: libgoogle-glog-dev is not installed")
            }
            try await Stage.with { stage in
                let source = """
                    #include <glog/logging.h>
                    #include <cstdlib>
                    #include <ctime>
                    #include <thread>
                    static void Service_handle(int number) { LOG(INFO) << "handled request " << number; }
                    static void Service_run(int seconds) {
                        for (std::time_t end = std::time(nullptr) + seconds, n = 0; std::time(nullptr) < end; n++)
                            for (int i = 0; i < 100; i++) Service_handle(i);
                    }
                    int main(int, char **arguments) {
                        FLAGS_log_dir = arguments[1];
                        FLAGS_logbufsecs = 0;
                        // In MB: files of 1 MB roll several times a second under one name, and glog's complaint about that goes
                        // through fprintf's buffer of 8 KiB on the stack, beyond the copy of it that is taken.
                        FLAGS_max_log_size = 1000;
                        google::InitGoogleLogging(arguments[0]);
                        std::thread first(Service_run, 3), second(Service_run, 3);
                        first.join();
                        second.join();
                    }
                    """
                let program = try await stage.compile(
                    source, with: "g++", ["-O2", "-g", "-fomit-frame-pointer", "-lglog", "-lpthread"], to: "service")
                let logs = stage.path("logs")
                try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: false)
                let report = try await stage.record("-F", "999", "--no-calls", "--", program, logs)
                try await Self.expectComplete("glog", report, through: ["main", "Service_run"], on: stage)
                let flush = try await stage.functions(like: "google::LogMessage::Flush%", of: report.file)
                #expect(!flush.isEmpty, "the library's exported functions have names")
            }
        }

        @Test(
            "sysbench as Debian builds it", .enabled(if: Programs.arePresent("sysbench"), "sysbench is missing"),
            arguments: [["cpu"], ["threads"], ["mutex", "--mutex-loops=100000"], ["memory"]])
        func sysbench(test: [String]) async throws {
            try await Stage.with { stage in
                let arguments = ["sysbench", "--threads=4", "--time=5"] + test + ["run"]
                let report = try await stage.record(
                    ["-F", "999", "--no-calls", "-d", "3", "--", "/usr/bin/env"] + arguments)
                let share = try #require(report.confidence.completeStacksShare)
                seen(
                    "sysbench \(test[0]): \(report.confidence.samples) samples, \(share.percent) of all stacks complete"
                )
                #expect(report.confidence.samples >= 100)
                #expect(share >= Self.wanted)
            }
        }

        @Test("A static binary", .enabled(if: Programs.arePresent("cc")))
        func staticBinary() async throws {
            try await Stage.with { stage in
                let program = try await stage.compile(
                    Self.spinner(named: "Static_touch"), with: "cc", ["-O2", "-static", "-fomit-frame-pointer"],
                    to: "static")
                let report = try await stage.record("-F", "999", "--no-calls", "--", program, "2")
                try await Self.expectComplete("static", report, through: ["main"], on: stage)
                #expect(try await stage.functions(like: "Static\\_touch", of: report.file) == ["Static_touch"])
            }
        }

        /// A program that calls a function of this name for as many seconds as it is told.
        static func spinner(named name: String) -> String {
            """
            #include <fcntl.h>
            #include <stdlib.h>
            #include <time.h>
            #include <unistd.h>
            volatile unsigned sink;
            __attribute__((noinline)) void \(name)(int file) {
                static char block[4096];
                if (pread(file, block, sizeof block, 0) != sizeof block) exit(1);
                for (int i = 0; i < 2000; i++) sink += i;
                __asm__ volatile("" ::: "memory");
            }
            int main(int count, char **arguments) {
                int file = open("/dev/zero", O_RDONLY);
                time_t end = time(NULL) + atoi(arguments[1]);
                while (time(NULL) < end)
                    for (int i = 0; i < 100; i++) \(name)(file);
                return 0;
            }
            """
        }

        @Test(
            "64 C++ functions, each through an inlined one, and exceptions thrown below: names and lines of all",
            .enabled(if: Programs.arePresent("g++")))
        func deepInlinesAndExceptions() async throws {
            try await Stage.with { stage in
                let source = """
                    #include <cstdlib>
                    #include <ctime>
                    #include <stdexcept>
                    #include <unistd.h>
                    static volatile unsigned sink;
                    __attribute__((noinline)) void Bottom_spin(int number) {
                        for (int i = 0; i < 3000; i++) sink += i; // SPIN
                        if (number % 8 == 0) throw std::runtime_error("every eighth"); // THROW
                    }
                    template <int depth> struct Level {
                        static __attribute__((noinline)) void descend(int number);
                        static inline __attribute__((always_inline)) void enter(int number) {
                            Level<depth - 1>::descend(number); // ENTER
                            __asm__ volatile("" ::: "memory");
                        }
                    };
                    template <> struct Level<0> {
                        static void descend(int number) { Bottom_spin(number); }
                    };
                    template <int depth> void Level<depth>::descend(int number) {
                        enter(number); // DESCEND
                        __asm__ volatile("" ::: "memory");
                    }
                    int main(int, char **arguments) {
                        std::time_t end = std::time(nullptr) + std::atoi(arguments[1]);
                        for (int number = 0; std::time(nullptr) < end; number++) {
                            try {
                                Level<64>::descend(number); // MAIN
                            } catch (const std::exception &) {
                                sink += 1;
                            }
                        }
                    }
                    """
                let program = try await stage.compile(
                    source, with: "g++", ["-O2", "-g", "-fomit-frame-pointer"], to: "levels")
                let report = try await stage.record("-F", "999", "--no-calls", "--", program, "3")
                try await Self.expectComplete("64 levels with inlined ones", report, through: ["main"], on: stage)

                let stack = try await stage.stack(through: "Bottom_spin", of: report.file)
                let start = try #require(stack.firstIndex { $0.function == "main" })
                // Outermost first: main, then each level's descend and the enter inlined into it, then the bottom.
                var expected: [(String, Int?)] = [("main", source.line(of: "// MAIN"))]
                for depth in (1...64).reversed() {
                    expected.append(("Level<\(depth)>::descend", source.line(of: "// DESCEND")))
                    expected.append(("Level<\(depth)>::enter", source.line(of: "// ENTER")))
                }
                let found = stack[start...].prefix(expected.count)
                for (frame, wanted) in zip(found, expected) {
                    #expect(frame.function == wanted.0)
                    #expect(frame.line == wanted.1, "\(frame.function)")
                }
                #expect(stack.contains { $0.function == "Bottom_spin" && $0.line == source.line(of: "// SPIN") })
                seen("64 levels: a stack of \(stack.count) functions, all names and lines as in the source")

                let raise = try await stage.share(through: ["_Unwind_RaiseException"], of: report.file)
                let raiseFromMain = try await stage.share(through: ["main"], of: report.file)
                seen("64 levels: \(Int(raise.reached)) samples inside a throw, of \(Int(raiseFromMain.all))")
                #expect(raise.reached >= 20)
            }
        }

        @Test("A Rust name in its v0 form is shown as Rust writes it", .enabled(if: Programs.arePresent("cc")))
        func rustName() async throws {
            try await Stage.with { stage in
                // <crate>::worker::spin, as rustc -C symbol-mangling-version=v0 names it.
                let mangled = "_RNvNtCs4fqI2P2rA04_7service6worker4spin"
                let source = Self.spinner(named: "spin").replacing(
                    "volatile unsigned sink;",
                    with: "volatile unsigned sink;\nvoid spin(int file) __asm__(\"\(mangled)\");")
                let program = try await stage.compile(
                    source, with: "cc", ["-O2", "-fomit-frame-pointer"], to: "rusty")
                let report = try await stage.record("-F", "999", "--no-calls", "--", program, "2")
                try await Self.expectComplete("Rust v0", report, through: ["main"], on: stage)
                let names = try await stage.functions(like: "service::%", of: report.file)
                seen("Rust v0: \(mangled) is \(names.sorted())")
                #expect(names == ["service::worker::spin"])
            }
        }

        @Test("A Rust program", .enabled(if: Programs.arePresent("rustc"), "rustc is missing"))
        func rustProgram() async throws {
            try await Stage.with { stage in
                let source = """
                    use std::io::Write;
                    use std::time::{Duration, Instant};
                    mod worker {
                        #[inline(never)]
                        pub fn write_lines(file: &mut std::fs::File) {
                            for n in 0..50u32 { super::Write::write(file, format!("line {}", n).as_bytes()).unwrap(); }
                        }
                    }
                    fn main() {
                        let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(|| {
                            let mut file = std::fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
                            let end = Instant::now() + Duration::from_secs(2);
                            while Instant::now() < end { worker::write_lines(&mut file); }
                        })).collect();
                        for thread in threads { thread.join().unwrap(); }
                    }
                    """
                let program = try await stage.compile(
                    source, with: "rustc", ["-O", "-g", "-C", "symbol-mangling-version=v0"], to: "rust")
                let report = try await stage.record("-F", "999", "--no-calls", "--", program)
                let names = try await stage.functions(like: "rust::worker::%", of: report.file)
                try await Self.expectComplete("Rust program", report, through: ["rust::worker::write_lines"], on: stage)
                #expect(names == ["rust::worker::write_lines"])
            }
        }

        @Test("A Swift program", .enabled(if: Programs.arePresent("swiftc"), "swiftc is missing"))
        func swiftProgram() async throws {
            try await Stage.with { stage in
                let source = """
                    import Glibc
                    struct Ledger {
                        var entries: [Int: String] = [:]
                        @inline(never) mutating func record(_ number: Int) { entries[number % 1000] = "entry \\(number)" }
                    }
                    @main struct Service {
                        static func main() {
                            var ledger = Ledger()
                            let end = time(nil) + 2
                            var number = 0
                            while time(nil) < end {
                                for _ in 0..<100 { ledger.record(number); number += 1 }
                            }
                            print(ledger.entries.count)
                        }
                    }
                    """
                let program = try await stage.compile(
                    source, with: "swiftc", ["-O", "-g", "-parse-as-library"], to: "ledger")
                let report = try await stage.record("-F", "999", "--no-calls", "--", program)
                try await Self.expectComplete("Swift", report, through: ["main"], on: stage)
                let names = try await stage.functions(like: "%Ledger.record%", of: report.file)
                seen("Swift: \(names.sorted())")
                #expect(!names.isEmpty)
            }
        }

        @Test("A recursion of 1,000 frames is cut with its reason and a count, in text and in JSON")
        func recursionIsCut() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("recursion")
                _ = try await stage.workload("recursion", in: cgroup, seconds: 60, options: ["--depth", "1000"])
                let report = try await stage.record("--cgroup", cgroup.path, "-d", "2", "-F", "999", "--no-calls")
                let cut = report.confidence.truncations ?? [:]
                let reason = try #require(cut.max { $0.value < $1.value })
                let text = try await stage.jostle("report", report.file)
                let note = text.output.split(separator: "\n").first { $0.contains(reason.key) }
                seen("recursion: \(cut); the text says: \(note ?? "nothing")")
                #expect(reason.key == "stack-copy-too-short")
                #expect(reason.value >= 100)
                #expect(
                    report.confidence.warnings.contains { $0.contains(reason.key) }, "\(report.confidence.warnings)")
                #expect(note?.contains("\(reason.value)") == true, "\(text.output)")
                // With a longer copy more of it is followed, and the chain's own limit says so too.
                let more = try await stage.record(
                    "--cgroup", cgroup.path, "-d", "2", "-F", "199", "--no-calls", "--stack-bytes", "61440")
                seen("recursion with 60 KiB copied: \(more.confidence.truncations ?? [:])")
                #expect((more.confidence.truncations ?? [:])["too-deep"] ?? 0 >= 20)
            }
        }
    }
}
