import Glibc
import Parsing
import ProfileModel

@testable import Symbolication

struct TestFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A made-up procfs with one process, whose root is a directory of ours; removed with everything in it.
///
/// Its `map_files` are links to files, as the kernel's are, but made before the kernel would.
final class FixtureProcess {
    let directory: String
    let pid = ProcessID(42)
    var procRoot: String { directory + "/proc" }
    /// The process's `/`.
    var root: String { directory + "/container" }

    init() throws {
        var template = Array("/tmp/jostle-test-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
        // mkdtemp(3) writes into the array that it is given.
        guard unsafe mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: errno \(errno)") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try shell(
            "mkdir -p proc/42/map_files container/usr/bin container/tmp outside && ln -s ../../container proc/42/root")
    }

    deinit { _ = try? shell("rm -rf '\(directory)'") }

    /// Runs a shell command in the fixture's directory.
    func shell(_ command: String) throws {
        // system(3) copies the command.
        let status = unsafe system("cd '\(directory)' && \(command)")
        guard status == 0 else { throw TestFailure("status \(status) from: \(command)") }
    }

    /// Compiles a program with one function of that name, into the process's root.
    func compile(_ function: String, to path: String, options: String = "") throws {
        let code = "int \(function)(int a) { return a * 3; } int main(int c, char **v) { return \(function)(c); }"
        try shell("echo '\(code)' > code.c && gcc -g -O0 \(options) -o container\(path) code.c")
    }

    /// The mapping that the kernel would report for a file in the process's root.
    ///
    /// - Parameter isMapped: whether `map_files` leads to it.
    func mapping(of path: String, isMapped: Bool = true, start: UInt64 = 0x1000) throws -> Mapping {
        var status = stat()
        // stat(2) copies the path and writes one struct that we own.
        guard unsafe stat(root + path, &status) == 0 else { throw TestFailure("stat \(path): errno \(errno)") }
        let range = String(start, radix: 16) + "-" + String(start + 0x1000, radix: 16)
        try shell("rm -f proc/42/map_files/\(range)")
        if isMapped { try shell("ln -s '\(root + path)' proc/42/map_files/\(range)") }
        return Mapping(
            start: VirtualAddress(start), end: VirtualAddress(start + 0x1000), offset: FileOffset(0),
            file: FileIdentity(device: DeviceNumber(status.st_dev), inode: UInt64(status.st_ino)), path: path)
    }
}

func makeFIFO(_ path: String) throws {
    // mkfifo(3) copies the path.
    guard unsafe mkfifo(path, 0o600) == 0 else { throw TestFailure("mkfifo: errno \(errno)") }
}

extension FileDoors {
    /// Fixtures are read by the tests themselves.
    static let direct = FileDoors.direct { Parser.answer($0, files: $1) }
}
