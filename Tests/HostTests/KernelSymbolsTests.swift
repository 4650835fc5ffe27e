import ProfileModel
import Testing

@testable import Host

@Suite("Kernel symbols")
struct KernelSymbolsTests {
    private func symbols(_ lines: String) -> KernelSymbols { KernelSymbols(kallsyms: Array(lines.utf8)) }
    private func name(_ symbols: KernelSymbols, _ address: UInt64) -> String? {
        symbols.lookup(VirtualAddress(address))?.name
    }

    private let kernel = """
        ffffffff81000000 T _stext
        ffffffff81000000 T startup_64
        ffffffff81000100 t __pfx_helper
        ffffffff81000110 t helper
        ffffffff81000200 W weak_one
        ffffffff81000300 T _etext
        ffffffff81400000 D some_data
        ffffffffc0200000 t second\t[zram]
        ffffffffc0100010 t local\t[ext4]
        ffffffffc0100000 T ext4_read\t[ext4]

        """

    @Test("An address belongs to the function that begins at or before it")
    func inside() {
        let symbols = symbols(kernel)
        #expect(name(symbols, 0xffff_ffff_8100_0000) == "startup_64")
        #expect(name(symbols, 0xffff_ffff_8100_00ff) == "startup_64")
        #expect(name(symbols, 0xffff_ffff_8100_0110) == "helper")
        #expect(name(symbols, 0xffff_ffff_8100_02ff) == "weak_one")
        #expect(symbols.lookup(VirtualAddress(0xffff_ffff_8100_0123))?.start == VirtualAddress(0xffff_ffff_8100_0110))
    }

    @Test("Padding, data, gaps and what lies before the first and far behind the last function have no name")
    func outside() {
        let symbols = symbols(kernel)
        #expect(name(symbols, 0) == nil)
        #expect(name(symbols, 0xffff_ffff_80ff_ffff) == nil)
        #expect(name(symbols, 0xffff_ffff_8100_0108) == nil)  // __pfx_helper
        #expect(name(symbols, 0xffff_ffff_8100_0300) == nil)  // behind _etext
        #expect(name(symbols, 0xffff_ffff_8140_0001) == nil)  // some_data
        #expect(name(symbols, 0xffff_ffff_c018_0000) == nil)  // between two modules
        #expect(name(symbols, 0xffff_ffff_c021_0000) == nil)  // 64 KiB behind the last
        #expect(name(symbols, UInt64.max) == nil)
    }

    @Test("A variable is found by any address in it, where the kernel tells of its variables, and code is none")
    func variables() {
        let data = (0..<1_000).map { "ffffffff82\(String(0x100000 + $0 * 0x10, radix: 16)) d variable\($0)\n" }.joined()
        let symbols = symbols(kernel + data + "ffffffff82200000 B _end\n")
        func variable(_ address: UInt64) -> String? { symbols.variable(at: VirtualAddress(address)) }
        #expect(variable(0xffff_ffff_8210_0000) == "variable0")
        #expect(variable(0xffff_ffff_8210_0018) == "variable1")
        #expect(variable(0xffff_ffff_8100_0110) == nil)  // code
        #expect(variable(0xffff_8881_0251_d128) == nil)  // allocated
        #expect(variable(0xffff_ffff_8220_0008) == nil)  // behind the last
        // Without CONFIG_KALLSYMS_ALL the few names of data are the linker's, and what lies behind them is anything.
        #expect(self.symbols(kernel).variable(at: VirtualAddress(0xffff_ffff_8140_0008)) == nil)
    }

    @Test(
        "Of the functions that are asked for those are found that the kernel has, whatever the compiler added to them")
    func among() {
        let symbols = symbols(kernel + "ffffffff81000280 t __mutex_lock.constprop.0\n")
        #expect(
            symbols.functions(among: ["helper", "__mutex_lock", "ext4_read", "some_data", "missing", "help"])
                == ["helper", "__mutex_lock", "ext4_read"])
    }

    @Test("Modules' symbols are found though they are not in order, and say their module")
    func modules() {
        let symbols = symbols(kernel)
        let read = symbols.lookup(VirtualAddress(0xffff_ffff_c010_0008))
        #expect(read == KernelSymbol(name: "ext4_read", module: "ext4", start: VirtualAddress(0xffff_ffff_c010_0000)))
        #expect(symbols.lookup(VirtualAddress(0xffff_ffff_c010_0018))?.name == "local")
        #expect(symbols.lookup(VirtualAddress(0xffff_ffff_c020_0018))?.module == "zram")
        #expect(symbols.lookup(VirtualAddress(0xffff_ffff_8100_0000))?.module == .some(nil))
    }

    @Test("Of several names the syscall's wins, then the global one, whatever their order")
    func preferredNames() {
        let symbols = symbols(
            """
            ffffffff81000010 t __do_sys_fork
            ffffffff81000010 T __ia32_sys_fork
            ffffffff81000010 T __x64_sys_fork
            ffffffff81000020 t quirk.part.0
            ffffffff81000020 W quirk_weak
            ffffffff81000020 T quirk
            ffffffff81000030 T __do_sys_only
            ffffffff81000040 T next

            """)
        #expect(name(symbols, 0xffff_ffff_8100_0010) == "__x64_sys_fork")
        #expect(name(symbols, 0xffff_ffff_8100_0020) == "quirk")
        #expect(name(symbols, 0xffff_ffff_8100_0030) == "__do_sys_only")
        #expect(symbols.address(of: "__do_sys_fork") == VirtualAddress(0xffff_ffff_8100_0010))
        #expect(symbols.address(of: "fork") == nil)
    }

    @Test("Addresses of 0 mean that the kernel hides them; so does no file")
    func hidden() {
        let symbols = symbols("0000000000000000 T _stext\n0000000000000000 T a\n0000000000000000 t b\t[m]\n")
        #expect(symbols.isHidden)
        #expect(name(symbols, 0) == nil)
        #expect(symbols.address(of: "a") == nil)
        #expect(KernelSymbols(kallsyms: []).isHidden)
        #expect(!self.symbols(kernel).isHidden)
    }

    @Test("A program that is loaded later has a name as long as it is loaded")
    func inserted() {
        var symbols = symbols(kernel)
        let start = VirtualAddress(0xffff_ffff_c018_0000)
        symbols.insert(address: start, length: 0x40, name: "bpf_prog_1")
        #expect(name(symbols, 0xffff_ffff_c018_003f) == "bpf_prog_1")
        #expect(symbols.lookup(start)?.module == "bpf")
        #expect(name(symbols, 0xffff_ffff_c018_0040) == nil)
        // Another one in the same place: the first is gone.
        symbols.insert(address: VirtualAddress(0xffff_ffff_c018_0020), length: 0x40, name: "bpf_prog_2")
        #expect(name(symbols, 0xffff_ffff_c018_0010) == nil)
        #expect(name(symbols, 0xffff_ffff_c018_0050) == "bpf_prog_2")
        #expect(symbols.address(of: "bpf_prog_2") == VirtualAddress(0xffff_ffff_c018_0020))
        symbols.remove(address: VirtualAddress(0xffff_ffff_c018_0020))
        #expect(name(symbols, 0xffff_ffff_c018_0050) == nil)
        // Lengths that lead nowhere are not taken.
        symbols.insert(address: start, length: 0, name: "empty")
        symbols.insert(address: VirtualAddress(UInt64.max), length: 2, name: "wrapped")
        #expect(symbols.address(of: "empty") == nil)
        #expect(symbols.address(of: "wrapped") == nil)
    }

    @Test("Lines of another form are passed over, wherever the file is cut")
    func malformed() {
        let symbols = symbols(
            "\nxyz\nffffffff81000000\nffffffff81000000 T\nffffffff810000000 T toolong\nffffffff81000000 T good\n T x\n")
        #expect(name(symbols, 0xffff_ffff_8100_0000) == "good")
        for line in ["", "xyz", "ffffffff81000000", "ffffffff81000000 T", "ffffffff810000000 T toolong", " T x"] {
            #expect(self.symbols(line + "\n").isHidden, "\(line)")
        }
        let bytes = Array(kernel.utf8)
        for count in bytes.indices { _ = KernelSymbols(kallsyms: Array(bytes[..<count])) }
    }
}

@Suite("The kernel's own tail calls")
struct KernelTailCallsTests {
    private let base: UInt64 = 0xffff_ffff_8100_0000

    /// Three entries of 32 bytes each, a worker, and thunks.
    private var symbols: KernelSymbols {
        KernelSymbols(
            kallsyms: Array(
                """
                ffffffff81000000 T __x64_sys_access
                ffffffff81000020 T __x64_sys_faccessat
                ffffffff81000040 T __x64_sys_getpid
                ffffffff81000060 t do_faccessat
                ffffffff81000080 t do_faccessat.cold
                ffffffff810000a0 T __x86_return_thunk
                ffffffff810000c0 T next

                """.utf8))
    }

    /// `jmp` from `from` to `to`: E9, then the distance from the next instruction.
    private func jump(from: UInt64, to: UInt64) -> [UInt8] {
        let distance = UInt32(truncatingIfNeeded: to &- from &- 5)
        return [0xE9] + (0..<4).map { UInt8(truncatingIfNeeded: distance >> ($0 * 8)) }
    }

    private func text() -> [UInt8] {
        var text = [UInt8](repeating: 0xCC, count: 0xC0)
        func put(_ offset: Int, to: UInt64) {
            text.replaceSubrange(offset..<offset + 5, with: jump(from: base + UInt64(offset), to: base + to))
        }
        put(0x10, to: 0x60)  // access → do_faccessat
        put(0x15, to: 0x80)  // and its cold part
        put(0x22, to: 0x60)  // faccessat → do_faccessat
        put(0x44, to: 0xA0)  // getpid: a return
        put(0x4A, to: 0x40)  // and a loop to its own start
        put(0x50, to: 0x61)  // and a jump that is no call: not the start of anything
        put(0x5B, to: 0x60)  // a jump in the last five bytes still counts
        return text
    }

    @Test("Jumps to the start of another function are tail calls; returns, loops and cold parts are not")
    func find() {
        let text = text()
        let found = KernelTailCalls.find(in: symbols) { address, count in
            Array(text[Int(address.rawValue - base)...].prefix(count))
        }
        #expect(found == ["do_faccessat": ["access", "faccessat", "getpid"]])
    }

    @Test("Text that cannot be read, is cut or is random gives no tail calls and no trap")
    func garbage() {
        #expect(KernelTailCalls.find(in: symbols) { _, _ in nil } == [:])
        for count in 0..<8 {
            #expect(KernelTailCalls.find(in: symbols) { _, _ in [UInt8](repeating: 0xE9, count: count) } == [:])
        }
    }

    /// An ELF core image with a note and the kernel's text, as /proc/kcore has them.
    private func core(text: [UInt8]) -> [UInt8] {
        func little(_ value: UInt64, _ bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        func segment(type: UInt64, offset: UInt64, address: UInt64, size: UInt64) -> [UInt8] {
            little(type, 4) + little(5, 4) + little(offset, 8) + little(address, 8) + little(0, 8) + little(size, 8)
                + little(size, 8) + little(4096, 8)
        }
        // e_ident, type 4 (core), machine 62, version; entry; phoff 64; shoff; flags; ehsize, phentsize 56, phnum 2, …
        let header =
            [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9) + little(4, 2) + little(62, 2)
            + little(1, 4) + little(0, 8) + little(64, 8) + little(0, 8) + little(0, 4) + little(64, 2)
            + little(56, 2) + little(2, 2) + little(0, 6)
        let table =
            segment(type: 4, offset: 0, address: base, size: 0x1000)
            + segment(type: 1, offset: 0x100, address: base, size: UInt64(text.count))
        return header + table + [UInt8](repeating: 0, count: 0x100 - header.count - table.count) + text
    }

    @Test("A core image is read through its loaded segments")
    func kcore() throws {
        let tree = try FixtureTree()
        #expect(tree.host.kernelTailCalls(symbols) == [:])
        try tree.write(core(text: text()), to: "/proc/kcore")
        #expect(tree.host.kernelTailCalls(symbols) == ["do_faccessat": ["access", "faccessat", "getpid"]])
        #expect(tree.host.kernelTailCalls(KernelSymbols(kallsyms: [])) == [:])
    }

    @Test("A core image that is cut anywhere gives what its bytes still say, and no trap")
    func truncatedCore() throws {
        let whole = core(text: text())
        let tree = try FixtureTree()
        for count in stride(from: 0, to: 0x100, by: 3) {
            try tree.write(Array(whole[..<count]), to: "/proc/kcore")
            #expect(tree.host.kernelTailCalls(symbols) == [:])
        }
        // Up to behind faccessat's jump.
        try tree.write(Array(whole[..<0x140]), to: "/proc/kcore")
        #expect(tree.host.kernelTailCalls(symbols) == ["do_faccessat": ["access", "faccessat"]])
    }
}
