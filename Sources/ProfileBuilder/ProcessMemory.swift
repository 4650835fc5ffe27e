import ProfileModel
import Unwinding

/// What a process has mapped. Modules are opened when a stack first leads through them: most never are.
///
/// A value: a forked process takes a copy.
struct ProcessMemory {
    /// `MappedCode.module` of -1 - i stands for entry i of `unopened`.
    var space = AddressSpace()
    /// Mappings whose module was not needed yet, and some that were opened or replaced since.
    private(set) var unopened: [Mapping] = []
    /// How many entries `unopened` may have before those that nothing refers to any more are dropped.
    private var limit = leastLimit
    private static let leastLimit = 64

    /// Takes a mapping without opening what it shows.
    mutating func map(_ mapping: Mapping) {
        if unopened.count >= limit { dropUnused() }
        let code = MappedCode(
            start: mapping.start, end: mapping.end, bias: 0, module: -1 - Int32(truncatingIfNeeded: unopened.count))
        if space.insert(code) { unopened.append(mapping) }
    }

    /// Forgets everything: the process called execve(2).
    mutating func removeAll() { self = ProcessMemory() }

    /// A program that maps and unmaps code for hours must not make this grow: the space itself is bounded.
    private mutating func dropUnused() {
        var kept: [Mapping] = []
        var numbers: [Int32: Int32] = [:]
        var renumbered = AddressSpace()
        for var code in space.mappings {
            if code.module < 0 {
                if let number = numbers[code.module] {
                    code.module = number
                } else {
                    kept.append(unopened[Int(-1 - code.module)])
                    let number = -Int32(truncatingIfNeeded: kept.count)
                    numbers[code.module] = number
                    code.module = number
                }
            }
            renumbered.insert(code)
        }
        space = renumbered
        unopened = kept
        limit = max(Self.leastLimit, kept.count * 2)
    }
}
