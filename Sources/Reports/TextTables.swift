internal import Analysis

/// The tables of a text report: the columns that the data has.
extension TextRenderer {
    typealias Column = TextTable.Column
    typealias Cell = TextTable.Cell

    func entryTable(_ container: ContainerReport, duration: Int64) -> TextTable {
        let rows = container.syscalls
        var columns = weightColumns(
            duration: duration, shares: rows.map(\.share),
            rows: rows.map { ($0.kernelTimeNanoseconds, $0.kernelCPUNanoseconds, $0.contendedWaitNanoseconds) })
        columns += spinColumn(rows.map { ($0.spinNanoseconds, $0.kernelTimeNanoseconds) }, of: container)
        if rows.contains(where: { $0.callsPerSecond != nil }) {
            columns.append(Column(header: Cell("CALLS/s"), rows.map { $0.callsPerSecond.map(Figures.rate) ?? "" }))
            let costs = rows.map { row in
                row.calls.map { Figures.duration(Double(row.kernelTimeNanoseconds) / Double(max(1, $0))) } ?? ""
            }
            columns.append(Column(header: Cell("COST/CALL"), costs))
        }
        let names = rows.map { Self.nameCell($0.name, libc: $0.libcName) }
        columns.append(Column(header: Cell("SYSCALL"), cells: names, least: Self.leastName(names)))
        columns.append(
            Column(
                header: Cell("HOTTEST IN THE KERNEL", "HOTTEST"), cells: rows.map { Self.hottest(of: $0) }, least: 12))
        columns.append(Column(header: Cell("CALLED FROM"), cells: rows.map(Self.callSite), least: 14))
        return TextTable(columns: columns)
    }

    func functionTable(_ container: ContainerReport, duration: Int64) -> TextTable {
        let rows = container.functions ?? []
        var columns = weightColumns(
            duration: duration, shares: rows.map(\.share),
            rows: rows.map { ($0.kernelTimeNanoseconds, $0.kernelCPUNanoseconds, $0.contendedWaitNanoseconds) })
        columns += spinColumn(rows.map { ($0.spinNanoseconds, $0.kernelTimeNanoseconds) }, of: container)
        columns.append(
            Column(
                header: Cell("FUNCTION"), cells: rows.map { Cell($0.function.map(displayName) ?? "(unnamed)") },
                least: 16))
        columns.append(
            Column(
                header: Cell("MOSTLY IN"),
                cells: rows.map { Self.nameCell($0.mostlyIn.name, libc: $0.mostlyIn.libcName) },
                least: 12))
        return TextTable(columns: columns)
    }

    func callerTable(_ container: ContainerReport, duration: Int64) -> TextTable {
        let rows = container.callers ?? []
        var columns = weightColumns(
            duration: duration, shares: rows.map(\.share),
            rows: rows.map { ($0.kernelTimeNanoseconds, $0.kernelCPUNanoseconds, $0.contendedWaitNanoseconds) })
        columns.append(
            Column(
                header: Cell("MOSTLY IN"),
                cells: rows.map { Self.nameCell($0.mostlyIn.name, libc: $0.mostlyIn.libcName) },
                least: 12))
        columns.append(Column(header: Cell("CALLED FROM"), cells: rows.map { Self.cell(for: $0.place) }, least: 16))
        columns.append(
            Column(
                header: Cell("MODULE"), cells: rows.map { Cell($0.place.module.map(displayName) ?? "") }, least: 12))
        return TextTable(columns: columns)
    }

    func containerTable(_ report: KernelReport) -> TextTable {
        let rows = report.containers
        let duration = report.recording.durationNanoseconds
        var columns = [
            Column(header: Cell("CONTAINER"), cells: rows.map { Cell(displayName($0.name)) }, least: 12),
            Column(
                header: Cell("KERNEL TIME/s", "TIME/s"),
                cells: rows.map { Cell(Figures.timePerSecond($0.kernelTimeNanoseconds, over: duration)) },
                isRightAligned: true, least: 6),
            Column(header: Cell("CPU/s"), rows.map { Figures.timePerSecond($0.cpuNanoseconds, over: duration) }),
            Column(
                header: Cell("KERNEL"),
                rows.map { row in
                    row.kernelShare.map { Self.shareWithInterval($0.value, $0.low, $0.high) }
                        ?? (row.samples > 0 ? "not sampled" : "no sample")
                }),
        ]
        if rows.contains(where: { $0.cgroupKernelShare != nil }) {
            columns.append(
                Column(header: Cell("CGROUP SAYS"), rows.map { $0.cgroupKernelShare.map(Figures.percent) ?? "" }))
        }
        if rows.contains(where: { $0.contendedWaitNanoseconds != nil }) {
            columns.append(
                Column(
                    header: Cell("WAIT/s"),
                    rows.map { $0.contendedWaitNanoseconds.map { Figures.timePerSecond($0, over: duration) } ?? "" }))
        }
        columns.append(
            Column(
                header: Cell("MOST IN"),
                cells: rows.map { row in
                    row.syscalls.first.map { top in
                        let name = Self.nameCell(top.name, libc: top.libcName)
                        let share = Figures.percent(top.share.value)
                        return Cell(variants: name.variants.map { "\($0)  \(share)" } + name.variants)
                    } ?? Cell("")
                },
                least: 12))
        return TextTable(columns: columns)
    }

    // MARK: Columns

    /// TIME/s where waits were recorded, with its parts; else CPU/s, since that is all there is.
    func weightColumns(
        duration: Int64, shares: [Share], rows: [(time: Int64, cpu: Int64, wait: Int64?)]
    ) -> [Column] {
        let hasWaits = rows.contains { $0.wait != nil }
        var columns = [
            Column(
                header: Cell(hasWaits ? "TIME/s" : "CPU/s"), rows.map { Figures.timePerSecond($0.time, over: duration) }
            ),
            Column(
                header: Cell("SHARE"),
                cells: shares.map {
                    Cell(Self.shareWithInterval($0.value, $0.low, $0.high), Figures.percent($0.value))
                }, isRightAligned: true, least: 7),
        ]
        if hasWaits {
            columns.append(Column(header: Cell("CPU"), rows.map { Self.part($0.cpu, of: $0.time) }))
            columns.append(Column(header: Cell("WAIT"), rows.map { Self.part($0.wait ?? 0, of: $0.time) }))
        }
        return columns
    }

    /// Time spun in lock slow paths, where it is worth a column: a hundredth of the container's kernel time.
    private func spinColumn(_ rows: [(spin: Int64, time: Int64)], of container: ContainerReport) -> [Column] {
        let spun = rows.reduce(0) { $0 + $1.spin }
        guard spun > 0, spun >= container.kernelTimeNanoseconds / 100 else { return [] }
        var column = Column(header: Cell("SPIN"), rows.map { Self.part($0.spin, of: $0.time) })
        column.isSpare = true
        return [column]
    }

    private static func part(_ part: Int64, of whole: Int64) -> String {
        whole > 0 ? Figures.wholePercent(Double(part) / Double(whole)) : ""
    }

    // MARK: Cells

    static func name(of entry: EntryReport) -> String { name(entry.name, libc: entry.libcName) }

    /// libc's name, which the program's source has, with the kernel's behind it where that is another.
    static func name(_ kernel: String, libc: String?) -> String {
        guard let libc, libc != kernel else { return displayName(kernel) }
        return "\(displayName(libc)) (\(displayName(kernel)))"
    }

    /// The name is what the table is for: it stays whole up to a length that leaves room for a place.
    static func leastName(_ cells: [Cell]) -> Int {
        min(16, cells.compactMap(\.variants.last).map(DisplayWidth.of).max() ?? 0)
    }

    static func nameCell(_ kernel: String, libc: String?) -> Cell {
        Cell(name(kernel, libc: libc), displayName(libc ?? kernel))
    }

    static func hottest(of entry: EntryReport) -> Cell {
        guard let function = entry.hottestKernelFunction.map(displayName) else { return Cell("") }
        guard let through = entry.hottestThrough.map(displayName) else { return Cell(function) }
        return Cell("\(function) (\(through))", function)
    }

    static func callSite(of entry: EntryReport) -> Cell {
        entry.callSites.first.map { cell(for: $0.place) } ?? Cell("")
    }

    /// `LogFileObject::Write  logging.cc:1113`, or the module's file where there is no line. In narrow columns the
    /// function loses its outer names first, and itself at last.
    static func cell(for place: CodePlace, indent: String = "") -> Cell {
        let module = place.module.map { displayName(lastPart(of: $0)) } ?? ""
        guard let function = place.function else {
            let address = place.address.map(displayName) ?? "(unknown)"
            return Cell(indent + (module.isEmpty ? address : "\(module)+\(address)"), indent + address)
        }
        let plain = withoutParameters(function)
        var names = [displayName(plain)]
        let parts = pathParts(of: plain)
        if parts.count > 2 { names.append(displayName(parts.suffix(2).joined(separator: "::"))) }
        if parts.count > 1 { names.append(displayName(parts.suffix(1).joined())) }
        guard let file = place.file else {
            return Cell(variants: names.flatMap { [indent + $0 + (module.isEmpty ? "" : "  " + module), indent + $0] })
        }
        let line = displayName(lastPart(of: file)) + (place.line.map { ":\($0)" } ?? "")
        return Cell(variants: names.map { indent + $0 + "  " + line } + [indent + line])
    }

    /// The parts of `a::b<c::d>::e` between `::`, template arguments and `(anonymous namespace)` kept together.
    static func pathParts(of function: String) -> [String] {
        var parts = [""]
        var depth = 0
        var rest = function[...]
        while let character = rest.first {
            if depth == 0 && rest.hasPrefix("::") {
                parts.append("")
                rest = rest.dropFirst(2)
                continue
            }
            if character == "<" || character == "(" { depth += 1 }
            if character == ">" || character == ")" { depth -= 1 }
            parts[parts.count - 1].append(character)
            rest = rest.dropFirst()
        }
        // `operator<` and its like: no bracket at all.
        return depth == 0 ? parts.filter { !$0.isEmpty } : [function]
    }

    static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    /// A C++ function without its parameter list, which in a table says less than it takes.
    static func withoutParameters(_ function: String) -> String {
        var end = function.endIndex
        if function.hasSuffix(" const") { end = function.index(end, offsetBy: -" const".count) }
        guard end > function.startIndex, function[function.index(before: end)] == ")" else { return function }
        var depth = 0
        var index = end
        while index > function.startIndex {
            index = function.index(before: index)
            if function[index] == ")" { depth += 1 }
            if function[index] == "(" { depth -= 1 }
            if depth == 0 { break }
        }
        let name = function[..<index]
        return name.isEmpty || name.hasSuffix("operator") || name.hasSuffix("::") ? function : String(name)
    }
}

extension TextTable.Column {
    /// A column of figures: whole or not there, aligned at the right.
    init(header: TextTable.Cell, _ figures: [String]) {
        self.init(header: header, cells: figures.map { TextTable.Cell($0) }, isRightAligned: true)
    }
}
