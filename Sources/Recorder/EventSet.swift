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
    private var switchEvents: [Event] = []
    private var switchPeriod = EventSet.firstSwitchPeriod
    private var callPeriod = EventSet.firstCallPeriod
    private var callEvents: [(event: Event, row: RowID?)] = []
    let source: SamplingEvent
    let frequency: Int
    /// What had to be done without, one sentence each.
    private(set) var notes: [String] = []

    /// Opens everything, disabled.
    ///
    /// - Parameter attribution: is told what each event is for.
    init(
        _ request: RecordRequest, plan: RecordingPlan, host: Host, machine: Machine, registers: RegisterSet?,
        attribution: inout Attribution
    ) throws(RecorderError) {
        let abilities = KernelAbilities.probe()
        source = SamplingEvent.choose(abilities: abilities)
        let limit = machine.perfEventMaxSampleRate ?? request.frequency
        frequency = max(1, min(request.frequency, limit))
        if frequency < request.frequency {
            notes.append(
                "sampled at \(frequency) Hz, not \(request.frequency): kernel.perf_event_max_sample_rate is \(limit)")
        }
        var kinds = Self.kinds(
            request, source: source, frequency: frequency, abilities: abilities, registers: registers, limit: limit)
        if request.countsCalls {
            if let id = host.tracepointID("raw_syscalls/sys_enter") {
                kinds.append(Self.syscallEntries(tracepoint: id, abilities: abilities, limit: limit))
            } else {
                notes.append(
                    "system calls are not counted: the kernel shows no tracepoint raw_syscalls:sys_enter, so that rates "
                        + "and costs per call are unknown")
            }
        }
        let wanted = Self.ringCapacity(kinds)
        for index in kinds.indices { kinds[index].description.wakeupBytes = UInt32(wanted / 4) }
        Self.raiseDescriptorLimit()

        var layouts: [UInt64: SampleLayout] = [:]
        var directories: [(descriptor: FileDescriptor, row: RowID)] = []
        defer { for directory in directories { try? directory.descriptor.close() } }
        if !plan.needsWholeMachine {
            for named in plan.outermostCgroups {
                do {
                    let descriptor = try FileDescriptor.open(
                        FilePath(named.cgroup.directory), .readOnly, options: [.directory, .closeOnExec])
                    directories.append((descriptor, named.row))
                } catch {
                    throw .host(
                        HostError.systemCall(
                            name: "open", path: named.cgroup.directory, errno: (error as? Errno)?.rawValue ?? EIO))
                }
            }
        }
        do {
            for cpu in machine.onlineCPUs {
                var first: Event?
                let scopes: [(EventScope, RowID?)] =
                    plan.needsWholeMachine
                    ? [(.everything(cpu: cpu), nil)]
                    : directories.map { (.cgroup(descriptor: $0.descriptor.rawValue, cpu: cpu), $0.row) }
                for (scope, row) in scopes {
                    for kind in kinds {
                        let event = try Event(kind.description, scope: scope, abilities: abilities)
                        events.append(event)
                        if kind.meaning == .switchedOut { switchEvents.append(event) }
                        if kind.meaning == .syscallEntry { callEvents.append((event, row)) }
                        layouts[event.id] = kind.description.layout
                        attribution.events[event.id] = Attribution.EventUse(
                            meaning: kind.meaning, container: row, weight: kind.weight)
                        if let first {
                            try event.redirect(to: first)
                        } else {
                            first = event
                            try addRing(for: event, wanted: wanted)
                        }
                    }
                }
            }
        } catch {
            throw Self.failure(error, machine: machine)
        }
        rings.decoder = RecordDecoder(layouts: layouts, defaultLayout: kinds[0].description.layout)
        if ringBytes < wanted * rings.count {
            notes.append(
                "rings of \(ringBytes / rings.count / 1024) KiB instead of \(wanted / 1024): "
                    + "kernel.perf_event_mlock_kb allows no more, so that bursts may be lost")
        }
    }

    /// Halves the ring until the kernel grants it.
    private mutating func addRing(for event: Event, wanted: Int) throws(PerfEventError) {
        var capacity = wanted
        while true {
            do {
                let ring = try RingBuffer(event: event, capacity: capacity)
                ringBytes += ring.capacity
                rings.append(ring)
                return
            } catch .cannotMap(let byteCount, let code) {
                guard code == EPERM || code == ENOMEM, capacity > Self.smallestRing else {
                    throw .cannotMap(byteCount: byteCount, errno: code)
                }
                capacity /= 2
            }
        }
    }

    private static let smallestRing = 64 << 10
    private static let largestRing = 32 << 20

    /// One of the events that is opened for each CPU and target.
    struct Kind {
        var meaning: Attribution.EventUse.Meaning
        var description: EventDescription
        /// See `Attribution.EventUse.weight`.
        var weight: Double
        /// Bytes of one sample, about.
        var sampleBytes: Int
        /// Samples in a second, at the most.
        var rate: Int
    }

    /// Switches off a CPU that are sampled in a second: all of them below that, and beyond it one in so many that about
    /// as many are left.
    private static let switchRate = 2_000
    /// One in so many is sampled until the first look at how many there are.
    private static let firstSwitchPeriod: UInt64 = 1
    static let firstCallPeriod: UInt64 = 15
    /// System calls that are sampled in a second and CPU. A record has some 100 bytes and no stack.
    private static let callRate = 4_000

    private static func kinds(
        _ request: RecordRequest, source: SamplingEvent, frequency: Int, abilities: KernelAbilities,
        registers: RegisterSet?, limit: Int
    ) -> [Kind] {
        var fields: SampleFields = [.identifier, .ip, .tid, .time, .cpu, .period, .callchain]
        if abilities.sendsCgroups { fields.insert(.cgroup) }
        if registers != nil { fields.formUnion([.userRegisters, .userStack]) }
        let description = EventDescription(
            source: source.source, sampling: .frequency(frequency),
            layout: SampleLayout(sampleFields: fields, userRegisterMask: registers?.mask ?? 0),
            userStackBytes: registers == nil ? 0 : UInt32(request.userStackBytes),
            excludesUserCallchain: registers != nil, followsTasks: true)
        // Header, fixed fields and a kernel callchain of 40 entries take about 500 bytes.
        let bytes = 500 + request.userStackBytes
        var kinds = [
            Kind(
                meaning: .onCPU, description: description, weight: source.nanosecondsPerUnit, sampleBytes: bytes,
                rate: frequency)
        ]
        if request.recordsBlocked {
            let rate = min(Self.switchRate, limit)
            var switches = description
            switches.source = .contextSwitches
            // With the period in the sample the kernel would deliver every switch. Source: perf_swevent_event.
            switches.layout.sampleFields.remove(.period)
            switches.sampling = .period(firstSwitchPeriod)
            switches.followsTasks = false
            switches.followsSwitches = true
            kinds.append(
                Kind(meaning: .switchedOut, description: switches, weight: 1, sampleBytes: bytes, rate: rate))
        }
        return kinds
    }

    private static func syscallEntries(tracepoint: UInt64, abilities: KernelAbilities, limit: Int) -> Kind {
        // With the period in the sample the kernel would deliver every call. Source: perf_swevent_event.
        var fields: SampleFields = [.identifier, .tid, .time, .cpu, .raw]
        if abilities.sendsCgroups { fields.insert(.cgroup) }
        let rate = min(callRate, limit)
        return Kind(
            meaning: .syscallEntry,
            description: EventDescription(
                source: .tracepoint(id: tracepoint), sampling: .period(firstCallPeriod),
                layout: SampleLayout(sampleFields: fields)),
            weight: 1, sampleBytes: 160, rate: rate)
    }

    /// Room for a second of samples on a CPU that does nothing but run the targets, as a power of two of bytes.
    private static func ringCapacity(_ kinds: [Kind]) -> Int {
        let wanted = kinds.reduce(0) { $0 + $1.rate * $1.sampleBytes }
        var capacity = smallestRing * 4
        while capacity < wanted && capacity < largestRing { capacity *= 2 }
        return capacity
    }

    /// Descriptors grow with CPUs × named cgroups: take what the hard limit allows.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        // getrlimit(2) and setrlimit(2) read and write a local variable.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
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

    func enable() throws(RecorderError) {
        for event in events {
            do { try event.enable() } catch { throw .event(name: event.name, errno: EIO, paranoid: nil) }
        }
    }

    /// Stops all events; those that cannot be stopped go on until they are closed.
    func disable() { for event in events { try? event.disable() } }

    /// Samples that found no room, by the kernel's own count; nil before Linux 6.0.
    func lostSamples() -> Int64? {
        var sum: Int64?
        for event in events {
            guard let lost = event.count()?.lost else { continue }
            sum = (sum ?? 0) + Int64(clamping: lost)
        }
        return sum
    }

    /// Chooses how many switches and calls the next samples stand for.
    ///
    /// Not left to the kernel's own frequency control: both come in bursts, which it takes for the rate.
    /// - Parameters:
    ///   - switches: off the busiest CPU.
    ///   - calls: on the busiest CPU.
    ///   - seconds: in this time.
    /// - Returns: the new period of calls, where it changed.
    mutating func adaptPeriods(switches: Int, calls: Int64, seconds: Double) -> UInt64? {
        guard seconds > 0.01 else { return nil }
        let newSwitchPeriod = Self.period(perSecond: Double(switches) / seconds, wanted: Self.switchRate)
        if newSwitchPeriod != switchPeriod {
            switchPeriod = newSwitchPeriod
            for event in switchEvents { try? event.setPeriod(newSwitchPeriod) }
        }
        let newCallPeriod = Self.period(perSecond: Double(calls) / seconds, wanted: Self.callRate)
        guard newCallPeriod != callPeriod, !callEvents.isEmpty else { return nil }
        callPeriod = newCallPeriod
        for (event, _) in callEvents { try? event.setPeriod(newCallPeriod) }
        return newCallPeriod
    }

    /// One for all events where they are few. Else odd and never the same for long: a steady period would follow the
    /// pattern of two threads that take turns, or of a loop of two calls.
    private static func period(perSecond rate: Double, wanted: Int) -> UInt64 {
        let ratio = rate / Double(wanted)
        return ratio <= 1 ? 1 : UInt64((ratio * Double.random(in: 0.75...1.25)).rounded(.up)) | 1
    }

    /// Calls of each container by the kernel's own count, where each event counts for one container only.
    func countedCalls() -> [RowID: Int64] {
        var counts: [RowID: Int64] = [:]
        for (event, row) in callEvents {
            guard let row, let count = event.count() else { continue }
            counts[row, default: 0] += Int64(clamping: count.value)
        }
        return counts
    }

    /// See `RingSet.round`.
    mutating func round(untilEnd: Bool, _ body: (PerfRecord?, RawSpan) -> Void) {
        rings.round(untilEnd: untilEnd, body)
    }
}
