internal import ObjectFiles
public import ObjectTables
internal import ProfileModel
internal import Synchronization

/// The code of one module: a file that some process mapped, held open, or an image in memory.
public final class ModuleFile: Sendable {
    enum Contents: Sendable {
        case file(HeldFile, FileVersion)
        /// A whole ELF image: the vDSO.
        case image([UInt8])
    }

    /// What the file says of itself; nil when it is no ELF file that jostle reads, and then there are no rows and names.
    public let header: ModuleHeader?
    /// A file with the debug information that was stripped off, found while the container lived.
    let debugFile: DebugFile?
    let contents: Contents
    private let rows = Mutex<UnwindTable?>(nil)

    init(contents: Contents, header: ModuleHeader?, debugFile: DebugFile? = nil) {
        self.contents = contents
        self.header = header
        self.debugFile = debugFile
    }

    /// The file's version when it was opened; nil for an image in memory.
    var version: FileVersion? {
        if case .file(_, let version) = contents { version } else { nil }
    }

    /// The module's unwind rows, read at the first call; empty, with the reason in `skipped`, where there are none.
    public func unwindTable() -> UnwindTable {
        rows.withLock { known in
            if let known { return known }
            let table = read {
                $0.unwindTable()
            } orElse: {
                UnwindTable(base: FileAddress(0), skipped: $0)
            }
            known = table
            return table
        }
    }

    /// Names addresses of the module. See `ObjectFile.symbolize`.
    public func symbolize(_ request: SymbolRequest) -> SymbolAnswer {
        read {
            $0.symbolize(request, debugInformation: debugFile?.verifiedDescriptor())
        } orElse: { reason in
            SymbolAnswer(
                symbols: request.addresses.map { SymbolizedAddress(address: $0, chain: []) }, skipped: reason)
        }
    }

    /// Calls `body` with the object file, or `orElse` with the reason why that cannot be: in words, for the recording.
    ///
    /// A file that was written to since it was mapped is not what ran, and a wrong name is worse than none.
    private func read<Result>(
        _ body: (borrowing ObjectFile) -> Result, orElse: (String) -> Result
    ) -> Result {
        do throws(ObjectFileError) {
            switch contents {
            case .image(let bytes): return body(try ObjectFile(image: bytes))
            case .file(let file, let version):
                let result = body(try ObjectFile(descriptor: file.descriptor))
                // Asked last: what changed while it was read does not count either.
                return FileStatus(file.descriptor)?.version == version ? result : orElse("file changed")
            }
        } catch {
            return orElse(Self.reason(error))
        }
    }

    private static func reason(_ error: ObjectFileError) -> String {
        switch error {
        case .system: "cannot be read"
        case .notRegular: FileRefusal.notRegular.rawValue
        case .tooLarge: FileRefusal.tooLarge.rawValue
        case .notELF: "malformed"
        case .unsupported(let reason): reason
        }
    }
}

/// Names addresses of many modules, several at a time, each with an ELF handle of its own.
///
/// - Returns: the answers in the order of the requests.
public func symbolize(_ requests: [(module: ModuleFile, request: SymbolRequest)]) async -> [SymbolAnswer] {
    await withTaskGroup(of: (Int, SymbolAnswer).self) { group in
        for (index, work) in requests.enumerated() {
            group.addTask { (index, work.module.symbolize(work.request)) }
        }
        var answers = Array(repeating: SymbolAnswer(symbols: []), count: requests.count)
        for await (index, answer) in group { answers[index] = answer }
        return answers
    }
}
