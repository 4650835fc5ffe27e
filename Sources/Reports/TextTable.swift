/// A table that fits: columns that can be narrower become so, and then columns drop from the right. Nothing wraps.
struct TextTable {
    struct Column {
        var header: Cell
        var cells: [Cell]
        var isRightAligned = false
        /// How narrow the column may become, in terminal columns; nil where it must be whole.
        var least: Int?
        /// Leaves before any column to its right does.
        var isSpare = false

        private var all: [Cell] { [header] + cells }
        var natural: Int { all.map { DisplayWidth.of($0.variants.first ?? "") }.max() ?? 0 }
        /// The width at which every cell is whole in its fewest words.
        var leastUncut: Int { all.map { DisplayWidth.of($0.variants.last ?? "") }.max() ?? 0 }
        /// What the cells take of `width`.
        func used(at width: Int) -> Int { all.map { DisplayWidth.of($0.fitting(width)) }.max() ?? 0 }
    }

    /// One cell in words that become fewer: the first that fit are shown, and the last are cut where none do.
    struct Cell {
        var variants: [String]

        init(_ variants: String...) { self.variants = variants }
        init(variants: [String]) { self.variants = variants }

        func fitting(_ width: Int) -> String {
            variants.first { DisplayWidth.of($0) <= width } ?? DisplayWidth.clipped(variants.last ?? "", to: width)
        }
    }

    var columns: [Column]
    var isEmpty: Bool { columns.allSatisfy(\.cells.isEmpty) }
    private static let gap = 2

    /// The columns that there is room for.
    private func shownColumns(width: Int, indent: Int) -> [Column] {
        var shown = columns
        while shown.count > 1 {
            let least = shown.reduce(0) { $0 + min($1.natural, $1.least ?? $1.natural) }
            if least + Self.gap * (shown.count - 1) + indent <= width { break }
            shown.remove(at: shown.firstIndex(where: \.isSpare) ?? shown.count - 1)
        }
        return shown
    }

    /// Whether the rightmost column has to go.
    func dropsLast(width: Int, indent: Int) -> Bool {
        shownColumns(width: width, indent: indent).last?.header.variants != columns.last?.header.variants
    }

    /// Header first, then a line for each row; none is wider than `width`, and none ends in spaces.
    func lines(width: Int, indent: Int) -> [String] {
        let shown = shownColumns(width: width, indent: indent)
        var widths = shown.map(\.natural)
        func least(_ index: Int) -> Int { min(widths[index], shown[index].least ?? widths[index]) }
        func room() -> Int { width - indent - Self.gap * (shown.count - 1) }
        let natural = widths
        var excess = widths.reduce(0, +) - room()
        while excess > 0 {
            // The widest of those that may still shrink gives way.
            guard
                let widest = shown.indices.filter({ widths[$0] > least($0) }).max(by: { widths[$0] < widths[$1] })
            else { break }
            widths[widest] -= 1
            excess -= 1
        }
        // Fewer words may leave room over: first nothing is cut that need not be, then words come back, from the left.
        for index in shown.indices { widths[index] = shown[index].used(at: widths[index]) }
        for index in shown.indices {
            let spare = max(0, room() - widths.reduce(0, +))
            widths[index] = max(widths[index], min(shown[index].leastUncut, widths[index] + spare))
        }
        for index in shown.indices {
            let most = min(natural[index], widths[index] + max(0, room() - widths.reduce(0, +)))
            if most > widths[index] { widths[index] = shown[index].used(at: most) }
        }
        let rows = shown.map(\.cells.count).max() ?? 0
        return (-1..<rows).map { row in
            var line = String(repeating: " ", count: indent)
            for (index, column) in shown.enumerated() {
                if index > 0 { line += String(repeating: " ", count: Self.gap) }
                let text =
                    row < 0
                    ? column.header.fitting(widths[index])
                    : column.cells.indices.contains(row) ? column.cells[row].fitting(widths[index]) : ""
                line += DisplayWidth.padded(text, to: widths[index], right: column.isRightAligned)
            }
            while line.last == " " { line.removeLast() }
            return DisplayWidth.clipped(line, to: width)
        }
    }
}
