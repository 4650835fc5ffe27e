import Glibc

/// Standard output and standard error, and what kind of thing they lead to.
enum Terminal {
    /// Writes to standard output. A reader that has gone away is no error: it has seen what it wanted.
    ///
    /// - Returns: whether there is still somebody who reads.
    /// - Throws: `Failure` with exit code 74 where the bytes cannot be written.
    @discardableResult
    static func print(_ text: String) throws -> Bool {
        let code = write(text, to: STDOUT_FILENO)
        if code != 0 && code != EPIPE {
            throw Failure(.ioError, "jostle: cannot write to standard output: \(describe(code))")
        }
        return code == 0
    }

    /// Writes to standard error, as far as that is possible.
    static func say(_ text: String) { _ = write(text + "\n", to: STDERR_FILENO) }

    /// Writes without a line end, for progress on a terminal.
    static func sayInPlace(_ text: String) { _ = write(text, to: STDERR_FILENO) }

    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Colour only on a terminal, never with NO_COLOR (no-color.org).
    static var wantsColour: Bool {
        guard outputIsTerminal else { return false }
        return environment("NO_COLOR")?.isEmpty ?? true
    }

    /// Columns of standard output; 80 where it has none, and as COLUMNS says where that is set.
    static var width: Int {
        if let columns = environment("COLUMNS").flatMap({ Int($0) }), columns > 0 { return columns }
        return columns(of: STDOUT_FILENO) ?? 80
    }

    static func columns(of descriptor: Int32) -> Int? {
        var size = winsize()
        // ioctl(2) fills a local variable.
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    static func environment(_ name: String) -> String? {
        // Nothing here changes the environment, so that the string stays while it is copied.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    /// An errno in words.
    static func describe(_ code: Int32) -> String {
        // strerror(3) gives a string that stays until the next call; it is copied at once.
        unsafe String(cString: strerror(code))
    }

    /// - Returns: 0 or errno.
    private static func write(_ text: String, to descriptor: Int32) -> Int32 {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            // write(2) reads the bytes during the call only.
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return errno }
            rest = rest.dropFirst(count)
        }
        return 0
    }
}
