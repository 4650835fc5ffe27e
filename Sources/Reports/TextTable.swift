/// A table that fits: columns that can be narrower become so, and then columns drop from the right. Nothing wraps.
struct TextTable {
    struct Column {
        var header: String
        var cells: [Cell]
        var isRightAligned = false
        /// How narrow the column may become, in terminal columns; nil where it must be whole.
        var least: Int?
    }

    /// One cell; `tail` is the end that is kept when the cell is cut (`file:line` behind a function).
    struct Cell {
        var text: String
        var tail = ""

        var whole: String { tail.isEmpty ? text : text + "  " + tail }

        func fitting(_ width: Int) -> String {
            let room = width - DisplayWidth.of(tail) - 2
            if tail.isEmpty || DisplayWidth.of(whole) <= width || room < 6 {
                return DisplayWidth.clipped(whole, to: width)
            }
            return DisplayWidth.clipped(text, to: room) + "  " + tail
        }
    }

    var columns: [Column]
    private static let gap = 2

    /// Header first, then a line for each row; none is wider than `width`, and none ends in spaces.
    func lines(width: Int, indent: Int) -> [String] {
        var shown = columns
        var widths = shown.map { column in
            max(DisplayWidth.of(column.header), column.cells.map { DisplayWidth.of($0.whole) }.max() ?? 0)
        }
        func least(_ index: Int) -> Int { min(widths[index], shown[index].least ?? widths[index]) }
        func room() -> Int { width - indent - Self.gap * (shown.count - 1) }
        while shown.count > 1, shown.indices.reduce(0, { $0 + least($1) }) > room() {
            shown.removeLast()
            widths.removeLast()
        }
        var excess = widths.reduce(0, +) - room()
        while excess > 0 {
            // The widest of those that may still shrink gives way.
            guard
                let widest = shown.indices.filter({ widths[$0] > least($0) }).max(by: { widths[$0] < widths[$1] })
            else { break }
            widths[widest] -= 1
            excess -= 1
        }
        let rows = columns.map(\.cells.count).max() ?? 0
        return (-1..<rows).map { row in
            var line = String(repeating: " ", count: indent)
            for (index, column) in shown.enumerated() {
                if index > 0 { line += String(repeating: " ", count: Self.gap) }
                let text =
                    row < 0
                    ? DisplayWidth.clipped(column.header, to: widths[index])
                    : column.cells.indices.contains(row) ? column.cells[row].fitting(widths[index]) : ""
                line += DisplayWidth.padded(text, to: widths[index], right: column.isRightAligned)
            }
            while line.last == " " { line.removeLast() }
            return DisplayWidth.clipped(line, to: width)
        }
    }
}
