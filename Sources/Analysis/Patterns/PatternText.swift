/// The patterns that jostle knows.
public enum PatternCatalogue {
    /// In alphabetical order.
    public static let all: [Pattern] = PatternText.patterns(of: texts.joined(separator: "\n\n"))
        .patterns.sorted { $0.name < $1.name }

    private static var texts: [String] { [memory, files, storage, scheduler, network, system] }

    /// A pattern by its name.
    public static func pattern(named name: String) -> Pattern? { all.first { $0.name == name } }

    /// The functions that stand between two others on some path. A kernel into whose callers they were inlined does not
    /// have them, and then the path goes without: the recorder looks that up.
    ///
    /// Read without the rest of the patterns: each recording begins with it.
    public static let functionsBetween: Set<String> = {
        var names: Set<String> = []
        for path in texts.flatMap(PatternText.paths(of:)) {
            for step in path.dropFirst().dropLast() { names.formUnion(step) }
        }
        return names
    }()
}

/// The form that patterns are written in.
///
/// A pattern is a paragraph of lines; a line that begins with two spaces goes on with the one before. The first word says
/// what a line is: `pattern` (its name, first), `title`, `scope`, `share` (percent), `confidence`, `entries`, `calls`,
/// `strong` and `supporting` (a state, then a path `outer > inner|alternative`), `counter`, `cpus` (fewest),
/// `untold` (why it is never told), `shared`, `cause`, `remedy`,
/// `check`, `see`. `@SPIN` and its like stand for the slow paths of one sort of lock; `name*` is any name that begins so.
enum PatternText {
    /// - Returns: the patterns, and of what was not understood a sentence each.
    static func patterns(of text: String) -> (patterns: [Pattern], problems: [String]) {
        var patterns: [Pattern] = []
        var problems: [String] = []
        for paragraph in paragraphs(of: text) {
            var pattern = Pattern(
                name: "", title: "", scope: .own, leastShare: 1, confidence: .plausible, entries: [], syscalls: [],
                evidence: [], counters: [], leastCPUs: 1, shared: "", cause: "", remedy: "", check: "", references: [])
            for line in paragraph where !take(line, into: &pattern) {
                problems.append("\(pattern.name): \(line)")
            }
            let isWhole =
                ![pattern.name, pattern.title, pattern.shared, pattern.cause, pattern.remedy, pattern.check]
                .contains("") && pattern.evidence.contains { $0.strength == .strong } && !pattern.entries.isEmpty
            if !isWhole { problems.append("\(pattern.name): something is missing") }
            patterns.append(pattern)
        }
        return (patterns, problems)
    }

    /// The paths of all evidence, whatever pattern it belongs to.
    static func paths(of text: String) -> [[[String]]] {
        let words = PatternEvidence.Strength.allCases.map { $0.rawValue + " " }
        return paragraphs(of: text).joined().compactMap { line in
            guard words.contains(where: { line.utf8.starts(with: $0.utf8) }) else { return nil }
            // Strength, state, path.
            let parts = line.utf8.split(separator: UInt8(ascii: " "), maxSplits: 2)
            return parts.count == 3 ? path(of: Substring(parts[2])) : nil
        }
    }

    /// `outer > inner|alternative`, with every name that stands for several written out. Every recording does this.
    private static func path(of text: Substring) -> [[String]] {
        text.utf8.split(separator: UInt8(ascii: ">")).map { step in
            step.split { $0 == UInt8(ascii: "|") || $0 == UInt8(ascii: " ") }.flatMap { bytes in
                let name = String(Substring(bytes))
                return slowPaths[name] ?? [name]
            }
        }
    }

    /// The lines of each paragraph, put together where they go on. By bytes, which is faster than by characters.
    private static func paragraphs(of text: String) -> [[String]] {
        var paragraphs: [[String]] = [[]]
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let last = paragraphs.count - 1
            if line.isEmpty {
                paragraphs.append([])
            } else if line.starts(with: "  ".utf8), !paragraphs[last].isEmpty {
                paragraphs[last][paragraphs[last].count - 1] += Substring(line.dropFirst())
            } else {
                paragraphs[last].append(String(Substring(line)))
            }
        }
        return paragraphs.filter { !$0.isEmpty }
    }

    /// - Returns: whether the line was understood.
    private static func take(_ line: String, into pattern: inout Pattern) -> Bool {
        guard let space = line.firstIndex(of: " ") else { return false }
        let rest = String(line[line.index(after: space)...])
        func words() -> [String] { rest.split(separator: " ").map(String.init) }
        switch line[..<space] {
        case "pattern": pattern.name = rest
        case "title": pattern.title = rest
        case "scope":
            guard let scope = PatternScope(rawValue: rest) else { return false }
            pattern.scope = scope
        case "share":
            guard let percent = Double(rest), percent > 0, percent <= 100 else { return false }
            pattern.leastShare = percent / 100
        case "confidence":
            guard let confidence = PatternConfidence(rawValue: rest) else { return false }
            pattern.confidence = confidence
        case "entries": pattern.entries = words()
        case "calls": pattern.syscalls = words()
        case "strong", "supporting":
            guard let strength = PatternEvidence.Strength(rawValue: String(line[..<space])),
                let end = rest.firstIndex(of: " "), let state = PatternEvidence.State(rawValue: String(rest[..<end]))
            else { return false }
            let path = path(of: rest[end...])
            if path.isEmpty || path.contains([]) { return false }
            pattern.evidence.append(PatternEvidence(strength: strength, state: state, path: path))
        case "cpus":
            guard let cpus = Int(rest), cpus > 1 else { return false }
            pattern.leastCPUs = cpus
        case "untold": pattern.untold = rest
        case "counter": pattern.counters.append(rest)
        case "shared": pattern.shared = rest
        case "cause": pattern.cause = rest
        case "remedy": pattern.remedy = rest
        case "check": pattern.check = rest
        case "see": pattern.references.append(rest)
        default: return false
        }
        return true
    }

    /// The functions in which threads wait for one sort of lock, or for others, over all kernels since 4.4.
    private static let slowPaths: [String: [String]] = [
        "@SPIN": [
            "native_queued_spin_lock_slowpath", "queued_spin_lock_slowpath", "__pv_queued_spin_lock_slowpath",
            "resilient_queued_spin_lock_slowpath",
        ],
        "@RWLOCK": ["queued_write_lock_slowpath", "queued_read_lock_slowpath"],
        "@RWSEMW": [
            "rwsem_down_write_slowpath", "rwsem_down_write_failed", "rwsem_down_write_failed_killable",
            "call_rwsem_down_write_failed",
        ],
        "@RWSEMR": [
            "rwsem_down_read_slowpath", "rwsem_down_read_failed", "rwsem_down_read_failed_killable",
            "call_rwsem_down_read_failed",
        ],
        "@MUTEX": [
            "__mutex_lock", "__mutex_lock_slowpath", "__mutex_lock_killable_slowpath",
            "__mutex_lock_interruptible_slowpath", "mutex_spin_on_owner", "osq_lock",
        ],
        "@PF": [
            "asm_exc_page_fault", "exc_page_fault", "do_user_addr_fault", "__do_page_fault", "do_page_fault",
            "page_fault", "el0_da", "el0_ia", "do_mem_abort",
        ],
        "@IPI": ["smp_call_function_many_cond", "smp_call_function_many"],
        "@RCUWAIT": [
            "synchronize_rcu", "synchronize_rcu_normal", "synchronize_sched", "__wait_rcu_gp",
            "synchronize_rcu_expedited",
        ],
        "@FLUSHW": ["__flush_work", "flush_work"],
    ]
}
