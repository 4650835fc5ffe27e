public import Analysis

/// Renders reports for people: no line is wider than `width` columns, and names cannot act on the terminal.
public struct TextRenderer: Sendable {
    /// Columns; at least 1.
    public var width: Int
    /// Whether ANSI colours may be used.
    public var colour: Bool
    /// The most locks that are listed; nil for all.
    public var top: Int?

    public init(width: Int, colour: Bool, top: Int? = nil) {
        self.width = max(1, width)
        self.colour = colour
        self.top = top
    }

    public func render(_ report: KernelReport) -> String {
        var lines = Lines(width: width, colour: colour)
        header(report.recording, report.confidence, into: &lines)
        // Of several containers first who takes how much, then each for itself.
        if report.view == .container || report.containers.count > 1 {
            lines.blank()
            lines.table(containerTable(report), indent: 2)
        }
        if report.view == .lock {
            locks(report, top: top, into: &lines)
        } else if report.view != .container {
            for container in report.containers {
                lines.blank()
                section(container, report, into: &lines)
            }
        }
        return lines.text
    }

    // MARK: The recording

    func header(_ recording: RecordingSummary, _ confidence: Confidence, into lines: inout Lines) {
        var event = "\(displayName(recording.event)) \(recording.frequency) Hz"
        if let reason = recording.eventReason { event += " (\(displayName(reason)))" }
        lines.segments(
            (recording.finished ? [] : ["UNFINISHED"]) + [
                event, Figures.duration(recording.durationNanoseconds),
                recording.cpus == 1 ? "1 CPU" : "\(recording.cpus) CPUs",
                "Linux \(displayName(recording.kernel)) \(displayName(recording.arch))",
            ], style: .bold)
        var facts = [
            "\(Figures.count(confidence.samples)) samples",
            "\(Figures.count(max(confidence.lostSamples, confidence.lostRecords))) lost",
        ]
        if let share = confidence.completeStacksShare { facts.append("\(Figures.percent(share)) of stacks complete") }
        if recording.durationNanoseconds > 0 {
            let own = Double(confidence.recorderCPUNanoseconds) / Double(recording.durationNanoseconds)
            facts.append("jostle used \(Figures.percent(own)) of a CPU")
        }
        lines.segments(facts, style: .plain)
        for note in recording.notes { lines.sentence("note: " + displayName(note), style: .plain) }
        for warning in confidence.warnings { lines.sentence("warning: " + displayName(warning), style: .warning) }
    }

    // MARK: One container

    private func section(_ container: ContainerReport, _ report: KernelReport, into lines: inout Lines) {
        let duration = report.recording.durationNanoseconds
        lines.leftAndRight(
            title(of: container), "\(Figures.duration(duration)) · \(Figures.count(container.samples)) samples")
        lines.segments(figures(of: container, report.recording), style: .plain, indent: 2, separator: "   ")
        if let waits = container.waits {
            lines.segments(
                waitFigures(waits, duration: duration), style: .plain, indent: 2, separator: "   ")
        }
        if let suspects = container.suspects {
            lines.sentence("  usual suspects: " + displayName(suspects.verdict), style: .plain, hang: 4)
        }
        lines.blank()
        let table =
            switch report.view {
            case .syscall, .container, .lock: entryTable(container, duration: duration)
            case .function: functionTable(container, duration: duration)
            case .caller: callerTable(container, duration: duration)
            }
        if table.isEmpty {
            let hasTime = container.kernelTimeNanoseconds > 0
            lines.line(hasTime ? "  no caller is known" : "  no kernel time was sampled")
        } else {
            lines.table(table, indent: 2)
            if report.view == .syscall, table.dropsLast(width: width, indent: 2) { callSites(container, into: &lines) }
        }
        if let omitted = container.omittedRows { lines.sentence("  and \(Figures.count(omitted)) more", style: .dim) }
        contention(of: container, report, into: &lines)
    }

    /// Where the heaviest calls come from, when the table had no room to say so: the line of code is half the answer.
    private func callSites(_ container: ContainerReport, into lines: inout Lines) {
        let told = container.syscalls.prefix(3).filter { !$0.callSites.isEmpty && $0.share.value >= 0.05 }
        if told.isEmpty { return }
        lines.blank()
        for row in told {
            // What does not fit goes from the end, so the call site comes first.
            let site = Self.callSite(of: row).variants.first ?? ""
            let inside = Self.hottest(of: row).variants.first ?? ""
            lines.segments(
                ["\(displayName(row.libcName ?? row.name)) from \(site)", "mostly in \(inside)"], style: .plain,
                indent: 2, separator: ", ")
        }
    }

    func title(of container: ContainerReport) -> String {
        var parts = [displayName(container.name)]
        if let runtime = container.runtime {
            parts.append(displayName(runtime) + (container.id.map { " " + displayName(String($0.prefix(12))) } ?? ""))
        } else if let cgroup = container.cgroup {
            parts.append("cgroup " + displayName(cgroup))
        }
        if let pod = container.pod {
            parts.append("pod " + (container.namespace.map { displayName($0) + "/" } ?? "") + displayName(pod))
        }
        if let image = container.image { parts.append("image " + displayName(image)) }
        return parts.joined(separator: " · ")
    }

    private func figures(of container: ContainerReport, _ recording: RecordingSummary) -> [String] {
        var parts: [String] = []
        if recording.durationNanoseconds > 0 {
            let cpus = Double(container.cpuNanoseconds) / Double(recording.durationNanoseconds)
            parts.append("CPU \(Figures.decimal(cpus, places: 2)) of \(recording.cpus)")
        }
        guard let share = container.kernelShare else {
            return parts + [container.samples > 0 ? "the kernel's half was not sampled" : "no sample on a CPU"]
        }
        parts.append("kernel \(Self.shareWithInterval(share.value, share.low, share.high))")
        parts.append("user \(Figures.percent(1 - share.value))")
        if let own = container.cgroupKernelShare { parts.append("(cgroup's count: \(Figures.percent(own)))") }
        return parts
    }

    private func waitFigures(_ waits: Waits, duration: Int64) -> [String] {
        func threads(_ time: Int64) -> String {
            duration > 0 ? Figures.decimal(Double(time) / Double(duration), places: 2) : "-"
        }
        var parts = ["waiting on kernel locks \(threads(waits.kernelLock)) threads"]
        for (name, time) in [
            ("on kernel work", waits.kernelWait), ("disk", waits.diskIO), ("memory", waits.memory),
            ("preempted", waits.preempted),
            ("by choice", waits.byChoice), ("other", waits.other),
        ] where time > 0 {
            parts.append("\(name) \(threads(time))")
        }
        return parts
    }

    static func shareWithInterval(_ value: Double, _ low: Double, _ high: Double) -> String {
        "\(Figures.percent(value)) \(Figures.plusMinus(value: value, low: low, high: high))"
    }
}
