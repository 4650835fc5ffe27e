import ObjectTables
import PerfRecords
import ProfileModel
import Recording
import TestSupport
import Testing
import Unwinding

@testable import ProfileBuilder

@Suite struct StackTests {
    /// Text at 0x40_0000 of the process, which is at 0x1000 of the file and, there, at link-time address 0x20_1000.
    static let program = Recorded.mapping(0x40_0000..<0x41_0000, offset: 0x1000, path: "/bin/app")
    static let header = ModuleHeader(
        architecture: .amd64,
        segments: [
            LoadSegment(
                offset: FileOffset(0x1000), address: FileAddress(0x20_1000), fileSize: 0x1_0000, isExecutable: true)
        ])

    /// A kernel of two functions and a module of one.
    private func recorded(_ mappings: [Mapping] = [program], registers: RegisterSet? = nil) -> Recorded {
        let recorded = Recorded(registers: registers)
        recorded.machine.processes[ProcessID(10)] = Recorded.process("app", threads: [10], mappings: mappings)
        recorded.machine.modules["/bin/app"] = (Self.header, nil)
        recorded.machine.kernel = [
            KernelFunction(name: "do_syscall_64", start: VirtualAddress(0xFFFF_FFFF_8100_0000), module: nil),
            KernelFunction(name: "ksys_write", start: VirtualAddress(0xFFFF_FFFF_8100_1000), module: nil),
            KernelFunction(name: "ext4_write", start: VirtualAddress(0xFFFF_FFFF_C000_0000), module: "ext4"),
        ]
        return recorded
    }

    // MARK: By frame pointers

    @Test("An instruction stays where it is, a return address lies one byte earlier, inside its call")
    func returnAddresses() throws {
        var recorded = recorded()
        try recorded.sample(10, user: [0x40_0010, 0x40_0020, 0x40_0030])
        // 0x40_0010 is 0x10 behind the mapping's start, which is 0x20_1000 in the file.
        #expect(
            recorded.stack(0) == [
                "/bin/app+201010", "/bin/app+20101f", "/bin/app+20102f", "<frame-pointers-only>",
            ])
    }

    @Test("A return address right behind its mapping is in the mapping, since its call is")
    func callAtTheEnd() throws {
        var recorded = recorded()
        try recorded.sample(10, user: [0x40_0010, 0x41_0000])
        #expect(recorded.stack(0)[1] == "/bin/app+210fff")
    }

    @Test("An address that nothing is mapped at is a frame without a module, and not dropped")
    func unmapped() throws {
        var recorded = recorded()
        try recorded.sample(10, user: [0x40_0010, 0x7777])
        #expect(recorded.stack(0) == ["/bin/app+201010", "+7776", "<frame-pointers-only>"])
    }

    @Test("A file that could not be opened has its positions for addresses")
    func unopened() throws {
        var recorded = recorded([Recorded.mapping(0x7000..<0x9000, offset: 0x3000, path: "/lib/gone.so")])
        try recorded.sample(10, user: [0x7010])
        #expect(recorded.stack(0)[0] == "/lib/gone.so+3010")
    }

    @Test("Anonymous memory has its virtual addresses")
    func anonymous() throws {
        var recorded = recorded([Recorded.mapping(0x7000..<0x9000, path: "//anon")])
        try recorded.sample(10, user: [0x7010])
        #expect(recorded.stack(0)[0] == "//anon+7010")
    }

    @Test("A module is opened when a sample first hits it, and once for each process that maps it")
    func opening() throws {
        var recorded = recorded([Self.program, Recorded.mapping(0x7000..<0x9000, path: "/lib/unused.so")])
        recorded.machine.processes[ProcessID(20)] = Recorded.process("app", threads: [20], mappings: [Self.program])
        recorded.builder.add(ProcessID(10))
        #expect(recorded.machine.openedPaths == [])
        try recorded.sample(10, user: [0x40_0010])
        try recorded.sample(10, user: [0x40_0020])
        #expect(recorded.machine.openedPaths == ["/bin/app"])
        try recorded.sample(20, user: [0x40_0010])
        #expect(recorded.machine.openedPaths == ["/bin/app", "/bin/app"])
        // The same module, and so the same frame and stack as the other process's.
        #expect(recorded.rows.modules.count == 1)
        #expect(recorded.rows.samples[2].stack == recorded.rows.samples[0].stack)
    }

    @Test("What is mapped over something replaces it there, and only there")
    func replaced() throws {
        var recorded = recorded()
        try recorded.sample(10, user: [0x40_0010])
        try recorded.map(10, 0x40_4000..<0x40_5000, path: "/lib/new.so")
        try recorded.sample(10, user: [0x40_3FFF])
        try recorded.sample(10, user: [0x40_4000])
        try recorded.sample(10, user: [0x40_5000])
        #expect((1...3).map { recorded.stack($0)[0] } == ["/bin/app+204fff", "/lib/new.so+0", "/bin/app+206000"])
    }

    @Test("What is left of a mapping that was not opened keeps its place in the file")
    func replacedBeforeOpening() throws {
        var recorded = recorded()
        recorded.builder.add(ProcessID(10))
        try recorded.map(10, 0x40_0000..<0x40_5000, path: "/lib/new.so")
        try recorded.sample(10, user: [0x40_5000])
        #expect(recorded.stack(0)[0] == "/bin/app+206000")
    }

    @Test("exec forgets what was mapped; the parent keeps it")
    func exec() throws {
        var recorded = recorded()
        recorded.builder.add(ProcessID(10))
        try recorded.fork(11, from: 10)
        try recorded.sample(11, user: [0x40_0010])
        try recorded.comm(11, "ls", isExec: true)
        try recorded.sample(11, user: [0x40_0010])
        try recorded.map(11, 0x40_0000..<0x41_0000, path: "/bin/ls")
        try recorded.sample(11, user: [0x40_0010])
        try recorded.sample(10, user: [0x40_0010])
        #expect(
            (0...3).map { recorded.stack($0)[0] } == [
                "/bin/app+201010", "+400010", "/bin/ls+10", "/bin/app+201010",
            ])
    }

    @Test("Mappings of data, and those of the kernel, are not taken")
    func data() throws {
        var recorded = recorded()
        recorded.builder.add(ProcessID(10))
        let trailer = Trailer(pid: 10, tid: 10, time: 2_000, id: Recorded.event)
        for (misc, pid) in [(UInt16(2 | 1 << 13), UInt32(10)), (1, UInt32.max)] {
            try recorded.take(
                RecordBytes(type: .mmap, misc: misc).u32(pid, pid).u64(0x40_0000, 0x1_0000, 0).text("[data]")
                    .trailer(trailer, recorded.layout).bytes)
        }
        try recorded.sample(10, user: [0x40_0010])
        #expect(recorded.stack(0)[0] == "/bin/app+201010")
        #expect(Set(recorded.builder.tasks.processes.keys) == [ProcessID(10)])
    }

    @Test("A program that maps code for hours does not make the builder grow")
    func mappingChurn() throws {
        var recorded = recorded()
        recorded.builder.add(ProcessID(10))
        try recorded.sample(10, user: [0x40_0010])
        for number in 0..<10_000 {
            try recorded.map(10, 0x7000..<0x8000, path: "/tmp/jit-\(number).so")
            if number.isMultiple(of: 1_000) { try recorded.sample(10, user: [0x7010]) }
        }
        try recorded.sample(10, user: [0x7010, 0x40_0011])
        let memory = try #require(recorded.builder.tasks.processes[ProcessID(10)]).memory
        #expect(memory.space.mappings.count == 2)
        #expect(memory.unopened.count <= 64)
        let last = recorded.rows.samples.count - 1
        #expect(Array(recorded.stack(last).prefix(2)) == ["/tmp/jit-9999.so+10", "/bin/app+201010"])
    }

    // MARK: The kernel

    @Test("Kernel frames stand above user frames, one for each function")
    func kernel() throws {
        var recorded = recorded()
        try recorded.sample(10, kernel: [0xFFFF_FFFF_8100_1008, 0xFFFF_FFFF_8100_0010], user: [0x40_0010])
        try recorded.sample(10, kernel: [0xFFFF_FFFF_8100_1FFF, 0xFFFF_FFFF_8100_0999], user: [0x40_0010])
        #expect(
            recorded.stack(0) == ["ksys_write", "do_syscall_64", "/bin/app+201010", "<frame-pointers-only>"])
        #expect(recorded.rows.samples[0].stack == recorded.rows.samples[1].stack)
        let frame = try #require(recorded.rows.frames.first { $0.function == "ksys_write" })
        #expect(frame.address == 0xFFFF_FFFF_8100_1000)
    }

    @Test("A return address at a function's start belongs to the call before it")
    func kernelReturnAddress() throws {
        var recorded = recorded()
        try recorded.sample(10, kernel: [0xFFFF_FFFF_8100_1000, 0xFFFF_FFFF_8100_1000])
        #expect(recorded.stack(0) == ["ksys_write", "do_syscall_64"])
    }

    @Test("Kernel modules are modules of their own, and hidden addresses keep themselves")
    func kernelModules() throws {
        var recorded = recorded()
        try recorded.sample(10, kernel: [0xFFFF_FFFF_C000_0001, 0xFFFF_FFFF_9000_0001, 0xFFFF_FFFF_8100_0010])
        #expect(recorded.stack(0) == ["ext4_write", "[kernel]+ffffffff90000000", "do_syscall_64"])
        #expect(recorded.rows.modules.map(\.module.path).sorted() == ["[kernel]", "ext4"])
        #expect(recorded.rows.modules.map(\.module.kind) == [.kernel, .kernelModule])
    }

    @Test("Where kernel code comes and goes, the new function is not taken for the old one")
    func kernelCodeChanges() throws {
        var recorded = recorded()
        let start = VirtualAddress(0xFFFF_FFFF_C100_0000)
        recorded.machine.kernel.append(KernelFunction(name: "bpf_old", start: start, module: "bpf"))
        try recorded.sample(10, kernel: [start.rawValue + 4])
        recorded.machine.kernel[3] = KernelFunction(name: "bpf_new", start: start, module: "bpf")
        try recorded.take(
            RecordBytes.kernelSymbol(
                start: start.rawValue, byteCount: 64, name: "bpf_new",
                trailer: Trailer(time: 5_000, id: Recorded.event), layout: recorded.layout))
        try recorded.sample(10, kernel: [start.rawValue + 4])
        #expect(recorded.machine.followed == ["bpf_new"])
        #expect(recorded.stack(0) == ["bpf_old"])
        #expect(recorded.stack(1) == ["bpf_new"])
    }

    @Test("A sample without any address has no stack")
    func noStack() throws {
        var recorded = recorded()
        try recorded.sample(10)
        #expect(recorded.rows.samples.map(\.stack) == [nil])
    }

    @Test("Stacks share what they have in common, and a parent's id is smaller than its children's")
    func prefixTree() throws {
        var recorded = recorded()
        try recorded.sample(10, user: [0x40_0010, 0x40_0020, 0x40_0030])
        try recorded.sample(10, user: [0x40_0011, 0x40_0020, 0x40_0030])
        // The cut, two callers and two innermost frames.
        #expect(recorded.rows.stacks.map(\.id) == [1, 2, 3, 4, 5])
        #expect(recorded.rows.stacks.map(\.parent) == [nil, 1, 2, 3, 3])
    }

    @Test(
        "The same callers are other frames when something else is mapped there, below another root, and as innermost frame"
    )
    func sameAddressesAgain() throws {
        var recorded = recorded()
        try recorded.sample(10, user: [0x40_0010, 0x40_4020, 0x40_0030])
        try recorded.map(10, 0x40_4000..<0x40_5000, path: "/lib/new.so")
        try recorded.sample(10, user: [0x40_0010, 0x40_4020, 0x40_0030])
        // What was the caller's return address is the innermost frame's own address.
        try recorded.sample(10, user: [0x40_4020, 0x40_0030])
        try recorded.sample(10, user: [0x40_0030])
        try recorded.sample(10, user: [0x40_0010, 0x40_4020, 0x7777])
        try recorded.sample(10, user: [0x40_0010, 0x40_4020, 0x40_0030])
        let cut = "<frame-pointers-only>"
        #expect(recorded.stack(0) == ["/bin/app+201010", "/bin/app+20501f", "/bin/app+20102f", cut])
        #expect(recorded.stack(1) == ["/bin/app+201010", "/lib/new.so+1f", "/bin/app+20102f", cut])
        #expect(recorded.stack(2) == ["/lib/new.so+20", "/bin/app+20102f", cut])
        #expect(recorded.stack(3) == ["/bin/app+201030", cut])
        #expect(recorded.stack(4) == ["/bin/app+201010", "/lib/new.so+1f", "+7776", cut])
        #expect(recorded.rows.samples[5].stack == recorded.rows.samples[1].stack)
    }

    // MARK: By unwind rows

    /// Every function pushes nothing and calls at once: the return address is at the stack pointer.
    private static let leaf = UnwindRule(kind: .registers, cfaOffset: 8)

    /// /bin/app's 0x20_1000–0x20_1FFF are leaves called from its 0x20_2000, the outermost function.
    private static let table = UnwindTable(
        base: FileAddress(0x20_1000), starts: [0, 0x1000],
        rules: [leaf.rawValue, UnwindRule(kind: .outermost).rawValue])

    /// x86_64's rbx, rdi, rbp, rsp and rip, in the order of their numbers.
    private func sample(_ recorded: inout Recorded, at ip: UInt64, stack: [UInt64]) throws {
        var contents = recorded.contents(10, at: ip)
        contents.userRegisters = [0, 0, 0, 0x7FFF_0000, ip]
        contents.userStack = stack.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
        try recorded.sample(contents)
    }

    @Test("A stack that leads through modules not opened yet is followed again once they are")
    func openedOnTheWay() throws {
        // The library's leaf is called from the program's leaf, which is called from its outermost function.
        var recorded = recorded(
            [Self.program, Recorded.mapping(0x7000..<0x8000, path: "/lib/leaf.so")], registers: .amd64)
        recorded.machine.modules["/bin/app"] = (Self.header, Self.table)
        recorded.machine.modules["/lib/leaf.so"] = (
            ModuleHeader(
                architecture: .amd64,
                segments: [
                    LoadSegment(
                        offset: FileOffset(0), address: FileAddress(0), fileSize: 0x1000, isExecutable: true)
                ]),
            UnwindTable(base: FileAddress(0), starts: [0], rules: [Self.leaf.rawValue])
        )
        try sample(&recorded, at: 0x7010, stack: [0x40_0020, 0x40_1030])
        #expect(recorded.stack(0) == ["/lib/leaf.so+10", "/bin/app+20101f", "/bin/app+20202f"])
        #expect(recorded.machine.openedPaths == ["/lib/leaf.so", "/bin/app"])
        #expect(recorded.builder.completeStackCount == 1)
    }

    @Test("A stack that is cut says why in its outermost frame")
    func truncated() throws {
        var recorded = recorded(registers: .amd64)
        recorded.machine.modules["/bin/app"] = (Self.header, Self.table)
        try sample(&recorded, at: 0x40_0010, stack: [0x40_0020])
        try sample(&recorded, at: 0x40_0010, stack: [0x7777])
        #expect(recorded.stack(0) == ["/bin/app+201010", "/bin/app+20101f", "<stack-copy-too-short>"])
        #expect(recorded.stack(1) == ["/bin/app+201010", "+7776", "<no-mapping>"])
        #expect(recorded.builder.sampleCount == 2 && recorded.builder.completeStackCount == 0)
    }

    @Test("A kernel thread has no user stack and is complete; a 32-bit task's registers are of no use")
    func otherABIs() throws {
        var recorded = recorded(registers: .amd64)
        var contents = recorded.contents(10)
        contents.misc = 1
        contents.callchain = [Recorded.kernelMarker, 0xFFFF_FFFF_8100_1008]
        contents.userABI = 0
        try recorded.sample(contents)
        contents.userABI = 1
        contents.userRegisters = [0, 0, 0, 0x7FFF_0000, 0x40_0010]
        try recorded.sample(contents)
        #expect(recorded.stack(0) == ["ksys_write"])
        #expect(recorded.stack(1) == ["ksys_write", "<no-registers>"])
        #expect(recorded.builder.completeStackCount == 1)
    }

    @Test("Any bytes where registers and stack should be give a sample and never a trap")
    func anyBytes() throws {
        var recorded = recorded(registers: .amd64)
        recorded.machine.modules["/bin/app"] = (Self.header, Self.table)
        var random = SeededGenerator(seed: 3)
        let words: [UInt64] = [0, 1, 0x40_0010, 0x40_1000, 0x7FFF_0000, 0x7FFF_0008, .max, .max - 7]
        for _ in 0..<2_000 {
            func word() -> UInt64 { words[Int.random(in: 0..<words.count, using: &random)] }
            var contents = recorded.contents(10)
            contents.userRegisters = [word(), word(), word(), word(), word()]
            contents.userStack = (0..<64).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            contents.callchain = [Recorded.kernelMarker, word(), word()]
            contents.period = word()
            try recorded.sample(contents)
        }
        #expect(recorded.builder.sampleCount == 2_000)
    }
}
