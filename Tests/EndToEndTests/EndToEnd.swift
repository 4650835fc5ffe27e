import Foundation
import Glibc
import Testing

/// The tests of the program as it is shipped, on this machine's kernel.
///
/// They measure and change the one machine there is, so that one runs at a time.
@Suite("End to end", .serialized, .machineToItself, .enabled(if: geteuid() == 0, "recording cgroups needs root"))
enum EndToEnd {}

extension Trait where Self == MachineToItself {
    /// Keeps the other tests that measure the machine waiting, those of other processes too.
    static var machineToItself: Self { Self() }
}

/// Holds a lock file during each test: `.serialized` reaches no further than one process and one suite.
struct MachineToItself: TestTrait, SuiteTrait, TestScoping {
    let isRecursive = true

    func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { testCase == nil ? nil : self }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let path = "/run/lock/jostle-tests"
        if !FileManager.default.fileExists(atPath: path) { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        let file = try #require(FileHandle(forUpdatingAtPath: path), "\(path) cannot be opened")
        while flock(file.fileDescriptor, LOCK_EX | LOCK_NB) != 0 { try await Task.sleep(for: .milliseconds(50)) }
        // Closing the file lets go of the lock.
        defer { try? file.close() }
        try await function()
    }
}

/// Prints a figure that was measured, for people who read the log of a run.
func seen(_ line: String) { print("SEEN: \(line)") }

extension Double {
    /// A share as a percentage with one decimal.
    var percent: String { "\((self * 1000).rounded() / 10) %" }
    /// With two decimals.
    var short: String { "\((self * 100).rounded() / 100)" }
}
