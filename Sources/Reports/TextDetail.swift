public import Analysis

extension TextRenderer {
    public func render(_ detail: SyscallDetail) -> String {
        var lines = Lines(width: width, colour: colour)
        header(detail.recording, detail.confidence, into: &lines)
        if detail.containers.isEmpty {
            lines.blank()
            lines.sentence("no sample in \(displayName(detail.query))", style: .plain)
            if let known = detail.knownNames, !known.isEmpty {
                lines.sentence("seen: " + known.prefix(20).map(displayName).joined(separator: ", "), style: .plain)
            }
        }
        for container in detail.containers {
            lines.blank()
            section(container, duration: detail.recording.durationNanoseconds, into: &lines)
        }
        return lines.text
    }

    private func section(_ container: SyscallDetail.ContainerDetail, duration: Int64, into lines: inout Lines) {
        let names = container.entries.map(Self.name(of:)).joined(separator: ", ")
        lines.line("\(displayName(container.name)) · \(names)", style: .bold)
        for entry in container.entries {
            lines.segments(figures(of: entry, duration: duration), style: .plain, indent: 2, separator: "   ")
        }
        if !container.kernelTree.isEmpty {
            lines.blank()
            lines.table(kernelTable(container.kernelTree), indent: 2)
        }
        if !container.callTree.isEmpty {
            lines.blank()
            lines.table(callTable(container.callTree.map { ($0.share, $0.depth, $0.place, $0.cut) }), indent: 2)
        }
        guard let wait = container.waitNanoseconds, let tree = container.waitTree else { return }
        lines.blank()
        lines.line("  asleep inside it, whatever for: \(Figures.timePerSecond(wait, over: duration)) per second")
        lines.blank()
        lines.table(waitTable(tree), indent: 2)
        lines.blank()
        lines.table(
            callTable((container.waitCallTree ?? []).map { ($0.share, $0.depth, $0.place, $0.cut) }), indent: 2)
    }

    private func waitTable(_ rows: [SyscallDetail.WaitTreeRow]) -> TextTable {
        let cells = rows.map { row in
            let name = Self.indent(row.depth) + (row.function.map(displayName) ?? "(unnamed)")
            return row.waitClass.map { TextTable.Cell("\(name) (\($0.words))", name) } ?? TextTable.Cell(name)
        }
        return TextTable(columns: [
            Column(header: TextTable.Cell("ASLEEP"), rows.map { Figures.percent($0.share) }),
            Column(header: TextTable.Cell("IN THE KERNEL, INWARDS"), cells: cells, least: 16),
        ])
    }

    private func figures(of entry: EntryReport, duration: Int64) -> [String] {
        var parts = [
            "\(Figures.timePerSecond(entry.kernelTimeNanoseconds, over: duration)) per second",
            Self.shareWithInterval(entry.share.value, entry.share.low, entry.share.high) + " of the kernel time",
            "\(Figures.count(entry.samples)) samples",
        ]
        if let rate = entry.callsPerSecond { parts.append("\(Figures.rate(rate)) calls/s") }
        if let cost = entry.cpuPerCallNanoseconds { parts.append("CPU per call \(Figures.duration(cost))") }
        if let cost = entry.waitPerCallNanoseconds { parts.append("wait per call \(Figures.duration(cost))") }
        if let cost = entry.latencyPerCallNanoseconds { parts.append("latency \(Figures.duration(cost))") }
        if entry.spinNanoseconds > 0 {
            let spin = Figures.timePerSecond(entry.spinNanoseconds, over: duration)
            parts.append("spinning on locks \(spin) per second")
        }
        return parts
    }

    private func kernelTable(_ rows: [SyscallDetail.KernelTreeRow]) -> TextTable {
        var columns = [
            Column(header: TextTable.Cell("SHARE"), rows.map { Figures.percent($0.share) }),
            Column(header: TextTable.Cell("SELF"), rows.map { Self.ownShare($0) }),
        ]
        if rows.contains(where: { $0.contendedWaitNanoseconds ?? 0 > 0 }) {
            columns.append(
                Column(
                    header: TextTable.Cell("WAIT"),
                    rows.map { row in
                        let time = Double(max(1, row.kernelTimeNanoseconds))
                        return Figures.wholePercent(Double(row.contendedWaitNanoseconds ?? 0) / time)
                    }))
        }
        let cells = rows.map {
            TextTable.Cell(Self.indent($0.depth) + ($0.function.map(displayName) ?? "(unnamed)"))
        }
        columns.append(Column(header: TextTable.Cell("IN THE KERNEL, INWARDS"), cells: cells, least: 16))
        return TextTable(columns: columns)
    }

    private static func ownShare(_ row: SyscallDetail.KernelTreeRow) -> String {
        guard row.selfNanoseconds > 0, row.kernelTimeNanoseconds > 0 else { return "" }
        return Figures.percent(row.share * Double(row.selfNanoseconds) / Double(row.kernelTimeNanoseconds))
    }

    private func callTable(_ rows: [(share: Double, depth: Int, place: CodePlace?, cut: String?)]) -> TextTable {
        let cells = rows.map { row -> TextTable.Cell in
            if let place = row.place {
                return Self.cell(for: place, indent: Self.indent(row.depth))
            }
            let words = row.cut == "more" ? "(more callers)" : "(stack cut short: \(displayName(row.cut ?? "unknown")))"
            return TextTable.Cell(Self.indent(row.depth) + words)
        }
        return TextTable(columns: [
            Column(header: TextTable.Cell("SHARE"), rows.map { Figures.percent($0.share) }),
            Column(header: TextTable.Cell("CALLED FROM, OUTWARDS"), cells: cells, least: 16),
        ])
    }

    private static func indent(_ depth: Int) -> String { String(repeating: " ", count: min(depth, 60)) }
}

extension WaitClass {
    /// As people read it.
    fileprivate var words: String {
        switch self {
        case .kernelLock: "kernel lock"
        case .kernelWait: "kernel work"
        case .diskIO: "disk"
        case .memory: "memory"
        case .preempted: "preempted"
        case .byChoice: "by choice"
        case .other: "other"
        }
    }
}
