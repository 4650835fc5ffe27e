import Glibc
import Host
import PerfEvents
import PerfRecords
import ProfileBuilder
import ProfileModel
import Recording
import SystemPackage

/// The open events of one recording and the rings that they write into: one ring for each CPU, whatever the number of
/// events and threads.
struct EventSet {
    private(set) var events: [Event] = []
    private(set) var rings = RingSet()
    private(set) var ringBytes = 0
    private var samplingEvents: [Event] = []
    private var switchEvents: [Event] = []
    private var firstSwitchPeriod = EventKind.firstSwitchPeriod
    /// Made when all rings are.
    private(set) var switchBrake: SwitchBrake?
    /// See `RingSize`.
    private let ringCapacity: Int
    private let rates: SamplingRates
    private var callPeriod = EventKind.firstCallPeriod
    private var lockStackEvents: [Event] = []
    /// All of locks', those with stacks among them.
    private var lockEvents: [Event] = []
    private var lockStackPeriod = EventKind.firstLockStackPeriod
    /// The most calls that one sample stood for, once there had been a look at how many there are.
    private(set) var largestCallPeriod: UInt64 = 1
    private var callEvents: [(event: Event, row: RowID?)] = []
    /// Whose each event is, by its id; events of the whole machine are nobody's.
    private var eventRows: [UInt64: RowID] = [:]
    /// What events counted that were closed meanwhile.
    private var retiredCalls: [RowID: Int64] = [:]
    private var retiredLoss: Int64 = 0
    private static let largestWakeup = 1 << 20
    private static let throttleFactor: UInt64 = 32
    let source: SamplingEvent
    let frequency: Int
    /// What had to be done without, one sentence each.
    private(set) var notes: [String] = []
    private(set) var missing: [MissingPart] = []

    private let kinds: [EventKind]
    private let abilities: KernelAbilities
    private let machine: Machine
    private var layouts: [UInt64: SampleLayout] = [:]
    /// Each CPU's first event, which owns its ring.
    private var ringOwners: [Int: Event] = [:]

    /// Opens everything, disabled.
    ///
    /// - Parameter attribution: is told what each event is for.
    init(
        _ request: RecordRequest, plan: RecordingPlan, host: Host, machine: Machine, registers: RegisterSet?,
        attribution: inout Attribution
    ) throws(RecorderError) {
        let abilities = KernelAbilities.probe()
        let source = SamplingEvent.choose(abilities: abilities)
        let limit = machine.perfEventMaxSampleRate ?? request.frequency
        let frequency = max(1, min(request.frequency, limit))
        if frequency < request.frequency {
            notes.append(
                "sampled at \(frequency) Hz, not \(request.frequency): kernel.perf_event_max_sample_rate is \(limit)")
        }
        var kinds = EventKind.withStacks(
            request, source: source, frequency: frequency, abilities: abilities, registers: registers, limit: limit)
        if request.countsCalls {
            if let id = host.tracepointID("raw_syscalls/sys_enter") {
                kinds.append(EventKind.syscallEntries(tracepoint: id, abilities: abilities, limit: limit))
            } else {
                missing.append(.systemCalls)
            }
        }
        if request.recordsLocks {
            if let begin = host.tracepointID("lock/contention_begin"),
                let end = host.tracepointID("lock/contention_end")
            {
                kinds += EventKind.lockWaits(
                    begin: begin, end: end, stacks: kinds[0].description, abilities: abilities, limit: limit)
            } else {
                missing.append(.lockContention)
            }
        }
        let ring = RingSize(
            wanted: EventKind.ringCapacity(kinds), cpus: machine.onlineCPUs.count, budget: request.ringMemory,
            lockable: RingSize.lockableBytes(host: host, machine: machine))
        // Early enough to see a burst of switches begin, and to sample fewer of them, while the ring has room. Samples of time
        // alone come steadily.
        let wakeup = UInt32(min(ring.capacity / 4, kinds.count > 1 ? Self.largestWakeup : .max))
        for index in kinds.indices { kinds[index].description.wakeupBytes = wakeup }
        rates = SamplingRates(kinds, ring: ring)
        firstSwitchPeriod = rates.firstSwitchPeriod
        for index in kinds.indices where kinds[index].meaning == .switchedOut {
            kinds[index].description.sampling = .period(firstSwitchPeriod)
        }
        ringCapacity = ring.capacity
        // Descriptors grow with CPUs × named cgroups.
        Host.raiseDescriptorLimit()
        self.abilities = abilities
        self.source = source
        self.frequency = frequency
        self.machine = machine
        let trial = try Self.working(kinds, abilities: abilities, machine: machine, missing: &missing)
        self.kinds = trial.kinds
        for part in missing { notes.append(part.consequence + (request.reason(part).map { ": " + $0 } ?? "")) }

        if plan.needsWholeMachine {
            guard abilities.sendsCgroups || plan.cgroups.isEmpty else {
                throw .unsupported("telling containers apart on the whole machine needs Linux 5.7")
            }
            for cpu in machine.onlineCPUs {
                try open(.everything(cpu: cpu), cpu: cpu, row: nil, attribution: &attribution)
            }
        } else {
            for named in plan.outermostCgroups { try attach(named, attribution: &attribution) }
        }
        // Until here: closing the last event of a tracepoint takes the kernel a grace period, of seconds on a busy machine.
        withExtendedLifetime(trial.events) {}
        if let note = ring.note(cpus: machine.onlineCPUs.count) {
            notes.append(note)
        } else if ringBytes < ring.capacity * rings.count {
            notes.append(
                "rings of \(ringBytes / rings.count / 1024) KiB instead of \(ring.capacity / 1024): "
                    + "the kernel had no more memory for them, so that bursts may be lost")
        }
    }

    /// The kinds of events that this machine lets us open. Without the first there is no recording; without another one
    /// there is. Where the kernel's half is refused, time in user code is all that can be sampled.
    ///
    /// - Returns: also the events that were opened to see that, to be held while the real ones are opened.
    private static func working(
        _ kinds: [EventKind], abilities: KernelAbilities, machine: Machine, missing: inout [MissingPart]
    ) throws(RecorderError) -> (kinds: [EventKind], events: [Event]) {
        let scope = EventScope.everything(cpu: machine.onlineCPUs.first ?? 0)
        var working: [EventKind] = []
        var events: [Event] = []
        for kind in kinds {
            do throws(PerfEventError) {
                events.append(try Event(kind.description, scope: scope, abilities: abilities))
                working.append(kind)
            } catch {
                if let part = kind.lostWithout {
                    if !missing.contains(part) { missing.append(part) }
                    continue
                }
                var userHalf = kind
                userHalf.description.excludesKernel = true
                guard error.isRefusal,
                    (try? Event(userHalf.description, scope: scope, abilities: abilities)) != nil
                else { throw failure(error, machine: machine) }
                // What follows from it needs no sentence of its own.
                missing = [.kernelHalf]
                return ([userHalf], events)
            }
        }
        // A wait needs its begin and its end.
        let isWhole = [.lockBegin, .lockEnd, .lockStack].allSatisfy { meaning in
            working.contains { $0.meaning == meaning }
        }
        if !isWhole { working.removeAll { [.lockBegin, .lockEnd, .lockStack].contains($0.meaning) } }
        return (working, events)
    }

    /// Opens the events of one cgroup on all CPUs.
    ///
    /// - Parameter enabled: for a cgroup that was made again while the recording runs.
    mutating func attach(
        _ named: RecordingPlan.NamedCgroup, enabled: Bool = false, attribution: inout Attribution
    ) throws(RecorderError) {
        let directory: FileDescriptor
        do {
            directory = try FileDescriptor.open(
                FilePath(named.cgroup.directory), .readOnly, options: [.directory, .closeOnExec])
        } catch {
            throw .host(
                HostError.systemCall(
                    name: "open", path: named.cgroup.directory, errno: (error as? Errno)?.rawValue ?? EIO))
        }
        defer { try? directory.close() }
        for cpu in machine.onlineCPUs {
            try open(
                .cgroup(descriptor: directory.rawValue, cpu: cpu), cpu: cpu, row: named.row, enabled: enabled,
                attribution: &attribution)
        }
    }

    /// Opens one event of each kind in one scope.
    private mutating func open(
        _ scope: EventScope, cpu: Int, row: RowID?, enabled: Bool = false, attribution: inout Attribution
    ) throws(RecorderError) {
        do throws(PerfEventError) {
            for kind in kinds {
                let event = try Event(kind.description, scope: scope, abilities: abilities)
                events.append(event)
                switch kind.meaning {
                case .onCPU: samplingEvents.append(event)
                case .switchedOut:
                    switchEvents.append(event)
                    if let switchBrake {
                        try event.setPeriod(switchBrake.period)
                        switchBrake.add(event, period: switchBrake.period)
                    }
                case .syscallEntry: callEvents.append((event, row))
                case .lockStack: lockStackEvents.append(event)
                case .lockBegin, .lockEnd: break
                }
                if kind.meaning.isOfLocks { lockEvents.append(event) }
                layouts[event.id] = kind.description.layout
                eventRows[event.id] = row
                attribution.add(
                    event.id, cpu: cpu,
                    Attribution.EventUse(meaning: kind.meaning, container: row, weight: kind.weight))
                if let owner = ringOwners[cpu] {
                    try event.redirect(to: owner)
                } else {
                    try addRing(for: event)
                    ringOwners[cpu] = event
                }
                if enabled { try event.enable() }
            }
        } catch {
            throw Self.failure(error, machine: machine)
        }
        // See Attribution.event(identifier:cpu:cgroup:).
        rings.decoder = RecordDecoder(
            layouts: layouts, defaultLayout: kinds[0].description.layout,
            strangersLayout: kinds.first { $0.meaning == .switchedOut }?.description.layout)
    }

    /// Halves the ring until the kernel grants it.
    private mutating func addRing(for event: Event) throws(PerfEventError) {
        var capacity = ringCapacity
        while true {
            do {
                let ring = try RingBuffer(event: event, capacity: capacity)
                ringBytes += ring.capacity
                rings.append(ring)
                return
            } catch .cannotMap(let byteCount, let code) {
                guard code == EPERM || code == ENOMEM, capacity > RingCapacity.smallest else {
                    throw .cannotMap(byteCount: byteCount, errno: code)
                }
                capacity /= 2
            }
        }
    }

    private static func failure(_ error: any Error, machine: Machine) -> RecorderError {
        switch error as? PerfEventError {
        case .cannotOpen(let event, let code), .cannotControl(let event, _, let code):
            .event(name: event, errno: code, paranoid: machine.perfEventParanoid)
        case .cannotMap(let byteCount, let code):
            .ring(byteCount: byteCount, errno: code, mlockKiB: machine.perfEventMlockKiB)
        case nil: .host(error)
        }
    }

    mutating func enable() throws(RecorderError) {
        let brake = SwitchBrake(rings: rings)
        for event in switchEvents { brake.add(event, period: firstSwitchPeriod) }
        switchBrake = brake
        for event in events {
            do { try event.enable() } catch { throw .event(name: event.name, errno: EIO, paranoid: nil) }
        }
    }

    /// Whether waits for locks are recorded.
    var hasLocks: Bool { !lockStackEvents.isEmpty }

    /// Switches the events of locks; one that cannot be switched stays as it is.
    func switchLocks(on: Bool) {
        for event in lockEvents { if on { try? event.enable() } else { try? event.disable() } }
    }

    /// Whether it is seen when threads come back to a CPU: without that a sleeper would sleep for ever.
    var followsSwitches: Bool { kinds.contains { $0.meaning == .switchedOut } }

    var onlySampleTime: Bool { kinds.count == 1 }

    /// Stops all events; those that cannot be stopped go on until they are closed.
    func disable() { for event in events { try? event.disable() } }

    /// On-CPU samples that found no room, by the kernel's own count; nil before Linux 6.0.
    ///
    /// Lost records of other kinds are in the rings' own count of lost records.
    func lostSamples() -> Int64? {
        var sum: Int64? = retiredLoss > 0 ? retiredLoss : nil
        for event in samplingEvents {
            guard let lost = event.count()?.lost else { continue }
            sum = (sum ?? 0) + Int64(clamping: lost)
        }
        return sum
    }

    /// Chooses how many switches and calls the next samples stand for.
    ///
    /// Not left to the kernel's own frequency control: both come in bursts, which it takes for the rate.
    /// - Parameters:
    ///   - switches: off the busiest CPU, in a second.
    ///   - calls: on the busiest CPU.
    ///   - areCallsThrottled: whether they came too fast to be sampled so often.
    ///   - locks: waits for locks that began on the busiest CPU.
    ///   - seconds: the time that calls and locks were counted in.
    /// - Returns: the new period of calls, when the kernel was asked for it and since when it holds, where it changed.
    mutating func adaptPeriods(
        switches: Double, calls: Int64, areCallsThrottled: Bool, locks: Int, seconds: Double
    ) -> (calls: UInt64, asked: UInt64, since: UInt64)? {
        guard seconds > 0.01 else { return nil }
        let newLockPeriod = Self.period(perSecond: Double(locks) / seconds, wanted: EventKind.lockStackRate)
        if newLockPeriod != lockStackPeriod {
            lockStackPeriod = newLockPeriod
            for event in lockStackEvents { try? event.setPeriod(newLockPeriod) }
        }
        let newSwitchPeriod = Self.period(perSecond: switches, wanted: rates.switches)
        switchBrake?.set(newSwitchPeriod)
        var newCallPeriod = Self.period(perSecond: Double(calls) / seconds, wanted: rates.calls)
        // How many there are is not known, but more than can be sampled so; a new period also starts the event again.
        if areCallsThrottled { newCallPeriod = max(newCallPeriod, min(callPeriod, 1 << 16) * Self.throttleFactor | 1) }
        guard newCallPeriod != callPeriod, !callEvents.isEmpty else { return nil }
        callPeriod = newCallPeriod
        largestCallPeriod = max(largestCallPeriod, newCallPeriod)
        let asked = Clock.monotonic()
        for (event, _) in callEvents { try? event.setPeriod(newCallPeriod) }
        return (newCallPeriod, asked, Clock.monotonic())
    }

    /// One for all events where they are few. Else odd and never the same for long: a steady period would follow the
    /// pattern of two threads that take turns, or of a loop of two calls.
    private static func period(perSecond rate: Double, wanted: Int) -> UInt64 {
        let ratio = rate / Double(wanted)
        return ratio <= 1 ? 1 : UInt64((ratio * Double.random(in: 0.75...1.25)).rounded(.up)) | 1
    }

    /// Calls of each container by the kernel's own count, where each event counts for one container only.
    func countedCalls() -> [RowID: Int64] {
        var counts = retiredCalls
        for (event, row) in callEvents {
            guard let row, let count = event.count() else { continue }
            counts[row, default: 0] += Int64(clamping: count.value)
        }
        return counts
    }

    /// Closes the events of a cgroup that is gone, and keeps what they have counted. An event that owns a ring stays.
    mutating func retire(_ row: RowID) {
        let owners = Set(ringOwners.values.map(\.id))
        let retired = Set(layouts.keys.filter { eventRows[$0] == row && !owners.contains($0) })
        for (event, _) in callEvents where retired.contains(event.id) {
            retiredCalls[row, default: 0] += Int64(clamping: event.count()?.value ?? 0)
        }
        for event in samplingEvents where retired.contains(event.id) {
            retiredLoss += Int64(clamping: event.count()?.lost ?? 0)
        }
        func goesOn(_ event: Event) -> Bool { !retired.contains(event.id) }
        events = events.filter(goesOn)
        samplingEvents = samplingEvents.filter(goesOn)
        switchEvents = switchEvents.filter(goesOn)
        switchBrake?.keep(goesOn)
        lockStackEvents = lockStackEvents.filter(goesOn)
        lockEvents = lockEvents.filter(goesOn)
        callEvents = callEvents.filter { goesOn($0.event) }
    }

    /// See `RingSet.round`.
    mutating func round(untilEnd: Bool, _ body: (PerfRecord?, RawSpan) -> Void) {
        rings.round(untilEnd: untilEnd, body)
    }
}

extension PerfEventError {
    /// Whether the kernel forbids the event rather than lacking it.
    fileprivate var isRefusal: Bool {
        if case .cannotOpen(_, let code) = self { code == EACCES || code == EPERM } else { false }
    }
}
