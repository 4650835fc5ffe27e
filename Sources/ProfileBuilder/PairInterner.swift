/// Numbers pairs of 64-bit keys in the order in which they first come: 1, 2, 3 …
///
/// Open addressing over flat arrays, since every frame of every sample asks twice: for its own number and for its node
/// in the tree of stacks.
struct PairInterner {
    private struct Slot {
        var first: UInt64
        var second: UInt64
        /// 0 for an empty slot.
        var number: UInt32
    }
    private var slots: [Slot]
    private(set) var count: UInt32 = 0

    init(minimumCapacity: Int = 1 << 11) {
        var size = 16
        while size < minimumCapacity * 2 { size *= 2 }
        slots = Array(repeating: Slot(first: 0, second: 0, number: 0), count: size)
    }

    /// The number of a pair, and whether it is new.
    mutating func number(of first: UInt64, _ second: UInt64) -> (number: UInt32, isNew: Bool) {
        if Int(count &+ 1) &* 2 > slots.count { grow() }
        let index = slot(of: first, second)
        if slots[index].number != 0 { return (slots[index].number, false) }
        count &+= 1
        slots[index] = Slot(first: first, second: second, number: count)
        return (count, true)
    }

    private func slot(of first: UInt64, _ second: UInt64) -> Int {
        let mask = slots.count &- 1
        // Fibonacci hashing, once for each key: the high bits of a product depend on all bits of its factor.
        let hash = (first ^ ((second &* 0x9E37_79B9_7F4A_7C15) >> 7)) &* 0x9E37_79B9_7F4A_7C15
        var index = Int(truncatingIfNeeded: hash >> 32) & mask
        while slots[index].number != 0, slots[index].first != first || slots[index].second != second {
            index = (index &+ 1) & mask
        }
        return index
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Slot(first: 0, second: 0, number: 0), count: old.count * 2)
        for entry in old where entry.number != 0 { slots[slot(of: entry.first, entry.second)] = entry }
    }
}
