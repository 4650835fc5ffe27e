import Analysis
import ArgumentParser
import Doctor
import Glibc
import Host
import Recorder
import Reports

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Try what recording needs on this machine, and say how to get what is missing.",
        discussion: """
            Each check is tried for real; nothing is changed or left behind. A check works, is degraded (there is less of \
            it) or is missing; what is lost by that and what helps is said for each.

            Examples:
              jostle doctor
              sudo jostle doctor
              jostle doctor --format json | jq '.checks[] | select(.outcome != "works") | {id, cause, lost}'

            It exits with 0 where recording works, also where something is lost, with 69 where the kernel lacks what \
            recording needs, and with 77 where that is not permitted.

            \(ExitCode.documentation)
            """)

    @Option(help: "text or json.")
    var format: OutputFormat = .text

    func run() throws {
        guard let facts = Examination.facts() else {
            throw Failure(
                .unavailable, "jostle: cannot read /proc/self/status", "mount it: mount -t proc none /proc")
        }
        let report = DoctorReport(facts)
        let text = TextRenderer(width: Terminal.width, colour: Terminal.wantsColour)
        try Terminal.print(format == .json ? JSONRenderer().render(report) : text.render(report))
        switch report.verdict {
        case .works, .degraded: return
        case .notPermitted: throw ExitCode.notPermitted
        case .unavailable: throw ExitCode.unavailable
        }
    }
}

extension Advice {
    /// What `doctor` says of an event that the kernel refused.
    ///
    /// - Returns: nil for other errors, and where an examination finds nothing that forbids recording.
    static func refusal(behind error: any Error) -> Failure? {
        switch error {
        case RecorderError.event(_, let code, _) where code == EPERM || code == EACCES || code == ENOSYS: break
        // Who may not record sees few containers and no names: what was named may well be there.
        case RecorderError.host(let inner) where inner is ContainerError: break
        default: return nil
        }
        return Examination.facts().flatMap { refusal(in: DoctorReport($0)) }
    }

    /// Why nothing can be recorded; nil where something can.
    static func refusal(in report: DoctorReport) -> Failure? {
        guard let lines = report.refusal else { return nil }
        return Failure(
            report.verdict == .unavailable ? .unavailable : .notPermitted,
            ["jostle: \(lines[0])"] + lines.dropFirst())
    }
}
