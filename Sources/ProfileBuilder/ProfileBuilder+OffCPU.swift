import PerfRecords
public import ProfileModel
public import Recording
import Unwinding

/// Time off the CPU.
extension ProfileBuilder {
    mutating func take(_ record: SwitchRecord) {
        let (pid, tid) = (record.sampleID.pid, record.sampleID.tid)
        switch record.direction {
        case .out:
            let container = container(ofSwitch: record)
            offCPU.switchedOut(
                tid, of: pid, at: record.sampleID.time, isPreempted: record.isPreempted,
                event: record.sampleID.identifier, cpu: record.sampleID.cpu, container: container,
                successor: record.other)
            if record.isPreempted, container != nil, let other = record.other { learnName(of: other.pid) }
        case .in:
            if let wait = offCPU.comeBack(tid, at: record.sampleID.time) { append(wait) }
        }
    }

    /// Whose thread switches, as far as a record without a cgroup can tell.
    private func container(ofSwitch record: SwitchRecord) -> RowID? {
        guard let use = attribution.events[record.sampleID.identifier] else { return nil }
        let container = attribution.container(pid: record.sampleID.pid, cgroup: CgroupID(0), event: use)
        return container == attribution.others ? nil : container
    }

    /// Adds the row of a time off the CPU. The row's time is its end, so that rows stay in time order.
    mutating func append(_ wait: OffCPU.Wait) {
        var owner = wait.owner
        if owner == nil, let container = wait.container, let process = process(wait.pid) {
            owner = OffCPU.Owner(thread: tasks.row(of: wait.tid, in: process, batch: &batch), container: container)
        }
        guard let owner else { return }
        batch.samples.append(
            SampleRow(
                time: Int64(clamping: wait.end) - Int64(clamping: start), cpu: wait.place?.cpu ?? 0,
                thread: owner.thread, container: owner.container, stack: wait.place?.stack,
                kind: wait.isPreempted ? .preempted : .blocked, mode: wait.place?.mode ?? .kernel,
                weight: Int64(clamping: wait.nanoseconds)))
    }

    // MARK: Threads that nobody saw leave

    /// Takes the threads of a process that are off the CPU now: their time counts from the recording's start.
    ///
    /// - Parameter limit: the most threads that are looked at.
    /// - Returns: how many were.
    public mutating func findSleepers(of pid: ProcessID, container: RowID, limit: Int) -> Int {
        guard let process = process(pid) else { return 0 }
        let all = process.threadIDs.sorted().prefix(limit)
        for tid in all {
            guard let standing = machine.standing(of: tid, in: pid) else { continue }
            let thread = tasks.row(of: tid, in: process, batch: &batch)
            let place: OffCPU.Place? =
                standing.isRunnable
                ? nil : OffCPU.Place(stack: stack(of: standing, in: process), mode: .kernel, cpu: standing.cpu)
            offCPU.find(
                tid, of: pid, owner: OffCPU.Owner(thread: thread, container: container), since: start,
                found: standing.time, place: place)
        }
        return all.count
    }

    private mutating func stack(of standing: ThreadStanding, in process: TaskTable.Process) -> RowID? {
        kernelChain.removeAll(keepingCapacity: true)
        userChain.removeAll(keepingCapacity: true)
        var node: RowID = 0
        if let user = standing.user {
            // Registers that a sleeper does not show are no address: 0 would stand for the outermost frame.
            let registers = UserRegisters(
                instructionPointer: user.instructionPointer, stackPointer: user.stackPointer, framePointer: 1)
            // Bytes have no padding between them.
            let end = unsafe followUserStack(registers, stack: user.stack.span.bytes, in: process)
            node = userStack(of: process, end: end, isBelowKernel: true)
        } else {
            node = userStack(
                of: process, end: .truncated(at: VirtualAddress(0), because: .noRegisters), isBelowKernel: true)
        }
        for function in standing.kernel.reversed() {
            node = self.node(below: node, frame: modules.frame(kernel: function.start, machine: machine, batch: &batch))
        }
        return node == 0 ? nil : node
    }

    // MARK: Who ran instead

    /// Names are asked for while the process lives.
    private mutating func learnName(of pid: ProcessID) {
        guard pid.rawValue > 0, tasks.processes[pid] == nil, successorNames[pid] == nil,
            successorNames.count < Self.mostSuccessorNames
        else { return }
        successorNames[pid] = machine.comm(of: pid) ?? "(gone)"
    }

    private static var mostSuccessorNames: Int { 10_000 }

    /// How long each container's threads waited while they could have run, by what got their CPU first.
    ///
    /// - Returns: figures named `preempted by NAME`, in ns, the heaviest twenty of each container.
    public func successorRows() -> [PressureRow] {
        offCPU.successors.sorted { $0.key < $1.key }.flatMap { container, times in
            var byName: [String: UInt64] = [:]
            for (successor, nanoseconds) in times { byName[name(of: successor), default: 0] &+= nanoseconds }
            return byName.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(20).map { name, nanoseconds in
                PressureRow(
                    container: container, name: "preempted by \(name)", unit: "ns", before: 0,
                    after: Int64(clamping: nanoseconds))
            }
        }
    }

    private func name(of successor: OffCPU.Successor) -> String {
        switch successor {
        case .itself: "its own threads"
        case .idle: "nobody"
        case .unknown: "(unknown)"
        case .process(let pid): tasks.processes[pid]?.comm ?? successorNames[pid] ?? "(gone)"
        }
    }
}
