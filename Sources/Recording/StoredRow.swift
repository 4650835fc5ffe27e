import GRDB

/// One row as it is stored. A value of another type than the schema's is damage: SQLite would convert it, and GRDB's
/// subscripts would trap on it.
struct StoredRow {
    /// Stands at the row.
    let statement: Statement
    /// Where the row is from, for errors.
    let table: String

    /// Gives each row of a query to `body`.
    static func forEach(
        in db: Database, _ sql: String, table: String, _ body: (StoredRow) throws -> Void
    ) throws {
        let statement = try db.makeStatement(sql: sql)
        let rows = try Row.fetchCursor(statement)
        let row = StoredRow(statement: statement, table: table)
        while try rows.next() != nil { try body(row) }
    }

    func integer(_ column: Int) throws(Damage) -> Int64 {
        guard case .int64(let value) = storage(column) else { throw unexpected(column) }
        return value
    }

    func optionalInteger(_ column: Int) throws(Damage) -> Int64? {
        switch storage(column) {
        case .int64(let value): return value
        case .null: return nil
        default: throw unexpected(column)
        }
    }

    func text(_ column: Int) throws(Damage) -> String {
        guard case .string(let value) = storage(column) else { throw unexpected(column) }
        return value
    }

    func optionalText(_ column: Int) throws(Damage) -> String? {
        switch storage(column) {
        case .string(let value): return value
        case .null: return nil
        default: throw unexpected(column)
        }
    }

    /// A number that counts something.
    func count(_ column: Int) throws(Damage) -> Int64 {
        let value = try integer(column)
        guard value >= 0 else { throw Damage("\(table) has \(value) in column \(column + 1)") }
        return value
    }

    /// A number that a narrower type holds.
    func integer<Narrow: FixedWidthInteger>(_ column: Int, as type: Narrow.Type) throws(Damage) -> Narrow {
        let value = try integer(column)
        guard let narrow = Narrow(exactly: value) else { throw Damage("\(table) has \(value) in column \(column + 1)") }
        return narrow
    }

    /// A row id as an index: ids are dense from 1.
    func index(_ column: Int, below count: Int) throws(Damage) -> Int {
        try index(try integer(column), below: count)
    }

    func optionalIndex(_ column: Int, below count: Int) throws(Damage) -> Int? {
        guard let id = try optionalInteger(column) else { return nil }
        return try index(id, below: count)
    }

    private func index(_ id: Int64, below count: Int) throws(Damage) -> Int {
        guard id >= 1, id <= Int64(count) else { throw Damage("\(table) refers to id \(id) of \(count)") }
        return Int(id - 1)
    }

    /// The value as it is stored.
    func value(_ column: Int) -> DatabaseValue {
        // The statement lives as long as this row and stands at it. A million samples are read in
        // 0.6 s; by way of GRDB's `Row`, which looks up generic metadata for each column, it was 1.3 s.
        unsafe DatabaseValue(sqliteStatement: statement.sqliteStatement, index: CInt(truncatingIfNeeded: column))
    }

    private func storage(_ column: Int) -> DatabaseValue.Storage { value(column).storage }

    private func unexpected(_ column: Int) -> Damage {
        Damage("\(table) has a value of the wrong type in column \(column + 1)")
    }
}

/// What is wrong inside a recording, in words.
struct Damage: Error {
    let detail: String
    init(_ detail: String) { self.detail = detail }
}
