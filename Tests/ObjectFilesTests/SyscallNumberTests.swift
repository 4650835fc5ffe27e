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
        for symbol in answer.symbols {
            guard let number = symbol.syscallNumber else { continue }
            found += 1
            let listed = expected[symbol.address.rawValue] ?? nil
            #expect(number == listed, "\(String(symbol.address.rawValue, radix: 16)) \(symbol.chain)")
        }
        // What is not sure may be unknown, but not much of it.
        let known = expected.values.count { $0 != nil }
        #expect(found * 10 >= known * 9, "\(found) of \(known)")
    }

    @Test(
        "the load is found behind moves of other registers, and what is not sure is unknown",
        arguments: [
            // mov $0x10f,%eax; syscall
            ("b8 0f 01 00 00 0f 05", 271),
            // mov $0x14,%rax; syscall
            ("48 c7 c0 14 00 00 00 0f 05", 20),
            // xor %eax,%eax; mov %r8d,%edi; syscall
            ("31 c0 44 89 c7 0f 05", 0),
            // mov $0x1,%eax; mov %rsi,0x8(%rsp); xor %r10d,%r10d; syscall
            ("b8 01 00 00 00 48 89 74 24 08 45 31 d2 0f 05", 1),
            // mov $0x3,%eax; mov %ebx,%eax; syscall: another value since
            ("b8 03 00 00 00 89 d8 0f 05", nil),
            // mov $0x3,%r8d; syscall: another register
            ("41 b8 03 00 00 00 0f 05", nil),
            // mov $0x3,%eax; jmp +2; syscall: a jump in between
            ("b8 03 00 00 00 eb 02 0f 05", nil),
            // mov $0x3,%eax; call …; syscall: a call in between
            ("b8 03 00 00 00 e8 00 00 00 00 0f 05", nil),
            // mov $0x3,%eax; mov (%rdi),%rax; syscall: loaded from memory since
            ("b8 03 00 00 00 48 8b 07 0f 05", nil),
            // mov $0x12345678,%eax; syscall: no such number
            ("b8 78 56 34 12 0f 05", nil),
            // mov $0x3,%eax; ud2: no system call
            ("b8 03 00 00 00 0f 0b", nil),
            ("0f 05", nil),
            ("", nil),
        ])
    func amd64(code: String, expected: Int?) {
        #expect(number(code, .amd64) == expected)
        #expect(number(code, .i386) == nil)
    }

    @Test(
        "arm64: the number is moved into w8 or x8",
        arguments: [
            // mov x8, #0x38; svc #0
            ("08 07 80 d2 01 00 00 d4", 56),
            // mov w8, #0x40; mov x0, x19; svc #0
            ("08 08 80 52 e0 03 13 aa 01 00 00 d4", 64),
            // mov x8, #0x38; ldr x8, [sp]; svc #0
            ("08 07 80 d2 e8 03 40 f9 01 00 00 d4", nil),
            // mov x8, #0x38; bl …; svc #0
            ("08 07 80 d2 00 00 00 94 01 00 00 d4", nil),
            // svc #0
            ("01 00 00 d4", nil),
        ])
    func arm64(code: String, expected: Int?) {
        #expect(number(code, .arm64) == expected)
    }

    private func number(_ code: String, _ architecture: ModuleHeader.Architecture) -> Int? {
        let bytes = code.split(separator: " ").compactMap { UInt8($0, radix: 16) }
        // An array of bytes has no padding.
        return unsafe SyscallNumber.number(endOf: bytes.span.bytes, architecture: architecture)
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
            } else if instruction == "mov", operands.hasPrefix("$0x"),
                operands.hasSuffix(",%eax") || operands.hasSuffix(",%rax")
            {
                number = hexadecimal(operands.dropFirst(3).prefix { $0 != "," }).flatMap { Int(exactly: $0) }
            } else if instruction == "xor", operands == "%eax,%eax" {
                number = 0
            } else if instruction.hasPrefix("j") || instruction == "call" || instruction == "ret" {
                number = nil
            } else if ["%eax", "%rax", "%al", "%ax"].contains(where: { operands.hasSuffix($0) }),
                !["cmp", "test", "cmpl", "cmpq", "testl", "push", "nopw"].contains(instruction)
            {
                number = nil
            }
        }
        return numbers
    }
}
