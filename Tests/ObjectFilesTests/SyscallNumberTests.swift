import ObjectTables
import ProfileModel
import Testing

@testable import ObjectFiles

@Suite("system call numbers in code")
struct SyscallNumberTests {
    @Test("the numbers found in libc are those that objdump shows", arguments: ["libc.so.6"])
    func libc(library: String) throws {
        let path = try libraryPath(library)
        let expected = try numbersByReturnAddress(of: path)
        try #require(expected.count > 200)
        let addresses = expected.keys.map { FileAddress($0) }.sorted()
        let answer = try withObjectFile(path) {
            $0.symbolize(SymbolRequest(addresses: addresses, syscallReturns: addresses))
        }
        var found = 0
        var known = 0
        for symbol in answer.symbols {
            let listed = expected[symbol.address.rawValue] ?? nil
            if listed != nil { known += 1 }
            guard let number = symbol.syscallNumber else { continue }
            found += 1
            #expect(number == listed, "\(String(symbol.address.rawValue, radix: 16)) \(symbol.chain)")
        }
        print(found, known, expected.count)
        for symbol in answer.symbols where symbol.syscallNumber == nil && expected[symbol.address.rawValue] ?? nil != nil {
            print(String(symbol.address.rawValue, radix: 16), symbol.chain.first?.function ?? "?", expected[symbol.address.rawValue] as Any)
        }
    }

    /// For each `syscall` instruction: the address behind it, and the number that the last instruction before it in the
    /// listing that writes eax loads; nil where that loads none, or there is a call or a jump in between.
    private func numbersByReturnAddress(of path: String) throws -> [UInt64: Int?] {
        var numbers: [UInt64: Int?] = [:]
        var number: Int?
        for line in try run("objdump -d --no-show-raw-insn '\(path)'").split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":"), line.first == " ",
                let address = hexadecimal(line[..<colon].drop { $0 == " " })
            else {
                number = nil
                continue
            }
            let words = line[line.index(after: colon)...].split { $0 == " " || $0 == "\t" }
            guard let instruction = words.first else { continue }
            let operands = words.count > 1 ? words[1] : ""
            if instruction == "syscall" {
                numbers[address + 2] = .some(number)
                number = nil
            } else if instruction == "mov", operands.hasPrefix("$0x"), operands.hasSuffix(",%eax") || operands.hasSuffix(",%rax") {
                number = hexadecimal(operands.dropFirst(3).prefix { $0 != "," }).flatMap { Int(exactly: $0) }
            } else if instruction == "xor", operands == "%eax,%eax" {
                number = 0
            } else if instruction.hasPrefix("j") || instruction == "call" || instruction == "ret" {
                number = nil
            } else if ["%eax", "%rax", "%al", "%ax"].contains(where: { operands.hasSuffix($0) }),
                !["cmp", "test", "cmpl", "cmpq", "testl", "push", "nopw"].contains(instruction) {
                number = nil
            }
        }
        return numbers
    }
}
