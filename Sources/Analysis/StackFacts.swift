internal import ProfileModel

/// Everything that is known of a profile's stacks before any sample is counted.
struct StackFacts {
    let profile: Profile
    let attribution: EntryAttribution
    let callSites: CallSites
    let charging: FunctionCharging
    let waits: WaitClassification
    /// Per stack node: why its user part was cut short; nil where it was not.
    let truncation: [TruncationReason?]

    init(_ profile: Profile) {
        self.profile = profile
        attribution = EntryAttribution(profile)
        callSites = CallSites(profile, attribution: attribution)
        let parents = profile.stacks.parent
        let frames = profile.stacks.frame
        charging = FunctionCharging(
            parents: parents, frames: frames, attribution: attribution,
            isCPUClock: profile.recording.event.hasPrefix("cpu-clock"))
        waits = WaitClassification(parents: parents, frames: frames, attribution: attribution)
        var truncation: [TruncationReason?] = []
        truncation.reserveCapacity(attribution.entry.count)
        for node in attribution.entry.indices {
            let parent = Int(parents[node])
            let frame = Int(frames[node])
            if profile.frames.indices.contains(frame), profile.frames[frame].kind == .truncation {
                truncation.append(profile.frames[frame].function.flatMap(TruncationReason.init) ?? .badFrame)
            } else {
                truncation.append(parent >= 0 && parent < node ? truncation[parent] : nil)
            }
        }
        self.truncation = truncation
    }

    /// The entry of a kernel-mode sample at `node`, index into `attribution.entries`.
    func entry(ofKernelSampleAt node: Int32) -> Int32 {
        guard node >= 0 else { return attribution.withoutStack }
        let entry = attribution.entry[Int(node)]
        return entry >= 0 ? entry : attribution.withoutStack
    }
}
