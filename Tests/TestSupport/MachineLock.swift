import Foundation
import Glibc

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
