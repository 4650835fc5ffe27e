public import Analysis

extension TextRenderer {
    /// One line for each pattern.
    public func render(_ patterns: [Pattern]) -> String {
        var lines = Lines(width: width, colour: colour)
        lines.table(
            TextTable(columns: [
                TextTable.Column(header: Cell("PATTERN"), cells: patterns.map { Cell($0.name) }, least: 20),
                TextTable.Column(header: Cell("SCOPE"), cells: patterns.map { Cell($0.scope.rawValue) }),
                TextTable.Column(header: Cell("WHAT"), cells: patterns.map { Cell($0.title) }, least: 20),
            ]), indent: 0)
        return lines.text
    }

    /// One pattern in full.
    public func render(_ pattern: Pattern) -> String {
        var lines = Lines(width: width, colour: colour)
        lines.line(pattern.name, style: .bold)
        lines.sentence(pattern.title, style: .plain)
        lines.blank()
        let percent = Figures.decimal(pattern.leastShare * 100, places: 0)
        for (name, text) in [
            ("shared", pattern.shared), ("cause", pattern.cause), ("remedy", pattern.remedy),
            ("shows in", pattern.check), ("scope", pattern.scope.rawValue),
            ("confidence", pattern.confidence.rawValue), ("told from", "\(percent) % of a container's kernel time on"),
            ("most by", pattern.syscalls.joined(separator: ", ")),
            ("only with", pattern.leastCPUs > 1 ? "\(pattern.leastCPUs) CPUs or more" : ""),
            ("never told", pattern.untold ?? ""),
        ] where !text.isEmpty {
            lines.sentence("\(name): \(text)", style: .plain, hang: 4)
        }
        lines.blank()
        for evidence in pattern.evidence {
            let state =
                switch evidence.state {
                case .running: "on a CPU"
                case .waiting: "off the CPU"
                case .any: "on and off the CPU"
                case .inItself: "on a CPU in the last one itself"
                }
            lines.sentence("\(evidence.strength.rawValue), \(state):", style: .dim)
            lines.sentence(
                "  " + evidence.path.map { $0.joined(separator: " | ") }.joined(separator: " > "), style: .plain,
                hang: 6)
        }
        if !pattern.references.isEmpty { lines.blank() }
        for reference in pattern.references { lines.verbatim("see \(reference)") }
        return lines.text
    }
}
