public import ProfileModel

/// A piece of executable memory in one process, and where its unwind rows are.
public struct MappedCode: Hashable, Sendable {
    /// The first address.
    public var start: VirtualAddress
    /// The first address behind it.
    public var end: VirtualAddress
    /// Virtual address minus file address, modulo 2^64.
    public var bias: UInt64
    /// The caller's own number of the module; not looked at here.
    public var module: Int32
    /// The module's unwind rows; nil for code without any, such as a JIT compiler's.
    public var table: UnwindTables.ID? {
        get { storedTable == .max ? nil : UnwindTables.ID(rawValue: storedTable) }
        set { storedTable = newValue?.rawValue ?? .max }
    }
    /// `table`, with its highest value for nil: keeps this type at 32 bytes.
    var storedTable: UInt32

    public init(
        start: VirtualAddress, end: VirtualAddress, bias: UInt64, module: Int32, table: UnwindTables.ID? = nil
    ) {
        self.start = start
        self.end = end
        self.bias = bias
        self.module = module
        self.storedTable = table?.rawValue ?? .max
    }

    @inlinable public func contains(_ address: VirtualAddress) -> Bool { start <= address && address < end }

    /// Where the module's file says that `address` is.
    @inlinable public func fileAddress(of address: VirtualAddress) -> FileAddress {
        FileAddress(address.rawValue &- bias)
    }
}

/// The executable mappings of one process.
///
/// A value: a forked process takes a copy, which shares its memory until one of the two maps something; `exec` starts
/// with an empty one. The kernel reports what is mapped and not what is unmapped, so that a mapping ends only where a
/// later one covers it.
public struct AddressSpace: Sendable {
    /// More mappings than this are not taken: stale ones could otherwise grow without bound. The kernel's own limit for
    /// living ones (vm.max_map_count) is 65,530.
    public static let maximumCount = 1 << 16

    /// Sorted by address, without overlaps.
    public private(set) var mappings: [MappedCode] = []

    public init() {}

    /// Adds a mapping, which replaces whatever it covers, as mmap(2) does with MAP_FIXED.
    ///
    /// - Returns: false when the mapping was not taken, because it is empty or there are too many already.
    /// - Complexity: O(n), with one binary search; a mapping that was there before, as it is, costs the search alone.
    @discardableResult public mutating func insert(_ mapping: MappedCode) -> Bool {
        guard mapping.start < mapping.end else { return false }
        // `first..<behind` overlap the new mapping.
        var first = positionAtOrBefore(mapping.start)
        if first < 0 || mappings[first].end <= mapping.start { first &+= 1 }
        var behind = first
        while behind < mappings.count, mappings[behind].start < mapping.end { behind &+= 1 }
        if behind == first &+ 1, mappings[first] == mapping { return true }

        var left: MappedCode?
        var right: MappedCode?
        if first < behind {
            if mappings[first].start < mapping.start {
                left = mappings[first]
                left?.end = mapping.start
            }
            if mapping.end < mappings[behind &- 1].end {
                right = mappings[behind &- 1]
                right?.start = mapping.end
            }
        }
        let pieces = 1 + (left == nil ? 0 : 1) + (right == nil ? 0 : 1)
        guard mappings.count - (behind - first) + pieces <= Self.maximumCount else { return false }
        mappings.replaceSubrange(first..<behind, with: [left, mapping, right].compactMap { $0 })
        return true
    }

    /// Forgets all mappings: the process called execve(2).
    public mutating func removeAll() { mappings = [] }

    /// The mapping that contains an address.
    ///
    /// - Complexity: O(log n).
    public func mapping(at address: VirtualAddress) -> MappedCode? {
        let position = positionAtOrBefore(address)
        guard position >= 0, address < mappings[position].end else { return nil }
        return mappings[position]
    }

    /// The last mapping that starts at or before an address, or -1.
    @inline(__always) private func positionAtOrBefore(_ address: VirtualAddress) -> Int {
        var low = 0
        var high = mappings.count
        while low < high {
            let middle = (low &+ high) &>> 1
            if mappings[middle].start <= address { low = middle &+ 1 } else { high = middle }
        }
        return low &- 1
    }
}
