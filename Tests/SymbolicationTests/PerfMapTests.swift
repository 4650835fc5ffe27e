import Glibc
import ProfileModel
import Testing

@testable import Symbolication

@Suite("perf maps")
struct PerfMapTests {
    private func map(_ text: String) -> PerfMap { PerfMap(parsing: Array(text.utf8)) }

    @Test("an address has the name of the line that covers it")
    func names() {
        let map = map("7f00 20 LazyCompile:~run file.js:10\n0x8000 10 second\n")
        #expect(map.count == 2)
        #expect(map.name(at: VirtualAddress(0x7EFF)) == nil)
        #expect(map.name(at: VirtualAddress(0x7F00)) == "LazyCompile:~run file.js:10")
        #expect(map.name(at: VirtualAddress(0x7F1F)) == "LazyCompile:~run file.js:10")
        #expect(map.name(at: VirtualAddress(0x7F20)) == nil)
        #expect(map.name(at: VirtualAddress(0x8000)) == "second")
    }

    @Test("of two lines for one address the later one counts")
    func reused() {
        let map = map("1000 100 old\n1040 10 inside\n1000 20 new\n")
        #expect(map.name(at: VirtualAddress(0x1010)) == "new")
        #expect(map.name(at: VirtualAddress(0x1030)) == "old")
        #expect(map.name(at: VirtualAddress(0x1045)) == "inside")
        let over = self.map("1040 10 inside\n1000 100 over\n")
        #expect(over.name(at: VirtualAddress(0x1045)) == "over")
    }

    @Test("lines that make no sense are counted, and the others are read; a cut last line is left out")
    func malformed() {
        let map = map(
            "nonsense\n1000\n1000 10\n1000 10 \n1000 0 empty\nfffffffffffffff0 20 over\n11111111111111111 1 long\n\n2000 10 good\n3000 10 cu"
        )
        #expect(map.malformedLineCount == 7)
        #expect(map.count == 1)
        #expect(map.name(at: VirtualAddress(0x2000)) == "good")
    }

    @Test("a name's bytes are not lost")
    func bytes() {
        let map = PerfMap(parsing: Array("10 10 ".utf8) + [0x66, 0xFF, 0x0A])
        #expect(map.name(at: VirtualAddress(0x10))?.losslessBytes == [0x66, 0xFF])
    }

    @Test("random bytes never trap")
    func random() {
        var state: UInt64 = 7
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        let alphabet = Array("0123456789abcdefx \n\u{0}zé".utf8)
        for _ in 0..<2_000 {
            let text = (0..<200).map { _ in alphabet[Int(next() % UInt64(alphabet.count))] }
            let map = PerfMap(parsing: text)
            _ = map.name(at: VirtualAddress(next()))
        }
    }

    @Test("the map is opened under the process's id in its own namespace, when it is the process's own")
    func file() throws {
        let process = try FixtureProcess()
        let user = getuid()
        try process.shell(
            "printf 'Name:\\tapp\\nPid:\\t42\\nNSpid:\\t42\\t7\\nUid:\\t0\\t\(user)\\t0\\t0\\n' > proc/42/status")
        #expect(throws: FileRefusal.vanished) { try PerfMapFile.open(of: process.pid, procRoot: process.procRoot) }
        try process.shell("printf '1000 10 first\\n' > container/tmp/perf-7.map")
        let file = try PerfMapFile.open(of: process.pid, procRoot: process.procRoot)
        // It grows while it is held, also when its name is gone.
        try process.shell(
            "exec 3>> container/tmp/perf-7.map; rm container/tmp/perf-7.map; printf '2000 10 second\\n' >&3")
        #expect(try file.read().name(at: VirtualAddress(0x2000)) == "second")
    }

    @Test("another user's map, a link out of the root and a pipe are refused")
    func refused() throws {
        let process = try FixtureProcess()
        try process.shell("printf 'Pid:\\t42\\nNSpid:\\t42\\t7\\nUid:\\t12345\\t12345\\t0\\t0\\n' > proc/42/status")
        let map = process.root + "/tmp/perf-7.map"
        try process.shell("printf '1000 10 first\\n' > outside/map && ln -s ../../outside/map '\(map)'")
        #expect(throws: FileRefusal.vanished) { try PerfMapFile.open(of: process.pid, procRoot: process.procRoot) }
        try process.shell("rm '\(map)'")
        try makeFIFO(map)
        #expect(throws: FileRefusal.notRegular) { try PerfMapFile.open(of: process.pid, procRoot: process.procRoot) }
    }

    @Test("only the process's user and root may own the map")
    func owner() throws {
        let status = try #require(ProcessStatus(parsing: Array("Pid:\t42\nNSpid:\t42\t9\t7\nUid:\t1\t2\t3\t4\n".utf8)))
        #expect(status.innermostID == 7)
        #expect(status.userID == 2)
        let old = ProcessStatus(parsing: Array("Pid:\t42\nUid:\t1\t2\t3\t4\n".utf8))
        #expect(old?.innermostID == 42)
        #expect(ProcessStatus(parsing: Array("Name:\tx\n".utf8)) == nil)
        #expect(PerfMapFile.isTrusted(owner: 2, for: status))
        #expect(PerfMapFile.isTrusted(owner: 0, for: status))
        #expect(!PerfMapFile.isTrusted(owner: 1, for: status))
    }
}
