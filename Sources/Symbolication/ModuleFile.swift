public import ObjectTables
internal import ProfileModel

/// The code of one module: a file that some process mapped, held.
public final class ModuleFile: Sendable {
    /// What the file says of itself; nil when it is no ELF file that jostle reads, and then there are no rows and names.
    public let header: ModuleHeader?
    /// The module's unwind rows as they were when it was opened; empty, with the reason in `skipped`, where there are none.
    public let unwindTable: UnwindTable
    /// A file with the debug information that was stripped off, found while the container lived.
    let debugFile: DebugFile?
    let file: HeldFile
    /// The file's version when it was opened; nil for an image in memory.
    let version: FileVersion?
    private let doors: FileDoors
    private let isCLibrary: Bool
    /// Who may have that information where there is no such file.
    private let debuginfod: Debuginfod?
    /// Why there is no header.
    private let refusal: String?

    /// - Parameter answer: to a request for the header and the rows.
    init(
        file: HeldFile, version: FileVersion?, answer: ParserAnswer, debugFile: DebugFile? = nil,
        isCLibrary: Bool = false, doors: FileDoors, debuginfod: Debuginfod? = nil
    ) {
        self.file = file
        self.version = version
        self.debugFile = debugFile
        self.doors = doors
        self.isCLibrary = isCLibrary
        self.debuginfod = debuginfod
        switch answer {
        case .module(let header, let table):
            self.header = header
            unwindTable = table ?? UnwindTable(base: FileAddress(0))
            refusal = nil
        case .refused(let reason):
            header = nil
            unwindTable = UnwindTable(base: FileAddress(0), skipped: reason)
            refusal = reason
        case .symbols:
            // A parser's answer is of its request's kind.
            header = nil
            unwindTable = UnwindTable(base: FileAddress(0), skipped: "malformed")
            refusal = "malformed"
        }
    }

    /// Names addresses of the module.
    ///
    /// Waits for a download where debug information has to come from a debuginfod server. Where debug information is more
    /// than a parser can bear, once more without it.
    public func symbolize(_ request: SymbolRequest) -> SymbolAnswer {
        if let refusal { return Self.nothing(for: request, because: refusal) }
        let debugFile = debugFile ?? downloadedDebugFile()
        if isCLibrary { return namesAlone(request, debugFile) }
        let answer = ask(request, debugFile)
        guard case .refused("malformed") = answer else { return Self.symbols(of: answer, for: request) }
        var poorer = request
        poorer.budget.bytes = 0
        guard case .symbols(var symbols) = ask(poorer, debugFile) else { return Self.symbols(of: answer, for: request) }
        symbols.skipped = "malformed"
        return symbols
    }

    /// Functions from the symbol tables, without lines and what was inlined: see decision 11.
    private func namesAlone(_ request: SymbolRequest, _ debugFile: DebugFile?) -> SymbolAnswer {
        var request = request
        request.budget.bytes = 0
        var answer = Self.symbols(of: ask(request, debugFile), for: request)
        // What was left out was not asked for.
        if answer.skipped == "budget" { answer.skipped = nil }
        return answer
    }

    private func downloadedDebugFile() -> DebugFile? {
        guard let debuginfod, let header, !header.hasDebugInformation, let buildID = header.buildID else { return nil }
        return debuginfod.debugFile(of: buildID, doors: doors).map { DebugFile(file: $0, crc: nil) }
    }

    private func ask(_ request: SymbolRequest, _ debugFile: DebugFile?) -> ParserAnswer {
        doors.parser.answer(
            .symbols(request, stamp: version?.stamp, debugCRC: debugFile?.crc),
            files: [file] + (debugFile.map { [$0.file] } ?? []))
    }

    private static func symbols(of answer: ParserAnswer, for request: SymbolRequest) -> SymbolAnswer {
        switch answer {
        case .symbols(let symbols): symbols
        case .refused(let reason): nothing(for: request, because: reason)
        case .module: nothing(for: request, because: "malformed")
        }
    }

    private static func nothing(for request: SymbolRequest, because reason: String) -> SymbolAnswer {
        SymbolAnswer(
            symbols: request.addresses.map { SymbolizedAddress(address: $0, chain: []) }, skipped: reason)
    }
}
