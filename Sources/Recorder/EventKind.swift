import PerfEvents
import PerfRecords
import ProfileBuilder

/// One of the events that are opened for each CPU and target.
struct EventKind {
    typealias Meaning = Attribution.EventUse.Meaning
    var meaning: Meaning
    var description: EventDescription
    /// See `Attribution.EventUse.weight`.
    var weight: Double
    /// Bytes of one sample, about.
    var sampleBytes: Int
    /// Samples in a second, at the most.
    var rate: Int
    /// What a recording without it lacks; nil where there is none without it.
    var lostWithout: MissingPart?

    /// Switches off a CPU that are sampled in a second: all of them below that, and beyond it one in so many that about
    /// as many are left.
    static let switchRate = 2_000
    /// One in so many is sampled until the first look at how many there are.
    static let firstSwitchPeriod: UInt64 = 1
    static let firstCallPeriod: UInt64 = 15
    /// System calls that are sampled in a second and CPU. A record has some 100 bytes and no stack.
    static let callRate = 4_000

    /// Waits for locks whose stacks are sampled in a second and CPU; times and counts are of all waits.
    static let lockStackRate = 500
    static let firstLockStackPeriod: UInt64 = 1
    /// Waits for locks in a second and CPU that are all recorded; beyond it only a part of the time is looked at.
    static let lockRate = 25_000

    static func withStacks(
        _ request: RecordRequest, source: SamplingEvent, frequency: Int, abilities: KernelAbilities,
        registers: RegisterSet?, limit: Int
    ) -> [EventKind] {
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
            EventKind(
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
                EventKind(
                    meaning: .switchedOut, description: switches, weight: 1, sampleBytes: bytes, rate: rate,
                    lostWithout: .contextSwitches))
        }
        return kinds
    }

    static func syscallEntries(tracepoint: UInt64, abilities: KernelAbilities, limit: Int) -> EventKind {
        // With the period in the sample the kernel would deliver every call. Source: perf_swevent_event.
        var fields: SampleFields = [.identifier, .tid, .time, .cpu, .raw]
        if abilities.sendsCgroups { fields.insert(.cgroup) }
        let rate = min(callRate, limit)
        return EventKind(
            meaning: .syscallEntry,
            description: EventDescription(
                source: .tracepoint(id: tracepoint), sampling: .period(firstCallPeriod),
                layout: SampleLayout(sampleFields: fields)),
            weight: 1, sampleBytes: 160, rate: rate, lostWithout: .systemCalls)
    }

    /// The events that tell of locks: each wait's begin and end, which cost little, and the stacks of some.
    ///
    /// Stacks are taken where the wait begins: where it ends the thread has the lock, and who waits would wait longer.
    ///
    /// - Parameter stacks: the event of switches or samples whose layout the stacks have.
    static func lockWaits(
        begin: UInt64, end: UInt64, stacks: EventDescription, abilities: KernelAbilities, limit: Int
    ) -> [EventKind] {
        var fields: SampleFields = [.identifier, .tid, .time, .cpu, .raw]
        if abilities.sendsCgroups { fields.insert(.cgroup) }
        func small(_ meaning: Attribution.EventUse.Meaning, _ tracepoint: UInt64) -> EventKind {
            EventKind(
                meaning: meaning,
                description: EventDescription(
                    source: .tracepoint(id: tracepoint), sampling: .period(1),
                    layout: SampleLayout(sampleFields: fields)),
                weight: 1, sampleBytes: 96, rate: lockRate, lostWithout: .lockContention)
        }
        var sampled = stacks
        sampled.source = .tracepoint(id: begin)
        sampled.sampling = .period(firstLockStackPeriod)
        // With the period in the sample the kernel would deliver every wait. Source: perf_swevent_event.
        sampled.layout.sampleFields.remove(.period)
        sampled.layout.sampleFields.insert(.raw)
        sampled.followsTasks = false
        sampled.followsSwitches = false
        return [
            small(.lockBegin, begin),
            EventKind(
                meaning: .lockStack, description: sampled, weight: 1,
                sampleBytes: 540 + Int(stacks.userStackBytes), rate: min(lockStackRate, limit),
                lostWithout: .lockContention),
            small(.lockEnd, end),
        ]
    }

    /// Room for a second of samples, or nearly, on a CPU that does nothing but run the targets, as a power of two of bytes.
    static func ringCapacity(_ kinds: [EventKind]) -> Int {
        let wanted = kinds.reduce(0) { $0 + $1.rate * $1.sampleBytes }
        var capacity = RingCapacity.smallest * 4
        while capacity < wanted * 9 / 10 && capacity < RingCapacity.largest { capacity *= 2 }
        return capacity
    }
}
