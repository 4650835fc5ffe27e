import Host
import PerfRecords
import ProfileBuilder
import ProfileModel

/// The running machine as `ProfileBuilder` asks of it.
final class HostMachine: LiveMachine {
    private let host: Host
    private var symbols: KernelSymbols

    init(host: Host) {
        self.host = host
        symbols = host.kernelSymbols()
    }

    var kernelSymbolsAreHidden: Bool { symbols.isHidden }

    func process(_ pid: ProcessID) -> KnownProcess? {
        guard let process = host.process(pid) else { return nil }
        return KnownProcess(
            comm: process.comm, parent: process.parent,
            threads: process.threads.map { (tid: $0.tid, comm: $0.comm) },
            mappings: host.executableMappings(of: pid))
    }

    private var keys: [String: Int] = [:]
    func module(shownBy mapping: Mapping, in pid: ProcessID, relatives: [ProcessID]) -> LiveModule {
        let key = keys[mapping.path] ?? keys.count
        keys[mapping.path] = key
        return LiveModule(
            key: key, module: Module(kind: .file, path: mapping.path, buildID: mapping.buildID), header: nil,
            unwindTable: nil)
    }

    func kernelFunction(at address: VirtualAddress) -> KernelFunction? {
        symbols.lookup(address).map { KernelFunction(name: $0.name, start: $0.start, module: $0.module) }
    }

    func follow(_ record: KernelSymbolRecord) {
        if record.isUnregistered {
            symbols.remove(address: record.start)
        } else {
            symbols.insert(address: record.start, length: record.byteCount, name: record.name)
        }
    }

    func kernelTailCalls() -> [String: [String]] { host.kernelTailCalls(symbols) }
}
