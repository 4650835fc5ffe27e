import FoundationEssentials
import ProfileModel
import Testing

@testable import Host

@Suite("This very machine, read only")
struct RealMachineTests {
    private let host = Host()
    private let own = ProcessID(ProcessInfo.processInfo.processIdentifier)

    @Test("It has a kernel, an architecture and at least one CPU")
    func machine() {
        let machine = host.machine()
        #expect(machine.kernelRelease.first?.isNumber == true)
        #expect(["x86_64", "aarch64"].contains(machine.arch))
        #expect(!machine.onlineCPUs.isEmpty)
    }

    @Test("This process has threads, is alive, and its code is mapped from its executable")
    func ownProcess() throws {
        let process = try #require(host.process(own))
        #expect(process.threads.contains { $0.tid.rawValue == own.rawValue })
        #expect(host.isAlive(own))
        #expect(host.allProcessIDs().contains(own))
        let mappings = host.executableMappings(of: own)
        let executable = try #require(Files.linkTarget("/proc/self/exe"))
        #expect(mappings.contains { $0.path == executable && $0.file != nil })
        #expect(mappings.contains { $0.path == "[vdso]" && $0.file == nil })
    }

    @Test("Its kernel's names parse; where they are shown, a syscall is found at its own address")
    func kernelSymbols() throws {
        let symbols = host.kernelSymbols()
        guard !symbols.isHidden else { return }
        let name = host.machine().arch == "x86_64" ? "__x64_sys_fadvise64" : "__arm64_sys_fadvise64_64"
        let address = try #require(symbols.address(of: name))
        #expect(symbols.lookup(address) == KernelSymbol(name: name, module: nil, start: address))
    }
}
