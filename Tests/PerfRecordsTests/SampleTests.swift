import PerfRecords
import ProfileModel
import TestSupport
import Testing

@Suite("Samples")
struct SampleTests {
    static func decode(_ bytes: [UInt8], _ layout: SampleLayout) throws -> SampleRecord {
        let record = try RecordDecoder(defaultLayout: layout).decode(bytes)
        guard case .sample(let sample) = record else {
            throw NotASample(record: record)
        }
        return sample
    }

    struct NotASample: Error {
        let record: PerfRecord
    }

    /// The 64-bit words in a byte range of a record.
    static func words(_ range: Range<Int>, of bytes: [UInt8]) -> [UInt64] {
        stride(from: range.lowerBound, to: range.upperBound, by: 8).map { start in
            (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
        }
    }

    @Test("A sample of jostle's own layout, byte by byte")
    func ownLayout() throws {
        let layout = SampleLayout(
            sampleFields: [
                .identifier, .ip, .tid, .time, .cpu, .period, .callchain, .userRegisters, .userStack, .cgroup,
            ],
            // Registers 6 (bp), 7 (sp) and 8 (ip) of x86_64.
            userRegisterMask: 0b1_1100_0000)
        let bytes = RecordBytes(type: 9, misc: 1)
            .u64(77)  // identifier
            .u64(0xFFFF_FFFF_8100_0010)  // ip, from byte 16
            .u32(42, 43)  // pid, tid
            .u64(1_000)  // time
            .u32(3, 0)  // cpu
            .u64(1_001_001)  // period
            .u64(2, 0xFFFF_FFFF_FFFF_FF80, 0xFFFF_FFFF_8100_0010)  // callchain: its words are bytes 64..<80
            .u64(2, 0xB0, 0x50, 0x1F)  // ABI, and registers in bytes 88..<112
            .u64(24, 0xA1, 0xA2, 0xA3, 16)  // stack: 24 bytes from byte 120 on, 16 of them written
            .u64(4_242)  // cgroup
            .bytes
        let sample = try Self.decode(bytes, layout)
        #expect(sample.fields == layout.sampleFields)
        #expect(sample.mode == .kernel)
        #expect(sample.identifier == 77)
        #expect(sample.ip == VirtualAddress(0xFFFF_FFFF_8100_0010))
        #expect(sample.pid == ProcessID(42))
        #expect(sample.tid == ThreadID(43))
        #expect(sample.time == 1_000)
        #expect(sample.cpu == 3)
        #expect(sample.period == 1_001_001)
        #expect(sample.callchain == 64..<80)
        #expect(sample.userABI == .bits64)
        #expect(sample.userRegisters == 88..<112)
        #expect(sample.userStack == 120..<136)
        #expect(sample.cgroup == CgroupID(4_242))
        #expect(sample.raw.isEmpty)
        #expect(sample.readValues.isEmpty)
    }

    /// A sample whose every field differs from every other.
    static func contents(for layout: SampleLayout) -> SampleContents {
        var contents = SampleContents()
        contents.misc = 2
        contents.identifier = 0x1111
        contents.ip = 0x2222
        contents.pid = 0x3333
        contents.tid = 0x4444
        contents.time = 0x5555
        contents.address = 0x6666
        contents.streamID = 0x7777
        contents.cpu = 0x8888
        contents.period = 0x9999
        contents.readValues = [0xA1, 0xA2, 0xA3]
        contents.callchain = [0xFFFF_FFFF_FFFF_FE00, 0xC1, 0xC2]
        contents.raw = Array(1...12)
        contents.branchCount = 2
        contents.userRegisters = (0..<layout.userRegisterMask.nonzeroBitCount).map { 0xD0 + UInt64($0) }
        contents.userStack = Array(0...31)
        contents.userStackSize = 64
        contents.interruptRegisters = [UInt64](repeating: 0xEE, count: layout.interruptRegisterMask.nonzeroBitCount)
        contents.cgroup = 0xFFFF
        contents.aux = Array(1...16)
        return contents
    }

    @Test("Whatever fields a layout combines, each is read from its own place, and the others are 0 or empty")
    func combinations() throws {
        var random = SeededGenerator(seed: 1)
        // Each field alone, each field left out, and 2,000 other combinations.
        let all: UInt64 = (1 << 25) - 1
        let sets =
            (0..<25).map { 1 << $0 } + (0..<25).map { all & ~(1 << $0) }
            + (0..<2_000).map { _ in UInt64.random(in: 0...all, using: &random) }
        for set in sets {
            let layout = SampleLayout(
                sampleFields: SampleFields(rawValue: set), userRegisterMask: .random(in: 0...0xFF_FFFF, using: &random),
                readFormat: ReadFormat(rawValue: .random(in: 0...31, using: &random)),
                interruptRegisterMask: .random(in: 0...0xFF_FFFF, using: &random),
                branchFormat: BranchFormat(rawValue: .random(in: 0...7, using: &random) << 17))
            let written = Self.contents(for: layout)
            let bytes = RecordBytes.sample(written, layout: layout)
            let read = try Self.decode(bytes, layout)
            func has(_ field: SampleFields) -> Bool { layout.sampleFields.contains(field) }
            let isRight =
                read.mode == .user
                && read.identifier == (has(.identifier) || has(.id) ? written.identifier : 0)
                && read.ip == VirtualAddress(has(.ip) ? written.ip : 0)
                && read.pid == ProcessID(has(.tid) ? written.pid : 0)
                && read.tid == ThreadID(has(.tid) ? written.tid : 0)
                && read.time == (has(.time) ? written.time : 0)
                && read.address == VirtualAddress(has(.address) ? written.address : 0)
                && read.cpu == (has(.cpu) ? written.cpu : 0)
                && read.period == (has(.period) ? written.period : 0)
                && Self.words(read.callchain, of: bytes) == (has(.callchain) ? written.callchain : [])
                && Array(bytes[read.raw]) == (has(.raw) ? written.raw : [])
                && read.userABI == (has(.userRegisters) ? .bits64 : .none)
                && Self.words(read.userRegisters, of: bytes) == (has(.userRegisters) ? written.userRegisters : [])
                && Array(bytes[read.userStack]) == (has(.userStack) ? written.userStack : [])
                && read.cgroup == CgroupID(has(.cgroup) ? written.cgroup : 0)
            #expect(isRight, "fields \(String(set, radix: 16)): \(read)")
        }
    }

    @Test("A group's values are counted, with id and lost count behind each value")
    func readGroup() throws {
        let layout = SampleLayout(
            sampleFields: [.read, .cgroup], readFormat: [.group, .totalTimeEnabled, .id, .lost])
        // Count, time enabled, then value, id and lost count of two counters: 8 words from byte 8 on.
        let bytes = RecordBytes(type: 9).u64(2, 900, 1, 10, 0, 2, 11, 0).u64(4_242).bytes
        let sample = try Self.decode(bytes, layout)
        #expect(sample.readValues == 8..<72)
        #expect(sample.cgroup == CgroupID(4_242))
    }

    @Test("A task without user registers has none behind the ABI, and without a stack no size behind it")
    func kernelThread() throws {
        let layout = SampleLayout(
            sampleFields: [.userRegisters, .userStack, .cgroup], userRegisterMask: 0xFF)
        let bytes = RecordBytes(type: 9, misc: 1).u64(0).u64(0).u64(4_242).bytes
        let sample = try Self.decode(bytes, layout)
        #expect(sample.userABI == .none)
        #expect(sample.userRegisters.isEmpty)
        #expect(sample.userStack.isEmpty)
        #expect(sample.cgroup == CgroupID(4_242))
        #expect(sample.userRegister(7, in: bytes) == nil)
        #expect(sample.userStackWord(at: 0, in: bytes) == nil)
    }

    @Test("The low three bits of misc are the mode", arguments: zip(UInt16(0)...7, modes))
    func mode(misc: UInt16, expected: CPUMode) throws {
        let bytes = RecordBytes(type: 9, misc: misc | 1 << 14).bytes
        #expect(try Self.decode(bytes, SampleLayout(sampleFields: [])).mode == expected)
    }
    static let modes: [CPUMode] = [
        .unknown, .kernel, .user, .hypervisor, .guestKernel, .guestUser, .unknown, .unknown,
    ]

    @Test("Fields behind the last one that is known are ignored")
    func longerSample() throws {
        let bytes = RecordBytes(type: 9).u64(0x40_1000).u64(1, 2, 3).bytes
        #expect(try Self.decode(bytes, SampleLayout(sampleFields: .ip)).ip == VirtualAddress(0x40_1000))
    }

    @Test("A layout with fields of a later kernel is refused, for their place is not known")
    func unknownFields() {
        let later = SampleFields(rawValue: 1 << 25)
        #expect(throws: RecordError.unknownSampleFields(later)) {
            try Self.decode(RecordBytes(type: 9).u64(1, 2).bytes, SampleLayout(sampleFields: [.ip, later]))
        }
        let format = ReadFormat(rawValue: 1 << 5)
        #expect(throws: RecordError.unknownReadFormat(format)) {
            try Self.decode(
                RecordBytes(type: 9).u64(1, 2).bytes, SampleLayout(sampleFields: .read, readFormat: [.id, format]))
        }
    }

    @Test(
        "A callchain longer than its record is refused, even when its byte count would overflow",
        arguments: [
            2, 1 << 61, 1 << 63, UInt64.max,
        ])
    func overlongCallchain(count: UInt64) {
        #expect(
            throws: RecordError.countTooLarge(type: 9, count: count, elementByteCount: 8, availableByteCount: 8)
        ) {
            try Self.decode(RecordBytes(type: 9).u64(count, 0xC1).bytes, SampleLayout(sampleFields: .callchain))
        }
    }

    @Test("A stack that used more than it copied is refused")
    func overusedStack() {
        #expect(throws: RecordError.stackCopyTooShort(usedByteCount: 9, copiedByteCount: 8)) {
            try Self.decode(RecordBytes(type: 9).u64(8, 0xA1, 9).bytes, SampleLayout(sampleFields: .userStack))
        }
    }
}
