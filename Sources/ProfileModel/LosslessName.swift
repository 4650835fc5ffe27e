/// Names that the kernel or a container wrote are bytes, not text. Inside jostle they are `String`s that lose nothing:
/// a byte that is not part of valid UTF-8 stands as one private-use scalar, U+10FE00 plus the byte. A name that itself
/// holds such a scalar has that scalar's four bytes written the same way, so that the way back is unambiguous.
extension String {
    /// Decodes bytes that may not be UTF-8 without losing any of them.
    ///
    /// - Complexity: O(n); bytes that are valid UTF-8 without the private scalars are taken as they are.
    public init(losslesslyDecoding bytes: some Collection<UInt8>) {
        if let valid = String(validating: bytes, as: UTF8.self),
            !valid.unicodeScalars.contains(where: \.standsForByte)
        {
            self = valid
            return
        }
        var scalars = String.UnicodeScalarView()
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            if let (scalar, length) = Self.firstScalar(of: rest), !scalar.standsForByte {
                scalars.append(scalar)
                rest = rest.dropFirst(length)
            } else {
                scalars.append(Unicode.Scalar(standingFor: rest.removeFirst()))
            }
        }
        self.init(scalars)
    }

    /// The very bytes that `init(losslesslyDecoding:)` was given.
    public var losslessBytes: [UInt8] {
        var bytes: [UInt8] = []
        for scalar in unicodeScalars {
            if scalar.standsForByte {
                bytes.append(UInt8(scalar.value & 0xFF))
            } else {
                bytes.append(contentsOf: String(scalar).utf8)
            }
        }
        return bytes
    }

    private static func firstScalar(of bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, Int)? {
        for length in 1...4 where length <= bytes.count {
            if let text = String(validating: bytes.prefix(length), as: UTF8.self),
                let scalar = text.unicodeScalars.first
            {
                return (scalar, length)
            }
        }
        return nil
    }
}

extension Unicode.Scalar {
    /// Whether this scalar stands for one byte that was not valid UTF-8.
    public var standsForByte: Bool { (0x10FE00...0x10FEFF).contains(value) }

    /// The scalar that stands for `byte`.
    public init(standingFor byte: UInt8) {
        // U+10FE00...U+10FEFF are all scalars, so the fallback is never taken.
        self = Unicode.Scalar(0x10FE00 + UInt32(byte)) ?? "\u{FFFD}"
    }
}
