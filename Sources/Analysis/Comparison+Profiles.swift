public import ProfileModel

extension Comparison {
    /// Compares two recordings.
    ///
    /// The same two give the same comparison, to the last digit.
    ///
    /// - Throws: `differentEvents` unless forced, `noSuchContainer`, `nothingMatches`.
    /// - Complexity: linear in samples and stack nodes, and the square of the few slices for each row.
    public init(
        baseline: Profile, candidate: Profile, options: ComparisonOptions = ComparisonOptions()
    ) throws(ComparisonError) {
        if !options.force, !Self.sameEvent(baseline, candidate) {
            throw .differentEvents(baseline: baseline.recording.event, candidate: candidate.recording.event)
        }
        let matching = try ContainerMatching(
            baseline.containers, candidate.containers, container: options.container, maps: options.maps)
        let first = ProfileAnalysis(baseline)
        let second = ProfileAnalysis(candidate)
        var compared = ComparedPairs(hasWaits: first.hasWaits && second.hasWaits, query: options.syscall)
        for pair in matching.pairs {
            compared.add(
                RecordedSide(first, container: pair.baseline), RecordedSide(second, container: pair.candidate))
        }
        schema = Self.schemaName
        schemaVersion = Self.currentSchemaVersion
        self.baseline = ComparedRecording(first, label: options.baselineLabel, warnings: compared.warnings.baseline)
        self.candidate = ComparedRecording(second, label: options.candidateLabel, warnings: compared.warnings.candidate)
        differences = RecordingDifference.all(first, second, self.baseline.confidence, self.candidate.confidence)
        containers = compared.containers
        let ranked = compared.rankedSyscalls()
        syscalls = Array(ranked.prefix(options.top ?? ranked.count))
        omittedRows = ranked.count > syscalls.count ? ranked.count - syscalls.count : nil
        detail = options.syscall.map {
            ComparisonDetail(
                query: $0, functions: compared.ranked(compared.functions, top: options.top),
                callSites: compared.ranked(compared.callSites, top: options.top))
        }
        if baseline.recording.kernelSymbols == .visible && candidate.recording.kernelSymbols == .visible {
            findings = ComparedFinding.all(
                first, second, pairs: matching.pairs.map { (baseline: $0.baseline, candidate: $0.candidate) })
        }
        func names(_ containers: [Container], without matched: [Int]) -> [String] {
            containers.indices.filter { !matched.contains($0) }.map { containers[$0].name }
        }
        let isChosen = options.container != nil
        unmatchedBaseline = isChosen ? [] : names(baseline.containers, without: matching.pairs.map(\.baseline))
        unmatchedCandidate = isChosen ? [] : names(candidate.containers, without: matching.pairs.map(\.candidate))
    }

    /// Whether on-CPU nanoseconds stand for the same in both; modifiers (`cycles:k`) do not change that.
    static func sameEvent(_ baseline: Profile, _ candidate: Profile) -> Bool {
        func base(_ event: String) -> Substring { event.prefix { $0 != ":" } }
        return base(baseline.recording.event) == base(candidate.recording.event)
    }
}

extension ComparedRecording {
    init(_ analysis: ProfileAnalysis, label: String, warnings: [String]) {
        self.label = label
        recording = RecordingSummary(analysis.profile.recording)
        confidence = analysis.confidence(containerWarnings: warnings)
    }
}

/// How the time in a system call changed, and by what, as recordings so many times as long would tell.
private struct ComparedParts {
    let change: Estimate
    /// Both or neither: nil where calls were not counted.
    let rate: Estimate?
    let cost: Estimate?

    /// - Parameter found: of `ComparedPairs.statistics`.
    init(_ found: [PairIntervals.Finding?], hasCalls: Bool, lengths: Double = 1) {
        let estimates = found.map { $0?.estimate(lengths: lengths).mapped { $0.rounded() } }
        change = estimates[0] ?? Estimate(value: 0, low: 0, high: 0)
        guard hasCalls, let rate = estimates[1], let cost = estimates[2] else {
            (rate, cost) = (nil, nil)
            return
        }
        self.rate = rate
        // The parts sum to the whole in the digits that are told, too.
        let value = change.value - rate.value
        self.cost = Estimate(value: value, low: min(cost.low, value), high: max(cost.high, value))
    }
}

/// Pairs of containers as they are compared one after another.
struct ComparedPairs {
    let hasWaits: Bool
    let query: String?
    var containers: [ComparedContainer] = []
    var syscalls: [ComparedSyscall] = []
    var functions: [ComparedPlace] = []
    var callSites: [ComparedPlace] = []
    var warnings: (baseline: [String], candidate: [String]) = ([], [])

    init(hasWaits: Bool, query: String?) {
        self.hasWaits = hasWaits
        self.query = query
    }

    mutating func add(_ first: RecordedSide, _ second: RecordedSide) {
        warnings.baseline += first.warnings
        warnings.candidate += second.warnings
        let pair = containers.count
        let entries = (first.entryRows(), second.entryRows())
        let alignment = EntryAlignment(entries.0.keys, entries.1.keys)
        let rows = (alignment.aligned(entries.0), alignment.aligned(entries.1))
        let all = Set(rows.0.keys).union(rows.1.keys).sorted { $0.name < $1.name }
        let intervals = PairIntervals()
        containers.append(compare(first, second, intervals))
        for entry in all {
            var row = compare(entry, (rows.0[entry], rows.1[entry]), (first, second), intervals) { side in
                side == 0 ? first.calls(of: entry, among: rows.0.keys) : second.calls(of: entry, among: rows.1.keys)
            }
            row.pair = pair
            syscalls.append(row)
        }
        if let query { addDetail(query, first, second, intervals) }
    }

    private func compare(
        _ first: RecordedSide, _ second: RecordedSide, _ intervals: PairIntervals
    ) -> ComparedContainer {
        let shares = intervals.estimates(
            first.pair(first.kernel, first.cpu), second.pair(second.kernel, second.cpu),
            of: Self.totals)
        let waits = intervals.estimates(first.pair(first.wait), second.pair(second.wait), of: [Self.change])
        func side(_ side: RecordedSide, _ share: Estimate?) -> ComparedContainerSide {
            ComparedContainerSide(
                name: side.container.name, id: side.container.id, image: side.container.image,
                cgroup: side.container.cgroup, samples: side.analysis.samples, runNanoseconds: side.runTime.nanoseconds,
                kernelShare: side.hasKernelHalf
                    ? share?.asShare(samples: side.analysis.samples, of: side.kernelSamples) : nil,
                cpuPerSecond: (side.cpu.reduce(0, +) / side.seconds).rounded(),
                contendedWaitPerSecond: side.whole.hasWaits ? (side.wait.reduce(0, +) / side.seconds).rounded() : nil)
        }
        return ComparedContainer(
            baseline: side(first, shares[0]), candidate: side(second, shares[1]),
            kernelShareChange: first.hasKernelHalf && second.hasKernelHalf
                ? shares[2]?.mapped { max(-1, min(1, $0)).roundedForReport } : nil,
            cpuChange: (shares[3] ?? Estimate(value: 0, low: 0, high: 0)).mapped { $0.rounded() },
            contendedWaitChange: hasWaits ? waits[0]?.mapped { $0.rounded() } : nil)
    }

    private func compare(
        _ entry: Entry, _ rows: (RecordedSide.Row?, RecordedSide.Row?), _ sides: (RecordedSide, RecordedSide),
        _ intervals: PairIntervals, calls: (_ side: Int) -> [Double]?
    ) -> ComparedSyscall {
        let counted = (calls(0), calls(1))
        func pair(_ row: RecordedSide.Row?, _ side: RecordedSide, _ calls: [Double]?) -> SlicePair {
            let row = row ?? RecordedSide.Row(slices: side.sliceCount)
            return side.pair(row.time(withWaits: hasWaits), calls)
        }
        let first = pair(rows.0, sides.0, counted.0)
        let second = pair(rows.1, sides.1, counted.1)
        let found = intervals.findings(first, second, of: Self.statistics)
        let hasCalls = counted.0 != nil && counted.1 != nil
        let samples = max(rows.0?.samples ?? 0, rows.1?.samples ?? 0)
        let parts = ComparedParts(found, hasCalls: hasCalls)
        func side(_ row: RecordedSide.Row?, _ pair: SlicePair, _ calls: [Double]?) -> ComparedSyscallSide? {
            guard let row else { return nil }
            return ComparedSyscallSide(row, pair, calls: calls, hasWaits: hasWaits)
        }
        let sums = (first.x.reduce(0, +) / first.seconds, second.x.reduce(0, +) / second.seconds)
        func verdict(lengths: Double) -> ComparisonVerdict {
            let parts = lengths == 1 ? parts : ComparedParts(found, hasCalls: hasCalls, lengths: lengths)
            return ComparisonVerdict(
                change: parts.change, rate: parts.rate, cost: parts.cost, before: sums.0, after: sums.1,
                samples: Double(samples) * lengths)
        }
        let seconds = min(first.seconds, second.seconds)
        return ComparedSyscall(
            pair: 0, container: sides.1.container.name, name: entry.name, libcName: entry.libcName, kind: entry.kind,
            baseline: side(rows.0, first, counted.0), candidate: side(rows.1, second, counted.1), change: parts.change,
            fromRate: parts.rate?.value, fromCost: parts.cost?.value,
            fromRateEstimate: parts.rate, fromCostEstimate: parts.cost,
            rateRatio: hasCalls ? found[3]?.estimate().mapped(\.roundedForReport) : nil,
            costRatio: hasCalls ? found[4]?.estimate().mapped(\.roundedForReport) : nil,
            verdict: verdict(lengths: 1),
            moreSeconds: ComparisonVerdict.neededLength(
                most: CheckSubject.mostSeconds / seconds, verdict: verdict(lengths:)
            ).flatMap { $0 > 1 ? CheckSubject.wholeSeconds(seconds * ($0 - 1)) : nil })
    }

    /// x is time, y calls.
    static let statistics: [PairIntervals.Statistic] = [
        change,
        .difference(
            { $0.y1 * (costs($0).before + costs($0).after) / 2 },
            less: { $0.y0 * (costs($0).before + costs($0).after) / 2 }),
        .difference({ costs($0).after * ($0.y0 + $0.y1) / 2 }, less: { costs($0).before * ($0.y0 + $0.y1) / 2 }),
        PairIntervals.Statistic(.ratio) { $0.y1 / $0.y0 },
        .costRatio,
    ]

    private static let change = PairIntervals.Statistic.difference({ $0.x1 }, less: { $0.x0 })

    /// x is kernel time, y CPU time.
    private static let totals: [PairIntervals.Statistic] = [
        PairIntervals.Statistic(.share) { $0.x0 / $0.y0 },
        .share,
        .shareDifference,
        .difference({ $0.y1 }, less: { $0.y0 }),
    ]

    /// A side without calls costs what the other does: nothing there says that the cost changed.
    private static func costs(_ rates: PairIntervals.Rates) -> (before: Double, after: Double) {
        let before = rates.y0 > 0 ? rates.x0 / rates.y0 : .nan
        let after = rates.y1 > 0 ? rates.x1 / rates.y1 : .nan
        return (before.isNaN ? after : before, after.isNaN ? before : after)
    }

    private mutating func addDetail(
        _ query: String, _ first: RecordedSide, _ second: RecordedSide, _ intervals: PairIntervals
    ) {
        let sites = (first.callSiteRows(of: query), second.callSiteRows(of: query))
        let inside = (first.functionRows(of: query), second.functionRows(of: query))
        let pair = containers.count - 1
        func places(_ rows: ([PlaceKey: PlaceRow], [PlaceKey: PlaceRow])) -> [ComparedPlace] {
            Set(rows.0.keys).union(rows.1.keys).sorted().map { key in
                let (before, after) = (rows.0[key], rows.1[key])
                func slices(_ row: PlaceRow?, _ side: RecordedSide) -> SlicePair {
                    side.pair((row?.row ?? RecordedSide.Row(slices: side.sliceCount)).time(withWaits: hasWaits))
                }
                let (one, other) = (slices(before, first), slices(after, second))
                let change = intervals.estimates(one, other, of: [Self.change])[0]
                let sums = (one.x.reduce(0, +) / one.seconds, other.x.reduce(0, +) / other.seconds)
                let place = (sums.0 > sums.1 ? before ?? after : after ?? before)?.place ?? CodePlace()
                return ComparedPlace(
                    pair: pair, container: second.container.name, place: place,
                    baselinePerSecond: before == nil ? nil : sums.0.rounded(),
                    candidatePerSecond: after == nil ? nil : sums.1.rounded(),
                    change: (change ?? Estimate(value: 0, low: 0, high: 0)).mapped { $0.rounded() })
            }
        }
        functions += places(inside)
        callSites += places(sites)
    }

    /// Rows of 0 on both sides (no waits on one of them) tell nothing.
    func rankedSyscalls() -> [ComparedSyscall] {
        syscalls.filter { ($0.baseline?.timePerSecond ?? 0) > 0 || ($0.candidate?.timePerSecond ?? 0) > 0 }
            .sorted { left, right in
                let (one, other) = (abs(left.change.value), abs(right.change.value))
                return one != other ? one > other : (left.pair, left.name) < (right.pair, right.name)
            }
    }

    func ranked(_ places: [ComparedPlace], top: Int?) -> [ComparedPlace] {
        let ranked = places.sorted { left, right in
            let (one, other) = (abs(left.change.value), abs(right.change.value))
            return one != other ? one > other : (left.pair, left.place.sortKey) < (right.pair, right.place.sortKey)
        }
        return Array(ranked.prefix(top ?? ranked.count))
    }
}

extension ComparedSyscallSide {
    init(_ row: RecordedSide.Row, _ pair: SlicePair, calls: [Double]?, hasWaits: Bool) {
        let seconds = pair.seconds
        let time = pair.x.reduce(0, +)
        samples = row.samples
        kernelTimeNanoseconds = Int64(clamping: time)
        timePerSecond = (time / seconds).rounded()
        cpuPerSecond = (row.cpu.reduce(0, +) / seconds).rounded()
        contendedWaitPerSecond = hasWaits ? (row.wait.reduce(0, +) / seconds).rounded() : nil
        if let calls {
            let sum = calls.reduce(0, +)
            self.calls = Int64(clamping: sum)
            callsPerSecond = (sum / seconds * 1e3).rounded() / 1e3
            costPerCall = sum > 0 ? (time / sum * 1e3).rounded() / 1e3 : nil
        }
    }
}

extension Int64 {
    /// The nearest that there is; 0 for what is not a number.
    init(clamping value: Double) {
        self = value.isNaN ? 0 : value >= 9.2e18 ? .max : value <= -9.2e18 ? .min : Int64(value.rounded())
    }
}

extension RecordedSide {
    var warnings: [String] {
        ConfidenceWarnings.of(container, analysis, recording: whole.profile.recording)
    }
}
