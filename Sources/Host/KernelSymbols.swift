public import ProfileModel

/// A named place in the kernel's code.
public struct KernelSymbol: Hashable, Sendable {
    public var name: String
    /// The kernel module, without brackets; `bpf` for BPF programs; nil for the kernel itself.
    public var module: String?
    public var start: VirtualAddress

    public init(name: String, module: String?, start: VirtualAddress) {
        self.name = name
        self.module = module
        self.start = start
    }
}

/// The kernel's own names of its functions.
///
/// Addresses hold for one boot and, for modules, one moment: take them while recording. What is loaded later is told
/// with `insert(address:length:name:)`.
/// Source: /proc/kallsyms; PERF_RECORD_KSYMBOL.
public struct KernelSymbols: Sendable {
    private struct Inserted {
        var range: Range<UInt64>
        var name: String
    }

    /// What was there when the names were read.
    private var table: Kallsyms
    /// By start; ranges do not overlap.
    private var inserted: [Inserted] = []

    /// Whether the names were kept from earlier in this boot, and those of what the kernel has made since are missing.
    public let isKept: Bool

    /// Whether the kernel tells of its variables: without CONFIG_KALLSYMS_ALL only some dozen marks of the linker are data.
    private let namesVariables: Bool
    private static let fewestVariables = 1_000

    /// Whether no function has an address: kernel.kptr_restrict hides them, or there is no such file.
    public var isHidden: Bool { table.isHidden }

    /// The longest function that is believed where only the end of a section follows: none is near that long.
    private static let longestFunction: UInt64 = 1 << 20
    /// The same at the end of a module, whose next neighbour in memory says nothing about it.
    private static let longestLastFunction: UInt64 = 1 << 16

    /// - Parameters:
    ///   - contents: the contents of /proc/kallsyms: lines of address, type, name and, for a module's symbol, a tab and the
    ///     module's name in brackets. Lines of another form are skipped.
    ///   - isKept: whether BPF programs and other code that the kernel makes are missing there.
    /// - Complexity: O(n); the kernel's own part is sorted already, and only modules need sorting.
    public init(kallsyms contents: [UInt8], isKept: Bool = false) {
        self.isKept = isKept
        // Names are found by 32-bit positions.
        table = Kallsyms(contents.count < Int(UInt32.max) ? contents : [])
        namesVariables = table.dataCount >= Self.fewestVariables
    }

    /// The function that holds an address.
    ///
    /// - Returns: nil for data, for gaps between sections and modules, and where addresses are hidden. Of several names
    ///   at one address `__x64_sys_NAME` wins, then a global name.
    /// - Complexity: O(log n).
    public func lookup(_ address: VirtualAddress) -> KernelSymbol? {
        if let found = insertedSymbol(at: address.rawValue) { return found }
        guard !isHidden else { return nil }
        // The first entry behind the address; the entries before it with one address are the candidates.
        let entries = table.entries
        let behind = entries.partitioningIndex { $0.address > address.rawValue }
        guard behind > 0 else { return nil }
        let start = entries[behind - 1].address
        let first = entries[..<behind].partitioningIndex { $0.address >= start }
        guard let symbol = best(of: first..<behind) else { return nil }
        let end = end(ofEntriesBefore: behind, start: start, module: symbol.module)
        guard symbol.rank < .boundary, address.rawValue < end else { return nil }
        return KernelSymbol(name: text(symbol.name), module: module(symbol), start: VirtualAddress(start))
    }

    /// Whether `lookup` has all that there is to know of an address: not of what lies between the kernel and its modules, where
    /// the names were kept and the kernel may have made code since.
    public func covers(_ address: VirtualAddress) -> Bool {
        guard isKept else { return true }
        if insertedSymbol(at: address.rawValue) != nil { return true }
        let entries = table.entries
        let behind = entries.partitioningIndex { $0.address > address.rawValue }
        guard behind > 0, behind < entries.count else { return false }
        return isSameModule(table.symbol(entries[behind - 1]).module, table.symbol(entries[behind]).module)
    }

    /// The variable that holds an address, where the kernel tells of its data (CONFIG_KALLSYMS_ALL).
    ///
    /// - Returns: nil for code, for memory that was allocated, and where addresses are hidden.
    /// - Complexity: O(log n).
    public func variable(at address: VirtualAddress) -> String? {
        guard !isHidden, namesVariables else { return nil }
        let entries = table.entries
        let behind = entries.partitioningIndex { $0.address > address.rawValue }
        guard behind > 0, behind < entries.count else { return nil }
        let start = entries[behind - 1].address
        let first = entries[..<behind].partitioningIndex { $0.address >= start }
        let found = entries[first..<behind].lazy.map { table.symbol($0) }.first { $0.rank == .data }
        // Memory that nothing with a name follows is nobody's variable, whatever lies before it.
        guard let found, isSameModule(table.symbol(entries[behind]).module, found.module) else { return nil }
        return text(found.name)
    }

    /// The address of the first function of this name; nil where there is none, or addresses are hidden.
    ///
    /// - Complexity: O(n).
    public func address(of name: String) -> VirtualAddress? {
        guard !isHidden else { return nil }
        return table.function(named: name).map { VirtualAddress($0.address) }
            ?? inserted.first { $0.name == name }.map { VirtualAddress($0.range.lowerBound) }
    }

    /// Those of `wanted` that the kernel has, also where the compiler has added to the name (`NAME.constprop.0`).
    ///
    /// - Complexity: O(n).
    public func functions(among wanted: Set<String>) -> Set<String> {
        isHidden || wanted.isEmpty ? [] : table.functions(among: wanted)
    }

    /// Adds code that the kernel loaded after the names were read: a BPF program, a module's function, a trampoline.
    ///
    /// What overlaps it and was inserted before is gone, as its memory is.
    public mutating func insert(address: VirtualAddress, length: UInt32, name: String) {
        let end = address.rawValue.addingReportingOverflow(UInt64(length))
        guard length > 0, !end.overflow else { return }
        let range = address.rawValue..<end.partialValue
        inserted.removeAll { $0.range.overlaps(range) }
        let position = inserted.partitioningIndex { $0.range.lowerBound > range.lowerBound }
        inserted.insert(Inserted(range: range, name: name), at: position)
    }

    /// Forgets code that the kernel unloaded.
    public mutating func remove(address: VirtualAddress) {
        inserted.removeAll { $0.range.lowerBound == address.rawValue }
        var index = table.entries.partitioningIndex { $0.address >= address.rawValue }
        while index < table.entries.count, table.entries[index].address == address.rawValue {
            if table.symbol(table.entries[index]).module.isEmpty { index += 1 } else { table.remove(at: index) }
        }
    }
}

extension KernelSymbols {
    /// Other names, with what was inserted here.
    fileprivate func replaced(by kallsyms: [UInt8]) -> KernelSymbols {
        var symbols = KernelSymbols(kallsyms: kallsyms)
        symbols.inserted = inserted
        return symbols
    }

    /// The functions whose names begin with `prefix`, each with the addresses from its start to the next symbol.
    ///
    /// - Complexity: O(n).
    func functions(withPrefix prefix: String) -> [(name: String, range: Range<UInt64>)] {
        guard !isHidden else { return [] }
        let entries = table.entries
        let wanted = Array(prefix.utf8)
        return entries.indices.compactMap { index in
            let entry = entries[index]
            let symbol = table.symbol(entry)
            guard symbol.rank < .boundary, table.contents[symbol.name].starts(with: wanted) else { return nil }
            let behind = entries[index...].partitioningIndex { $0.address > entry.address }
            let end = end(ofEntriesBefore: behind, start: entry.address, module: symbol.module)
            return (text(symbol.name), entry.address..<end)
        }
    }

    /// The symbol that begins exactly at an address.
    func symbol(startingAt address: VirtualAddress) -> KernelSymbol? {
        lookup(address).flatMap { $0.start == address ? $0 : nil }
    }

    /// The best of the names at one address; the first of equally good ones.
    private func best(of entries: Range<Int>) -> Kallsyms.Symbol? {
        entries.lazy.map { table.symbol(table.entries[$0]) }.min { $0.rank < $1.rank }
    }

    /// Where the function ends that is followed by entry `next`.
    ///
    /// - Parameter module: the name of the function's module, as a range of the file.
    private func end(ofEntriesBefore next: Int, start: UInt64, module: Range<Int>) -> UInt64 {
        let entries = table.entries
        guard next < entries.count, isSameModule(table.symbol(entries[next]).module, module) else {
            // What follows may have been made meanwhile.
            if isKept { return start }
            let limit = start.addingReportingOverflow(Self.longestLastFunction)
            let end = limit.overflow ? UInt64.max : limit.partialValue
            return next < entries.count ? min(entries[next].address, end) : end
        }
        return min(entries[next].address, start &+ Self.longestFunction)
    }

    private func insertedSymbol(at address: UInt64) -> KernelSymbol? {
        let behind = inserted.partitioningIndex { $0.range.lowerBound > address }
        guard behind > 0, inserted[behind - 1].range.contains(address) else { return nil }
        let found = inserted[behind - 1]
        // The kernel's own name for the kind of code; KSYMBOL records say no module.
        let module = found.name.hasPrefix("bpf_") ? "bpf" : nil
        return KernelSymbol(name: found.name, module: module, start: VirtualAddress(found.range.lowerBound))
    }

    private func isSameModule(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        table.contents[left].elementsEqual(table.contents[right])
    }

    private func text(_ range: Range<Int>) -> String { String(losslesslyDecoding: table.contents[range]) }

    private func module(_ symbol: Kallsyms.Symbol) -> String? {
        symbol.module.isEmpty ? nil : text(symbol.module)
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index whose element belongs to the second half, in a collection where such elements stand last.
    fileprivate func partitioningIndex(where belongsToSecondHalf: (Element) -> Bool) -> Int {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if belongsToSecondHalf(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension Host {
    /// The kernel's names; hidden ones where they may not be read. Those of its own functions and its modules' are kept for
    /// later calls in this boot; of an address that they do not cover, `kernelSymbolsAnew(for:)` may know more.
    public func kernelSymbols() -> KernelSymbols {
        let cache = KallsymsCache(self)
        if let kept = cache?.contents() { return KernelSymbols(kallsyms: kept, isKept: true) }
        let contents = kallsyms()
        let symbols = KernelSymbols(kallsyms: contents)
        if !symbols.isHidden { cache?.keep(contents) }
        return symbols
    }

    /// All of the kernel's names as they are now, and what was inserted into `symbols`.
    public func kernelSymbolsAnew(for symbols: KernelSymbols) -> KernelSymbols {
        symbols.replaced(by: kallsyms())
    }

    private func kallsyms() -> [UInt8] { contents("/proc/kallsyms", expected: 16 << 20) ?? [] }
}
