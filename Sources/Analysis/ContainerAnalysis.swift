internal import ProfileModel

/// One container's samples turned into its report.
struct ContainerAnalysis {
    let facts: StackFacts
    let tally: ContainerTally
    let options: ReportOptions
    /// Whether the recording looked at threads that are off the CPU: only then is a wait of 0 a measurement.
    let hasWaits: Bool
    let seed: UInt64
    /// Calls counted in this container, by the table's name.
    let calls: [String: Int64]

    private(set) var entries = Rows<Int32>()
    private(set) var functions = Rows<Int32>()
    private(set) var callers = Rows<Int32>()
    /// By entry.
    private(set) var waits: [Int32: Waits] = [:]
    /// By system call: everything between its beginning and its end.
    private(set) var inside: [Int32: Int64] = [:]
    private(set) var charged: [EntryAnd<ChargedFunction>: Int64] = [:]
    private(set) var sites: [EntryAnd<Int32>: Int64] = [:]
    private(set) var functionEntries: [EntryAnd<Int32>: Int64] = [:]

    private(set) var samples = 0
    private(set) var kernelCPU: Int64 = 0
    private(set) var userCPU: Int64 = 0
    private(set) var allWaits = Waits()
    private(set) var unknownCPU: Int64 = 0

    struct EntryAnd<Other: Hashable>: Hashable {
        var entry: Int32
        var other: Other
    }

    init(
        facts: StackFacts, tally: ContainerTally, options: ReportOptions, hasWaits: Bool, seed: UInt64,
        calls: [String: Int64]
    ) {
        self.facts = facts
        self.tally = tally
        self.options = options
        self.hasWaits = hasWaits
        self.seed = seed
        self.calls = calls
        for stack in tally.stacks { add(stack) }
    }

    private mutating func add(_ stack: ContainerTally.Stack) {
        let entry = facts.entry(ofKernelSampleAt: stack.node)
        let kind = facts.attribution.entries[Int(entry)].kind
        // The idle loop's time is nobody's CPU time.
        let isIdle = kind == .idle
        let kernel = isIdle ? 0 : stack.kernelCPU
        let kernelSamples = isIdle ? 0 : stack.kernelSamples
        samples += stack.userSamples + kernelSamples
        userCPU &+= stack.userCPU
        kernelCPU &+= kernel
        if kind == .unknown || kind == .hidden { unknownCPU &+= kernel }

        let isInKernel = stack.node >= 0 && facts.attribution.entry[Int(stack.node)] >= 0
        let waitClass = isInKernel ? facts.waits.waitClass(leaf: stack.node) : .other
        let contended = waitClass.isContended ? stack.blocked : 0
        let site = kind.hasCallSite ? facts.callSites.place(of: stack.node) : nil
        let nothing = ChargedFunction(function: -1, through: nil, isSpinning: false)
        let onCPU =
            isInKernel && kernelSamples > 0 ? facts.charging.charge(leaf: stack.node, isWaiting: false) : nothing
        let waiting = isInKernel && contended > 0 ? facts.charging.charge(leaf: stack.node, isWaiting: true) : nothing
        let spin = onCPU.isSpinning ? kernel : 0

        entries.add(
            cpuKey: entry, cpu: kernel, samples: kernelSamples, spin: spin, waitKey: entry, contended: contended)
        if options.view == .function {
            functions.add(
                cpuKey: onCPU.function, cpu: kernel, samples: kernelSamples, spin: spin, waitKey: waiting.function,
                contended: contended)
        }
        if options.view == .caller {
            callers.add(
                cpuKey: site, cpu: kernel, samples: kernelSamples, spin: spin, waitKey: site, contended: contended)
        }

        if kernel > 0 {
            // Spinning and not, it is the same lock at the same place.
            var place = onCPU
            place.isSpinning = false
            charged[EntryAnd(entry: entry, other: place), default: 0] &+= kernel
            functionEntries[EntryAnd(entry: entry, other: onCPU.function), default: 0] &+= kernel
        }
        if contended > 0 {
            charged[EntryAnd(entry: entry, other: waiting), default: 0] &+= contended
            functionEntries[EntryAnd(entry: entry, other: waiting.function), default: 0] &+= contended
        }
        if let site, kernel &+ contended > 0 {
            sites[EntryAnd(entry: entry, other: site), default: 0] &+= kernel &+ contended
        }

        let syscall = isInKernel ? facts.attribution.syscall[Int(stack.node)] : -1
        if stack.blocked > 0 {
            wait(stack.blocked, waitClass, entry)
            entries.touch(entry)
        }
        // Whoever was taken off the CPU was, in the end, taken by an interrupt: what it interrupted is the matter.
        if stack.preempted > 0 { wait(stack.preempted, .preempted, syscall >= 0 ? syscall : isInKernel ? entry : -1) }
        if syscall >= 0 { inside[syscall, default: 0] &+= kernel &+ stack.blocked &+ stack.preempted }
    }

    private mutating func wait(_ nanoseconds: Int64, _ waitClass: WaitClass, _ entry: Int32) {
        allWaits.add(nanoseconds, to: waitClass)
        if entry >= 0 { waits[entry, default: Waits()].add(nanoseconds, to: waitClass) }
    }

    var kernelTime: Int64 { kernelCPU &+ allWaits.contended }

    // MARK: Intervals

    private func slice(of sample: Int, length: Int64) -> Int32 {
        Int32(truncatingIfNeeded: max(0, facts.profile.samples.time[sample]) / length)
    }

    /// Slices of 100 ms, or longer where the recording would have too many.
    private var sliceLength: Int64 {
        let columns = facts.profile.samples
        let last = tally.samples.reduce(Int64(0)) { max($0, columns.time[Int($1)]) }
        let least = SliceBootstrap.sliceNanoseconds
        let slices = last / least + 1
        let merged = (slices + Int64(SliceBootstrap.mostSlices) - 1) / Int64(SliceBootstrap.mostSlices)
        return least * max(1, merged)
    }

    /// The kernel share with its interval; nil without any on-CPU sample, and where the kernel's half was not sampled.
    func kernelShare() -> KernelShare? {
        guard kernelCPU &+ userCPU > 0, facts.profile.recording.hasKernelHalf else { return nil }
        let length = sliceLength
        let columns = facts.profile.samples
        var kernel = SliceSeries()
        var whole = SliceSeries()
        for (position, sample) in tally.samples.enumerated() {
            let index = Int(sample)
            guard columns.kind[index] == .onCPU else { continue }
            let isKernel = columns.mode[index] == .kernel
            if isKernel && entries.cpuRow[Int(tally.stackOfSample[position])] < 0 { continue }
            if isKernel && isIdle(stack: Int(tally.stackOfSample[position])) { continue }
            let weight = Double(max(0, columns.weight[index]))
            let slice = slice(of: index, length: length)
            if isKernel { kernel.add(weight, slice: slice) }
            whole.add(weight, slice: slice)
        }
        let interval = SliceBootstrap(seed: seed).intervals(of: [kernel], in: whole, count: samples)[0]
        return KernelShare(
            kernel: kernelCPU, total: kernelCPU &+ userCPU, low: interval.low.roundedForReport,
            high: interval.high.roundedForReport)
    }

    private func isIdle(stack: Int) -> Bool {
        let entry = facts.entry(ofKernelSampleAt: tally.stacks[stack].node)
        return facts.attribution.entries[Int(entry)].kind == .idle
    }

    /// The shares of `chosen` rows of the container's kernel time, with their intervals.
    func shares<Key>(of rows: Rows<Key>, chosen: [Int]) -> [Share] {
        guard !chosen.isEmpty else { return [] }
        let length = sliceLength
        let columns = facts.profile.samples
        var position = [Int](repeating: -1, count: rows.rows.count)
        for (index, row) in chosen.enumerated() { position[row] = index }
        var parts = [SliceSeries](repeating: SliceSeries(), count: chosen.count)
        var whole = SliceSeries()
        for (order, sample) in tally.samples.enumerated() {
            let index = Int(sample)
            let stack = Int(tally.stackOfSample[order])
            let row: Int32
            switch (columns.kind[index], columns.mode[index]) {
            case (.onCPU, .kernel):
                guard !isIdle(stack: stack) else { continue }
                row = rows.cpuRow[stack]
            case (.blocked, _):
                // Every contended stack has a row among the entries; other blocked time is not kernel time.
                guard entries.waitRow[stack] >= 0 else { continue }
                row = rows.waitRow[stack]
            default:
                continue
            }
            let weight = Double(max(0, columns.weight[index]))
            let slice = slice(of: index, length: length)
            whole.add(weight, slice: slice)
            if row >= 0, position[Int(row)] >= 0 { parts[position[Int(row)]].add(weight, slice: slice) }
        }
        let count = entries.rows.reduce(0) { $0 + $1.samples }
        let intervals = SliceBootstrap(seed: seed &+ 1).intervals(of: parts, in: whole, count: count)
        return zip(parts, intervals).map { part, interval in
            Share(value: whole.total > 0 ? part.total / whole.total : 0, low: interval.low, high: interval.high)
        }
    }
}
