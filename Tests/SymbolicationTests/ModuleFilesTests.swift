import Glibc
import ObjectTables
import ProfileModel
import Testing

@testable import Symbolication

/// A request for all addresses of a module's code.
private func everyAddress(of module: ModuleFile) -> SymbolRequest {
    guard let code = module.header?.segments.first(where: \.isExecutable) else { return SymbolRequest(addresses: []) }
    let addresses = code.address.rawValue..<code.address.rawValue + code.fileSize
    return SymbolRequest(addresses: addresses.map { FileAddress($0) })
}

/// The names of all functions of a module.
private func functions(of module: ModuleFile) -> Set<String> {
    Set(module.symbolize(everyAddress(of: module)).symbols.compactMap { $0.chain.last?.function })
}

@Suite("the files behind mappings")
struct ModuleFilesTests {
    @Test("a mapping of this very process leads to its file, which is opened once")
    func ownProcess() throws {
        let maps = try #require(ProcessFiles.read("/proc/self/maps", limit: 1 << 24))
        let line = try #require(
            String(decoding: maps, as: UTF8.self).split(separator: "\n").first {
                $0.hasSuffix("/libc.so.6") && $0.contains(" r-xp ")
            })
        // start-end permissions offset major:minor inode path
        let words = line.split(separator: " ")
        let range = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
        let device = words[3].split(separator: ":").compactMap { UInt32($0, radix: 16) }
        let mapping = Mapping(
            start: VirtualAddress(range[0]), end: VirtualAddress(range[1]),
            offset: FileOffset(try #require(UInt64(words[2], radix: 16))),
            file: FileIdentity(
                device: DeviceNumber(major: device[0], minor: device[1]), inode: try #require(UInt64(words[4]))),
            path: String(words[5]))
        var files = ModuleFiles(doors: .direct)
        let module = try files.open(mapping, of: ProcessID(getpid()))
        #expect(try files.open(mapping, of: ProcessID(getpid())) === module)
        #expect(module.header?.buildID != nil)
        #expect(module.unwindTable.starts.count > 10_000)
    }

    @Test("a removed file still has its names")
    func removed() throws {
        let process = try FixtureProcess()
        try process.compile("first", to: "/usr/bin/app")
        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        let module = try files.open(try process.mapping(of: "/usr/bin/app"), of: process.pid)
        try process.shell("rm -rf container")
        #expect(functions(of: module).contains("first"))
    }

    @Test("a file that replaced another one under its name is another module, and each has its own names")
    func replaced() throws {
        let process = try FixtureProcess()
        try process.compile("first", to: "/usr/bin/app")
        let old = try process.mapping(of: "/usr/bin/app")
        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        let first = try files.open(old, of: process.pid)
        try process.compile("second", to: "/usr/bin/new")
        try process.shell("mv container/usr/bin/new container/usr/bin/app")
        let second = try files.open(try process.mapping(of: "/usr/bin/app"), of: process.pid)
        #expect(functions(of: first).contains("first") && !functions(of: first).contains("second"))
        #expect(functions(of: second).contains("second") && !functions(of: second).contains("first"))
        // The old inode was not opened in time: under its name lies another file now.
        var late = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        #expect(throws: FileRefusal.otherFile) { try late.open(old, of: process.pid) }
    }

    @Test("a file that was overwritten in place has no names of what it was, and those of what it is")
    func overwritten() throws {
        let process = try FixtureProcess()
        try process.compile("first", to: "/usr/bin/app")
        try process.compile("second", to: "/usr/bin/new")
        let mapping = try process.mapping(of: "/usr/bin/app")
        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        let first = try files.open(mapping, of: process.pid)
        try process.shell("touch -d '1 hour ago' container/usr/bin/app")
        try process.shell("cat container/usr/bin/new > container/usr/bin/app")
        let second = try files.open(mapping, of: process.pid)
        #expect(first !== second)
        #expect(first.symbolize(SymbolRequest(addresses: [FileAddress(0x1139)])).skipped == "file changed")
        // Read when it was mapped.
        #expect(!first.unwindTable.starts.isEmpty && first.unwindTable.skipped == nil)
        #expect(functions(of: first).isEmpty)
        #expect(functions(of: second).contains("second"))
    }

    @Test("two files with one build ID keep their own names")
    func twins() throws {
        let process = try FixtureProcess()
        let same = "-Wl,--build-id=0x0123456789abcdef0123456789abcdef01234567"
        try process.compile("first", to: "/usr/bin/one", options: same)
        try process.compile("second", to: "/usr/bin/two", options: same)
        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        let one = try files.open(try process.mapping(of: "/usr/bin/one"), of: process.pid)
        let two = try files.open(try process.mapping(of: "/usr/bin/two", start: 0x8000), of: process.pid)
        #expect(one.header?.buildID == two.header?.buildID)
        #expect(functions(of: one).contains("first") && !functions(of: one).contains("second"))
        #expect(functions(of: two).contains("second") && !functions(of: two).contains("first"))
    }

    @Test("without map_files the path is taken, within the process's root, when device and inode agree")
    func byPath() throws {
        let process = try FixtureProcess()
        try process.compile("first", to: "/usr/bin/app")
        let mapping = try process.mapping(of: "/usr/bin/app", isMapped: false)
        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        #expect(functions(of: try files.open(mapping, of: process.pid)).contains("first"))
        var other = mapping
        other.file?.inode += 1
        #expect(throws: FileRefusal.otherFile) { try files.open(other, of: process.pid) }
        other = mapping
        other.file?.device.minor += 1
        #expect(throws: FileRefusal.otherFile) { try files.open(other, of: process.pid) }
    }

    @Test("the build ID that the kernel sent decides, where there is no inode or another one")
    func byBuildID() throws {
        let process = try FixtureProcess()
        try process.compile("first", to: "/usr/bin/app", options: "-Wl,--build-id=0x11223344")
        var mapping = try process.mapping(of: "/usr/bin/app")
        for file in [nil, FileIdentity(device: DeviceNumber(major: 0, minor: 99), inode: 1)] {
            mapping.file = file
            mapping.buildID = BuildID(hex: "11223344")
            var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
            #expect(functions(of: try files.open(mapping, of: process.pid)).contains("first"))
            mapping.buildID = BuildID(hex: "55667788")
            #expect(throws: FileRefusal.otherFile) { try files.open(mapping, of: process.pid) }
        }
        mapping = try process.mapping(of: "/usr/bin/app")
        mapping.buildID = BuildID(hex: "55667788")
        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        #expect(throws: FileRefusal.otherFile) { try files.open(mapping, of: process.pid) }
    }

    @Test(
        "a link in the container never leads to the host's file",
        arguments: ["/outside/secret", "../../../outside/secret"])
    func links(target: String) throws {
        let process = try FixtureProcess()
        try process.compile("host", to: "/usr/bin/host")
        try process.shell("mv container/usr/bin/host outside/secret")
        let link = target.hasPrefix("/") ? process.directory + target : target
        try process.shell("ln -s '\(link)' container/usr/bin/app")
        // The very inode of the host's file, so that nothing but the way there stands against it.
        try process.shell("ln outside/secret container/usr/bin/linked")
        var mapping = try process.mapping(of: "/usr/bin/linked", isMapped: false)
        try process.shell("rm container/usr/bin/linked")
        mapping.path = "/usr/bin/app"
        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        #expect(throws: FileRefusal.vanished) { try files.open(mapping, of: process.pid) }
    }

    @Test(
        "what a process in a container had mapped is not looked for on the host, where the runtime that started it is")
    func relativeOnHost() throws {
        let process = try FixtureProcess()
        let (gone, runtime, sibling) = (ProcessID(41), ProcessID(43), ProcessID(44))
        // One path and one build ID, in the container and on the host.
        let options = "-Wl,--build-id=0x11223344"
        try process.compile("host", to: "/usr/bin/app", options: options)
        try process.shell("mkdir -p outside/usr/bin proc/1 proc/43 proc/44")
        try process.shell("mv container/usr/bin/app outside/usr/bin/app")
        try process.shell("for pid in 1 43; do ln -s ../../outside proc/$pid/root; done")
        try process.shell("ln -s ../../container proc/44/root")
        try process.compile("inside", to: "/usr/bin/app", options: options)
        var mapping = try process.mapping(of: "/usr/bin/app", isMapped: false)
        mapping.file = nil
        mapping.buildID = BuildID(hex: "11223344")

        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        #expect(throws: FileRefusal.vanished) {
            try files.open(mapping, of: gone, asSeenBy: runtime, hostIsAllowed: false)
        }
        let inside = try files.open(mapping, of: gone, asSeenBy: sibling, hostIsAllowed: false)
        #expect(functions(of: inside).contains("inside") && !functions(of: inside).contains("host"))
        // A service of the host's own.
        let onHost = try files.open(mapping, of: gone, asSeenBy: runtime, hostIsAllowed: true)
        #expect(functions(of: onHost).contains("host"))
        // A process that was seen in its container, and a relative with another root.
        files.holdRoot(of: process.pid)
        #expect(throws: FileRefusal.vanished) {
            try files.open(mapping, of: process.pid, asSeenBy: runtime, hostIsAllowed: true)
        }
    }

    @Test("what is no regular file is not opened")
    func irregular() throws {
        let process = try FixtureProcess()
        try makeFIFO(process.root + "/usr/bin/fifo")
        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        for path in ["/usr/bin/fifo", "/usr"] {
            for isMapped in [true, false] {
                let mapping = try process.mapping(of: path, isMapped: isMapped)
                #expect(throws: FileRefusal.notRegular) { try files.open(mapping, of: process.pid) }
            }
        }
        var anonymous = try process.mapping(of: "/usr/bin/fifo")
        anonymous.file = nil
        anonymous.path = "//anon"
        #expect(throws: FileRefusal.noFile) { try files.open(anonymous, of: process.pid) }
        #expect(throws: FileRefusal.vanished) {
            try files.open(try process.mapping(of: "/usr/bin/fifo", isMapped: false), of: ProcessID(43))
        }
    }

    @Test("a file that is no ELF file is held without rows and names")
    func text() throws {
        let process = try FixtureProcess()
        try process.shell("echo hello > container/usr/bin/app")
        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        let module = try files.open(try process.mapping(of: "/usr/bin/app"), of: process.pid)
        #expect(module.header == nil)
        #expect(module.unwindTable.skipped == "malformed")
        #expect(module.symbolize(SymbolRequest(addresses: [FileAddress(1)])).symbols.map(\.chain) == [[]])
    }

    @Test("a mapping that was split since is found by its address")
    func split() throws {
        let process = try FixtureProcess()
        try process.compile("first", to: "/usr/bin/app")
        var mapping = try process.mapping(of: "/usr/bin/app")
        try process.shell("echo '1000-2000 r-xp 0 0:0 1 /usr/bin/app' > proc/42/maps")
        mapping.end = VirtualAddress(0x3000)
        mapping.path = "/no/such/path"
        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot)
        #expect(functions(of: try files.open(mapping, of: process.pid)).contains("first"))
    }

    @Test("no more files are held than allowed, and those given up are counted")
    func bound() throws {
        let process = try FixtureProcess()
        var files = ModuleFiles(doors: .direct, procRoot: process.procRoot, maximumHeldCount: 1)
        try process.compile("first", to: "/usr/bin/one")
        try process.shell("cp container/usr/bin/one container/usr/bin/two")
        let one = try process.mapping(of: "/usr/bin/one")
        _ = try files.open(one, of: process.pid)
        let two = try process.mapping(of: "/usr/bin/two", start: 0x8000)
        #expect(throws: FileRefusal.tooManyFiles) { try files.open(two, of: process.pid) }
        _ = try files.open(one, of: process.pid)
        #expect(files.givenUpCount == 1)
        #expect(files.heldCount == 1)
    }
}

@Suite("separate debug files")
struct DebugFileTests {
    /// A stripped /usr/bin/app and its debug file at `path`, in the process's root unless another directory is named.
    private func strip(
        _ process: FixtureProcess, debugFile path: String, in directory: String = "container", options: String = ""
    ) throws {
        try process.compile("first", to: "/usr/bin/app", options: options)
        let app = "container/usr/bin/app"
        try process.shell(
            "mkdir -p \"$(dirname \(directory)\(path))\" && objcopy --only-keep-debug \(app) \(directory)\(path)")
        try process.shell("strip \(app)")
    }

    private func line(_ process: FixtureProcess) throws -> Int? {
        var files = ModuleFiles(
            doors: .direct, procRoot: process.procRoot, hostDebugDirectory: process.directory + "/outside")
        let module = try files.open(try process.mapping(of: "/usr/bin/app"), of: process.pid)
        return module.symbolize(everyAddress(of: module)).symbols.compactMap(\.chain.first?.line).first
    }

    private static let buildID = "-Wl,--build-id=0x11223344"
    private static let byBuildID = "/.build-id/11/223344.debug"

    @Test("by build ID in the container, then on the host")
    func byBuildID() throws {
        let inside = try FixtureProcess()
        try strip(inside, debugFile: "/usr/lib/debug" + Self.byBuildID, options: Self.buildID)
        #expect(try line(inside) == 1)
        let outside = try FixtureProcess()
        try strip(outside, debugFile: Self.byBuildID, in: "outside", options: Self.buildID)
        #expect(try line(outside) == 1)
    }

    @Test("a file at a build ID's place that has another build ID is not taken")
    func wrongBuildID() throws {
        let process = try FixtureProcess()
        try strip(process, debugFile: "/usr/lib/debug" + Self.byBuildID, options: Self.buildID)
        try process.compile("other", to: "/usr/lib/debug" + Self.byBuildID, options: "-Wl,--build-id=0x55")
        #expect(try line(process) == nil)
    }

    @Test(
        "by the name in .gnu_debuglink, beside the file or below /usr/lib/debug",
        arguments: ["/usr/bin/app.debug", "/usr/bin/.debug/app.debug", "/usr/lib/debug/usr/bin/app.debug"])
    func byLink(path: String) throws {
        let process = try FixtureProcess()
        try strip(process, debugFile: path, options: "-Wl,--build-id=none")
        try process.shell("objcopy --add-gnu-debuglink=container\(path) container/usr/bin/app")
        #expect(try line(process) == 1)
        // One byte more, and its CRC is another one.
        try process.shell("printf x >> container\(path)")
        #expect(try line(process) == nil)
    }

    @Test("the host's files are not found by name")
    func hostByName() throws {
        let process = try FixtureProcess()
        try strip(process, debugFile: "/usr/bin/app.debug", in: "outside", options: "-Wl,--build-id=none")
        try process.shell("objcopy --add-gnu-debuglink=outside/usr/bin/app.debug container/usr/bin/app")
        #expect(try line(process) == nil)
    }
}

@Suite("the vDSO")
struct VirtualSharedObjectTests {
    @Test("the vDSO has names and rows though there is no file")
    func virtualSharedObject() throws {
        let module = try #require(ModuleFile.virtualSharedObject(doors: .direct))
        #expect(module.unwindTable.starts.count > 10)
        #expect(functions(of: module).contains { $0.contains("clock_gettime") })
    }
}
