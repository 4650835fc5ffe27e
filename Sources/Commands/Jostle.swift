public import ArgumentParser
import Glibc

/// The program: its subcommands, and how it ends.
public struct Jostle: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "jostle",
        abstract: "Find which system calls your containers fight over in the kernel they share.",
        discussion: """
            jostle samples the user and kernel stacks of the containers you name, finds for each sample which system call \
            it was in and which line of the program made that call, and ranks system calls by the kernel time they take.

              sudo jostle record --cgroup system.slice/api.service -d 30 -o slow.jostle
              jostle report slow.jostle

            \(ExitCode.documentation)
            """,
        version: version,
        subcommands: [
            RecordCommand.self, ReportCommand.self, DiffCommand.self, CheckCommand.self, TargetsCommand.self,
            DoctorCommand.self, PatternsCommand.self, SchemaCommand.self,
        ])

    static let version = "0.1.0"

    public init() {}

    /// Runs the command line and ends the process with the exit code that belongs to what came of it.
    ///
    /// - Parameter helpers: the processes that were forked before anything else.
    public static func run(helpers: Helpers) async -> Never {
        // Nothing else runs yet.
        unsafe Helpers.current = helpers
        // A reader that goes away is seen by write(2), which then ends the output quietly.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Glibc.exit(EXIT_SUCCESS)
        } catch {
            if let failure = Advice.refusal(behind: error) ?? Advice.failure(error) {
                for line in failure.lines { Terminal.say(line) }
                Glibc.exit(failure.code.rawValue)
            }
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code.isSuccess {
                do { try Terminal.print(message + "\n") } catch { Glibc.exit(ExitCode.ioError.rawValue) }
            } else if !message.isEmpty {
                Terminal.say(message)
            }
            Glibc.exit(code.rawValue)
        }
    }
}
