internal import ProfileModel

/// One container's samples, added up by stack: everything later works on stacks, of which there are far fewer.
struct ContainerTally {
    /// What one stack's samples stand for, in nanoseconds.
    struct Stack {
        /// Node of the profile's stack tree; -1 for samples without a stack.
        var node: Int32
        var kernelCPU: Int64 = 0
        var userCPU: Int64 = 0
        var blocked: Int64 = 0
        var preempted: Int64 = 0
        var kernelSamples = 0
        var userSamples = 0
        var offCPUSamples = 0
    }

    private(set) var stacks: [Stack] = []
    /// The container's samples, indices into the profile's columns, in their order.
    let samples: [Int32]
    /// For each of `samples`, its index in `stacks`.
    private(set) var stackOfSample: [Int32] = []

    /// - Parameter slots: scratch of one element for each stack node and one more, all -1; left so.
    init(samples: [Int32], profile: Profile, slots: inout [Int32]) {
        self.samples = samples
        stackOfSample.reserveCapacity(samples.count)
        let columns = profile.samples
        let noStack = slots.count - 1
        for sample in samples {
            let index = Int(sample)
            let node = columns.stack[index]
            let slot = node >= 0 && Int(node) < noStack ? Int(node) : noStack
            if slots[slot] < 0 {
                slots[slot] = Int32(truncatingIfNeeded: stacks.count)
                stacks.append(Stack(node: slot == noStack ? -1 : node))
            }
            let stack = Int(slots[slot])
            stackOfSample.append(Int32(truncatingIfNeeded: stack))
            let weight = max(0, columns.weight[index])
            switch (columns.kind[index], columns.mode[index]) {
            case (.onCPU, .kernel):
                stacks[stack].kernelCPU &+= weight
                stacks[stack].kernelSamples += 1
            case (.onCPU, .user):
                stacks[stack].userCPU &+= weight
                stacks[stack].userSamples += 1
            case (.blocked, _):
                stacks[stack].blocked &+= weight
                stacks[stack].offCPUSamples += 1
            case (.preempted, _):
                stacks[stack].preempted &+= weight
                stacks[stack].offCPUSamples += 1
            case (.lockWait, _):
                // The same time as a blocked or spinning sample's, seen from the lock's side.
                break
            }
        }
        for stack in stacks { slots[stack.node < 0 ? noStack : Int(stack.node)] = -1 }
    }

    /// The samples of each container, in the profile's order.
    static func samplesByContainer(_ profile: Profile) -> [[Int32]] {
        var lists = [[Int32]](repeating: [], count: profile.containers.count)
        for index in 0..<profile.samples.completeCount {
            let container = Int(profile.samples.container[index])
            guard lists.indices.contains(container) else { continue }
            lists[container].append(Int32(truncatingIfNeeded: index))
        }
        return lists
    }
}

extension Samples {
    /// Rows that every column has.
    var completeCount: Int {
        min(
            min(time.count, thread.count, container.count, stack.count), min(kind.count, mode.count, weight.count))
    }
}
