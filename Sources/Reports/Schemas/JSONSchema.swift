/// The JSON Schemas of what the commands print, of draft 2020-12. The raw value is the name on the command line.
///
/// Fields may be added without a new version; a field that goes, or means something else, raises it.
public enum JSONSchema: String, Sendable, CaseIterable {
    case report
    /// `report --syscall`.
    case syscall
    case diff
    case check
    case targets
    case doctor
    case patterns

    /// The whole document.
    public var text: String {
        switch self {
        case .report:
            Self.document(
                ReportSchema.body, [.common, .entry, ContentionSchema.patterns, ContentionSchema.definitions])
        case .syscall: Self.document(SyscallSchema.body, [.common, .entry])
        case .diff:
            Self.document(
                DiffSchema.body,
                [
                    .common, .comparison, DiffSchema.definitions, ContentionSchema.patterns,
                    ContentionSchema.definitions,
                ])
        case .check: Self.document(CheckSchema.body, [.common, .comparison])
        case .targets: Self.document(TargetsSchema.body, [.common])
        case .doctor: Self.document(DoctorSchema.body, [.common, DoctorSchema.definitions])
        case .patterns: Self.document(PatternsSchema.body, [.common, ContentionSchema.patterns])
        }
    }

    /// - Parameter body: the members of the schema but for `$schema` and `$defs`, without the outer braces.
    private static func document(_ body: String, _ definitions: [SchemaDefinitions]) -> String {
        let shared = definitions.map(\.members).joined(separator: ",\n")
        return """
            {
              "$schema": "https://json-schema.org/draft/2020-12/schema",
            \(body),
              "$defs": {
            \(shared)
              }
            }

            """
    }
}
