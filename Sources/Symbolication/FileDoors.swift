public import ObjectTables

/// Looks up files that containers control.
public protocol FileOpening: Sendable {
    /// Looks a regular file up in a directory.
    ///
    /// - Parameter directory: nil for the caller's own root, for absolute paths that the recorder itself made up.
    func regularFile(
        in directory: HeldFile?, _ path: String, _ resolution: PathResolution
    ) throws(FileRefusal) -> (file: HeldFile, status: FileStatus)

    /// Looks a directory up by an absolute path that the recorder itself made up.
    func directory(_ path: String) throws(FileRefusal) -> (file: HeldFile, status: FileStatus)
}

/// Has files read that containers wrote.
public protocol ObjectParsing: Sendable {
    /// Asks; the answer is waited for elsewhere.
    ///
    /// - Parameter files: as `ParserRequest` says.
    func begin(_ request: ParserRequest, files: [HeldFile]) -> any PendingAnswer
}

/// An answer that may still be on its way.
public protocol PendingAnswer: Sendable {
    /// Waits for the answer.
    ///
    /// - Parameter milliseconds: how long; nil until it is there, or given up.
    /// - Returns: nil when it is not there yet.
    func wait(milliseconds: Int?) -> ParserAnswer?
}

extension ObjectParsing {
    func answer(_ request: ParserRequest, files: [HeldFile]) -> ParserAnswer {
        begin(request, files: files).wait(milliseconds: nil) ?? .refused("malformed")
    }
}

/// The ways to what containers wrote: all of `Symbolication` goes through them.
public struct FileDoors: Sendable {
    public var opener: any FileOpening
    public var parser: any ObjectParsing

    /// Opens and reads in the calling process: for tests, whose files are their own.
    ///
    /// - Parameter answer: what reads.
    public static func direct(
        _ answer: @escaping @Sendable (ParserRequest, [Int32]) -> ParserAnswer
    ) -> FileDoors { FileDoors(opener: DirectOpener(), parser: DirectParser(read: answer)) }
}

private struct DirectOpener: FileOpening {
    func regularFile(
        in directory: HeldFile?, _ path: String, _ resolution: PathResolution
    ) throws(FileRefusal) -> (file: HeldFile, status: FileStatus) {
        try SafeOpen.regularFile(at: directory?.descriptor ?? SafeOpen.workingDirectory, path, resolution)
    }

    func directory(_ path: String) throws(FileRefusal) -> (file: HeldFile, status: FileStatus) {
        try SafeOpen.directory(path)
    }
}

private struct DirectParser: ObjectParsing {
    let read: @Sendable (ParserRequest, [Int32]) -> ParserAnswer

    func begin(_ request: ParserRequest, files: [HeldFile]) -> any PendingAnswer {
        var opened: [Int32] = []
        defer { for descriptor in opened { SafeOpen.close(descriptor) } }
        do throws(FileRefusal) {
            for file in files { opened.append(try SafeOpen.forReading(file.descriptor)) }
            return Finished(answer: read(request, opened))
        } catch {
            return Finished(answer: .refused(error.rawValue))
        }
    }

    private struct Finished: PendingAnswer {
        let answer: ParserAnswer
        func wait(milliseconds: Int?) -> ParserAnswer? { answer }
    }
}
