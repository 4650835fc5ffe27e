import Glibc
import ObjectFiles
import ObjectTables
import ProfileModel
import TestSupport

/// How long it takes to name many addresses of one file that was not looked at before.
struct NamesBenchmark {
    private let descriptor: Int32
    private let addresses: [FileAddress]

    init(path: String, addressCount: Int) throws {
        // open(2) copies the path. The descriptor stays open until this process ends.
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("\(path): errno \(errno)") }
        let header = try ObjectFile(descriptor: descriptor).header()
        guard let code = header.segments.filter(\.isExecutable).max(by: { $0.fileSize < $1.fileSize }),
            code.fileSize > UInt64(addressCount)
        else { throw Failure("\(path) has too little code") }
        var generator = SeededGenerator(seed: 1)
        var chosen: Set<UInt64> = []
        while chosen.count < addressCount { chosen.insert(UInt64.random(in: 0..<code.fileSize, using: &generator)) }
        addresses = chosen.sorted().map { FileAddress(code.address.rawValue + $0) }
    }

    func run() throws -> String {
        let start = threadTime()
        let answer = try ObjectFile(descriptor: descriptor).symbolize(
            SymbolRequest(addresses: addresses, budget: Budget(milliseconds: 60_000)))
        let seconds = Double(threadTime() - start) / 1e9
        let named = answer.symbols.count { $0.chain.last?.function != nil }
        let withLines = answer.symbols.count { $0.chain.first?.line != nil }
        let inlined = answer.symbols.count { $0.chain.count > 1 }
        return """
            {"addresses": \(addresses.count), "named": \(named), "with_lines": \(withLines), "inlined": \(inlined), \
            "seconds": \(seconds)}
            """
    }
}
