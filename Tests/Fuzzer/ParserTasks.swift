import Glibc
import Isolation
import ObjectTables
import Parsing
import ProfileModel
import Symbolication
import TestSupport

/// Files that lie, for parser processes: none of them may keep a good file from its names.
struct ParserTasks {
    private let helpers: FileHelpers
    private let good: HeldFile
    private let goodNames: [String]

    init(_ nursery: HelperNursery, good path: String) throws {
        helpers = FileHelpers(nursery)
        good = try Self.hold(path)
        goodNames = Self.names(of: good, helpers)
        guard goodNames.count > 3 else { throw Broken("\(path) has no names: \(goodNames)") }
    }

    private static func hold(_ path: String) throws -> HeldFile {
        // O_PATH, which Swift does not see.
        let descriptor = unsafe open(path, 0o10000000 | O_CLOEXEC)
        guard descriptor >= 0 else { throw Broken("cannot open \(path)") }
        return HeldFile(owning: descriptor)
    }

    private static func names(of file: HeldFile, _ helpers: FileHelpers) -> [String] {
        guard case .symbols(let answer) = ask(file, helpers).symbols else { return [] }
        return answer.symbols.compactMap { $0.chain.last?.function }
    }

    /// What the recorder asks of a file: its header and rows when it is mapped, names at the end.
    private static func ask(_ file: HeldFile, _ helpers: FileHelpers) -> (module: ParserAnswer, symbols: ParserAnswer) {
        ask { helpers.doors.parser.begin($0, files: [file]).wait(milliseconds: nil) ?? .refused("none") }
    }

    private static func ask(_ answer: (ParserRequest) -> ParserAnswer) -> (module: ParserAnswer, symbols: ParserAnswer)
    {
        let module = answer(.module(stamp: nil, wantsRows: true))
        var addresses = stride(from: UInt64(0x1000), to: 0x1240, by: 16).map { FileAddress($0) }
        if case .module(let header, _) = module, let code = header.segments.first(where: \.isExecutable) {
            let start = code.address.rawValue
            let (end, overflow) = start.addingReportingOverflow(min(code.fileSize, 0x400))
            if !overflow, start > 0x1240 { addresses += stride(from: start, to: end, by: 16).map { FileAddress($0) } }
        }
        return (module, answer(.symbols(SymbolRequest(addresses: addresses), stamp: nil, debugCRC: nil)))
    }

    /// Mutants that this process reads itself: a parser process may not have the address space that AddressSanitizer takes.
    static func parse(_ count: Int, seed: UInt64, of path: String) throws {
        let original = try contents(of: path)
        var random = SeededGenerator(seed: seed)
        var outcomes: [String: Int] = [:]
        for _ in 0..<count {
            let file = try SealedFile(random.mutate(original))
            let answers = ask { Parser.answer($0, files: [file.descriptor]) }
            outcomes[word(answers.module), default: 0] += 1
            outcomes["names: " + word(answers.symbols), default: 0] += 1
        }
        tell([("task", quoted("parsing")), ("mutants", "\(count)"), ("outcomes", quoted(outcomes))])
    }

    private static func word(_ answer: ParserAnswer) -> String {
        switch answer {
        case .module, .symbols: "answered"
        case .refused(let reason): reason
        }
    }

    private static func milliseconds(since start: UInt64) -> Int {
        Int((MessageSocket.nanoseconds() - start) / 1_000_000)
    }

    func mutants(_ count: Int, seed: UInt64, of path: String) throws {
        let original = try contents(of: path)
        var random = SeededGenerator(seed: seed)
        var outcomes: [String: Int] = [:]
        var slowest = 0
        var checks = 0
        for number in 0..<count {
            let mutant = random.mutate(original)
            let sealed = try SealedFile(mutant)
            let file = HeldFile(owning: dup(sealed.descriptor))
            let start = MessageSocket.nanoseconds()
            let answers = Self.ask(file, helpers)
            slowest = max(slowest, Self.milliseconds(since: start))
            outcomes[Self.word(answers.module), default: 0] += 1
            outcomes["names: " + Self.word(answers.symbols), default: 0] += 1
            if number.isMultiple(of: 100) || number == count - 1 {
                checks += 1
                guard Self.names(of: good, helpers) == goodNames else {
                    throw Broken("after mutant \(number) of seed \(seed) a good file has lost its names")
                }
            }
        }
        tell([
            ("task", quoted("mutants")), ("mutants", "\(count)"), ("parsers_lost", "\(helpers.parserFailures)"),
            ("slowest_ms", "\(slowest)"), ("good_files_resolved", "\(checks)"), ("of", "\(checks)"),
            ("outcomes", quoted(outcomes)),
        ])
    }

    func crafted(in directory: String) throws {
        guard let listing = unsafe opendir(directory) else { throw Broken("cannot read \(directory)") }
        var names: [String] = []
        while let entry = unsafe readdir(listing) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        unsafe closedir(listing)
        var resolved = 0
        for name in names.sorted() {
            let file = try Self.hold(directory + "/" + name)
            let lost = helpers.parserFailures
            let start = MessageSocket.nanoseconds()
            let answers = Self.ask(file, helpers)
            let took = Self.milliseconds(since: start)
            if Self.names(of: good, helpers) == goodNames { resolved += 1 }
            tell([
                ("task", quoted("crafted")), ("file", quoted(name)), ("module", quoted(Self.word(answers.module))),
                ("names", quoted(Self.word(answers.symbols))), ("ms", "\(took)"),
                ("parsers_lost", "\(helpers.parserFailures - lost)"),
            ])
        }
        tell([
            ("task", quoted("crafted files")), ("files", "\(names.count)"),
            ("parsers_lost", "\(helpers.parserFailures)"), ("good_files_resolved", "\(resolved)"),
            ("of", "\(names.count)"),
        ])
        guard resolved == names.count else { throw Broken("a good file has lost its names") }
    }
}
