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

@Suite("symbolizing")
struct SymbolizingTests {
    @Test("functions, lines and inline chains are those of addr2line", arguments: ["-gdwarf-4", "-gdwarf-5"])
    func againstAddr2line(version: String) throws {
        let directory = try TemporaryDirectory()
        let source = try directory.write(program, to: "program.cpp")
        let binary = directory.path + "/program"
        try run("g++ -O2 \(version) -o \(binary) \(source)")
        let addresses = try textAddresses(of: binary, every: 1)
        let ours = try withObjectFile(binary) { $0.symbolize(SymbolRequest(addresses: addresses)) }
        #expect(ours.skipped == nil)
        let theirs = try addr2line(binary, addresses)
        var different: [String] = []
        for (our, their) in zip(ours.symbols, theirs) where our.chain != their {
            different.append("\(String(our.address.rawValue, radix: 16))\n  \(our.chain)\n  \(their)")
        }
        print(different.count, addresses.count)
        for d in Dictionary(grouping: different, by: { $0.split(separator: "\n").dropFirst().joined(separator: "\n") }).prefix(12) { print(d.value.count, d.value[0]) }
    }

    /// Addresses within the functions that nm lists, one in so many.
    private func textAddresses(of binary: String, every step: UInt64) throws -> [FileAddress] {
        var addresses: Set<FileAddress> = []
        for line in try run("nm -S --defined-only \(binary)").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 4, words[2] == "T" || words[2] == "t" || words[2] == "W",
                let start = hexadecimal(words[0]), let size = hexadecimal(words[1])
            else { continue }
            for address in stride(from: start, to: start + size, by: Int(step)) { addresses.insert(FileAddress(address)) }
        }
        return addresses.sorted()
    }

    private func addr2line(_ binary: String, _ addresses: [FileAddress]) throws -> [[SourceFrame]] {
        let list = binary + ".addresses"
        try writeFile(Array(addresses.map { String($0.rawValue, radix: 16) }.joined(separator: "\n").utf8), to: list)
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
