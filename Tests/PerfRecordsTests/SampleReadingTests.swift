import PerfRecords
import ProfileModel
import TestSupport
import Testing

@Suite("What is read from a sample's record")
struct SampleReadingTests {
    static let kernelMarker: UInt64 = 0xFFFF_FFFF_FFFF_FF80
    static let userMarker: UInt64 = 0xFFFF_FFFF_FFFF_FE00

    /// A callchain's parts, after decoding.
    struct Parts: Equatable {
        var kernel: [UInt64]
        var user: [UInt64]
        var leftOut: Int
    }

    static func parts(_ callchain: [UInt64], misc: UInt16 = 1) throws -> Parts {
        let layout = SampleLayout(sampleFields: .callchain)
        var contents = SampleContents()
        contents.misc = misc
        contents.callchain = callchain
        let bytes = RecordBytes.sample(contents, layout: layout)
        let sample = try SampleTests.decode(bytes, layout)
        let parts = sample.callchainParts(in: bytes)
        return Parts(
            kernel: parts.kernel.map(\.rawValue), user: parts.user.map(\.rawValue), leftOut: parts.leftOutCount)
    }

    @Test("Markers split a callchain into kernel and user part and are in neither")
    func split() throws {
        #expect(
            try Self.parts([Self.kernelMarker, 0xF1, 0xF2, Self.userMarker, 0x41, 0x42, 0x43])
                == Parts(kernel: [0xF1, 0xF2], user: [0x41, 0x42, 0x43], leftOut: 0))
    }

    @Test("A callchain of one part only leaves the other empty")
    func onePart() throws {
        #expect(try Self.parts([Self.userMarker, 0x41], misc: 2) == Parts(kernel: [], user: [0x41], leftOut: 0))
        #expect(try Self.parts([Self.kernelMarker, 0xF1]) == Parts(kernel: [0xF1], user: [], leftOut: 0))
        #expect(try Self.parts([Self.kernelMarker, Self.userMarker]) == Parts(kernel: [], user: [], leftOut: 0))
        #expect(try Self.parts([]) == Parts(kernel: [], user: [], leftOut: 0))
    }

    @Test("Addresses before any marker belong to the sample's mode")
    func withoutMarker() throws {
        #expect(try Self.parts([0xF1, 0xF2], misc: 1) == Parts(kernel: [0xF1, 0xF2], user: [], leftOut: 0))
        #expect(try Self.parts([0x41, 0x42], misc: 2) == Parts(kernel: [], user: [0x41, 0x42], leftOut: 0))
        #expect(try Self.parts([0x41, 0x42], misc: 5) == Parts(kernel: [], user: [], leftOut: 2))
    }

    @Test(
        "Addresses of hypervisors and guests, and what stands behind an unknown marker, are left out and counted",
        arguments: [
            0xFFFF_FFFF_FFFF_FFE0,  // PERF_CONTEXT_HV, -32
            0xFFFF_FFFF_FFFF_F800,  // PERF_CONTEXT_GUEST, -2048
            0xFFFF_FFFF_FFFF_F780,  // PERF_CONTEXT_GUEST_KERNEL, -2176
            0xFFFF_FFFF_FFFF_F600,  // PERF_CONTEXT_GUEST_USER, -2560
            0xFFFF_FFFF_FFFF_FD80,  // PERF_CONTEXT_USER_DEFERRED of Linux 6.19, -640: a cookie follows, no address
            0xFFFF_FFFF_FFFF_F001,  // PERF_CONTEXT_MAX, -4095
        ])
    func leftOut(marker: UInt64) throws {
        #expect(
            try Self.parts([Self.kernelMarker, 0xF1, marker, 0x91, 0x92, Self.userMarker, 0x41])
                == Parts(kernel: [0xF1], user: [0x41], leftOut: 2))
    }

    @Test("The highest word that is an address stays one")
    func highestAddress() throws {
        let highest: UInt64 = 0xFFFF_FFFF_FFFF_F000
        #expect(
            try Self.parts([Self.kernelMarker, highest]) == Parts(kernel: [highest], user: [], leftOut: 0))
    }

    @Test("A callchain is appended behind what the arrays hold")
    func appends() throws {
        let layout = SampleLayout(sampleFields: .callchain)
        let bytes = RecordBytes(type: 9, misc: 1).u64(2, Self.kernelMarker, 0xF2).bytes
        let sample = try SampleTests.decode(bytes, layout)
        var kernel = [VirtualAddress(0xF1)]
        var user = [VirtualAddress(0x41)]
        // Bytes have no padding between them, which is what `bytes` could show of other elements.
        unsafe sample.appendCallchain(in: bytes.span.bytes, kernel: &kernel, user: &user)
        #expect(kernel == [VirtualAddress(0xF1), VirtualAddress(0xF2)])
        #expect(user == [VirtualAddress(0x41)])
    }

    @Test("Register N is the word behind as many words as there are lower bits in the mask")
    func registers() throws {
        // Bits 0, 6, 7, 8 and 63: the words 10 to 14.
        let mask: UInt64 = 1 << 63 | 0b1_1100_0001
        let layout = SampleLayout(sampleFields: .userRegisters, userRegisterMask: mask)
        let bytes = RecordBytes(type: 9).u64(2).u64(10, 11, 12, 13, 14).bytes
        let sample = try SampleTests.decode(bytes, layout)
        let read = (-1...65).map { sample.userRegister($0, in: bytes) }
        let expected: [Int: UInt64] = [0: 10, 6: 11, 7: 12, 8: 13, 63: 14]
        #expect(read == (-1...65).map { expected[$0] })
    }

    @Test("The stack's copy is read up to its last whole word, at any alignment")
    func stackWords() throws {
        let layout = SampleLayout(sampleFields: .userStack)
        var contents = SampleContents()
        contents.userStack = Array(0...15)
        contents.userStackSize = 64
        let bytes = RecordBytes.sample(contents, layout: layout)
        let sample = try SampleTests.decode(bytes, layout)
        #expect(sample.userStackWord(at: 0, in: bytes) == 0x0706_0504_0302_0100)
        #expect(sample.userStackWord(at: 3, in: bytes) == 0x0A09_0807_0605_0403)
        #expect(sample.userStackWord(at: 8, in: bytes) == 0x0F0E_0D0C_0B0A_0908)
        #expect(sample.userStackWord(at: 9, in: bytes) == nil)
        #expect(sample.userStackWord(at: -1, in: bytes) == nil)
        #expect(sample.userStackWord(at: .max, in: bytes) == nil)
        #expect(sample.userStackWord(at: .min, in: bytes) == nil)
    }

    @Test("Another, shorter record than the sample's own gives nil, not other memory")
    func otherRecord() throws {
        let layout = SampleLayout(sampleFields: [.callchain, .userRegisters, .userStack], userRegisterMask: 1)
        var contents = SampleContents()
        contents.callchain = [Self.kernelMarker, 0xF1]
        contents.userRegisters = [1]
        contents.userStack = Array(0...15)
        let sample = try SampleTests.decode(RecordBytes.sample(contents, layout: layout), layout)
        let other: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]
        let parts = sample.callchainParts(in: other)
        #expect(parts.kernel.isEmpty)
        #expect(parts.user.isEmpty)
        #expect(sample.userRegister(0, in: other) == nil)
        #expect(sample.userStackWord(at: 0, in: other) == nil)
    }
}
