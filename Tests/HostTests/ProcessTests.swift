import ProfileModel
import Testing

@testable import Host

@Suite("Processes")
struct ProcessTests {
    @Test("A process is read with its threads, its cgroups and its id inside the container")
    func process() throws {
        let tree = try FixtureTree()
        try tree.makeProcess(40, comm: "nginx", cgroup: "3:cpu:/a\n0::/shop/web\n", parent: 7)
        try tree.write("worker 1\n", to: "/proc/40/task/41/comm")
        try tree.write("Name:\tnginx\nNSpid:\t40\t12\t1\n", to: "/proc/40/status")
        let process = try #require(tree.host.process(ProcessID(40)))
        #expect(process.comm == "nginx")
        #expect(process.parent == ProcessID(7))
        #expect(process.startTime == 4711)
        #expect(
            process.threads == [
                HostThread(tid: ThreadID(40), comm: "nginx"), HostThread(tid: ThreadID(41), comm: "worker 1"),
            ])
        #expect(process.cgroupPath == "/shop/web")
        #expect(process.namespacePID == ProcessID(1))
        #expect(tree.host.allProcessIDs() == [ProcessID(40)])
    }

    @Test("A comm may look like the rest of its line, end lines and be no UTF-8")
    func strangeComm() throws {
        let tree = try FixtureTree()
        try tree.makeProcess(40, comm: "x", cgroup: "0::/\n", parent: 9)
        let comm: [UInt8] = Array("a) Z 1 (\n".utf8) + [0xFF]
        try tree.write(comm + [0x0A], to: "/proc/40/comm")
        try tree.write("40 (a) Z 1 (\\n?) S 9" + String(repeating: " 0", count: 17) + " 55 0\n", to: "/proc/40/stat")
        let process = try #require(tree.host.process(ProcessID(40)))
        #expect(process.comm.losslessBytes == comm)
        #expect(process.parent == ProcessID(9))
        #expect(process.startTime == 55)
        #expect(tree.host.isAlive(ProcessID(40)))
    }

    @Test("A process that is gone is nil, and one that waits to be reaped is not alive")
    func gone() throws {
        let tree = try FixtureTree()
        #expect(tree.host.process(ProcessID(40)) == nil)
        #expect(tree.host.executableMappings(of: ProcessID(40)) == [])
        #expect(!tree.host.isAlive(ProcessID(40)))
        try tree.write("40 (x) Z 1" + String(repeating: " 0", count: 20) + "\n", to: "/proc/40/stat")
        #expect(!tree.host.isAlive(ProcessID(40)))
    }

    @Test("A stat line is refused wherever it is cut before its start time")
    func truncatedStat() {
        let line = Array(("40 (x) S 9" + String(repeating: " 0", count: 17) + " 55").utf8)
        #expect(ProcStat(line)?.startTime == 55)
        for count in 0..<(line.count - 3) { #expect(ProcStat(Array(line[..<count])) == nil) }
    }
}

@Suite("Executable mappings")
struct MappingTests {
    private func mappings(_ lines: String) -> [Mapping] { Mapping.executable(inProcMaps: Array(lines.utf8)) }

    @Test("Only executable lines are taken, with device, inode and offset")
    func executableOnly() {
        let found = mappings(
            """
            55d0a0000000-55d0a0002000 r--p 00000000 fe:00 254163                     /usr/bin/head
            55d0a0002000-55d0a0008000 r-xp 00002000 fe:1f 254163                     /usr/bin/head
            7ffd1c5f2000-7ffd1c5f4000 r-xp 00000000 00:00 0                          [vdso]
            7f0000000000-7f0000001000 rwxp 00000000 00:00 0

            """)
        #expect(
            found == [
                Mapping(
                    start: VirtualAddress(0x55d0_a000_2000), end: VirtualAddress(0x55d0_a000_8000),
                    offset: FileOffset(0x2000),
                    file: FileIdentity(device: DeviceNumber(major: 0xfe, minor: 0x1f), inode: 254163),
                    path: "/usr/bin/head"),
                Mapping(
                    start: VirtualAddress(0x7ffd_1c5f_2000), end: VirtualAddress(0x7ffd_1c5f_4000),
                    offset: FileOffset(0), file: nil, path: "[vdso]"),
                Mapping(
                    start: VirtualAddress(0x7f00_0000_0000), end: VirtualAddress(0x7f00_0000_1000),
                    offset: FileOffset(0), file: nil, path: "//anon"),
            ])
    }

    @Test("A path keeps its spaces, its backslashes and its deletion; a line end is decoded")
    func strangePaths() {
        let found = mappings(#"1000-2000 r-xp 00000000 08:01 5   /tmp/a b\012c\040d (deleted)"# + "\n")
        // The kernel escapes nothing but the line end here, so \040 is the name's own.
        #expect(found.map(\.path) == ["/tmp/a b\nc\\040d (deleted)"])
    }

    @Test("Bytes that are no UTF-8 come back as they were")
    func losslessPath() {
        let line = Array("1000-2000 r-xp 00000000 08:01 5 /x/".utf8) + [0xC3, 0x28, 0x0A]
        #expect(Mapping.executable(inProcMaps: line).first?.path.losslessBytes == Array("/x/".utf8) + [0xC3, 0x28])
    }

    @Test(
        "A line of another form is passed over",
        arguments: [
            "2000-1000 r-xp 00000000 08:01 5 /x", "1000 r-xp 0 08:01 5 /x", "1000-2000 r-x 0 08:01 5 /x", "1000-2000",
            "g-2000 r-xp 0 08:01 5 /x", "1000-2000 r-xp 0 108000000:01 5 /x", "1000-2000 r-xp 0 08:01", "-", " ",
        ])
    func malformed(line: String) {
        #expect(mappings(line + "\n") == [])
    }
}
