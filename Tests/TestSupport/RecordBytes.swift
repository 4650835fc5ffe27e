package import PerfRecords
package import ProfileModel

/// The bytes of one perf record, written field by field: what a little-endian kernel would have put into a ring.
///
///     RecordBytes(type: .comm).u32(42, 43).text("mysqld").trailer(Trailer(pid: 42), layout).bytes
///
/// It knows the public names of PerfRecords and nothing else.
package struct RecordBytes {
    package var type: UInt32
    package var misc: UInt16
    /// Everything behind the header.
    package var body: [UInt8] = []

    package init(type: UInt32, misc: UInt16 = 0) {
        self.type = type
        self.misc = misc
    }

    package init(type: RecordType, misc: UInt16 = 0) {
        self.init(type: type.rawValue, misc: misc)
    }

    /// Header and body; the header's size is that of both.
    package var bytes: [UInt8] {
        RecordBytes(type: 0).u32(type).u16(misc, UInt16(8 + body.count)).body + body
    }

    package func u8(_ values: UInt8...) -> RecordBytes { raw(values) }
    package func u16(_ values: UInt16...) -> RecordBytes { integers(values) }
    package func u32(_ values: UInt32...) -> RecordBytes { integers(values) }
    package func u64(_ values: UInt64...) -> RecordBytes { integers(values) }
    package func words(_ values: [UInt64]) -> RecordBytes { integers(values) }

    package func raw(_ bytes: [UInt8]) -> RecordBytes {
        var copy = self
        copy.body += bytes
        return copy
    }

    /// Text, its NUL, and more NULs up to a multiple of eight, as the kernel pads names.
    package func text(_ text: String) -> RecordBytes {
        let bytes = Array(text.utf8) + [0]
        return raw(bytes + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8))
    }

    private func integers<Integer: FixedWidthInteger>(_ values: [Integer]) -> RecordBytes {
        var copy = self
        for value in values {
            for byte in 0..<Integer.bitWidth / 8 {
                copy.body.append(UInt8(truncatingIfNeeded: value.littleEndian >> Integer(8 * byte)))
            }
        }
        return copy
    }
}

/// What the trailer of a record that is no sample tells.
package struct Trailer {
    package var pid: Int32 = 0
    package var tid: Int32 = 0
    package var time: UInt64 = 0
    package var id: UInt64 = 0
    package var streamID: UInt64 = 0
    package var cpu: UInt32 = 0

    package init(
        pid: Int32 = 0, tid: Int32 = 0, time: UInt64 = 0, id: UInt64 = 0, streamID: UInt64 = 0, cpu: UInt32 = 0
    ) {
        self.pid = pid
        self.tid = tid
        self.time = time
        self.id = id
        self.streamID = streamID
        self.cpu = cpu
    }
}

extension RecordBytes {
    /// `struct sample_id`, as far as `layout` has its fields.
    package func trailer(_ trailer: Trailer, _ layout: SampleLayout) -> RecordBytes {
        let fields = layout.sampleFields
        var record = self
        if fields.contains(.tid) {
            record = record.u32(UInt32(bitPattern: trailer.pid), UInt32(bitPattern: trailer.tid))
        }
        if fields.contains(.time) { record = record.u64(trailer.time) }
        if fields.contains(.id) { record = record.u64(trailer.id) }
        if fields.contains(.streamID) { record = record.u64(trailer.streamID) }
        if fields.contains(.cpu) { record = record.u32(trailer.cpu, 0) }
        if fields.contains(.identifier) { record = record.u64(trailer.id) }
        return record
    }

    package static func mapping(
        pid: Int32, tid: Int32? = nil, start: UInt64, byteCount: UInt64, offset: UInt64 = 0, major: UInt32 = 0,
        minor: UInt32 = 0, inode: UInt64 = 0, path: String, trailer: Trailer, layout: SampleLayout
    ) -> [UInt8] {
        RecordBytes(type: .mmap2, misc: 2)
            .task(pid, tid ?? pid).u64(start, byteCount, offset)
            .u32(major, minor).u64(inode, 0)
            // PROT_READ | PROT_EXEC, MAP_PRIVATE.
            .u32(5, 2).text(path).trailer(trailer, layout).bytes
    }

    package static func mapping(
        pid: Int32, tid: Int32? = nil, start: UInt64, byteCount: UInt64, offset: UInt64 = 0, buildID: [UInt8],
        path: String, trailer: Trailer, layout: SampleLayout
    ) -> [UInt8] {
        RecordBytes(type: .mmap2, misc: 2 | 1 << 14)
            .task(pid, tid ?? pid).u64(start, byteCount, offset)
            .u8(UInt8(buildID.count), 0, 0, 0).raw(buildID + [UInt8](repeating: 0, count: 20 - buildID.count))
            .u32(5, 2).text(path).trailer(trailer, layout).bytes
    }

    package static func comm(
        pid: Int32, tid: Int32, _ comm: String, isExec: Bool = false, trailer: Trailer, layout: SampleLayout
    ) -> [UInt8] {
        RecordBytes(type: .comm, misc: isExec ? 1 << 13 : 0)
            .task(pid, tid).text(comm).trailer(trailer, layout).bytes
    }

    package static func fork(
        pid: Int32, parentPID: Int32, tid: Int32, parentTID: Int32, trailer: Trailer, layout: SampleLayout
    ) -> [UInt8] {
        RecordBytes(type: .fork).task(pid, parentPID).task(tid, parentTID).u64(trailer.time)
            .trailer(trailer, layout).bytes
    }

    package static func exit(
        pid: Int32, parentPID: Int32, tid: Int32, parentTID: Int32, trailer: Trailer, layout: SampleLayout
    ) -> [UInt8] {
        RecordBytes(type: .exit).task(pid, parentPID).task(tid, parentTID).u64(trailer.time)
            .trailer(trailer, layout).bytes
    }

    package static func lost(eventID: UInt64, count: UInt64, trailer: Trailer, layout: SampleLayout) -> [UInt8] {
        RecordBytes(type: .lost).u64(eventID, count).trailer(trailer, layout).bytes
    }

    package static func lostSamples(count: UInt64, trailer: Trailer, layout: SampleLayout) -> [UInt8] {
        RecordBytes(type: .lostSamples).u64(count).trailer(trailer, layout).bytes
    }

    package static func throttle(ends: Bool = false, eventID: UInt64, trailer: Trailer, layout: SampleLayout) -> [UInt8]
    {
        RecordBytes(type: ends ? .unthrottle : .throttle).u64(trailer.time, eventID, eventID)
            .trailer(trailer, layout).bytes
    }

    package static func cgroup(id: UInt64, path: String, trailer: Trailer, layout: SampleLayout) -> [UInt8] {
        RecordBytes(type: .cgroup).u64(id).text(path).trailer(trailer, layout).bytes
    }

    package static func kernelSymbol(
        start: UInt64, byteCount: UInt32, name: String, vanishes: Bool = false, trailer: Trailer, layout: SampleLayout
    ) -> [UInt8] {
        RecordBytes(type: .kernelSymbol).u64(start).u32(byteCount).u16(1, vanishes ? 1 : 0).text(name)
            .trailer(trailer, layout).bytes
    }

    /// A PERF_RECORD_SWITCH_CPU_WIDE; the thread that leaves or comes is the trailer's.
    package static func contextSwitch(
        out: Bool, preempted: Bool = false, otherPID: Int32 = 0, otherTID: Int32 = 0, trailer: Trailer,
        layout: SampleLayout
    ) -> [UInt8] {
        RecordBytes(type: .contextSwitchCPUWide, misc: (out ? 1 << 13 : 0) | (preempted ? 1 << 14 : 0))
            .task(otherPID, otherTID).trailer(trailer, layout).bytes
    }

    private func task(_ first: Int32, _ second: Int32) -> RecordBytes {
        u32(UInt32(bitPattern: first), UInt32(bitPattern: second))
    }
}

/// What one sample tells; only the fields that the layout has are written.
package struct SampleContents {
    /// 1 for the kernel, 2 for user code.
    package var misc: UInt16 = 1
    package var identifier: UInt64 = 0
    package var ip: UInt64 = 0
    package var pid: Int32 = 0
    package var tid: Int32 = 0
    package var time: UInt64 = 0
    package var address: UInt64 = 0
    package var streamID: UInt64 = 0
    package var cpu: UInt32 = 0
    package var period: UInt64 = 0
    /// Values of the group's counters; without `ReadFormat.group` the first one only.
    package var readValues: [UInt64] = [0]
    /// Context markers included.
    package var callchain: [UInt64] = []
    /// The kernel pads this so that it and the 32-bit length before it end at a multiple of eight; give it padded.
    package var raw: [UInt8] = []
    /// How many branches; their words are all ones.
    package var branchCount = 0
    /// 0 for a task without user registers.
    package var userABI: UInt64 = 2
    /// One for each bit of the layout's mask.
    package var userRegisters: [UInt64] = []
    /// What the kernel wrote of the stack.
    package var userStack: [UInt8] = []
    /// How many bytes the kernel left room for; `userStack.count` at least.
    package var userStackSize = 0
    /// One for each bit of the layout's mask.
    package var interruptRegisters: [UInt64] = []
    package var cgroup: UInt64 = 0
    package var aux: [UInt8] = []

    package init() {}
}

extension RecordBytes {
    /// A PERF_RECORD_SAMPLE, in the order in which the kernel's `perf_output_sample` writes its fields.
    package static func sample(_ contents: SampleContents, layout: SampleLayout) -> [UInt8] {
        // What jostle does not use is written as this, so that a field taken for another shows.
        let unused: UInt64 = 0xBADB_ADBA_DBAD_BADB
        let steps: [(SampleFields, (RecordBytes) -> RecordBytes)] = [
            (.identifier, { $0.u64(contents.identifier) }),
            (.ip, { $0.u64(contents.ip) }),
            (.tid, { $0.task(contents.pid, contents.tid) }),
            (.time, { $0.u64(contents.time) }),
            (.address, { $0.u64(contents.address) }),
            (.id, { $0.u64(contents.identifier) }),
            (.streamID, { $0.u64(contents.streamID) }),
            (.cpu, { $0.u32(contents.cpu, 0xFFFF_FFFF) }),
            (.period, { $0.u64(contents.period) }),
            (.read, { $0.words(readWords(contents.readValues, layout.readFormat)) }),
            (.callchain, { $0.u64(UInt64(contents.callchain.count)).words(contents.callchain) }),
            (.raw, { $0.u32(UInt32(contents.raw.count)).raw(contents.raw) }),
            (.branchStack, { $0.branches(contents.branchCount, layout.branchFormat) }),
            (.userRegisters, { $0.u64(contents.userABI).words(contents.userABI == 0 ? [] : contents.userRegisters) }),
            (.userStack, { $0.stack(contents.userStack, size: contents.userStackSize) }),
            ([.weight, .weightStruct], { $0.u64(unused) }),
            (.dataSource, { $0.u64(unused) }),
            (.transaction, { $0.u64(unused) }),
            (.interruptRegisters, { $0.u64(2).words(contents.interruptRegisters) }),
            (.physicalAddress, { $0.u64(unused) }),
            (.cgroup, { $0.u64(contents.cgroup) }),
            (.dataPageSize, { $0.u64(unused) }),
            (.codePageSize, { $0.u64(unused) }),
            (.aux, { $0.u64(UInt64(contents.aux.count)).raw(contents.aux) }),
        ]
        return steps.reduce(RecordBytes(type: .sample, misc: contents.misc)) { record, step in
            layout.sampleFields.isDisjoint(with: step.0) ? record : step.1(record)
        }.bytes
    }

    /// `struct read_format`; times, ids and lost counts are all ones.
    private static func readWords(_ values: [UInt64], _ format: ReadFormat) -> [UInt64] {
        let ones = UInt64.max
        let times = [ReadFormat.totalTimeEnabled, .totalTimeRunning].filter(format.contains).map { _ in ones }
        let behindValue = [ReadFormat.id, .lost].filter(format.contains).map { _ in ones }
        if format.contains(.group) {
            return [UInt64(values.count)] + times + values.flatMap { [$0] + behindValue }
        }
        return values.prefix(1) + times + behindValue
    }

    private func branches(_ count: Int, _ format: BranchFormat) -> RecordBytes {
        let ones = UInt64.max
        let index = format.contains(.hardwareIndex) ? [ones] : []
        let counters = format.contains(.counters) ? [UInt64](repeating: ones, count: count) : []
        return u64(UInt64(count)).words(index + [UInt64](repeating: ones, count: 3 * count) + counters)
    }

    private func stack(_ bytes: [UInt8], size: Int) -> RecordBytes {
        let size = max(size, bytes.count)
        let copy = u64(UInt64(size)).raw(bytes + [UInt8](repeating: 0xEE, count: size - bytes.count))
        return size == 0 ? copy : copy.u64(UInt64(bytes.count))
    }
}

/// What takes a record's span, taking its bytes: a span cannot leave the call that made it.
extension RecordDecoder {
    package func decode(_ record: [UInt8]) throws(RecordError) -> PerfRecord {
        // Bytes have no padding between them, which is what `bytes` could show of other elements.
        try unsafe decode(record.span.bytes)
    }

    package func time(of record: [UInt8]) throws(RecordError) -> UInt64 {
        // As above.
        try unsafe time(of: record.span.bytes)
    }
}

extension SampleRecord {
    package func userRegister(_ number: Int, in record: [UInt8]) -> UInt64? {
        // As above.
        unsafe userRegister(number, in: record.span.bytes)
    }

    package func userStackWord(at offset: Int, in record: [UInt8]) -> UInt64? {
        // As above.
        unsafe userStackWord(at: offset, in: record.span.bytes)
    }

    /// The callchain's parts, and how many words are in neither.
    package func callchainParts(
        in record: [UInt8]
    ) -> (kernel: [VirtualAddress], user: [VirtualAddress], leftOutCount: Int) {
        var kernel: [VirtualAddress] = []
        var user: [VirtualAddress] = []
        // As above.
        let leftOutCount = unsafe appendCallchain(in: record.span.bytes, kernel: &kernel, user: &user)
        return (kernel, user, leftOutCount)
    }
}
