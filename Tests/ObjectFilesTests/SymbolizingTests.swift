import Glibc
import ObjectTables
import ProfileModel
import Testing

@testable import ObjectFiles

/// A C++ program with inlined functions, a lambda, a class local to a function, templates and an assembly function.
private let program = """
    #include <algorithm>
    #include <cstdio>
    #include <map>
    #include <string>
    #include <vector>
    namespace app {
    struct Logger {
        std::map<std::string, std::vector<int>> lines;
        __attribute__((noinline)) void write(const std::string &name, int value) {
            lines[name].push_back(value);
            std::sort(lines[name].begin(), lines[name].end());
        }
        template <class T> int size(T extra) { return (int)lines.size() + (int)extra; }
    };
    }
    static inline __attribute__((always_inline)) int inner(int x) { return std::printf("%d\\n", x); }
    static inline __attribute__((always_inline)) int middle(int x) { return inner(x + 1) + 1; }
    __attribute__((noinline)) int outer(int x) { return middle(x) * 2; }
    asm(".text\\n.type plain, @function\\nplain:\\n nop\\n ret\\n.size plain, .-plain\\n");
    int main(int argc, char **argv) {
        app::Logger logger;
        logger.write(argv[0], argc);
        auto call = [&](int x) __attribute__((noinline)) { return outer(x) + logger.size(x); };
        struct Local { __attribute__((noinline)) int go(int a) { return std::puts("x") + a; } } local;
        return call(argc) + local.go(3);
    }
    """

/// A program without the standard library's templates, which compiles in no time.
private let smallProgram = """
    #include <stdio.h>
    static inline __attribute__((always_inline)) int inner(int x) { return puts("x") + x; }
    static inline __attribute__((always_inline)) int middle(int x) { return inner(x + 1) + 1; }
    __attribute__((noinline)) int outer(int x) { return middle(x) * 2; }
    int main(int argc, char **) { return outer(argc); }
    """

@Suite("symbolizing")
struct SymbolizingTests {
    @Test("functions, lines and inline chains are those of addr2line", arguments: ["-gdwarf-4", "-gdwarf-5"])
    func againstAddr2line(version: String) throws {
        let directory = try TemporaryDirectory()
        let binary = try build(program, in: directory, options: version)
        let addresses = try textAddresses(of: binary, every: 1)
        try #require(addresses.count > 2_000)
        let ours = try withObjectFile(binary) { $0.symbolize(SymbolRequest(addresses: addresses)) }
        #expect(ours.skipped == nil)
        #expect(ours.symbols.map(\.address) == addresses)
        let theirs = try addr2line(binary, addresses)
        var misplaced: [String] = []
        var misnamed: [String] = []
        for (our, their) in zip(ours.symbols, theirs) {
            let difference = "\(String(our.address.rawValue, radix: 16)): \(our.chain) \(their)"
            if our.chain.map(\.function) != their.map(\.function) { misnamed.append(difference) }
            // Code from an asm statement belongs to no function and has no line; addr2line shows the file's name.
            guard our.chain.first?.function != "plain" else { continue }
            if our.chain.map(\.file) != their.map(\.file) || our.chain.map(\.line) != their.map(\.line) {
                misplaced.append(difference)
            }
        }
        #expect(misplaced.isEmpty, "\(misplaced.prefix(3))")
        // binutils 2.40 names the innermost of some inlined functions after the outermost one.
        #expect(misnamed.count * 1_000 <= addresses.count, "\(misnamed.prefix(3))")
    }

    @Test("an inline chain has the line of each call")
    func inlineChain() throws {
        let directory = try TemporaryDirectory()
        let binary = try build(in: directory)
        let outer = try symbol("outer(int)", of: binary)
        let answer = try withObjectFile(binary) {
            $0.symbolize(SymbolRequest(addresses: (outer.lowerBound..<outer.upperBound).map { FileAddress($0) }))
        }
        let deepest = try #require(answer.symbols.map(\.chain).max { $0.count < $1.count })
        let lines = smallProgram.split(separator: "\n", omittingEmptySubsequences: false)
        func line(of text: String) -> Int? { lines.firstIndex { $0.contains(text) }.map { $0 + 1 } }
        #expect(deepest.map(\.function) == ["inner", "middle", "outer"])
        #expect(
            deepest.map(\.line) == [line(of: "int inner("), line(of: "int middle("), line(of: "int outer(")])
    }

    @Test("a stripped file is named from its dynamic symbols, and with its debug file as if it were whole")
    func separateDebugFile() throws {
        let directory = try TemporaryDirectory()
        let binary = try build(in: directory, options: "-rdynamic")
        let addresses = try textAddresses(of: binary, every: 16)
        let whole = try withObjectFile(binary) { $0.symbolize(SymbolRequest(addresses: addresses)) }
        let debug = binary + ".debug"
        try run("objcopy --only-keep-debug \(binary) \(debug) && strip \(binary)")
        try run("cd \(directory.path) && objcopy --add-gnu-debuglink=program.debug program")
        let debugDescriptor = try openForReading(debug)
        defer { close(debugDescriptor) }
        try withObjectFile(binary) { file in
            #expect(file.header().debugLink == "program.debug")
            #expect(!file.header().hasDebugInformation)
            let outer = try symbol("outer(int)", of: debug)
            let dynamic = file.symbolize(SymbolRequest(addresses: [FileAddress(outer.lowerBound)]))
            #expect(dynamic.symbols.first?.chain == [SourceFrame(function: "outer")])
            let answer = file.symbolize(SymbolRequest(addresses: addresses), debugInformation: debugDescriptor)
            #expect(answer.symbols.map(\.chain) == whole.symbols.map(\.chain))
        }
    }

    @Test("a debug file of another build is not used")
    func otherBuild() throws {
        let directory = try TemporaryDirectory()
        let binary = try build(in: directory, options: "-Wl,--build-id")
        let addresses = try textAddresses(of: binary, every: 16)
        try run("objcopy --only-keep-debug \(binary) \(binary).debug")
        _ = try build(in: directory, options: "-Wl,--build-id -DOTHER -O1")
        try run("strip \(binary)")
        let debugDescriptor = try openForReading(binary + ".debug")
        defer { close(debugDescriptor) }
        let answer = try withObjectFile(binary) {
            $0.symbolize(SymbolRequest(addresses: addresses), debugInformation: debugDescriptor)
        }
        #expect(answer.symbols.allSatisfy { $0.chain.allSatisfy { $0.line == nil } })
    }

    @Test("the symbols that Fedora packs into .gnu_debugdata are found")
    func miniDebugInformation() throws {
        let directory = try TemporaryDirectory()
        let binary = try build(in: directory)
        let outer = try symbol("outer(int)", of: binary)
        // As rpm does it: only the symbol table is kept, packed, and added to the stripped file.
        try run("objcopy --only-keep-debug \(binary) \(binary).mini && strip -g \(binary).mini")
        try run("xz \(binary).mini && strip \(binary)")
        let request = SymbolRequest(addresses: [FileAddress(outer.lowerBound)])
        #expect(try withObjectFile(binary) { $0.symbolize(request) }.symbols.first?.chain == [])
        try run("objcopy --add-section .gnu_debugdata=\(binary).mini.xz \(binary)")
        let answer = try withObjectFile(binary) { $0.symbolize(request) }
        #expect(answer.symbols.first?.chain == [SourceFrame(function: "outer")])
    }

    @Test("compressed debug information is read")
    func compressed() throws {
        let directory = try TemporaryDirectory()
        let binary = try build(in: directory)
        let addresses = try textAddresses(of: binary, every: 64)
        let plain = try withObjectFile(binary) { $0.symbolize(SymbolRequest(addresses: addresses)) }
        try run("objcopy --compress-debug-sections=zlib \(binary)")
        let packed = try withObjectFile(binary) { $0.symbolize(SymbolRequest(addresses: addresses)) }
        #expect(packed.symbols == plain.symbols)
    }

    @Test("a spent budget leaves the symbol table's names and says so")
    func budget() throws {
        let directory = try TemporaryDirectory()
        let binary = try build(in: directory)
        let outer = FileAddress(try symbol("outer(int)", of: binary).lowerBound)
        for budget in [Budget(milliseconds: 0), Budget(bytes: 100)] {
            let answer = try withObjectFile(binary) { $0.symbolize(SymbolRequest(addresses: [outer], budget: budget)) }
            #expect(answer.skipped == "budget")
            #expect(answer.symbols == [SymbolizedAddress(address: outer, chain: [SourceFrame(function: "outer")])])
        }
    }

    @Test("PLT entries are named after the functions they lead to", arguments: ["", "-fcf-protection -Wl,-z,ibtplt"])
    func procedureLinkage(options: String) throws {
        let directory = try TemporaryDirectory()
        let binary = try build(in: directory, options: "-Wl,-z,lazy \(options)")
        var expected: [FileAddress: String] = [:]
        for line in try run("objdump -d -j .plt -j .plt.sec \(binary) 2>/dev/null || true").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2, words[1].hasSuffix("@plt>:"), let address = hexadecimal(words[0]) else { continue }
            expected[FileAddress(address)] = Demangling.functionName(Array(words[1].dropFirst().dropLast(2).utf8))
        }
        // Some objdumps name the lazy part too, which the linker names nothing.
        let addresses = expected.keys.sorted()
        try #require(expected.values.contains("puts@plt"))
        let answer = try withObjectFile(binary) { $0.symbolize(SymbolRequest(addresses: addresses)) }
        for symbol in answer.symbols where !symbol.chain.isEmpty {
            #expect(symbol.chain.first?.function == expected[symbol.address])
        }
        #expect(answer.symbols.contains { $0.chain.first?.function == "puts@plt" })
    }

    private func build(
        _ program: String = smallProgram, in directory: TemporaryDirectory, options: String = ""
    ) throws -> String {
        let source = try directory.write(program, to: "program.cpp")
        let binary = directory.path + "/program"
        try run("g++ -O2 -g \(options) -o \(binary) \(source)")
        return binary
    }

    /// Addresses within the functions that nm lists, one in so many.
    private func textAddresses(of binary: String, every step: UInt64) throws -> [FileAddress] {
        var addresses: Set<FileAddress> = []
        for line in try run("nm -S --defined-only \(binary)").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 4, words[2] == "T" || words[2] == "t" || words[2] == "W",
                let start = hexadecimal(words[0]), let size = hexadecimal(words[1])
            else { continue }
            for address in stride(from: start, to: start + size, by: Int(step)) {
                addresses.insert(FileAddress(address))
            }
        }
        return addresses.sorted()
    }

    private func addr2line(_ binary: String, _ addresses: [FileAddress]) throws -> [[SourceFrame]] {
        let list = binary + ".addresses"
        let digits = addresses.map { String($0.rawValue, radix: 16) }
        try writeFile(Array(digits.joined(separator: "\n").utf8), to: list)
        var chains: [[SourceFrame]] = []
        var function: Substring?
        for line in try run("addr2line -a -f -i -e \(binary) < \(list)").split(separator: "\n") {
            if line.hasPrefix("0x") {
                chains.append([])
                function = nil
            } else if let name = function {
                let place = line.split(separator: " ")[0]
                let colon = place.lastIndex(of: ":") ?? place.endIndex
                let file = String(place[..<colon])
                let number = Int(place[colon...].dropFirst())
                if name != "??" {
                    chains[chains.count - 1].append(
                        SourceFrame(
                            function: Demangling.functionName(Array(name.utf8)), file: file == "??" ? nil : file,
                            line: number == 0 ? nil : number))
                }
                function = nil
            } else {
                function = line
            }
        }
        return chains
    }
}
