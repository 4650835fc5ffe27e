import ArgumentParser
import Glibc
import Host
import Isolation
import Parsing
import Recorder
import Symbolication

/// The helper processes of `jostle record`, which open and read what containers wrote.
public struct Helpers: Sendable {
    private let nursery: Result<HelperNursery, HelperError>?

    /// Forks the process that helpers will be forked from, where the command line will need it.
    ///
    /// To be called first of all.
    public static func start(for arguments: [String]) -> Helpers {
        guard arguments.dropFirst().first == RecordCommand.configuration.commandName else {
            return Helpers(nursery: nil)
        }
        needDescriptors()
        do throws(HelperError) {
            return Helpers(
                nursery: .success(
                    try HelperNursery.start(
                        HelperNursery.Services(
                            parser: { Parser.serve(requests: $0, answers: $1) },
                            opener: { Opener.serve(requests: $0, answers: $1) }))))
        } catch {
            return Helpers(nursery: .failure(error))
        }
    }

    /// With fewer open files not even the Swift runtime works, and what cannot be opened is taken for missing.
    private static let leastDescriptors = 32

    /// Takes as many open files as the hard limit allows, and ends the process where those are too few for anything.
    private static func needDescriptors() {
        guard let limit = Host.raiseDescriptorLimit(), limit < leastDescriptors else { return }
        Terminal.say(
            "jostle: too many open files: the limit is \(limit), and recording needs \(leastDescriptors) at least")
        Terminal.say("raise the limit: ulimit -n 65536")
        exit(ExitCode.ioError.rawValue)
    }

    /// - Throws: `Failure` when there are none: files of containers are never read without them.
    func forRecording() throws -> FileHelpers {
        switch nursery {
        case .success(let nursery): return FileHelpers(nursery)
        case .failure(.system(let name, let code)):
            throw Failure(.unavailable, "jostle: cannot start helper processes: \(name): \(Terminal.describe(code))")
        case .failure(.noNursery), nil:
            throw Failure(.unavailable, "jostle: there is no process to open files of containers")
        }
    }

    /// For the commands, which are made from the command line alone. Set once, before there are any.
    nonisolated(unsafe) static var current = Helpers(nursery: nil)
}
