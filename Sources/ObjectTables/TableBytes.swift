public import ProfileModel

/// Writes numbers, texts and tables as bytes, to be read by `TableReader`. Both run on one machine: numbers of a fixed size
/// have its byte order.
public struct TableWriter: Sendable {
    public private(set) var bytes: [UInt8] = []
    /// Texts come again and again: each is written once and then called by its number.
    private var texts: [String: UInt64] = [:]

    public init() {}

    /// A number in as few bytes as it takes, seven bits in each, the low ones first.
    public mutating func put(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    public mutating func put(_ number: Int) { put(UInt64(bitPattern: Int64(number))) }

    public mutating func put(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

    public mutating func put(_ contents: [UInt8]) {
        put(UInt64(contents.count))
        bytes += contents
    }

    public mutating func put(_ text: String?) {
        guard let text else {
            put(UInt64(0))
            return
        }
        if let number = texts[text] {
            put(number)
            return
        }
        // 0 is nil, 1 a new text, n + 2 the nth text.
        put(UInt64(1))
        put(Self.cut(text))
        texts[text] = UInt64(texts.count) + 2
    }

    /// A text's bytes, without the end of one that is too long to be read back.
    private static func cut(_ text: String) -> [UInt8] {
        if text.utf8.count <= TableReader.maximumTextByteCount { return Array(text.utf8) }
        var rest = text.utf8.prefix(TableReader.maximumTextByteCount)
        while !rest.isEmpty {
            if let bytes = String(validating: rest, as: UTF8.self) { return Array(bytes.utf8) }
            rest = rest.dropLast()
        }
        return []
    }

    public mutating func put(_ addresses: [FileAddress]) {
        put(UInt64(addresses.count))
        var last: UInt64 = 0
        for address in addresses {
            // Distances: most are small.
            put(address.rawValue &- last)
            last = address.rawValue
        }
    }

    public mutating func putFixed<Number: FixedWidthInteger>(_ numbers: [Number]) {
        put(UInt64(numbers.count))
        bytes.reserveCapacity(bytes.count + numbers.count * MemoryLayout<Number>.size)
        // Integers have no padding: their bytes are all there is.
        unsafe numbers.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
}

/// Why bytes are not what they should be.
public struct TableDamage: Error, Hashable, Sendable {
    public init() {}
}

/// Reads what `TableWriter` wrote, or what somebody wrote who wants to do harm: each length is held against what is there
/// before anything is made of that length.
public struct TableReader: Sendable {
    private let bytes: [UInt8]
    private var position = 0
    private var texts: [String] = []

    /// The longest text; libdw's are cut at 16 KiB, and a demangled name may be some times longer than a mangled one.
    public static let maximumTextByteCount = 64 << 10

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    public var isAtEnd: Bool { position == bytes.count }

    public mutating func number() throws(TableDamage) -> UInt64 {
        var number: UInt64 = 0
        for shift in stride(from: 0 as UInt64, to: 70, by: 7) {
            guard position < bytes.count else { throw TableDamage() }
            let byte = bytes[position]
            position += 1
            // The tenth byte has room for one bit.
            if shift == 63, byte > 1 { throw TableDamage() }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
        }
        throw TableDamage()
    }

    public mutating func integer() throws(TableDamage) -> Int { Int(Int64(bitPattern: try number())) }

    public mutating func flag() throws(TableDamage) -> Bool {
        switch try number() {
        case 0: false
        case 1: true
        default: throw TableDamage()
        }
    }

    /// A number of things that take at least `size` bytes each.
    public mutating func count(ofAtLeast size: Int) throws(TableDamage) -> Int {
        let count = try number()
        guard count <= UInt64((bytes.count - position) / max(1, size)) else { throw TableDamage() }
        return Int(count)
    }

    public mutating func contents(limit: Int) throws(TableDamage) -> [UInt8] {
        let count = try count(ofAtLeast: 1)
        guard count <= limit else { throw TableDamage() }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    public mutating func text() throws(TableDamage) -> String? {
        let kind = try number()
        if kind == 0 { return nil }
        if kind == 1 {
            guard
                let text = String(
                    validating: try contents(limit: Self.maximumTextByteCount), as: UTF8.self)
            else { throw TableDamage() }
            texts.append(text)
            return text
        }
        guard kind - 2 < UInt64(texts.count) else { throw TableDamage() }
        return texts[Int(kind - 2)]
    }

    /// Addresses in ascending order, without doubles.
    public mutating func addresses() throws(TableDamage) -> [FileAddress] {
        let count = try count(ofAtLeast: 1)
        var addresses: [FileAddress] = []
        addresses.reserveCapacity(count)
        var last: UInt64 = 0
        for index in 0..<count {
            let distance = try number()
            let (address, overflow) = last.addingReportingOverflow(distance)
            if overflow || (index > 0 && distance == 0) { throw TableDamage() }
            addresses.append(FileAddress(address))
            last = address
        }
        return addresses
    }

    public mutating func fixed<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) throws(TableDamage)
        -> [Number]
    {
        let size = MemoryLayout<Number>.size
        let count = try count(ofAtLeast: size)
        defer { position += count * size }
        // Bytes have no padding, so their raw view shows nothing uninitialised.
        let all = unsafe bytes.span.bytes
        // Any bytes make an integer, and the loads are bounds-checked.
        return (0..<count).map { unsafe all.unsafeLoadUnaligned(fromByteOffset: position + $0 * size, as: type) }
    }
}
