public import Analysis

/// Renders a check as JUnit XML: a test case for each limit. What cannot be told is an error, not a failure.
///
/// Source: the schema that Jenkins and GitLab read (windyroad/JUnit-Schema).
public struct JUnitRenderer: Sendable {
    public init() {}

    public func render(_ report: CheckReport) -> String {
        let failures = report.verdicts.count { $0.outcome == .fail }
        let errors = report.verdicts.count { $0.outcome == .cannotTell }
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        let counts = "tests=\"\(report.verdicts.count)\" failures=\"\(failures)\" errors=\"\(errors)\""
        text += "<testsuites>\n  <testsuite name=\"jostle check\" \(counts) skipped=\"0\" time=\"0\">\n"
        for verdict in report.verdicts {
            let name = Self.escaped("\(verdict.metric)=\(verdict.limit)")
            text += "    <testcase classname=\"\(Self.escaped(verdict.container))\" name=\"\(name)\" time=\"0\""
            let sentence = Self.escaped(CheckWords.sentence(verdict))
            switch verdict.outcome {
            case .pass: text += "/>\n"
            case .fail: text += ">\n      <failure message=\"\(sentence)\"/>\n    </testcase>\n"
            case .cannotTell: text += ">\n      <error message=\"\(sentence)\"/>\n    </testcase>\n"
            }
        }
        return text + "  </testsuite>\n</testsuites>\n"
    }

    /// Names are made showable first: XML cannot hold control characters, not even escaped.
    private static func escaped(_ text: String) -> String {
        displayName(text).unicodeScalars.map { scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            default: String(scalar)
            }
        }.joined()
    }
}
