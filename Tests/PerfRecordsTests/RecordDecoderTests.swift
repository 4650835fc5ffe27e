import PerfRecords
import ProfileModel
import TestSupport
import Testing

@Suite("Choosing a layout, and the time of a record")
struct RecordDecoderTests {
    static let onCPU = SampleLayout(sampleFields: [.identifier, .tid, .time, .callchain])
    static let tracepoint = SampleLayout(sampleFields: [.identifier, .time, .raw])
    static let fallback = SampleLayout(sampleFields: [.identifier, .time])

    @Test("The identifier chooses the layout of samples and of trailers")
    func choice() throws {
        let decoder = RecordDecoder(layouts: [11: Self.onCPU, 12: Self.tracepoint], defaultLayout: Self.fallback)
        let sampled = try decoder.decode(RecordBytes(type: 9).u64(11).u32(42, 43).u64(500, 1, 0x41).bytes)
        guard case .sample(let sample) = sampled else {
            Issue.record("not a sample")
            return
        }
        #expect(sample.tid == ThreadID(43))
        #expect(sample.time == 500)
        #expect(sample.callchain.count == 8)

        let traced = try decoder.decode(RecordBytes(type: 9).u64(12, 501).u32(4).u8(1, 2, 3, 4).bytes)
        guard case .sample(let trace) = traced else {
            Issue.record("not a sample")
            return
        }
        #expect(trace.time == 501)
        #expect(trace.raw.count == 4)

        let withTask = try decoder.decode(RecordBytes(type: 14).u32(42, 43).u64(502, 11).bytes)
        #expect(withTask.sampleID?.tid == ThreadID(43))
        #expect(withTask.time == 502)
        let withoutTask = try decoder.decode(RecordBytes(type: 14).u64(503, 12).bytes)
        #expect(withoutTask.sampleID?.tid == ThreadID(0))
        #expect(withoutTask.time == 503)
    }

    @Test("A sample with an unknown identifier has the strangers' layout where there is one; other records have not")
    func strangers() throws {
        let decoder = RecordDecoder(
            layouts: [11: Self.onCPU], defaultLayout: Self.fallback, strangersLayout: Self.tracepoint)
        let sampled = try decoder.decode(RecordBytes(type: 9).u64(99, 501).u32(4).u8(1, 2, 3, 4).bytes)
        guard case .sample(let sample) = sampled else {
            Issue.record("not a sample")
            return
        }
        #expect(sample.time == 501 && sample.raw.count == 4)
        #expect(try decoder.decode(RecordBytes(type: 14).u64(503, 99).bytes).time == 503)
    }

    @Test("An unknown identifier has the default layout")
    func unknownIdentifier() throws {
        let decoder = RecordDecoder(layouts: [11: Self.onCPU, 12: Self.tracepoint], defaultLayout: Self.fallback)
        for id: UInt64 in [0, 10, 13, .max] {
            #expect(try decoder.decode(RecordBytes(type: 9).u64(id, 504).bytes).time == 504)
        }
    }

    @Test("One of 1,000 events is found by its id")
    func manyEvents() throws {
        // Event n has a callchain where n is even.
        let layouts = Dictionary(
            uniqueKeysWithValues: (1...1_000).map { ($0 * 3, $0 % 2 == 0 ? Self.onCPU : Self.tracepoint) })
        let decoder = RecordDecoder(
            layouts: Dictionary(uniqueKeysWithValues: layouts.map { (UInt64($0), $1) }), defaultLayout: Self.fallback)
        for event in 1...1_000 {
            let bytes = RecordBytes(type: 9).u64(UInt64(event * 3), 505, 506).u64(0, 0).bytes
            // With the task's word before it, the time is one word later.
            #expect(try decoder.time(of: bytes) == (event % 2 == 0 ? 506 : 505))
        }
    }

    @Test("Without the identifier in every layout, the first words choose nothing")
    func noIdentifier() throws {
        let other = SampleLayout(sampleFields: [.ip, .time, .callchain])
        let decoder = RecordDecoder(layouts: [11: other], defaultLayout: SampleLayout(sampleFields: [.ip, .time]))
        // An instruction pointer of 11 is no identifier.
        #expect(try decoder.decode(RecordBytes(type: 9).u64(11, 507).bytes).time == 507)
    }

    @Test("Bytes behind the header's size are not looked at")
    func followedByMore() throws {
        let decoder = RecordDecoder(defaultLayout: Self.fallback)
        let bytes = RecordBytes(type: 14).u64(508, 1).bytes + RecordBytes(type: 14).u64(999, 999).bytes
        #expect(try decoder.decode(bytes).time == 508)
        #expect(try decoder.time(of: bytes) == 508)
    }

    @Test("The time that is peeked at is the time that is decoded, for every kind and many layouts")
    func timePeek() throws {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<300 {
            // Any set of fields in which the time is.
            var fields = SampleFields(rawValue: .random(in: 0..<(1 << 25), using: &random))
            fields.insert(.time)
            let layout = SampleLayout(sampleFields: fields)
            let decoder = RecordDecoder(defaultLayout: layout)
            for bytes in SampleRecords.all(layout) {
                let decoded = try decoder.decode(bytes)
                #expect(decoded.time == SampleRecords.time)
                #expect(try decoder.time(of: bytes) == SampleRecords.time)
            }
        }
    }

    @Test("The kernel's records of unknown types have a time, those that tools write have none")
    func timeOfUnknown() throws {
        let decoder = RecordDecoder(defaultLayout: Self.fallback)
        #expect(try decoder.time(of: RecordBytes(type: 22).u64(1, 2, 3).u64(509, 1).bytes) == 509)
        #expect(throws: RecordError.noTime(type: 64)) {
            try decoder.time(of: RecordBytes(type: 64).u64(509, 1).bytes)
        }
    }

    @Test("A layout without a time has none to peek at")
    func noTime() {
        let decoder = RecordDecoder(defaultLayout: SampleLayout(sampleFields: [.identifier, .tid]))
        #expect(throws: RecordError.noTime(type: 9)) {
            try decoder.time(of: RecordBytes(type: 9).u64(1, 2).bytes)
        }
    }
}
