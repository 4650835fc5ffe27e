import Glibc
import ObjectTables
import ProfileModel

@testable import ObjectFiles

/// A directory of one test's own, removed with everything in it.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/jostle-test-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
        // mkdtemp(3) writes into the array that it is given.
        guard unsafe mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: errno \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { _ = try? run("rm -rf '\(path)'") }

    func write(_ text: String, to name: String) throws -> String {
        let file = "\(path)/\(name)"
        try writeFile(Array(text.utf8), to: file)
        return file
    }
}

struct TestFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Runs a shell command.
///
/// - Returns: what it wrote to its standard output.
@discardableResult
func run(_ command: String) throws -> String {
    // popen(3) copies both strings.
    guard let pipe = unsafe popen(command, "r") else { throw TestFailure("popen: errno \(errno)") }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        // fread(3) writes at most as many bytes as the array has.
        let count = unsafe fread(&buffer, 1, buffer.count, pipe)
        if count == 0 { break }
        output.append(contentsOf: buffer[..<count])
    }
    // The pipe came from popen and is used no more.
    let status = unsafe pclose(pipe)
    guard status == 0 else { throw TestFailure("status \(status) from: \(command)") }
    return String(decoding: output, as: UTF8.self)
}

func readFile(_ path: String) throws -> [UInt8] {
    let descriptor = try openForReading(path)
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
        // read(2) writes at most as many bytes as the array has.
        let count = unsafe read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw TestFailure("read: errno \(errno)") }
        if count == 0 { return bytes }
        bytes.append(contentsOf: buffer[..<count])
    }
}

func writeFile(_ bytes: [UInt8], to path: String) throws {
    // open(2) copies the path.
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o755)
    guard descriptor >= 0 else { throw TestFailure("open \(path): errno \(errno)") }
    defer { close(descriptor) }
    // write(2) reads as many bytes as the array has.
    guard unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
        throw TestFailure("write \(path): errno \(errno)")
    }
}

func openForReading(_ path: String) throws -> Int32 {
    // open(2) copies the path.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw TestFailure("open \(path): errno \(errno)") }
    return descriptor
}

/// Opens a file, calls `body` with it, and closes it.
func withObjectFile<Result>(_ path: String, _ body: (borrowing ObjectFile) throws -> Result) throws -> Result {
    let descriptor = try openForReading(path)
    defer { close(descriptor) }
    return try body(ObjectFile(descriptor: descriptor))
}

/// The path of a library that this process's programs are linked with: `libc.so.6`.
func libraryPath(_ name: String) throws -> String {
    let path = try run("gcc -print-file-name=\(name)").split(separator: "\n").first.map(String.init) ?? name
    return try run("readlink -f \(path)").split(separator: "\n").first.map(String.init) ?? path
}

/// Hexadecimal digits as a number.
func hexadecimal(_ digits: some StringProtocol) -> UInt64? { UInt64(digits, radix: 16) }

/// The addresses of a function that nm lists under its demangled name.
func symbol(_ name: String, of binary: String) throws -> Range<UInt64> {
    for line in try run("nm -C -S --defined-only \(binary)").split(separator: "\n") {
        let words = line.split(separator: " ", maxSplits: 3)
        if words.count == 4, words[3] == name, let start = hexadecimal(words[0]), let size = hexadecimal(words[1]) {
            return start..<start + size
        }
    }
    throw TestFailure("no symbol \(name)")
}
