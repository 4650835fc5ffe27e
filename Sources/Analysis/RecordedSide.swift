internal import ProfileModel

/// One container of one recording, cut into slices of time.
struct RecordedSide {
    /// What one row (a system call, a function, a call site) has in each slice. Nanoseconds.
    struct Row {
        var cpu: [Double]
        var wait: [Double]
        /// On-CPU samples.
        var cpuSamples = 0
        /// Contended waits.
        var waitSamples = 0
        var samples: Int { cpuSamples + waitSamples }

        init(slices: Int) {
            cpu = [Double](repeating: 0, count: slices)
            wait = cpu
        }

        func time(withWaits: Bool) -> [Double] { withWaits ? zip(cpu, wait).map(+) : cpu }

        static func += (left: inout Row, right: Row) {
            for index in left.cpu.indices {
                left.cpu[index] += right.cpu[index]
                left.wait[index] += right.wait[index]
            }
            left.cpuSamples += right.cpuSamples
            left.waitSamples += right.waitSamples
        }
    }

    /// What a stack's samples belong to, on the CPU and waiting; nil for no row at all.
    typealias Keys<Key> = (cpu: Key?, wait: Key?)

    let whole: ProfileAnalysis
    var hasKernelHalf: Bool { whole.profile.recording.hasKernelHalf }
    let container: Container
    let analysis: ContainerAnalysis
    let runTime: RunTime
    /// In each slice, nanoseconds: on-CPU in the kernel, on-CPU, contended wait, spinning in locks.
    private(set) var kernel: [Double]
    private(set) var cpu: [Double]
    private(set) var wait: [Double]
    private(set) var spin: [Double]
    /// On-CPU samples in the kernel; contended waits; these and samples in lock code.
    private(set) var kernelSamples = 0
    private(set) var waitSamples = 0
    private(set) var contendedSamples = 0
    /// Calls in each slice, by the table's name; nil where no call was counted.
    let calls: [String: [Double]]?

    init(_ whole: ProfileAnalysis, container index: Int) {
        self.whole = whole
        container = whole.profile.containers[index]
        let analysis = whole.analysis(ofContainer: index, ReportOptions())
        self.analysis = analysis
        let runTime = whole.runTime(ofContainer: index)
        self.runTime = runTime
        let table = SyscallTable(arch: whole.profile.recording.arch)
        let nothing = [Double](repeating: 0, count: runTime.slices.count)
        var counted: [String: [Double]] = [:]
        for count in whole.profile.syscallCounts where count.container == index && count.calls > 0 {
            // A count at the very end belongs to the last slice.
            let time = min(count.time, Int64(runTime.slices.upperBound) * runTime.sliceNanoseconds - 1)
            guard let name = table.name(of: count.number), let slice = runTime.slice(of: time) else { continue }
            counted[name, default: nothing][slice] += Double(count.calls)
        }
        calls = counted.isEmpty ? nil : counted
        (kernel, cpu, wait, spin) = (nothing, nothing, nothing, nothing)
        let facts = whole.facts
        let isSpinning = analysis.tally.stacks.map { stack in
            stack.kernelSamples > 0 && stack.node >= 0 && facts.attribution.entry[Int(stack.node)] >= 0
                && facts.charging.charge(leaf: stack.node, isWaiting: false).isSpinning
        }
        forEachSample { stack, slice, kind, mode, weight in
            if kind == .blocked {
                guard analysis.entries.waitRow[stack] >= 0 else { return }
                wait[slice] += weight
                waitSamples += 1
                contendedSamples += 1
                return
            }
            cpu[slice] += weight
            guard mode == .kernel else { return }
            kernel[slice] += weight
            kernelSamples += 1
            guard isSpinning[stack] else { return }
            spin[slice] += weight
            contendedSamples += 1
        }
    }

    var seconds: Double { runTime.seconds }
    var sliceCount: Int { runTime.slices.count }

    /// Every on-CPU and blocked sample within the run time; the idle loop's are nobody's.
    private func forEachSample(
        _ body: (_ stack: Int, _ slice: Int, _ kind: SampleKind, _ mode: SampleMode, _ weight: Double) -> Void
    ) {
        let columns = whole.profile.samples
        let tally = analysis.tally
        let entries = whole.facts.attribution.entries
        let isIdle = tally.stacks.map {
            entries[Int(whole.facts.entry(ofKernelSampleAt: $0.node))].kind == .idle
        }
        for (position, sample) in tally.samples.enumerated() {
            let index = Int(sample)
            let kind = columns.kind[index]
            let mode = columns.mode[index]
            guard kind == .onCPU || kind == .blocked else { continue }
            let stack = Int(tally.stackOfSample[position])
            if kind == .onCPU, mode == .kernel, isIdle[stack] { continue }
            guard let slice = runTime.slice(of: columns.time[index]) else { continue }
            body(stack, slice, kind, mode, Double(max(0, columns.weight[index])))
        }
    }

    /// Kernel time by whatever `keys` says of each stack of the tally.
    func rows<Key: Hashable>(_ keys: [Keys<Key>]) -> [Key: Row] {
        var indices: [Key: Int] = [:]
        var rows: [Row] = []
        func index(_ key: Key?) -> Int {
            guard let key else { return -1 }
            if let known = indices[key] { return known }
            rows.append(Row(slices: sliceCount))
            indices[key] = rows.count - 1
            return rows.count - 1
        }
        let places = keys.map { (cpu: index($0.cpu), wait: index($0.wait)) }
        forEachSample { stack, slice, kind, mode, weight in
            if kind == .blocked {
                let row = places[stack].wait
                guard row >= 0, analysis.entries.waitRow[stack] >= 0 else { return }
                rows[row].wait[slice] += weight
                rows[row].waitSamples += 1
            } else if mode == .kernel {
                let row = places[stack].cpu
                guard row >= 0 else { return }
                rows[row].cpu[slice] += weight
                rows[row].cpuSamples += 1
            }
        }
        return indices.mapValues { rows[$0] }.filter { $0.value.samples > 0 }
    }

    /// Kernel time by entry.
    func entryRows() -> [Entry: Row] {
        let entries = whole.facts.attribution.entries
        return rows(
            analysis.tally.stacks.map { stack in
                let entry = entries[Int(whole.facts.entry(ofKernelSampleAt: stack.node))]
                return (entry, entry)
            })
    }

    func pair(_ x: [Double], _ y: [Double]? = nil) -> SlicePair { SlicePair(x: x, y: y, seconds: seconds) }
}
