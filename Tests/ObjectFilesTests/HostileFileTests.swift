import Glibc
import ObjectTables
import ProfileModel
import TestSupport
import Testing

@testable import ObjectFiles

private let program = """
    #include <stdio.h>
    #include <string.h>
    static inline __attribute__((always_inline)) int inner(int a) { return printf("%d", a) + 1; }
    static inline __attribute__((always_inline)) int middle(int a) { return inner(a * 3) + 1; }
    __attribute__((noinline)) int outer(int a, char *b) {
        char copy[a];
        memset(copy, 1, a);
        return middle(copy[a / 2]) + (int)strlen(b);
    }
    int main(int argc, char **argv) { return outer(argc, argv[0]); }
    """

@Suite("files that lie")
struct HostileFileTests {
    @Test("what is no ELF file is refused, and says why")
    func refusals() throws {
        let directory = try TemporaryDirectory()
        let text = try directory.write("#!/bin/sh\n", to: "script")
        let empty = try directory.write("", to: "empty")
        for path in [text, empty] {
            #expect(throws: ObjectFileError.self) { try withObjectFile(path) { _ in } }
        }
        #expect(throws: ObjectFileError.notRegular) { try withObjectFile("/dev/null") { _ in } }
        #expect(throws: ObjectFileError.notRegular) { try withObjectFile(directory.path) { _ in } }
        #expect(throws: ObjectFileError.system(errno: EBADF)) { _ = try ObjectFile(descriptor: -1) }
        let descriptor = try openForReading(text)
        defer { close(descriptor) }
        #expect(throws: ObjectFileError.tooLarge(byteCount: 10)) {
            _ = try ObjectFile(descriptor: descriptor, maximumByteCount: 9)
        }
        // An ELF header of a big-endian file, and one of an object file that was not linked.
        var image = try readFile("/proc/self/exe").prefix(4096).map { $0 }
        image[16] = UInt8(ET_REL)
        #expect(throws: ObjectFileError.unsupported(reason: "neither executable nor library")) {
            _ = try ObjectFile(image: image)
        }
        image[5] = UInt8(ELFDATA2MSB)
        #expect(throws: ObjectFileError.unsupported(reason: "big-endian")) { _ = try ObjectFile(image: image) }
    }

    @Test("thousands of mutants neither crash nor hang, and what is found stays in bounds")
    func mutants() throws {
        let directory = try TemporaryDirectory()
        let source = try directory.write(program, to: "program.c")
        let binary = directory.path + "/program"
        try run("gcc -O2 -g -o \(binary) \(source)")
        let original = try readFile(binary)
        let addresses = stride(from: 0x1000 as UInt64, to: 0x1240, by: 16).map { FileAddress($0) }
        let request = SymbolRequest(
            addresses: addresses, syscallReturns: [FileAddress(0x1010)], budget: Budget(milliseconds: 200))
        var readable = 0
        var slowest = Duration.zero
        for seed in 0..<2_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let mutant = mutate(original, &generator)
            let start = ContinuousClock.now
            guard let file = try? ObjectFile(image: mutant) else { continue }
            readable += 1
            _ = file.header()
            let table = file.unwindTable()
            #expect(table.starts.count == table.rules.count)
            #expect(zip(table.starts, table.starts.dropFirst()).allSatisfy { $0 < $1 })
            #expect(file.symbolize(request).symbols.map(\.address) == addresses)
            slowest = max(slowest, ContinuousClock.now - start)
        }
        #expect(readable > 1_000)
        // Generous, for a machine that does other things too: a hang would last for ever.
        #expect(slowest < .seconds(20))
    }

    private func mutate(_ original: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        if generator.next() % 8 == 0 { bytes = Array(bytes.prefix(Int(generator.next() % UInt64(bytes.count)))) }
        guard !bytes.isEmpty else { return bytes }
        for _ in 0...(generator.next() % 16) {
            // One in six changes falls into the file header.
            let end = generator.next() % 6 == 0 ? min(64, bytes.count) : bytes.count
            let position = Int(generator.next() % UInt64(end))
            switch generator.next() % 3 {
            case 0: bytes[position] ^= 1 << UInt8(generator.next() % 8)
            case 1: bytes[position] = UInt8(truncatingIfNeeded: generator.next())
            default: bytes[position] = [0, 0x7F, 0x80, 0xFF][Int(generator.next() % 4)]
            }
        }
        return bytes
    }

    @Test(
        "debug information whose last string does not end is not read, and names come from the symbol table",
        arguments: ["debug_str", "debug_line_str"], ["none", "zlib", "zlib-gnu"])
    func endlessStrings(section: String, compression: String) throws {
        let directory = try TemporaryDirectory()
        let source = try directory.write(program, to: "program.c")
        let binary = directory.path + "/program"
        let strings = directory.path + "/strings"
        try run("gcc -O1 -gdwarf-5 -o \(binary) \(source)")
        let request = SymbolRequest(addresses: [FileAddress(try symbol("outer", of: binary).lowerBound)])
        try run("objcopy --compress-debug-sections=\(compression) \(binary)")
        let before = try withObjectFile(binary) { $0.symbolize(request).symbols.first?.chain }
        #expect(before?.last?.function == "outer")
        #expect(before?.last?.line != nil)
        try run("objcopy --decompress-debug-sections --dump-section .\(section)=\(strings) \(binary)")
        try run("truncate -s -1 \(strings) && printf x >> \(strings)")
        try run("objcopy --update-section .\(section)=\(strings) \(binary)")
        try run("objcopy --compress-debug-sections=\(compression) \(binary)")
        let after = try withObjectFile(binary) { $0.symbolize(request).symbols.first?.chain }
        #expect(after == [SourceFrame(function: "outer")])
    }

    @Test("scopes nested a hundred thousand deep end with the budget, not with the stack")
    func nestedScopes() throws {
        let depth = 100_000
        let directory = try TemporaryDirectory()
        // Each lexical block (abbreviation 3) covers the whole function and holds the next one; no sibling attributes.
        let source = try directory.write(
            """
            .text
            .globl _start
            .type _start, @function
            _start: nop
             nop
             ret
            .Lend: .size _start, .-_start
            .section .debug_abbrev,"",@progbits
             .byte 1,0x11,1, 0x11,1, 0x12,7, 0,0
             .byte 2,0x2e,1, 0x03,8, 0x11,1, 0x12,7, 0,0
             .byte 3,0x0b,1, 0x11,1, 0x12,7, 0,0
             .byte 0
            .section .debug_info,"",@progbits
             .long .Linfo_end - .Linfo
            .Linfo: .short 4
             .long .debug_abbrev
             .byte 8
             .uleb128 1
             .quad _start, .Lend - _start
             .uleb128 2
             .asciz "function"
             .quad _start, .Lend - _start
             .rept \(depth)
             .uleb128 3
             .quad _start, .Lend - _start
             .endr
             .fill \(depth + 2), 1, 0
            .Linfo_end:
            """, to: "nested.s")
        let binary = directory.path + "/nested"
        try run("gcc -nostdlib -static -o \(binary) \(source)")
        let start = ContinuousClock.now
        let answer = try withObjectFile(binary) { file in
            let entry = file.header().segments.first(where: \.isExecutable)?.address.rawValue ?? 0
            let addresses = (entry..<entry + 3).map { FileAddress($0) }
            return file.symbolize(SymbolRequest(addresses: addresses, budget: Budget(milliseconds: 500)))
        }
        // The budget is half a second of CPU time.
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(answer.symbols.allSatisfy { $0.chain.last?.function == "function" || answer.skipped == "budget" })
        #expect(answer.symbols.contains { !$0.chain.isEmpty })
    }
}
