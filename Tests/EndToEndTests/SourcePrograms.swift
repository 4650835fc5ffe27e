import Foundation
import Testing

/// Small programs that tests compile where they run, so that the expected names and lines are in view.
extension Stage {
    /// Compiles a source text.
    ///
    /// - Parameters:
    ///   - compiler: `cc`, `g++`, `swiftc` or `rustc`.
    ///   - output: the program's name in the stage's directory, or below it.
    /// - Returns: the program's path.
    @discardableResult
    func compile(_ source: String, with compiler: String, _ flags: [String], to output: String) async throws -> String {
        let suffix = ["g++": "cc", "swiftc": "swift", "rustc": "rs"][compiler] ?? "c"
        let program = path(output)
        let file = program + "." + suffix
        try source.write(toFile: file, atomically: true, encoding: .utf8)
        // Libraries come behind what needs them.
        let (libraries, others) = (flags.filter { $0.hasPrefix("-l") }, flags.filter { !$0.hasPrefix("-l") })
        let arguments = [compiler] + others + ["-o", program, file] + libraries
        let outcome = try await run("/usr/bin/env", arguments, within: .seconds(120))
        try #require(outcome.status == 0, "\(arguments.joined(separator: " ")): \(outcome.errors)")
        return program
    }

    /// Compiles the workloads into one static file that runs in any root directory, for containers.
    func compileWorkloads(to program: String) async throws {
        let sources = URL(filePath: Programs.oracles).deletingLastPathComponent().appending(path: "Workloads").path
        let directory = URL(filePath: program).deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try await need("/bin/sh", "-c", "cc -O2 -g -static -pthread -o '\(program)' '\(sources)'/*.c")
    }

    /// How many of a recording's on-CPU samples that hit user code, or came from it, lead through one of these functions.
    func share(through functions: [String], of file: String) async throws -> (reached: Double, all: Double) {
        let names = functions.map { "'\($0)'" }.joined(separator: ", ")
        let row = try await rows(
            """
            WITH RECURSIVE wanted AS (
                SELECT f.id FROM frames f JOIN functions n ON n.id = f.function WHERE n.name IN (\(names))
                UNION SELECT i.frame FROM inlines i JOIN functions n ON n.id = i.function WHERE n.name IN (\(names))),
            down (node, reached, user) AS (
                SELECT s.id, s.frame IN wanted, f.kind <> 1 FROM stacks s JOIN frames f ON f.id = s.frame
                WHERE s.parent IS NULL
                UNION ALL
                SELECT s.id, d.reached OR s.frame IN wanted, d.user OR f.kind <> 1
                FROM down d JOIN stacks s ON s.parent = d.node JOIN frames f ON f.id = s.frame)
            SELECT total(d.reached), count(*) FROM samples s JOIN down d ON d.node = s.stack WHERE s.kind = 1 AND d.user
            """, of: file)
        let numbers = try #require(row.first).compactMap(Double.init)
        try #require(numbers.count == 2)
        return (numbers[0], numbers[1])
    }

    /// The functions of a recording's most frequent on-CPU stack that leads through `function`, outermost first, those
    /// that were inlined among them; each with its line.
    func stack(through function: String, of file: String) async throws -> [(function: String, line: Int?)] {
        let heaviest = try await rows(
            """
            WITH RECURSIVE down (node, path, hit) AS (
                SELECT s.id, '', s.frame IN wanted FROM stacks s WHERE s.parent IS NULL
                UNION ALL SELECT s.id, d.path || d.node || ' ', d.hit OR s.frame IN wanted
                FROM down d JOIN stacks s ON s.parent = d.node),
            wanted AS (SELECT f.id FROM frames f JOIN functions n ON n.id = f.function WHERE n.name = '\(function)'
                UNION SELECT i.frame FROM inlines i JOIN functions n ON n.id = i.function WHERE n.name = '\(function)')
            SELECT d.path || d.node FROM samples s JOIN down d ON d.node = s.stack WHERE s.kind = 1 AND d.hit
            GROUP BY d.node ORDER BY count(*) DESC LIMIT 1
            """, of: file)
        let nodes = try #require(heaviest.first?.first, "no stack leads through \(function)").split(separator: " ")
        var frames: [(function: String, line: Int?)] = []
        for node in nodes {
            let chain = try await rows(
                """
                SELECT coalesce(n.name, ''), coalesce(x.line, '') FROM stacks s JOIN (
                    SELECT id AS frame, 0 AS depth, function, line FROM frames
                    UNION ALL SELECT frame, depth, function, line FROM inlines) x ON x.frame = s.frame
                LEFT JOIN functions n ON n.id = x.function WHERE s.id = \(node) ORDER BY x.depth DESC
                """, of: file)
            frames += chain.map { ($0[0], Int($0[1])) }
        }
        return frames
    }

    /// Names that occur in a recording, of functions and of those that were inlined.
    func functions(like pattern: String, of file: String) async throws -> Set<String> {
        Set(
            try await rows("SELECT name FROM functions WHERE name LIKE '\(pattern)' ESCAPE '\\'", of: file)
                .map { $0[0] })
    }
}

extension String {
    /// The number of the line that a marker stands in.
    func line(of marker: String) -> Int? {
        split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.contains(marker) }.map { $0 + 1 }
    }
}
