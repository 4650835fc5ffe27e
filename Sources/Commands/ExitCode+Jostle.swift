import ArgumentParser

/// The exit codes that `--help` documents.
extension ExitCode {
    /// Too few samples, or too poor ones, to tell.
    static let cannotTell = ExitCode(2)
    /// Not a recording, a corrupt one, or one of a newer schema.
    static let badData = ExitCode(65)
    /// No such file or target.
    static let noInput = ExitCode(66)
    /// The kernel lacks something.
    static let unavailable = ExitCode(69)
    /// The output cannot be created.
    static let cannotCreate = ExitCode(73)
    /// Reading or writing failed: the disk is full, say.
    static let ioError = ExitCode(74)
    static let notPermitted = ExitCode(77)

    static let documentation = """
        Exit codes: 0 fine · 1 a check failed · 2 cannot tell (too few samples) · 64 usage · 65 not a recording, corrupt, \
        or of a newer schema · 66 no such file or target · 69 the kernel lacks it · 73 cannot create output · \
        74 I/O error (disk full) · 77 not permitted
        """
}
