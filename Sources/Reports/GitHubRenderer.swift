public import Analysis

/// Renders a check as GitHub's workflow commands: an annotation for each limit that does not hold, or cannot be judged.
///
/// Source: GitHub Docs, "Workflow commands for GitHub Actions".
public struct GitHubRenderer: Sendable {
    public init() {}

    public func render(_ report: CheckReport) -> String {
        var text = ""
        for verdict in report.verdicts where verdict.outcome != .pass {
            let command = verdict.outcome == .fail ? "error" : "warning"
            let title = Self.property("jostle: \(displayName(verdict.metric))")
            text += "::\(command) title=\(title)::\(Self.data(CheckWords.sentence(verdict)))\n"
        }
        return text + "::notice title=jostle::\(Self.data(CheckWords.summary(report)))\n"
    }

    /// `%` first, since it is what the others are escaped with.
    private static func data(_ text: String) -> String {
        escaped(text, ["%": "%25", "\r": "%0D", "\n": "%0A"])
    }

    private static func property(_ text: String) -> String {
        escaped(text, ["%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"])
    }

    private static func escaped(_ text: String, _ escapes: [Unicode.Scalar: String]) -> String {
        text.unicodeScalars.map { escapes[$0] ?? String($0) }.joined()
    }
}
