internal import ProfileModel

extension RecordingDifference {
    /// What differs, the weightiest first. Durations and shares that differ by little do not.
    static func all(
        _ first: ProfileAnalysis, _ second: ProfileAnalysis, _ before: Confidence, _ after: Confidence
    ) -> [RecordingDifference] {
        let (one, other) = (first.profile.recording, second.profile.recording)
        var differences: [RecordingDifference] = []
        func tell(_ fact: String, _ baseline: String, _ candidate: String) {
            if baseline != candidate {
                differences.append(RecordingDifference(fact: fact, baseline: baseline, candidate: candidate))
            }
        }
        tell("event", one.event, other.event)
        tell("host", one.host, other.host)
        tell("kernel", one.kernel, other.kernel)
        tell("arch", one.arch, other.arch)
        tell("cpus", "\(one.cpus)", "\(other.cpus)")
        tell("frequency_hz", "\(one.frequency)", "\(other.frequency)")
        let durations = (Double(one.durationNanoseconds), Double(other.durationNanoseconds))
        if max(durations.0, durations.1) > 1.1 * min(durations.0, durations.1) {
            tell("duration_ns", "\(one.durationNanoseconds)", "\(other.durationNanoseconds)")
        }
        tell("unwinding", one.unwinding, other.unwinding)
        func word(_ isRecorded: Bool) -> String { isRecorded ? "recorded" : "not recorded" }
        tell("kernel_half", word(one.hasKernelHalf), word(other.hasKernelHalf))
        tell("waits", word(first.hasWaits), word(second.hasWaits))
        tell("calls", word(!first.profile.syscallCounts.isEmpty), word(!second.profile.syscallCounts.isEmpty))
        tell("kernel_symbols", one.kernelSymbols.rawValue, other.kernelSymbols.rawValue)
        if let share = before.completeStacksShare, let later = after.completeStacksShare, abs(share - later) > 0.05 {
            tell("complete_stacks_share", "\(share)", "\(later)")
        }
        func lost(_ confidence: Confidence) -> Double {
            Double(confidence.lostSamples) / Double(max(1, Int64(confidence.stacks) &+ confidence.lostSamples))
        }
        if abs(lost(before) - lost(after)) > ConfidenceWarnings.manyLost {
            tell("lost_samples", "\(before.lostSamples)", "\(after.lostSamples)")
        }
        tell("finished", one.finished ? "yes" : "no", other.finished ? "yes" : "no")
        return differences
    }
}
