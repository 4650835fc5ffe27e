import Host
import ObjectTables
import PerfRecords
import ProfileBuilder
import ProfileModel
import Recording
import Symbolication

/// The running machine as `ProfileBuilder` asks of it. Used by the recorder's thread only.
final class HostMachine: LiveMachine {
    private let host: Host
    private var symbols: KernelSymbols
    private let doors: FileDoors
    private let debuginfod = Debuginfod.fromEnvironment()
    private var files: ModuleFiles
    private let virtualSharedObject: ModuleFile?

    /// What gives a module's names; by the key that the builder knows it under.
    enum NameSource: Sendable {
        case file(ModuleFile)
        case perfMap(PerfMapFile)
    }
    private(set) var nameSources: [Int: NameSource] = [:]
    private var keys: [Identity: Int] = [:]
    /// Files that were opened, for processes that end before they can be asked; nil where one path and build ID stood
    /// for two different files.
    private var opened: [Build: ModuleFile?] = [:]

    /// What makes two mappings show the same module.
    private enum Identity: Hashable {
        case file(ObjectIdentifier)
        /// A file that could not be opened.
        case unopened(path: String, file: FileIdentity?, buildID: BuildID?)
        case vdso
        case anonymous(ProcessID)
    }
    private struct Build: Hashable {
        var id: BuildID
        var path: String
    }

    /// Whether no target is in a container, so that what its dead processes had mapped may be the host's.
    var targetsAreOnHost = false

    /// Whether containers that start meanwhile are taken, and the row of the next one.
    var nextContainerRow: RowID?
    /// Containers that started meanwhile and were not taken over yet.
    private var newContainers: [(row: RowID, identity: ContainerIdentity)] = []

    /// How many more processes' root directories are held, for what those leave behind: fewer where a thousand containers
    /// are looked at before the first sample, any number for what samples hit.
    var rootsToHold = Int.max
    /// Whose root directory was held before the recording started.
    private var withHeldRoot: Set<ProcessID> = []
    private var functionsByName: [ThreadState.Function: KernelFunction?] = [:]
    private static let sleeperStackBytes = 8192

    /// Called before what may take long: records pile up meanwhile.
    var beforeWaiting: () -> Void = {}

    /// Whether something was looked up that may have taken long, since this was last asked for.
    func takeHasLookedUp() -> Bool {
        defer { hasLookedUp = false }
        return hasLookedUp
    }
    private var hasLookedUp = false

    init(host: Host, doors: FileDoors) {
        self.host = host
        self.doors = doors
        files = ModuleFiles(doors: doors, debuginfod: debuginfod)
        virtualSharedObject = ModuleFile.virtualSharedObject(doors: doors)
        symbols = host.kernelSymbols()
    }

    var kernelSymbolsAreHidden: Bool { symbols.isHidden }

    /// Files that were not kept open because as many as allowed were already.
    var filesGivenUp: Int { files.givenUpCount }

    /// What came of asking debuginfod servers; nil where nobody was asked.
    var debuginfodNote: String? { debuginfod?.note }

    func kernelTailCalls() -> [String: [String]] { host.kernelTailCalls(symbols) }

    /// Those of `functions` that the kernel does not have, in alphabetical order; nil where its names are hidden.
    func missingFunctions(of functions: Set<String>) -> [String]? {
        symbols.isHidden ? nil : functions.subtracting(symbols.functions(among: functions)).sorted()
    }

    // MARK: LiveMachine

    func process(_ pid: ProcessID) -> KnownProcess? {
        hasLookedUp = true
        guard let process = host.process(pid) else { return nil }
        if rootsToHold > 0 {
            if withHeldRoot.remove(pid) == nil { files.holdRoot(of: pid) }
            if rootsToHold != .max { rootsToHold -= 1 }
        }
        return KnownProcess(
            comm: process.comm, parent: process.parent,
            threads: process.threads.map { (tid: $0.tid, comm: $0.comm) },
            mappings: host.executableMappings(of: pid))
    }

    /// Opens the root directories and the mapped files of processes, each once, for as long as it may take; the others wait
    /// for a sample that hits them.
    ///
    /// - Parameters:
    ///   - roots: how many root directories may be held.
    ///   - nanoseconds: after that no further one is begun.
    func openFiles(of processes: [ProcessID], roots: Int, within nanoseconds: UInt64) {
        let end = Clock.monotonic() + nanoseconds
        for pid in processes {
            if withHeldRoot.count < roots, Clock.monotonic() < end {
                files.holdRoot(of: pid)
                withHeldRoot.insert(pid)
            }
            for mapping in host.executableMappings(of: pid) {
                if Clock.monotonic() >= end { return }
                _ = module(shownBy: mapping, in: pid, relatives: [])
            }
        }
    }

    func module(shownBy mapping: Mapping, in pid: ProcessID, relatives: [ProcessID]) -> LiveModule? {
        if mapping.path == "[vdso]" { return vdso() }
        if mapping.file == nil && mapping.buildID == nil { return anonymous(mapping, in: pid) }
        hasLookedUp = true
        beforeWaiting()
        do throws(FileRefusal) {
            let file = try open(mapping, in: pid, relatives: relatives)
            let key = key(of: .file(ObjectIdentifier(file)))
            nameSources[key] = .file(file)
            return LiveModule(
                key: key,
                module: Module(kind: .file, path: mapping.path, buildID: file.header?.buildID ?? mapping.buildID),
                header: file.header, unwindTable: file.unwindTable)
        } catch .late {
            return nil
        } catch {
            return LiveModule(
                key: key(of: .unopened(path: mapping.path, file: mapping.file, buildID: mapping.buildID)),
                module: Module(
                    kind: .file, path: mapping.path, buildID: mapping.buildID, symbolsSkipped: error.rawValue),
                header: nil, unwindTable: nil)
        }
    }

    func kernelFunction(at address: VirtualAddress) -> KernelFunction? {
        if !symbols.covers(address) { readSymbolsAnew() }
        return symbols.lookup(address).map { KernelFunction(name: $0.name, start: $0.start, module: $0.module) }
    }

    /// The kernel's names that were kept do not have everything.
    private func readSymbolsAnew() {
        hasLookedUp = true
        symbols = host.kernelSymbolsAnew(for: symbols)
    }

    func kernelVariable(at address: VirtualAddress) -> String? { symbols.variable(at: address) }

    func standing(of tid: ThreadID, in pid: ProcessID) -> ThreadStanding? {
        guard let state = host.threadState(of: tid, in: pid, stackBytes: Self.sleeperStackBytes) else { return nil }
        var user: ThreadStanding.User?
        if let instruction = state.instructionPointer, let stack = state.stackPointer, !state.stack.isEmpty {
            user = ThreadStanding.User(instructionPointer: instruction, stackPointer: stack, stack: state.stack)
        }
        return ThreadStanding(
            time: Clock.monotonic(), isRunnable: state.isRunnable, cpu: state.cpu,
            kernel: state.kernel.compactMap(function(named:)), user: user)
    }

    func exists(_ tid: ThreadID, in pid: ProcessID) -> Bool { host.isAlive(tid, in: pid) }

    func comm(of pid: ProcessID) -> String? { host.comm(of: pid) }

    /// Sleepers stand in few functions, and finding a name takes a walk through all of them.
    private func function(named function: ThreadState.Function) -> KernelFunction? {
        if let known = functionsByName[function] { return known }
        var start = symbols.address(of: function.name)
        if start == nil, symbols.isKept {
            readSymbolsAnew()
            start = symbols.address(of: function.name)
        }
        let found = start.map {
            KernelFunction(name: function.name, start: $0, module: function.module)
        }
        functionsByName[function] = found
        return found
    }

    func follow(_ record: KernelSymbolRecord) {
        if record.isUnregistered {
            symbols.remove(address: record.start)
        } else {
            symbols.insert(address: record.start, length: record.byteCount, name: record.name)
        }
    }

    func container(madeAs cgroup: CgroupID, path: String) -> (row: RowID, container: Container)? {
        // Most new cgroups are no containers, and reading the runtimes' state takes a while.
        hasLookedUp = true
        guard let row = nextContainerRow, let known = ContainerPath(path), known.runtime != "systemd",
            let made = host.cgroup(atPath: path), made.id == cgroup,
            let identity = host.container(holding: made), identity.cgroup == made, !identity.isSandbox
        else { return nil }
        nextContainerRow = row + 1
        newContainers.append((row, identity))
        return (row, identity.container)
    }

    /// The containers that started since this was last asked for.
    func takeNewContainers() -> [(row: RowID, identity: ContainerIdentity)] {
        defer { newContainers = [] }
        return newContainers
    }

    // MARK: Modules

    /// Opens the file through the process itself, else through a relative that sees the same files, else takes what was
    /// opened before under the build ID that the kernel sent, and the same path.
    private func open(
        _ mapping: Mapping, in pid: ProcessID, relatives: [ProcessID]
    ) throws(FileRefusal) -> ModuleFile {
        do throws(FileRefusal) {
            let file = try files.open(mapping, of: pid)
            keep(file, path: mapping.path)
            return file
        } catch .late {
            throw .late
        } catch {
            for relative in relatives {
                guard
                    let file = try? files.open(
                        mapping, of: pid, asSeenBy: relative, hostIsAllowed: targetsAreOnHost)
                else { continue }
                keep(file, path: mapping.path)
                return file
            }
            if let id = mapping.buildID, let file = opened[Build(id: id, path: mapping.path)] ?? nil { return file }
            throw error
        }
    }

    private func keep(_ file: ModuleFile, path: String) {
        guard let id = file.header?.buildID else { return }
        let build = Build(id: id, path: path)
        if let known = opened[build] {
            if known !== file { opened[build] = .some(nil) }
        } else {
            opened[build] = file
        }
    }

    private func vdso() -> LiveModule {
        let key = key(of: .vdso)
        if let virtualSharedObject { nameSources[key] = .file(virtualSharedObject) }
        return LiveModule(
            key: key,
            module: Module(kind: .vdso, path: "[vdso]", buildID: virtualSharedObject?.header?.buildID),
            header: virtualSharedObject?.header, unwindTable: virtualSharedObject?.unwindTable)
    }

    /// Memory without a file: a JIT compiler's code, whose names may stand in a perf map.
    private func anonymous(_ mapping: Mapping, in pid: ProcessID) -> LiveModule {
        let key = key(of: .anonymous(pid))
        if nameSources[key] == nil, let map = try? PerfMapFile.open(of: pid, doors: doors) {
            nameSources[key] = .perfMap(map)
        }
        return LiveModule(
            key: key, module: Module(kind: .anonymous, path: mapping.path), header: nil, unwindTable: nil)
    }

    private func key(of identity: Identity) -> Int {
        if let known = keys[identity] { return known }
        keys[identity] = keys.count
        return keys.count - 1
    }
}

extension HostMachine.NameSource {
    /// Names addresses; those of a perf map are virtual addresses.
    func symbolize(_ request: SymbolRequest) -> SymbolAnswer {
        switch self {
        case .file(let file): return file.symbolize(request)
        case .perfMap(let file): return file.symbolize(request)
        }
    }
}
