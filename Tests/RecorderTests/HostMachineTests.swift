import Host
import ObjectTables
import ProfileBuilder
import ProfileModel
import Symbolication
import Testing

@testable import Recorder

@Suite("The machine as the builder asks of it")
struct HostMachineTests {
    @Test("code that the kernel made since its names were kept has its name all the same")
    func madeSince() throws {
        let tree = try FixtureMachine()
        try tree.write("2f0b3f3e\n", to: "/proc/sys/kernel/random/boot_id")
        let kernel =
            "ffffffff81000000 T first\nffffffff810000f0 t __pfx_second\nffffffff81000100 T second\nffffffff81000200 T third\n"
        try tree.write(kernel, to: "/proc/kallsyms")
        try tree.write("", to: "/run/lock")
        _ = tree.host.kernelSymbols()
        try tree.write(kernel + "ffffffffc0300000 t bpf_prog_12ab\t[bpf]\n", to: "/proc/kallsyms")
        #expect(tree.host.kernelSymbols().isKept)

        let machine = HostMachine(host: tree.host, doors: .direct { _, _ in .refused("no files here") })
        func name(_ address: UInt64) -> String? { machine.kernelFunction(at: VirtualAddress(address))?.name }
        #expect(name(0xffff_ffff_8100_0110) == "second")
        // Between two functions there is nothing to be found anew.
        #expect(name(0xffff_ffff_8100_00f8) == nil)
        #expect(!machine.takeHasLookedUp())
        #expect(name(0xffff_ffff_c030_0010) == "bpf_prog_12ab")
        // The rings filled while the names were read.
        #expect(machine.takeHasLookedUp())
        #expect(machine.kernelFunction(at: VirtualAddress(0xffff_ffff_c030_0010))?.module == "bpf")
        // Once: what has no name then has none.
        #expect(name(0xffff_ffff_c050_0000) == nil)
        #expect(!machine.takeHasLookedUp())
    }
}
