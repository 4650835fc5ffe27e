import FoundationEssentials
import GRDB
import Glibc
import ProfileModel
import Recording
import TestSupport
import Testing

/// Recordings that somebody made in order to harm who reads them.
@Suite("Hostile recordings") struct HostileRecordingTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("slow.jostle")
        try SampleRecording.write(to: path)
    }

    private static let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"

    @Test(
        "A view, a generated column, a constraint or a type that no recording's table has is refused",
        arguments: [
            "DROP TABLE locks; CREATE VIEW locks AS \(endless) SELECT i AS id, 0 AS address, 'mutex' AS kind, NULL AS symbol FROM n",
            "DROP TABLE recording; CREATE VIEW recording AS \(endless) SELECT i AS key, hex(zeroblob(10000000)) AS value FROM n",
            "ALTER TABLE samples ADD COLUMN more AS ((SELECT 1))",
            "ALTER TABLE samples ADD COLUMN more AS (length(hex(zeroblob(400000000))))",
            "DROP TABLE pressure; CREATE TABLE pressure (id INTEGER PRIMARY KEY, container, name, unit, before, after, "
                + "CHECK (length(hex(zeroblob(400000000))) > id))",
            "DROP TABLE modules; CREATE VIRTUAL TABLE modules USING fts4(kind, path, build_id, symbols_skipped)",
            "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 1 WHERE name = 'samples'",
            "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 2000000000 WHERE name = 'samples'",
            "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'SELECT 1' WHERE name = 'samples'",
            "PRAGMA writable_schema = ON; INSERT INTO sqlite_master SELECT * FROM sqlite_master WHERE name = 'samples'",
            "PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE name = 'samples'",
            "PRAGMA user_version = 0", "PRAGMA user_version = -1",
        ])
    func schemas(sql: String) throws {
        do {
            try Damage.execute(sql, on: path)
        } catch is DatabaseError where sql.contains("(SELECT 1)") {
            // SQLite itself does not take a query there.
            return
        }
        #expect(try Damage.outcome(of: path) == .refused)
    }

    @Test("What somebody added is neither run nor looked at, whatever it would do")
    func additions() throws {
        let answer = ProfileParts(SampleRecording.profile)
        try Damage.execute(
            """
            CREATE VIEW more AS \(Self.endless) SELECT i FROM n;
            CREATE TABLE mine (x, y AS (length(hex(zeroblob(30000000)))) NOT NULL, CHECK (length(hex(zeroblob(20000000))) > 0));
            CREATE TRIGGER never INSTEAD OF INSERT ON more BEGIN SELECT raise(ABORT, 'run'); END;
            CREATE TRIGGER often AFTER UPDATE ON samples BEGIN INSERT INTO mine VALUES (1); END;
            PRAGMA ignore_check_constraints = ON;
            """, on: path)
        // Each row would cost a second of work to check, and the file has room for a hundred thousand.
        try Damage.execute(
            """
            PRAGMA writable_schema = ON;
            CREATE TABLE plain (x);
            INSERT INTO plain WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) SELECT i FROM n;
            UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'plain') WHERE name = 'mine';
            """, on: path)
        #expect(ProfileParts(try RecordingReader.read(path: path)) == answer)
    }

    @Test("A name of many megabytes is read, and one beyond the limit is refused")
    func hugeValues() throws {
        try Damage.execute("UPDATE functions SET name = hex(zeroblob(8 << 20)) WHERE id = 1", on: path)
        #expect(try RecordingReader.read(path: path).frames.contains { ($0.function?.utf8.count ?? 0) == 16 << 20 })
        try Damage.execute("UPDATE functions SET name = zeroblob(70 << 20) WHERE id = 1", on: path)
        #expect(try Damage.outcome(of: path) == .refused)
        try Damage.execute("UPDATE functions SET name = CAST(zeroblob(70 << 20) AS TEXT) WHERE id = 1", on: path)
        #expect(throws: RecordingError.corrupt(path: path, detail: "string or blob too big")) {
            try RecordingReader.read(path: path)
        }
    }

    @Test("One page in two places is refused: a small file could give rows without end")
    func sharedPages() throws {
        // So many functions that their tree has inner pages.
        try Damage.execute(
            """
            INSERT INTO functions (name) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
            SELECT printf('%0200d', i) FROM n;
            """, on: path)
        let root: Int = try DatabaseQueue(path: path).read { db in
            try Int.fetchOne(db, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'functions'") ?? 0
        }
        var bytes = try TemporaryDirectory.bytes(of: path)
        let pageSize = Int(bytes[16]) << 8 | Int(bytes[17])
        let page = (root - 1) * pageSize
        try #require(bytes[page] == 5, "the root is not an inner page of a table")
        let count = Int(bytes[page + 3]) << 8 | Int(bytes[page + 4])
        try #require(count > 1)
        func cell(_ index: Int) -> Int {
            page + Int(bytes[page + 12 + 2 * index]) << 8 + Int(bytes[page + 13 + 2 * index])
        }
        // Every child is the first one's page, then the root itself.
        let first = Array(bytes[cell(0)..<cell(0) + 4])
        for index in 1..<count { bytes.replaceSubrange(cell(index)..<cell(index) + 4, with: first) }
        _ = try directory.write(bytes, to: "slow.jostle")
        #expect(try Damage.outcome(of: path) == .refused)
        let own = (0..<4).map { UInt8(truncatingIfNeeded: root >> (24 - 8 * $0)) }
        for index in 0..<count { bytes.replaceSubrange(cell(index)..<cell(index) + 4, with: own) }
        _ = try directory.write(bytes, to: "slow.jostle")
        #expect(try Damage.outcome(of: path) == .refused)
    }

    @Test("A write-ahead log beside a recording is not read, nor is anything made there")
    func writeAheadLog() throws {
        try Damage.execute("PRAGMA journal_mode = WAL", on: path)
        let before = try directory.contents()
        #expect(throws: RecordingError.corrupt(path: path, detail: "it keeps rows in a write-ahead log beside it")) {
            try RecordingReader.read(path: path)
        }
        #expect(try directory.contents() == before)
    }

    @Test("A journal that names another file is not rolled back: SQLite would remove that file")
    func superJournal() throws {
        let precious = try directory.write("precious".utf8, to: "precious")
        let name = Array(precious.utf8)
        let sum = name.reduce(0) { $0 + Int($1) }
        var journal = try Self.journal(pages: 1, at: path)
        journal += Self.number(name.count) + name.prefix(0)
        // As SQLite writes it: a page number that is none, the name, its length and sum, and the magic number.
        journal = try Self.journal(pages: 1, at: path) + Self.number(0) + name + Self.number(name.count)
        journal += Self.number(sum) + Self.magic
        _ = try directory.write(journal, to: "slow.jostle-journal")
        #expect(throws: RecordingError.corrupt(path: path, detail: "its journal names another file")) {
            try RecordingReader.read(path: path)
        }
        #expect(try String(decoding: TemporaryDirectory.bytes(of: precious), as: UTF8.self) == "precious")

        // Also where the recording is named by a link, beside which there is no journal.
        let link = directory.path("link.jostle")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        #expect(throws: RecordingError.corrupt(path: link, detail: "its journal names another file")) {
            try RecordingReader.read(path: link)
        }
        #expect(try directory.contents().contains("precious"))
    }

    @Test("A journal that would make the recording larger is not rolled back")
    func growingJournal() throws {
        let size = try TemporaryDirectory.bytes(of: path).count
        _ = try directory.write(try Self.journal(pages: 1 << 30, at: path), to: "slow.jostle-journal")
        #expect(throws: RecordingError.corrupt(path: path, detail: "its journal is of a larger file")) {
            try RecordingReader.read(path: path)
        }
        #expect(try TemporaryDirectory.bytes(of: path).count == size)
    }

    @Test("A journal that is a directory or a link is refused")
    func strangeJournals() throws {
        let place = path + "-journal"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        #expect(throws: RecordingError.self) { try RecordingReader.read(path: path) }
        try FileManager.default.removeItem(atPath: place)
        let elsewhere = try directory.write(try Self.journal(pages: 1, at: path), to: "elsewhere")
        try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: elsewhere)
        #expect(throws: RecordingError.self) { try RecordingReader.read(path: path) }
        #expect(try directory.contents().contains("elsewhere"))
    }

    private static let magic: [UInt8] = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7]

    private static func number(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }

    /// A journal of no page: its header, padded to a sector.
    private static func journal(pages: Int, at path: String) throws -> [UInt8] {
        let bytes = try TemporaryDirectory.bytes(of: path)
        let pageSize = Int(bytes[16]) << 8 | Int(bytes[17])
        let count = pages == 1 ? bytes.count / pageSize : pages
        let header = magic + number(0) + number(7) + number(count) + number(512) + number(pageSize)
        return header + [UInt8](repeating: 0, count: 512 - header.count)
    }
}
