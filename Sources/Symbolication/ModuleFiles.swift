internal import Glibc
internal import Isolation
internal import ObjectTables
public import ProfileModel

/// The files behind the mappings of all recorded processes, each opened once while it can be, and held.
///
/// Owned by the recorder's thread. Two mappings show the same module when they show the same inode with the same size and
/// time of modification: a file that was overwritten in place is another module.
public struct ModuleFiles: ~Copyable {
    private let doors: FileDoors
    private let procRoot: String
    private let maximumHeldCount: Int
    private let hostDebugDirectory: String
    private let debuginfod: Debuginfod?
    private var known: [FileVersion: ModuleFile] = [:]
    /// By what the kernel's record says, where that was seen to be what fstat(2) says: not so on btrfs, whose subvolumes
    /// share device and inode numbers in records.
    private var exact: [FileIdentity: (module: ModuleFile, file: HeldFile)] = [:]
    /// The root directories of processes that were seen alive, for what they leave behind; one for all that share it.
    private var roots: [FileIdentity: HeldFile] = [:]
    private var rootOf: [ProcessID: FileIdentity] = [:]
    /// Files that were not held because as many as allowed were already.
    public private(set) var givenUpCount = 0
    /// Files held open.
    public private(set) var heldCount = 0

    /// Files that are being read.
    private var late: [FileVersion: LateModule] = [:]
    private struct LateModule {
        var answer: any PendingAnswer
        var file: HeldFile
    }
    /// When mappings were found late, in nanoseconds of CLOCK_MONOTONIC: each sample's every frame asks again.
    private var lastLate: [Mapping: UInt64] = [:]
    /// How long samples may wait for parsers in all.
    private var patience = Patience()

    /// - Parameters:
    ///   - doors: how files are opened and read.
    ///   - procRoot: where procfs is mounted.
    ///   - maximumHeldCount: how many files may be held; nil for half of what RLIMIT_NOFILE leaves.
    ///   - hostDebugDirectory: where the host keeps debug files, which are taken by build ID only.
    ///   - debuginfod: whom to ask for the debug files that are nowhere here.
    public init(
        doors: FileDoors, procRoot: String = "/proc", maximumHeldCount: Int? = nil,
        hostDebugDirectory: String = "/usr/lib/debug", debuginfod: Debuginfod? = nil
    ) {
        self.doors = doors
        self.debuginfod = debuginfod
        self.procRoot = procRoot
        self.hostDebugDirectory = hostDebugDirectory
        self.maximumHeldCount = maximumHeldCount ?? Self.defaultMaximumHeldCount
    }

    private static var defaultMaximumHeldCount: Int {
        var limit = rlimit()
        // getrlimit(2) writes one struct that we own.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 256 }
        return max(64, Int(min(limit.rlim_cur, 1 << 20)) / 2)
    }

    /// The module that a mapping shows.
    ///
    /// - Parameter pid: the process, in the pid namespace of `procRoot`.
    /// - Throws: `FileRefusal` when there is no file, it cannot be opened, or it is not surely the one that was mapped;
    ///   `late` when it is still being read, and should be asked for again.
    public mutating func open(_ mapping: Mapping, of pid: ProcessID) throws(FileRefusal) -> ModuleFile {
        if let identity = mapping.file, let entry = exact[identity],
            // The file is held, so its inode number cannot have gone to another one; only its contents can change.
            FileStatus(cached: entry.file.descriptor)?.version == entry.module.version
        {
            return entry.module
        }
        let now = MessageSocket.nanoseconds()
        if let time = lastLate[mapping], now - time < Self.lateInterval { throw .late }
        guard heldCount < maximumHeldCount else {
            givenUpCount += 1
            throw .tooManyFiles
        }
        let process = ProcessFiles(procRoot: procRoot, pid: pid, opener: doors.opener, heldRoot: heldRoot(of: pid))
        do throws(FileRefusal) {
            let module = try take(mapping, of: process) { process throws(FileRefusal) in try process.open(mapping) }
            lastLate[mapping] = nil
            return module
        } catch {
            if lastLate.count >= Self.maximumLastLateCount { lastLate.removeAll() }
            lastLate[mapping] = error == .late ? MessageSocket.nanoseconds() : nil
            throw error
        }
    }

    /// The module that the mapping of a process shows which is gone, as a relative of it sees it: a parent's memory is its
    /// child's until that calls execve(2), and they see the same files for longer.
    ///
    /// A process that entered a container was started from outside, by a runtime with the host's files: what it mapped is
    /// not looked for there, by whatever path, unless nobody who is recorded is in a container.
    /// - Parameter hostIsAllowed: whether the process surely had the host's root directory where its relative has it.
    /// - Throws: as `open(_:of:)`.
    public mutating func open(
        _ mapping: Mapping, of pid: ProcessID, asSeenBy relative: ProcessID, hostIsAllowed: Bool
    ) throws(FileRefusal) -> ModuleFile {
        guard heldCount < maximumHeldCount else { throw .tooManyFiles }
        let process = ProcessFiles(
            procRoot: procRoot, pid: relative, opener: doors.opener, heldRoot: heldRoot(of: relative))
        // The process's own root, where that is known, has been looked into before.
        let isElsewhere = rootOf[pid].map { $0 != rootOf[relative] } ?? false
        let byPath = !isElsewhere && (hostIsAllowed || !isOnHost(process))
        return try take(mapping, of: process) { process throws(FileRefusal) in
            try process.open(relativesMapping: mapping, byPath: byPath)
        }
    }

    /// Whether a process has, or had, the host's root directory: that of the first process, or the recorder's own.
    private func isOnHost(_ process: ProcessFiles) -> Bool {
        // One that cannot be told apart counts as the host.
        guard let root = (try? process.root())?.status.version.identity ?? rootOf[process.pid] else { return true }
        return [1, getpid()].contains { pid in
            let host = try? doors.opener.directory("\(procRoot)/\(pid)/root")
            return host?.status.version.identity == root
        }
    }

    /// Holds a process's root directory, so that files are still found in it when the process is gone.
    public mutating func holdRoot(of pid: ProcessID) {
        let process = ProcessFiles(procRoot: procRoot, pid: pid, opener: doors.opener)
        guard let (root, status) = try? process.root() else { return }
        let identity = status.version.identity
        if rootOf.count >= Self.maximumRootCount { rootOf.removeAll() }
        if roots[identity] == nil {
            guard roots.count < Self.maximumRootCount, heldCount < maximumHeldCount else { return }
            roots[identity] = root
            heldCount += 1
        }
        rootOf[pid] = identity
    }

    private static var maximumRootCount: Int { 4096 }
    /// How long a late file is not asked for again.
    private static var lateInterval: UInt64 { 20_000_000 }
    private static var maximumLastLateCount: Int { 1024 }

    private func heldRoot(of pid: ProcessID) -> HeldFile? { rootOf[pid].flatMap { roots[$0] } }

    private mutating func take(
        _ mapping: Mapping, of process: ProcessFiles,
        open: (ProcessFiles) throws(FileRefusal) -> (file: HeldFile, status: FileStatus, needsBuildID: Bool)
    ) throws(FileRefusal) -> ModuleFile {
        let opened: (file: HeldFile, status: FileStatus, needsBuildID: Bool)
        do throws(FileRefusal) {
            opened = try open(process)
        } catch {
            if error == .tooManyFiles { givenUpCount += 1 }
            throw error
        }
        let module: ModuleFile
        if let known = known[opened.status.version] {
            module = known
        } else {
            module = try load(opened.file, opened.status, mapping: mapping, process: process)
        }
        if let expected = mapping.buildID, let found = module.header?.buildID, found != expected { throw .otherFile }
        if opened.needsBuildID, module.header?.buildID != mapping.buildID { throw .otherFile }
        if known.updateValue(module, forKey: opened.status.version) == nil {
            heldCount += module.debugFile == nil ? 1 : 2
        }
        if let identity = mapping.file, identity == opened.status.version.identity {
            exact[identity] = (module, opened.file)
        }
        return module
    }

    private mutating func load(
        _ opened: HeldFile, _ status: FileStatus, mapping: Mapping, process: ProcessFiles
    ) throws(FileRefusal) -> ModuleFile {
        let pending: LateModule
        let isNew = late[status.version] == nil
        if let known = late[status.version] {
            pending = known
        } else {
            guard unansweredCount() < Self.maximumLateCount else { throw .late }
            let request = ParserRequest.module(stamp: status.version.stamp, wantsRows: true)
            pending = LateModule(answer: doors.parser.begin(request, files: [opened]), file: opened)
        }
        guard let answer = patience.wait(for: pending.answer, isFirst: isNew) else {
            late[status.version] = pending
            throw .late
        }
        late[status.version] = nil
        var debugFile: DebugFile?
        if case .module(let header, _) = answer, !header.hasDebugInformation {
            debugFile = DebugFile.find(
                for: header, path: mapping.path, process: process, hostDirectory: hostDebugDirectory, doors: doors)
        }
        return ModuleFile(
            file: pending.file, version: status.version, answer: answer, debugFile: debugFile,
            isCLibrary: Module.isCLibrary(path: mapping.path), doors: doors,
            debuginfod: debuginfod)
    }

    private func unansweredCount() -> Int { late.values.count { $0.answer.wait(milliseconds: 0) == nil } }

    /// Files that are being read at once; each has a process of its own.
    private static var maximumLateCount: Int { 4 }
}

/// How long the recorder waits for parsers while samples wait for the recorder: for each file long enough for any that is
/// not made to take long, and in all a second and a twentieth of the time.
struct Patience {
    private let start = MessageSocket.nanoseconds()
    private var spent: UInt64 = 0

    private static let once: UInt64 = 300_000_000
    private static let atFirst: UInt64 = 1_000_000_000

    /// - Parameter isFirst: whether it was not waited for before.
    /// - Returns: nil when the answer is late.
    mutating func wait(for answer: any PendingAnswer, isFirst: Bool) -> ParserAnswer? {
        let began = MessageSocket.nanoseconds()
        let allowed = Self.atFirst + (began - start) / 20
        let left = allowed > spent ? min(allowed - spent, Self.once) : 0
        let result = answer.wait(milliseconds: isFirst ? Int(left / 1_000_000) : 0)
        spent += MessageSocket.nanoseconds() - began
        return result
    }
}
