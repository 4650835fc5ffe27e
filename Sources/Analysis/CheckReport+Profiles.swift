public import ProfileModel

extension CheckReport {
    /// Holds `candidate` to `limits`.
    ///
    /// - Parameters:
    ///   - baselines: recordings of what is known to be fine. Two or more also say how far recordings of the same thing
    ///     lie apart, which enters the intervals.
    ///   - limits: where empty, `CheckLimit.defaults` of what the recordings hold; that needs a baseline.
    /// - Throws: `CheckError`.
    public init(
        candidate: Profile, baselines: [Profile] = [], limits: [CheckLimit], options: CheckOptions = CheckOptions()
    ) throws(CheckError) {
        if baselines.isEmpty {
            if limits.isEmpty { throw .nothingToCheck }
            if let limit = limits.first(where: { $0.relation != .absolute }) { throw .needsBaseline(limit) }
        }
        let analysis = ProfileAnalysis(candidate)
        let others = baselines.map(ProfileAnalysis.init)
        let subjects: [CheckSubject]
        do throws(ComparisonError) {
            subjects = try CheckSubject.all(analysis, others, options)
        } catch {
            throw .comparison(error)
        }
        self.candidate = ComparedRecording(
            analysis, label: options.candidateLabel, warnings: subjects.flatMap(\.candidate.warnings))
        self.baselines = others.enumerated().map { index, other in
            let label = options.baselineLabels.indices.contains(index) ? options.baselineLabels[index] : "baseline"
            return ComparedRecording(other, label: label, warnings: [])
        }
        let poor = ([self.candidate] + self.baselines).lazy.compactMap { $0.poverty(options) }.first
        verdicts = subjects.flatMap { subject in
            (limits.isEmpty ? CheckLimit.defaults(for: subject) : limits).map { limit in
                var verdict = subject.judge(limit)
                if let poor, verdict.outcome != .cannotTell {
                    verdict.outcome = .cannotTell
                    verdict.reason = poor
                    verdict.moreSeconds = nil
                }
                return verdict
            }
        }
        schema = Self.schemaName
        schemaVersion = Self.currentSchemaVersion
        let outcomes = verdicts.map(\.outcome)
        outcome =
            outcomes.contains(.fail) ? .fail : outcomes.contains(.cannotTell) || outcomes.isEmpty ? .cannotTell : .pass
    }
}

extension ComparedRecording {
    /// Why the recording is too poor to judge by.
    fileprivate func poverty(_ options: CheckOptions) -> String? {
        func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
        if let least = options.leastCompleteStacks, let share = confidence.completeStacksShare, share < least {
            return "\(label): \(percent(share)) of stacks are complete, \(percent(least)) are asked for"
        }
        let all = Double(confidence.stacks) + Double(confidence.lostSamples)
        let lost = all > 0 ? Double(confidence.lostSamples) / all : 0
        if lost > options.mostLost {
            return "\(label): \(percent(lost)) of samples were lost, \(percent(options.mostLost)) may be"
        }
        return nil
    }
}

extension CheckLimit {
    /// By how much the kernel's and contention's parts of a container's time may grow.
    public static let defaultPoints = 0.05
    /// How many times dearer a call may become.
    public static let defaultFactor = 1.25
    /// Of the container's kernel time, on either side: lighter calls are not held to anything by default.
    public static let defaultLeastShare = 0.1

    /// The limits where only a baseline is given.
    ///
    /// Two recordings of the same thing differ by more than their samples can say, because the machine is another one
    /// from minute to minute. The limits leave room for that: a check fails only where the whole interval lies beyond
    /// them, so that for workloads that are the same the figure has to be off by the limit and by its own doubt at once.
    static func defaults(for subject: CheckSubject) -> [CheckLimit] {
        var limits = [CheckLimit(metric: .kernelShare, relation: .plus, value: defaultPoints, text: "+5pp")]
        if subject.hasWaits {
            limits.append(CheckLimit(metric: .contentionShare, relation: .plus, value: defaultPoints, text: "+5pp"))
        }
        var names: Set<String> = []
        for side in [subject.candidate] + subject.baselines {
            let rows = side.entryRows().mapValues { $0.time(withWaits: subject.hasWaits).reduce(0, +) }
            let total = rows.values.reduce(0, +)
            for (entry, time) in rows where entry.kind == .syscall && time >= defaultLeastShare * total {
                if side.calls(of: entry, among: rows.keys) != nil { names.insert(entry.name) }
            }
        }
        return limits
            + names.sorted().map { name in
                CheckLimit(
                    metric: .syscall(name, .cpuPerCall), relation: .times, value: defaultFactor, text: "x1.25")
            }
    }
}
