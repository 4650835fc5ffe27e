public import ProfileModel

extension KernelReport {
    /// Works out what `profile` says.
    ///
    /// Complexity: linear in samples and stack nodes, and 1,000 resamplings of the slices of each container.
    public init(_ profile: Profile, options: ReportOptions = ReportOptions()) {
        let whole = ProfileAnalysis(profile)
        let chosen = whole.containers(options)
        var containers = chosen.map { index in
            let analysis = whole.analysis(ofContainer: index, options)
            var report = analysis.report(
                of: profile.containers[index], warnings: whole.warnings(ofContainer: index, analysis))
            report.suspects = Suspects(profile, container: index)
            return report
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
        confidence = whole.confidence(containerWarnings: containers.flatMap(\.warnings))
        self.containers = containers
        let found = LockAnalysis(whole).reports(chosen: Set(chosen))
        locks = found?.locks
        omittedLocks = found.flatMap { $0.omitted > 0 ? $0.omitted : nil }
        guard profile.recording.kernelSymbols == .visible else { return }
        let patterns = FindingAnalysis(whole)
        sharedPaths = patterns.sharedPaths(with: Set(chosen))
        findings = patterns.findings(of: chosen)
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
