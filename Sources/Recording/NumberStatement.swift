import GRDB
import GRDBSQLite

/// An INSERT of numbers alone. There are as many such rows as samples and stacks, and GRDB's arguments are an array of boxes
/// for each: they took half of the time of a commit.
///
/// Safe: the statement lives as long as this value.
@safe struct NumberStatement {
    private let statement: Statement
    private var column: Int32 = 0

    init(_ db: Database, _ sql: String) throws { statement = try db.cachedStatement(sql: sql) }

    /// Gives the next column its value.
    mutating func bind(_ value: Int64?) {
        column &+= 1
        if let value {
            // The statement is open; SQLite refuses a column that it does not have.
            _ = unsafe sqlite3_bind_int64(statement.sqliteStatement, column, value)
        } else {
            // As above.
            _ = unsafe sqlite3_bind_null(statement.sqliteStatement, column)
        }
    }

    /// Inserts the row, and begins the next one.
    mutating func insert() throws {
        // As above.
        let code = unsafe sqlite3_step(statement.sqliteStatement)
        defer {
            column = 0
            // As above. It says once more what the step said.
            _ = unsafe sqlite3_reset(statement.sqliteStatement)
        }
        guard code != SQLITE_DONE else { return }
        // SQLite's own text, copied before the next call.
        let message = unsafe String(cString: sqlite3_errmsg(sqlite3_db_handle(statement.sqliteStatement)))
        throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message)
    }
}
