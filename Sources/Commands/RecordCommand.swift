import Analysis
import ArgumentParser
import Doctor
import FoundationEssentials
import ProfileModel
import Recorder
import Reports
import Symbolication

struct RecordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Record containers, pods, cgroups, processes or a command into a file.",
        discussion: """
            Targets can be repeated and mixed. Without --duration it records until Ctrl-C, or until the command ends. \
            It also ends when nothing that was named is left: a container is waited for ten seconds, another cgroup for \
            three; one that was restarted by then is recorded on, and the gap noted. \
            A command runs in a cgroup of its own; when --duration or a signal ends the recording first, the command is \
            ended with SIGTERM, and after a second with SIGKILL.

            Examples:
              sudo jostle record --container api -d 30 -o slow.jostle
              sudo jostle record --pod shop/web --container logger -d 10
              sudo jostle record --all-containers -d 10
              sudo jostle record --cgroup nginx.service -d 10
              sudo jostle record --pid 4711 -F 999
              sudo jostle record -- ./server --port 8080

            \(ExitCode.documentation)
            """)

    @Option(help: ArgumentHelp("A container by its name, or the beginning of its id.", valueName: "name"))
    var container: [String] = []

    @Option(help: ArgumentHelp("All containers of a pod.", valueName: "namespace/name"))
    var pod: [String] = []

    @Flag(help: "All containers, also those that start meanwhile; the rest of the machine is summed up.")
    var allContainers = false

    @Option(
        help: ArgumentHelp(
            "A cgroup and what is below it: a directory, a path below the cgroup root, or the last part of one.",
            valueName: "path"))
    var cgroup: [String] = []

    @Option(help: ArgumentHelp("A process, its threads and what it forks.", valueName: "pid"))
    var pid: [Int32] = []

    @Option(
        name: .shortAndLong, help: ArgumentHelp("How long to record, such as 30, 1.5 or 500ms.", valueName: "seconds"))
    var duration: RecordDuration?

    @Option(name: [.customShort("F"), .long], help: ArgumentHelp("Samples in a second of CPU time.", valueName: "hz"))
    var frequency = 199

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The file to write (default: jostle-DATE-TIME.jostle).", valueName: "file"))
    var output: String?

    @Flag(help: "Replace an existing file, when the new one is complete.")
    var force = false

    @Option(
        help: ArgumentHelp(
            "Bytes of user stack copied with each sample; more follows deeper stacks.", valueName: "bytes"))
    var stackBytes = 8_192

    @Flag(name: .customLong("no-blocked"), help: "Do not record time off the CPU: waits are then unknown.")
    var skipsBlocked = false

    @Flag(name: .customLong("no-calls"), help: "Do not count system calls: rates and costs per call are then unknown.")
    var skipsCalls = false

    @Option(
        help: ArgumentHelp(
            "MiB that the rings of all CPUs may take together; smaller ones hold shorter bursts.", valueName: "mib"))
    var ringMemory = RecordRequest.defaultRingMemory >> 20

    @Flag(name: .customLong("no-locks"), help: "Do not record which kernel locks are waited for, and by whom.")
    var skipsLocks = false

    @Flag(name: .shortAndLong, help: "No progress and no summary; warnings and errors only.")
    var quiet = false

    @Argument(parsing: .postTerminator, help: "The command to run and record.")
    var command: [String] = []

    func validate() throws {
        guard !targets.isEmpty || !command.isEmpty else {
            throw ValidationError(
                "Nothing to record: name a --container, --pod, --cgroup or --pid, or a command after `--`.")
        }
        guard (1...100_000).contains(frequency) else {
            throw ValidationError("--frequency takes 1 to 100000 samples a second.")
        }
        guard (256...61_440).contains(stackBytes), stackBytes.isMultiple(of: 8) else {
            throw ValidationError("--stack-bytes takes a multiple of 8 from 256 to 61440.")
        }
        guard (1...1 << 20).contains(ringMemory) else { throw ValidationError("--ring-memory takes MiB from 1.") }
        if pid.contains(where: { $0 <= 0 }) { throw ValidationError("--pid takes the number of a process.") }
    }

    private var targets: [RecordRequest.Target] {
        var targets = container.map(RecordRequest.Target.container) + pod.map(RecordRequest.Target.pod)
        targets += cgroup.map(RecordRequest.Target.cgroup) + pid.map { .process(ProcessID($0)) }
        if allContainers { targets.append(.allContainers) }
        return targets
    }

    func run() async throws {
        var request = RecordRequest(
            targets: targets, command: command,
            frequency: frequency, duration: duration?.value, output: output ?? Self.defaultOutput(),
            replacesOutput: force, userStackBytes: stackBytes, recordsBlocked: !skipsBlocked,
            countsCalls: !skipsCalls, recordsLocks: !skipsLocks, ringMemory: ringMemory << 20,
            commandLine: CommandLine.arguments,
            toolVersion: Jostle.version, functionsToLookUp: PatternCatalogue.functionsBetween)
        request.reason = Self.reason
        // Set before any command runs, and never again.
        let helpers = try unsafe Helpers.current.forRecording()
        defer { helpers.end() }
        var display = ProgressDisplay(quiet: quiet)
        let summary: RecordSummary
        do {
            summary = try await Recorder.record(
                request, helpers: RecorderHelpers(helpers), announce: { display.announce($0) },
                progress: { display.show($0) })
        } catch {
            display.clear()
            throw error
        }
        display.finish(summary)
        if summary.samples == 0 {
            throw Failure(.cannotTell, "jostle: no samples: \(Self.cause(of: summary))")
        }
    }

    /// What `doctor` says of a part that a recording has to do without.
    private static let reason: @Sendable (MissingPart) -> String? = { part in
        guard let report = Examination.facts().map({ DoctorReport($0) }) else { return nil }
        let id =
            switch part {
            case .kernelHalf: "sampling"
            case .contextSwitches: "context_switches"
            case .systemCalls: "system_calls"
            case .lockContention: "lock_contention"
            }
        guard let check = report.checks.first(where: { $0.id == id }), check.outcome != .works else { return nil }
        let fix = check.fixes.first { $0.place == .shell } ?? check.fixes.first
        return check.finding + (fix.map { $0.text.contains("\n") ? "" : " (\($0.text))" } ?? "")
    }

    /// Why there may be no samples.
    private static func cause(of summary: RecordSummary) -> String {
        if case .targetsGone = summary.endReason { return "the target was gone before it used any CPU" }
        if summary.info.losses.lostRecords + summary.info.losses.lostSamples > 0 {
            return "all were lost; record with a lower --frequency"
        }
        guard let used = summary.targetCPUNanoseconds else {
            return
                "the target used no CPU while it was recorded, or too little: record longer, or with a higher --frequency"
        }
        let milliseconds = used / 1_000_000
        return milliseconds == 0
            ? "by its cgroup's own count the target used no CPU while it was recorded; is it the right one?"
            : "the target used \(milliseconds) ms of CPU, too little for \(summary.info.frequency) Hz: record longer, "
                + "or with a higher --frequency"
    }

    /// `jostle-DATE-TIME.jostle` in the working directory.
    private static func defaultOutput() -> String {
        let style = Date.ISO8601FormatStyle(timeZone: .current).year().month().day().dateSeparator(.omitted)
            .time(includingFractionalSeconds: false).timeSeparator(.omitted)
        return "jostle-" + Date.now.formatted(style).replacing("T", with: "-") + ".jostle"
    }
}

/// A duration on the command line: seconds, or a number with `ms`, `s`, `m` or `h`.
struct RecordDuration: ExpressibleByArgument {
    let value: Duration

    init?(argument: String) {
        let units: [(suffix: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600)]
        var digits = argument
        var scale = 1.0
        if let unit = units.first(where: { argument.hasSuffix($0.suffix) }) {
            digits = String(argument.dropLast(unit.suffix.count))
            scale = unit.seconds
        }
        guard let number = Double(digits), number > 0, number * scale < 1e9 else { return nil }
        value = .seconds(number * scale)
    }
}
