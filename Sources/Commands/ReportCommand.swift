public import Analysis
public import ArgumentParser
import ProfileModel
import Recording
import Reports

extension ReportView: ExpressibleByArgument {}
extension Ranking: ExpressibleByArgument {}

/// What a command prints.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
}

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Rank a recording's system calls by the kernel time they take.",
        discussion: """
            Examples:
              jostle report slow.jostle
              jostle report slow.jostle --by function --top 20
              jostle report slow.jostle --syscall posix_fadvise
              jostle report slow.jostle --by lock
              jostle report slow.jostle --format json | jq '.containers[0].syscalls[0]'

            \(ExitCode.documentation)
            """)

    @Argument(help: "A file written by `jostle record`.")
    var file: String

    @Option(help: "What the rows are: syscall, container, function, caller or lock.")
    var by: ReportView = .syscall

    @Option(help: ArgumentHelp("One system call in detail, by its kernel or libc name.", valueName: "name"))
    var syscall: String?

    @Option(help: ArgumentHelp("Only this container: its name, id or cgroup.", valueName: "name"))
    var container: String?

    @Option(help: ArgumentHelp("The most rows in a table; 0 for all.", valueName: "n"))
    var top = 15

    @Option(help: "What rows are ranked by: time, cpu or wait.")
    var rankBy: Ranking = .time

    @Option(help: "text or json.")
    var format: OutputFormat = .text

    func validate() throws {
        if top < 0 { throw ValidationError("--top takes a number from 0.") }
    }

    func run() throws {
        let profile = try RecordingReader.read(path: file)
        let options = ReportOptions(
            view: by, rankBy: rankBy, top: top == 0 || format == .json ? nil : top, container: container)
        let text = TextRenderer(
            width: Terminal.width, colour: Terminal.wantsColour, top: top == 0 ? nil : top)
        let json = JSONRenderer()
        if let syscall {
            let detail = SyscallDetail(profile, syscall: syscall, options: options)
            if detail.containers.isEmpty {
                throw Failure(
                    .noInput, "jostle: \(displayName(file)) has no samples in \(displayName(syscall))",
                    "it has: " + (detail.knownNames ?? []).prefix(8).map(displayName).joined(separator: ", "))
            }
            try Terminal.print(format == .json ? json.render(detail) : text.render(detail))
            return
        }
        let report = KernelReport(profile, options: options)
        if let container, report.containers.isEmpty {
            throw Failure(
                .noInput, "jostle: \(displayName(file)) has no container \(displayName(container))",
                "it has: " + profile.containers.map { displayName($0.name) }.joined(separator: ", "))
        }
        try Terminal.print(format == .json ? json.render(report) : text.render(report))
    }
}
