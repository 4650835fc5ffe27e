import ProfileModel

/// The lines of /proc/kallsyms, by address. A line's name, kind and module are read only when somebody asks for them: of
/// 100,000 functions a recording names some hundred, and reading all of them took as long as the kernel takes to print them.
struct Kallsyms {
    struct Entry {
        var address: UInt64
        /// Where the line's type stands in the file, behind the address and a space.
        var place: UInt32
    }

    /// Which of several names at one address is the one to show, best first.
    enum Rank: UInt8, Comparable {
        /// `__x64_sys_read`: the name that syscall attribution looks for.
        case syscall
        case global
        case weak
        case local
        /// `__ia32_sys_read`, `__do_sys_read`: second names of a syscall's code.
        case alias
        /// Ends the function before it and is no function: padding, and the linker's section marks.
        case boundary
        /// A variable; ends the function before it, too.
        case data

        static func < (left: Rank, right: Rank) -> Bool { left.rawValue < right.rawValue }
    }

    /// What a line says beside its address.
    struct Symbol {
        var rank: Rank
        /// Range in the file.
        var name: Range<Int>
        /// Range in the file, without brackets; empty for the kernel itself.
        var module: Range<Int>
    }

    /// The file's contents.
    let contents: [UInt8]
    /// By address, then place in the file.
    private(set) var entries: [Entry] = []
    /// Whether no function has an address.
    let isHidden: Bool
    /// How many of the lines are variables.
    let dataCount: Int

    /// - Parameter contents: fewer than 4 GiB.
    /// - Complexity: O(n); the kernel's own part is sorted already, and only modules need sorting.
    init(_ contents: [UInt8]) {
        self.contents = contents
        let bytes = contents.span
        var entries: [Entry] = []
        entries.reserveCapacity(bytes.count / 40)
        var isHidden = true
        var dataCount = 0
        var isSorted = true
        var latest: UInt64 = 0
        var position = 0
        let digits = Self.hexDigits
        while position < bytes.count {
            guard let (address, place) = Self.line(bytes, from: &position, digits) else { continue }
            if isHidden, address != 0 {
                isHidden = Self.symbol(at: place, in: bytes).rank >= .boundary
            }
            if Self.isData(bytes[place]) { dataCount += 1 }
            if address < latest { isSorted = false }
            latest = address
            entries.append(Entry(address: address, place: UInt32(place)))
        }
        if !isSorted { entries.sort { ($0.address, $0.place) < ($1.address, $1.place) } }
        self.entries = entries
        self.isHidden = isHidden
        self.dataCount = dataCount
    }

    mutating func remove(at index: Int) { entries.remove(at: index) }

    /// Those of `wanted` that are functions here, whatever follows a dot in their names.
    ///
    /// - Complexity: O(n).
    func functions(among wanted: Set<String>) -> Set<String> {
        let bytes = contents.span
        // Nearly all names are told from the wanted ones by a sum of their bytes, so that no string is made of them.
        var isPossible = [Bool](repeating: false, count: 1 << Self.sumBits)
        for name in wanted { isPossible[Self.place(ofSum: name.utf8.reduce(0, Self.sum))] = true }
        var found: Set<String> = []
        for entry in entries {
            let start = Int(entry.place) + 2
            // Half of all lines: padding, whose rank is `boundary`.
            if Self.holds(SpecialNames.padding, bytes, at: start) { continue }
            var end = start
            var sum: UInt32 = 0
            while end < bytes.count {
                let byte = bytes[end]
                if byte == 0x0A || byte == 0x09 || byte == 0x2E { break }
                sum = Self.sum(sum, byte)
                end &+= 1
            }
            guard isPossible[Self.place(ofSum: sum)], symbol(entry).rank < .boundary else { continue }
            let text = String(losslesslyDecoding: contents[start..<end])
            if wanted.contains(text) { found.insert(text) }
        }
        return found
    }

    /// The first function of this name, whose module does not matter.
    ///
    /// - Complexity: O(n).
    func function(named name: String) -> Entry? {
        let bytes = contents.span
        let wanted = Array(name.utf8)
        return entries.first { entry in
            let start = Int(entry.place) + 2
            guard Self.holds(wanted, bytes, at: start) else { return false }
            let end = start + wanted.count
            guard end == bytes.count || bytes[end] == 0x0A || bytes[end] == 0x09 else { return false }
            return symbol(entry).rank < .boundary
        }
    }

    private static let sumBits: UInt32 = 14

    /// FNV-1a.
    private static func sum(_ sum: UInt32, _ byte: UInt8) -> UInt32 { (sum ^ UInt32(byte)) &* 16_777_619 }

    private static func place(ofSum sum: UInt32) -> Int { Int(sum &>> (32 &- sumBits)) }

    func symbol(_ entry: Entry) -> Symbol { Self.symbol(at: Int(entry.place), in: contents.span) }

    /// The line at `position`, which moves behind it.
    ///
    /// - Returns: nil for a line of another form, and for an absolute symbol, whose value is no address.
    private static func line(
        _ bytes: borrowing Span<UInt8>, from position: inout Int, _ digits: [UInt8]
    ) -> (address: UInt64, place: Int)? {
        let start = position
        var address: UInt64 = 0
        var at = start
        while at < bytes.count {
            let digit = digits[Int(bytes[at])]
            if digit > 15 { break }
            address = address << 4 | UInt64(digit)
            at &+= 1
        }
        let end = bytes.next(0x0A, from: at)
        position = end + 1
        guard at > start, at - start <= 16, at + 3 < end, bytes[at] == 0x20, bytes[at + 2] == 0x20 else { return nil }
        let type = bytes[at + 1]
        return type == UInt8(ascii: "A") || type == UInt8(ascii: "a") ? nil : (address, at + 1)
    }

    /// - Parameter place: that of a type in a whole line.
    private static func symbol(at place: Int, in bytes: borrowing Span<UInt8>) -> Symbol {
        let nameStart = place + 2
        let end = bytes.next(0x0A, from: nameStart)
        var nameEnd = nameStart
        while nameEnd < end, bytes[nameEnd] != 0x09 { nameEnd += 1 }
        // A tab and `[MODULE]`.
        let isModule =
            nameEnd + 3 < end && bytes[nameEnd + 1] == UInt8(ascii: "[") && bytes[end - 1] == UInt8(ascii: "]")
        let name = nameStart..<nameEnd
        return Symbol(
            rank: rank(type: bytes[place], name: name, in: bytes), name: name,
            module: isModule ? nameEnd + 2..<end - 1 : end..<end)
    }

    private static func rank(type: UInt8, name: Range<Int>, in bytes: borrowing Span<UInt8>) -> Rank {
        let other: Rank
        switch type {
        case UInt8(ascii: "T"): other = .global
        case UInt8(ascii: "t"): other = .local
        case UInt8(ascii: "W"), UInt8(ascii: "w"): other = .weak
        default: return isData(type) ? .data : .boundary
        }
        guard !name.isEmpty, bytes[name.lowerBound] == UInt8(ascii: "_") else { return other }
        func begins(_ prefix: [UInt8]) -> Bool {
            prefix.count <= name.count && holds(prefix, bytes, at: name.lowerBound)
        }
        func ends(_ suffix: [UInt8]) -> Bool {
            suffix.count <= name.count && holds(suffix, bytes, at: name.upperBound - suffix.count)
        }
        if SpecialNames.syscalls.contains(where: begins) { return .syscall }
        if SpecialNames.aliases.contains(where: begins) { return .alias }
        if SpecialNames.marks.contains(where: begins) { return .boundary }
        if SpecialNames.markEnds.contains(where: ends) { return .boundary }
        return other
    }

    private static func isData(_ type: UInt8) -> Bool {
        type == UInt8(ascii: "D") || type == UInt8(ascii: "d") || type == UInt8(ascii: "B") || type == UInt8(ascii: "b")
    }

    private static func holds(_ text: [UInt8], _ bytes: borrowing Span<UInt8>, at start: Int) -> Bool {
        guard start + text.count <= bytes.count else { return false }
        for index in text.indices where text[index] != bytes[start + index] { return false }
        return true
    }

    /// The value of each byte as a hexadecimal digit; 255 for one that is none.
    private static let hexDigits: [UInt8] = (0...UInt8.max).map { byte in
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x57
        case 0x41...0x46: byte - 0x37
        default: 255
        }
    }
}

/// Names that say more than what a function is called.
enum SpecialNames {
    static let syscalls = ["__x64_sys_", "__arm64_sys_", "__riscv_sys_"].map { Array($0.utf8) }
    static let aliases = ["__ia32_", "__do_sys_", "__se_sys_", "__pi_"].map { Array($0.utf8) }
    /// `__pfx_NAME` is the padding before a function; the others are the linker's.
    static let marks = [padding] + ["_stext", "_text", "_etext", "_sinittext", "_einittext"].map { Array($0.utf8) }
    static let padding = Array("__pfx_".utf8)
    static let markEnds = ["text_start", "text_end"].map { Array($0.utf8) }
}
