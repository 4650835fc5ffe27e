import ProfileModel
import Testing

@Suite struct BuildIDTests {
    @Test("A build ID is written as lower-case hexadecimal, two digits a byte")
    func description() {
        #expect(BuildID([0x00, 0x0F, 0xA0, 0xFF])?.description == "000fa0ff")
    }

    @Test("Hexadecimal of either case gives the bytes again")
    func hex() {
        #expect(BuildID(hex: "000fA0fF")?.bytes == [0x00, 0x0F, 0xA0, 0xFF])
    }

    @Test("What is no build ID is none", arguments: ["", "a", "abc", "0g", "+1", "-1", " 1", "0x12", "ä1", "12 "])
    func noHex(text: String) {
        #expect(BuildID(hex: text) == nil)
    }

    @Test("No bytes are no identity")
    func empty() {
        #expect(BuildID([]) == nil)
    }
}

@Suite struct MappingTests {
    let mapping = Mapping(
        start: VirtualAddress(0x7000), end: VirtualAddress(0x9000), offset: FileOffset(0x3000), file: nil,
        path: "/lib/libc.so.6")

    @Test("A mapping contains its first address and not its end")
    func bounds() {
        #expect(!mapping.contains(VirtualAddress(0x6FFF)))
        #expect(mapping.contains(VirtualAddress(0x7000)))
        #expect(mapping.contains(VirtualAddress(0x8FFF)))
        #expect(!mapping.contains(VirtualAddress(0x9000)))
    }

    @Test("An address lies as far behind the offset in the file as behind the start in memory")
    func offset() {
        #expect(mapping.fileOffset(of: VirtualAddress(0x7000)) == FileOffset(0x3000))
        #expect(mapping.fileOffset(of: VirtualAddress(0x8123)) == FileOffset(0x4123))
    }

    @Test("Offsets that no file has wrap instead of trapping")
    func wrapping() {
        var mapping = mapping
        mapping.offset = FileOffset(.max)
        #expect(mapping.fileOffset(of: VirtualAddress(0x7001)) == FileOffset(0))
        #expect(mapping.fileOffset(of: VirtualAddress(0)) == FileOffset(UInt64.max &- 0x7000))
    }

    @Test("A return address looks itself up one byte earlier, and 0 does not trap")
    func returnAddress() {
        #expect(VirtualAddress(0x1000).lookupForReturnAddress == VirtualAddress(0xFFF))
        #expect(VirtualAddress(0).lookupForReturnAddress == VirtualAddress(.max))
    }
}

@Suite struct WordTests {
    // These words are in recordings and in JSON: they stay for ever.
    @Test("The words for truncation stay what they are")
    func truncation() {
        #expect(
            TruncationReason.allCases.map(\.rawValue) == [
                "no-registers", "stack-copy-too-short", "no-mapping", "no-unwind-rows", "unsupported-rule",
                "bad-frame", "too-deep", "frame-pointers-only",
            ])
    }

    @Test("The numbers of kinds and modes stay what they are")
    func numbers() {
        #expect([SampleKind.onCPU, .blocked, .preempted, .lockWait].map(\.rawValue) == [1, 2, 3, 4])
        #expect([SampleMode.user, .kernel].map(\.rawValue) == [0, 1])
        #expect([Frame.Kind.user, .kernel, .truncation].map(\.rawValue) == [0, 1, 2])
    }
}
