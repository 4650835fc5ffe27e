public import Analysis

extension TextRenderer {
    /// Two columns of figures where there is room for them, one below the other where there is not.
    public func render(_ comparison: Comparison) -> String {
        var lines = Lines(width: width, colour: colour)
        header(comparison, into: &lines)
        for (index, pair) in comparison.containers.enumerated() {
            lines.blank()
            section(pair, comparison, rows: comparison.syscalls.filter { $0.pair == index }, into: &lines)
        }
        if let omitted = comparison.omittedRows { lines.sentence("and \(Figures.count(omitted)) more", style: .dim) }
        if let detail = comparison.detail { self.detail(detail, comparison, into: &lines) }
        return lines.text
    }

    /// Narrower than this, both sides' figures of a call do not fit on one line with what is said of them.
    private static let sideBySideWidth = 120

    // MARK: The recordings

    private func header(_ comparison: Comparison, into lines: inout Lines) {
        for (role, side) in [("A baseline ", comparison.baseline), ("B candidate", comparison.candidate)] {
            let recording = side.recording
            lines.segments(
                ["\(role)  \(displayName(side.label))"] + (recording.finished ? [] : ["UNFINISHED"]) + [
                    Figures.duration(recording.durationNanoseconds),
                    "\(Figures.count(side.confidence.samples)) samples",
                    "\(displayName(recording.event)) \(recording.frequency) Hz",
                    recording.cpus == 1 ? "1 CPU" : "\(recording.cpus) CPUs",
                    "Linux \(displayName(recording.kernel)) \(displayName(recording.arch))",
                ], style: .bold)
        }
        if !comparison.differences.isEmpty {
            let facts = comparison.differences.map { difference in
                let (name, before, after) = Self.words(for: difference)
                return "\(name) \(before) → \(after)"
            }
            lines.sentence("not the same: " + facts.joined(separator: "; "), style: .plain)
        }
        for (name, side) in [("baseline", comparison.baseline), ("candidate", comparison.candidate)] {
            for warning in side.confidence.warnings {
                lines.sentence("warning: \(name): \(displayName(warning))", style: .warning)
            }
        }
        for (name, unmatched) in [
            ("baseline", comparison.unmatchedBaseline), ("candidate", comparison.unmatchedCandidate),
        ] where !unmatched.isEmpty {
            lines.sentence(
                "only in the \(name): " + unmatched.map(displayName).joined(separator: ", ")
                    + "; --map A=B says which is which", style: .plain)
        }
    }

    private static func words(for difference: RecordingDifference) -> (String, String, String) {
        func words(_ transform: (Double) -> String) -> (String, String) {
            (
                Double(difference.baseline).map(transform) ?? displayName(difference.baseline),
                Double(difference.candidate).map(transform) ?? displayName(difference.candidate)
            )
        }
        let plain = (displayName(difference.baseline), displayName(difference.candidate))
        let (name, (before, after)): (String, (String, String)) =
            switch difference.fact {
            case "duration_ns": ("duration", words { Figures.duration($0) })
            case "frequency_hz": ("frequency", words { Figures.decimal($0, places: 0) + " Hz" })
            case "complete_stacks_share": ("complete stacks", words { Figures.percent($0) })
            case "cpus": ("CPUs", plain)
            case "kernel_half": ("the kernel's half", plain)
            case "kernel_symbols": ("kernel symbols", plain)
            case "lost_samples": ("lost samples", plain)
            default: (difference.fact, plain)
            }
        return (name, before, after)
    }

    // MARK: One pair of containers

    private func section(
        _ pair: ComparedContainer, _ comparison: Comparison, rows: [ComparedSyscall], into lines: inout Lines
    ) {
        let (before, after) = (displayName(pair.baseline.name), displayName(pair.candidate.name))
        let facts = [
            "\(Figures.count(pair.baseline.samples)) and \(Figures.count(pair.candidate.samples)) samples",
            "run time \(Figures.duration(pair.baseline.runNanoseconds)) and "
                + Figures.duration(pair.candidate.runNanoseconds),
        ]
        lines.segments([before == after ? before : "\(before) → \(after)"] + facts, style: .bold)
        lines.table(totals(pair, comparison), indent: 2)
        lines.blank()
        findings(comparison.findings ?? [], of: comparison.containers.firstIndex(of: pair), comparison, into: &lines)
        if rows.isEmpty {
            lines.line("  no kernel time was sampled")
        } else if width >= Self.sideBySideWidth {
            lines.table(sideBySide(rows), indent: 2)
        } else {
            for row in rows { stacked(row, into: &lines) }
        }
    }

    /// What is new, gone or in both, in front of the figures: it explains them.
    private func findings(
        _ findings: [ComparedFinding], of pair: Int?, _ comparison: Comparison, into lines: inout Lines
    ) {
        let own = findings.filter { $0.pair == pair }
        for found in own {
            let word =
                switch found.status {
                case .new: "new in \(displayName(comparison.candidate.label))"
                case .gone: "gone in \(displayName(comparison.candidate.label))"
                case .both: "in both"
                }
            let shares =
                "\(Figures.percent(found.baselineShare)) → \(Figures.percent(found.candidateShare)) of the kernel time"
            lines.sentence("  \(word): \(found.finding.title) (\(shares))", style: .bold, hang: 6)
            if found.status != .gone { lines.sentence("    remedy: \(found.finding.remedy)", style: .plain, hang: 6) }
        }
        if !own.isEmpty { lines.blank() }
    }

    private func totals(_ pair: ComparedContainer, _ comparison: Comparison) -> TextTable {
        var names = ["kernel share", "CPU"]
        let shares = (pair.baseline.kernelShare, pair.candidate.kernelShare)
        var before = [shares.0.map { Figures.percent($0.value) } ?? "no sample", Self.load(pair.baseline.cpuPerSecond)]
        var after = [shares.1.map { Figures.percent($0.value) } ?? "no sample", Self.load(pair.candidate.cpuPerSecond)]
        var changes = [pair.kernelShareChange.map(Self.points) ?? "", Self.change(pair.cpuChange)]
        if let wait = pair.contendedWaitChange {
            names.append("contended wait")
            before.append(pair.baseline.contendedWaitPerSecond.map(Self.load) ?? "")
            after.append(pair.candidate.contendedWaitPerSecond.map(Self.load) ?? "")
            changes.append(Self.change(wait))
        }
        return TextTable(columns: [
            Column(header: Cell(""), cells: names.map { Cell($0) }),
            Column(header: Cell("A"), before), Column(header: Cell("B"), after),
            Column(header: Cell("CHANGE"), changes),
        ])
    }

    private func sideBySide(_ rows: [ComparedSyscall]) -> TextTable {
        let names = rows.map { Self.nameCell($0.name, libc: $0.libcName) }
        var columns = [Column(header: Cell("SYSCALL"), cells: names, least: Self.leastName(names))]
        for (mark, side) in [("A ", \ComparedSyscall.baseline), ("B ", \ComparedSyscall.candidate)] {
            let sides = rows.map { $0[keyPath: side] }
            columns.append(
                Column(header: Cell(mark + "TIME/s"), sides.map { $0.map { Self.load($0.timePerSecond) } ?? "–" }))
            if sides.contains(where: { $0?.callsPerSecond != nil }) {
                columns.append(
                    Column(
                        header: Cell(mark + "CALLS/s"), sides.map { $0?.callsPerSecond.map(Figures.rate) ?? "" }))
                columns.append(
                    Column(header: Cell(mark + "COST"), sides.map { $0?.costPerCall.map(Figures.duration) ?? "" }))
            }
        }
        columns.append(Column(header: Cell("CHANGE"), rows.map { Self.change($0.change) }))
        columns.append(Column(header: Cell("WHY"), cells: rows.map(Self.whyCell), least: 12))
        return TextTable(columns: columns)
    }

    private func stacked(_ row: ComparedSyscall, into lines: inout Lines) {
        let before = row.baseline.map { Self.load($0.timePerSecond) } ?? "–"
        let after = row.candidate.map { Self.load($0.timePerSecond) } ?? "–"
        lines.segments(
            [
                "\(Self.name(row.name, libc: row.libcName))  \(before) → \(after) per second", Self.change(row.change),
            ], style: .plain, indent: 2, separator: "  ")
        lines.segments(Self.reasons(row), style: .dim, indent: 6, separator: "; ")
    }

    // MARK: Detail

    private func detail(_ detail: ComparisonDetail, _ comparison: Comparison, into lines: inout Lines) {
        for (title, places) in [
            ("IN THE KERNEL", detail.functions), ("CALLED FROM", detail.callSites),
        ] where !places.isEmpty {
            lines.blank()
            if title == "IN THE KERNEL" { lines.line("inside \(displayName(detail.query))", style: .bold) }
            var columns = [
                Column(header: Cell("A TIME/s"), places.map { $0.baselinePerSecond.map(Self.load) ?? "–" }),
                Column(header: Cell("B TIME/s"), places.map { $0.candidatePerSecond.map(Self.load) ?? "–" }),
                Column(header: Cell("CHANGE"), places.map { Self.change($0.change) }),
                Column(
                    header: Cell(title),
                    cells: places.map { $0.place == CodePlace() ? Cell("(unknown)") : Self.cell(for: $0.place) },
                    least: 16),
            ]
            if comparison.containers.count > 1 {
                columns.append(
                    Column(header: Cell("CONTAINER"), cells: places.map { Cell(displayName($0.container)) }, least: 8))
            }
            lines.table(TextTable(columns: columns), indent: 2)
        }
    }

    // MARK: Words

    /// Nanoseconds in a second.
    static func load(_ nanoseconds: Double) -> String {
        Figures.timePerSecond(Int64(max(0, min(nanoseconds, 9e18))), over: 1_000_000_000)
    }

    /// `+3.81 s ±0.10 s`
    static func change(_ change: Estimate) -> String {
        let sign = change.value > 0 ? "+" : change.value < 0 ? "-" : ""
        let size = sign + load(abs(change.value))
        return change.halfWidth.isFinite ? "\(size) ±\(load(change.halfWidth))" : "\(size) ±?"
    }

    /// `+70.7 pp ±1.2`
    static func points(_ change: Estimate) -> String {
        let sign = change.value > 0 ? "+" : ""
        let size = sign + Figures.decimal(change.value * 100, places: 1) + " pp"
        guard change.halfWidth.isFinite else { return size + " ±?" }
        return "\(size) ±\(Figures.decimal(change.halfWidth * 100, places: 1))"
    }

    private static func whyCell(_ row: ComparedSyscall) -> Cell {
        let reasons = reasons(row)
        return Cell(variants: [reasons.joined(separator: "; "), reasons[0], row.shortWhy])
    }

    /// The verdict's words with the figures that they rest on; the weightier part first.
    static func reasons(_ row: ComparedSyscall) -> [String] {
        switch row.verdict {
        case .cannotTell:
            let more = row.moreSeconds.map { "recordings longer by \(Figures.duration($0 * 1e9)) may do" }
            return [row.verdict.rawValue] + (more.map { [$0] } ?? [])
        case .unchanged, .moreTime, .lessTime:
            return [row.verdict.rawValue]
        case .dearer, .cheaper, .moreOften, .lessOften, .both:
            guard let cost = costWords(row), let rate = rateWords(row) else {
                return [
                    row.baseline == nil ? "only in the candidate" : row.candidate == nil ? "gone" : row.verdict.rawValue
                ]
            }
            return abs(row.fromCost ?? 0) >= abs(row.fromRate ?? 0) ? [cost, rate] : [rate, cost]
        }
    }

    private static func costWords(_ row: ComparedSyscall) -> String? {
        guard let before = row.baseline?.costPerCall, let after = row.candidate?.costPerCall else { return nil }
        let figures = "\(Figures.duration(before)) → \(Figures.duration(after))"
        switch row.verdict {
        case .dearer, .cheaper, .both:
            return "each call \(after >= before ? "dearer" : "cheaper"): \(figures) (\(factor(before, after)))"
        default: return "each costs about the same: \(figures)"
        }
    }

    private static func rateWords(_ row: ComparedSyscall) -> String? {
        guard let before = row.baseline?.callsPerSecond, let after = row.candidate?.callsPerSecond, before > 0 else {
            return nil
        }
        switch row.verdict {
        case .moreOften, .lessOften, .both:
            let word = after >= before ? "more" : "less"
            let figures = "\(Figures.rate(before)) → \(Figures.rate(after)) a second"
            return "called \(word) often: \(figures) (\(factor(before, after)))"
        default:
            let ratio = after / before
            let word = ratio > 1.25 ? "more often" : ratio < 0.8 ? "less often" : "about as often"
            return "calls \(word) (\(factor(before, after)))"
        }
    }

    /// `×154`, `×1.1`
    private static func factor(_ before: Double, _ after: Double) -> String {
        guard before > 0 else { return "×∞" }
        let factor = after / before
        return "×" + Figures.decimal(factor, places: factor >= 9.95 ? 0 : factor >= 0.095 ? 1 : 3)
    }
}

extension ComparedSyscall {
    /// The verdict alone.
    fileprivate var shortWhy: String { verdict == .cannotTell ? "cannot tell" : verdict.rawValue }
}
