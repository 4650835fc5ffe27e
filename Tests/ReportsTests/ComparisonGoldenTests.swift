import Analysis
import FoundationEssentials
import ProfileModel
import Testing

@testable import Reports

/// Comparisons and checks compared with files; rewritten as the reports are (`GoldenTests`).
@Suite("Whole comparisons and checks are as they were")
struct ComparisonGoldenTests {
    static let options = ComparisonOptions(
        syscall: "posix_fadvise", baselineLabel: "healthy.jostle", candidateLabel: "slow.jostle")

    static func comparison() throws -> Comparison {
        try Comparison(baseline: ComparedExample.healthy(), candidate: ComparedExample.slow(), options: options)
    }

    static func check() throws -> CheckReport {
        let limits = try [
            "kernel-share=+5pp", "kernel-share=90%", "posix_fadvise.cpu-per-call=x1.5", "write.wait-per-call=1us",
            "write.calls-per-second=10",
        ].map { try CheckLimit(parsing: $0) }
        return try CheckReport(
            candidate: ComparedExample.slow(), baselines: [ComparedExample.healthy()], limits: limits,
            options: CheckOptions(candidateLabel: "slow.jostle", baselineLabels: ["healthy.jostle"]))
    }

    @Test("diff as text: stacked, and side by side", arguments: [60, 80, 120, 180])
    func text(width: Int) throws {
        let text = TextRenderer(width: width, colour: false).render(try Self.comparison())
        #expect(text.split(separator: "\n").allSatisfy { DisplayWidth.of(String($0)) <= width })
        try GoldenTests.compare(text, with: "diff-\(width).txt")
    }

    @Test("diff as JSON, which reads back as what it was made of")
    func json() throws {
        let comparison = try Self.comparison()
        let json = try JSONRenderer().render(comparison)
        try GoldenTests.compare(json, with: "diff.json")
        #expect(try JSONDecoder().decode(Comparison.self, from: Data(json.utf8)) == comparison)
    }

    @Test("check as text", arguments: [80, 120])
    func checkText(width: Int) throws {
        let text = TextRenderer(width: width, colour: false).render(try Self.check())
        #expect(text.split(separator: "\n").allSatisfy { DisplayWidth.of(String($0)) <= width })
        try GoldenTests.compare(text, with: "check-\(width).txt")
    }

    @Test("check as JSON, GitHub's annotations and JUnit")
    func checkFormats() throws {
        let report = try Self.check()
        let json = try JSONRenderer().render(report)
        try GoldenTests.compare(json, with: "check.json")
        #expect(try JSONDecoder().decode(CheckReport.self, from: Data(json.utf8)) == report)
        try GoldenTests.compare(GitHubRenderer().render(report), with: "check-github.txt")
        try GoldenTests.compare(JUnitRenderer().render(report), with: "check-junit.xml")
    }

    @Test("names cannot act on the terminal, on GitHub's parser or on an XML reader")
    func hostileNames() throws {
        var profile = ComparedExample.slow()
        profile.containers[0].name = "a\n::error::<&\"\u{1B}[31m"
        let limit = try CheckLimit(parsing: "kernel-share=10%")
        let report = try CheckReport(candidate: profile, limits: [limit])
        let github = GitHubRenderer().render(report)
        // One command a line, each begun by us.
        #expect(github.split(separator: "\n").count == 2)
        let junit = JUnitRenderer().render(report)
        #expect(junit.contains("a\\x0a::error::&lt;&amp;&quot;\\x1b[31m"))
        let texts = [
            github, junit, TextRenderer(width: 200, colour: false).render(report),
            TextRenderer(width: 200, colour: false).render(
                try Comparison(baseline: ComparedExample.healthy(), candidate: profile)),
        ]
        for text in texts { #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" }) }
    }

    @Test("a schema is JSON, names its draft and resolves its references", arguments: JSONSchema.allCases)
    func schemas(schema: JSONSchema) throws {
        let text = schema.text
        #expect(text.contains("\"https://json-schema.org/draft/2020-12/schema\""))
        #expect(text.contains("\"const\": \"jostle.\(schema.rawValue)\""))
        let document = try JSONDecoder().decode(Document.self, from: Data(text.utf8))
        for part in text.split(separator: "\"#/$defs/").dropFirst() {
            let name = String(part.prefix { $0 != "\"" })
            #expect(document.definitions[name] != nil, "\(name)")
        }
    }

    private struct Document: Decodable {
        struct Definition: Decodable {}
        var definitions: [String: Definition]
        enum CodingKeys: String, CodingKey { case definitions = "$defs" }
    }
}

/// The same service before and after each flush of its log became a fight over one mutex.
enum ComparedExample {
    static func healthy() -> Profile { service(fadviseWait: nil, writes: 4, seconds: 10) }
    static func slow() -> Profile {
        var profile = service(fadviseWait: 30_000_000, writes: 5, seconds: 12)
        profile.recording.kernel = "6.18.0"
        profile.recording.cpus = 72
        return profile
    }

    private static func service(fadviseWait: Int64?, writes: Int, seconds: Int) -> Profile {
        var building = ProfileBuilding(seconds: Double(seconds))
        building.profile.containers = [
            Container(name: "logger", runtime: "docker", image: "shop/logger:14", cgroup: "/docker/3f2a")
        ]
        let log = "u:main@logger.cc:40 > u:LogFileObject::Write@logging.cc:1113"
        let fadvise =
            "\(log) > u:\(Example.libc)!posix_fadvise64#221 > \(Example.enter) > __x64_sys_fadvise64 > generic_fadvise"
        let write = "\(log) > u:\(Example.libc)!__libc_write#1 > \(Example.enter) > __x64_sys_write > vfs_write"
        for slice in 0..<(seconds * 10) {
            let start = Double(slice) * 100
            // A little unrest, so that intervals have a width.
            let extra = slice * 7 % 3
            for index in 0..<(writes + extra) { building.sample("\(write) > copy_folio", at: start + Double(index)) }
            for index in 0..<2 { building.sample("\(fadvise) > invalidate", at: start + Double(index)) }
            for index in 0..<8 { building.sample("\(log) > u:format@format.h:9", at: start + Double(index)) }
            let mutex = "\(fadvise) > __lru_add_drain_all > __mutex_lock.constprop.0"
            building.sample(
                "\(mutex) > schedule", at: start + 50, kind: .blocked,
                weight: fadviseWait.map { $0 + Int64(extra) } ?? 1_000)
            building.calls(221, 900 + Int64(extra) * 20, at: start)
            building.calls(1, Int64(writes + extra) * 1_000, at: start)
            if fadviseWait != nil, slice.isMultiple(of: 4) {
                building.sample("\(log) > asm_exc_page_fault > exc_page_fault", at: start)
            }
        }
        return building.profile
    }
}
