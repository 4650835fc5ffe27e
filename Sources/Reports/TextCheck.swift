public import Analysis

extension TextRenderer {
    /// A table, then one line for each verdict that is not plain, and one for the whole.
    public func render(_ report: CheckReport) -> String {
        var lines = Lines(width: width, colour: colour)
        for side in [report.candidate] + report.baselines {
            for warning in side.confidence.warnings {
                lines.sentence("warning: \(displayName(side.label)): \(displayName(warning))", style: .warning)
            }
        }
        let verdicts = report.verdicts
        var columns = [
            Column(header: Cell(""), cells: verdicts.map { Cell($0.outcome.word) }),
            Column(header: Cell("METRIC"), cells: verdicts.map { Cell(displayName($0.metric)) }, least: 20),
            Column(header: Cell("VALUE"), verdicts.map(CheckWords.value)),
            Column(header: Cell("95 % INTERVAL"), verdicts.map(CheckWords.interval)),
            Column(header: Cell("LIMIT"), verdicts.map { displayName($0.limit) }),
        ]
        if Set(verdicts.map(\.container)).count > 1 {
            columns.append(
                Column(header: Cell("CONTAINER"), cells: verdicts.map { Cell(displayName($0.container)) }, least: 8))
        }
        lines.table(TextTable(columns: columns), indent: 0)
        lines.blank()
        for verdict in verdicts {
            lines.sentence(
                CheckWords.sentence(verdict), style: verdict.outcome == .pass ? .plain : .warning)
        }
        lines.line(CheckWords.summary(report), style: .bold)
        return lines.text
    }
}

extension CheckOutcome {
    var word: String {
        switch self {
        case .pass: "ok"
        case .fail: "FAIL"
        case .cannotTell: "cannot tell"
        }
    }
}

/// What the several formats of a check say alike.
enum CheckWords {
    /// `+1.2 pp`, `41.3 µs`, `×1.1`: the figure that is held to the limit.
    static func value(_ verdict: CheckVerdict) -> String { verdict.value.map { figure($0, verdict) } ?? "–" }

    static func interval(_ verdict: CheckVerdict) -> String {
        guard verdict.value != nil else { return "–" }
        return [verdict.low, verdict.high].map { $0.map { figure($0, verdict) } ?? "?" }.joined(separator: " to ")
    }

    static func figure(_ value: Double, _ verdict: CheckVerdict) -> String {
        let sign = verdict.relation == .plus && value >= 0 ? "+" : ""
        switch (verdict.unit, verdict.relation) {
        case (.ratio, _): return "×" + Figures.decimal(value, places: 2)
        case (.share, .plus): return sign + Figures.decimal(value * 100, places: 1) + " pp"
        case (.share, _): return Figures.percent(value)
        case (.nanoseconds, _): return sign + Figures.duration(value)
        case (.callsPerSecond, _): return sign + (value < 0 ? "-" : "") + Figures.rate(abs(value)) + "/s"
        }
    }

    /// One line for a log: what, how much, how sure, and what to do where it cannot be told.
    static func sentence(_ verdict: CheckVerdict) -> String {
        var text = "\(verdict.outcome.word): \(displayName(verdict.container)): \(displayName(verdict.metric))"
        if verdict.value != nil {
            text += " is \(value(verdict)) (\(interval(verdict)))"
            if verdict.relation != .absolute, let before = verdict.baselineValue, let after = verdict.candidateValue {
                text += ", from \(plain(before, verdict)) to \(plain(after, verdict))"
            }
            let room = verdict.outcome == .pass ? "within" : verdict.outcome == .fail ? "beyond" : "too near to"
            text += "; \(room) the limit of \(displayName(verdict.limit))"
        } else {
            text += ", limit \(displayName(verdict.limit))"
        }
        if let reason = verdict.reason { text += "; \(displayName(reason))" }
        if let more = verdict.moreSeconds {
            text += "; recordings longer by \(Figures.decimal(more, places: 0)) s would tell"
        }
        return text
    }

    /// A figure of the metric's own unit, which a ratio's verdict does not say: from its name.
    private static func plain(_ value: Double, _ verdict: CheckVerdict) -> String {
        if verdict.metric.hasSuffix("share") { return Figures.percent(value) }
        return verdict.metric.hasSuffix("calls-per-second") ? Figures.rate(value) + "/s" : Figures.duration(value)
    }

    static func summary(_ report: CheckReport) -> String {
        let failed = report.verdicts.count { $0.outcome == .fail }
        let open = report.verdicts.count { $0.outcome == .cannotTell }
        let all = report.verdicts.count
        switch report.outcome {
        case .pass: return "all \(Figures.count(all)) limits hold"
        case .fail: return "\(Figures.count(failed)) of \(Figures.count(all)) limits broken"
        case .cannotTell: return "\(Figures.count(open)) of \(Figures.count(all)) limits cannot be judged"
        }
    }
}
