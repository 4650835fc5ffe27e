import ObjectTables
import PerfRecords
import ProfileBuilder
import ProfileModel
import Unwinding

/// A machine on paper, which remembers what it was asked.
final class FakeMachine: LiveMachine {
    var processes: [ProcessID: KnownProcess] = [:]
    /// By path; what is not here is a file that could not be opened.
    var modules: [String: (header: ModuleHeader?, table: UnwindTable?)] = [:]
    /// Paths of files that are still being read.
    var late: Set<String> = []
    var kernel: [KernelFunction] = []
    var variables: [UInt64: String] = [:]
    var standings: [ThreadID: ThreadStanding] = [:]
    var comms: [ProcessID: String] = [:]
    var gone: Set<ThreadID> = []
    private(set) var askedProcesses: [ProcessID] = []
    private(set) var openedPaths: [String] = []
    private(set) var followed: [String] = []
    private var keys: [String: Int] = [:]

    func process(_ pid: ProcessID) -> KnownProcess? {
        askedProcesses.append(pid)
        return processes[pid]
    }

    func module(shownBy mapping: Mapping, in pid: ProcessID, relatives: [ProcessID]) -> LiveModule? {
        openedPaths.append(mapping.path)
        if late.contains(mapping.path) { return nil }
        let key = keys[mapping.path] ?? keys.count + 100
        keys[mapping.path] = key
        let kind: Module.Kind = mapping.path.hasPrefix("//anon") ? .anonymous : .file
        return LiveModule(
            key: key, module: Module(kind: kind, path: mapping.path, buildID: mapping.buildID),
            header: modules[mapping.path]?.header, unwindTable: modules[mapping.path]?.table)
    }

    /// Functions are taken to be 4 KiB long.
    func kernelFunction(at address: VirtualAddress) -> KernelFunction? {
        kernel.first { $0.start <= address && address.rawValue - $0.start.rawValue < 0x1000 }
    }

    func kernelVariable(at address: VirtualAddress) -> String? { variables[address.rawValue] }

    func follow(_ record: KernelSymbolRecord) { followed.append(record.name) }

    func standing(of tid: ThreadID, in pid: ProcessID) -> ThreadStanding? { standings[tid] }
    func exists(_ tid: ThreadID, in pid: ProcessID) -> Bool { !gone.contains(tid) }
    func comm(of pid: ProcessID) -> String? { comms[pid] }
}
