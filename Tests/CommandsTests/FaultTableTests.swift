import Foundation
import Testing

@Suite("The table of faults") struct FaultTableTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// All texts in the tests' sources.
    private static func testSources() throws -> String {
        let tests = root.appending(path: "Tests")
        let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)
        return try (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
            .map { try String(contentsOf: $0, encoding: .utf8) }.joined(separator: "\n")
    }

    @Test("Each row has an exit code that --help documents, and a test that exists")
    func rows() throws {
        let page = try String(
            contentsOf: Self.root.appending(path: "Sources/Commands/Documentation.docc/Faults.md"), encoding: .utf8)
        let sources = try Self.testSources()
        let fuzz = try String(contentsOf: Self.root.appending(path: "scripts/fuzz"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| fault") }
            .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
        #expect(rows.count >= 30)
        for row in rows {
            try #require(row.count == 4, "\(row)")
            let codes = row[2].split(separator: ", ").map(String.init)
            #expect(
                !codes.isEmpty
                    && codes.allSatisfy { ["0", "2", "64", "65", "66", "69", "73", "74", "77", "–"].contains($0) },
                "\(row)")
            if row[3].hasPrefix("scripts/fuzz ") {
                #expect(fuzz.contains("    def \(row[3].dropFirst("scripts/fuzz ".count))(self"), "\(row)")
            } else {
                #expect(sources.contains("\"\(row[3])\""), "no test is called: \(row[3])")
            }
        }
    }
}
