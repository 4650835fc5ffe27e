internal import ProfileModel

/// Counts of stacks that were followed to their end, and of those that were not.
struct StackQuality {
    private(set) var samples = 0
    private(set) var offCPUSamples = 0
    private(set) var stacks = 0
    private(set) var complete = 0
    private(set) var truncations: [String: Int] = [:]

    mutating func add(_ tally: ContainerTally, facts: StackFacts) {
        for stack in tally.stacks {
            let onCPU = stack.kernelSamples + stack.userSamples
            samples += onCPU
            offCPUSamples += stack.offCPUSamples
            // Without any stack there was none to follow: nobody asked for the process.
            if stack.node < 0 { continue }
            let count = onCPU + stack.offCPUSamples
            stacks += count
            if let reason = facts.truncation[Int(stack.node)] {
                truncations[reason.rawValue, default: 0] += count
            } else {
                complete += count
            }
        }
        truncations = truncations.filter { $0.value > 0 }
    }
}

extension Confidence {
    init(_ profile: Profile, quality: StackQuality, hasWaits: Bool, containerWarnings: [String]) {
        let losses = profile.recording.losses
        samples = quality.samples
        offCPUSamples = hasWaits ? quality.offCPUSamples : nil
        lostRecords = losses.lostRecords
        lostSamples = losses.lostSamples
        throttledNanoseconds = losses.throttledNanoseconds
        throttledIntervals = losses.throttledIntervals
        undecodableRecords = losses.undecodableRecords
        unknownRecords = losses.unknownRecords
        completeStacks = quality.complete
        stacks = quality.stacks
        completeStacksShare =
            quality.stacks > 0 ? (Double(quality.complete) / Double(quality.stacks)).roundedForReport : nil
        truncations = quality.truncations
        kernelSymbols = profile.recording.kernelSymbols.rawValue
        var skipped: [String: String] = [:]
        for module in profile.modules {
            if let why = module.symbolsSkipped { skipped[module.path] = why }
        }
        symbolsSkipped = skipped.isEmpty ? nil : skipped
        recorderCPUNanoseconds = losses.recorderCPUNanoseconds
        warnings =
            ConfidenceWarnings.of(profile.recording, quality: quality) + ConfidenceWarnings.ofNames(skipped: skipped)
            + containerWarnings
    }
}

/// Sentences that say why figures are to be trusted less.
enum ConfidenceWarnings {
    /// Fewer samples than this cannot carry a share.
    static let fewSamples = 100
    /// The kernel share may differ from the cgroup's own by this much.
    static let witnessPoints = 0.03
    /// A shorter recording's ends weigh too much for the cgroup's counters to be a witness.
    static let witnessNanoseconds: Int64 = 3_000_000_000
    /// Most kernels take that split from ticks, too: 250 a second of CPU time by default (CONFIG_HZ), which is not told
    /// to programs.
    static let witnessTickNanoseconds = 4_000_000.0
    static let fewCompleteStacks = 0.9
    static let manyLost = 0.01
    static let mostFilesNamed = 3

    static func of(_ recording: RecordingInfo, quality: StackQuality) -> [String] {
        var warnings: [String] = []
        let losses = recording.losses
        if !recording.finished {
            warnings.append(
                "the recording is unfinished: its recorder was killed, and its last second or two are missing")
        }
        if quality.samples == 0 {
            warnings.append("no sample: nothing that was recorded ran on a CPU")
        }
        let expected = Double(quality.samples) + Double(losses.lostSamples)
        if losses.lostSamples > 0 && Double(losses.lostSamples) > expected * manyLost {
            warnings.append(
                "\(losses.lostSamples) samples were lost (\(percent(Double(losses.lostSamples) / expected)) of all)")
        } else if losses.lostSamples == 0 && Double(losses.lostRecords) > Double(quality.stacks) * manyLost {
            warnings.append("\(losses.lostRecords) records were lost: the rings were too small for the load")
        }
        if losses.undecodableRecords > 0 {
            warnings.append("\(losses.undecodableRecords) records made no sense and were skipped")
        }
        if recording.durationNanoseconds > 0 && losses.throttledNanoseconds > 0 {
            let cpus = Double(max(1, recording.cpus)) * Double(recording.durationNanoseconds)
            let share = Double(losses.throttledNanoseconds) / cpus
            warnings.append(
                "the kernel held sampling back \(losses.throttledIntervals) times (\(percent(share)) of the time)")
        }
        if recording.kernelSymbols == .hidden {
            warnings.append(
                "kernel symbols were hidden (kptr_restrict): system calls are known only where user code shows the number"
            )
        }
        let cut = quality.stacks - quality.complete
        if quality.stacks > 0 && Double(quality.complete) < Double(quality.stacks) * fewCompleteStacks {
            let reasons = quality.truncations.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { "\($0.key): \($0.value)" }
            warnings.append(
                "\(cut) of \(quality.stacks) stacks (\(percent(Double(cut) / Double(quality.stacks)))) do not surely reach "
                    + "their outermost frame (\(reasons.joined(separator: ", "))): call sites may be missing or wrong")
        }
        return warnings
    }

    /// - Parameter skipped: the reason by file.
    static func ofNames(skipped: [String: String]) -> [String] {
        if skipped.isEmpty { return [] }
        let files = skipped.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
        let rest = files.count > mostFilesNamed ? " and \(files.count - mostFilesNamed) more" : ""
        return [
            "symbols skipped, so that names are missing: \(files.prefix(mostFilesNamed).joined(separator: ", "))\(rest)"
        ]
    }

    static func of(_ container: Container, _ analysis: ContainerAnalysis, recording: RecordingInfo) -> [String] {
        var warnings: [String] = []
        let name = container.name
        let total = analysis.kernelCPU &+ analysis.userCPU
        if analysis.samples > 0 && analysis.samples < fewSamples {
            warnings.append("\(name): only \(analysis.samples) samples, too few for shares to mean much")
        }
        if analysis.kernelCPU > 0 && recording.kernelSymbols == .visible {
            let share = Double(analysis.unknownCPU) / Double(analysis.kernelCPU)
            if share > 0.05 {
                warnings.append("\(name): \(percent(share)) of kernel time has no entry that jostle knows")
            }
        }
        if let times = container.cgroupTimes, let own = times.kernelShare, total > 0, analysis.samples >= fewSamples,
            recording.durationNanoseconds > witnessNanoseconds, recording.hasKernelHalf
        {
            let sampled = Double(analysis.kernelCPU) / Double(total)
            let counted = Double(times.userNanoseconds) + Double(times.systemNanoseconds)
            let chance = chanceDifference(
                of: sampled, samples: Double(analysis.samples), ticks: counted / witnessTickNanoseconds)
            if abs(sampled - own) > max(witnessPoints, chance) {
                warnings.append(
                    "\(name): the samples say \(percent(sampled)) kernel, the cgroup's own count says \(percent(own))")
            }
        }
        return warnings
    }

    /// How far two samplings of one share may lie apart by chance alone, in 95 of 100 recordings.
    private static func chanceDifference(of share: Double, samples: Double, ticks: Double) -> Double {
        1.96 * (share * (1 - share) * (1 / max(samples, 1) + 1 / max(ticks, 1))).squareRoot()
    }

    /// With one decimal.
    private static func percent(_ share: Double) -> String {
        let tenths = Int((min(max(share, 0), 1e6) * 1_000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }
}
