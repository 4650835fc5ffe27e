import Foundation
import Glibc
public import Testing

/// The one machine that live tests measure and change: who holds the lock has it to itself.
///
/// A lock file, because `.serialized` reaches no further than one suite of one process.
public enum MachineLock {
    /// Waits until no other test holds the lock, in whatever process, and holds it meanwhile.
    public static func holding(_ body: () async throws -> Void) async throws {
        let path = "/run/lock/jostle-tests"
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let file = FileHandle(forUpdatingAtPath: path) else { throw CocoaError(.fileReadNoPermission) }
        // Closing the file lets go of the lock, and so does the end of the process.
        defer { try? file.close() }
        while flock(file.fileDescriptor, LOCK_EX | LOCK_NB) != 0 { try await Task.sleep(for: .milliseconds(50)) }
        try await body()
    }
}

extension Trait where Self == MachineToItself {
    /// Keeps the other tests that measure the machine waiting, those of other processes too.
    public static var machineToItself: Self { Self() }
}

/// Holds the machine's lock during each test.
public struct MachineToItself: TestTrait, SuiteTrait, TestScoping {
    public let isRecursive = true

    public func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { testCase == nil ? nil : self }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await MachineLock.holding(function)
    }
}

/// Prints a figure that was measured, for people who read the log of a run.
public func seen(_ line: String) { print("SEEN: \(line)") }
