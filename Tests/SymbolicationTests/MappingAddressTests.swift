import ObjectTables
import ProfileModel
import Testing

@Suite("where a mapping lies in its file's own addresses")
struct MappingAddressTests {
    private static func header(_ segments: [(offset: UInt64, address: UInt64, size: UInt64, isExecutable: Bool)])
        -> ModuleHeader
    {
        ModuleHeader(
            architecture: .amd64,
            segments: segments.map {
                LoadSegment(
                    offset: FileOffset($0.offset), address: FileAddress($0.address), fileSize: $0.size,
                    isExecutable: $0.isExecutable)
            })
    }

    @Test("ld's segments begin at a page, of the file and of memory")
    func pages() {
        // readelf -lW /usr/bin/true: LOAD 0x000000 0x0 0x15d8 R, 0x002000 0x2000 0x2c69 R E, 0x005000 0x5000 R
        let header = Self.header([
            (0, 0, 0x15d8, false), (0x2000, 0x2000, 0x2c69, true), (0x5000, 0x5000, 0x10b8, false),
        ])
        #expect(header.address(ofMappingFrom: FileOffset(0x2000)) == FileAddress(0x2000))
        // A mapping that mprotect(2) has split begins in the middle of the segment.
        #expect(header.address(ofMappingFrom: FileOffset(0x4000)) == FileAddress(0x4000))
    }

    @Test("lld packs its segments: the mapping of the code begins with the end of what comes before it in the file")
    func packed() {
        // readelf -lW of a Rust program: LOAD 0x000000 0x0 0x154a0 R, 0x0154a0 0x164a0 0x408d0 R E, 0x055d70 0x57d70 RW.
        // The kernel maps page 0x15000 of the file to where 0x16000 belongs.
        let header = Self.header([
            (0, 0, 0x154a0, false), (0x154a0, 0x164a0, 0x408d0, true), (0x55d70, 0x57d70, 0x2bf0, false),
        ])
        #expect(header.address(ofMappingFrom: FileOffset(0x15000)) == FileAddress(0x16000))
        #expect(header.address(ofMappingFrom: FileOffset(0x16000)) == FileAddress(0x17000))
        // With pages of 64 KiB the same segment's mapping begins at 0x10000.
        #expect(header.address(ofMappingFrom: FileOffset(0x10000)) == FileAddress(0x11000))
    }

    @Test("a file position that no segment loads has no address")
    func nowhere() {
        let header = Self.header([(0, 0, 0x1000, false), (0x20000, 0x20000, 0x1000, true)])
        #expect(header.address(ofMappingFrom: FileOffset(0x40000)) == nil)
        // Code that is mapped from a segment of data.
        #expect(header.address(ofMappingFrom: FileOffset(0)) == FileAddress(0))
        // Numbers at the edge do not trap.
        _ = Self.header([(.max, .max, .max, true)]).address(ofMappingFrom: FileOffset(.max))
    }
}
