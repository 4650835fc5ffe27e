import Glibc

/// Measures single rooms; `scripts/bench code` runs it. Each line that it prints is one JSON object.
///
///     benchmarks unwinding CGROUP-DIRECTORY SAMPLES   stacks of what runs in a cgroup, now
///     benchmarks names FILE ADDRESSES                 addresses all over a file's code, asked for once
@main
struct Main {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let count = Int(arguments[3]), count > 0 else {
            return end("usage: benchmarks unwinding CGROUP-DIRECTORY SAMPLES | names FILE ADDRESSES")
        }
        do {
            switch arguments[1] {
            case "unwinding":
                var benchmark = try UnwindingBenchmark(cgroup: arguments[2], sampleCount: count)
                print(benchmark.run())
            case "names": print(try NamesBenchmark(path: arguments[2], addressCount: count).run())
            default: end("there is no benchmark \(arguments[1])")
            }
        } catch {
            end("\(arguments[1]): \(error)")
        }
    }

    private static func end(_ message: String) {
        let line = Array("benchmarks: \(message)\n".utf8)
        // write(2) reads the array during the call only.
        _ = unsafe write(STDERR_FILENO, line, line.count)
        exit(1)
    }
}

struct Failure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// CPU time of the calling thread, in nanoseconds.
func threadTime() -> Int64 {
    var time = timespec()
    // clock_gettime(2) fills a local variable.
    _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
