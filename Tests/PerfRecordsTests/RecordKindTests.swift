import PerfRecords
import ProfileModel
import TestSupport
import Testing

/// Every kind of record but samples, from bytes in view.
@Suite("Records that are no samples")
struct RecordKindTests {
    /// Like jostle's own events: tid, time, cpu and identifier in the trailer, 32 bytes.
    static let layout = SampleLayout(sampleFields: [.identifier, .ip, .tid, .time, .cpu])

    /// Ends a record with the trailer of thread 43 of process 42, at 1,000 ns, on CPU 3, of event 7.
    static func finished(_ record: RecordBytes) -> [UInt8] {
        record.u32(42, 43).u64(1_000).u32(3, 0).u64(7).bytes
    }

    static func decode(_ bytes: [UInt8]) throws -> PerfRecord {
        try RecordDecoder(defaultLayout: layout).decode(bytes)
    }

    @Test("A trailer tells thread, time, CPU and event of any record")
    func trailer() throws {
        let sampleID = try #require(try Self.decode(Self.finished(RecordBytes(type: 14))).sampleID)
        #expect(sampleID.pid == ProcessID(42))
        #expect(sampleID.tid == ThreadID(43))
        #expect(sampleID.time == 1_000)
        #expect(sampleID.cpu == 3)
        #expect(sampleID.identifier == 7)
    }

    @Test("A trailer with all fields has them in the order tid, time, id, stream id, cpu, identifier")
    func longestTrailer() throws {
        let layout = SampleLayout(sampleFields: [.tid, .time, .id, .streamID, .cpu, .identifier])
        let bytes = RecordBytes(type: 14).u32(1, 2).u64(3, 4, 5).u32(6, 0).u64(7).bytes
        let record = try RecordDecoder(defaultLayout: layout).decode(bytes)
        let sampleID = try #require(record.sampleID)
        #expect(sampleID.pid == ProcessID(1))
        #expect(sampleID.tid == ThreadID(2))
        #expect(sampleID.time == 3)
        #expect(sampleID.streamID == 5)
        #expect(sampleID.cpu == 6)
        #expect(sampleID.identifier == 7)
    }

    @Test("The id stands for the identifier where there is no identifier")
    func idWithoutIdentifier() throws {
        let decoder = RecordDecoder(defaultLayout: SampleLayout(sampleFields: [.id, .cpu]))
        let switched = try decoder.decode(RecordBytes(type: 14).u64(4).u32(6, 0).bytes)
        #expect(switched.sampleID?.identifier == 4)
        let sampled = try decoder.decode(RecordBytes(type: 9).u64(4).u32(6, 0).bytes)
        guard case .sample(let sample) = sampled else {
            Issue.record("not a sample: \(sampled)")
            return
        }
        #expect(sample.identifier == 4)
    }

    @Test("A mapping with device and inode is that file, mapped from its offset")
    func mappingOfFile() throws {
        let bytes = Self.finished(
            RecordBytes(type: 10, misc: 2)
                .u32(42, 43).u64(0x7F00_0000, 0x2000, 0x1000)
                .u32(8, 1).u64(123_456, 9)
                .u32(5, 2)
                .raw(Array("/usr/lib/libc.so.6\0\0\0\0\0\0".utf8)))
        guard case .mapping(let record) = try Self.decode(bytes) else {
            Issue.record("not a mapping")
            return
        }
        #expect(record.pid == ProcessID(42))
        #expect(record.tid == ThreadID(43))
        #expect(
            record.mapping
                == Mapping(
                    start: VirtualAddress(0x7F00_0000), end: VirtualAddress(0x7F00_2000), offset: FileOffset(0x1000),
                    file: FileIdentity(device: DeviceNumber(major: 8, minor: 1), inode: 123_456),
                    path: "/usr/lib/libc.so.6"))
        #expect(record.protection == 5)
        #expect(record.flags == 2)
        #expect(!record.isData)
        #expect(record.mode == .user)
    }

    @Test("A mapping flagged so has a build ID in the file's place, as long as it says")
    func mappingWithBuildID() throws {
        let id: [UInt8] = Array(0xA0...0xAF)
        let bytes = Self.finished(
            RecordBytes(type: 10, misc: 2 | 1 << 14)
                .u32(42, 43).u64(0x7F00_0000, 0x2000, 0x1000)
                .u8(16, 0, 0, 0).raw(id).u32(0)
                .u32(5, 2)
                .raw(Array("/bin/sh\0".utf8)))
        guard case .mapping(let record) = try Self.decode(bytes) else {
            Issue.record("not a mapping")
            return
        }
        #expect(record.mapping.file == nil)
        #expect(record.mapping.buildID == BuildID(id))
        #expect(record.mapping.offset == FileOffset(0x1000))
        #expect(record.mapping.path == "/bin/sh")
    }

    @Test("A build ID longer than its place is refused")
    func overlongBuildID() {
        let bytes = Self.finished(
            RecordBytes(type: 10, misc: 1 << 14)
                .u32(42, 43).u64(0, 1, 0).u8(21, 0, 0, 0).raw([UInt8](repeating: 1, count: 20)).u32(5, 2).u64(0))
        #expect(throws: RecordError.buildIDTooLong(byteCount: 21)) { try Self.decode(bytes) }
    }

    @Test("Anonymous memory has no file, and no offset although the kernel tells one")
    func anonymousMapping() throws {
        let bytes = Self.finished(
            RecordBytes(type: 10, misc: 2)
                .u32(42, 43).u64(0x7F00_0000, 0x2000, 0x7F00_0000)
                .u32(0, 0).u64(0, 0)
                .u32(7, 0x22)
                .raw(Array("//anon\0\0".utf8)))
        guard case .mapping(let record) = try Self.decode(bytes) else {
            Issue.record("not a mapping")
            return
        }
        #expect(record.mapping.file == nil)
        #expect(record.mapping.offset == FileOffset(0))
        #expect(record.mapping.path == "//anon")
    }

    @Test("The old mapping record has a path, but no file, protection or flags")
    func oldMapping() throws {
        let bytes = Self.finished(
            RecordBytes(type: 1, misc: 2 | 1 << 13)
                .u32(42, 43).u64(0x40_0000, 0x1000, 0x3000).raw(Array("/bin/sh\0".utf8)))
        guard case .mapping(let record) = try Self.decode(bytes) else {
            Issue.record("not a mapping")
            return
        }
        #expect(record.mapping.end == VirtualAddress(0x40_1000))
        #expect(record.mapping.offset == FileOffset(0x3000))
        #expect(record.mapping.path == "/bin/sh")
        #expect(record.mapping.file == nil)
        #expect(record.protection == nil)
        #expect(record.flags == nil)
        #expect(record.isData)
    }

    @Test("A mapping that would reach beyond the last address is refused")
    func mappingTooLong() {
        let bytes = Self.finished(RecordBytes(type: 1).u32(42, 43).u64(0xFFFF_FFFF_FFFF_F000, 0x1001, 0).u64(0))
        #expect(throws: RecordError.mappingTooLong(start: 0xFFFF_FFFF_FFFF_F000, byteCount: 0x1001)) {
            try Self.decode(bytes)
        }
    }

    @Test("A name without its NUL is taken up to the trailer, and bytes that are no text are kept")
    func nameWithoutEnd() throws {
        let bytes = Self.finished(
            RecordBytes(type: 3).u32(42, 43).raw([0x61, 0xFF, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67]))
        guard case .comm(let record) = try Self.decode(bytes) else {
            Issue.record("not a comm")
            return
        }
        #expect(record.comm.losslessBytes == [0x61, 0xFF, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67])
    }

    @Test("A comm says whether execve gave it", arguments: [false, true])
    func comm(isExec: Bool) throws {
        let bytes = Self.finished(
            RecordBytes(type: 3, misc: isExec ? 1 << 13 : 0).u32(42, 43).raw(Array("mysqld\0\0".utf8)))
        guard case .comm(let record) = try Self.decode(bytes) else {
            Issue.record("not a comm")
            return
        }
        #expect(record.pid == ProcessID(42))
        #expect(record.tid == ThreadID(43))
        #expect(record.comm == "mysqld")
        #expect(record.isExec == isExec)
    }

    @Test("A fork and an exit tell process, parent process, thread, parent thread and time, in this order")
    func forkAndExit() throws {
        let fork = try Self.decode(Self.finished(RecordBytes(type: 7).u32(50, 42, 51, 43).u64(999)))
        let exit = try Self.decode(Self.finished(RecordBytes(type: 4).u32(50, 42, 51, 43).u64(999)))
        guard case .fork(let born) = fork, case .exit(let dead) = exit else {
            Issue.record("not a fork and an exit")
            return
        }
        #expect(born == dead)
        #expect(born.pid == ProcessID(50))
        #expect(born.parentPID == ProcessID(42))
        #expect(born.tid == ThreadID(51))
        #expect(born.parentTID == ThreadID(43))
        #expect(born.time == 999)
        #expect(fork.time == 1_000)
    }

    @Test("A loss tells the event and how many records, lost samples only how many")
    func losses() throws {
        guard case .lost(let lost) = try Self.decode(Self.finished(RecordBytes(type: 2).u64(7, 1_234))),
            case .lostSamples(let samples) = try Self.decode(Self.finished(RecordBytes(type: 13).u64(55)))
        else {
            Issue.record("not losses")
            return
        }
        #expect(lost.eventID == 7)
        #expect(lost.count == 1_234)
        #expect(samples.count == 55)
    }

    @Test("Throttling begins and ends with the event's time, id and stream id")
    func throttling() throws {
        guard
            case .throttle(let begin) = try Self.decode(Self.finished(RecordBytes(type: 5).u64(900, 7, 8))),
            case .unthrottle(let end) = try Self.decode(Self.finished(RecordBytes(type: 6).u64(950, 7, 8)))
        else {
            Issue.record("not throttling")
            return
        }
        #expect(begin.time == 900)
        #expect(begin.eventID == 7)
        #expect(begin.streamID == 8)
        #expect(end.time == 950)
    }

    @Test("A cgroup record names an id")
    func cgroup() throws {
        let bytes = Self.finished(RecordBytes(type: 19).u64(4_242).raw(Array("/system.slice/a\0".utf8)))
        guard case .cgroup(let record) = try Self.decode(bytes) else {
            Issue.record("not a cgroup")
            return
        }
        #expect(record.id == CgroupID(4_242))
        #expect(record.path == "/system.slice/a")
    }

    @Test("A kernel symbol appears or vanishes", arguments: [false, true])
    func kernelSymbol(vanishes: Bool) throws {
        let bytes = Self.finished(
            RecordBytes(type: 17).u64(0xFFFF_FFFF_C000_0000).u32(0x180).u16(1, vanishes ? 1 : 0)
                .raw(Array("bpf_prog_6deef7357e7b4530\0\0\0\0\0\0\0".utf8)))
        guard case .kernelSymbol(let record) = try Self.decode(bytes) else {
            Issue.record("not a kernel symbol")
            return
        }
        #expect(record.start == VirtualAddress(0xFFFF_FFFF_C000_0000))
        #expect(record.byteCount == 0x180)
        #expect(record.type == 1)
        #expect(record.name == "bpf_prog_6deef7357e7b4530")
        #expect(record.isUnregistered == vanishes)
    }

    @Test("A switch out says whether the thread could have run on, and CPU-wide also which comes next")
    func switchOut() throws {
        let misc: UInt16 = 1 << 13 | 1 << 14
        guard
            case .contextSwitch(let wide) = try Self.decode(
                Self.finished(RecordBytes(type: 15, misc: misc).u32(60, 61))),
            case .contextSwitch(let narrow) = try Self.decode(Self.finished(RecordBytes(type: 14, misc: 1 << 13)))
        else {
            Issue.record("not switches")
            return
        }
        #expect(wide.direction == .out)
        #expect(wide.isPreempted)
        #expect(wide.other?.pid == ProcessID(60))
        #expect(wide.other?.tid == ThreadID(61))
        #expect(wide.sampleID.tid == ThreadID(43))
        #expect(narrow.direction == .out)
        #expect(!narrow.isPreempted)
        #expect(narrow.other == nil)
    }

    @Test("A switch in tells which thread ran before and is never preempted")
    func switchIn() throws {
        let bytes = Self.finished(RecordBytes(type: 15, misc: 1 << 14).u32(60, 61))
        guard case .contextSwitch(let record) = try Self.decode(bytes) else {
            Issue.record("not a switch")
            return
        }
        #expect(record.direction == .in)
        #expect(!record.isPreempted)
        #expect(record.other?.tid == ThreadID(61))
    }

    @Test(
        "A record of another type is unknown, however short",
        arguments: [0, 8, 11, 16, 18, 20, 22, 64, 81, 0xFFFF_FFFF])
    func unknown(type: UInt32) throws {
        #expect(try Self.decode(RecordBytes(type: type).bytes) == .unknown(type: type))
    }
}
