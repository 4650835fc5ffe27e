import ProfileModel
import Recorder
import Reports

/// What somebody sees on standard error while it records: a bar on a terminal, a line a second elsewhere.
struct ProgressDisplay {
    let quiet: Bool
    private let isTerminal = Terminal.errorIsTerminal
    private var title = ""
    private var isBarShown = false
    private var nextLine = Duration.seconds(1)

    init(quiet: Bool) { self.quiet = quiet }

    mutating func announce(_ start: RecordStart) {
        let info = start.info
        var event = "\(info.event) \(info.frequency) Hz"
        if let reason = info.eventReason { event += " (\(reason))" }
        title =
            "recording \(start.targets.map(displayName).joined(separator: ", ")) on \(info.cpus) "
            + "CPU\(info.cpus == 1 ? "" : "s") · \(event)"
        for note in info.notes { Terminal.say("jostle: \(note)") }
        if info.kernelSymbols == .hidden {
            Terminal.say(
                "jostle: kernel symbols are hidden, so that system calls cannot be named: "
                    + "sysctl kernel.kptr_restrict=1, and run as root")
        }
        if quiet { return }
        if !isTerminal { Terminal.say(title) }
    }

    mutating func show(_ progress: RecordProgress) {
        if quiet { return }
        if isTerminal {
            showBar(progress)
        } else if progress.phase == .recording, progress.elapsed >= nextLine {
            nextLine += .seconds(1)
            Terminal.say(
                "\(clock(progress)) · \(grouped(progress.samples)) samples · \(grouped(progress.lostRecords)) lost")
        }
    }

    private mutating func showBar(_ progress: RecordProgress) {
        var line = title
        switch progress.phase {
        case .naming: line += "   naming functions and lines"
        case .recording:
            if let duration = progress.duration {
                let share = min(1, progress.elapsed / duration)
                let full = Int(share * 16)
                line += "   " + String(repeating: "█", count: full) + String(repeating: "░", count: 16 - full)
            }
            line += " \(clock(progress))"
        }
        let width = Terminal.columns(of: 2) ?? 80
        Terminal.sayInPlace("\r\u{1B}[K" + line.prefix(max(1, width - 1)))
        isBarShown = true
    }

    private func clock(_ progress: RecordProgress) -> String {
        let elapsed = "\(progress.elapsed.components.seconds)s"
        guard let duration = progress.duration else { return elapsed }
        return "\(elapsed) / \(duration.components.seconds)s"
    }

    /// Takes the bar away, so that what follows stands on a line of its own.
    mutating func clear() {
        if isBarShown { Terminal.sayInPlace("\r\u{1B}[K") }
        isBarShown = false
    }

    mutating func finish(_ summary: RecordSummary) {
        clear()
        if quiet { return }
        if isTerminal { Terminal.say(title) }
        let losses = summary.info.losses
        var parts = ["\(grouped(summary.samples)) samples", "\(grouped(losses.lostRecords)) lost"]
        if losses.throttledIntervals > 0 { parts.append("throttled \(losses.throttledIntervals) times") }
        if losses.undecodableRecords > 0 { parts.append("\(losses.undecodableRecords) undecodable") }
        if summary.stacks > 0 {
            let share = Double(summary.completeStacks) / Double(summary.stacks) * 100
            parts.append("\(Int(share.rounded(.down))) % of stacks complete")
        }
        let cpu = Double(losses.recorderCPUNanoseconds) / Double(max(1, summary.info.durationNanoseconds)) * 100
        parts.append("jostle used \((cpu * 10).rounded() / 10) % of one CPU")
        Terminal.say(parts.joined(separator: " · "))
        if let status = summary.info.commandStatus { Terminal.say("the command ended with status \(status)") }
        if case .targetsGone = summary.endReason { Terminal.say("jostle: the targets are gone; recorded up to there") }
        Terminal.say("written to \(displayName(summary.path))")
    }

    private func grouped(_ number: Int64) -> String {
        var digits = Substring("\(number)")
        var groups: [Substring] = []
        while digits.count > 3 {
            groups.insert(digits.suffix(3), at: 0)
            digits = digits.dropLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }
}
