import Glibc
import ObjectTables
import ProfileModel
import Testing

@testable import Symbolication

@Suite("perf maps of processes")
struct PerfMapFileTests {
    @Test("the map is opened under the process's id in its own namespace, when it is the process's own")
    func file() throws {
        let process = try FixtureProcess()
        let user = getuid()
        try process.shell(
            "printf 'Name:\\tapp\\nPid:\\t42\\nNSpid:\\t42\\t7\\nUid:\\t0\\t\(user)\\t0\\t0\\n' > proc/42/status")
        #expect(throws: FileRefusal.vanished) {
            try PerfMapFile.open(of: process.pid, doors: .direct, procRoot: process.procRoot)
        }
        try process.shell("printf '1000 10 first\\n' > container/tmp/perf-7.map")
        let file = try PerfMapFile.open(of: process.pid, doors: .direct, procRoot: process.procRoot)
        // It grows while it is held, also when its name is gone.
        try process.shell(
            "exec 3>> container/tmp/perf-7.map; rm container/tmp/perf-7.map; printf '2000 10 second\\n' >&3")
        let answer = file.symbolize(SymbolRequest(addresses: [FileAddress(0x2000)]))
        #expect(answer.symbols.first?.chain.first?.function == "second")
    }

    @Test("another user's map, a link out of the root and a pipe are refused")
    func refused() throws {
        let process = try FixtureProcess()
        try process.shell("printf 'Pid:\\t42\\nNSpid:\\t42\\t7\\nUid:\\t12345\\t12345\\t0\\t0\\n' > proc/42/status")
        let map = process.root + "/tmp/perf-7.map"
        try process.shell("printf '1000 10 first\\n' > outside/map && ln -s ../../outside/map '\(map)'")
        #expect(throws: FileRefusal.vanished) {
            try PerfMapFile.open(of: process.pid, doors: .direct, procRoot: process.procRoot)
        }
        try process.shell("rm '\(map)'")
        try makeFIFO(map)
        #expect(throws: FileRefusal.notRegular) {
            try PerfMapFile.open(of: process.pid, doors: .direct, procRoot: process.procRoot)
        }
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
