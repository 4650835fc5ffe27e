import GRDB
import ProfileModel
import Recording

/// Ways to spoil a recording, and to see that what is read of it still makes sense.
enum Damage {
    /// Runs SQL on a recording, without any of its rules.
    static func execute(_ sql: String, on path: String) throws {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let database = try DatabaseQueue(path: path, configuration: configuration)
        try database.writeWithoutTransaction { db in try db.execute(sql: sql) }
        try database.close()
    }

    /// A column, as SQLite tells of it.
    struct Column {
        var table: String
        var name: String
        var type: String
        var isNeeded: Bool
    }

    static func columns(in path: String) throws -> [Column] {
        try DatabaseQueue(path: path).read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT m.name, c.name, c.type, c."notnull" FROM sqlite_master AS m, pragma_table_info(m.name) AS c
                    WHERE m.type = 'table' ORDER BY m.name, c.cid
                    """
            ).map { Column(table: $0[0], name: $0[1], type: $0[2], isNeeded: $0[3]) }
        }
    }

    /// Sets a column in all rows, also to what its table does not allow.
    static func set(_ column: Column, to value: String, in path: String) throws {
        try execute(
            """
            PRAGMA writable_schema = ON;
            CREATE TEMP TABLE kept AS SELECT sql FROM sqlite_master WHERE name = '\(column.table)';
            UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = '\(column.table)';
            PRAGMA writable_schema = RESET;
            UPDATE \(column.table) SET \(column.name) = \(value);
            PRAGMA writable_schema = ON;
            UPDATE sqlite_master SET sql = (SELECT sql FROM kept) WHERE name = '\(column.table)';
            """, on: path)
    }

    enum Outcome: Hashable {
        case valid
        case refused
    }

    /// Reads a recording that may be damaged: it is refused in words, or what comes of it is consistent.
    static func outcome(of path: String) throws -> Outcome {
        let profile: Profile
        do {
            profile = try RecordingReader.read(path: path)
        } catch {
            switch error {
            case .corrupt(path, let detail) where !detail.isEmpty: return .refused
            case .notARecording(path), .newerSchema(path, _, _): return .refused
            default: throw error
            }
        }
        guard profile.isConsistent else { throw Inconsistent() }
        return .valid
    }

    struct Inconsistent: Error {}
}

extension Profile {
    /// Whether all indices are indices of something, and columns of equal length.
    var isConsistent: Bool {
        func isIndex(_ index: Int?, of count: Int) -> Bool { index.map { (0..<count).contains($0) } ?? true }
        let columns = [
            samples.thread.count, samples.container.count, samples.stack.count, samples.kind.count,
            samples.mode.count, samples.weight.count,
        ]
        return threads.allSatisfy { isIndex($0.process, of: processes.count) }
            && frames.allSatisfy { isIndex($0.module, of: modules.count) }
            && stacks.parent.count == stacks.frame.count
            && stacks.parent.indices.allSatisfy { stacks.parent[$0] >= -1 && Int(stacks.parent[$0]) < $0 }
            && stacks.frame.allSatisfy { isIndex(Int($0), of: frames.count) }
            && columns.allSatisfy { $0 == samples.count }
            && samples.thread.allSatisfy { isIndex(Int($0), of: threads.count) }
            && samples.container.allSatisfy { isIndex(Int($0), of: containers.count) }
            && samples.stack.allSatisfy { $0 == -1 || isIndex(Int($0), of: stacks.count) }
            && samples.weight.allSatisfy { $0 >= 0 }
            && syscallCounts.allSatisfy { isIndex($0.container, of: containers.count) && $0.calls >= 0 }
            && pressure.allSatisfy { isIndex($0.container, of: containers.count) }
    }
}
