import Foundation
import Glibc
import TestSupport
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

/// Holds the machine's lock during each test.
struct MachineToItself: TestTrait, SuiteTrait, TestScoping {
    let isRecursive = true

    func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { testCase == nil ? nil : self }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await MachineLock.holding(function)
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
