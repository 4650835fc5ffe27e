import FoundationEssentials
import ProfileModel
import Testing

@testable import Host

@Suite("Kernel symbols that are kept")
struct KallsymsCacheTests {
    private static let program = "ffffffffc0300000 t bpf_prog_6deef7357e7b4530_trace\t[bpf]\n"
    private static let kernel = """
        ffffffff81000000 T first
        ffffffff81000100 T second
        ffffffff81000200 T third
        ffffffffc0100000 T ext4_read\t[ext4]
        ffffffffc0100100 T ext4_last\t[ext4]

        """

    private func tree() throws -> FixtureTree {
        let tree = try FixtureTree()
        try tree.write("2f0b3f3e-one\n", to: "/proc/sys/kernel/random/boot_id")
        try tree.write(Self.kernel + Self.program, to: "/proc/kallsyms")
        try tree.write("ext4 1011712 1 - Live 0xffffffffc0100000\n", to: "/proc/modules")
        try tree.makeDirectory("/sys/module/ext4")
        try tree.makeDirectory("/run")
        return tree
    }

    private func name(_ symbols: KernelSymbols, _ address: UInt64) -> String? {
        symbols.lookup(VirtualAddress(address))?.name
    }

    @Test("the second call has the kernel's and its modules' names from the first, and no names of programs")
    func kept() throws {
        let tree = try tree()
        let first = tree.host.kernelSymbols()
        #expect(!first.isKept)
        #expect(name(first, 0xffff_ffff_c030_0010) == "bpf_prog_6deef7357e7b4530_trace")
        let second = tree.host.kernelSymbols()
        #expect(second.isKept)
        #expect(name(second, 0xffff_ffff_8100_0110) == "second")
        #expect(name(second, 0xffff_ffff_c010_0010) == "ext4_read")
        #expect(name(second, 0xffff_ffff_c030_0010) == nil)
        // A program may have been loaded right behind a module's last function.
        #expect(name(first, 0xffff_ffff_c010_0110) == "ext4_last")
        #expect(name(second, 0xffff_ffff_c010_0110) == nil)
        func covers(_ address: UInt64) -> Bool { second.covers(VirtualAddress(address)) }
        #expect(covers(0xffff_ffff_8100_0110) && covers(0xffff_ffff_c010_0010))
        #expect(!covers(0xffff_ffff_8100_0210))  // behind the kernel's last
        #expect(!covers(0xffff_ffff_c010_0110) && !covers(0xffff_ffff_c030_0010) && !covers(0x1000))
    }

    @Test("what is read anew has every name, and what the kernel told of meanwhile")
    func anew() throws {
        let tree = try tree()
        _ = tree.host.kernelSymbols()
        var kept = tree.host.kernelSymbols()
        kept.insert(address: VirtualAddress(0xffff_ffff_c040_0000), length: 64, name: "bpf_trampoline_1")
        let all = tree.host.kernelSymbolsAnew(for: kept)
        #expect(!all.isKept)
        #expect(name(all, 0xffff_ffff_8100_0110) == "second")
        #expect(name(all, 0xffff_ffff_c010_0110) == "ext4_last")
        #expect(name(all, 0xffff_ffff_c030_0010) == "bpf_prog_6deef7357e7b4530_trace")
        #expect(name(all, 0xffff_ffff_c040_0010) == "bpf_trampoline_1")
    }

    /// What makes kept names not hold any more, or not be believed.
    enum Change: String, CaseIterable, Sendable {
        case boot, moduleMoved, moduleLoadedAgain, moduleGone, moduleAdded, hidden, othersMayRead, othersMayWrite, cut,
            link
        case noBootID
    }

    @Test(
        "names of another boot or of other modules, hidden ones and files of others' making are read anew",
        arguments: Change.allCases)
    func changed(_ change: Change) throws {
        let tree = try tree()
        _ = tree.host.kernelSymbols()
        let files = FileManager.default
        let file = tree.root + KallsymsCache.file
        #expect(try files.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
        let module = tree.root + "/sys/module/ext4"
        switch change {
        case .boot: try tree.write("2f0b3f3e-two\n", to: "/proc/sys/kernel/random/boot_id")
        case .noBootID: try files.removeItem(atPath: tree.root + "/proc/sys/kernel/random/boot_id")
        case .moduleMoved: try tree.write("ext4 1011712 1 - Live 0xffffffffc0200000\n", to: "/proc/modules")
        case .moduleLoadedAgain:
            // The old one keeps its inode's number from being taken.
            try files.moveItem(atPath: module, toPath: module + ".old")
            try tree.makeDirectory("/sys/module/ext4")
        case .moduleGone: try tree.write("", to: "/proc/modules")
        case .moduleAdded:
            try tree.write(
                "zram 1 0 - Live 0xffffffffc0500000\next4 1011712 1 - Live 0xffffffffc0100000\n", to: "/proc/modules")
            try tree.makeDirectory("/sys/module/zram")
        case .hidden: try tree.write("0000000000000000 T first\n0000000000000000 T second\n", to: "/proc/kallsyms")
        case .othersMayRead: try files.setAttributes([.posixPermissions: 0o640], ofItemAtPath: file)
        case .othersMayWrite: try files.setAttributes([.posixPermissions: 0o602], ofItemAtPath: file)
        case .cut:
            let whole = try Data(contentsOf: URL(fileURLWithPath: file))
            try whole.dropLast().write(to: URL(fileURLWithPath: file))
            try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        case .link:
            try files.moveItem(atPath: file, toPath: file + ".old")
            try files.createSymbolicLink(atPath: file, withDestinationPath: file + ".old")
        }
        let symbols = tree.host.kernelSymbols()
        #expect(!symbols.isKept)
        #expect(symbols.isHidden == (change == .hidden))
        // What was read then is kept, but for names that are hidden, or of an unknown boot.
        #expect(tree.host.kernelSymbols().isKept == (change != .hidden && change != .noBootID))
    }

    @Test("changing counts of a module's users keep the names")
    func users() throws {
        let tree = try tree()
        _ = tree.host.kernelSymbols()
        try tree.write("ext4 1011712 3 zram,dm_mod Live 0xffffffffc0100000\n", to: "/proc/modules")
        #expect(tree.host.kernelSymbols().isKept)
    }

    @Test("where nothing can be kept names are read each time")
    func nowhere() throws {
        let tree = try tree()
        try FileManager.default.removeItem(atPath: tree.root + "/run")
        #expect(!tree.host.kernelSymbols().isKept)
        #expect(!tree.host.kernelSymbols().isKept)
        // A directory that others may write is not trusted.
        try tree.makeDirectory("/run/jostle")
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: tree.root + "/run/jostle")
        #expect(!tree.host.kernelSymbols().isKept)
        #expect(!tree.host.kernelSymbols().isKept)
        #expect(!FileManager.default.fileExists(atPath: tree.root + KallsymsCache.file))
    }
}
