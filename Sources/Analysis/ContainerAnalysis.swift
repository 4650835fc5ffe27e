internal import ProfileModel

/// One container's samples turned into its report.
struct ContainerAnalysis {
    let facts: StackFacts
    let tally: ContainerTally
    let options: ReportOptions
    /// Whether the recording looked at threads that are off the CPU: only then is a wait of 0 a measurement.
    let hasWaits: Bool
    let runTime: RunTime
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
        facts: StackFacts, tally: ContainerTally, options: ReportOptions, hasWaits: Bool, runTime: RunTime,
        calls: [String: Int64]
    ) {
        self.facts = facts
        self.tally = tally
        self.options = options
        self.hasWaits = hasWaits
        self.runTime = runTime
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

    /// The kernel share with its interval; nil without any on-CPU sample, and where the kernel's half was not sampled.
    func kernelShare() -> KernelShare? {
        guard kernelCPU &+ userCPU > 0, facts.profile.recording.hasKernelHalf else { return nil }
        let columns = facts.profile.samples
        let idle = isIdle
        var kernel = [Double](repeating: 0, count: runTime.slices.count)
        var whole = kernel
        for (position, sample) in tally.samples.enumerated() {
            let index = Int(sample)
            guard columns.kind[index] == .onCPU, let slice = runTime.slice(of: columns.time[index]) else { continue }
            let stack = Int(tally.stackOfSample[position])
            let isKernel = columns.mode[index] == .kernel
            if isKernel && (entries.cpuRow[stack] < 0 || idle[stack]) { continue }
            let weight = Double(max(0, columns.weight[index]))
            if isKernel { kernel[slice] += weight }
            whole[slice] += weight
        }
        let pair = SlicePair(x: kernel, y: whole, seconds: runTime.seconds)
        let kernelSamples = entries.rows.reduce(0) { $0 + $1.samples }
        let share = PairIntervals().estimates(.none, pair, of: [.share])[0]?.asShare(
            samples: samples, of: kernelSamples)
        return KernelShare(
            kernel: kernelCPU, total: kernelCPU &+ userCPU, low: share?.low ?? 0, high: share?.high ?? 1)
    }

    /// By stack of the tally.
    private var isIdle: [Bool] {
        tally.stacks.map { facts.attribution.entries[Int(facts.entry(ofKernelSampleAt: $0.node))].kind == .idle }
    }

    /// The shares of `chosen` rows of the container's kernel time, with their intervals.
    func shares<Key>(of rows: Rows<Key>, chosen: [Int]) -> [Share] {
        guard !chosen.isEmpty else { return [] }
        let columns = facts.profile.samples
        let idle = isIdle
        var position = [Int](repeating: -1, count: rows.rows.count)
        for (index, row) in chosen.enumerated() { position[row] = index }
        let nothing = [Double](repeating: 0, count: runTime.slices.count)
        var parts = [[Double]](repeating: nothing, count: chosen.count)
        var samples = [Int](repeating: 0, count: chosen.count)
        var whole = nothing
        var count = 0
        for (order, sample) in tally.samples.enumerated() {
            let index = Int(sample)
            let stack = Int(tally.stackOfSample[order])
            let row: Int32
            switch (columns.kind[index], columns.mode[index]) {
            case (.onCPU, .kernel):
                guard !idle[stack] else { continue }
                row = rows.cpuRow[stack]
            case (.blocked, _):
                // Every contended stack has a row among the entries; other blocked time is not kernel time.
                guard entries.waitRow[stack] >= 0 else { continue }
                row = rows.waitRow[stack]
            default:
                continue
            }
            guard let slice = runTime.slice(of: columns.time[index]) else { continue }
            let weight = Double(max(0, columns.weight[index]))
            whole[slice] += weight
            count += 1
            if row >= 0, position[Int(row)] >= 0 {
                parts[position[Int(row)]][slice] += weight
                samples[position[Int(row)]] += 1
            }
        }
        let intervals = PairIntervals()
        return zip(parts, samples).map { part, samples in
            let pair = SlicePair(x: part, y: whole, seconds: runTime.seconds)
            let share = intervals.estimates(.none, pair, of: [.share])[0]?.asShare(samples: count, of: samples)
            return Share(value: share?.value ?? 0, low: share?.low ?? 0, high: share?.high ?? 1)
        }
    }
}
