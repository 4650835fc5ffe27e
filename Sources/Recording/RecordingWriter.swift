import GRDB
import Glibc
public import ProfileModel

/// Writes a recording: one SQLite file, committed about once a second.
///
/// Rows gather in a `RowBatch` outside and are written in one burst, so that between bursts the file needs no journal
/// and is complete as it stands. `synchronous` is off until the end: the page cache survives a killed recorder, and a
/// write barrier each second could stall the rings on a slow disk.
public struct RecordingWriter: ~Copyable {
    private let output: OutputFile
    private let database: DatabaseQueue
    private var functions: [String: RowID] = [:]
    /// The facts that the file has; most of them never change.
    private var facts: [String: DatabaseValue] = [:]

    /// The path that was asked for.
    public var path: String { output.finalPath }

    /// Makes an empty recording, which from its first moment on can be read.
    ///
    /// - Parameter info: what is known before the first commit.
    /// - Throws: `exists`, `cannotCreate` or `writeFailed`.
    public init(path: String, replacing: Bool, info: RecordingInfo? = nil) throws(RecordingError) {
        let output = try OutputFile(path: path, replacing: replacing)
        let opened: DatabaseQueue
        do {
            let scratch = try Self.open(output.scratchPath)
            try scratch.inTransaction { db in
                try db.execute(sql: Schema.create())
                if var info {
                    info.finished = false
                    try Self.write(info, into: db)
                }
                return .commit
            }
            try scratch.close()
            try output.place()
            opened = try Self.open(output.workingPath)
        } catch let error as RecordingError {
            // What bears the name is somebody else's.
            output.discardScratch()
            throw error
        } catch {
            output.discard()
            throw Self.failure(error, at: path)
        }
        self.output = output
        database = opened
    }

    private static func open(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "recording"
        configuration.foreignKeysEnabled = false
        // Somebody may look into the file meanwhile; giving up the recording for that would be worse than waiting.
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            // Small pages: each of a dozen tables has at least one, and a short recording has little in them.
            try db.execute(sql: "PRAGMA page_size = 1024;")
            // One burst a second, held in memory until it is committed.
            try db.execute(sql: "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_spill = OFF;")
        }
        return try DatabaseQueue(path: OutputFile.literal(path), configuration: configuration)
    }

    /// Writes all rows of `batch` and the facts of `info` in one transaction.
    ///
    /// - Throws: `writeFailed`; the file then stays as the commit before left it.
    public mutating func commit(_ batch: RowBatch, info: RecordingInfo) throws(RecordingError) {
        var info = info
        info.finished = false
        var known = functions
        do {
            let changed = try Self.facts(of: info).filter { facts[$0.key] != $0.value }
            try database.inTransaction { db in
                try Self.write(batch, known: &known, into: db)
                try Self.write(changed, into: db)
                return .commit
            }
            for row in changed { facts[row.key] = row.value }
        } catch {
            throw Self.failure(error, at: path)
        }
        functions = known
    }

    /// Multiplies all calls of each container: they come from samples, and at the end the kernel's own count is known.
    public mutating func scaleCalls(_ scales: [RowID: Double]) throws(RecordingError) {
        do {
            try database.inTransaction { db in
                for (container, scale) in scales {
                    try db.execute(
                        sql: "UPDATE syscall_counts SET calls = CAST(round(calls * ?) AS INTEGER) WHERE container = ?",
                        arguments: [scale, container])
                }
                return .commit
            }
        } catch {
            throw Self.failure(error, at: path)
        }
    }

    /// Writes the last facts, puts everything on the disk and gives the file its name.
    public consuming func finish(_ info: RecordingInfo) throws(RecordingError) {
        var info = info
        info.finished = true
        do {
            try database.inDatabase { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
            try database.inTransaction { db in
                try Self.write(info, into: db)
                return .commit
            }
            try database.close()
        } catch {
            throw Self.failure(error, at: path)
        }
        try output.publish()
    }

    /// Closes without an end marker: what was committed stays, and every report calls it unfinished.
    public consuming func abandon() {
        try? database.close()
    }

    /// Removes the file: nothing was recorded.
    public consuming func discard() {
        try? database.close()
        output.discard()
    }

    private static func failure(_ error: any Error, at path: String) -> RecordingError {
        let code = (error as? DatabaseError)?.resultCode
        // SQLite takes no path of more than 512 bytes; the file itself was created before.
        if code == .SQLITE_CANTOPEN {
            return .cannotCreate(path: path, errno: path.utf8.count > 500 ? ENAMETOOLONG : EIO)
        }
        let detail = (error as? DatabaseError)?.message ?? "\(error)"
        return .writeFailed(path: path, detail: detail, diskFull: code == .SQLITE_FULL)
    }

    private static func write(_ info: RecordingInfo, into db: Database) throws {
        try write(facts(of: info), into: db)
    }

    private static func facts(of info: RecordingInfo) throws -> [(key: String, value: DatabaseValue)] {
        try InfoKeys.rows(of: info).map { ($0.key, $0.value?.databaseValue ?? .null) }
    }

    private static func write(_ facts: [(key: String, value: DatabaseValue)], into db: Database) throws {
        let statement = try db.cachedStatement(sql: "INSERT OR REPLACE INTO recording (key, value) VALUES (?, ?)")
        for row in facts {
            try statement.execute(arguments: [row.key, row.value])
        }
    }

    private static func write(_ batch: RowBatch, known: inout [String: RowID], into db: Database) throws {
        func each<Row>(_ rows: [Row], _ sql: String, _ arguments: (Row) throws -> StatementArguments) throws {
            if rows.isEmpty { return }
            let statement = try db.cachedStatement(sql: sql)
            for row in rows {
                statement.setUncheckedArguments(try arguments(row))
                try statement.execute()
            }
        }
        func functionID(_ name: String?) throws -> RowID? {
            guard let name else { return nil }
            if let id = known[name] { return id }
            let id = RowID(known.count + 1)
            known[name] = id
            try db.cachedStatement(sql: "INSERT INTO functions (id, name) VALUES (?, ?)")
                .execute(arguments: [id, name])
            return id
        }

        try each(
            batch.containers,
            "INSERT OR REPLACE INTO containers (id, name, runtime, runtime_id, image, pod, namespace, cgroup, "
                + "cgroup_user_ns, cgroup_system_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ) { row in
            let it = row.container
            return [
                row.id, it.name, it.runtime, it.id, it.image, it.pod, it.namespace, it.cgroup,
                it.cgroupTimes?.userNanoseconds, it.cgroupTimes?.systemNanoseconds,
            ]
        }
        try each(batch.processes, "INSERT OR REPLACE INTO processes (id, pid, comm) VALUES (?, ?, ?)") { row in
            [row.id, row.pid.rawValue, row.comm]
        }
        try each(batch.threads, "INSERT OR REPLACE INTO threads (id, tid, process, comm) VALUES (?, ?, ?, ?)") { row in
            [row.id, row.tid.rawValue, row.process, row.comm]
        }
        try each(
            batch.modules,
            "INSERT OR REPLACE INTO modules (id, kind, path, build_id, symbols_skipped) VALUES (?, ?, ?, ?, ?)"
        ) { row in
            let it = row.module
            return [row.id, it.kind.rawValue, it.path, it.buildID?.description, it.symbolsSkipped]
        }
        try each(
            batch.frames, "INSERT INTO frames (id, kind, module, address, function) VALUES (?, ?, ?, ?, ?)"
        ) { row in
            [
                row.id, Int64(row.kind.rawValue), row.module, Int64(bitPattern: row.address),
                try functionID(row.function),
            ]
        }
        try each(
            batch.names, "UPDATE frames SET function = ?, file = ?, line = ?, syscall_number = ? WHERE id = ?"
        ) { row in
            [try functionID(row.function), row.file, row.line, row.syscallNumber, row.frame]
        }
        try each(batch.names, "DELETE FROM inlines WHERE frame = ?") { row in [row.frame] }
        let inlines = batch.names.flatMap { names in
            names.inlinedInto.enumerated().map { (frame: names.frame, depth: $0.offset + 1, caller: $0.element) }
        }
        try each(
            inlines, "INSERT OR REPLACE INTO inlines (frame, depth, function, file, line) VALUES (?, ?, ?, ?, ?)"
        ) { row in
            [row.frame, row.depth, try functionID(row.caller.function), row.caller.file, row.caller.line]
        }
        try write(batch.stacks, into: db)
        try write(batch.samples, into: db)
        try each(
            batch.syscallCounts,
            "INSERT INTO syscall_counts (container, number, time, calls) VALUES (?, ?, ?, ?)"
        ) { row in
            [row.container, row.number, row.time, row.calls]
        }
        try each(
            batch.pressure, "INSERT INTO pressure (container, name, unit, before, after) VALUES (?, ?, ?, ?, ?)"
        ) { row in
            [row.container, row.name, row.unit, row.before, row.after]
        }
        try each(batch.locks, "INSERT INTO locks (id, address, kind, symbol) VALUES (?, ?, ?, ?)") { row in
            [row.id, Int64(bitPattern: row.lock.address.rawValue), row.lock.kind.rawValue, row.lock.symbol]
        }
        try each(
            batch.lockWaits,
            "INSERT INTO lock_waits (time, container, process, stack, lock, contentions, waited_ns) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?)"
        ) { row in
            [row.time, row.container, row.process, row.stack, row.lock, row.contentions, row.waited]
        }
        try each(
            batch.lockHolds,
            "INSERT OR REPLACE INTO lock_holds (id, lock, waiter, holder, waited_ns) VALUES (?, ?, ?, ?, ?)"
        ) { row in
            [row.id, row.lock, row.waiter, row.holder, row.waited]
        }
    }

    private static func write(_ stacks: [StackRow], into db: Database) throws {
        try NumberStatement.insert(stacks, into: "stacks", ["id", "parent", "frame"], db) { row, statement in
            statement.bind(row.id)
            statement.bind(row.parent)
            statement.bind(row.frame)
        }
    }

    private static func write(_ samples: [SampleRow], into db: Database) throws {
        let columns = ["time", "cpu", "thread", "container", "stack", "kind", "mode", "weight"]
        try NumberStatement.insert(samples, into: "samples", columns, db) { row, statement in
            statement.bind(row.time)
            statement.bind(Int64(row.cpu))
            statement.bind(row.thread)
            statement.bind(row.container)
            statement.bind(row.stack)
            statement.bind(Int64(row.kind.rawValue))
            statement.bind(Int64(row.mode.rawValue))
            statement.bind(row.weight)
        }
    }
}
