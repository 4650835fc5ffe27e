internal import ProfileModel

/// Looks for the catalogue's patterns in the stacks of a recording.
struct FindingAnalysis {
    private let whole: ProfileAnalysis
    private let matcher: PatternMatcher
    /// By container.
    private let shown: [Shown]

    /// Fewer samples than this prove nothing.
    static let fewestSamples = 10
    /// Of all that a container spends, on CPUs and in waits that it did not wish for: what is less is not worth a word,
    /// however large a part of its kernel time it is.
    static let leastPart = 0.01
    /// Of a container's kernel time: from this on it is said to show a pattern too, or to run under a shared path.
    static let leastShared = 0.02

    /// What one container's stacks show.
    fileprivate struct Shown {
        var kernelTime: Int64 = 0
        var allTime: Int64 = 0
        var patterns: [Int: Sum] = [:]
        /// By the evidence of the pattern.
        var paths: [PatternMatcher.Match: Int64] = [:]
        /// What the stacks of strong evidence are, per stack of the tally: the patterns that it shows on a CPU and waiting.
        var running: [Int: [Int]] = [:]
        var waiting: [Int: [Int]] = [:]
    }
    fileprivate struct Sum {
        var time: Int64 = 0
        var samples = 0
        var supporting: Int64 = 0
        var entries: [Int32: Int64] = [:]
        var sites: [Int32: Int64] = [:]
        /// The path and the stack with most of the time.
        var heaviest: (time: Int64, match: PatternMatcher.Match, leaf: Int32)?
    }

    init(_ whole: ProfileAnalysis, patterns: [Pattern] = PatternCatalogue.all) {
        self.whole = whole
        let cpus = whole.profile.recording.cpus
        let matcher = PatternMatcher(
            patterns.filter { $0.untold == nil && $0.leastCPUs <= cpus }, facts: whole.facts)
        self.matcher = matcher
        shown = whole.tallies.map { Self.shown(by: $0, whole.facts, matcher) }
    }

    private static func shown(by tally: ContainerTally, _ facts: StackFacts, _ matcher: PatternMatcher) -> Shown {
        var shown = Shown()
        for (index, stack) in tally.stacks.enumerated() {
            let entry = facts.entry(ofKernelSampleAt: stack.node)
            shown.allTime &+= stack.userCPU
            guard facts.attribution.entries[Int(entry)].kind != .idle else { continue }
            shown.kernelTime &+= stack.kernelCPU
            let isInKernel = stack.node >= 0 && facts.attribution.entry[Int(stack.node)] >= 0
            if stack.kernelCPU > 0, isInKernel {
                let found = matcher.matches(leaf: stack.node, isWaiting: false)
                let strong = shown.add(
                    found, matcher, stack.node, stack.kernelCPU, samples: stack.kernelSamples, entry: entry, facts)
                if !strong.isEmpty { shown.running[index] = strong }
            }
            if stack.blocked > 0, isInKernel {
                let found = matcher.matches(leaf: stack.node, isWaiting: true)
                let waitClass = facts.waits.waitClass(leaf: stack.node)
                let isNamed = waitClass != .byChoice && waitClass != .other
                let isStrong = found.contains { matcher.patterns[$0.pattern].evidence[$0.evidence].strength == .strong }
                // Who waits by choice, or for what nobody knows, is no victim, unless a pattern says that just this wait
                // is one.
                guard isNamed || isStrong else { continue }
                shown.kernelTime &+= stack.blocked
                let strong = shown.add(
                    found, matcher, stack.node, stack.blocked, samples: stack.offCPUSamples, entry: entry, facts)
                shown.waiting[index] = strong
            }
        }
        shown.allTime &+= shown.kernelTime
        return shown
    }

    // MARK: Findings

    /// - Parameter containers: indices of those that are looked at.
    /// - Returns: by container, the largest part of the kernel time first.
    func findings(of containers: [Int]) -> [Finding] {
        containers.flatMap { container in
            let shown = shown[container]
            let passed = shown.patterns.filter { pattern, sum in
                sum.samples >= Self.fewestSamples && shown.kernelTime > 0
                    && Double(sum.time) >= Double(shown.kernelTime) * matcher.patterns[pattern].leastShare
                    && Double(sum.time) >= Double(shown.allTime) * Self.leastPart
            }
            let order = passed.sorted { ($1.value.time, $0.key) < ($0.value.time, $1.key) }
            let shares = shares(of: order.map(\.key), in: container)
            return zip(order, shares).compactMap { found, share in
                finding(found.key, found.value, share: share, in: container)
            }
        }
    }

    private func finding(_ pattern: Int, _ sum: Sum, share: Share, in container: Int) -> Finding? {
        let known = matcher.patterns[pattern]
        guard let heaviest = sum.heaviest else { return nil }
        let facts = whole.facts
        let entry =
            sum.entries.max { ($0.value, $1.key) < ($1.value, $0.key) }
            .map { facts.attribution.entries[Int($0.key)] } ?? .unknown
        let site = sum.sites.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
        return Finding(
            pattern: known.name, title: known.title, container: whole.profile.containers[container].name,
            scope: known.scope, confidence: known.confidence,
            evidence: FindingEvidence(
                samples: sum.samples, timeNanoseconds: sum.time, share: share,
                supportingNanoseconds: sum.supporting > 0 ? sum.supporting : nil,
                path: matcher.path(of: heaviest.match, leaf: heaviest.leaf), syscall: entry.name,
                libcName: entry.libcName, callSite: site.map { facts.callSites.places[Int($0)] },
                sharedWith: known.scope == .own
                    ? []
                    : whole.profile.containers.indices.filter { $0 != container && shows(pattern, $0) }
                        .map { whole.profile.containers[$0].name },
                counters: counters(known)),
            cause: known.cause, remedy: known.remedy, references: known.references)
    }

    /// Of the container's kernel time, between 0 and 1, however little it is.
    func share(of pattern: String, in container: Int) -> Double {
        guard let index = matcher.patterns.firstIndex(where: { $0.name == pattern }), shown[container].kernelTime > 0,
            let sum = shown[container].patterns[index]
        else { return 0 }
        return Double(sum.time) / Double(shown[container].kernelTime)
    }

    private func shows(_ pattern: Int, _ container: Int) -> Bool {
        guard let sum = shown[container].patterns[pattern] else { return false }
        return Double(sum.time) >= Double(shown[container].kernelTime) * Self.leastShared
    }

    private func counters(_ pattern: Pattern) -> [Counter] {
        whole.profile.pressure.filter { reading in
            reading.container == nil && pattern.counters.contains { reading.name.hasPrefix($0) }
        }.map { Counter(name: $0.name, unit: $0.unit, before: $0.before, after: $0.after) }
    }

    /// The parts of the container's kernel time with their intervals, over slices as everywhere.
    private func shares(of patterns: [Int], in container: Int) -> [Share] {
        guard !patterns.isEmpty else { return [] }
        let tally = whole.tallies[container]
        let columns = whole.profile.samples
        let shown = shown[container]
        var position: [Int: Int] = [:]
        for (index, pattern) in patterns.enumerated() { position[pattern] = index }
        let runTime = whole.runTime(ofContainer: container)
        var series = [Double](repeating: 0, count: runTime.slices.count)
        var parts = [[Double]](repeating: series, count: patterns.count)
        var samples = [Int](repeating: 0, count: patterns.count)
        var count = 0
        for (order, sample) in tally.samples.enumerated() {
            let stack = Int(tally.stackOfSample[order])
            let found: [Int]
            switch (columns.kind[Int(sample)], columns.mode[Int(sample)]) {
            case (.onCPU, .kernel):
                let entry = whole.facts.entry(ofKernelSampleAt: tally.stacks[stack].node)
                if whole.facts.attribution.entries[Int(entry)].kind == .idle { continue }
                found = shown.running[stack] ?? []
            case (.blocked, _):
                guard let waiting = shown.waiting[stack] else { continue }
                found = waiting
            default: continue
            }
            guard let slice = runTime.slice(of: columns.time[Int(sample)]) else { continue }
            count += 1
            let weight = Double(max(0, columns.weight[Int(sample)]))
            series[slice] += weight
            for pattern in found {
                guard let index = position[pattern] else { continue }
                parts[index][slice] += weight
                samples[index] += 1
            }
        }
        let intervals = PairIntervals()
        return zip(parts, samples).map { part, samples in
            let pair = SlicePair(x: part, y: series, seconds: runTime.seconds)
            let share = intervals.estimates(.none, pair, of: [.share])[0]?.asShare(samples: count, of: samples)
            return Share(value: share?.value ?? 0, low: share?.low ?? 0, high: share?.high ?? 1)
        }
    }

    // MARK: Shared paths

    /// Paths of patterns that are not the container's own affair, without a lock at their end, under which two containers
    /// or more run.
    func sharedPaths(with chosen: Set<Int>) -> [SharedPath] {
        var users: [PatternMatcher.Match: [(container: Int, time: Int64, share: Double)]] = [:]
        for (container, shown) in shown.enumerated() where shown.kernelTime > 0 {
            for (match, time) in shown.paths {
                let share = Double(time) / Double(shown.kernelTime)
                let isWorthIt = Double(time) >= Double(shown.allTime) * Self.leastPart
                guard share >= Self.leastShared, isWorthIt else { continue }
                users[match, default: []].append((container, time, share))
            }
        }
        let shared = users.filter { match, users in
            users.count > 1 && users.contains { chosen.contains($0.container) }
                && matcher.patterns[match.pattern].scope != .own && !matcher.endsInLock(match)
        }
        var best: [Int: (match: PatternMatcher.Match, time: Int64)] = [:]
        for (match, users) in shared {
            // One path for each pattern, the one with most of the time.
            let time = users.reduce(0) { $0 &+ $1.time }
            if let known = best[match.pattern], (known.time, match.evidence) >= (time, known.match.evidence) {
                continue
            }
            best[match.pattern] = (match, time)
        }
        return best.values.sorted { ($1.time, $0.match.pattern) < ($0.time, $1.match.pattern) }.map { match, _ in
            let pattern = matcher.patterns[match.pattern]
            return SharedPath(
                path: matcher.functions(of: match), pattern: pattern.name,
                containers: (shared[match] ?? []).sorted { ($1.time, $0.container) < ($0.time, $1.container) }.map {
                    SharedPath.PathUser(
                        container: whole.profile.containers[$0.container].name, timeNanoseconds: $0.time,
                        share: $0.share.roundedForReport)
                }, counters: counters(pattern))
        }
    }
}

extension FindingAnalysis.Shown {
    /// - Returns: the patterns that the stack shows strongly.
    fileprivate mutating func add(
        _ found: [PatternMatcher.Match], _ matcher: PatternMatcher, _ leaf: Int32, _ time: Int64, samples: Int,
        entry: Int32, _ facts: StackFacts
    ) -> [Int] {
        for match in found { paths[match, default: 0] &+= time }
        let strong = found.filter { matcher.patterns[$0.pattern].evidence[$0.evidence].strength == .strong }
        let patterns = Set(strong.map(\.pattern)).sorted()
        for pattern in patterns {
            var sum = self.patterns[pattern] ?? FindingAnalysis.Sum()
            sum.time &+= time
            sum.samples += samples
            sum.entries[entry, default: 0] &+= time
            if let site = facts.callSites.place(of: leaf) { sum.sites[site, default: 0] &+= time }
            if time > sum.heaviest?.time ?? 0,
                let match = strong.filter({ $0.pattern == pattern }).max(by: {
                    let evidence = matcher.patterns[pattern].evidence
                    return (evidence[$0.evidence].path.count, $1.evidence) < (
                        evidence[$1.evidence].path.count, $0.evidence
                    )
                })
            {
                sum.heaviest = (time, match, leaf)
            }
            self.patterns[pattern] = sum
        }
        for pattern in Set(found.map(\.pattern)).subtracting(patterns) {
            self.patterns[pattern, default: FindingAnalysis.Sum()].supporting &+= time
        }
        return patterns
    }
}
