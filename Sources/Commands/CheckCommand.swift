import Analysis
import ArgumentParser
import ProfileModel
import Recording
import Reports

struct CheckCommand: ParsableCommand {
    /// What the command prints.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text
        case json
        case github
        case junit
    }

    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Hold a recording to limits, for CI: fails only beyond doubt.",
        discussion: """
            Each figure is judged with its 95 % interval: a check fails where the whole interval is beyond the limit, \
            passes where it is within, and else cannot tell, and says how many more seconds of recording would.

            Metrics: kernel-share, contention-share, and per system call, by the kernel's or libc's name, NAME.share, \
            NAME.cpu-per-call, NAME.wait-per-call, NAME.calls-per-second.
            Limits: 40%, 50us, 1.2ms, 2000; against a baseline +5pp, +10us, x1.5. With a baseline and no --max: \
            kernel-share=+5pp, contention-share=+5pp, and NAME.cpu-per-call=x1.25 for each call with a tenth of the \
            kernel time. Several baselines say how far recordings of the same thing lie apart; three or more are worth it.

            Examples:
              jostle check slow.jostle --max kernel-share=40% --max fadvise64.cpu-per-call=50us
              jostle check new.jostle --baseline old.jostle
              jostle check new.jostle --baseline 1.jostle --baseline 2.jostle --baseline 3.jostle --max write.share=x1.5
              jostle check new.jostle --baseline old.jostle --format junit >jostle.xml

            \(ExitCode.documentation)
            """)

    @Argument(help: "The recording in question.")
    var candidate: String

    @Option(
        name: .customLong("baseline"),
        help: ArgumentHelp("A recording of what is known to be fine; repeatable.", valueName: "file"))
    var baselines: [String] = []

    @Option(
        name: .customLong("max"),
        help: ArgumentHelp("The most that a metric may be; repeatable.", valueName: "metric=limit"))
    var limitTexts: [String] = []

    @OptionGroup var choice: ContainerChoice

    @Option(help: ArgumentHelp("On-CPU samples that a container needs to be judged.", valueName: "n"))
    var minSamples = 100

    @Option(help: ArgumentHelp("The least part of stacks that must be complete, such as 90%.", valueName: "percent"))
    var minCompleteStacks: String?

    @Option(help: ArgumentHelp("The largest part of samples that may be lost.", valueName: "percent"))
    var maxLost = "10%"

    @Option(help: "text, json, github (annotations) or junit.")
    var format: Format = .text

    func validate() throws {
        if minSamples < 0 { throw ValidationError("--min-samples takes a number from 0.") }
        if let minCompleteStacks { _ = try Self.share(minCompleteStacks, of: "--min-complete-stacks") }
        _ = try Self.share(maxLost, of: "--max-lost")
        let limits = try Self.limits(limitTexts)
        guard baselines.isEmpty else { return }
        if limits.isEmpty { throw ValidationError("Nothing to check: give --max METRIC=LIMIT, or a --baseline.") }
        if let limit = limits.first(where: { $0.relation != .absolute }) {
            throw ValidationError("--max \(limit.metric.name)=\(limit.text) needs a --baseline.")
        }
    }

    func run() throws {
        let recording = try RecordingReader.read(path: candidate)
        let others = try baselines.map { try RecordingReader.read(path: $0) }
        let options = CheckOptions(
            container: choice.container, maps: choice.maps, force: choice.force, fewestSamples: minSamples,
            leastCompleteStacks: try minCompleteStacks.map { try Self.share($0, of: "--min-complete-stacks") },
            mostLost: try Self.share(maxLost, of: "--max-lost"), candidateLabel: candidate, baselineLabels: baselines)
        let limits = try Self.limits(limitTexts)
        let report: CheckReport
        do throws(CheckError) {
            report = try CheckReport(candidate: recording, baselines: others, limits: limits, options: options)
        } catch {
            throw Self.failure(error)
        }
        switch format {
        case .text:
            try Terminal.print(TextRenderer(width: Terminal.width, colour: Terminal.wantsColour).render(report))
        case .json: try Terminal.print(JSONRenderer().render(report))
        case .github: try Terminal.print(GitHubRenderer().render(report))
        case .junit: try Terminal.print(JUnitRenderer().render(report))
        }
        switch report.outcome {
        case .pass: break
        case .fail: throw ExitCode.failure
        case .cannotTell: throw ExitCode.cannotTell
        }
    }

    private static func limits(_ texts: [String]) throws(ValidationError) -> [CheckLimit] {
        var limits: [CheckLimit] = []
        for text in texts {
            do throws(CheckLimitError) {
                limits.append(try CheckLimit(parsing: text))
            } catch {
                throw ValidationError("--max \(displayName(text)): " + words(for: error))
            }
        }
        return limits
    }

    private static func words(for error: CheckLimitError) -> String {
        switch error {
        case .notAnAssignment: return "write METRIC=LIMIT, such as kernel-share=40%."
        case .unknownMetric(let name):
            let quantities = CheckMetric.Quantity.allCases.map { "NAME.\($0.rawValue)" }.joined(separator: ", ")
            return "there is no metric '\(displayName(name))'; there are kernel-share, contention-share, \(quantities)."
        case .unknownSyscall(let name): return "there is no system call '\(displayName(name))'."
        case .badLimit(let limit, let unit):
            let examples =
                switch unit {
                case .share: "40%, +5pp or x1.5"
                case .nanoseconds: "50us, 1.2ms, +10us or x1.5"
                case .callsPerSecond: "2000, +100 or x1.5"
                case .ratio: "x1.5"
                }
            return "'\(displayName(limit))' is no limit of this metric; write \(examples)."
        }
    }

    /// - Returns: between 0 and 1.
    private static func share(_ text: String, of option: String) throws(ValidationError) -> Double {
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let number = Double(digits), number >= 0, number <= (text.hasSuffix("%") ? 100 : 1) else {
            throw ValidationError("\(option) takes a part such as 90%, not '\(displayName(text))'.")
        }
        return text.hasSuffix("%") ? number / 100 : number
    }

    private static func failure(_ error: CheckError) -> Failure {
        switch error {
        case .comparison(let error): Advice.failure(error)
        case .needsBaseline(let limit):
            Failure(
                .validationFailure,
                "jostle: \(displayName(limit.metric.name))=\(displayName(limit.text)) needs a baseline",
                "give one: --baseline FILE")
        case .nothingToCheck:
            Failure(.validationFailure, "jostle: nothing to check", "give --max METRIC=LIMIT, or a --baseline")
        }
    }
}
