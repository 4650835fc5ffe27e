/// Lines of a text report as they are collected: each at most `width` columns wide.
struct Lines {
    enum Style {
        case plain
        case bold
        case dim
        case warning
    }

    let width: Int
    let colour: Bool
    private(set) var lines: [String] = []

    init(width: Int, colour: Bool) {
        self.width = width
        self.colour = colour
    }

    /// Everything, each line ended.
    var text: String { lines.map { $0 + "\n" }.joined() }

    mutating func blank() { lines.append("") }

    /// One line, clipped.
    mutating func line(_ text: String, style: Style = .plain) {
        lines.append(styled(DisplayWidth.clipped(text, to: width), style))
    }

    /// One line as it is, however long: something to copy.
    mutating func verbatim(_ text: String) { lines.append(text) }

    /// One line of facts; those that do not fit are left out from the right, but the first is only clipped.
    mutating func segments(_ parts: [String], style: Style, indent: Int = 0, separator: String = " · ") {
        guard let first = parts.first else { return }
        var text = String(repeating: " ", count: indent) + first
        for part in parts.dropFirst() {
            if DisplayWidth.of(text + separator + part) > width { break }
            text += separator + part
        }
        line(text, style: style)
    }

    /// A title and something at the right edge, which gives way to the title.
    mutating func leftAndRight(_ left: String, _ right: String) {
        let room = width - DisplayWidth.of(right) - 2
        if room < 20 {
            line(left, style: .bold)
        } else {
            line(DisplayWidth.padded(DisplayWidth.clipped(left, to: room), to: room) + "  " + right, style: .bold)
        }
    }

    /// Prose: broken between words, since nothing of it can be left out.
    ///
    /// - Parameter hang: spaces before each line but the first.
    mutating func sentence(_ text: String, style: Style, hang: Int = 2) {
        var line = ""
        // A figure and its `%` stay together.
        var words: [String] = []
        for word in text.split(separator: " ", omittingEmptySubsequences: false).map(String.init) {
            if word.hasPrefix("%"), let figure = words.popLast() {
                words.append(figure + " " + word)
            } else {
                words.append(word)
            }
        }
        for (index, word) in words.enumerated() {
            let next = index == 0 ? word : line + " " + word
            if index > 0 && DisplayWidth.of(next) > width {
                self.line(line, style: style)
                line = width > hang + 18 ? String(repeating: " ", count: hang) + word : word
            } else {
                line = next
            }
        }
        self.line(line, style: style)
    }

    mutating func table(_ table: TextTable, indent: Int) {
        for (index, text) in table.lines(width: width, indent: indent).enumerated() {
            line(text, style: index == 0 ? .dim : .plain)
        }
    }

    private func styled(_ text: String, _ style: Style) -> String {
        guard colour, !text.isEmpty else { return text }
        switch style {
        case .plain: return text
        case .bold: return "\u{1B}[1m\(text)\u{1B}[0m"
        case .dim: return "\u{1B}[2m\(text)\u{1B}[0m"
        case .warning: return "\u{1B}[33m\(text)\u{1B}[0m"
        }
    }
}
