public import Analysis

extension TextRenderer {
    /// A table of what can be recorded.
    public func render(_ report: TargetsReport) -> String {
        var lines = Lines(width: width, colour: colour)
        let containers = report.targets.count { $0.kind == .container }
        let others = report.targets.count - containers
        var facts = [containers == 1 ? "1 container" : "\(Figures.count(containers)) containers"]
        if others > 0 { facts.append("\(Figures.count(others)) other \(others == 1 ? "cgroup" : "cgroups")") }
        if let idle = report.idleOmitted, idle > 0 { facts.append("\(Figures.count(idle)) idle not shown") }
        facts.append("CPU over \(Figures.duration(report.measuredNanoseconds))")
        facts.append(report.cpus == 1 ? "1 CPU" : "\(report.cpus) CPUs")
        lines.segments(facts, style: .bold)
        lines.blank()
        if report.targets.isEmpty {
            lines.sentence(
                "  no container or busy cgroup is here; --pid and a command after -- can be recorded", style: .plain)
        } else {
            lines.table(targetTable(report), indent: 2)
        }
        return lines.text
    }

    private func targetTable(_ report: TargetsReport) -> TextTable {
        let rows = report.targets
        func names(_ header: String, least: Int, _ name: (TargetReport) -> String?) -> [Column] {
            let cells = rows.map(name)
            guard cells.contains(where: { $0 != nil }) else { return [] }
            return [Column(header: Cell(header), cells: cells.map { Cell($0.map(displayName) ?? "") }, least: least)]
        }
        var columns = [
            Column(
                header: Cell("KERNEL/s"),
                rows.map { row in
                    row.kernelCPUNanoseconds.map { Figures.timePerSecond($0, over: report.measuredNanoseconds) } ?? ""
                }),
            Column(
                header: Cell("CPU/s"),
                rows.map { row in
                    row.cpuNanoseconds.map { Figures.timePerSecond($0, over: report.measuredNanoseconds) } ?? ""
                }),
            Column(header: Cell("KERNEL"), rows.map { $0.kernelShare.map(Figures.wholePercent) ?? "" }),
        ]
        columns += names("NAME", least: 16) { $0.name }
        columns += names("RUNTIME", least: 7) { $0.runtime ?? ($0.kind == .cgroup ? "cgroup" : nil) }
        columns.append(Column(header: Cell("PROCS"), rows.map { Figures.count($0.processes) }))
        columns += names("POD", least: 12) { row in
            row.pod.map { pod in row.namespace.map { $0 + "/" + pod } ?? pod }
        }
        columns += names("IMAGE", least: 12) { $0.image }
        columns += names("CGROUP", least: 12) { $0.cgroup }
        return TextTable(columns: columns)
    }
}
