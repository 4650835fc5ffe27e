import Analysis
import ArgumentParser
import ProfileModel
import Recording
import Reports

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compare two recordings: per system call how much, how sure, and why.",
        discussion: """
            Everything is told per second of a container's run time, with its 95 % interval. A change is taken apart into \
            calls that came more often and calls that each took longer; the latter is what contention looks like.

            Examples:
              jostle diff healthy.jostle slow.jostle
              jostle diff healthy.jostle slow.jostle --syscall posix_fadvise
              jostle diff before.jostle after.jostle --map api-v1=api-v2 --container api-v2
              jostle diff healthy.jostle slow.jostle --format json | jq '.syscalls[] | select(.verdict == "dearer")'

            \(ExitCode.documentation)
            """)

    @Argument(help: "A recording of what is known to be fine.")
    var baseline: String

    @Argument(help: "The recording in question.")
    var candidate: String

    @OptionGroup var choice: ContainerChoice

    @Option(help: ArgumentHelp("Functions and call sites of one system call, too.", valueName: "name"))
    var syscall: String?

    @Option(help: ArgumentHelp("The most rows in a table; 0 for all.", valueName: "n"))
    var top = 15

    @Option(help: "text or json.")
    var format: OutputFormat = .text

    func validate() throws {
        if top < 0 { throw ValidationError("--top takes a number from 0.") }
    }

    func run() throws {
        let profiles = (
            try RecordingReader.read(path: baseline), try RecordingReader.read(path: candidate)
        )
        let options = ComparisonOptions(
            top: top == 0 || format == .json ? nil : top, container: choice.container, maps: choice.maps,
            syscall: syscall, force: choice.force, baselineLabel: baseline, candidateLabel: candidate)
        let comparison: Comparison
        do throws(ComparisonError) {
            comparison = try Comparison(baseline: profiles.0, candidate: profiles.1, options: options)
        } catch {
            throw Advice.failure(error)
        }
        if let syscall, comparison.detail.map({ $0.functions.isEmpty && $0.callSites.isEmpty }) ?? true {
            throw Failure(
                .noInput, "jostle: neither recording has samples in \(displayName(syscall))",
                "they have: " + comparison.syscalls.prefix(8).map { displayName($0.name) }.joined(separator: ", "))
        }
        switch format {
        case .text:
            try Terminal.print(
                TextRenderer(width: Terminal.width, colour: Terminal.wantsColour).render(comparison))
        case .json: try Terminal.print(JSONRenderer().render(comparison))
        }
    }
}

/// Which containers of two recordings are compared.
struct ContainerChoice: ParsableArguments {
    @Option(help: ArgumentHelp("Only this container: its name, id or cgroup.", valueName: "name"))
    var container: String?

    @Option(
        name: .customLong("map"),
        help: ArgumentHelp("The baseline's container A is the candidate's B; repeatable.", valueName: "A=B"))
    var mapTexts: [String] = []

    @Flag(help: "Compare recordings by different events, too.")
    var force = false

    var maps: [ContainerMap] { mapTexts.compactMap(ContainerMap.init) }

    func validate() throws {
        if let wrong = mapTexts.first(where: { ContainerMap($0) == nil }) {
            throw ValidationError("--map takes A=B, two containers' names, not '\(displayName(wrong))'.")
        }
    }
}

extension Advice {
    static func failure(_ error: ComparisonError) -> Failure {
        func names(_ known: [String]) -> String { known.prefix(8).map(displayName).joined(separator: ", ") }
        switch error {
        case .differentEvents(let baseline, let candidate):
            return Failure(
                .badData,
                "jostle: the baseline was sampled by \(displayName(baseline)), the candidate by \(displayName(candidate))",
                "their times do not compare: record both on machines alike, or take the figures as they are with --force"
            )
        case .noSuchContainer(let query, let part, let known):
            return Failure(
                .noInput, "jostle: the \(part.rawValue) has no container \(displayName(query))",
                "it has: " + names(known))
        case .nothingMatches(let baseline, let candidate):
            return Failure(
                .noInput, "jostle: no container of the baseline has a name, pod or image of the candidate's",
                "baseline: \(names(baseline)); candidate: \(names(candidate))", "say which is which: --map A=B")
        }
    }
}
