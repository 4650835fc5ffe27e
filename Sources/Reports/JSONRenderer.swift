public import Analysis
internal import FoundationEssentials
internal import ProfileModel

/// Renders reports as JSON: keys in alphabetical order, figures that were not measured absent.
///
/// Names keep every byte: one that is not UTF-8 stands as the scalar U+10FE00 plus the byte. Everything that would act
/// on a terminal is escaped (`\u009b`), so that the text can be looked at as it is.
public struct JSONRenderer: Sendable {
    public init() {}

    /// - Throws: `EncodingError` where a figure is not a number; no report of `Analysis` has such.
    public func render(_ report: KernelReport) throws -> String { try encode(report) }

    /// - Throws: as for a report.
    public func render(_ detail: SyscallDetail) throws -> String { try encode(detail) }

    /// - Throws: as for a report.
    public func render(_ report: TargetsReport) throws -> String { try encode(report) }

    /// - Throws: as for a report.
    public func render(_ report: DoctorReport) throws -> String { try encode(report) }

    /// - Throws: as for a report.
    public func render(_ comparison: Comparison) throws -> String { try encode(comparison) }

    /// - Throws: as for a report.
    public func render(_ check: CheckReport) throws -> String { try encode(check) }

    /// - Throws: as for a report.
    public func render(_ patterns: [Pattern]) throws -> String { try encode(PatternList(patterns: patterns)) }

    private struct PatternList: Encodable {
        var schema = "jostle.patterns"
        var version = 1
        var patterns: [Pattern]

        enum CodingKeys: String, CodingKey {
            case schema
            case version = "schema_version"
            case patterns
        }
    }

    private func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(value), as: UTF8.self)
        return Self.escapingUnshowable(text) + "\n"
    }

    /// Outside strings JSON is plain ASCII, so whatever is replaced here is inside one, where `\u` means the same.
    private static func escapingUnshowable(_ text: String) -> String {
        var shown = ""
        shown.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            if scalar == "\n" || (scalar.value >= 0x20 && scalar.value < 0x7F) || !isUnshowable(scalar) {
                shown.unicodeScalars.append(scalar)
            } else {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return shown
    }
}
