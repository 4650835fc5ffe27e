import ArgumentParser

/// What failed, on what, and what to do next: at most three lines, and the exit code that goes with it.
struct Failure: Error, CustomStringConvertible {
    let code: ExitCode
    let lines: [String]

    init(_ code: ExitCode, _ lines: String...) { self.init(code, lines) }

    init(_ code: ExitCode, _ lines: [String]) {
        self.code = code
        self.lines = lines
    }

    var description: String { lines.joined(separator: "\n") }
}
