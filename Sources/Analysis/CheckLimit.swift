/// A figure that `check` can hold to a limit.
public enum CheckMetric: Sendable, Hashable {
    /// The kernel's part of the CPU time.
    case kernelShare
    /// Contended wait and spinning in locks, of all CPU time and contended wait.
    case contentionShare
    /// One system call's figure; the name is the kernel's, libc's, or the word of another kind of entry (`page-fault`).
    case syscall(String, Quantity)

    /// The raw value is the word on the command line.
    public enum Quantity: String, Sendable, CaseIterable {
        /// Of the container's kernel time: on-CPU in the kernel and contended wait.
        case share
        /// On-CPU kernel time of a call.
        case cpuPerCall = "cpu-per-call"
        /// Contended wait of a call.
        case waitPerCall = "wait-per-call"
        case callsPerSecond = "calls-per-second"
    }

    /// The raw value is the word in JSON.
    public enum Unit: String, Sendable, Codable {
        /// Between 0 and 1.
        case share
        case nanoseconds = "ns"
        case callsPerSecond = "calls_per_second"
        /// Times the baseline.
        case ratio
    }

    public var name: String {
        switch self {
        case .kernelShare: "kernel-share"
        case .contentionShare: "contention-share"
        case .syscall(let name, let quantity): "\(name).\(quantity.rawValue)"
        }
    }

    public var unit: Unit {
        switch self {
        case .kernelShare, .contentionShare, .syscall(_, .share): .share
        case .syscall(_, .cpuPerCall), .syscall(_, .waitPerCall): .nanoseconds
        case .syscall(_, .callsPerSecond): .callsPerSecond
        }
    }
}

/// Why a limit cannot be read. Each names the part of the text that is wrong.
public enum CheckLimitError: Error, Sendable, Equatable {
    /// Not METRIC=LIMIT.
    case notAnAssignment(String)
    case unknownMetric(String)
    /// No architecture that jostle knows has such a call.
    case unknownSyscall(String)
    /// Not a number, negative, or in a unit that the metric does not have.
    case badLimit(String, CheckMetric.Unit)
}

/// The most that a metric may be: `kernel-share=40%`, `fadvise64.cpu-per-call=50us`, `kernel-share=+5pp`, `write.share=x1.5`.
public struct CheckLimit: Sendable, Hashable {
    public enum Relation: String, Sendable, Codable {
        case absolute
        /// By so much more than the baseline.
        case plus
        /// So many times the baseline.
        case times
    }

    public var metric: CheckMetric
    public var relation: Relation
    /// In the metric's unit; for `times` a factor.
    public var value: Double
    /// The limit as it was written.
    public var text: String

    public init(metric: CheckMetric, relation: Relation, value: Double, text: String) {
        self.metric = metric
        self.relation = relation
        self.value = value
        self.text = text
    }

    /// - Parameter argument: METRIC=LIMIT.
    public init(parsing argument: String) throws(CheckLimitError) {
        guard let equals = argument.firstIndex(of: "=") else { throw .notAnAssignment(argument) }
        let limit = String(argument[argument.index(after: equals)...])
        metric = try Self.metric(String(argument[..<equals]))
        text = limit
        var rest = limit[...]
        if rest.first == "x" || rest.first == "×" {
            relation = .times
            rest = rest.dropFirst()
        } else if rest.first == "+" {
            relation = .plus
            rest = rest.dropFirst()
        } else {
            relation = .absolute
        }
        guard let value = Self.value(String(rest), metric.unit, relation) else { throw .badLimit(limit, metric.unit) }
        self.value = value
    }

    private static func metric(_ text: String) throws(CheckLimitError) -> CheckMetric {
        switch text {
        case "kernel-share": return .kernelShare
        case "contention-share": return .contentionShare
        default: break
        }
        guard let dot = text.lastIndex(of: "."),
            let quantity = CheckMetric.Quantity(rawValue: String(text[text.index(after: dot)...]))
        else { throw .unknownMetric(text) }
        let name = String(text[..<dot])
        let isKind = EntryKind(rawValue: name).map { $0 != .syscall } ?? false
        if isKind && quantity != .share { throw .unknownMetric(text) }
        let isCall = SyscallNames.kernelNames(for: name).contains {
            SyscallTable.x8664.number(of: $0) != nil || SyscallTable.aarch64.number(of: $0) != nil
        }
        guard isKind || isCall else { throw .unknownSyscall(name) }
        return .syscall(name, quantity)
    }

    private static func value(_ text: String, _ unit: CheckMetric.Unit, _ relation: Relation) -> Double? {
        let units: [(String, Double)] =
            switch (relation, unit) {
            case (.times, _), (_, .ratio): [("", 1)]
            case (.plus, .share): [("pp", 0.01)]
            case (.absolute, .share): [("%", 0.01), ("", 1)]
            case (_, .nanoseconds): [("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9)]
            case (_, .callsPerSecond): [("/s", 1), ("", 1)]
            }
        for (suffix, scale) in units where text.hasSuffix(suffix) {
            var digits = text.dropLast(suffix.count)
            while digits.last == " " { digits.removeLast() }
            guard digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let number = Double(digits) else {
                continue
            }
            let value = number * scale
            guard value.isFinite, !(unit == .share && relation != .times && value > 1) else { return nil }
            return value
        }
        return nil
    }
}
