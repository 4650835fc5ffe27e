import ProfileModel

extension SampleRecord {
    /// Decodes one PERF_RECORD_SAMPLE.
    ///
    /// The order of the fields is perf_event_open(2)'s, "PERF_RECORD_SAMPLE", and that of `perf_output_sample` in the
    /// kernel's kernel/events/core.c; linux/perf_event.h names the AUX data before the page sizes, which it follows in
    /// truth.
    ///
    /// - Parameter record: exactly the record, header included.
    /// - Throws: `RecordError` when the fields do not fit in the record.
    init(_ record: RawSpan, header: RecordHeader, layout: SampleLayout) throws(RecordError) {
        let fields = layout.sampleFields
        guard SampleFields.known.isSuperset(of: fields) else {
            throw .unknownSampleFields(fields.subtracting(.known))
        }
        self.init()
        self.fields = fields
        mode = header.mode

        var cursor = RecordCursor(header: header, end: record.byteCount)
        if fields.contains(.identifier) { identifier = try cursor.nextWord(in: record) }
        if fields.contains(.ip) { ip = VirtualAddress(try cursor.nextWord(in: record)) }
        if fields.contains(.tid) { (pid, tid) = try cursor.nextTask(in: record) }
        if fields.contains(.time) { time = try cursor.nextWord(in: record) }
        if fields.contains(.address) { address = VirtualAddress(try cursor.nextWord(in: record)) }
        if fields.contains(.id) {
            let id = try cursor.nextWord(in: record)
            if !fields.contains(.identifier) { identifier = id }
        }
        if fields.contains(.streamID) { try cursor.skip(byteCount: 8) }
        if fields.contains(.cpu) {
            cpu = try cursor.next(UInt32.self, in: record)
            try cursor.skip(byteCount: 4)
        }
        if fields.contains(.period) { period = try cursor.nextWord(in: record) }
        if fields.contains(.read) {
            readValuesBytes = ByteRange(try cursor.skipReadValues(of: layout.readFormat, in: record))
        }
        if fields.contains(.callchain) {
            let count = try cursor.nextWord(in: record)
            callchainBytes = ByteRange(try cursor.skip(count, elementsOf: 8))
        }
        if fields.contains(.raw) {
            let byteCount = try cursor.next(UInt32.self, in: record)
            rawBytes = ByteRange(try cursor.skip(UInt64(byteCount), elementsOf: 1))
        }
        if fields.contains(.branchStack) { try cursor.skipBranchStack(of: layout.branchFormat, in: record) }
        if fields.contains(.userRegisters) {
            userRegisterMask = layout.userRegisterMask
            (userABI, userRegistersBytes) = try cursor.nextRegisters(mask: userRegisterMask, in: record)
        }
        if fields.contains(.userStack) { userStackBytes = ByteRange(try cursor.nextUserStack(in: record)) }
        if !fields.isDisjoint(with: [.weight, .weightStruct]) { try cursor.skip(byteCount: 8) }
        if fields.contains(.dataSource) { try cursor.skip(byteCount: 8) }
        if fields.contains(.transaction) { try cursor.skip(byteCount: 8) }
        if fields.contains(.interruptRegisters) {
            _ = try cursor.nextRegisters(mask: layout.interruptRegisterMask, in: record)
        }
        if fields.contains(.physicalAddress) { try cursor.skip(byteCount: 8) }
        if fields.contains(.cgroup) { cgroup = CgroupID(try cursor.nextWord(in: record)) }
        if fields.contains(.dataPageSize) { try cursor.skip(byteCount: 8) }
        if fields.contains(.codePageSize) { try cursor.skip(byteCount: 8) }
        if fields.contains(.aux) {
            let byteCount = try cursor.nextWord(in: record)
            _ = try cursor.skip(byteCount, elementsOf: 1)
        }
    }
}

extension RecordCursor {
    /// Steps over `struct read_format`: one value with its times, or a count, the times and that many values.
    ///
    /// - Returns: its bytes.
    fileprivate mutating func skipReadValues(
        of format: ReadFormat, in record: RawSpan
    ) throws(RecordError) -> Range<Int> {
        guard ReadFormat.known.isSuperset(of: format) else {
            throw .unknownReadFormat(format.subtracting(.known))
        }
        let times = format.intersection([.totalTimeEnabled, .totalTimeRunning]).rawValue.nonzeroBitCount
        let valueByteCount = 8 &* (1 &+ format.intersection([.id, .lost]).rawValue.nonzeroBitCount)
        let start = position
        let count = format.contains(.group) ? try nextWord(in: record) : 1
        try skip(byteCount: 8 &* times)
        _ = try skip(count, elementsOf: valueByteCount)
        return start..<position
    }

    /// Steps over a branch stack: a count, that many entries of three words, and what `format` adds.
    ///
    /// With `hardwareIndex`, a stack without entries is taken to have its index all the same, as perf does: the kernel
    /// leaves it out where the hardware gave no stack at all, which the record cannot say.
    fileprivate mutating func skipBranchStack(of format: BranchFormat, in record: RawSpan) throws(RecordError) {
        let count = try nextWord(in: record)
        if format.contains(.hardwareIndex) { try skip(byteCount: 8) }
        _ = try skip(count, elementsOf: format.contains(.counters) ? 32 : 24)
    }

    /// Reads whose registers follow and steps over them; none follow where there is no ABI.
    @inline(__always)
    fileprivate mutating func nextRegisters(
        mask: UInt64, in record: RawSpan
    ) throws(RecordError) -> (RegisterABI, ByteRange) {
        let abi = RegisterABI(rawValue: try nextWord(in: record))
        let count = abi == .none ? 0 : mask.nonzeroBitCount
        let start = position
        try skip(byteCount: 8 &* count)
        return (abi, ByteRange(start..<position))
    }

    /// Steps over a stack copy: its size, the bytes and, unless there are none, how many of them the kernel wrote.
    ///
    /// - Returns: the bytes that the kernel wrote.
    /// - Throws: `RecordError.stackCopyTooShort` when it claims to have written more than there are.
    @inline(__always)
    fileprivate mutating func nextUserStack(in record: RawSpan) throws(RecordError) -> Range<Int> {
        let byteCount = try nextWord(in: record)
        let copy = try skip(byteCount, elementsOf: 1)
        guard byteCount > 0 else { return copy }
        let usedByteCount = try nextWord(in: record)
        guard usedByteCount <= byteCount else {
            throw .stackCopyTooShort(usedByteCount: usedByteCount, copiedByteCount: byteCount)
        }
        return copy.lowerBound..<(copy.lowerBound &+ Int(usedByteCount))
    }
}
