internal import ProfileModel

/// Which contents a file had: size and time of its last modification.
public struct FileStamp: Hashable, Sendable {
    public var byteCount: Int64
    public var seconds: Int64
    public var nanoseconds: UInt32
    public init(byteCount: Int64, seconds: Int64, nanoseconds: UInt32) {
        self.byteCount = byteCount
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

/// What a parser is asked, together with one or two open files.
public enum ParserRequest: Sendable {
    /// What the file says of itself, and its unwind rows if wanted.
    ///
    /// - Parameter stamp: what the file must still be; nil for any.
    case module(stamp: FileStamp?, wantsRows: Bool)
    /// Names of addresses. A second file has the debug information.
    ///
    /// - Parameter debugCRC: the CRC-32 that the second file must have; nil where nothing has to be shown.
    case symbols(SymbolRequest, stamp: FileStamp?, debugCRC: UInt32?)
    /// Names of addresses in a perf map, which the file is.
    case perfMap(SymbolRequest)
}

/// What a parser answers.
public enum ParserAnswer: Sendable {
    case module(ModuleHeader, UnwindTable?)
    case symbols(SymbolAnswer)
    /// Why there is nothing, in words for the recording.
    case refused(String)
}

extension ParserRequest {
    public func encoded() -> [UInt8] {
        var writer = TableWriter()
        switch self {
        case .module(let stamp, let wantsRows):
            writer.put(UInt64(0))
            Self.put(stamp, to: &writer)
            writer.put(wantsRows)
        case .symbols(let request, let stamp, let crc):
            writer.put(UInt64(1))
            Self.put(stamp, to: &writer)
            writer.put(crc != nil)
            writer.put(UInt64(crc ?? 0))
            Self.put(request, to: &writer)
        case .perfMap(let request):
            writer.put(UInt64(2))
            Self.put(request, to: &writer)
        }
        return writer.bytes
    }

    /// - Throws: `TableDamage` when the bytes are no request.
    public init(decoding bytes: [UInt8]) throws(TableDamage) {
        var reader = TableReader(bytes)
        switch try reader.number() {
        case 0:
            let stamp = try Self.stamp(from: &reader)
            self = .module(stamp: stamp, wantsRows: try reader.flag())
        case 1:
            let stamp = try Self.stamp(from: &reader)
            let hasCRC = try reader.flag()
            guard let crc = UInt32(exactly: try reader.number()) else { throw TableDamage() }
            self = .symbols(try Self.request(from: &reader), stamp: stamp, debugCRC: hasCRC ? crc : nil)
        case 2:
            self = .perfMap(try Self.request(from: &reader))
        default: throw TableDamage()
        }
        guard reader.isAtEnd else { throw TableDamage() }
    }

    private static func put(_ stamp: FileStamp?, to writer: inout TableWriter) {
        writer.put(stamp != nil)
        guard let stamp else { return }
        writer.put(UInt64(bitPattern: stamp.byteCount))
        writer.put(UInt64(bitPattern: stamp.seconds))
        writer.put(UInt64(stamp.nanoseconds))
    }

    private static func stamp(from reader: inout TableReader) throws(TableDamage) -> FileStamp? {
        guard try reader.flag() else { return nil }
        let byteCount = Int64(bitPattern: try reader.number())
        let seconds = Int64(bitPattern: try reader.number())
        guard let nanoseconds = UInt32(exactly: try reader.number()) else { throw TableDamage() }
        return FileStamp(byteCount: byteCount, seconds: seconds, nanoseconds: nanoseconds)
    }

    private static func put(_ request: SymbolRequest, to writer: inout TableWriter) {
        writer.put(request.addresses)
        writer.put(request.syscallReturns)
        writer.put(request.budget.milliseconds)
        writer.put(UInt64(bitPattern: request.budget.bytes))
    }

    private static func request(from reader: inout TableReader) throws(TableDamage) -> SymbolRequest {
        let addresses = try reader.addresses()
        let returns = try reader.addresses()
        let milliseconds = try reader.integer()
        let bytes = Int64(bitPattern: try reader.number())
        return SymbolRequest(
            addresses: addresses, syscallReturns: returns, budget: Budget(milliseconds: milliseconds, bytes: bytes))
    }
}

extension ParserAnswer {
    /// The most functions of one address: deeper inlining is cut.
    public static let maximumChainLength = 256
    /// The most segments that a header has.
    private static let maximumSegmentCount = 1 << 17
    /// System calls have smaller numbers.
    private static let maximumSyscallNumber = 1024

    public func encoded() -> [UInt8] {
        var writer = TableWriter()
        switch self {
        case .refused(let reason):
            writer.put(UInt64(0))
            writer.put(reason)
        case .module(let header, let table):
            writer.put(UInt64(1))
            Self.put(header, to: &writer)
            writer.put(table != nil)
            guard let table else { break }
            writer.put(table.base.rawValue)
            writer.putFixed(table.starts)
            writer.putFixed(table.rules)
            writer.put(table.skipped)
        case .symbols(let answer):
            writer.put(UInt64(2))
            writer.put(answer.skipped)
            writer.put(UInt64(answer.symbols.count))
            for symbol in answer.symbols {
                writer.put(UInt64(symbol.syscallNumber.map { $0 + 1 } ?? 0))
                let chain = symbol.chain.prefix(Self.maximumChainLength)
                writer.put(UInt64(chain.count))
                for frame in chain {
                    writer.put(frame.function)
                    writer.put(frame.file)
                    writer.put(UInt64(frame.line.map { min(max(0, $0), Int(Int32.max) - 1) + 1 } ?? 0))
                }
            }
        }
        return writer.bytes
    }

    /// Reads an answer, and holds it against its request.
    ///
    /// - Throws: `TableDamage` when it is no answer to `request`.
    public init(decoding bytes: [UInt8], to request: ParserRequest) throws(TableDamage) {
        var reader = TableReader(bytes)
        switch (try reader.number(), request) {
        case (0, _):
            self = .refused(try Self.reason(from: &reader) ?? "malformed")
        case (1, .module(_, let wantsRows)):
            let header = try Self.header(from: &reader)
            let hasRows = try reader.flag()
            guard hasRows == wantsRows else { throw TableDamage() }
            self = .module(header, hasRows ? try Self.table(from: &reader) : nil)
        case (2, .symbols(let request, _, _)), (2, .perfMap(let request)):
            self = .symbols(try Self.symbols(from: &reader, for: request))
        default: throw TableDamage()
        }
        guard reader.isAtEnd else { throw TableDamage() }
    }

    /// Words that go into the recording and into reports.
    private static func reason(from reader: inout TableReader) throws(TableDamage) -> String? {
        guard let reason = try reader.text() else { return nil }
        guard reason.utf8.count <= 64, reason.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { throw TableDamage() }
        return reason
    }

    private static func put(_ header: ModuleHeader, to writer: inout TableWriter) {
        writer.put(header.architecture.rawValue)
        writer.put(header.buildID?.bytes ?? [])
        writer.put(UInt64(header.segments.count))
        for segment in header.segments {
            writer.put(segment.offset.rawValue)
            writer.put(segment.address.rawValue)
            writer.put(segment.fileSize)
            writer.put(segment.isExecutable)
        }
        writer.put(header.debugLink)
        writer.put(UInt64(header.debugLinkCRC.map { UInt64($0) + 1 } ?? 0))
        writer.put(header.hasDebugInformation)
    }

    private static func header(from reader: inout TableReader) throws(TableDamage) -> ModuleHeader {
        guard let architecture = ModuleHeader.Architecture(rawValue: try reader.text() ?? "") else {
            throw TableDamage()
        }
        let buildID = BuildID(try reader.contents(limit: 64))
        let count = try reader.count(ofAtLeast: 4)
        guard count <= maximumSegmentCount else { throw TableDamage() }
        var segments: [LoadSegment] = []
        for _ in 0..<count {
            segments.append(
                LoadSegment(
                    offset: FileOffset(try reader.number()), address: FileAddress(try reader.number()),
                    fileSize: try reader.number(), isExecutable: try reader.flag()))
        }
        let link = try reader.text()
        if let link {
            guard (1...1024).contains(link.utf8.count), !link.utf8.contains(UInt8(ascii: "/")), !link.utf8.contains(0)
            else { throw TableDamage() }
        }
        let crc = try reader.number()
        guard crc <= UInt64(UInt32.max) + 1 else { throw TableDamage() }
        return ModuleHeader(
            architecture: architecture, buildID: buildID, segments: segments, debugLink: link,
            debugLinkCRC: crc == 0 ? nil : UInt32(crc - 1), hasDebugInformation: try reader.flag())
    }

    private static func table(from reader: inout TableReader) throws(TableDamage) -> UnwindTable {
        let base = FileAddress(try reader.number())
        let starts = try reader.fixed(UInt32.self)
        let rules = try reader.fixed(UInt64.self)
        let skipped = try reason(from: &reader)
        guard starts.count == rules.count else { throw TableDamage() }
        // Looked up by halving, which needs them in order.
        for index in starts.indices.dropFirst() where starts[index] <= starts[index - 1] { throw TableDamage() }
        return UnwindTable(base: base, starts: starts, rules: rules, skipped: skipped)
    }

    private static func symbols(
        from reader: inout TableReader, for request: SymbolRequest
    ) throws(TableDamage) -> SymbolAnswer {
        let skipped = try reason(from: &reader)
        let count = try reader.count(ofAtLeast: 2)
        guard count == request.addresses.count || (count == 0 && skipped != nil) else { throw TableDamage() }
        let returns = Set(request.syscallReturns)
        var symbols: [SymbolizedAddress] = []
        symbols.reserveCapacity(count)
        for address in request.addresses.prefix(count) {
            let number = try reader.number()
            guard number <= UInt64(maximumSyscallNumber), number == 0 || returns.contains(address) else {
                throw TableDamage()
            }
            let length = try reader.count(ofAtLeast: 3)
            guard length <= maximumChainLength else { throw TableDamage() }
            var chain: [SourceFrame] = []
            for _ in 0..<length {
                let function = try reader.text()
                let file = try reader.text()
                let line = try reader.number()
                guard line <= UInt64(Int32.max) else { throw TableDamage() }
                chain.append(SourceFrame(function: function, file: file, line: line == 0 ? nil : Int(line) - 1))
            }
            symbols.append(
                SymbolizedAddress(
                    address: address, chain: chain, syscallNumber: number == 0 ? nil : Int(number) - 1))
        }
        return SymbolAnswer(symbols: symbols, skipped: skipped)
    }
}
