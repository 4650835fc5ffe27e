import ObjectTables
import ProfileModel
import Testing

@testable import ObjectFiles

/// Sixteen-byte functions one behind the other, so that each address can be read off.
private let assembly = """
    .text
    .globl visible, __visible
    .type visible, @function
    .type __visible, @function
    .type hidden, @function
    visible: __visible: hidden: .fill 16, 1, 0x90
    .size visible, 8
    .size __visible, 8
    .size hidden, 8
    .type open_ended, @function
    open_ended: .fill 16, 1, 0x90
    .globl outside
    .type outside, @function
    outside: .fill 4, 1, 0x90
    .type inside, @function
    inside: .fill 4, 1, 0x90
    .size inside, 4
    .fill 8, 1, 0x90
    .size outside, 16
    untyped: .fill 16, 1, 0x90
    .size untyped, 16
    label: .fill 16, 1, 0x90
    .globl _start
    .type _start, @function
    _start: ret
    .section .data
    .type data, @object
    data: .quad 0
    .size data, 8
    """

@Suite("symbol tables")
struct SymbolTableTests {
    @Test("each address has the name of the symbol that covers it")
    func names() throws {
        let directory = try TemporaryDirectory()
        let source = try directory.write(assembly, to: "code.s")
        let binary = directory.path + "/code"
        try run("gcc -nostdlib -static -o \(binary) \(source)")
        let line = try #require(try run("nm \(binary)").split(separator: "\n").first { $0.hasSuffix(" visible") })
        let start = try #require(hexadecimal(line.prefix { $0 != " " }))
        let expected: [(UInt64, String?)] = [
            // Of three aliases one that other files can see, with the fewest underscores.
            (0, "visible"), (7, "visible"),
            // Behind its end, and before the next symbol.
            (8, nil), (15, nil),
            // Without a size up to the next symbol.
            (16, "open_ended"), (31, "open_ended"),
            // One symbol within another one, and the outer one again.
            (32, "outside"), (36, "inside"), (39, "inside"), (40, "outside"), (47, "outside"),
            // Without a type, but with a size; then with neither.
            (48, "untyped"), (63, "untyped"), (64, nil), (79, nil),
            // Without a size up to the section's end.
            (80, "_start"), (81, nil), (4096, nil),
        ]
        let request = SymbolRequest(addresses: expected.map { FileAddress(start + $0.0) })
        let answer = try withObjectFile(binary) { $0.symbolize(request) }
        for (symbol, (offset, name)) in zip(answer.symbols, expected) {
            #expect(symbol.chain.first?.function == name, "at \(offset)")
        }
    }

    @Test("a function with debug information and several names has the one that programs call")
    func aliases() throws {
        let directory = try TemporaryDirectory()
        let source = try directory.write(
            """
            int __internal_work(int a) { return a * 3; }
            extern int work(int) __attribute__((alias("__internal_work")));
            int main(int c, char **v) { return work(c); }
            """, to: "code.c")
        let binary = directory.path + "/code"
        try run("gcc -g -O0 -o \(binary) \(source)")
        let line = try #require(try run("nm \(binary)").split(separator: "\n").first { $0.hasSuffix(" T work") })
        let address = FileAddress(try #require(hexadecimal(line.prefix { $0 != " " })))
        let answer = try withObjectFile(binary) { $0.symbolize(SymbolRequest(addresses: [address])) }
        #expect(answer.symbols.first?.chain.map(\.function) == ["work"])
        #expect(answer.symbols.first?.chain.map(\.line) == [1])
    }
}
