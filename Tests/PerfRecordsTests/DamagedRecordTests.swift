import PerfRecords
import ProfileModel
import TestSupport
import Testing

/// Damaged records throw or decode to something harmless; none may trap. A trap ends the test process.
@Suite("Damaged records")
struct DamagedRecordTests {
    /// Everything but AUX data, with all that varies in length.
    static let layout = SampleLayout(
        sampleFields: [
            .identifier, .ip, .tid, .time, .address, .cpu, .period, .read, .callchain, .raw, .branchStack,
            .userRegisters, .userStack, .weight, .interruptRegisters, .cgroup,
        ], userRegisterMask: 0xFF_0FFF, readFormat: [.group, .id], interruptRegisterMask: 0b11,
        branchFormat: [.hardwareIndex])
    static let decoder = RecordDecoder(
        layouts: [7: layout, 8: SampleLayout(sampleFields: [.identifier, .time, .raw])], defaultLayout: layout)

    /// Decodes, reads all there is to read, and checks what must hold of anything that decodes.
    ///
    /// - Returns: whether it decoded to a known record.
    static func survives(_ bytes: [UInt8], _ decoder: RecordDecoder = decoder) -> Bool {
        guard let record = try? decoder.decode(bytes) else { return false }
        guard let time = record.time else { return false }
        do throws(RecordError) {
            if try decoder.time(of: bytes) != time { Issue.record("another time: \(bytes)") }
        } catch .noTime {
            if time != 0 { Issue.record("no time to peek at: \(bytes)") }
        } catch {
            Issue.record("\(error) although it decodes: \(bytes)")
        }
        guard case .sample(let sample) = record else { return true }
        let ranges = [sample.readValues, sample.callchain, sample.raw, sample.userRegisters, sample.userStack]
        if ranges.contains(where: { $0.upperBound > bytes.count }) { Issue.record("beyond the record: \(bytes)") }
        let parts = sample.callchainParts(in: bytes)
        let wordCount = parts.leftOutCount + parts.kernel.count + parts.user.count
        if 8 * wordCount > sample.callchain.count { Issue.record("invented: \(bytes)") }
        _ = sample.userRegister(7, in: bytes)
        _ = sample.userStackWord(at: sample.userStack.count - 8, in: bytes)
        return true
    }

    /// The record with its first `count` bytes only, and a header that knows it.
    static func cut(_ bytes: [UInt8], to count: Int) -> [UInt8] {
        var cut = Array(bytes.prefix(count))
        if count >= 8 {
            cut[6] = UInt8(count & 0xFF)
            cut[7] = UInt8(count >> 8)
        }
        return cut
    }

    @Test("A record whose bytes end before its header says so is truncated, at every byte")
    func missingBytes() {
        for bytes in SampleRecords.all(Self.layout) {
            for count in 0..<bytes.count {
                let (type, needed) = count < 8 ? (0, 8) : (UInt32(bytes[0]), bytes.count)
                let expected = RecordError.truncated(
                    type: type, neededByteCount: needed, availableByteCount: count)
                let part = Array(bytes.prefix(count))
                #expect(throws: expected) { try Self.decoder.decode(part) }
                #expect(throws: expected) { try Self.decoder.time(of: part) }
            }
        }
    }

    @Test("A sample that its header cuts short is refused at every byte")
    func shortSample() throws {
        let bytes = try #require(SampleRecords.all(Self.layout).first)
        #expect(Self.survives(bytes))
        for count in 0..<bytes.count {
            let part = Self.cut(bytes, to: count)
            #expect(throws: RecordError.self) { try Self.decoder.decode(part) }
        }
    }

    @Test("A record that its header cuts short is refused, or has a shorter name, at every byte")
    func shortRecords() {
        for bytes in SampleRecords.all(Self.layout) {
            #expect(Self.survives(bytes))
            for count in 0..<bytes.count { _ = Self.survives(Self.cut(bytes, to: count)) }
            // Header and trailer have 40 bytes; less cannot be any record of this layout.
            for count in 0..<40 { #expect(!Self.survives(Self.cut(bytes, to: count))) }
        }
    }

    @Test("A header that claims less than its own size is refused", arguments: UInt16(0)..<8)
    func tinySize(size: UInt16) {
        let bytes = RecordBytes(type: 0).u32(9).u16(0, size).raw([UInt8](repeating: 0, count: 64)).body
        #expect(throws: RecordError.sizeTooSmall(type: 9, byteCount: Int(size))) {
            try Self.decoder.decode(bytes)
        }
        #expect(throws: RecordError.sizeTooSmall(type: 9, byteCount: Int(size))) {
            try Self.decoder.time(of: bytes)
        }
    }

    @Test("A trailer that does not fit in its record is refused")
    func noTrailer() {
        // tid, time, cpu and identifier: 32 bytes, where there are 8.
        let bytes = RecordBytes(type: 14).u64(1).bytes
        #expect(throws: RecordError.truncated(type: 14, neededByteCount: 40, availableByteCount: 16)) {
            try Self.decoder.decode(bytes)
        }
    }

    @Test("A time that would lie in the header is not there")
    func timeInHeader() {
        // time, cpu and identifier: 24 bytes behind the header's 8, where 16 are.
        let bytes = RecordBytes(type: 14).u64(1, 2).bytes
        #expect(throws: RecordError.truncated(type: 14, neededByteCount: 32, availableByteCount: 24)) {
            try Self.decoder.time(of: bytes)
        }
    }

    @Test("60,000 random records of random layouts never trap")
    func randomBytes() {
        var random = SeededGenerator(seed: 3)
        // Half of the words are small numbers, so that counts and sizes are often believable.
        var pool: [UInt8] = []
        for _ in 0..<4_096 {
            let word = random.next() & (Bool.random(using: &random) ? UInt64.max : 0x0100_0003_0000_0007)
            for byte in 0..<UInt64(8) { pool.append(UInt8(truncatingIfNeeded: word >> (8 * byte))) }
        }
        var known = 0
        for _ in 0..<600 {
            let layout = SampleLayout(
                // A quarter of the fields, so that a random sample now and then has room for all of them.
                sampleFields: SampleFields(rawValue: random.next() & random.next() & ((1 << 25) - 1)),
                userRegisterMask: random.next() & random.next() & random.next(),
                readFormat: ReadFormat(rawValue: .random(in: 0..<32, using: &random)),
                interruptRegisterMask: random.next(), branchFormat: BranchFormat(rawValue: random.next()))
            let decoder = RecordDecoder(layouts: [7: layout, 8: Self.layout], defaultLayout: layout)
            for _ in 0..<100 {
                let count = Int.random(in: 8...160, using: &random)
                let start = 8 * Int.random(in: 0..<4_000, using: &random)
                var bytes = Array(pool[start..<start + count])
                bytes[0] = UInt8.random(in: 0...22, using: &random)
                bytes[1...3] = [0, 0, 0]
                if Self.survives(Self.cut(bytes, to: count), decoder) { known += 1 }
            }
        }
        #expect(known > 10_000)
    }

    @Test("60,000 records with one to four changed bytes never trap")
    func mutations() {
        var random = SeededGenerator(seed: 4)
        let whole = SampleRecords.all(Self.layout)
        var known = 0
        for _ in 0..<60_000 {
            var bytes = whole[Int.random(in: 0..<whole.count, using: &random)]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)]
                bytes[position] = extremes[Int.random(in: 0..<extremes.count, using: &random)]
            }
            if Self.survives(bytes) { known += 1 }
        }
        #expect(known > 10_000)
    }
}
