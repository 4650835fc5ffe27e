internal import Analysis

/// Locks, shared paths and findings.
extension TextRenderer {
    /// In a container's section: this many locks, if they take a hundredth of a thread.
    private static let mostLocks = 3
    private static let leastThreads = 0.01
    private static let mostReferences = 2

    /// What a container waits for, with whom, and what is known about that.
    func contention(of container: ContainerReport, _ report: KernelReport, into lines: inout Lines) {
        let duration = report.recording.durationNanoseconds
        let locks = (report.locks ?? []).compactMap { lock in
            lock.waiters.first { $0.container == container.name }.map { (lock: lock, waiter: $0) }
        }.filter { $0.waiter.boundOfGain >= Self.leastThreads }.sorted {
            $0.waiter.waitNanoseconds > $1.waiter.waitNanoseconds
        }
        if !locks.isEmpty { lines.blank() }
        for (lock, waiter) in locks.prefix(Self.mostLocks) {
            sentence("waits for \(displayName(lock.name)): " + Self.wait(waiter, duration: duration), into: &lines)
            sentence("  " + Self.sharing(of: lock, for: waiter), into: &lines)
        }
        for finding in (report.findings ?? []).filter({ $0.container == container.name }) {
            lines.blank()
            self.finding(finding, into: &lines)
        }
    }

    private func sentence(_ text: String, style: Lines.Style = .plain, into lines: inout Lines) {
        lines.sentence("  " + text, style: style, hang: 6)
    }

    /// `1.67 threads on average, 310 times/s, most in posix_fadvise from LogFile_flush  log.c:31`
    private static func wait(_ waiter: LockWaiter, duration: Int64) -> String {
        var text = "\(Figures.decimal(waiter.boundOfGain, places: 2)) threads on average"
        if duration > 0 {
            text += ", \(Figures.rate(Double(waiter.contentions) / (Double(duration) / 1e9))) times/s"
        }
        if let syscall = waiter.syscall { text += ", most in \(displayName(waiter.libcName ?? syscall))" }
        if let site = waiter.callSite { text += " from \(place(site))" }
        return text
    }

    /// As in a table, for a sentence.
    private static func place(_ site: CodePlace) -> String {
        (cell(for: site).variants.first ?? "").split(separator: " ").joined(separator: " ")
    }

    private static func sharing(of lock: LockReport, for waiter: LockWaiter) -> String {
        var parts: [String] = []
        switch lock.scope {
        case .own: parts.append("its own threads among themselves")
        case .shared:
            let others = lock.waiters.filter { $0.container != waiter.container }.map {
                "\(displayName($0.container)) (\(Figures.wholePercent($0.share)) of the waiting)"
            }
            parts.append(others.isEmpty ? "nobody else waits for it" : "shared with " + others.joined(separator: ", "))
        }
        if !lock.holders.isEmpty { parts.append(holders(of: lock)) }
        parts.append(
            "without this wait \(displayName(waiter.container)) would get at most "
                + "\(Figures.decimal(waiter.boundOfGain, places: 2)) threads back")
        return parts.joined(separator: "; ")
    }

    private static func holders(of lock: LockReport) -> String {
        let holders = lock.holders.map { "\(displayName($0.container)) \(Figures.wholePercent($0.share))" }
        return "probably held by \(holders.joined(separator: ", ")) (inferred from the order of the waits)"
    }

    private func finding(_ finding: Finding, into lines: inout Lines) {
        let evidence = finding.evidence
        sentence("finding: \(finding.title)", style: .bold, into: &lines)
        let share = Self.shareWithInterval(evidence.share.value, evidence.share.low, evidence.share.high)
        var text = "\(share) of the kernel time, \(Figures.count(evidence.samples)) samples"
        text += ", most in \(displayName(evidence.libcName ?? evidence.syscall))"
        if let site = evidence.callSite { text += " from \(Self.place(site))" }
        text += ": " + evidence.path.map(displayName).joined(separator: " > ")
        sentence("  " + text, into: &lines)
        if !evidence.sharedWith.isEmpty {
            sentence("  also in " + evidence.sharedWith.map(displayName).joined(separator: ", "), into: &lines)
        }
        for counter in evidence.counters { sentence("  " + Self.words(for: counter), into: &lines) }
        sentence("  remedy: \(finding.remedy)", into: &lines)
        // One that is cut helps nobody; `jostle patterns` has them all.
        let references = finding.references.map { "    see \($0)" }.filter { DisplayWidth.of($0) <= width }
        for reference in references.prefix(Self.mostReferences) { lines.line(reference) }
        let scope: String =
            switch finding.scope {
            case .own: "its own affair"
            case .shared: "shared by all who use the same"
            case .hostWide: "the whole machine's"
            }
        sentence(
            "  \(scope), \(finding.confidence.rawValue); more: jostle patterns \(finding.pattern)", style: .dim,
            into: &lines)
    }

    static func words(for counter: Counter) -> String {
        "\(displayName(counter.name)) \(Figures.count(counter.before)) → \(Figures.count(counter.after)) "
            + displayName(counter.unit)
    }

    // MARK: By lock

    func locks(_ report: KernelReport, top: Int?, into lines: inout Lines) {
        let duration = report.recording.durationNanoseconds
        guard let locks = report.locks else {
            lines.blank()
            lines.sentence(
                "this recording has no locks: it was made with --no-locks, by an older jostle, or on a kernel without "
                    + "lock:contention_begin (Linux 5.19); waits stand with their call path in the other views",
                style: .plain)
            return
        }
        for lock in locks.prefix(top ?? locks.count) {
            lines.blank()
            let rate = Figures.rate(Double(lock.contentions) / max(1e-9, Double(duration) / 1e9))
            lines.leftAndRight(
                "\(displayName(lock.name)) · \(lock.scope.rawValue) · \(displayName(lock.address))",
                "\(Figures.timePerSecond(lock.waitNanoseconds, over: duration)) per second · \(rate) times/s")
            lines.table(waiterTable(lock, duration: duration), indent: 2)
            if !lock.holders.isEmpty { sentence(Self.holders(of: lock), into: &lines) }
            if !lock.running.isEmpty {
                let running = lock.running.map {
                    "\(displayName($0.container)) \(Figures.timePerSecond($0.cpuNanoseconds, over: duration))"
                }
                sentence("on a CPU in it: \(running.joined(separator: ", ")) per second", style: .dim, into: &lines)
            }
        }
        let left = (report.omittedLocks ?? 0) + max(0, locks.count - (top ?? locks.count))
        lines.blank()
        if locks.isEmpty {
            lines.line("no lock was waited for, to speak of")
        } else if left > 0 {
            lines.sentence("and \(Figures.count(left)) more locks", style: .dim)
        }
        for path in report.sharedPaths ?? [] {
            let users = path.containers.map {
                "\(displayName($0.container)) \(Figures.percent($0.share)) of its kernel time"
            }
            lines.sentence(
                "shared path: \(path.path.map(displayName).joined(separator: " > ")): "
                    + users.joined(separator: ", ") + " (\(path.pattern))", style: .plain, hang: 4)
            for counter in path.counters { sentence("  " + Self.words(for: counter), into: &lines) }
        }
        for finding in report.findings ?? [] {
            lines.blank()
            lines.line(displayName(finding.container), style: .bold)
            self.finding(finding, into: &lines)
        }
    }

    private func waiterTable(_ lock: LockReport, duration: Int64) -> TextTable {
        let seconds = Double(duration) / 1e9
        let names = lock.waiters.map { waiter in
            waiter.syscall.map { Self.nameCell($0, libc: waiter.libcName) } ?? Cell("")
        }
        return TextTable(columns: [
            Column(header: Cell("THREADS"), lock.waiters.map { Figures.decimal($0.boundOfGain, places: 2) }),
            Column(header: Cell("SHARE"), lock.waiters.map { Figures.percent($0.share) }),
            Column(
                header: Cell("TIMES/s"),
                lock.waiters.map { seconds > 0 ? Figures.rate(Double($0.contentions) / seconds) : "-" }),
            Column(header: Cell("WHO WAITS"), cells: lock.waiters.map { Cell(displayName($0.container)) }, least: 8),
            Column(header: Cell("MOST IN"), cells: names, least: 12),
            Column(
                header: Cell("CALLED FROM"),
                cells: lock.waiters.map { $0.callSite.map { Self.cell(for: $0) } ?? Cell("") },
                least: 14),
        ])
    }
}
