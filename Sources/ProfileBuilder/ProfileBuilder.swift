public import ObjectTables
public import PerfRecords
public import ProfileModel
public import Recording
import Unwinding

/// Turns records, in time order, into the rows of a recording.
///
/// It does not know where its records come from. What they do not say it asks of a `LiveMachine`.
public struct ProfileBuilder<Machine: LiveMachine> {
    public var attribution: Attribution
    /// Rows that wait for the next commit; the owner empties it.
    public var batch = RowBatch()
    public private(set) var losses = Losses()
    /// On-CPU samples taken into the recording.
    public private(set) var sampleCount: Int64 = 0
    /// Stacks of all kinds of samples, and those of them whose user part was followed to its end.
    public private(set) var stackCount: Int64 = 0
    public private(set) var completeStackCount: Int64 = 0
    public var machine: Machine

    let start: UInt64
    let registers: RegisterSet?
    /// Whether parents that were never seen are worth asking for: not where records of the whole machine come.
    let asksForParents: Bool
    var tasks = TaskTable()
    var modules = ModuleTable()
    var unwinder: Unwinder
    var stacks = PairInterner()
    var offCPU = OffCPU()
    var calls = SyscallCounter()
    var locks = LockWaits()
    /// The names of processes that got the CPU of a thread that could have run on.
    var successorNames: [ProcessID: String] = [:]
    private var throttledSince: [UInt64: UInt64] = [:]
    private let tick: UInt64
    /// Reused from sample to sample.
    var kernelChain: [VirtualAddress] = []
    var userChain: [VirtualAddress] = []

    /// - Parameters:
    ///   - start: the recording's zero, nanoseconds of CLOCK_MONOTONIC.
    ///   - registers: which registers samples carry; nil where user stacks come as the kernel followed them, by frame
    ///     pointers.
    ///   - tick: of the kernel's timer, in nanoseconds. It ends what throttles an event, so that a longer interval has time in
    ///     which the event's target had no CPU and no samples were due.
    ///   - depthLimit: the most frames of one user stack.
    public init(
        start: UInt64, attribution: Attribution, registers: RegisterSet?, asksForParents: Bool, machine: Machine,
        tick: UInt64, depthLimit: Int = 512
    ) {
        self.start = start
        self.attribution = attribution
        self.registers = registers
        self.asksForParents = asksForParents
        self.machine = machine
        self.tick = tick
        unwinder = Unwinder(architecture: registers?.architecture ?? .amd64, depthLimit: depthLimit)
    }

    /// Writes a container's row; later calls with the same id replace it.
    public mutating func set(_ container: Container, id: RowID) {
        batch.containers.append((id: id, container: container))
    }

    /// Takes one process as it is now, before any sample of it.
    public mutating func add(_ pid: ProcessID) {
        guard tasks.processes[pid] == nil, let known = machine.process(pid) else { return }
        _ = tasks.add(pid, known)
    }

    /// Takes one record.
    ///
    /// - Parameter bytes: the record that `record` was decoded from.
    public mutating func take(_ record: PerfRecord, bytes: RawSpan) {
        switch record {
        case .sample(let sample): take(sample, bytes: bytes)
        case .mapping(let record):
            guard !record.isData, record.pid.rawValue > 0 else { return }
            process(record.pid, ifKnown: !asksForParents)?.memory.map(record.mapping)
        case .comm(let record):
            let changed = tasks.rename(record.pid, tid: record.tid, comm: record.comm, isExec: record.isExec)
            if let row = changed.process { batch.processes.append(row) }
            if let row = changed.thread { batch.threads.append(row) }
        case .fork(let record):
            offCPU.begin(record.tid)
            _ = process(record.parentPID, ifKnown: !asksForParents)
            tasks.fork(record.pid, tid: record.tid, parent: record.parentPID, parentThread: record.parentTID)
            attribution.fork(record.pid, from: record.parentPID)
        case .exit(let record):
            for wait in offCPU.end(record.tid, at: record.sampleID.time) { append(wait) }
            tasks.exit(record.pid, tid: record.tid, time: record.sampleID.time)
        case .lost(let record):
            losses.lostRecords.add(record.count)
            locks.forgetOpenWaits()
        case .lostSamples(let record):
            losses.lostSamples.add(record.count)
        case .throttle(let record):
            losses.throttledIntervals += 1
            throttledSince[record.eventID] = record.time
            if attribution.events[record.eventID]?.meaning == .syscallEntry { calls.throttle() }
        case .unthrottle(let record):
            endThrottle(of: record.eventID, at: record.time)
        case .kernelSymbol(let record):
            machine.follow(record)
            modules.forgetKernelAddresses()
        case .cgroup(let record):
            if attribution.name(record.id, path: record.path) { return }
            guard let new = machine.container(madeAs: record.id, path: record.path) else { return }
            attribution.cgroups[record.id] = new.row
            attribution.paths[record.path] = new.row
            set(new.container, id: new.row)
        case .contextSwitch(let record):
            take(record)
        case .unknown:
            losses.unknownRecords += 1
        }
    }

    /// Counts a record whose bytes made no sense.
    public mutating func countUndecodable() { losses.undecodableRecords += 1 }

    /// Ends what lasts until the end of the recording.
    public mutating func finish(at time: UInt64) {
        for event in throttledSince.keys.sorted() { endThrottle(of: event, at: time) }
        let machine = machine
        let waits = offCPU.takeAll(at: time) { tid, pid in machine.exists(tid, in: pid) }
        for wait in waits { append(wait) }
        batch.syscallCounts += calls.rows(before: .max)
        locks.finish(start: start)
        locks.write(before: .max, into: &batch)
    }

    /// The most switches off one CPU in a second, since this was last asked for.
    public mutating func takeBusiestSwitchRate() -> Double { offCPU.takeBusiestRate() }

    /// The most waits for locks that began on one CPU since this was last asked for.
    public mutating func takeBusiestLockCount() -> Int { locks.takeBusiestCount() }

    /// The events of locks were switched on or off.
    public mutating func take(_ change: LockWindows.Change) { locks.change(change) }

    /// Waits for locks that ended, and those of them whose stack is known.
    public var lockWaitCounts: (all: Int64, withStack: Int64) { (locks.endedCount, locks.endedWithStackCount) }

    /// The most switches that one sample stood for: 1 where each was sampled.
    public var largestSwitchPeriod: UInt64 { offCPU.largestPeriod }

    /// The most system calls on one CPU since this was last asked for.
    public mutating func takeBusiestCallCount() -> Int64 { calls.takeBusiestCount() }

    /// Whether calls came too fast to be sampled so often, since this was last asked for.
    public mutating func takeCallThrottle() -> Bool { calls.takeThrottle() }

    /// From `time` on a sample of a system call stands for `calls` calls; the kernel was asked to at `before`.
    public mutating func setCallPeriod(_ calls: UInt64, askedAt before: UInt64, since time: UInt64) {
        self.calls.setPeriod(calls, askedAt: before, since: time)
    }

    /// Calls by container as they were counted from samples.
    public var countedCalls: [RowID: Int64] { calls.totals }

    /// Puts what is complete by `time` into the batch.
    public mutating func settle(before time: UInt64) {
        for pid in tasks.forgetEnded(before: time) { attribution.forget(pid) }
        offCPU.forgetEnded(before: time)
        let sinceStart = Int64(clamping: time) - Int64(clamping: start)
        batch.syscallCounts += calls.rows(before: sinceStart)
        locks.write(before: sinceStart, into: &batch)
    }

    private mutating func endThrottle(of event: UInt64, at time: UInt64) {
        guard let since = throttledSince.removeValue(forKey: event), time > since else { return }
        losses.throttledNanoseconds.add(min(time - since, tick))
    }

    /// The process with an id, asked for where it was not seen before.
    mutating func process(_ pid: ProcessID, ifKnown: Bool = false) -> TaskTable.Process? {
        if let known = tasks.processes[pid] { return known }
        if ifKnown { return nil }
        if pid.rawValue > 0, let found = machine.process(pid) { return tasks.add(pid, found) }
        return tasks.addUnknown(pid)
    }
}

// MARK: Samples

extension ProfileBuilder {
    private mutating func take(_ sample: SampleRecord, bytes: RawSpan) {
        guard
            let (event, use) = attribution.event(
                identifier: sample.identifier, cpu: sample.cpu, cgroup: sample.cgroup)
        else {
            losses.unknownRecords += 1
            return
        }
        guard let container = attribution.container(pid: sample.pid, cgroup: sample.cgroup, event: use) else {
            if use.meaning == .switchedOut { offCPU.countSample(of: event) }
            return
        }
        if use.meaning == .syscallEntry {
            count(sample, of: container, bytes: bytes)
            return
        }
        if use.meaning.isOfLocks {
            takeLock(sample, use.meaning, of: container, bytes: bytes)
            return
        }
        // Of the rest of the machine only the CPU time is of interest; its switches are counted with the others'.
        if use.meaning == .switchedOut {
            offCPU.countSample(of: event)
            if container == attribution.others { return }
        }
        guard let process = process(sample.pid) else { return }
        let isNamed = container != attribution.others
        let stack = stack(of: sample, in: process, bytes: bytes, withUser: isNamed)
        let thread = tasks.row(of: sample.tid, in: process, batch: &batch)
        let mode: SampleMode = sample.mode == .user ? .user : .kernel
        let cpu = Int32(truncatingIfNeeded: sample.cpu)
        if use.meaning == .switchedOut {
            // A task that is being reaped (its id is -1) does not come back.
            if sample.tid.rawValue < 0 { return }
            offCPU.leave(
                sample.tid, of: sample.pid, owner: OffCPU.Owner(thread: thread, container: container),
                at: sample.time, place: OffCPU.Place(stack: stack, mode: mode, cpu: cpu))
            return
        }
        let weight = use.weight(ofPeriod: sample.period)
        offCPU.runs(sample.tid, at: sample.time, weight: weight)
        batch.samples.append(
            SampleRow(
                time: Int64(clamping: sample.time) - Int64(clamping: start), cpu: cpu, thread: thread,
                container: container, stack: stack, kind: .onCPU, mode: mode,
                weight: weight))
        sampleCount += 1
    }

    /// The lock's address lies behind the eight bytes that all tracepoints share, and then the flags, or the result.
    ///
    /// Source: events/lock/contention_begin/format, contention_end/format.
    private mutating func takeLock(
        _ sample: SampleRecord, _ meaning: Attribution.EventUse.Meaning, of container: RowID, bytes: RawSpan
    ) {
        guard let address = sample.rawWord(at: 8, in: bytes),
            let word = sample.rawHalfWord(at: 16, in: bytes)
        else { return }
        let waiter = LockWaits.Waiter(thread: sample.tid, cpu: sample.cpu, address: address)
        if meaning == .lockEnd {
            locks.end(waiter, at: sample.time, hasLock: word == 0, container: container, start: start)
            return
        }
        let new = locks.begin(
            waiter, at: sample.time, cpu: sample.cpu, flags: LockFlags(rawValue: word), container: container,
            isCounted: meaning == .lockBegin, start: start
        ) { machine.kernelVariable(at: VirtualAddress(address)) }
        if let new { batch.locks.append(new) }
        guard meaning == .lockStack, let process = process(sample.pid) else { return }
        let stack = stack(of: sample, in: process, bytes: bytes, withUser: container != attribution.others)
        _ = tasks.row(of: sample.tid, in: process, batch: &batch)
        locks.see(waiter, place: LockWaits.Place(process: process.row, stack: stack))
    }

    /// The number lies behind the eight bytes that all tracepoints share. Source: events/raw_syscalls/sys_enter/format.
    private mutating func count(_ sample: SampleRecord, of container: RowID, bytes: RawSpan) {
        guard let number = sample.rawWord(at: 8, in: bytes) else { return }
        calls.count(
            Int(truncatingIfNeeded: Int64(bitPattern: number)), container: container,
            event: sample.identifier, cpu: sample.cpu, time: sample.time, start: start)
    }

    /// The node of a sample's innermost frame; nil for a sample without any.
    ///
    /// - Parameter withUser: whether the user part is followed: not where nobody asked for the process.
    private mutating func stack(
        of sample: SampleRecord, in process: TaskTable.Process, bytes: RawSpan, withUser: Bool
    ) -> RowID? {
        kernelChain.removeAll(keepingCapacity: true)
        userChain.removeAll(keepingCapacity: true)
        sample.appendCallchain(in: bytes, kernel: &kernelChain, user: &userChain)
        var end = CallchainEnd.complete
        if withUser {
            end = followUserStack(of: sample, in: process, bytes: bytes)
            stackCount += 1
            if end == .complete { completeStackCount += 1 }
        } else {
            userChain.removeAll(keepingCapacity: true)
        }

        var node = userStack(of: process, end: end, isBelowKernel: !kernelChain.isEmpty)
        for index in kernelChain.indices.reversed() {
            // All but the innermost are return addresses.
            let address = index == 0 ? kernelChain[index] : kernelChain[index].lookupForReturnAddress
            let frame = modules.frame(kernel: address, machine: machine, batch: &batch)
            node = self.node(below: node, frame: frame)
        }
        return node == 0 ? nil : node
    }

    /// The node of `userChain`, which ended like that; 0 where it is empty.
    mutating func userStack(of process: TaskTable.Process, end: CallchainEnd, isBelowKernel: Bool) -> RowID {
        var root: RowID = 0
        if case .truncated(_, let reason) = end {
            root = node(below: root, frame: modules.frame(truncation: reason, batch: &batch))
        }
        // Taken out: nothing else may see it half done, and it is not copied.
        var latest = LatestStack()
        swap(&latest, &process.latestStack)
        defer { swap(&latest, &process.latestStack) }
        latest.prepare(root: root, memoryVersion: process.memoryVersion)
        let common = latest.keepCommon(with: userChain)
        var node = common.node
        for index in userChain.indices.dropLast(common.count).reversed() {
            node = self.node(below: node, frame: userFrame(at: index, of: process, isBelowKernel: isBelowKernel))
            if index > 0 { latest.append(userChain[index], node: node) }
        }
        return node
    }

    mutating func node(below parent: RowID, frame: RowID) -> RowID {
        let (number, isNew) = stacks.number(
            of: UInt64(bitPattern: parent), UInt64(bitPattern: frame))
        if isNew {
            batch.stacks.append(StackRow(id: RowID(number), parent: parent == 0 ? nil : parent, frame: frame))
        }
        return RowID(number)
    }

    /// Fills `userChain`.
    private mutating func followUserStack(
        of sample: SampleRecord, in process: TaskTable.Process, bytes: RawSpan
    ) -> CallchainEnd {
        guard let registers else {
            guard let last = userChain.last else { return .complete }
            return .truncated(at: last, because: .framePointersOnly)
        }
        // The kernel's own frame-pointer walk, where one came along, is worse than what follows.
        userChain.removeAll(keepingCapacity: true)
        switch sample.userABI {
        case .none: return .complete
        case .bits64: break
        default: return .truncated(at: sample.ip, because: .noRegisters)
        }
        guard let sampled = registers.registers(of: sample, in: bytes) else {
            return .truncated(at: sample.ip, because: .noRegisters)
        }
        let stackCopy = bytes.extracting(sample.userStack)
        if stackCopy.byteCount == 0, isWithoutProgram() { return .complete }
        return followUserStack(sampled, stack: stackCopy, in: process)
    }

    /// Fills `userChain` from registers and a copy of the stack.
    mutating func followUserStack(
        _ registers: UserRegisters, stack: RawSpan, in process: TaskTable.Process
    ) -> CallchainEnd {
        var end = CallchainEnd.complete
        // A module is opened when a stack first leads through it; then the same stack is followed again.
        for _ in 0...process.memory.unopened.count {
            end = unwinder.unwind(registers, stack: stack, in: process.memory.space, into: &userChain)
            if unwinder.lowestModule >= 0 || !openModules(of: process) { break }
        }
        return end
    }

    /// Whether the task of `kernelChain`, no byte of whose stack could be copied, has no program: within execve(2) the old
    /// one's memory is gone before the new one's first instruction, and at its end a task has none. Its registers still
    /// have the old one's addresses, which mean nothing any more.
    private func isWithoutProgram() -> Bool {
        kernelChain.contains { address in
            guard let name = machine.kernelFunction(at: address.lookupForReturnAddress)?.name else { return false }
            return name == "do_exit" || name.contains("execve")
        }
    }

    /// Opens the modules that `userChain` leads through and that were not opened yet.
    ///
    /// - Returns: whether there were any.
    private mutating func openModules(of process: TaskTable.Process) -> Bool {
        var opened = false
        for index in userChain.indices {
            let address = lookup(at: index)
            guard let code = process.memory.space.mapping(at: address), code.module < 0 else { continue }
            if open(code, of: process) { opened = true }
        }
        return opened
    }

    /// - Returns: false while the module's file is still being read: this stack ends there, a later one goes on.
    @discardableResult
    private mutating func open(_ code: MappedCode, of process: TaskTable.Process) -> Bool {
        let mapping = process.memory.unopened[Int(-1 - code.module)]
        guard
            let live = machine.module(
                shownBy: mapping, in: process.pid, relatives: ancestors(of: process))
        else { return false }
        let index = modules.index(of: live, tables: &unwinder.tables, batch: &batch)
        let entry = modules.entries[index]
        var bias: UInt64 = 0
        if entry.module.kind == .file || entry.module.kind == .vdso {
            // Without a readable file its positions stand in for its addresses.
            let address = entry.segments?.address(ofMappingFrom: mapping.offset)?.rawValue ?? mapping.offset.rawValue
            bias = mapping.start.rawValue &- address
        }
        // `code` may be what later mappings have left of `mapping`.
        process.memory.space.insert(
            MappedCode(start: code.start, end: code.end, bias: bias, module: Int32(index), table: entry.unwindTable))
        return true
    }

    /// A process's parent and further ancestors, as far as they were recorded: those beyond may see other files.
    private func ancestors(of process: TaskTable.Process) -> [ProcessID] {
        var ancestors: [ProcessID] = []
        var next = process.parent
        while ancestors.count < 4, next.rawValue > 0, next != process.pid, !ancestors.contains(next) {
            ancestors.append(next)
            guard let known = tasks.processes[next] else { break }
            next = known.parent
        }
        return ancestors
    }

    /// Where the frame at `index` of `userChain` looks itself up: all but the innermost are return addresses.
    private func lookup(at index: Int) -> VirtualAddress {
        index == 0 ? userChain[index] : userChain[index].lookupForReturnAddress
    }

    private mutating func userFrame(
        at index: Int, of process: TaskTable.Process, isBelowKernel: Bool
    ) -> RowID {
        let address = lookup(at: index)
        guard let code = process.memory.space.mapping(at: address) else {
            return modules.frame(unmapped: address, batch: &batch)
        }
        var module = code.module
        if module < 0 {
            open(code, of: process)
            module = process.memory.space.mapping(at: address)?.module ?? module
        }
        guard module >= 0 else { return modules.frame(unmapped: address, batch: &batch) }
        let place = process.memory.space.mapping(at: address) ?? code
        return modules.frame(
            module: Int(module), address: place.fileAddress(of: address).rawValue,
            isSyscallReturn: index == 0 && isBelowKernel, batch: &batch)
    }
}

extension Int64 {
    /// Adds a count that the kernel, or a file that says so, gave: at worst the sum stays at the highest number.
    fileprivate mutating func add(_ count: UInt64) {
        let (sum, overflows) = addingReportingOverflow(Int64(clamping: count))
        self = overflows ? .max : sum
    }
}

// MARK: Names

extension ProfileBuilder {
    /// A module whose frames wait for names.
    public struct NameRequest: Sendable {
        /// What `take(_:for:)` wants back.
        public var module: Int
        /// The key under which the `LiveMachine` keeps the module.
        public var key: Int
        public var request: SymbolRequest
    }

    /// What is to be asked of the modules: the addresses that samples hit.
    public func nameRequests() -> [NameRequest] {
        modules.entries.indices.compactMap { index in
            let entry = modules.entries[index]
            guard let key = entry.key, !entry.unnamed.isEmpty else { return nil }
            return NameRequest(
                module: index, key: key,
                request: SymbolRequest(
                    addresses: entry.unnamed.keys.sorted().map(FileAddress.init(_:)),
                    syscallReturns: entry.syscallReturns.filter { entry.unnamed[$0] != nil }.sorted()
                        .map(FileAddress.init(_:))))
        }
    }

    /// Takes the names of one module's addresses.
    public mutating func take(_ answer: SymbolAnswer, for request: NameRequest) {
        guard modules.entries.indices.contains(request.module) else { return }
        let frames = modules.entries[request.module].unnamed
        for symbol in answer.symbols {
            guard let frame = frames[symbol.address.rawValue] else { continue }
            modules.endWait(of: request.module, for: symbol.address)
            guard !symbol.chain.isEmpty || symbol.syscallNumber != nil else { continue }
            let innermost = symbol.chain.first
            batch.names.append(
                FrameNames(
                    frame: frame, function: innermost?.function, file: innermost?.file, line: innermost?.line,
                    inlinedInto: symbol.chain.dropFirst().map {
                        InlineCaller(function: $0.function, file: $0.file, line: $0.line)
                    }, syscallNumber: symbol.syscallNumber))
        }
        if let reason = answer.skipped {
            modules.skipSymbols(of: request.module, because: reason, batch: &batch)
        }
    }
}
