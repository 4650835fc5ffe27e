internal import CElfutils
internal import ObjectTables

/// Finds the functions, inlined functions and lines of many addresses at once.
///
/// libdw's own `dwarf_getscopes` walks a whole unit for each address (5 ms); here each unit that has addresses is walked
/// once, going down only where one of them lies. Nothing recurses, and each step looks at the budget: nesting and counts
/// are the file's, and may be hostile.
struct ScopeSearch {
    /// Ascending, without doubles.
    private let addresses: [UInt64]
    private var deadline: Deadline
    /// What was found, for each address.
    private(set) var chains: [[Scope]]
    private(set) var ranOutOfTime = false

    /// One function or inlined function around an address.
    struct Scope {
        var name: Name
        var file: String?
        var line: Int?
    }

    /// What debug information calls a function.
    enum Name {
        /// As the linker knows it: mangled in C++, Rust and Swift.
        case linkage([UInt8])
        /// As its source has it, without namespaces and classes; all that C needs.
        case plain([UInt8])
        case unknown

        fileprivate init(_ entry: DebugEntry) {
            self = entry.linkageName.map { .linkage($0) } ?? entry.plainName.map { .plain($0) } ?? .unknown
        }
    }

    /// A function or inlined function that contains at least one of the addresses.
    private struct Node {
        /// Index into the unit's nodes; -1 for a function.
        var parent: Int
        var depth: Int
        var entry: DebugEntry
    }

    /// Deeper nesting than this is not followed; compilers inline some dozens deep.
    private static let maximumDepth = 1_000

    init(addresses: [UInt64], deadline: Deadline) {
        self.addresses = addresses
        self.deadline = deadline
        chains = Array(repeating: [], count: addresses.count)
    }

    mutating func run(in information: borrowing DebugInformation) {
        var unclaimed = Array(repeating: true, count: addresses.count)
        var units = DebugInformation.Units()
        while let unit = information.nextUnit(&units), !deadline.hasPassed() {
            guard unit.tag == DW_TAG_compile_unit || unit.tag == DW_TAG_skeleton_unit else { continue }
            var claimed: [Int] = []
            forEachAddress(in: unit) { index in
                if unclaimed[index] {
                    unclaimed[index] = false
                    claimed.append(index)
                }
            }
            if !claimed.isEmpty { search(unit, for: claimed.sorted()) }
        }
        // Some assemblers and old compilers leave a unit's ranges out; .debug_aranges may have them.
        var claims: [UInt64: (unit: DebugEntry, indices: [Int])] = [:]
        for index in addresses.indices where unclaimed[index] && !deadline.hasPassed() {
            guard let (offset, unit) = information.unit(inAddressTableAt: addresses[index]) else { continue }
            claims[offset, default: (unit, [])].indices.append(index)
        }
        for claim in claims.values { search(claim.unit, for: claim.indices) }
        ranOutOfTime = deadline.hasPassed()
    }

    /// The first address at or behind a position.
    private func lowerBound(_ value: UInt64) -> Int {
        var low = 0
        var high = addresses.count
        while low < high {
            let middle = (low + high) / 2
            if addresses[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Calls `body` with each address that lies in one of an entry's ranges.
    ///
    /// - Returns: whether the entry has ranges at all.
    @discardableResult
    private mutating func forEachAddress(in entry: DebugEntry, _ body: (Int) -> Void) -> Bool {
        var deadline = deadline
        defer { self.deadline = deadline }
        return entry.forEachRange { range in
            var index = lowerBound(range.lowerBound)
            while index < addresses.count, addresses[index] < range.upperBound {
                body(index)
                index += 1
                if deadline.hasPassed() { return false }
            }
            return !deadline.hasPassed()
        }
    }

    // MARK: One unit

    private mutating func search(_ unit: DebugEntry, for claimed: [Int]) {
        var nodes: [Node] = []
        var innermost: [Int: Int] = [:]
        walk(unit, nodes: &nodes, innermost: &innermost, goesDownEverywhere: false)
        // Functions of classes that are local to a function may lie inside it, without lying in its range.
        if claimed.contains(where: { innermost[$0] == nil }), !deadline.hasPassed() {
            walk(unit, nodes: &nodes, innermost: &innermost, goesDownEverywhere: true)
        }
        // Between a compiler's functions the lines belong to none of them: code from an asm statement has the line of
        // whatever came before it. An assembler's unit has lines and no functions, and so has one whose entries were
        // split off into another file.
        let hasOnlyLines = unit.number(Int(DW_AT_language)) == Int(DW_LANG_Mips_Assembler) || unit.firstChild == nil
        var names: [Int: Name] = [:]
        var files: [Int: String] = [:]
        for index in claimed {
            if deadline.hasPassed() { return }
            guard innermost[index] != nil || hasOnlyLines else { continue }
            let line = unit.sourceLine(at: addresses[index])
            var chain: [Scope] = []
            var (file, number) = (line?.file, line?.line)
            var position = innermost[index] ?? -1
            while position >= 0, chain.count < Self.maximumDepth {
                let node = nodes[position]
                let name = names[position] ?? Name(node.entry)
                names[position] = name
                chain.append(Scope(name: name, file: file, line: number))
                if node.parent >= 0 {
                    number = node.entry.number(Int(DW_AT_call_line))
                    let fileIndex = node.entry.number(Int(DW_AT_call_file))
                    file = fileIndex.flatMap { fileIndex in
                        if files[fileIndex] == nil { files[fileIndex] = unit.fileName(fileIndex) }
                        return files[fileIndex]
                    }
                }
                position = node.parent
            }
            if chain.isEmpty, line != nil { chain = [Scope(name: .unknown, file: file, line: number)] }
            chains[index] = chain
        }
    }

    private mutating func walk(
        _ unit: DebugEntry, nodes: inout [Node], innermost: inout [Int: Int], goesDownEverywhere: Bool
    ) {
        guard let first = unit.firstChild else { return }
        var stack = [(entry: first, node: -1)]
        while let (entry, node) = stack.popLast(), !deadline.hasPassed() {
            if let sibling = entry.sibling { stack.append((sibling, node)) }
            var inner = node
            switch Int(entry.tag) {
            case Int(DW_TAG_subprogram), Int(DW_TAG_inlined_subroutine):
                let isInlined = Int(entry.tag) == Int(DW_TAG_inlined_subroutine)
                let depth = isInlined && node >= 0 ? nodes[node].depth + 1 : 0
                var isNeeded = false
                let newNode = nodes.count
                // In the list before the search: an entry's ranges may overlap, and name an address twice.
                nodes.append(Node(parent: isInlined ? node : -1, depth: depth, entry: entry))
                forEachAddress(in: entry) { index in
                    if let known = innermost[index], nodes[known].depth >= depth { return }
                    innermost[index] = newNode
                    isNeeded = true
                }
                if !isNeeded { nodes.removeLast() }
                if !isNeeded, !goesDownEverywhere { continue }
                inner = isNeeded ? newNode : -1
            case Int(DW_TAG_lexical_block), Int(DW_TAG_try_block), Int(DW_TAG_catch_block):
                var isNeeded = false
                let hasRanges = forEachAddress(in: entry) { _ in isNeeded = true }
                if hasRanges, !isNeeded, !goesDownEverywhere { continue }
            case Int(DW_TAG_namespace), Int(DW_TAG_structure_type), Int(DW_TAG_class_type), Int(DW_TAG_union_type),
                Int(DW_TAG_module), Int(DW_TAG_interface_type), Int(DW_TAG_enumeration_type):
                break
            default:
                continue
            }
            if stack.count < Self.maximumDepth, let child = entry.firstChild { stack.append((child, inner)) }
        }
    }
}
