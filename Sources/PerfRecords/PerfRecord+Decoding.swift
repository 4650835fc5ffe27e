import ProfileModel

extension PerfRecord {
    /// Decodes one record that is no sample.
    ///
    /// - Parameter record: exactly the record, header included.
    /// - Throws: `RecordError` when the record's fields and trailer do not fit in it.
    init(
        _ record: RawSpan, type: RecordType, header: RecordHeader, layout: SampleLayout
    ) throws(RecordError) {
        let trailerStart = record.byteCount &- layout.trailerByteCount
        guard trailerStart >= RecordHeader.byteCount else {
            throw .truncated(
                type: header.type, neededByteCount: RecordHeader.byteCount &+ layout.trailerByteCount,
                availableByteCount: record.byteCount)
        }
        let sampleID = try SampleID(
            record, from: trailerStart, type: header.type, fields: layout.sampleFields)
        var cursor = RecordCursor(header: header, end: trailerStart)
        switch type {
        case .sample:
            self = .sample(try SampleRecord(record, header: header, layout: layout))
        case .mmap, .mmap2:
            self = .mapping(try MappingRecord(record, &cursor, header: header, type: type, sampleID: sampleID))
        case .comm:
            self = .comm(try CommRecord(record, &cursor, misc: header.misc, sampleID: sampleID))
        case .fork:
            self = .fork(try TaskRecord(record, &cursor, sampleID: sampleID))
        case .exit:
            self = .exit(try TaskRecord(record, &cursor, sampleID: sampleID))
        case .lost:
            let eventID = try cursor.nextWord(in: record)
            let count = try cursor.nextWord(in: record)
            self = .lost(LostRecord(eventID: eventID, count: count, sampleID: sampleID))
        case .lostSamples:
            self = .lostSamples(LostSamplesRecord(count: try cursor.nextWord(in: record), sampleID: sampleID))
        case .throttle:
            self = .throttle(try ThrottleRecord(record, &cursor, sampleID: sampleID))
        case .unthrottle:
            self = .unthrottle(try ThrottleRecord(record, &cursor, sampleID: sampleID))
        case .cgroup:
            let id = CgroupID(try cursor.nextWord(in: record))
            self = .cgroup(CgroupRecord(id: id, path: cursor.nextText(in: record), sampleID: sampleID))
        case .kernelSymbol:
            self = .kernelSymbol(try KernelSymbolRecord(record, &cursor, sampleID: sampleID))
        case .contextSwitch:
            self = .contextSwitch(SwitchRecord(misc: header.misc, other: nil, sampleID: sampleID))
        case .contextSwitchCPUWide:
            let (pid, tid) = try cursor.nextTask(in: record)
            let other = SwitchRecord.Task(pid: pid, tid: tid)
            self = .contextSwitch(SwitchRecord(misc: header.misc, other: other, sampleID: sampleID))
        }
    }
}

extension SampleID {
    fileprivate init(
        _ record: RawSpan, from start: Int, type: UInt32, fields: SampleFields
    ) throws(RecordError) {
        self.init()
        var cursor = RecordCursor(type: type, from: start, to: record.byteCount)
        if fields.contains(.tid) { (pid, tid) = try cursor.nextTask(in: record) }
        if fields.contains(.time) { time = try cursor.nextWord(in: record) }
        if fields.contains(.id) { identifier = try cursor.nextWord(in: record) }
        if fields.contains(.streamID) { streamID = try cursor.nextWord(in: record) }
        if fields.contains(.cpu) {
            cpu = try cursor.next(UInt32.self, in: record)
            try cursor.skip(byteCount: 4)
        }
        if fields.contains(.identifier) { identifier = try cursor.nextWord(in: record) }
    }
}

extension MappingRecord {
    fileprivate init(
        _ record: RawSpan, _ cursor: inout RecordCursor, header: RecordHeader, type: RecordType, sampleID: SampleID
    ) throws(RecordError) {
        (pid, tid) = try cursor.nextTask(in: record)
        let start = try cursor.nextWord(in: record)
        let byteCount = try cursor.nextWord(in: record)
        var offset = try cursor.nextWord(in: record)
        let (end, wraps) = start.addingReportingOverflow(byteCount)
        guard !wraps else { throw .mappingTooLong(start: start, byteCount: byteCount) }

        var file: FileIdentity?
        var buildID: BuildID?
        protection = nil
        flags = nil
        if type == .mmap2 {
            if header.misc & Misc.mappingHasBuildID != 0 {
                buildID = try cursor.nextBuildID(in: record)
            } else {
                file = try cursor.nextFileIdentity(in: record)
                // Of anonymous memory the kernel tells the address again, which is no place in any file.
                if file == nil { offset = 0 }
            }
            protection = try cursor.next(UInt32.self, in: record)
            flags = try cursor.next(UInt32.self, in: record)
        }
        mapping = Mapping(
            start: VirtualAddress(start), end: VirtualAddress(end), offset: FileOffset(offset), file: file,
            path: cursor.nextText(in: record), buildID: buildID)
        isData = header.misc & Misc.mappingIsData != 0
        mode = header.mode
        self.sampleID = sampleID
    }
}

extension RecordCursor {
    /// Reads a device and an inode.
    ///
    /// - Returns: nil where all are 0: the mapping shows no file.
    fileprivate mutating func nextFileIdentity(in record: RawSpan) throws(RecordError) -> FileIdentity? {
        let major = try next(UInt32.self, in: record)
        let minor = try next(UInt32.self, in: record)
        let inode = try nextWord(in: record)
        // The inode's generation.
        try skip(byteCount: 8)
        if major == 0, minor == 0, inode == 0 { return nil }
        return FileIdentity(device: DeviceNumber(major: major, minor: minor), inode: inode)
    }

    /// Reads a build ID: its length, three bytes of nothing, and room for the longest.
    ///
    /// - Returns: nil where its length is 0.
    fileprivate mutating func nextBuildID(in record: RawSpan) throws(RecordError) -> BuildID? {
        let byteCount = Int(try next(UInt8.self, in: record))
        try skip(byteCount: 3)
        var bytes: [UInt8] = []
        for index in 0..<BuildIDField.maximumByteCount {
            let byte = try next(UInt8.self, in: record)
            if index < byteCount { bytes.append(byte) }
        }
        guard byteCount <= BuildIDField.maximumByteCount else { throw .buildIDTooLong(byteCount: byteCount) }
        return BuildID(bytes)
    }
}

extension CommRecord {
    fileprivate init(
        _ record: RawSpan, _ cursor: inout RecordCursor, misc: UInt16, sampleID: SampleID
    ) throws(RecordError) {
        (pid, tid) = try cursor.nextTask(in: record)
        comm = cursor.nextText(in: record)
        isExec = misc & Misc.commIsExec != 0
        self.sampleID = sampleID
    }
}

extension TaskRecord {
    fileprivate init(_ record: RawSpan, _ cursor: inout RecordCursor, sampleID: SampleID) throws(RecordError) {
        pid = ProcessID(try cursor.next(Int32.self, in: record))
        parentPID = ProcessID(try cursor.next(Int32.self, in: record))
        tid = ThreadID(try cursor.next(Int32.self, in: record))
        parentTID = ThreadID(try cursor.next(Int32.self, in: record))
        time = try cursor.nextWord(in: record)
        self.sampleID = sampleID
    }
}

extension ThrottleRecord {
    fileprivate init(_ record: RawSpan, _ cursor: inout RecordCursor, sampleID: SampleID) throws(RecordError) {
        time = try cursor.nextWord(in: record)
        eventID = try cursor.nextWord(in: record)
        streamID = try cursor.nextWord(in: record)
        self.sampleID = sampleID
    }
}

extension KernelSymbolRecord {
    fileprivate init(_ record: RawSpan, _ cursor: inout RecordCursor, sampleID: SampleID) throws(RecordError) {
        start = VirtualAddress(try cursor.nextWord(in: record))
        byteCount = try cursor.next(UInt32.self, in: record)
        type = try cursor.next(UInt16.self, in: record)
        flags = try cursor.next(UInt16.self, in: record)
        name = cursor.nextText(in: record)
        self.sampleID = sampleID
    }
}

extension SwitchRecord {
    fileprivate init(misc: UInt16, other: Task?, sampleID: SampleID) {
        let isOut = misc & Misc.switchIsOut != 0
        direction = isOut ? .out : .in
        isPreempted = isOut && misc & Misc.switchIsPreempted != 0
        self.other = other
        self.sampleID = sampleID
    }
}
