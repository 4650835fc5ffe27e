internal import ProfileModel

/// From added-up rows to the rows of the report.
extension ContainerAnalysis {
    /// Call sites that a row names; the detail of one call has all.
    private static let mostCallSites = 10

    func entryReports() -> [EntryReport] {
        let names = facts.attribution.entries
        let listed = Array(
            entries.ranked(by: options.rankBy, top: nil) { names[Int($0)].name }
                .filter { isListed(entries.rows[$0]) }.prefix(max(0, options.top ?? .max)))
        let shares = shares(of: entries, chosen: listed)
        let hottest = hottestFunctions()
        let sites = callSites(of: Set(listed.map { entries.rows[$0].key }))
        return zip(listed, shares).map { index, share in
            let row = entries.rows[index]
            let entry = names[Int(row.key)]
            var report = EntryReport(
                name: entry.name, libcName: entry.libcName, kind: entry.kind, samples: row.samples,
                kernelTimeNanoseconds: row.time, kernelCPUNanoseconds: row.cpu,
                contendedWaitNanoseconds: hasWaits ? row.contended : nil,
                waits: hasWaits ? waits[row.key] ?? Waits() : nil, share: share, spinNanoseconds: row.spin,
                callSites: sites[row.key] ?? [])
            if let (function, time) = hottest[row.key] {
                report.hottestKernelFunction =
                    function.function >= 0 ? facts.charging.names[Int(function.function)] : nil
                report.hottestThrough = function.through?.word
                report.hottestNanoseconds = function.function >= 0 ? time : nil
            }
            if entry.kind == .syscall, let calls = calls(of: entry), calls > 0 {
                report.calls = calls
                let seconds = Double(facts.profile.recording.durationNanoseconds) / 1e9
                report.callsPerSecond = seconds > 0 ? (Double(calls) / seconds * 1e3).rounded() / 1e3 : nil
                report.cpuPerCallNanoseconds = row.cpu / calls
                report.waitPerCallNanoseconds = hasWaits ? row.contended / calls : nil
                report.latencyPerCallNanoseconds = hasWaits ? (inside[row.key] ?? 0) / calls : nil
            }
            return report
        }
    }

    /// Calls that only sleep have no kernel time to rank by.
    private func isListed(_ row: Rows<Int32>.Row) -> Bool {
        options.includesSleepOnly || row.samples > 0 || row.contended > 0
    }

    /// An entry that may be several calls counts them all, unless one of them has a row of its own as well.
    private func calls(of entry: Entry) -> Int64? {
        let members = entry.name.split(separator: "|").map(String.init)
        if members.count > 1 {
            let own = Set(entries.rows.map { facts.attribution.entries[Int($0.key)].name })
            if members.contains(where: own.contains) { return nil }
        }
        let counted = members.compactMap { calls[$0] }
        return counted.isEmpty ? nil : counted.reduce(0, &+)
    }

    private func hottestFunctions() -> [Int32: (ChargedFunction, Int64)] {
        // The same function by several ways is one function; its heaviest way is the one that is told.
        var sums: [EntryAnd<Int32>: Int64] = [:]
        for (key, time) in charged { sums[EntryAnd(entry: key.entry, other: key.other.function), default: 0] &+= time }
        func name(_ function: ChargedFunction) -> String {
            (function.function >= 0 ? facts.charging.names[Int(function.function)] : "~")
                + (function.through?.word ?? "")
        }
        var best: [Int32: (ChargedFunction, sum: Int64, own: Int64)] = [:]
        for (key, time) in charged {
            let sum = sums[EntryAnd(entry: key.entry, other: key.other.function)] ?? time
            guard let current = best[key.entry] else {
                best[key.entry] = (key.other, sum, time)
                continue
            }
            let isHeavier =
                (sum, time) != (current.sum, current.own)
                ? (sum, time) > (current.sum, current.own) : name(key.other) < name(current.0)
            if isHeavier { best[key.entry] = (key.other, sum, time) }
        }
        return best.mapValues { ($0.0, $0.sum) }
    }

    /// Of the entries that are listed, heaviest first.
    private func callSites(of listed: Set<Int32>) -> [Int32: [CallSiteReport]] {
        var byEntry: [Int32: [(place: Int32, time: Int64)]] = [:]
        for (key, time) in sites where listed.contains(key.entry) {
            byEntry[key.entry, default: []].append((key.other, time))
        }
        let order = facts.callSites.order
        return byEntry.mapValues { found in
            let sorted = found.sorted { left, right in
                left.time != right.time
                    ? left.time > right.time : order[Int(left.place)] < order[Int(right.place)]
            }
            return sorted.prefix(Self.mostCallSites).map {
                CallSiteReport(place: facts.callSites.places[Int($0.place)], kernelTimeNanoseconds: $0.time)
            }
        }
    }

    func functionReports() -> [FunctionReport] {
        let names = facts.charging.names
        func name(_ key: Int32) -> String { key >= 0 ? names[Int(key)] : "~" }
        let listed = functions.ranked(by: options.rankBy, top: options.top, name: name)
        let entriesOf = heaviestEntry(functionEntries)
        return zip(listed, shares(of: functions, chosen: listed)).map { index, share in
            let row = functions.rows[index]
            return FunctionReport(
                function: row.key >= 0 ? names[Int(row.key)] : nil, kernelTimeNanoseconds: row.time,
                kernelCPUNanoseconds: row.cpu, contendedWaitNanoseconds: hasWaits ? row.contended : nil,
                spinNanoseconds: row.spin, share: share, mostlyIn: entriesOf[row.key] ?? .unknown)
        }
    }

    func callerReports() -> [CallerReport] {
        let listed = callers.ranked(by: options.rankBy, top: options.top) { facts.callSites.places[Int($0)].sortKey }
        let entriesOf = heaviestEntry(sites)
        return zip(listed, shares(of: callers, chosen: listed)).map { index, share in
            let row = callers.rows[index]
            return CallerReport(
                place: facts.callSites.places[Int(row.key)], kernelTimeNanoseconds: row.time,
                kernelCPUNanoseconds: row.cpu,
                contendedWaitNanoseconds: hasWaits ? row.contended : nil, share: share,
                mostlyIn: entriesOf[row.key] ?? .unknown)
        }
    }

    private func heaviestEntry(_ times: [EntryAnd<Int32>: Int64]) -> [Int32: Entry] {
        var best: [Int32: (Int32, Int64)] = [:]
        for (key, time) in times {
            if let (entry, current) = best[key.other], (current, -entry) >= (time, -key.entry) { continue }
            best[key.other] = (key.entry, time)
        }
        return best.mapValues { facts.attribution.entries[Int($0.0)] }
    }

    func report(of container: Container, warnings: [String]) -> ContainerReport {
        let syscalls = entryReports()
        let functionRows = options.view == .function ? functionReports() : nil
        let callerRows = options.view == .caller ? callerReports() : nil
        let omitted =
            switch options.view {
            case .function: functions.rows.count - (functionRows?.count ?? 0)
            case .caller: callers.rows.count - (callerRows?.count ?? 0)
            case .syscall, .container, .lock: entries.rows.count(where: isListed) - syscalls.count
            }
        return ContainerReport(
            name: container.name, id: container.id, runtime: container.runtime, image: container.image,
            pod: container.pod, namespace: container.namespace, cgroup: container.cgroup, samples: samples,
            cpuNanoseconds: kernelCPU &+ userCPU, kernelCPUNanoseconds: kernelCPU, userCPUNanoseconds: userCPU,
            kernelShare: kernelShare(), cgroupKernelShare: container.cgroupTimes?.kernelShare?.roundedForReport,
            kernelTimeNanoseconds: kernelTime, contendedWaitNanoseconds: hasWaits ? allWaits.contended : nil,
            waits: hasWaits ? allWaits : nil, syscalls: syscalls, omittedRows: omitted > 0 ? omitted : nil,
            functions: functionRows, callers: callerRows, warnings: warnings)
    }
}

extension CodePlace {
    /// Orders equally heavy places, so that a report does not depend on chance.
    var sortKey: String {
        [function ?? "~", file ?? "", line.map(String.init) ?? "", module ?? "", address ?? ""].joined(
            separator: "\u{1}")
    }
}

extension CPUTimes {
    /// nil without any time.
    var kernelShare: Double? {
        let total = Double(userNanoseconds) + Double(systemNanoseconds)
        return total > 0 ? Double(systemNanoseconds) / total : nil
    }
}
