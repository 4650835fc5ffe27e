import Glibc
import Isolation
import ObjectTables
import ProfileModel
import Symbolication
import TestSupport

/// Nonsense on the sockets between our own processes: whoever took one of them over must not get further.
struct ProtocolTask {
    private let nursery: HelperNursery
    init(_ nursery: HelperNursery) { self.nursery = nursery }

    func run(_ count: Int, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var outcomes: [String: Int] = [:]
        // Answers, as the recorder reads them: refused, or consistent.
        let (request, answers) = Self.samples()
        for number in 0..<count {
            let bytes = random.mutate(answers[number % answers.count], headerByteCount: 8)
            let word = Self.takeAnswer(bytes, to: number % answers.count == 0 ? request.module : request.symbols)
            outcomes["answers " + word, default: 0] += 1
            let other = random.mutate(request.symbols.encoded(), headerByteCount: 8)
            outcomes["requests " + Self.takeRequest(other), default: 0] += 1
        }
        if isSanitized {
            // A helper may not have the address space that AddressSanitizer takes, and would not start.
            return tell([
                ("task", quoted("protocol")), ("messages", "\(count * 2)"), ("helpers", quoted("not asked")),
                ("outcomes", quoted(outcomes)),
            ])
        }
        // Requests, as helpers read them: they answer, or end, and never take long.
        let helpers = FileHelpers(nursery)
        var lost = 0
        var parser = try nursery.start(.parser)
        var opener = try nursery.start(.opener)
        guard parser.isConfined(within: 5_000), opener.isConfined(within: 5_000) else { throw Broken("not confined") }
        for _ in 0..<count / 20 {
            let sealed = try SealedFile(random.mutate(request.symbols.encoded(), headerByteCount: 8))
            let file = try SealedFile(random.mutate(Array(repeating: 0x7F, count: 100)))
            if parser.requests.send([0], descriptors: [sealed.descriptor, file.descriptor]) != 0
                || !parser.answers.waitUntilReadable(milliseconds: 2_000) || !Self.drain(parser.answers)
            {
                lost += 1
                parser = try nursery.start(.parser)
                guard parser.isConfined(within: 5_000) else { throw Broken("not confined") }
            }
            let nonsense = (0..<random.below(64)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            if opener.requests.send(nonsense.isEmpty ? [9] : nonsense) != 0
                || !opener.answers.waitUntilReadable(milliseconds: 1_000) || opener.answers.receive() == nil
            {
                lost += 1
                opener = try nursery.start(.opener)
                guard opener.isConfined(within: 5_000) else { throw Broken("not confined") }
            }
        }
        _ = helpers
        tell([
            ("task", quoted("protocol")), ("messages", "\(count * 2 + count / 20 * 2)"), ("helpers_lost", "\(lost)"),
            ("outcomes", quoted(outcomes)),
        ])
    }

    private static func drain(_ socket: MessageSocket) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        return unsafe recv(socket.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)) > 0
    }

    /// Reads an answer as the recorder does. Returns what became of it.
    static func takeAnswer(_ bytes: [UInt8], to request: ParserRequest) -> String {
        guard let answer = try? ParserAnswer(decoding: bytes, to: request) else { return "refused" }
        if case .module(_, let table?) = answer {
            guard table.starts.count == table.rules.count,
                zip(table.starts, table.starts.dropFirst()).allSatisfy({ $0 < $1 })
            else { fatalError("a table out of order was taken") }
        }
        return "taken"
    }

    /// Reads a request as a parser does. Returns what became of it.
    static func takeRequest(_ bytes: [UInt8]) -> String {
        (try? ParserRequest(decoding: bytes)) == nil ? "refused" : "taken"
    }

    static func samples() -> (request: (module: ParserRequest, symbols: ParserRequest), [[UInt8]]) {
        let addresses = (0..<50 as Range<UInt64>).map { FileAddress($0 * 7) }
        let header = ModuleHeader(
            architecture: .amd64, buildID: BuildID(hex: "0123456789abcdef"),
            segments: [LoadSegment(offset: FileOffset(0), address: FileAddress(0), fileSize: 4096, isExecutable: true)],
            debugLink: "app.debug", debugLinkCRC: 7, hasDebugInformation: true)
        let table = UnwindTable(
            base: FileAddress(0x1000), starts: (0..<100).map { UInt32($0 * 16) }, rules: Array(repeating: 1, count: 100)
        )
        let symbols = addresses.map {
            SymbolizedAddress(
                address: $0,
                chain: [SourceFrame(function: "inner", file: "a.c", line: 3), SourceFrame(function: "é\($0.rawValue)")])
        }
        let module = ParserRequest.module(stamp: nil, wantsRows: true)
        let names = ParserRequest.symbols(SymbolRequest(addresses: addresses), stamp: nil, debugCRC: nil)
        return (
            (module, names),
            [
                ParserAnswer.module(header, table).encoded(),
                ParserAnswer.symbols(SymbolAnswer(symbols: symbols)).encoded(),
            ]
        )
    }
}
