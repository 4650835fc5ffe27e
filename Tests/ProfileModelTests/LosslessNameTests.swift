import ProfileModel
import TestSupport
import Testing

@Suite struct LosslessNameTests {
    /// The scalar that stands for `byte`: U+10FE00 plus the byte.
    static func standIn(_ byte: UInt32) throws -> Character {
        Character(try #require(Unicode.Scalar(0x10FE00 + byte)))
    }

    @Test("Valid UTF-8 is taken as it is", arguments: ["", "nginx", "größe", "日本", "🙂", "a\u{0}b", "e\u{301}", "\r\n"])
    func valid(text: String) {
        let bytes = Array(text.utf8)
        #expect(Array(String(losslesslyDecoding: bytes).utf8) == bytes)
        #expect(String(losslesslyDecoding: bytes).losslessBytes == bytes)
    }

    @Test("A byte that is no UTF-8 stands as one private scalar, its neighbours as themselves")
    func invalid() throws {
        // ä is C3 A4 in UTF-8, E4 in Latin-1.
        let name = String(losslesslyDecoding: [0x6D, 0xE4, 0x72, 0xC3, 0xA4])
        #expect(name == "m\(try Self.standIn(0xE4))rä")
        #expect(name.losslessBytes == [0x6D, 0xE4, 0x72, 0xC3, 0xA4])
    }

    @Test(
        "Broken UTF-8 of every kind comes back byte by byte",
        arguments: [
            // Cut short; a lone continuation; overlong "/"; a surrogate; above U+10FFFF; bytes that never occur.
            [0xE2, 0x82], [0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFE, 0xFF],
        ] as [[UInt8]])
    func broken(bytes: [UInt8]) throws {
        let name = String(losslesslyDecoding: bytes)
        #expect(name.unicodeScalars.map(\.value) == bytes.map { 0x10FE00 + UInt32($0) })
        #expect(name.losslessBytes == bytes)
    }

    @Test("A name that holds a private scalar itself has its four bytes escaped, so that the way back is the only one")
    func privateScalars() throws {
        let scalar = try Self.standIn(0x41)
        let bytes = Array(String(scalar).utf8)
        let name = String(losslesslyDecoding: bytes)
        #expect(name.unicodeScalars.count == 4)
        #expect(name.losslessBytes == bytes)
        // What stands for the byte 41 is another name than what holds that scalar.
        #expect(name != String(scalar))
    }

    @Test("All bytes are scalars of their own")
    func scalars() {
        for byte in UInt8.min...UInt8.max {
            let scalar = Unicode.Scalar(standingFor: byte)
            #expect(scalar.value == 0x10FE00 + UInt32(byte))
            #expect(scalar.standsForByte)
        }
        #expect(!Unicode.Scalar(UInt8(0x41)).standsForByte)
        #expect(!("\u{10FDFF}" as Unicode.Scalar).standsForByte)
        #expect(!("\u{10FF00}" as Unicode.Scalar).standsForByte)
    }

    @Test("Any bytes at all come back as they were, and different bytes give different names")
    func roundTrip() {
        var random = SeededGenerator(seed: 1)
        // Bytes that begin, continue and imitate the private scalars come often.
        let favourites: [UInt8] = [0xF4, 0x8F, 0xB8, 0x80, 0xBF, 0xC3, 0xA4, 0xE2, 0x41, 0x00]
        var names: [String: [UInt8]] = [:]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? favourites[Int.random(in: 0..<favourites.count, using: &random)]
                    : UInt8.random(in: .min ... .max, using: &random)
            }
            let name = String(losslesslyDecoding: bytes)
            #expect(name.losslessBytes == bytes)
            // Swift compares by canonical equivalence; two names that are equal so are told apart by their scalars.
            let key = name.unicodeScalars.map { String($0.value, radix: 16) }.joined(separator: " ")
            #expect(names.updateValue(bytes, forKey: key).map { $0 == bytes } ?? true)
        }
    }
}
