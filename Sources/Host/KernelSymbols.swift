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

    private typealias Entry = Kallsyms.Entry

    /// The file's contents: names are made into strings only when asked for.
    private let names: [UInt8]
    /// By `Entry.module`.
    private let modules: [String?]
    /// By address, then rank.
    private var entries: [Kallsyms.Entry]
    /// By start; ranges do not overlap.
    private var inserted: [Inserted] = []

    /// Whether the kernel tells of its variables: without CONFIG_KALLSYMS_ALL only some dozen marks of the linker are data.
    private let namesVariables: Bool
    private static let fewestVariables = 1_000

    /// Whether no function has an address: kernel.kptr_restrict hides them, or there is no such file.
    public let isHidden: Bool

    /// The longest function that is believed where only the end of a section follows: none is near that long.
    private static let longestFunction: UInt64 = 1 << 20
    /// The same at the end of a module, whose next neighbour in memory says nothing about it.
    private static let longestLastFunction: UInt64 = 1 << 16

    /// - Parameter contents: the contents of /proc/kallsyms: lines of address, type, name and, for a module's symbol, a
    ///   tab and the module's name in brackets. Lines of another form are skipped.
    /// - Complexity: O(n); the kernel's own part is sorted already, and only modules need sorting.
    public init(kallsyms contents: [UInt8]) {
        // Names are found by 32-bit positions.
        names = contents.count < Int(UInt32.max) ? contents : []
        let read = Kallsyms(names)
        entries = read.entries
        modules = read.modules
        isHidden = read.isHidden
        namesVariables = read.dataCount >= Self.fewestVariables
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
        let behind = entries.partitioningIndex { $0.address > address.rawValue }
        guard behind > 0 else { return nil }
        let start = entries[behind - 1].address
        let first = entries[..<behind].partitioningIndex { $0.address >= start }
        let entry = entries[first]
        let end = end(ofEntriesBefore: behind, start: start, module: entry.module)
        guard entry.rank < .boundary, address.rawValue < end else { return nil }
        return symbol(entry)
    }

    /// The variable that holds an address, where the kernel tells of its data (CONFIG_KALLSYMS_ALL).
    ///
    /// - Returns: nil for code, for memory that was allocated, and where addresses are hidden.
    /// - Complexity: O(log n).
    public func variable(at address: VirtualAddress) -> String? {
        guard !isHidden, namesVariables else { return nil }
        let behind = entries.partitioningIndex { $0.address > address.rawValue }
        // Memory that nothing with a name follows is nobody's variable, whatever lies before it.
        guard behind > 0, behind < entries.count, entries[behind].module == entries[behind - 1].module else {
            return nil
        }
        let start = entries[behind - 1].address
        let first = entries[..<behind].partitioningIndex { $0.address >= start }
        return entries[first..<behind].first { $0.rank == .data }.map(name)
    }

    /// The address of the first function of this name; nil where there is none, or addresses are hidden.
    ///
    /// - Complexity: O(n).
    public func address(of name: String) -> VirtualAddress? {
        guard !isHidden else { return nil }
        let wanted = Array(name.utf8)
        return entries.first { $0.rank < .boundary && nameIs(wanted, $0) }.map { VirtualAddress($0.address) }
            ?? inserted.first { $0.name == name }.map { VirtualAddress($0.range.lowerBound) }
    }

    /// Those of `wanted` that the kernel has, also where the compiler has added to the name (`NAME.constprop.0`).
    ///
    /// - Complexity: O(n).
    public func functions(among wanted: Set<String>) -> Set<String> {
        guard !isHidden, !wanted.isEmpty else { return [] }
        let lengths = Set(wanted.map(\.utf8.count))
        var found: Set<String> = []
        for entry in entries where entry.rank < .boundary {
            var name = bytes(entry)
            if let dot = name.firstIndex(of: UInt8(ascii: ".")) { name = name[..<dot] }
            // Most are of no length that is asked for, and no string need be made of them.
            guard lengths.contains(name.count) else { continue }
            let text = String(losslesslyDecoding: name)
            if wanted.contains(text) { found.insert(text) }
        }
        return found
    }

    /// The names of all functions that contain `part`, by address. A name may occur more than once.
    ///
    /// - Complexity: O(n).
    public func names(contains part: String) -> [String] {
        entries.lazy.filter { $0.rank < .boundary }.map { name($0) }.filter { $0.contains(part) }
            + inserted.lazy.map(\.name).filter { $0.contains(part) }
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
        entries.removeAll { $0.address == address.rawValue && $0.module != 0 }
    }
}

extension KernelSymbols {
    /// The functions whose names begin with `prefix`, each with the addresses from its start to the next symbol.
    ///
    /// - Complexity: O(n).
    func functions(withPrefix prefix: String) -> [(name: String, range: Range<UInt64>)] {
        guard !isHidden else { return [] }
        let wanted = Array(prefix.utf8)
        return entries.indices.compactMap { index in
            let entry = entries[index]
            guard entry.rank < .boundary, nameStarts(with: wanted, entry) else { return nil }
            let behind = entries[index...].partitioningIndex { $0.address > entry.address }
            let end = end(ofEntriesBefore: behind, start: entry.address, module: entry.module)
            return (name(entry), entry.address..<end)
        }
    }

    /// The symbol that begins exactly at an address.
    func symbol(startingAt address: VirtualAddress) -> KernelSymbol? {
        lookup(address).flatMap { $0.start == address ? $0 : nil }
    }

    /// Where the function ends that is followed by entry `next`.
    private func end(ofEntriesBefore next: Int, start: UInt64, module: UInt16) -> UInt64 {
        guard next < entries.count, entries[next].module == module else {
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

    private func symbol(_ entry: Entry) -> KernelSymbol {
        KernelSymbol(name: name(entry), module: modules[Int(entry.module)], start: VirtualAddress(entry.address))
    }

    private func bytes(_ entry: Entry) -> ArraySlice<UInt8> {
        names[Int(entry.nameStart)..<Int(entry.nameStart) + Int(entry.nameCount)]
    }

    private func name(_ entry: Entry) -> String { String(losslesslyDecoding: bytes(entry)) }

    private func nameIs(_ wanted: [UInt8], _ entry: Entry) -> Bool {
        wanted.count == Int(entry.nameCount) && bytes(entry).elementsEqual(wanted)
    }

    private func nameStarts(with wanted: [UInt8], _ entry: Entry) -> Bool {
        wanted.count <= Int(entry.nameCount) && bytes(entry).starts(with: wanted)
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
    /// The kernel's names as they are now; hidden ones where they may not be read.
    public func kernelSymbols() -> KernelSymbols {
        KernelSymbols(kallsyms: contents("/proc/kallsyms", expected: 16 << 20) ?? [])
    }
}
