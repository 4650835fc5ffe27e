import GRDB
import GRDBSQLite

/// An INSERT of numbers alone. There are as many such rows as samples and stacks, and GRDB's arguments are an array of boxes
/// for each: they took half of the time of a commit.
///
/// Safe: the statement lives as long as this value.
@safe struct NumberStatement {
    private let statement: Statement
    private var column: Int32 = 0

    private init(_ db: Database, _ table: String, _ columns: [String], rows: Int) throws {
        let row = "(" + columns.map { _ in "?" }.joined(separator: ", ") + ")"
        statement = try db.cachedStatement(
            sql: "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES "
                + [String](repeating: row, count: rows).joined(separator: ", "))
    }

    /// So many rows go into the table at a time: beginning and ending a statement took SQLite as long as its row.
    private static let rowsAtOnce = 32

    /// Inserts rows, each of whose columns `bind` has to bind in their order.
    static func insert<Row>(
        _ rows: [Row], into table: String, _ columns: [String], _ db: Database,
        _ bind: (Row, inout NumberStatement) -> Void
    ) throws {
        let many = rows.count / rowsAtOnce * rowsAtOnce
        for (part, rowsAtOnce) in [(rows[..<many], rowsAtOnce), (rows[many...], 1)] where !part.isEmpty {
            var statement = try NumberStatement(db, table, columns, rows: rowsAtOnce)
            for start in stride(from: part.startIndex, to: part.endIndex, by: rowsAtOnce) {
                for row in part[start..<start + rowsAtOnce] { bind(row, &statement) }
                try statement.insert()
            }
        }
    }

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

    /// Inserts what was bound, and begins anew.
    private mutating func insert() throws {
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
