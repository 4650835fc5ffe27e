internal import Glibc
internal import ObjectFiles
public import ObjectTables
internal import ProfileModel

/// Answers requests about files that containers wrote: the one place where such files are read.
///
/// `serve` runs in a process without privileges; `answer` may be called anywhere, as tests do with files that they trust.
public enum Parser {
    /// - Parameter files: descriptors open for reading, the module's first; stay the caller's.
    public static func answer(_ request: ParserRequest, files: [Int32]) -> ParserAnswer {
        guard let file = files.first else { return .refused("no file") }
        switch request {
        case .module(let stamp, let wantsRows):
            return read(file, stamp) { object in
                .module(object.header(), wantsRows ? object.unwindTable() : nil)
            }
        case .symbols(let symbols, let stamp, let crc):
            let debugFile = files.count > 1 ? files[1] : nil
            return read(file, stamp) { object in
                let isTheirs = debugFile.map { descriptor in crc.map { CRC32.of(descriptor) == $0 } ?? true } ?? false
                return .symbols(object.symbolize(symbols, debugInformation: isTheirs ? debugFile : nil))
            }
        case .perfMap(let symbols):
            guard let text = FileReading.contents(of: file, limit: maximumPerfMapByteCount) else {
                return .refused("perf map: too large")
            }
            let map = PerfMap(parsing: text)
            return .symbols(
                SymbolAnswer(
                    symbols: symbols.addresses.map { address in
                        let name = map.name(at: VirtualAddress(address.rawValue))
                        return SymbolizedAddress(
                            address: address, chain: name.map { [SourceFrame(function: $0)] } ?? [])
                    }))
        }
    }

    /// Larger maps are not read.
    public static let maximumPerfMapByteCount = 64 << 20

    /// Calls `body` with the object file, or says why that cannot be.
    ///
    /// A file that was written to since it was mapped is not what ran, and a wrong name is worse than none.
    private static func read(
        _ file: Int32, _ stamp: FileStamp?, _ body: (borrowing ObjectFile) -> ParserAnswer
    ) -> ParserAnswer {
        do throws(ObjectFileError) {
            let answer = body(try ObjectFile(descriptor: file))
            // Asked last: what changed while it was read does not count either.
            guard let stamp else { return answer }
            return FileReading.stamp(of: file) == stamp ? answer : .refused("file changed")
        } catch {
            return .refused(reason(error))
        }
    }

    private static func reason(_ error: ObjectFileError) -> String {
        switch error {
        case .system: "cannot be read"
        case .notRegular: "not a regular file"
        case .tooLarge: "too large"
        case .notELF: "malformed"
        case .unsupported(let reason): reason
        }
    }
}
