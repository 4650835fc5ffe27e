public import Analysis

extension TextRenderer {
    /// A line for each check, then what was lost, then everything that would help.
    public func render(_ report: DoctorReport) -> String {
        var lines = Lines(width: width, colour: colour)
        lines.segments(
            [
                Self.sentence(report.verdict), "Linux \(displayName(report.kernel)) \(displayName(report.arch))",
                report.cpus == 1 ? "1 CPU" : "\(report.cpus) CPUs",
            ], style: report.verdict == .works || report.verdict == .degraded ? .bold : .warning)
        lines.sentence(Self.privileges(report.privileges), style: .plain)
        lines.blank()
        for check in report.checks { self.check(check, into: &lines) }
        for place in Fix.Place.allCases { fixes(report.fixes, Self.heading(place), place, into: &lines) }
        fixes(report.alternatives, "or, for everybody on this machine, as far as it goes:", .shell, into: &lines)
        return lines.text
    }

    private func fixes(_ fixes: [Fix], _ heading: String, _ place: Fix.Place, into lines: inout Lines) {
        let fixes = fixes.filter { $0.place == place }
        if fixes.isEmpty { return }
        lines.blank()
        lines.line(heading, style: .bold)
        for fix in fixes {
            // To be copied: never broken or clipped.
            for line in fix.text.split(separator: "\n", omittingEmptySubsequences: false) {
                lines.verbatim("  " + displayName(String(line)))
            }
        }
    }

    private static func sentence(_ verdict: DoctorReport.Verdict) -> String {
        switch verdict {
        case .works: "recording works"
        case .degraded: "recording works, with less than there could be"
        case .notPermitted: "recording is not permitted"
        case .unavailable: "recording is not possible here"
        }
    }

    private static func privileges(_ privileges: DoctorReport.Privileges) -> String {
        var parts = ["user \(privileges.user)"]
        parts.append(
            privileges.capabilities.isEmpty
                ? "no capability that matters" : privileges.capabilities.joined(separator: " "))
        if let seccomp = privileges.seccomp { parts.append("seccomp \(seccomp)") }
        if let level = privileges.perfEventParanoid { parts.append("perf_event_paranoid \(level)") }
        if let level = privileges.kptrRestrict { parts.append("kptr_restrict \(level)") }
        if !privileges.ownNamespaces.isEmpty {
            parts.append("in a \(privileges.ownNamespaces.joined(separator: " and ")) namespace of its own")
        }
        return parts.joined(separator: " · ")
    }

    private func check(_ check: Check, into lines: inout Lines) {
        let style: Lines.Style = check.outcome == .works ? .plain : .warning
        let head = DisplayWidth.padded(check.outcome.rawValue, to: 10) + DisplayWidth.padded(check.title, to: 27)
        lines.sentence(head + displayName(check.finding), style: style, hang: Self.hang(width))
        if let lost = check.lost {
            let indent = String(repeating: " ", count: Self.hang(width))
            lines.sentence(indent + "lost: " + displayName(lost), style: .plain, hang: Self.hang(width))
        }
    }

    /// What is said of a check stands in a column of its own where there is room for one.
    private static func hang(_ width: Int) -> Int { width >= 72 ? 37 : 2 }

    private static func heading(_ place: Fix.Place) -> String {
        switch place {
        case .shell: "on this machine, unless you run jostle as root:"
        case .docker: "in Docker:"
        case .kubernetes: "in Kubernetes:"
        case .machine: "elsewhere:"
        }
    }
}
