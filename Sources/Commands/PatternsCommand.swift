import Analysis
import ArgumentParser
import Reports

struct PatternsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "patterns",
        abstract: "List the known ways to contend in the kernel that `report` looks for, or show one in full.",
        discussion: """
            A finding of `report` or `diff` names its pattern. It is told when the pattern's strong evidence makes up its \
            part of a container's kernel time; where nothing is known, nothing is said.

            Examples:
              jostle patterns
              jostle patterns fadvise-dontneed-lru-drain
              jostle patterns --format json | jq -r '.patterns[].name'

            \(ExitCode.documentation)
            """)

    @Argument(help: "A pattern's name.")
    var name: String?

    @Option(help: "text or json.")
    var format: OutputFormat = .text

    func run() throws {
        let text = TextRenderer(width: Terminal.width, colour: Terminal.wantsColour)
        guard let name else {
            let all = PatternCatalogue.all
            try Terminal.print(format == .json ? JSONRenderer().render(all) : text.render(all))
            return
        }
        guard let pattern = PatternCatalogue.pattern(named: name) else {
            let similar = PatternCatalogue.all.map(\.name).filter { $0.contains(name) || name.contains($0.prefix(6)) }
            throw Failure(
                .noInput, "jostle: there is no pattern \(displayName(name))",
                similar.isEmpty
                    ? "jostle patterns lists them" : "there is: \(similar.prefix(8).joined(separator: ", "))")
        }
        try Terminal.print(format == .json ? JSONRenderer().render([pattern]) : text.render(pattern))
    }
}
