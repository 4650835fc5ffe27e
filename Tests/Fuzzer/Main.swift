import Glibc
import Isolation
import Parsing
import Symbolication
import TestSupport

/// What `scripts/fuzz` runs: hostile input for the parts of jostle that meet it. Prints one line of JSON for each task.
///
///     fuzzer mutants COUNT SEED FILE GOOD     mutants of an ELF file for parser processes
///     fuzzer crafted DIRECTORY GOOD           every file of a directory for parser processes
///     fuzzer protocol COUNT SEED              nonsense for the sockets of helper processes, and answers of nonsense
///     fuzzer racing COUNT DIRECTORY           a link that is now the container's, now the host's
///     fuzzer opening PATH…                    how long an opener takes for each path
///     fuzzer records COUNT SEED               mutants of perf records
///     fuzzer recordings COUNT SEED FILE       mutants of a recording
///     fuzzer parsing COUNT SEED FILE          mutants of an ELF file, read in this process, for AddressSanitizer
///     fuzzer coverage WHAT SECONDS SEED DIRECTORY [FILE]
///                                             what libFuzzer makes of records, protocol or recordings
@main
enum Main {
    static func main() throws {
        if CommandLine.arguments.dropFirst().first == "coverage" { return try CoverageTask.run() }
        // First of all, as jostle does.
        let nursery = try HelperNursery.start(
            HelperNursery.Services(
                parser: { Parser.serve(requests: $0, answers: $1) },
                opener: { Opener.serve(requests: $0, answers: $1) }))
        var arguments = CommandLine.arguments.dropFirst()
        guard let task = arguments.popFirst() else { return usage() }
        let rest = Array(arguments)
        switch (task, rest.count) {
        case ("mutants", 4):
            try ParserTasks(nursery, good: rest[3]).mutants(Int(rest[0]) ?? 0, seed: UInt64(rest[1]) ?? 1, of: rest[2])
        case ("crafted", 2): try ParserTasks(nursery, good: rest[1]).crafted(in: rest[0])
        case ("protocol", 2): try ProtocolTask(nursery).run(Int(rest[0]) ?? 0, seed: UInt64(rest[1]) ?? 1)
        case ("racing", 2): try OpenerTasks(nursery).race(Int(rest[0]) ?? 0, in: rest[1])
        case ("opening", 1...): OpenerTasks(nursery).open(rest)
        case ("parsing", 3): try ParserTasks.parse(Int(rest[0]) ?? 0, seed: UInt64(rest[1]) ?? 1, of: rest[2])
        case ("records", 2): try RecordTask.run(Int(rest[0]) ?? 0, seed: UInt64(rest[1]) ?? 1)
        case ("recordings", 3):
            try RecordingTask.run(Int(rest[0]) ?? 0, seed: UInt64(rest[1]) ?? 1, of: rest[2])
        default: usage()
        }
        nursery.end()
    }

    private static func usage() {
        print("usage: see Tests/Fuzzer/Main.swift")
        exit(64)
    }
}

/// One line for the script.
func tell(_ fields: [(String, String)]) {
    print("{" + fields.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}")
    // Whatever comes next may be the end.
    fflush(nil)
}

func quoted(_ text: String) -> String {
    "\"" + text.map { "\"\\".contains($0) ? "\\\($0)" : String($0) }.joined() + "\""
}

func quoted(_ counts: [String: Int]) -> String {
    "{" + counts.sorted { $0.key < $1.key }.map { "\(quoted($0.key)): \($0.value)" }.joined(separator: ", ") + "}"
}

/// Whether this was built with AddressSanitizer.
let isSanitized = unsafe dlsym(nil, "__asan_init") != nil

/// A task found what must never be.
struct Broken: Error {
    var what: String
    init(_ what: String) { self.what = what }
}

extension SeededGenerator {
    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }

    /// Changes some bytes; one in eight is also cut short.
    mutating func mutate(_ original: [UInt8], headerByteCount: Int = 64) -> [UInt8] {
        var bytes = original
        if next() % 8 == 0 { bytes.removeLast(below(bytes.count)) }
        guard !bytes.isEmpty else { return bytes }
        for _ in 0...below(16) {
            // One in six changes falls into the header.
            let position = below(next() % 6 == 0 ? min(headerByteCount, bytes.count) : bytes.count)
            switch next() % 4 {
            case 0: bytes[position] ^= 1 << UInt8(next() % 8)
            case 1: bytes[position] = UInt8(truncatingIfNeeded: next())
            case 2: bytes[position] = [0, 0x7F, 0x80, 0xFF][below(4)]
            default:
                // A word of a length or an offset.
                let value = [0, 1, UInt64(bytes.count), UInt64.max, UInt64.max >> 1, 1 << 32, 0xFFFF_FFFF][below(7)]
                for index in 0..<min(8, bytes.count - position) {
                    bytes[position + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
                }
            }
        }
        return bytes
    }
}

func contents(of path: String) throws -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Broken("cannot open \(path)") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while true {
        let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
            count = max(0, unsafe read(descriptor, buffer.baseAddress, buffer.count))
        }
        if chunk.isEmpty { return bytes }
        bytes += chunk
    }
}
