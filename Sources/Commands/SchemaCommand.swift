public import ArgumentParser
import Reports

extension JSONSchema: ExpressibleByArgument {}

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of what a command prints with --format json.",
        discussion: """
            The schemas are of JSON Schema's draft 2020-12. Each value says its schema and version; what is added later \
            keeps the version, anything else raises it.

            Examples:
              jostle schema report >report.schema.json
              jostle schema diff | jq '.properties.syscalls.items'

            \(ExitCode.documentation)
            """)

    @Argument(help: "One of: \(JSONSchema.allCases.map(\.rawValue).joined(separator: ", ")).")
    var name: JSONSchema

    func run() throws { try Terminal.print(name.text) }
}
