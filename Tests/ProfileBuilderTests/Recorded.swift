import ObjectTables
import PerfRecords
import ProfileBuilder
import ProfileModel
import Recording
import TestSupport
import Unwinding

/// A `ProfileBuilder` that is fed the bytes of records, as a ring would hold them, and the rows that came of them.
struct Recorded {
    static let event: UInt64 = 9
    /// The recording's zero, so that time 1_000 of a record is 0 of a row.
    static let start: UInt64 = 1_000
    static let kernelMarker: UInt64 = 0xFFFF_FFFF_FFFF_FF80
    static let userMarker: UInt64 = 0xFFFF_FFFF_FFFF_FE00

    var builder: ProfileBuilder<FakeMachine>
    let machine = FakeMachine()
    let layout: SampleLayout
    private let decoder: RecordDecoder
    /// A kernel's of 250 Hz, in nanoseconds.
    static let tick: UInt64 = 4_000_000
    /// The time of the next record.
    var time: UInt64 = start

    /// - Parameter registers: nil for samples whose user part comes as the kernel followed it.
    init(
        attribution: Attribution = Recorded.attribution(), registers: RegisterSet? = nil, asksForParents: Bool = true
    ) {
        var fields: SampleFields = [.identifier, .ip, .tid, .time, .cpu, .period, .callchain, .raw, .cgroup]
        if registers != nil { fields.formUnion([.userRegisters, .userStack]) }
        layout = SampleLayout(sampleFields: fields, userRegisterMask: registers?.mask ?? 0)
        decoder = RecordDecoder(defaultLayout: layout)
        builder = ProfileBuilder(
            start: Self.start, attribution: attribution, registers: registers, asksForParents: asksForParents,
            machine: machine, tick: Self.tick)
    }

    /// One event that counts for container 1.
    static func attribution(container: RowID? = 1) -> Attribution {
        var attribution = Attribution()
        attribution.events[event] = Attribution.EventUse(meaning: .onCPU, container: container)
        return attribution
    }

    var rows: RowBatch { builder.batch }

    mutating func take(_ bytes: [UInt8]) throws {
        let record = try decoder.decode(bytes)
        // Bytes have no padding between them, which is what `bytes` could show of other elements.
        unsafe builder.take(record, bytes: bytes.span.bytes)
    }

    private mutating func trailer(_ pid: Int32 = 0, _ tid: Int32 = 0) -> Trailer {
        time += 1
        return Trailer(pid: pid, tid: tid, time: time, id: Self.event)
    }

    mutating func fork(_ pid: Int32, from parent: Int32, tid: Int32? = nil, parentTID: Int32? = nil) throws {
        try take(
            RecordBytes.fork(
                pid: pid, parentPID: parent, tid: tid ?? pid, parentTID: parentTID ?? parent, trailer: trailer(),
                layout: layout))
    }

    mutating func exit(_ pid: Int32, tid: Int32? = nil) throws {
        try take(
            RecordBytes.exit(
                pid: pid, parentPID: 1, tid: tid ?? pid, parentTID: 1, trailer: trailer(), layout: layout))
    }

    mutating func comm(_ pid: Int32, _ comm: String, tid: Int32? = nil, isExec: Bool = false) throws {
        try take(
            RecordBytes.comm(
                pid: pid, tid: tid ?? pid, comm, isExec: isExec, trailer: trailer(), layout: layout))
    }

    mutating func map(_ pid: Int32, _ range: Range<UInt64>, offset: UInt64 = 0, path: String) throws {
        try take(
            RecordBytes.mapping(
                pid: pid, start: range.lowerBound, byteCount: UInt64(range.count), offset: offset, inode: 7,
                path: path, trailer: trailer(), layout: layout))
    }

    mutating func cgroup(_ id: UInt64, _ path: String) throws {
        try take(RecordBytes.cgroup(id: id, path: path, trailer: trailer(), layout: layout))
    }

    /// What a sample tells; change what a test is about.
    func contents(_ pid: Int32, tid: Int32? = nil, at ip: UInt64 = 0x1000) -> SampleContents {
        var contents = SampleContents()
        contents.misc = 2
        contents.identifier = Self.event
        contents.ip = ip
        contents.pid = pid
        contents.tid = tid ?? pid
        contents.period = 10
        // With the 32-bit length before it eight bytes.
        contents.raw = [0, 0, 0, 0]
        return contents
    }

    mutating func sample(_ contents: SampleContents) throws {
        time += 1
        var contents = contents
        contents.time = time
        try take(RecordBytes.sample(contents, layout: layout))
    }

    /// - Parameters:
    ///   - kernel, user: innermost first.
    mutating func sample(
        _ pid: Int32, tid: Int32? = nil, kernel: [UInt64] = [], user: [UInt64] = [], cgroup: UInt64 = 0
    ) throws {
        var contents = contents(pid, tid: tid)
        contents.misc = kernel.isEmpty ? 2 : 1
        contents.cgroup = cgroup
        if !kernel.isEmpty { contents.callchain += [Self.kernelMarker] + kernel }
        if !user.isEmpty { contents.callchain += [Self.userMarker] + user }
        try sample(contents)
    }

    /// A process with nothing but a name.
    static func process(_ comm: String, threads: [Int32] = [], mappings: [Mapping] = []) -> KnownProcess {
        KnownProcess(
            comm: comm, parent: ProcessID(1), threads: threads.map { (tid: ThreadID($0), comm: comm) },
            mappings: mappings)
    }

    static func mapping(_ range: Range<UInt64>, offset: UInt64 = 0, path: String) -> Mapping {
        Mapping(
            start: VirtualAddress(range.lowerBound), end: VirtualAddress(range.upperBound),
            offset: FileOffset(offset), file: nil, path: path)
    }

    /// The comm that the process row and the thread row of each sample end up with.
    var owners: [String] {
        rows.samples.map { sample in
            let thread = rows.threads.last { $0.id == sample.thread }
            let process = rows.processes.last { $0.id == thread?.process }
            return "\(process?.comm ?? "?")/\(thread?.comm ?? "?")"
        }
    }

    /// One stack as words, innermost first: `module+address`, a kernel function's name, or `<reason>`.
    func stack(_ sample: Int) -> [String] {
        var words: [String] = []
        var node = rows.samples[sample].stack
        while let id = node, let row = rows.stacks.first(where: { $0.id == id }) {
            words.append(word(of: row.frame))
            node = row.parent
        }
        return words
    }

    func word(of id: RowID) -> String {
        guard let frame = rows.frames.first(where: { $0.id == id }) else { return "?" }
        let module = rows.modules.last { $0.id == frame.module }?.module.path ?? ""
        switch frame.kind {
        case .truncation: return "<\(frame.function ?? "?")>"
        case .kernel: return frame.function ?? "\(module)+\(String(frame.address, radix: 16))"
        case .user: return "\(module)+\(String(frame.address, radix: 16))"
        }
    }
}
