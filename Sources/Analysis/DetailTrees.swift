internal import ProfileModel

/// Samples merged into a tree by what their paths have in common.
struct MergedTree<Label: Hashable> {
    private struct Step: Hashable {
        var parent: Int32
        var label: Label
    }

    struct Node {
        let label: Label
        let parent: Int32
        var time: Int64 = 0
        var wait: Int64 = 0
        var own: Int64 = 0
    }

    private(set) var nodes: [Node] = []
    private var indices: [Step: Int32] = [:]

    /// Adds one path, from the root outwards to the leaves.
    mutating func add(_ path: some Sequence<Label>, time: Int64, wait: Int64) {
        var parent: Int32 = -1
        for label in path {
            let step = Step(parent: parent, label: label)
            let index = indices[step] ?? Int32(truncatingIfNeeded: nodes.count)
            if Int(index) == nodes.count {
                nodes.append(Node(label: label, parent: parent))
                indices[step] = index
            }
            nodes[Int(index)].time &+= time
            nodes[Int(index)].wait &+= wait
            parent = index
        }
        if parent >= 0 { nodes[Int(parent)].own &+= time }
    }

    /// Parents before children, siblings by weight, without what is lighter than `least`.
    func preorder(least: Int64, name: (Label) -> String) -> [(depth: Int, node: Node)] {
        var children = [[Int32]](repeating: [], count: nodes.count + 1)
        for (index, node) in nodes.enumerated() where node.time >= least {
            children[Int(node.parent) + 1].append(Int32(index))
        }
        func sorted(_ list: [Int32]) -> [Int32] {
            list.sorted { left, right in
                let (first, second) = (nodes[Int(left)], nodes[Int(right)])
                return first.time != second.time
                    ? first.time > second.time : name(first.label) < name(second.label)
            }
        }
        var rows: [(depth: Int, node: Node)] = []
        // A stack of our own: paths may be as deep as a recursion was.
        var pending = sorted(children[0]).reversed().map { (depth: 0, index: $0) }
        while let (depth, index) = pending.popLast() {
            rows.append((depth, nodes[Int(index)]))
            pending += sorted(children[Int(index) + 1]).reversed().map { (depth: depth + 1, index: $0) }
        }
        return rows
    }
}

/// The trees of one entry in one container: two of its kernel time, two of its time asleep.
struct DetailTrees {
    /// What a row of the call tree is.
    private enum Caller: Hashable {
        case place(CodePlace)
        case cut(String)
    }

    /// A kernel function on the way to where a thread slept; the innermost one says why.
    private struct Sleep: Hashable {
        var function: Int32
        var waitClass: WaitClass?
    }

    /// Callers of a call site that are followed; a recursion is told by its beginning.
    private static let mostCallers = 64

    private let facts: StackFacts
    private let hasWaits: Bool
    private var kernel = MergedTree<Int32>()
    private var callers = MergedTree<Caller>()
    private var sleeps = MergedTree<Sleep>()
    private var sleepers = MergedTree<Caller>()
    private(set) var total: Int64 = 0
    /// Asleep, for whatever reason.
    private(set) var totalWait: Int64 = 0

    init(facts: StackFacts, tally: ContainerTally, wanted: [Bool], hasWaits: Bool) {
        self.facts = facts
        self.hasWaits = hasWaits
        for stack in tally.stacks {
            guard wanted[Int(facts.entry(ofKernelSampleAt: stack.node))] else { continue }
            let isInKernel = stack.node >= 0 && facts.attribution.entry[Int(stack.node)] >= 0
            var contended: Int64 = 0
            if isInKernel, stack.blocked > 0 {
                let waitClass = facts.waits.waitClass(leaf: stack.node)
                if waitClass.isContended { contended = stack.blocked }
                add(sleep: stack.blocked, at: stack.node, waitClass)
            }
            let time = stack.kernelCPU &+ contended
            guard time > 0 else { continue }
            total &+= time
            if isInKernel {
                if stack.kernelCPU > 0 {
                    kernel.add(kernelPath(stack.node, isWaiting: false), time: stack.kernelCPU, wait: 0)
                }
                if contended > 0 {
                    kernel.add(kernelPath(stack.node, isWaiting: true), time: contended, wait: contended)
                }
            }
            callers.add(callPath(stack.node), time: time, wait: contended)
        }
    }

    private mutating func add(sleep: Int64, at leaf: Int32, _ waitClass: WaitClass) {
        totalWait &+= sleep
        var path = kernelPath(leaf, isWaiting: true).map { Sleep(function: $0) }
        if !path.isEmpty { path[path.count - 1].waitClass = waitClass }
        sleeps.add(path, time: sleep, wait: sleep)
        sleepers.add(callPath(leaf), time: sleep, wait: sleep)
    }

    /// Function names from the entry inwards, without the profiler's own frames and, for a sleeper, the scheduler's.
    private func kernelPath(_ leaf: Int32, isWaiting: Bool) -> [Int32] {
        var path: [Int32] = []
        var node = facts.attribution.outsideNMI[Int(leaf)]
        guard facts.attribution.entry[Int(node)] >= 0 else { return [] }
        let entry = facts.attribution.entryNode[Int(node)]
        while node >= entry, node >= 0 {
            let frame = Int(facts.profile.stacks.frame[Int(node)])
            if !(isWaiting && path.isEmpty && facts.charging.isScheduler(frame: frame) && node > entry) {
                path.append(facts.charging.name(ofFrame: frame))
            }
            node = facts.profile.stacks.parent[Int(node)]
        }
        return path.reversed()
    }

    private func callPath(_ leaf: Int32) -> [Caller] {
        guard leaf >= 0 else { return [.cut("no-stack")] }
        var path: [Caller] = []
        var node = facts.callSites.site[Int(leaf)]
        while node >= 0 {
            let frame = Int(facts.profile.stacks.frame[Int(node)])
            guard facts.profile.frames.indices.contains(frame), facts.profile.frames[frame].kind == .user else { break }
            for place in facts.callSites.places(frame: frame) {
                if path.count == Self.mostCallers { return path + [.cut("more")] }
                path.append(.place(place))
            }
            let parent = facts.profile.stacks.parent[Int(node)]
            node = parent < node ? parent : -1
        }
        if let reason = facts.truncation[Int(leaf)] { path.append(.cut(reason.rawValue)) }
        return path
    }

    private func least(of total: Int64) -> Int64 { max(1, Int64(Double(total) * SyscallDetail.leastShare)) }

    private func share(_ time: Int64, of total: Int64) -> Double {
        (Double(time) / Double(max(1, total))).roundedForReport
    }

    func kernelRows() -> [SyscallDetail.KernelTreeRow] {
        let names = facts.charging.names
        func name(_ label: Int32) -> String? { label >= 0 ? names[Int(label)] : nil }
        return kernel.preorder(least: least(of: total)) { name($0) ?? "~" }.map { depth, node in
            SyscallDetail.KernelTreeRow(
                depth: depth, function: name(node.label), kernelTimeNanoseconds: node.time,
                contendedWaitNanoseconds: hasWaits ? node.wait : nil, selfNanoseconds: node.own,
                share: share(node.time, of: total))
        }
    }

    func waitRows() -> [SyscallDetail.WaitTreeRow] {
        let names = facts.charging.names
        func name(_ label: Sleep) -> String? { label.function >= 0 ? names[Int(label.function)] : nil }
        return sleeps.preorder(least: least(of: totalWait)) { name($0) ?? "~" }.map { depth, node in
            SyscallDetail.WaitTreeRow(
                depth: depth, function: name(node.label), waitNanoseconds: node.time,
                waitClass: node.label.waitClass, share: share(node.time, of: totalWait))
        }
    }

    func callRows() -> [SyscallDetail.CallTreeRow] {
        rows(of: callers, total: total).map { depth, time, share, label in
            var row = SyscallDetail.CallTreeRow(depth: depth, kernelTimeNanoseconds: time, share: share)
            switch label {
            case .place(let place): row.place = place
            case .cut(let reason): row.cut = reason
            }
            return row
        }
    }

    /// The call sites that led to sleep, and their callers.
    func waitCallRows() -> [SyscallDetail.WaitCallRow] {
        rows(of: sleepers, total: totalWait).map { depth, time, share, label in
            var row = SyscallDetail.WaitCallRow(depth: depth, waitNanoseconds: time, share: share)
            switch label {
            case .place(let place): row.place = place
            case .cut(let reason): row.cut = reason
            }
            return row
        }
    }

    private func rows(
        of tree: MergedTree<Caller>, total: Int64
    ) -> [(depth: Int, time: Int64, share: Double, label: Caller)] {
        func name(_ caller: Caller) -> String {
            switch caller {
            case .place(let place): place.sortKey
            case .cut(let reason): "~" + reason
            }
        }
        return tree.preorder(least: least(of: total), name: name).map { depth, node in
            (depth, node.time, share(node.time, of: total), node.label)
        }
    }
}
