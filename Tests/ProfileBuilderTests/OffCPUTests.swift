import PerfRecords
import ProfileBuilder
import ProfileModel
import Recording
import TestSupport
import Testing

@Suite struct OffCPUTests {
    static let switches: UInt64 = 20
    var recorded: Recorded

    init() {
        var attribution = Recorded.attribution()
        attribution.events[Self.switches] = Attribution.EventUse(meaning: .switchedOut, container: 1)
        recorded = Recorded(attribution: attribution)
        recorded.machine.processes[ProcessID(10)] = Recorded.process("app", threads: [10, 11])
    }

    /// A thread leaves its CPU: the sample of its stack, where there is one, and the record of the switch.
    private mutating func leave(
        _ tid: Int32, at time: UInt64, preempted: Bool = false, isSampled: Bool = true
    ) throws {
        if isSampled {
            var contents = recorded.contents(10, tid: tid)
            contents.identifier = Self.switches
            contents.misc = 1
            contents.callchain = [Recorded.kernelMarker, 0xFFFF_FFFF_8100_0000 + UInt64(tid)]
            recorded.time = time - 1
            try recorded.sample(contents)
        }
        try change(tid, at: time, out: true, preempted: preempted)
    }

    private mutating func comeBack(_ tid: Int32, at time: UInt64) throws {
        try change(tid, at: time, out: false, preempted: false)
    }

    private mutating func change(
        _ tid: Int32, at time: UInt64, out: Bool, preempted: Bool, other: (pid: Int32, tid: Int32)? = nil
    ) throws {
        let trailer = Trailer(pid: 10, tid: tid, time: time, id: Self.switches)
        try recorded.take(
            RecordBytes.contextSwitch(
                out: out, preempted: preempted, otherPID: other?.pid ?? 0, otherTID: other?.tid ?? 0, trailer: trailer,
                layout: recorded.layout))
    }

    /// Away from `time` for so long, unsampled.
    private mutating func goUnseen(_ tid: Int32, at time: UInt64, for nanoseconds: UInt64, preempted: Bool = false)
        throws
    {
        try leave(tid, at: time, preempted: preempted, isSampled: false)
        try comeBack(tid, at: time + nanoseconds)
    }

    @Test("A thread is off the CPU from its switch out to its switch in, with the stack it left")
    mutating func blocked() throws {
        try leave(10, at: 2_000)
        #expect(recorded.rows.samples.isEmpty)
        try comeBack(10, at: 2_700)
        let row = try #require(recorded.rows.samples.first)
        // 1,700 behind the start at 1,000; away for 700.
        #expect(row.time == 1_700 && row.weight == 700 && row.kind == .blocked && row.mode == .kernel)
        #expect(recorded.stack(0).first == "[kernel]+ffffffff8100000a")
        // It is no on-CPU sample.
        #expect(recorded.builder.sampleCount == 0)
    }

    @Test("A thread that could have run on was preempted, and only that once")
    mutating func preempted() throws {
        try leave(10, at: 2_000, preempted: true)
        try comeBack(10, at: 2_100)
        try leave(10, at: 2_200)
        try comeBack(10, at: 2_300)
        #expect(recorded.rows.samples.map(\.kind) == [.preempted, .blocked])
    }

    @Test("A switch's sample with the id of another tool's event, as the kernel writes it, is of the CPU's own event")
    mutating func strangersID() throws {
        var attribution = Recorded.attribution()
        attribution.add(Self.switches, cpu: 0, Attribution.EventUse(meaning: .switchedOut, container: 1))
        recorded.builder.attribution = attribution
        for (cgroup, expected) in [(77, 1), (78, 0)] as [(UInt64, Int)] {
            if expected > 0 { recorded.builder.attribution.cgroups[CgroupID(cgroup)] = 1 }
            let before = recorded.rows.samples.count
            var contents = recorded.contents(10, tid: 10)
            contents.identifier = 4_711
            contents.cgroup = cgroup
            contents.misc = 1
            contents.callchain = [Recorded.kernelMarker, 0xFFFF_FFFF_8100_0010]
            recorded.time += 100
            try recorded.sample(contents)
            try change(10, at: recorded.time + 1, out: true, preempted: false)
            try comeBack(10, at: recorded.time + 50)
            // A cgroup that nobody named: it cannot be told whose it is.
            #expect(recorded.rows.samples.count - before == expected)
        }
        #expect(recorded.builder.losses.unknownRecords == 1)
        #expect(recorded.builder.sampleCount == 0, "it was taken for a sample on the CPU")
    }

    @Test("Threads are away each for itself")
    mutating func threads() throws {
        try leave(10, at: 2_000)
        try leave(11, at: 2_010)
        try comeBack(11, at: 2_020)
        try comeBack(10, at: 2_050)
        #expect(recorded.rows.samples.map(\.weight) == [10, 50])
        #expect(recorded.rows.threads.map(\.tid) == [ThreadID(10), ThreadID(11)])
    }

    @Test("A sample stands for the switches since the last one, and its own")
    mutating func sampledSwitches() throws {
        try leave(10, at: 2_000)
        try comeBack(10, at: 2_010)
        for time in [2_100, 2_200] as [UInt64] {
            try leave(10, at: time, isSampled: false)
            try comeBack(10, at: time + 10)
        }
        try leave(10, at: 2_300)
        try comeBack(10, at: 2_310)
        // The third sample comes at once behind the second.
        try leave(10, at: 2_400)
        try comeBack(10, at: 2_410)
        #expect(recorded.rows.samples.map(\.weight) == [10, 30, 10])
        #expect(recorded.builder.largestSwitchPeriod == 3)
    }

    @Test("Time that no sample saw goes to a sampled absence of the same thread, kind and about the same length")
    mutating func unseenTime() throws {
        try leave(10, at: 2_000)
        try comeBack(10, at: 2_010)
        // As long as the next sampled one; ten times as long; another thread's; preempted.
        try goUnseen(10, at: 2_100, for: 10)
        try goUnseen(10, at: 2_200, for: 100)
        try goUnseen(11, at: 2_400, for: 10)
        try goUnseen(10, at: 2_500, for: 10, preempted: true)
        try leave(10, at: 2_600)
        try comeBack(10, at: 2_611)
        #expect(recorded.rows.samples.map(\.weight) == [10, 21])
        recorded.builder.finish(at: 3_000)
        let rest = recorded.rows.samples.dropFirst(2)
        #expect(rest.map(\.weight).sorted() == [10, 10, 100])
        // Nothing is known of where those were left, except that nothing like it was seen.
        #expect(rest.allSatisfy { $0.stack == nil })
        #expect(rest.map(\.kind).count { $0 == .preempted } == 1)
        // Each thread's time is all there.
        let thread10 = try #require(recorded.rows.threads.first { $0.tid == ThreadID(10) }).id
        let weights = recorded.rows.samples.filter { $0.thread == thread10 }.map(\.weight)
        // 10 and 11 were sampled; 10, 100 and, preempted, 10 were not.
        #expect(weights.reduce(0, +) == 141)
    }

    @Test("What waits for a sample at the end has the place of one within an octave")
    mutating func unseenRest() throws {
        try goUnseen(10, at: 1_100, for: 5)
        try leave(10, at: 2_000)
        try comeBack(10, at: 2_100)
        try goUnseen(10, at: 2_200, for: 150)
        try goUnseen(10, at: 2_400, for: 300)
        recorded.builder.finish(at: 3_000)
        let rows = recorded.rows.samples.sorted { $0.weight < $1.weight }
        #expect(rows.map(\.weight) == [5, 100, 150, 300])
        #expect(rows.map { $0.stack != nil } == [false, true, true, false])
    }

    @Test("A thread sleeps from the recording's start on where nobody saw it leave, at the place where it was found")
    mutating func sleepsFromTheStart() throws {
        recorded.machine.kernel = [
            KernelFunction(name: "pipe_read", start: VirtualAddress(0xFFFF_FFFF_8100_0000), module: nil),
            KernelFunction(name: "ksys_read", start: VirtualAddress(0xFFFF_FFFF_8100_2000), module: nil),
        ]
        let asleep = ThreadStanding(
            time: 1_050, isRunnable: false, cpu: 1, kernel: recorded.machine.kernel, user: nil)
        recorded.machine.standings = [ThreadID(10): asleep, ThreadID(11): asleep]
        #expect(recorded.builder.findSleepers(of: ProcessID(10), container: 1, limit: 100) == 2)
        try comeBack(10, at: 1_400)
        recorded.builder.finish(at: 2_000)
        #expect(recorded.rows.samples.map(\.weight) == [400, 1_000])
        #expect(recorded.rows.samples.map(\.kind) == [.blocked, .blocked])
        #expect(recorded.stack(0) == ["pipe_read", "ksys_read", "<no-registers>"])
    }

    @Test("What was found asleep slept longer than was seen: its place stands for long sleeps that no sample saw")
    mutating func sleepsOn() throws {
        recorded.machine.kernel = [
            KernelFunction(name: "do_sigtimedwait", start: VirtualAddress(0xFFFF_FFFF_8100_0000), module: nil)
        ]
        recorded.machine.standings = [
            ThreadID(10): ThreadStanding(
                time: 1_001, isRunnable: false, cpu: 1, kernel: recorded.machine.kernel, user: nil)
        ]
        #expect(recorded.builder.findSleepers(of: ProcessID(10), container: 1, limit: 100) == 2)
        try comeBack(10, at: 1_050)
        try goUnseen(10, at: 1_100, for: 1_000)
        try goUnseen(10, at: 2_200, for: 5)
        try goUnseen(10, at: 2_300, for: 1_000, preempted: true)
        recorded.builder.finish(at: 4_000)
        let rows = recorded.rows.samples.filter { $0.kind == .blocked }.sorted { $0.weight < $1.weight }
        #expect(rows.map(\.weight) == [5, 50, 1_000])
        // Something as short as 5 ns was not seen; nor was anything that could have run on.
        #expect(rows.map { $0.stack != nil } == [false, true, true])
        #expect(recorded.rows.samples.filter { $0.kind == .preempted }.map(\.stack) == [nil])
    }

    @Test("A thread that came back before it was looked at was asleep elsewhere, and one that left meanwhile is known")
    mutating func lookedAtTooLate() throws {
        let asleep = ThreadStanding(time: 1_500, isRunnable: false, cpu: 1, kernel: [], user: nil)
        recorded.machine.standings = [ThreadID(10): asleep, ThreadID(11): asleep]
        _ = recorded.builder.findSleepers(of: ProcessID(10), container: 1, limit: 100)
        try comeBack(10, at: 1_100)
        try leave(11, at: 1_200)
        try comeBack(11, at: 1_600)
        #expect(recorded.rows.samples.map(\.weight) == [400])
    }

    @Test("A thread that was found runnable waited for its CPU until it came, unless it had it all the time")
    mutating func runnableFromTheStart() throws {
        let runnable = ThreadStanding(time: 1_050, isRunnable: true, cpu: 1, kernel: [], user: nil)
        recorded.machine.standings = [ThreadID(10): runnable, ThreadID(11): runnable]
        _ = recorded.builder.findSleepers(of: ProcessID(10), container: 1, limit: 100)
        try comeBack(10, at: 1_300)
        // On its CPU, 11 is sampled and never switches.
        recorded.time = 500_000
        try recorded.sample(recorded.contents(10, tid: 11))
        recorded.builder.finish(at: 900_000)
        #expect(recorded.rows.samples.map(\.kind) == [.preempted, .onCPU])
        #expect(recorded.rows.samples.first?.weight == 300)
    }

    @Test("A thread on a CPU is not away, and one that is gone did not sleep until the end: their records were lost")
    mutating func lostReturns() throws {
        try leave(10, at: 2_000)
        try leave(11, at: 2_000)
        recorded.time = 500_000
        try recorded.sample(recorded.contents(10, tid: 10))
        recorded.machine.gone = [ThreadID(11)]
        recorded.builder.finish(at: 1_000_000_000)
        #expect(recorded.rows.samples.map(\.kind) == [.onCPU])
    }

    @Test("The last switch of a thread that ended is the end of it")
    mutating func lastSwitch() throws {
        recorded.time = 1_500
        try recorded.exit(10, tid: 11)
        try leave(11, at: 2_000)
        recorded.builder.finish(at: 3_000)
        #expect(recorded.rows.samples.isEmpty)
        // Its id may come again.
        try recorded.fork(10, from: 10, tid: 11, parentTID: 10)
        try leave(11, at: 4_000)
        try comeBack(11, at: 4_100)
        #expect(recorded.rows.samples.map(\.weight) == [100])
    }

    @Test("Who got the CPU of a thread that could have run on is summed up by name")
    mutating func ranInstead() throws {
        recorded.machine.comms = [ProcessID(77): "cc1plus"]
        // 11 is known as this container's.
        try goUnseen(11, at: 1_900, for: 1)
        for (time, other) in [(2_000, (77, 77)), (3_000, (78, 78)), (4_000, (0, 0)), (5_000, (10, 11))] {
            let start = UInt64(time)
            try change(10, at: start, out: true, preempted: true, other: (pid: Int32(other.0), tid: Int32(other.1)))
            try comeBack(10, at: start + UInt64(time / 10))
        }
        // Not preempted: nobody took its CPU.
        try change(10, at: 6_000, out: true, preempted: false, other: (pid: 77, tid: 77))
        try comeBack(10, at: 6_900)
        recorded.builder.finish(at: 7_000)
        let rows = recorded.builder.successorRows()
        #expect(
            rows.map(\.name) == [
                "preempted by its own threads", "preempted by nobody", "preempted by (gone)", "preempted by cc1plus",
            ])
        #expect(rows.map(\.after) == [500, 400, 300, 200])
        #expect(rows.allSatisfy { $0.container == 1 && $0.unit == "ns" })
    }

    @Test("Who is still away at the end was away until the end, and who ended is not")
    mutating func end() throws {
        try leave(10, at: 2_000)
        try leave(11, at: 2_100)
        try recorded.exit(10, tid: 11)
        recorded.builder.finish(at: 3_000)
        #expect(recorded.rows.samples.map(\.weight) == [1_000])
    }

    @Test("Nobody comes back who was not seen leaving, or comes back before it left for less than nothing")
    mutating func strange() throws {
        try comeBack(10, at: 2_000)
        #expect(recorded.rows.samples.isEmpty)
        try leave(10, at: 3_000)
        try comeBack(10, at: 2_500)
        #expect(recorded.rows.samples.map(\.weight) == [0])
    }

    @Test("The busiest CPU's switches are counted anew each time they are asked for, over the time that they took")
    mutating func busiest() throws {
        // Four in 30 ms: fewer in a shorter time would say nothing of a rate.
        for milliseconds in [100, 101, 105, 130] as [UInt64] {
            try leave(10, at: milliseconds * 1_000_000, isSampled: milliseconds == 100)
        }
        let rate = recorded.builder.takeBusiestSwitchRate()
        #expect(abs(rate - 4 / 0.030) < 0.01)
        #expect(recorded.builder.takeBusiestSwitchRate() == 0)
        try leave(10, at: 200_000_000)
        #expect(abs(recorded.builder.takeBusiestSwitchRate() - 1 / 0.020) < 0.01)
    }

    @Test("What a switch costs is on-CPU time already, and is no absence")
    mutating func costOfSwitches() throws {
        // On the CPU for 100 µs by the records and for 104 by the samples, away for 50 µs, again and again.
        var time: UInt64 = 1_000_000
        for _ in 0..<1000 {
            try comeBack(10, at: time)
            recorded.time = time + 50_000
            var contents = recorded.contents(10)
            contents.period = 104_000
            try recorded.sample(contents)
            try leave(10, at: time + 100_000)
            time += 150_000
        }
        let absences = recorded.rows.samples.filter { $0.kind == .blocked }
        #expect(absences.count == 999)
        // All but the first few are 46 µs, and all in all what is missing is the cost of each switch.
        #expect(absences.last?.weight == 46_000)
        let sum = absences.reduce(0) { $0 + $1.weight }
        #expect(abs(sum - 999 * 46_000) <= 8_000)
    }
}

@Suite struct SyscallCounterTests {
    static let entries: UInt64 = 30
    var recorded: Recorded

    init() {
        var attribution = Attribution()
        attribution.events[Self.entries] = Attribution.EventUse(meaning: .syscallEntry, container: 2)
        recorded = Recorded(attribution: attribution)
    }

    /// One sample of `raw_syscalls:sys_enter`: eight bytes that all tracepoints have, the number, and padding.
    private mutating func call(_ number: UInt64, at time: UInt64) throws {
        var contents = recorded.contents(10)
        contents.identifier = Self.entries
        contents.raw = RecordBytes(type: 0).u64(0xAAAA_AAAA_AAAA_AAAA, number).u32(0).body
        recorded.time = time - 1
        try recorded.sample(contents)
    }

    private var counts: [[Int64]] {
        recorded.rows.syscallCounts.map { [$0.container, Int64($0.number), $0.time, $0.calls] }
    }

    @Test("Calls are summed up by number and slice of 100 ms, and no samples of them are kept")
    mutating func slices() throws {
        let slice: UInt64 = 100_000_000
        for time in [1_000, 2_000, slice] { try call(221, at: Recorded.start + time) }
        try call(1, at: Recorded.start + 5)
        recorded.builder.finish(at: Recorded.start + slice * 2)
        #expect(counts == [[2, 1, 0, 1], [2, 221, 0, 2], [2, 221, 100_000_000, 1]])
        #expect(recorded.rows.samples.isEmpty && recorded.rows.threads.isEmpty)
    }

    @Test(
        "A sample stands for as many calls as the period says that held, but for the first under it, which comes at once"
    )
    mutating func periods() throws {
        recorded.builder.setCallPeriod(1, askedAt: 0, since: 0)
        recorded.builder.setCallPeriod(10, askedAt: Recorded.start + 500, since: Recorded.start + 500)
        // Whether one at 895 is of the old period or the first under the new one nobody knows.
        recorded.builder.setCallPeriod(100, askedAt: Recorded.start + 890, since: Recorded.start + 900)
        for time in [499, 500, 889, 895, 950] as [UInt64] { try call(221, at: Recorded.start + time) }
        recorded.builder.finish(at: Recorded.start + 1_000)
        #expect(counts == [[2, 221, 0, 1 + 10 + 100]])
        #expect(recorded.builder.countedCalls == [2: 111])
    }

    private mutating func stop(_ event: UInt64) throws {
        let trailer = Trailer(pid: 0, tid: 0, time: 2_000, id: event)
        try recorded.take(RecordBytes.throttle(eventID: event, trailer: trailer, layout: recorded.layout))
    }

    @Test("An event of calls that the kernel stopped is told of once, another event is not")
    mutating func throttled() throws {
        try stop(Recorded.event)
        let another = recorded.builder.takeCallThrottle()
        #expect(!another)
        try stop(Self.entries)
        let (first, second) = (recorded.builder.takeCallThrottle(), recorded.builder.takeCallThrottle())
        #expect(first)
        #expect(!second)
    }

    @Test("What is complete goes into the batch, the rest waits")
    mutating func settled() throws {
        try call(221, at: Recorded.start + 1)
        try call(221, at: Recorded.start + 100_000_001)
        recorded.builder.settle(before: Recorded.start + 150_000_000)
        #expect(counts == [[2, 221, 0, 1]])
    }

    @Test("A sample without the tracepoint's data counts for nothing")
    mutating func noData() throws {
        var contents = recorded.contents(10)
        contents.identifier = Self.entries
        try recorded.sample(contents)
        recorded.builder.finish(at: Recorded.start + 1_000)
        #expect(counts == [])
    }
}
