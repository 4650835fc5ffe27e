internal import ObjectFiles
public import ObjectTables
internal import ProfileModel

/// The code of one module: a file that some process mapped, held open, or an image in memory.
public final class ModuleFile: Sendable {
    enum Contents: Sendable {
        case file(HeldFile)
        /// A whole ELF image: the vDSO.
        case image([UInt8])
    }

    /// What the file says of itself; nil when it is no ELF file that jostle reads, and then there are no rows and names.
    public let header: ModuleHeader?
    /// A file with the debug information that was stripped off, found while the container lived.
    let debugFile: DebugFile?
    let contents: Contents

    init(contents: Contents, header: ModuleHeader?, debugFile: DebugFile? = nil) {
        self.contents = contents
        self.header = header
        self.debugFile = debugFile
    }

    private func open() throws(ObjectFileError) -> ObjectFile {
        switch contents {
        case .file(let file): try ObjectFile(descriptor: file.descriptor)
        case .image(let bytes): try ObjectFile(image: bytes)
        }
    }

    /// The module's unwind rows, read now; empty, with the reason in `skipped`, where there are none.
    public func unwindTable() -> UnwindTable {
        do throws(ObjectFileError) {
            return try open().unwindTable()
        } catch {
            return UnwindTable(base: FileAddress(0), skipped: Self.reason(error))
        }
    }

    /// Names addresses of the module. See `ObjectFile.symbolize`.
    public func symbolize(_ request: SymbolRequest) -> SymbolAnswer {
        do throws(ObjectFileError) {
            return try open().symbolize(request, debugInformation: debugFile?.verifiedDescriptor())
        } catch {
            let unknown = request.addresses.map { SymbolizedAddress(address: $0, chain: []) }
            return SymbolAnswer(symbols: unknown, skipped: Self.reason(error))
        }
    }

    private static func reason(_ error: ObjectFileError) -> String {
        switch error {
        case .system: "cannot be read"
        case .notRegular: FileRefusal.notRegular.rawValue
        case .tooLarge: "too large"
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
