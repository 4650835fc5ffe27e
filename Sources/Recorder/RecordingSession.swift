import Glibc
import Host
import ObjectTables
import PerfEvents
import PerfRecords
import ProfileBuilder
import ProfileModel
import Recording

/// One recording from the opening of its events to its last name.
struct RecordingSession: ~Copyable {
    private let request: RecordRequest
    let host: Host
    private let helpers: RecorderHelpers
    var plan: RecordingPlan
    let machine: HostMachine
    var events: EventSet
    var builder: ProfileBuilder<HostMachine>
    var info: RecordingInfo
    private var lockWindows: LockWindows
    private var onlineCPUs: OnlineCPUs
    let startTime: UInt64
    private(set) var endTime: UInt64
    private var lostSamples: Int64?
    private var callCounts: [RowID: Int64] = [:]
    private var lastCommit: UInt64 = 0
    private var nextCommit: UInt64 = 0
    private var targetTimes: [RowID: CPUTimes] = [:]

    /// How long the loop sleeps when nothing wakes it, in milliseconds; also how far it lags behind the rings.
    private static let tick: Int32 = 50
    /// The same where only time is sampled, which comes steadily: nothing has to be adapted in between.
    private static let slowTick: Int32 = 100
    private static let commitInterval: UInt64 = 1_000_000_000
    /// When files are looked up, which may take long, what was read before is committed in between: samples that wait in the rings
    /// meanwhile are lost with a killed recorder, and what was not committed besides.
    private static let commitIntervalWhenBehind: UInt64 = 500_000_000
    /// So long after that comes the next commit, which has what had waited.
    private static let commitDelayWhenBehind: UInt64 = 100_000_000
    private static let lookInterval: UInt64 = 20_000_000
    /// How often targets are looked for that started, or went away.
    private static let searchInterval: UInt64 = 1_000_000_000
    /// Files that are opened before the recording starts do not keep it from reading its rings later. Nanoseconds.
    private static let warmUp: UInt64 = 200_000_000
    /// More processes than this are looked at when a sample hits them, not before the recording starts.
    private static let eagerProcesses = 2_000
    /// Of how many of those the root directory is held: each takes a descriptor.
    private static let eagerRoots = 32
    /// So many targets are looked after that often, in nanoseconds: more only once a second.
    private static let closelyWatched = 64
    private static let closeInterval: UInt64 = 100_000_000
    /// More threads than this are not looked at: each costs some 40 µs.
    private static let eagerThreads = 4_000

    /// Opens the events; nothing is recorded yet.
    init(
        _ request: RecordRequest, plan: RecordingPlan, host: Host, machine facts: Machine, helpers: RecorderHelpers
    ) throws(RecorderError) {
        guard let registers = RegisterSet(arch: facts.arch) else { throw .unsupportedArchitecture(facts.arch) }
        var attribution = plan.attribution(host: host)
        let events = try EventSet(
            request, plan: plan, host: host, machine: facts, registers: registers, attribution: &attribution)
        // Behind the events, which raise the limit of open files.
        let machine = HostMachine(host: host, doors: helpers.doors)
        machine.targetsAreOnHost = plan.isOnHost(host: host)
        if plan.takesNewContainers { machine.nextContainerRow = RowID(plan.containers.count + 1) }
        machine.openFiles(
            of: Self.processes(of: plan, host: host).map(\.pid), roots: Self.eagerRoots, within: Self.warmUp)
        let now = Clock.monotonic()
        info = RecordingInfo(
            toolVersion: request.toolVersion, host: facts.hostname, kernel: facts.kernelRelease, arch: facts.arch,
            cpus: facts.onlineCPUs.count, event: events.source.source.name, eventReason: events.source.reason,
            frequency: events.frequency, commandLine: request.commandLine, startWallNanoseconds: Clock.wall(),
            kernelSymbols: machine.kernelSymbolsAreHidden ? .hidden : .visible,
            hasKernelHalf: !events.missing.contains(.kernelHalf), unwinding: "dwarf",
            notes: events.notes, kernelTailCalls: machine.kernelTailCalls(), hasLocks: events.hasLocks,
            missingFunctions: machine.missingFunctions(of: request.functionsToLookUp))
        builder = ProfileBuilder(
            start: now, attribution: attribution, registers: registers, asksForParents: !plan.needsWholeMachine,
            machine: machine, tick: Clock.tick())
        self.machine = machine
        onlineCPUs = OnlineCPUs(facts.onlineCPUs)
        self.events = events
        lockWindows = LockWindows(mostPerSecond: EventKind.lockRate, start: now)
        startTime = now
        endTime = now
        self.request = request
        self.host = host
        self.plan = plan
        self.helpers = helpers
    }

    /// What is about to be recorded.
    var start: RecordStart {
        RecordStart(
            targets: plan.containers.map(\.name), info: info, openEvents: events.events.count)
    }

    /// Records until something ends it.
    mutating func run(
        signals: borrowing SignalQueue, writer: inout RecordingWriter, progress: (RecordProgress) -> Void
    ) throws(RecorderError) -> RecordSummary.EndReason {
        for (index, container) in plan.containers.enumerated() { builder.set(container, id: RowID(index + 1)) }
        try commit(to: &writer)
        guard let own = plan.ownCgroup else { return try run(signals, &writer, progress, command: nil) }
        let processes: Int32
        do { processes = try host.openProcesses(of: own) } catch { throw .host(error) }
        let command: SpawnedCommand
        do { command = try SpawnedCommand(request.command, cgroupProcesses: processes) } catch {
            close(processes)
            throw error
        }
        close(processes)
        builder.add(command.pid)
        return try run(signals, &writer, progress, command: CommandReference(command))
    }

    /// Lets a noncopyable command be optional; lives no longer than one run.
    private final class CommandReference {
        let command: SpawnedCommand
        init(_ command: consuming SpawnedCommand) { self.command = command }
    }

    private mutating func run(
        _ signals: borrowing SignalQueue, _ writer: inout RecordingWriter, _ progress: (RecordProgress) -> Void,
        command: CommandReference?
    ) throws(RecorderError) -> RecordSummary.EndReason {
        var commandHasEnded = false
        defer { if let command, !commandHasEnded { _ = command.command.end() } }
        // Behind the command's fork, which must not inherit it.
        let priority = RecorderPriority()
        defer { priority.end() }
        let witness = Witness(plan, host: host)
        let runQueueWaits = RunQueueWaits(knownProcesses(), host: host)
        builder.setCallPeriod(EventKind.firstCallPeriod, askedAt: startTime, since: startTime)
        try events.enable()
        let brake = events.switchBrake
        machine.beforeWaiting = { brake?.prepareToWait() }
        machine.rootsToHold = Self.eagerRoots
        var threads = Self.eagerThreads
        for (pid, row) in knownProcesses() {
            builder.add(pid)
            if events.followsSwitches { threads -= builder.findSleepers(of: pid, container: row, limit: threads) }
            // Files that open slowly keep this for seconds.
            if Clock.monotonic() >= nextCommit {
                try drain(untilEnd: false, to: &writer)
                try commit(to: &writer)
            }
        }
        machine.rootsToHold = .max
        try command?.command.start()

        let deadline = request.duration.map { startTime + UInt64(max(0, $0.nanoseconds)) }
        var lastLook = Clock.monotonic()
        var nextSearch = startTime + Self.searchInterval
        var nextCloseLook = startTime
        var end: RecordSummary.EndReason?
        let tick = events.onlySampleTime ? Self.slowTick : Self.tick
        while end == nil {
            let now = Clock.monotonic()
            wait(signals: signals, command: command, until: min(deadline ?? .max, now + UInt64(tick) * 1_000_000))
            if let signal = signals.next() { end = .signal(signal) }
            if let deadline, Clock.monotonic() >= deadline { end = .durationOver }
            if let command, let status = command.command.wait(blocking: false) {
                commandHasEnded = true
                info.commandStatus = SpawnedCommand.exitStatus(status)
                end = .commandEnded
            }
            try drain(untilEnd: false, to: &writer)
            // Once more, and not for ever: what ends the recording is looked at in between.
            if events.rings.isFilling { try drain(untilEnd: false, to: &writer) }
            let look = Clock.monotonic()
            if look - lastLook > Self.lookInterval {
                let seconds = Double(look - lastLook) / 1e9
                let begins = builder.takeBusiestLockCount()
                let period = events.adaptPeriods(
                    switches: builder.takeBusiestSwitchRate(), calls: builder.takeBusiestCallCount(),
                    areCallsThrottled: builder.takeCallThrottle(), locks: begins, seconds: seconds)
                lookAtLocks(begins: begins, seconds: seconds, at: look)
                if let period { builder.setCallPeriod(period.calls, askedAt: period.asked, since: period.since) }
                lastLook = look
            }
            let time = Clock.monotonic()
            if time >= nextCommit || time >= nextSearch {
                // What is older than a second has left the rings.
                builder.settle(before: time - Self.commitInterval)
                try commit(to: &writer)
            }
            // Not with the commits, which a busy ring's reading makes as well.
            if time >= nextSearch {
                nextSearch = time + Self.searchInterval
                try followTargets(searches: true)
                noteCPUs()
                machine.targetsAreOnHost = machine.targetsAreOnHost && plan.isOnHost(host: host)
                if end == nil, targetsAreGone { end = .targetsGone }
            } else if time >= nextCloseLook, plan.cgroups.count <= Self.closelyWatched {
                nextCloseLook = time + Self.closeInterval
                try followTargets(searches: false)
            } else {
                takeNewContainers()
            }
            progress(self.progress(.recording))
        }
        events.disable()
        endTime = Clock.monotonic()
        // A target that went takes no part in what came then.
        if end == .targetsGone, plan.others == nil, let gone = plan.allGoneSince(at: endTime), gone > startTime {
            endTime = min(endTime, gone)
        }
        noteCPUs()
        takeTimes(witness)
        builder.batch.pressure += runQueueWaits.rows(knownProcesses(), host: host)
        if let command, !commandHasEnded {
            info.commandStatus = command.command.end().map(SpawnedCommand.exitStatus)
            commandHasEnded = true
        }
        try drain(untilEnd: true, to: &writer)
        if let change = lockWindows.finish(at: endTime) { builder.take(change) }
        builder.finish(at: endTime)
        builder.batch.pressure += builder.successorRows()
        lostSamples = events.lostSamples()
        callCounts = events.countedCalls()
        if builder.largestSwitchPeriod > 1 {
            info.notes.append(
                "switches off the CPU were sampled, at times one in \(builder.largestSwitchPeriod): there were too many to "
                    + "follow each")
        }
        if lockWindows.offNanoseconds > 0 {
            let all = lockWindows.onNanoseconds + lockWindows.offNanoseconds
            info.notes.append(
                "waits for locks were recorded \(lockWindows.onNanoseconds * 100 / all) % of the time, and stand for the rest: "
                    + "there were too many to follow each")
        }
        let waits = builder.lockWaitCounts
        if waits.withStack < waits.all {
            info.notes.append(
                "the call paths of waits for locks were sampled, \(waits.withStack) of \(waits.all): times and counts by lock "
                    + "are of all waits")
        }
        if events.largestCallPeriod > 1 {
            info.notes.append(
                "system calls were sampled, at times one in \(events.largestCallPeriod): there were too many to follow each"
            )
        }
        try commit(to: &writer)
        return end ?? .durationOver
    }

    private mutating func noteCPUs() {
        info.notes += onlineCPUs.notes(online: host.onlineCPUs(), at: seconds(Clock.monotonic()))
    }

    private mutating func lookAtLocks(begins: Int, seconds: Double, at time: UInt64) {
        guard events.hasLocks else { return }
        let change = lockWindows.look(begins: begins, seconds: seconds, at: time) { on in
            let before = Clock.monotonic()
            events.switchLocks(on: on)
            return on ? Clock.monotonic() : before
        }
        if let change { builder.take(change) }
    }

    private mutating func drain(untilEnd: Bool, to writer: inout RecordingWriter) throws(RecorderError) {
        events.switchBrake?.check()
        let began = Clock.monotonic()
        var count = 0
        var failure: RecorderError?
        events.round(untilEnd: untilEnd) { record, bytes in
            if let record {
                builder.take(record, bytes: bytes)
            } else {
                builder.countUndecodable()
            }
            count += 1
            let hasLookedUp = machine.takeHasLookedUp()
            guard hasLookedUp || count.isMultiple(of: 256), failure == nil else { return }
            let now = Clock.monotonic()
            // The next record may wait for a file again.
            guard now >= (hasLookedUp ? lastCommit + Self.commitIntervalWhenBehind : nextCommit) else { return }
            do throws(RecorderError) {
                try Self.commit(&builder, info: Self.info(info, helpers, builder.losses, since: startTime), to: &writer)
            } catch {
                failure = error
            }
            lastCommit = now
            nextCommit = now + Self.commitInterval
        }
        let end = Clock.monotonic()
        // Meanwhile the rings have filled.
        if end > began + Self.commitIntervalWhenBehind {
            nextCommit = min(nextCommit, end + Self.commitDelayWhenBehind)
        }
        if let failure { throw failure }
    }

    /// Sleeps until a ring fills, a signal comes, the command ends or the time is over.
    private func wait(signals: borrowing SignalQueue, command: CommandReference?, until time: UInt64) {
        var waiting = events.rings.descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        waiting.append(pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0))
        if let command, command.command.descriptor >= 0 {
            waiting.append(pollfd(fd: command.command.descriptor, events: Int16(POLLIN), revents: 0))
        }
        let now = Clock.monotonic()
        // A ring that is filling up does not wait.
        let isDue = time <= now || events.rings.isFilling
        let milliseconds = isDue ? 0 : min(UInt64(Self.slowTick), (time - now) / 1_000_000 + 1)
        // The array outlives the call, which writes into its elements only. An early return is no harm.
        _ = unsafe poll(&waiting, nfds_t(waiting.count), Int32(milliseconds))
    }

    private func knownProcesses() -> [(pid: ProcessID, row: RowID)] { Self.processes(of: plan, host: host) }

    private static func processes(of plan: RecordingPlan, host: Host) -> [(pid: ProcessID, row: RowID)] {
        var all = plan.processes
        var known = Set(all.map(\.pid))
        // From the inside outwards: a process belongs to the deepest named cgroup that it is in.
        for named in plan.cgroups.sorted(by: { $0.cgroup.path.utf8.count > $1.cgroup.path.utf8.count })
        where all.count < eagerProcesses {
            all += host.processIDs(in: named.cgroup).filter { known.insert($0).inserted }.map { ($0, named.row) }
        }
        return Array(all.prefix(eagerProcesses))
    }

    // MARK: Facts

    private mutating func takeTimes(_ witness: Witness) {
        takeNewContainers()
        targetTimes = witness.timesSpent(plan)
        for (row, spent) in targetTimes.sorted(by: { $0.key < $1.key }) {
            var container = plan.containers[Int(row) - 1]
            container.cgroupTimes = spent
            builder.set(container, id: row)
        }
        builder.batch.pressure += witness.rows(plan, host: host)
    }

    private func progress(_ phase: RecordProgress.Phase) -> RecordProgress {
        RecordProgress(
            phase: phase, elapsed: .nanoseconds(Int64(clamping: Clock.monotonic() - startTime)),
            duration: request.duration, samples: builder.sampleCount, lostRecords: builder.losses.lostRecords)
    }

    /// The facts as they are; `finished` is set by the writer.
    func currentInfo(at time: UInt64) -> RecordingInfo {
        var current = Self.info(info, helpers, builder.losses, since: startTime, at: time)
        if let lostSamples { current.losses.lostSamples = max(lostSamples, current.losses.lostSamples) }
        return current
    }

    private static func info(
        _ info: RecordingInfo, _ helpers: RecorderHelpers, _ losses: Losses, since start: UInt64,
        at time: UInt64 = Clock.monotonic()
    ) -> RecordingInfo {
        var current = info
        current.durationNanoseconds = Int64(clamping: time - start)
        current.losses = losses
        current.losses.recorderCPUNanoseconds = Clock.ownCPU() + helpers.cpuNanoseconds()
        return current
    }

    mutating func commit(to writer: inout RecordingWriter) throws(RecorderError) {
        lastCommit = Clock.monotonic()
        nextCommit = lastCommit + Self.commitInterval
        try Self.commit(&builder, info: currentInfo(at: lastCommit), to: &writer)
    }

    private static func commit(
        _ builder: inout ProfileBuilder<HostMachine>, info: RecordingInfo, to writer: inout RecordingWriter
    ) throws(RecorderError) {
        do {
            try writer.commit(builder.batch, info: info)
        } catch {
            throw .recording(error)
        }
        builder.batch.removeAll()
    }

    /// What the calls counted from samples have to be multiplied with to give the kernel's own count.
    var callScales: [RowID: Double] {
        var scales: [RowID: Double] = [:]
        for (row, sampled) in builder.countedCalls {
            if let exact = callCounts[row], sampled > 0 { scales[row] = Double(exact) / Double(sampled) }
        }
        return scales
    }

    func summary(endReason: RecordSummary.EndReason) -> RecordSummary {
        let spent = targetTimes.values.map { $0.userNanoseconds + $0.systemNanoseconds }
        return RecordSummary(
            path: request.output, info: currentInfo(at: endTime), samples: builder.sampleCount,
            stacks: builder.stackCount,
            completeStacks: builder.completeStackCount, targetCPUNanoseconds: spent.isEmpty ? nil : spent.reduce(0, +),
            endReason: endReason)
    }

    // MARK: Names

    /// Asks the modules for the names of what was sampled. A signal ends it: what has no name by then goes without.
    mutating func name(signals: borrowing SignalQueue, progress: (RecordProgress) -> Void) async {
        let sources = machine.nameSources
        let asked = builder.nameRequests().filter { sources[$0.key] != nil }
        if asked.isEmpty { return }
        progress(self.progress(.naming))
        let work = asked.compactMap { ask in sources[ask.key].map { (source: $0, request: ask.request) } }
        let descriptor = signals.descriptor
        var waiting = Set(asked.indices)
        for await step in Naming.steps(work, isInterrupted: { SignalQueue.next(on: descriptor) != nil }) {
            guard case .answer(let index, let answer) = step else {
                for index in waiting {
                    builder.take(SymbolAnswer(symbols: [], skipped: "interrupted"), for: asked[index])
                }
                info.notes.append("names of \(waiting.count) modules were skipped: interrupted")
                return
            }
            builder.take(answer, for: asked[index])
            waiting.remove(index)
            if waiting.isEmpty { return }
        }
    }

    /// Says what could not be opened or read; the modules that this cost their names say so themselves.
    mutating func noteMissingFiles() {
        let failures = helpers.parserFailures()
        if failures > 0 {
            info.notes.append(
                "the process that reads files of containers died, hung or grew too large \(failures) times: names or "
                    + "stacks of those files are missing")
        }
        let hangs = helpers.openerHangs()
        if hangs > 0 {
            info.notes.append("\(hangs) files of containers could not be opened in time: their names are missing")
        }
        if let note = machine.debuginfodNote { info.notes.append(note) }
        if machine.filesGivenUp > 0 {
            info.notes.append(
                "\(machine.filesGivenUp) files were not kept open because of the limit on open files (ulimit -n): their "
                    + "names are missing")
        }
    }
}
