import Glibc
import ProfileModel
import Testing

@testable import Parsing

@Suite("perf maps")
struct PerfMapTests {
    private func map(_ text: String) -> PerfMap { PerfMap(parsing: Array(text.utf8)) }

    @Test("an address has the name of the line that covers it")
    func names() {
        let map = map("7f00 20 LazyCompile:~run file.js:10\n0x8000 10 second\n")
        #expect(map.count == 2)
        #expect(map.name(at: VirtualAddress(0x7EFF)) == nil)
        #expect(map.name(at: VirtualAddress(0x7F00)) == "LazyCompile:~run file.js:10")
        #expect(map.name(at: VirtualAddress(0x7F1F)) == "LazyCompile:~run file.js:10")
        #expect(map.name(at: VirtualAddress(0x7F20)) == nil)
        #expect(map.name(at: VirtualAddress(0x8000)) == "second")
    }

    @Test("of two lines for one address the later one counts")
    func reused() {
        let map = map("1000 100 old\n1040 10 inside\n1000 20 new\n")
        #expect(map.name(at: VirtualAddress(0x1010)) == "new")
        #expect(map.name(at: VirtualAddress(0x1030)) == "old")
        #expect(map.name(at: VirtualAddress(0x1045)) == "inside")
        let over = self.map("1040 10 inside\n1000 100 over\n")
        #expect(over.name(at: VirtualAddress(0x1045)) == "over")
    }

    @Test("lines that make no sense are counted, and the others are read; a cut last line is left out")
    func malformed() {
        let map = map(
            "nonsense\n1000\n1000 10\n1000 10 \n1000 0 empty\nfffffffffffffff0 20 over\n11111111111111111 1 long\n\n2000 10 good\n3000 10 cu"
        )
        #expect(map.malformedLineCount == 7)
        #expect(map.count == 1)
        #expect(map.name(at: VirtualAddress(0x2000)) == "good")
    }

    @Test("a name's bytes are not lost")
    func bytes() {
        let map = PerfMap(parsing: Array("10 10 ".utf8) + [0x66, 0xFF, 0x0A])
        #expect(map.name(at: VirtualAddress(0x10))?.losslessBytes == [0x66, 0xFF])
    }

    @Test("random bytes never trap")
    func random() {
        var state: UInt64 = 7
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        let alphabet = Array("0123456789abcdefx \n\u{0}zé".utf8)
        for _ in 0..<2_000 {
            let text = (0..<200).map { _ in alphabet[Int(next() % UInt64(alphabet.count))] }
            let map = PerfMap(parsing: text)
            _ = map.name(at: VirtualAddress(next()))
        }
    }
}

@Suite("checksums")
struct ChecksumTests {
    @Test("the CRC is that of zlib")
    func crc() {
        // The check value of CRC-32/ISO-HDLC.
        var sum = CRC32()
        sum.update(Array("12345".utf8))
        sum.update(Array("6789".utf8))
        #expect(sum.value == 0xCBF4_3926)
    }
}
