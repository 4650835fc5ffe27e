internal import ProfileModel

/// A profile with its samples added up by container and stack: where every report of it begins.
struct ProfileAnalysis {
    let profile: Profile
    let facts: StackFacts
    /// In the profile's order of containers.
    let tallies: [ContainerTally]
    let quality: StackQuality
    /// Whether the recording looked at threads that are off the CPU: only then is a wait of 0 a measurement.
    let hasWaits: Bool
    /// Calls by the table's name, for each container.
    private let calls: [[String: Int64]]

    init(_ profile: Profile) {
        self.profile = profile
        let facts = StackFacts(profile)
        var slots = [Int32](repeating: -1, count: facts.attribution.entry.count + 1)
        var quality = StackQuality()
        tallies = ContainerTally.samplesByContainer(profile).map { samples in
            let tally = ContainerTally(samples: samples, profile: profile, slots: &slots)
            quality.add(tally, facts: facts)
            return tally
        }
        self.facts = facts
        self.quality = quality
        hasWaits = profile.samples.kind.contains { $0 == .blocked || $0 == .preempted }
        let table = SyscallTable(arch: profile.recording.arch)
        var calls = [[String: Int64]](repeating: [:], count: profile.containers.count)
        for count in profile.syscallCounts where calls.indices.contains(count.container) {
            guard let name = table.name(of: count.number) else { continue }
            calls[count.container][name, default: 0] &+= max(0, count.calls)
        }
        self.calls = calls
    }

    /// Indices of the containers that `options` asks for.
    func containers(_ options: ReportOptions) -> [Int] {
        profile.containers.indices.filter { index in
            options.container.map(profile.containers[index].answers(to:)) ?? true
        }
    }

    func runTime(ofContainer index: Int) -> RunTime {
        RunTime(profile, container: index, samples: tallies[index].samples)
    }

    func analysis(ofContainer index: Int, _ options: ReportOptions) -> ContainerAnalysis {
        ContainerAnalysis(
            facts: facts, tally: tallies[index], options: options, hasWaits: hasWaits,
            runTime: runTime(ofContainer: index), calls: calls[index])
    }

    func confidence(containerWarnings: [String]) -> Confidence {
        Confidence(profile, quality: quality, hasWaits: hasWaits, containerWarnings: containerWarnings)
    }

    func warnings(ofContainer index: Int, _ analysis: ContainerAnalysis) -> [String] {
        ConfidenceWarnings.of(profile.containers[index], analysis, recording: profile.recording)
    }
}
