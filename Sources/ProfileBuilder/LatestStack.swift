import ProfileModel
import Recording

/// The user stack that was last seen of a process, with its nodes.
///
/// One sample's callers are mostly those of the sample before it, of whichever thread: their nodes are taken from here,
/// which costs a comparison for each frame instead of two searches among mappings and two in tables.
struct LatestStack {
    private struct Entry {
        var address: VirtualAddress
        var node: RowID
    }
    /// Outermost first; the innermost frame, which is mostly another one, has no entry.
    private var entries: [Entry] = []
    /// What the outermost frame's node hangs below.
    private var root: RowID = 0
    /// Of the process's memory: other mappings give an address another meaning.
    private var memoryVersion: UInt64 = 0

    /// Forgets what is of another root, or of the memory as it was.
    mutating func prepare(root: RowID, memoryVersion: UInt64) {
        if root == self.root, memoryVersion == self.memoryVersion { return }
        entries.removeAll(keepingCapacity: true)
        self.root = root
        self.memoryVersion = memoryVersion
    }

    /// How many of the outermost frames of a chain, which is innermost first, are those here; forgets the others.
    ///
    /// - Returns: their count, which does not include the innermost frame, and the node of the last of them.
    mutating func keepCommon(with chain: [VirtualAddress]) -> (count: Int, node: RowID) {
        let limit = min(entries.count, max(0, chain.count - 1))
        var count = 0
        while count < limit, entries[count].address == chain[chain.count &- 1 &- count] { count &+= 1 }
        entries.removeSubrange(count...)
        return (count, entries.last?.node ?? root)
    }

    /// Adds the next frame inwards.
    mutating func append(_ address: VirtualAddress, node: RowID) {
        entries.append(Entry(address: address, node: node))
    }
}
