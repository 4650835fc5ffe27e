import Analysis
import ProfileModel
import Testing

@testable import Reports

@Suite("Text that fits and does no harm")
struct TextTests {
    @Test("no line is wider than asked for, whatever the width")
    func widths() {
        for profile in [Example.onCPU(), Example.withWaits(), Example.hostileNames()] {
            let reports = ReportView.allCases.map { KernelReport(profile, options: ReportOptions(view: $0)) }
            let details = ["posix_fadvise", "nothing"].map { SyscallDetail(profile, syscall: $0) }
            for width in 1...130 {
                let renderer = TextRenderer(width: width, colour: false)
                let text = (reports.map(renderer.render) + details.map(renderer.render)).joined()
                for line in text.split(separator: "\n") {
                    #expect(DisplayWidth.of(String(line)) <= width, "\(line)")
                }
            }
        }
    }

    @Test("nothing but text and newlines comes out, unless colour is asked for")
    func noControls() {
        for profile in [Example.onCPU(), Example.hostileNames()] {
            let plain = TextRenderer(width: 200, colour: false).render(KernelReport(profile))
            for scalar in plain.unicodeScalars where scalar != "\n" {
                #expect(!isUnshowable(scalar), "U+\(String(scalar.value, radix: 16))")
            }
            #expect(TextRenderer(width: 200, colour: true).render(KernelReport(profile)).contains("\u{1B}[1m"))
        }
    }

    @Test("names are escaped where they could act, and only there")
    func displayNames() {
        for (name, shown) in [
            ("plain name", "plain name"), ("a\u{1B}[31m", "a\\x1b[31m"), ("a\nb\tc\u{7F}", "a\\x0ab\\x09c\\x7f"),
            ("\u{9B}", "\\u{9b}"), ("\u{202E}x\u{2066}", "\\u{202e}x\\u{2066}"),
            ("\u{200B}\u{FEFF}", "\\u{200b}\\u{feff}"),
            ("\u{2028}", "\\u{2028}"), ("größe 表 🐳", "größe 表 🐳"), ("\u{E000}", "\\u{e000}"),
            ("\u{115F}", "\\u{115f}"), (String(losslesslyDecoding: [0x61, 0xFF]), "a\\xff"), ("", ""),
        ] {
            #expect(displayName(name) == shown)
        }
    }

    @Test("columns are counted as a terminal shows them")
    func displayWidth() {
        for (text, width) in [("abc", 3), ("größe", 5), ("表示", 4), ("e\u{301}", 1), ("🐳", 2), ("…±µ", 3)] {
            #expect(DisplayWidth.of(text) == width, "\(text)")
        }
        #expect(DisplayWidth.clipped("abcdef", to: 4) == "abc…")
        #expect(DisplayWidth.clipped("表示幅", to: 4) == "表…")
        #expect(DisplayWidth.clipped("abc", to: 0) == "")
        #expect(DisplayWidth.padded("表", to: 4) == "表  ")
    }

    @Test("durations have three digits that matter")
    func durations() {
        for (nanoseconds, text) in [
            (0, "0 ns"), (35, "35 ns"), (999, "999 ns"), (1_000, "1.00 µs"), (2_718, "2.72 µs"), (415_000, "415 µs"),
            (999_949, "1.00 ms"), (12_345_678, "12.3 ms"), (3_820_000_000, "3.82 s"), (30_000_000_000, "30.0 s"),
            (125_000_000_000, "2 min 5 s"), (3_720_000_000_000, "1 h 2 min"), (-1_500, "-1.50 µs"),
        ] as [(Int64, String)] {
            #expect(Figures.duration(nanoseconds) == text)
        }
        #expect(Figures.timePerSecond(38_200_000_000, over: 10_000_000_000) == "3.82 s")
        #expect(Figures.timePerSecond(31_000_000, over: 10_000_000_000) == "3.10 ms")
        #expect(Figures.timePerSecond(1, over: 0) == "-")
    }

    @Test("numbers round as people expect")
    func numbers() {
        #expect(Figures.percent(0.8305) == "83.1 %")
        #expect(Figures.percent(1) == "100.0 %")
        #expect(Figures.count(41_203) == "41,203")
        #expect(Figures.count(-1_000_000) == "-1,000,000")
        #expect(Figures.count(999) == "999")
        #expect(Figures.rate(88_119.6) == "88,120")
        #expect(Figures.rate(3.44) == "3.4")
        #expect(Figures.decimal(-0.001, places: 1) == "0.0")
        #expect(Figures.decimal(.nan, places: 1) == "-")
        #expect(Figures.decimal(.infinity, places: 1) == "∞")
        #expect(Figures.plusMinus(value: 0.5, low: 0.48, high: 0.51) == "±2.0")
    }

    @Test("a C++ function loses its parameters and nothing else")
    func parameters() {
        for (function, shown) in [
            ("google::LogFileObject::Write(bool, long)", "google::LogFileObject::Write"),
            ("f(void (*)(int)) const", "f"), ("(anonymous namespace)::g(int)", "(anonymous namespace)::g"),
            ("a::operator()", "a::operator()"), ("main", "main"), ("", ""), ("()", "()"),
            ("x::(anonymous namespace)", "x::(anonymous namespace)"), (")", ")"),
        ] {
            #expect(TextRenderer.withoutParameters(function) == shown)
        }
    }

    @Test("cells say less in narrow columns, then columns drop from the right, spare ones first")
    func tables() {
        var table = TextTable(columns: [
            TextTable.Column(header: TextTable.Cell("N"), ["1", "22"]),
            TextTable.Column(
                header: TextTable.Cell("NAME"), cells: [TextTable.Cell("abcdefghij"), TextTable.Cell("k")], least: 4),
            TextTable.Column(
                header: TextTable.Cell("FROM"), cells: [TextTable.Cell("a_long_function  a.c:1", "a.c:1")], least: 14),
        ])
        // 2 + 2 + 10 + 2 + 22 = 38 columns in full; 24 with both at their least.
        #expect(table.lines(width: 38, indent: 0)[1] == " 1  abcdefghij  a_long_function  a.c:1")
        #expect(table.lines(width: 37, indent: 0)[1] == " 1  abcdefghij  a.c:1")
        #expect(table.lines(width: 24, indent: 0) == [" N  NAME        FROM", " 1  abcdefghij  a.c:1", "22  k"])
        #expect(table.lines(width: 23, indent: 0) == [" N  NAME", " 1  abcdefghij", "22  k"])
        #expect(table.lines(width: 1, indent: 0) == ["…", "…", "…"])
        table.columns[1].isSpare = true
        #expect(table.lines(width: 23, indent: 0) == [" N  FROM", " 1  a.c:1", "22"])
    }

    @Test("a function loses its namespaces before its line")
    func places() {
        let place = CodePlace(function: "google::LogFileObject::Write(bool)", file: "/src/logging.cc", line: 1113)
        let cell = TextRenderer.cell(for: place)
        #expect(cell.fitting(60) == "google::LogFileObject::Write  logging.cc:1113")
        #expect(cell.fitting(40) == "LogFileObject::Write  logging.cc:1113")
        #expect(cell.fitting(24) == "Write  logging.cc:1113")
        #expect(cell.fitting(16) == "logging.cc:1113")
        #expect(cell.fitting(10) == "logging.c…")
        #expect(TextRenderer.cell(for: CodePlace(module: "/bin/x", address: "0x10")).fitting(60) == "x+0x10")
        #expect(TextRenderer.cell(for: CodePlace(function: "f", module: "/bin/x")).fitting(60) == "f  x")
    }

    @Test("namespaces are told from template arguments")
    func pathParts() {
        #expect(TextRenderer.pathParts(of: "a::b<c::d>::e") == ["a", "b<c::d>", "e"])
        #expect(TextRenderer.pathParts(of: "(anonymous namespace)::f") == ["(anonymous namespace)", "f"])
        #expect(TextRenderer.pathParts(of: "x::operator<") == ["x::operator<"])
        #expect(TextRenderer.pathParts(of: "main") == ["main"])
    }

    @Test("prose is broken between words, a figure keeps its percent sign")
    func prose() {
        var lines = Lines(width: 24, colour: false)
        lines.sentence("warning: the samples say 66.7 % kernel", style: .plain)
        #expect(lines.text == "warning: the samples say\n  66.7 % kernel\n")
    }

    @Test("the usual suspects' verdict is said whole, however narrow the terminal")
    func suspects() {
        var building = ProfileBuilding()
        building.profile.pressure = [("cpu.pressure some total", 3_800_000), ("preempted by workload", 700)].map {
            PressureReading(container: 0, name: $0.0, unit: "", before: 0, after: Int64($0.1))
        }
        for width in [60, 80, 200] {
            let text = TextRenderer(width: width, colour: false).render(KernelReport(building.profile))
            let words = text.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
            #expect(
                words.contains("usual suspects: waits for a CPU 38 % of the time, mostly behind workload"), "\(text)")
        }
    }

    @Test("a report without containers, samples or figures is text all the same")
    func empty() {
        var building = ProfileBuilding(seconds: 0)
        let none = TextRenderer(width: 80, colour: false).render(KernelReport(building.profile))
        #expect(none.contains("no sample"))
        building.profile.containers = []
        for view in ReportView.allCases {
            #expect(
                !TextRenderer(width: 80, colour: false)
                    .render(KernelReport(building.profile, options: ReportOptions(view: view))).isEmpty)
        }
    }
}
