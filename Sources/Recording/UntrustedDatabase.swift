import CSQLite
import GRDB
import Synchronization

/// How a recording of somebody else's is opened: as SQLite advises for files that are not trusted.
///
/// Source: "Defense Against The Dark Arts", sqlite.org/security.html; what each limit is worth stands in decision 18.
enum UntrustedDatabase {
    /// The longest value, in bytes: a command line with each of its bytes escaped fits.
    private static let longestValue: Int32 = 64 << 20

    /// Settings that a connection gets before it reads the first byte.
    ///
    /// - Parameter budget: lives as long as the connection.
    static func configure(_ db: Database, budget: StepBudget) throws {
        // The connection is open; these set fields of it.
        guard let connection = unsafe db.sqliteConnection else { throw Damage("it cannot be opened") }
        let switches: [(option: Int32, isOn: Int32)] = [
            (SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
            (SQLITE_DBCONFIG_ENABLE_TRIGGER, 0), (SQLITE_DBCONFIG_ENABLE_VIEW, 0),
        ]
        for (option, isOn) in switches {
            // As above.
            let code = unsafe csqlite_set(connection, option, isOn)
            guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        }
        let limits: [(limit: Int32, value: Int32)] = [
            (SQLITE_LIMIT_LENGTH, longestValue), (SQLITE_LIMIT_SQL_LENGTH, 100_000), (SQLITE_LIMIT_COLUMN, 100),
            (SQLITE_LIMIT_EXPR_DEPTH, 10), (SQLITE_LIMIT_COMPOUND_SELECT, 4), (SQLITE_LIMIT_VDBE_OP, 25_000),
            (SQLITE_LIMIT_FUNCTION_ARG, 8), (SQLITE_LIMIT_ATTACHED, 0), (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
            (SQLITE_LIMIT_VARIABLE_NUMBER, 10), (SQLITE_LIMIT_TRIGGER_DEPTH, 1), (SQLITE_LIMIT_WORKER_THREADS, 0),
        ]
        // As above.
        for (limit, value) in limits { _ = unsafe sqlite3_limit(connection, limit, value) }
        // Also while it reads the schema, which may be a tree of pages without end.
        unsafe budget.watch(connection)
        // A short file must not fault a mapping, and nothing is written but the file itself.
        try db.execute(sql: "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;")
    }

    /// Looks through all pages of the tables that are read, whose definitions were checked before: no page is in two
    /// places, none leads in a circle, and so there is no more to read than the file has bytes.
    ///
    /// - Complexity: 4 ms for each MiB.
    static func check(_ tables: [String], in db: Database) throws {
        for table in tables.sorted() {
            // A name of the schema's own.
            guard let found = try String.fetchOne(db, sql: "PRAGMA quick_check(\(table))") else {
                throw Damage("the table \(table) cannot be checked")
            }
            if found == "ok" { continue }
            let lines = found.split(separator: "\n").filter { !$0.hasPrefix("*** in database") }
            throw Damage("\(table): \(lines.first ?? "its pages contradict themselves")")
        }
    }
}

/// How many steps SQLite's machine may take with a file of some size; what takes more is ended with SQLITE_INTERRUPT.
final class StepBudget: Sendable {
    /// Steps for each byte, beside a million: a row of samples has some 27 bytes and takes 29 steps to check and to read, the
    /// shortest rows have a third of that.
    private static let stepsPerByte = 8
    private static let interval: Int32 = 10_000

    private let intervals: Atomic<Int>

    init(byteCount: Int) { intervals = Atomic((1_000_000 + byteCount * Self.stepsPerByte) / Int(Self.interval)) }

    /// - Parameter connection: closed before this ends.
    @unsafe func watch(_ connection: OpaquePointer) {
        // By the caller's promise it finds this alive whenever it is called.
        unsafe sqlite3_progress_handler(
            connection, Self.interval,
            { context in
                // What was passed two lines below.
                guard let context = unsafe context else { return 1 }
                let budget = unsafe Unmanaged<StepBudget>.fromOpaque(context).takeUnretainedValue()
                return budget.intervals.subtract(1, ordering: .relaxed).newValue < 0 ? 1 : 0
            }, Unmanaged.passUnretained(self).toOpaque())
    }
}
