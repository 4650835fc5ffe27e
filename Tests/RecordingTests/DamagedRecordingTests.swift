import FoundationEssentials
import GRDB
import Glibc
import ProfileModel
import Recording
import TestSupport
import Testing

@Suite("Damaged recordings") struct DamagedRecordingTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("slow.jostle")
    }

    @Test("A file that is not there")
    func noFile() throws {
        #expect(throws: RecordingError.noSuchFile(path: path)) { try RecordingReader.read(path: path) }
        #expect(try directory.contents() == [])
    }

    @Test("A directory")
    func directoryItself() {
        #expect(throws: RecordingError.unreadable(path: directory.path, errno: EISDIR)) {
            try RecordingReader.read(path: directory.path)
        }
    }

    @Test("A pipe that nobody writes to is not waited for")
    func pipe() {
        // The path lives for the length of the call.
        #expect(unsafe mkfifo(path, 0o600) == 0)
        #expect(throws: RecordingError.notARecording(path: path)) { try RecordingReader.read(path: path) }
    }

    @Test(
        "Files of another kind",
        arguments: [
            "", "S", "SQLite format 3", "SQLite format 3\0", "perf.data\n", String(repeating: "text ", count: 5_000),
        ])
    func otherFiles(text: String) throws {
        _ = try directory.write(text.utf8, to: "slow.jostle")
        #expect(throws: RecordingError.notARecording(path: path)) { try RecordingReader.read(path: path) }
    }

    @Test("Another program's SQLite database is not a recording, whatever its tables are called")
    func otherDatabase() throws {
        try Damage.execute("CREATE TABLE samples (id INTEGER PRIMARY KEY); PRAGMA user_version = 1;", on: path)
        #expect(throws: RecordingError.notARecording(path: path)) { try RecordingReader.read(path: path) }
    }

    @Test("A newer jostle's recording is refused by its number")
    func newerSchema() throws {
        try SampleRecording.write(to: path)
        try Damage.execute("PRAGMA user_version = 99", on: path)
        #expect(throws: RecordingError.newerSchema(path: path, found: 99, supported: 2)) {
            try RecordingReader.read(path: path)
        }
    }

    @Test("A table that is a view, or has columns of its own making, is refused")
    func views() throws {
        try SampleRecording.write(to: path)
        let intact = try TemporaryDirectory.bytes(of: path)
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        for sql in [
            "DROP TABLE samples; CREATE VIEW samples AS \(endless) SELECT i AS id, 0 AS time, 0 AS cpu, 1 AS thread, "
                + "1 AS container, 1 AS stack, 1 AS kind, 0 AS mode, 0 AS weight FROM n",
            "ALTER TABLE frames ADD COLUMN more TEXT AS (zeroblob(1000000000))",
            "ALTER TABLE samples RENAME TO others",
        ] {
            _ = try directory.write(intact, to: "slow.jostle")
            try Damage.execute(sql, on: path)
            #expect(try Damage.outcome(of: path) == .refused, "\(sql)")
        }
    }

    @Test("Tables and views that somebody added do no harm")
    func additions() throws {
        try SampleRecording.write(to: path)
        try Damage.execute(
            "CREATE TABLE mine (x); CREATE INDEX by_stack ON samples (stack); CREATE VIEW hot AS SELECT 1; VACUUM",
            on: path)
        #expect(ProfileParts(try RecordingReader.read(path: path)) == ProfileParts(SampleRecording.profile))
    }

    @Test("A value of any type in any column is refused or makes sense")
    func everyColumn() throws {
        try SampleRecording.write(to: path)
        let intact = try TemporaryDirectory.bytes(of: path)
        let values = ["NULL", "'text'", "x'FF'", "1.5", "-1", "0", "1000000", "\(Int64.max)", "\(Int64.min)"]
        let columns = try Damage.columns(in: path)
        // The recipe has a row at least in each of the 15 tables.
        #expect(Set(columns.map(\.table)).count == 15)
        for column in columns {
            for value in values {
                _ = try directory.write(intact, to: "slow.jostle")
                do {
                    try Damage.set(column, to: value, in: path)
                } catch is DatabaseError {
                    // A key takes integers only, or one of each.
                    continue
                }
                let outcome = try Damage.outcome(of: path)
                // SQLite makes text of a number in a text column, and an integer of a real that is one.
                let isWrong =
                    column.type == "INTEGER" && ["'text'", "x'FF'", "1.5"].contains(value)
                    || column.type == "TEXT" && value == "x'FF'" || column.isNeeded && value == "NULL"
                // Nobody reads the CPU's number but SQL.
                if isWrong, column.name != "cpu" {
                    #expect(outcome == .refused, "\(column.table).\(column.name) = \(value)")
                }
            }
        }
    }

    @Test("Types are not converted: a number that is text is refused", arguments: ["'7'", "7.0", "x'37'", "NULL"])
    func wrongType(value: String) throws {
        try SampleRecording.write(to: path)
        // A column without a type keeps what it is given.
        try Damage.execute("UPDATE recording SET value = \(value) WHERE key = 'lost_records'", on: path)
        #expect(throws: RecordingError.corrupt(path: path, detail: "the key lost_records has no number")) {
            try RecordingReader.read(path: path)
        }
    }

    @Test("A missing key, row or name is refused and named")
    func missing() throws {
        try SampleRecording.write(to: path)
        let intact = try TemporaryDirectory.bytes(of: path)
        for (sql, detail) in [
            ("DELETE FROM recording WHERE key = 'kernel'", "the key kernel has no text"),
            ("UPDATE recording SET value = '{' WHERE key = 'notes'", "the key notes holds no list"),
            ("DELETE FROM frames WHERE id = 2", "frames has a gap behind id 1"),
            ("DELETE FROM functions WHERE id = 5", "inlines refers to id 5 of 4"),
            ("UPDATE stacks SET parent = 2 WHERE id = 2", "stacks refers to id 2 of 1"),
            ("UPDATE threads SET process = 3", "threads refers to id 3 of 2"),
            ("UPDATE modules SET kind = 'spoon'", "modules has a row of no known kind"),
            ("UPDATE modules SET build_id = 'xyz'", "modules has a build ID that is none"),
            ("UPDATE locks SET kind = 'padlock'", "locks has a row of no known kind"),
            ("UPDATE lock_waits SET lock = 3", "lock_waits refers to id 3 of 2"),
            ("UPDATE lock_holds SET holder = 0", "lock_holds refers to id 0 of 2"),
            ("UPDATE samples SET weight = -1 WHERE id = 1", "samples has -1 in column 8"),
        ] {
            _ = try directory.write(intact, to: "slow.jostle")
            try Damage.execute(sql, on: path)
            #expect(throws: RecordingError.corrupt(path: path, detail: detail)) { try RecordingReader.read(path: path) }
        }
    }

    @Test("A recording that was cut short is refused, whatever its length")
    func truncated() throws {
        try SampleRecording.write(to: path)
        let bytes = try TemporaryDirectory.bytes(of: path)
        for length in Array(stride(from: 0, to: bytes.count, by: 509)) + [bytes.count - 1, 4_096, 8_192] {
            _ = try directory.write(bytes.prefix(length), to: "slow.jostle")
            #expect(try Damage.outcome(of: path) == .refused, "\(length) of \(bytes.count) bytes")
        }
    }

    @Test("A recording with flipped bytes is refused or makes sense, and never ends the reader")
    func flipped() throws {
        try SampleRecording.write(to: path)
        let intact = try TemporaryDirectory.bytes(of: path)
        // Most of a small database is empty pages: damage what is not.
        let used = intact.indices.filter { intact[$0] != 0 }
        var random = SeededGenerator(seed: 7)
        var outcomes: [Damage.Outcome: Int] = [:]
        for _ in 0..<3_000 {
            var bytes = intact
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = used[Int.random(in: 0..<used.count, using: &random)]
                bytes[place] = UInt8.random(in: .min ... .max, using: &random)
            }
            _ = try directory.write(bytes, to: "slow.jostle")
            outcomes[try Damage.outcome(of: path), default: 0] += 1
        }
        // Names and figures have no checksum; ids, kinds and the pages themselves contradict themselves when changed.
        #expect(outcomes[.valid, default: 0] > 100 && outcomes[.refused, default: 0] > 100)
    }
}
