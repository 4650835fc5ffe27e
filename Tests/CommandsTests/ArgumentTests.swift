import Analysis
import ArgumentParser
import Testing

@testable import Commands

@Suite struct RecordArgumentTests {
    private func parse(_ arguments: String...) throws -> RecordCommand {
        try #require(try Jostle.parseAsRoot(["record"] + arguments) as? RecordCommand)
    }

    /// The exit code of a command line that is refused before anything is done; nil for one that is not.
    private func refusal(_ arguments: [String]) -> Int32? {
        do {
            _ = try Jostle.parseAsRoot(["record"] + arguments)
            return nil
        } catch {
            return Jostle.exitCode(for: error).rawValue
        }
    }

    @Test(
        "A duration is seconds, or a number with its unit",
        arguments: [
            ("30", Duration.seconds(30)), ("1.5", .milliseconds(1_500)), ("0.001", .milliseconds(1)),
            ("500ms", .milliseconds(500)), ("2s", .seconds(2)), ("2m", .seconds(120)), ("1.5h", .seconds(5_400)),
        ])
    func duration(text: String, duration: Duration) throws {
        #expect(RecordDuration(argument: text)?.value == duration)
        #expect(try parse("--pid", "1", "-d", text).duration?.value == duration)
    }

    @Test(
        "What is no duration is refused as usage",
        arguments: [
            "", "0", "-1", "-5s", "s", "ms", "5 s", "5x", "1,5", "5d", "five", "nan", "inf", "infinity", "1e300",
            "1e10", "0x", "0ms", "5ss",
        ])
    func noDuration(text: String) {
        #expect(RecordDuration(argument: text) == nil)
        #expect(refusal(["--pid", "1", "--duration=" + text]) == 64)
    }

    @Test("Targets repeat and mix, and what is behind -- is the command, options and all")
    func targets() throws {
        let command = try parse(
            "--cgroup", "a", "--pid", "7", "--cgroup", "/b c", "-o", "x.jostle", "-F", "999", "--force", "-q", "--",
            "ls", "-d", "5", "--force")
        #expect(command.cgroup == ["a", "/b c"])
        #expect(command.pid == [7])
        #expect(command.command == ["ls", "-d", "5", "--force"])
        #expect(command.output == "x.jostle" && command.frequency == 999 && command.force && command.quiet)
        #expect(command.duration == nil)
    }

    @Test(
        "What cannot be recorded is refused as usage",
        arguments: [
            // Nothing to record; a command without --; no numbers; numbers out of range; an unknown option.
            [], ["--"], ["-d", "5"], ["ls"], ["--pid", "x"], ["--pid", "0"], ["--pid", "-3"],
            ["--pid", "99999999999"], ["--pid", "1", "-F", "0"], ["--pid", "1", "-F", "100001"],
            ["--pid", "1", "-F", "1.5"], ["--pid", "1", "--stack-bytes", "255"],
            ["--pid", "1", "--stack-bytes", "1001"], ["--pid", "1", "--stack-bytes", "65536"],
            ["--pid", "1", "--nonsense"], ["--cgroup"],
        ] as [[String]])
    func refused(arguments: [String]) {
        #expect(refusal(arguments) == 64)
    }

    @Test(
        "The limits themselves are fine",
        arguments: [["-F", "1"], ["-F", "100000"], ["--stack-bytes", "256"], ["--stack-bytes", "61440"]])
    func limits(arguments: [String]) {
        #expect(refusal(["--pid", "1"] + arguments) == nil)
    }
}

@Suite struct ReportArgumentTests {
    private func parse(_ arguments: [String]) -> Result<ReportCommand, any Error> {
        Result { try #require(try Jostle.parseAsRoot(["report"] + arguments) as? ReportCommand) }
    }

    @Test("A report takes one file and prints the system calls as text")
    func defaults() throws {
        let command = try parse(["slow.jostle"]).get()
        #expect(command.file == "slow.jostle" && command.top == 15)
        #expect(command.by == .syscall && command.rankBy == .time && command.format == .text)
        #expect(command.syscall == nil && command.container == nil)
    }

    @Test("Options choose what a report shows")
    func options() throws {
        let command = try parse(
            ["slow.jostle", "--by", "caller", "--rank-by", "wait", "--top", "0", "--format", "json"]
        ).get()
        #expect(command.by == .caller && command.rankBy == .wait && command.top == 0 && command.format == .json)
    }

    @Test(
        "What cannot be reported is refused as usage",
        arguments: [
            [], ["a", "b"], ["a", "--by", "spoon"], ["a", "--top", "-1"], ["a", "--top", "many"],
            ["a", "--format", "xml"], ["a", "--rank-by", "name"],
        ] as [[String]])
    func refused(arguments: [String]) {
        guard case .failure(let error) = parse(arguments) else {
            Issue.record("\(arguments) was taken")
            return
        }
        #expect(Jostle.exitCode(for: error).rawValue == 64)
    }
}

@Suite struct HelpTests {
    @Test("The program and each of its commands explain their exit codes and show examples")
    func help() {
        let commands = [Jostle.self as any ParsableCommand.Type] + Jostle.configuration.subcommands
        #expect(commands.count > 2)
        for command in commands {
            let name = command == Jostle.self ? nil : command.configuration.commandName
            let help =
                command == Jostle.self
                ? Jostle.helpMessage(columns: 200) : Jostle.helpMessage(for: command, columns: 200)
            for code in ["0 fine", "2 cannot tell", "64 usage", "65 ", "66 ", "69 ", "73 ", "74 ", "77 not permitted"] {
                #expect(help.contains(code), "\(name ?? "jostle") does not explain \(code)")
            }
            let example = "  " + (name.map { "jostle \($0) " } ?? "jostle report ")
            #expect(help.contains(example) || help.contains("  sudo " + example.dropFirst(2)), "\(name ?? "jostle")")
        }
    }

    @Test("The codes in the text are the codes that are used")
    func codes() {
        let codes: [(ExitCode, String)] = [
            (.success, "0 fine"), (.cannotTell, "2 cannot tell"), (.validationFailure, "64 usage"),
            (.badData, "65 not a recording"), (.noInput, "66 no such file"), (.unavailable, "69 the kernel lacks it"),
            (.cannotCreate, "73 cannot create output"), (.ioError, "74 I/O error"), (.notPermitted, "77 not permitted"),
        ]
        for (code, text) in codes {
            #expect(text.hasPrefix("\(code.rawValue) "))
            #expect(ExitCode.documentation.contains(text))
        }
    }

    @Test(
        "Help and version are no failures",
        arguments: [["--help"], ["record", "--help"], ["report", "-h"], ["--version"]])
    func harmless(arguments: [String]) {
        do {
            var command = try Jostle.parseAsRoot(arguments)
            // `help` is a command of its own, which says so when it runs.
            try command.run()
            Issue.record("\(arguments) did something")
        } catch {
            #expect(Jostle.exitCode(for: error).isSuccess)
            #expect(!Jostle.fullMessage(for: error).isEmpty)
        }
    }
}
