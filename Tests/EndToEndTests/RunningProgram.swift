import Foundation
import Glibc
import Testing

/// The programs under test.
enum Programs {
    static let jostle = path("JOSTLE_BINARY", product: "jostle")
    static let workload = path("JOSTLE_WORKLOAD", product: "workload")

    /// What the environment says, else what lies beside the test bundle, which is where the package is built.
    private static func path(_ variable: String, product: String) -> String {
        if let told = ProcessInfo.processInfo.environment[variable], !told.isEmpty { return told }
        let bundle = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        return bundle.deletingLastPathComponent().appending(path: product).path
    }

    static func arePresent(_ names: String...) -> Bool {
        let directories = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return names.allSatisfy { name in
            directories.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
        }
    }

    /// Where the oracles' sources are.
    static let oracles = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Oracles").path
}

/// How a program ended and what it said.
struct Outcome {
    var output: String
    var errors: String
    let pid: Int32
    /// The exit code, or 128 and the signal that killed it, as in a shell.
    var status: Int32
    /// From the start to the end.
    var duration: Duration
}

/// A program that was started; what it prints goes to files, so that it never waits for its reader.
final class RunningProgram {
    let process = Process()
    private let commandLine: String
    private let outputFile: URL
    private let errorFile: URL
    private let start = ContinuousClock.now

    var pid: Int32 { process.processIdentifier }
    /// Also while one that it has started still holds the socket by which Foundation hears of its end.
    var isRunning: Bool { process.isRunning }

    /// - Parameter files: where its output goes, without a suffix.
    init(_ program: String, _ arguments: [String], environment: [String: String] = [:], directory: String?, files: URL)
        throws
    {
        commandLine = ([program] + arguments).joined(separator: " ")
        outputFile = files.appendingPathExtension("out")
        errorFile = files.appendingPathExtension("err")
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if let directory { process.currentDirectoryURL = URL(filePath: directory) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try Self.newFile(outputFile)
        process.standardError = try Self.newFile(errorFile)
        try process.run()
    }

    private static func newFile(_ url: URL) throws -> FileHandle {
        try Data().write(to: url)
        return try FileHandle(forWritingTo: url)
    }

    var output: String { text(outputFile) }
    var errors: String { text(errorFile) }

    private func text(_ url: URL) -> String { String(decoding: (try? Data(contentsOf: url)) ?? Data(), as: UTF8.self) }

    func signal(_ number: Int32) { if process.isRunning { kill(pid, number) } }

    /// Waits for its end.
    ///
    /// - Throws: `Overdue` when it still runs after `limit`; it is then killed.
    @discardableResult
    func end(within limit: Duration = .seconds(60)) async throws -> Outcome {
        let deadline = ContinuousClock.now + limit
        while process.isRunning {
            if ContinuousClock.now > deadline {
                signal(SIGKILL)
                throw Overdue(what: "\(commandLine) still runs", errors: errors)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        let status = process.terminationStatus
        return Outcome(
            output: output, errors: errors, pid: pid,
            status: process.terminationReason == .uncaughtSignal ? 128 + status : status,
            duration: ContinuousClock.now - start)
    }

    /// Waits until it has said something on standard error.
    func says(_ words: String, within limit: Duration = .seconds(20)) async throws {
        let deadline = ContinuousClock.now + limit
        while !errors.contains(words) {
            guard process.isRunning, ContinuousClock.now < deadline else {
                throw Overdue(what: "\(commandLine) does not say '\(words)'", errors: errors)
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    struct Overdue: Error {
        var what: String
        var errors: String
    }
}
