import Foundation
import Glibc
import TestSupport
import Testing

/// The tests of the program as it is shipped, on this machine's kernel.
///
/// They measure and change the one machine there is, so that one runs at a time.
@Suite("End to end", .serialized, .machineToItself, .enabled(if: geteuid() == 0, "recording cgroups needs root"))
enum EndToEnd {}

extension Double {
    /// A share as a percentage with one decimal.
    var percent: String { "\((self * 1000).rounded() / 10) %" }
    /// With two decimals.
    var short: String { "\((self * 100).rounded() / 100)" }
}
