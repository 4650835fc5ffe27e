import Foundation
import Testing

@testable import Reports

/// Each schema, as a list of what it promises, beside the list that its version began with and that only ever got longer.
///
/// What is added keeps the version: `REWRITE_GOLDEN=1 swift test --filter SchemaVersionTests` writes it down. What went, or
/// is of another type, or is no longer required, would break readers: that fails until the version is raised, and then a
/// new file begins beside the old one.
@Suite("Schemas only grow within a version")
struct SchemaVersionTests {
    /// A schema, resolved to lines such as `syscalls[].change.low: number`, `syscalls[] needs verdict` and
    /// `syscalls[].verdict = dearer`.
    struct Promises {
        private(set) var lines: Set<String> = []
        private(set) var version: Int?
        private let definitions: [String: Any]

        init(_ schema: JSONSchema) throws {
            let document = try #require(
                JSONSerialization.jsonObject(with: Data(schema.text.utf8)) as? [String: Any], "\(schema)")
            definitions = document["$defs"] as? [String: Any] ?? [:]
            try add(document, at: "", within: [])
        }

        private mutating func add(_ node: [String: Any], at path: String, within names: [String]) throws {
            var names = names
            var node = node
            while let reference = node["$ref"] as? String {
                let name = try #require(reference.split(separator: "/").last.map(String.init))
                // A tree's node has nodes of its own kind: they are as it is.
                if names.contains(name) {
                    lines.insert("\(path): \(name) again")
                    return
                }
                names.append(name)
                node = try #require(definitions[name] as? [String: Any], "\(reference) is not defined")
            }
            if let type = node["type"] { lines.insert("\(path): \(type)") }
            if let value = node["const"] {
                lines.insert("\(path) = \(value)")
                if path == "schema_version" { version = value as? Int }
            }
            for value in node["enum"] as? [Any] ?? [] { lines.insert("\(path) = \(value)") }
            for name in node["required"] as? [String] ?? [] { lines.insert("\(path) needs \(name)") }
            for (name, child) in node["properties"] as? [String: Any] ?? [:] {
                let child = try #require(child as? [String: Any], "\(path).\(name)")
                lines.insert("\(path) may have \(name)")
                try add(child, at: path.isEmpty ? name : "\(path).\(name)", within: names)
            }
            if let items = node["items"] as? [String: Any] { try add(items, at: path + "[]", within: names) }
            if let values = node["additionalProperties"] as? [String: Any] {
                try add(values, at: path + ".*", within: names)
            }
        }
    }

    @Test("what a version promised it still promises", arguments: JSONSchema.allCases)
    func grows(_ schema: JSONSchema) throws {
        let promises = try Promises(schema)
        let version = try #require(promises.version, "\(schema) does not say its version")
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/Schemas")
        for version in 1..<version {
            let path = folder.appending(path: "\(schema.rawValue)-\(version).txt").path
            #expect(FileManager.default.fileExists(atPath: path), "\(path): a former version is kept for ever")
        }
        let file = folder.appending(path: "\(schema.rawValue)-\(version).txt")
        let isRewriting = ProcessInfo.processInfo.environment["REWRITE_GOLDEN"] == "1"
        let isNew = isRewriting && !FileManager.default.fileExists(atPath: file.path)
        let golden = isNew ? "" : try String(contentsOf: file, encoding: .utf8)
        let promised = Set(golden.split(separator: "\n").map(String.init))
        let broken = promised.subtracting(promises.lines).sorted()
        #expect(broken.isEmpty, "raise the version of \(schema.rawValue), or keep: \(broken)")
        if isRewriting, broken.isEmpty {
            try Data((promises.lines.sorted().joined(separator: "\n") + "\n").utf8).write(to: file)
            return
        }
        let added = promises.lines.subtracting(promised).sorted()
        #expect(added.isEmpty, "REWRITE_GOLDEN=1 writes down what \(schema.rawValue) also promises: \(added)")
    }

    @Test("a promise that is gone is seen")
    func isSeen() throws {
        // What a reader of version 1 counts on.
        let diff = try Promises(.diff)
        for line in [
            "syscalls[] needs verdict", "syscalls[].verdict = dearer", "syscalls[].change.low: number",
            "baseline.confidence.samples: integer", "schema_version = 1",
        ] {
            #expect(diff.lines.contains(line), "\(line)")
        }
    }
}
