internal import CElfutils
internal import ProfileModel

/// The function symbols of one module, sorted by address.
///
/// libdwfl's lookup is linear in the symbols (7.5 ms each at 298,000); here it is a binary search.
struct SymbolTable {
    private struct Symbol {
        var address: UInt64
        /// Not included. For a symbol without a size, where the next one or its section ends it.
        var end: UInt64
        var hasSize: Bool
        /// Lower is better: whether it is local, then whether it lacks a function's type.
        var rank: UInt8
        /// Index into `strings`.
        var table: UInt16
        /// Offset in its string table.
        var name: UInt32
    }

    private var symbols: [Symbol] = []
    /// The furthest end of all symbols up to and including each one: how far back a search must look.
    private var furthestEnds: [UInt64] = []
    private var strings: [[UInt8]] = []

    /// More symbols than this in one table are not read.
    private static let maximumCount = 4 << 20
    /// Longer names are cut off as nonsense: a hostile string table can be one name.
    private static let maximumNameByteCount = 16 << 10
    /// How many earlier symbols a search looks at: symbols nest one or two deep.
    private static let maximumLookBack = 64

    /// Takes the function symbols of a section (.symtab or .dynsym) into the table; call `sort()` after the last one.
    ///
    /// - Parameter code: the segments of the module itself; symbols outside them are no functions of it.
    mutating func add(_ section: ElfImage.Section, of image: borrowing ElfImage, code: [ElfImage.ProgramHeader]) {
        guard let stringSection = image.sections.first(where: { $0.index == section.link }),
            strings.count < Int(UInt16.max)
        else { return }
        let is64Bit = image.fileHeader.is64Bit
        // Section index → the address behind the section, for symbols without a size.
        var sectionEnds: [Int: UInt64] = [:]
        for section in image.sections { sectionEnds[section.index] = section.address &+ section.size }
        let table = UInt16(strings.count)
        let found = image.withBytes(of: section) { bytes -> [Symbol] in
            let size = is64Bit ? 24 : 16
            let count = min(bytes.byteCount / size, Self.maximumCount)
            var found: [Symbol] = []
            found.reserveCapacity(count)
            for index in 0..<count {
                guard let record = SymbolRecord(bytes, at: index * size, is64Bit: is64Bit), record.isFunction,
                    code.contains(where: { $0.contains(record.value) })
                else { continue }
                let (end, overflow) = record.value.addingReportingOverflow(record.size)
                guard !overflow else { continue }
                found.append(
                    Symbol(
                        address: record.value, end: record.size > 0 ? end : sectionEnds[record.section] ?? end,
                        hasSize: record.size > 0, rank: record.rank, table: table, name: record.name))
            }
            return found
        }
        guard let found, !found.isEmpty,
            // Copied, since the image may be gone when names are asked for.
            let copy = image.withBytes(of: stringSection, { bytes in bytes.copy() })
        else { return }
        strings.append(copy)
        symbols.append(contentsOf: found)
    }

    /// Takes names that no symbol table has, such as those of PLT entries.
    mutating func add(_ entries: [(range: Range<UInt64>, name: [UInt8])]) {
        guard !entries.isEmpty, strings.count < Int(UInt16.max) else { return }
        var text: [UInt8] = []
        for entry in entries {
            symbols.append(
                Symbol(
                    address: entry.range.lowerBound, end: entry.range.upperBound, hasSize: true, rank: 2,
                    table: UInt16(strings.count), name: UInt32(truncatingIfNeeded: text.count)))
            text.append(contentsOf: entry.name)
            text.append(0)
        }
        strings.append(text)
    }

    /// Makes the table ready for `name(at:)`.
    ///
    /// - Complexity: O(n log n).
    mutating func sort() {
        symbols.sort { ($0.address, $0.end) < ($1.address, $1.end) }
        var next = UInt64.max
        for index in symbols.indices.reversed() {
            if index + 1 < symbols.count, symbols[index + 1].address > symbols[index].address {
                next = symbols[index + 1].address
            }
            if !symbols[index].hasSize { symbols[index].end = min(symbols[index].end, next) }
        }
        furthestEnds = []
        furthestEnds.reserveCapacity(symbols.count)
        var furthest: UInt64 = 0
        for symbol in symbols {
            furthest = max(furthest, symbol.end)
            furthestEnds.append(furthest)
        }
    }

    var isEmpty: Bool { symbols.isEmpty }

    /// The symbol that contains an address: the one that starts last; of several aliases one that other files can see,
    /// then the one with fewer leading underscores, then the shorter one.
    ///
    /// - Returns: the name as it is in the file, mangled; nil behind a symbol's end.
    /// - Complexity: O(log n).
    func name(at address: FileAddress) -> [UInt8]? {
        var low = 0
        var high = symbols.count
        while low < high {
            let middle = (low + high) / 2
            if symbols[middle].address <= address.rawValue { low = middle + 1 } else { high = middle }
        }
        var index = low - 1
        var steps = 0
        var best: (symbol: Symbol, name: [UInt8])?
        while index >= 0, furthestEnds[index] > address.rawValue, steps < Self.maximumLookBack {
            let symbol = symbols[index]
            if let found = best?.symbol, found.address != symbol.address { break }
            if address.rawValue < symbol.end, let name = name(of: symbol), !name.isEmpty {
                if let found = best {
                    if Self.precedes((symbol, name), found) { best = (symbol, name) }
                } else {
                    best = (symbol, name)
                }
            }
            index -= 1
            steps += 1
        }
        return best?.name
    }

    private func name(of symbol: Symbol) -> [UInt8]? {
        let table = strings[Int(symbol.table)]
        // Bytes have no padding, so their raw view shows nothing uninitialised.
        return unsafe table.span.bytes.string(at: Int(symbol.name), limit: Self.maximumNameByteCount)
    }

    private static func precedes(_ left: (Symbol, [UInt8]), _ right: (Symbol, [UInt8])) -> Bool {
        func key(_ pair: (Symbol, [UInt8])) -> (Int, Int, Int, Int) {
            let underscores = pair.1.prefix { $0 == UInt8(ascii: "_") }.count
            return (pair.0.hasSize ? 0 : 1, Int(pair.0.rank), underscores, pair.1.count)
        }
        let (leftKey, rightKey) = (key(left), key(right))
        return leftKey == rightKey ? left.1.lexicographicallyPrecedes(right.1) : leftKey < rightKey
    }
}

/// One Elf32_Sym or Elf64_Sym. Source: System V ABI, "Symbol Table".
struct SymbolRecord {
    var name: UInt32
    var info: UInt8
    var section: Int
    var value: UInt64
    var size: UInt64

    init?(_ bytes: borrowing RawSpan, at offset: Int, is64Bit: Bool) {
        if is64Bit {
            guard let name = bytes.uint32(at: offset), let info = bytes.byte(at: offset + 4),
                let section = bytes.uint16(at: offset + 6), let value = bytes.uint64(at: offset + 8),
                let size = bytes.uint64(at: offset + 16)
            else { return nil }
            (self.name, self.info, self.section, self.value, self.size) = (name, info, Int(section), value, size)
        } else {
            guard let name = bytes.uint32(at: offset), let value = bytes.uint32(at: offset + 4),
                let size = bytes.uint32(at: offset + 8), let info = bytes.byte(at: offset + 12),
                let section = bytes.uint16(at: offset + 14)
            else { return nil }
            (self.name, self.info, self.section) = (name, info, Int(section))
            (self.value, self.size) = (UInt64(value), UInt64(size))
        }
    }

    private var type: Int { Int(info & 15) }
    private var binding: Int { Int(info >> 4) }

    /// Defined here and code: a function, or a name without a type that has a size, as hand-written assembly leaves it.
    var isFunction: Bool {
        guard section != Int(SHN_UNDEF), section != Int(SHN_ABS), section != Int(SHN_COMMON) else { return false }
        return type == Int(STT_FUNC) || type == Int(STT_GNU_IFUNC) || (type == Int(STT_NOTYPE) && size > 0)
    }

    /// Weak names are as good as global ones: libc's `write` is weak, its `__write` global.
    var rank: UInt8 { (binding == Int(STB_LOCAL) ? 2 : 0) + (type == Int(STT_NOTYPE) ? 1 : 0) }
}

extension RawSpan {
    /// The bytes as an array of their own.
    func copy() -> [UInt8] {
        // Copied at once, while the span is alive.
        unsafe withUnsafeBytes { unsafe [UInt8]($0) }
    }
}
