public import ProfileModel

extension KernelReport {
    /// Works out what `profile` says.
    ///
    /// Complexity: linear in samples and stack nodes, and 1,000 resamplings of the slices of each container.
    public init(_ profile: Profile, options: ReportOptions = ReportOptions()) {
        let facts = StackFacts(profile)
        let calls = Self.callsByContainer(profile)
        let lists = ContainerTally.samplesByContainer(profile)
        let columns = profile.samples
        let hasWaits = columns.kind.contains { $0 == .blocked || $0 == .preempted }
        var slots = [Int32](repeating: -1, count: facts.attribution.entry.count + 1)
        var quality = StackQuality()
        var containers: [ContainerReport] = []
        for (index, container) in profile.containers.enumerated() {
            let tally = ContainerTally(samples: lists[index], profile: profile, slots: &slots)
            quality.add(tally, facts: facts)
            guard options.container.map(container.answers(to:)) ?? true else { continue }
            let analysis = ContainerAnalysis(
                facts: facts, tally: tally, options: options, hasWaits: hasWaits, seed: UInt64(index) &* 0x1F3D_5B79,
                calls: calls[index])
            let warnings = ConfidenceWarnings.of(container, analysis, recording: profile.recording)
            containers.append(analysis.report(of: container, warnings: warnings))
        }
        containers.sort { left, right in
            if left.kernelTimeNanoseconds != right.kernelTimeNanoseconds {
                return left.kernelTimeNanoseconds > right.kernelTimeNanoseconds
            }
            return left.name < right.name
        }
        schema = Self.schemaName
        schemaVersion = Self.currentSchemaVersion
        view = options.view
        rankBy = options.rankBy
        recording = RecordingSummary(profile.recording)
        confidence = Confidence(
            profile, quality: quality, hasWaits: hasWaits, containerWarnings: containers.flatMap(\.warnings))
        self.containers = containers
    }

    /// Calls by the table's name, for each container.
    static func callsByContainer(_ profile: Profile) -> [[String: Int64]] {
        let table = SyscallTable(arch: profile.recording.arch)
        var calls = [[String: Int64]](repeating: [:], count: profile.containers.count)
        for count in profile.syscallCounts where calls.indices.contains(count.container) {
            guard let name = table.name(of: count.number) else { continue }
            calls[count.container][name, default: 0] &+= max(0, count.calls)
        }
        return calls
    }
}

extension Container {
    /// Whether people may mean this container when they say `query`: its name, its id or the beginning of it, its pod, or
    /// its cgroup's path.
    public func answers(to query: String) -> Bool {
        if query.isEmpty { return false }
        if name == query || cgroup == query || cgroup == "/" + query { return true }
        if let pod, pod == query || namespace.map({ "\($0)/\(pod)" == query }) ?? false { return true }
        return id?.hasPrefix(query) ?? false
    }
}

extension RecordingSummary {
    init(_ info: RecordingInfo) {
        toolVersion = info.toolVersion
        host = info.host
        kernel = info.kernel
        arch = info.arch
        cpus = info.cpus
        event = info.event
        eventReason = info.eventReason
        frequency = info.frequency
        unwinding = info.unwinding
        commandLine = info.commandLine
        commandStatus = info.commandStatus
        startWallNanoseconds = info.startWallNanoseconds
        durationNanoseconds = info.durationNanoseconds
        finished = info.finished
        notes = info.notes
    }
}
