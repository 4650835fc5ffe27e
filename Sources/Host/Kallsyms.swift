import ProfileModel

/// The lines of /proc/kallsyms, sorted.
struct Kallsyms {
    struct Entry {
        var address: UInt64
        /// Where the name stands in `names`.
        var nameStart: UInt32
        var nameCount: UInt16
        /// Index into `modules`; 0 is the kernel itself.
        var module: UInt16
        var rank: Rank
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

    /// By address, then rank, then place in the file.
    private(set) var entries: [Entry] = []
    /// By `Entry.module`.
    private(set) var modules: [String?] = [nil]
    private(set) var isHidden = true
    private(set) var dataCount = 0

    /// - Parameter contents: fewer than 4 GiB.
    init(_ contents: [UInt8]) {
        let bytes = contents.span
        entries.reserveCapacity(bytes.count / 40)
        var isSorted = true
        var latest = (address: UInt64(0), rank: Rank.syscall)
        // A module's symbols stand together.
        var module = (name: 0..<0, index: UInt16(0))
        var position = 0
        while position < bytes.count {
            guard let line = KallsymsLine(bytes, from: &position), let rank = Self.rank(of: line, in: bytes) else {
                continue
            }
            if line.module.isEmpty {
                module = (line.module, 0)
            } else if !Self.equal(line.module, module.name, in: bytes) {
                module = (line.module, index(ofModule: String(losslesslyDecoding: contents[line.module])))
            }
            if line.address != 0 && rank < .boundary { isHidden = false }
            if rank == .data { dataCount += 1 }
            if (line.address, rank) < latest { isSorted = false }
            latest = (line.address, rank)
            entries.append(
                Entry(
                    address: line.address, nameStart: UInt32(line.name.lowerBound),
                    nameCount: UInt16(clamping: line.name.count), module: module.index, rank: rank))
        }
        if !isSorted {
            entries.sort { ($0.address, $0.rank, $0.nameStart) < ($1.address, $1.rank, $1.nameStart) }
        }
    }

    private mutating func index(ofModule name: String) -> UInt16 {
        if let known = modules.firstIndex(of: name) { return UInt16(known) }
        guard modules.count < UInt16.max else { return 0 }
        modules.append(name)
        return UInt16(modules.count - 1)
    }

    private static func equal(_ left: Range<Int>, _ right: Range<Int>, in bytes: borrowing Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for step in 0..<left.count where bytes[left.lowerBound + step] != bytes[right.lowerBound + step] {
            return false
        }
        return true
    }

    /// - Returns: nil for absolute symbols, whose values are no addresses.
    private static func rank(of line: KallsymsLine, in bytes: borrowing Span<UInt8>) -> Rank? {
        let other: Rank
        switch line.type {
        case UInt8(ascii: "T"): other = .global
        case UInt8(ascii: "t"): other = .local
        case UInt8(ascii: "W"), UInt8(ascii: "w"): other = .weak
        case UInt8(ascii: "A"), UInt8(ascii: "a"): return nil
        case UInt8(ascii: "D"), UInt8(ascii: "d"), UInt8(ascii: "B"), UInt8(ascii: "b"): return .data
        default: return .boundary
        }
        guard !line.name.isEmpty, bytes[line.name.lowerBound] == UInt8(ascii: "_") else { return other }
        if SpecialNames.syscalls.contains(where: { line.name(in: bytes, beginsWith: $0) }) { return .syscall }
        if SpecialNames.aliases.contains(where: { line.name(in: bytes, beginsWith: $0) }) { return .alias }
        if SpecialNames.marks.contains(where: { line.name(in: bytes, beginsWith: $0) }) { return .boundary }
        if SpecialNames.markEnds.contains(where: { line.name(in: bytes, endsWith: $0) }) { return .boundary }
        return other
    }
}

/// Names that say more than what a function is called.
private enum SpecialNames {
    static let syscalls = ["__x64_sys_", "__arm64_sys_", "__riscv_sys_"].map { Array($0.utf8) }
    static let aliases = ["__ia32_", "__do_sys_", "__se_sys_", "__pi_"].map { Array($0.utf8) }
    /// `__pfx_NAME` is the padding before a function; the others are the linker's.
    static let marks = ["__pfx_", "_stext", "_text", "_etext", "_sinittext", "_einittext"].map { Array($0.utf8) }
    static let markEnds = ["text_start", "text_end"].map { Array($0.utf8) }
}

/// One line of /proc/kallsyms, as ranges of the file's bytes.
private struct KallsymsLine {
    var address: UInt64
    var type: UInt8
    var name: Range<Int>
    /// Without brackets; empty for the kernel itself.
    var module: Range<Int>

    /// Reads the line at `position` and moves that behind it; nil for a line of another form.
    init?(_ bytes: borrowing Span<UInt8>, from position: inout Int) {
        let start = position
        var end = start
        while end < bytes.count, bytes[end] != 0x0A { end += 1 }
        position = end + 1

        var address: UInt64 = 0
        var at = start
        while at < end, let digit = Self.hexDigit(bytes[at]) {
            address = address << 4 | digit
            at += 1
        }
        guard at > start, at - start <= 16, at + 3 < end, bytes[at] == 0x20, bytes[at + 2] == 0x20 else { return nil }
        self.address = address
        type = bytes[at + 1]
        let nameStart = at + 3
        var nameEnd = nameStart
        while nameEnd < end, bytes[nameEnd] != 0x09 { nameEnd += 1 }
        name = nameStart..<nameEnd
        // A tab and `[MODULE]`.
        let isModule =
            nameEnd + 3 < end && bytes[nameEnd + 1] == UInt8(ascii: "[") && bytes[end - 1] == UInt8(ascii: "]")
        module = isModule ? nameEnd + 2..<end - 1 : end..<end
    }

    func name(in bytes: borrowing Span<UInt8>, beginsWith prefix: [UInt8]) -> Bool {
        prefix.count <= name.count && holds(prefix, bytes, at: name.lowerBound)
    }

    func name(in bytes: borrowing Span<UInt8>, endsWith suffix: [UInt8]) -> Bool {
        suffix.count <= name.count && holds(suffix, bytes, at: name.upperBound - suffix.count)
    }

    private func holds(_ text: [UInt8], _ bytes: borrowing Span<UInt8>, at start: Int) -> Bool {
        for index in text.indices where text[index] != bytes[start + index] { return false }
        return true
    }

    private static func hexDigit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case 0x30...0x39: UInt64(byte &- 0x30)
        case 0x61...0x66: UInt64(byte &- 0x57)
        case 0x41...0x46: UInt64(byte &- 0x37)
        default: nil
        }
    }
}
