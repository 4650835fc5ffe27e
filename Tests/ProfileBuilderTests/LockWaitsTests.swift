import PerfRecords
import ProfileBuilder
import ProfileModel
import Recording
import TestSupport
import Testing

@Suite struct LockWaitsTests {
    static let begins: UInt64 = 30
    static let ends: UInt64 = 31
    static let stacks: UInt64 = 32
    static let mutex: UInt64 = 0xFFFF_FFFF_8311_C660
    var recorded: Recorded

    /// Threads 10 and 11 are of container 1, thread 20 is of container 2.
    init() {
        var attribution = Attribution()
        for (event, meaning) in [
            (Self.begins, Attribution.EventUse.Meaning.lockBegin), (Self.ends, .lockEnd), (Self.stacks, .lockStack),
        ] {
            attribution.events[event] = Attribution.EventUse(meaning: meaning, container: 1)
        }
        attribution.cgroups[CgroupID(2)] = 2
        recorded = Recorded(attribution: attribution)
        recorded.machine.processes[ProcessID(10)] = Recorded.process("app", threads: [10, 11])
        recorded.machine.processes[ProcessID(20)] = Recorded.process("log", threads: [20])
        recorded.machine.variables[Self.mutex] = "lock"
    }

    private mutating func take(
        _ event: UInt64, _ tid: Int32, at time: UInt64, address: UInt64, word: UInt32, cpu: UInt32 = 0
    ) throws {
        var contents = recorded.contents(tid < 20 ? 10 : tid, tid: tid)
        contents.identifier = event
        contents.misc = 1
        contents.cpu = cpu
        contents.cgroup = tid < 20 ? 0 : 2
        // Eight bytes that all tracepoints share, the address, the flags or the result.
        contents.raw =
            [UInt8](repeating: 0, count: 8) + (0..<8).map { UInt8(truncatingIfNeeded: address >> (8 * $0)) }
            + (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        if event == Self.stacks {
            contents.callchain = [Recorded.kernelMarker, 0xFFFF_FFFF_8100_0000 + UInt64(tid)]
        }
        recorded.time = time - 1
        try recorded.sample(contents)
    }

    private mutating func begin(
        _ tid: Int32, at time: UInt64, address: UInt64 = mutex, flags: LockFlags = [.mutex, .spin],
        stack: Bool = true, cpu: UInt32 = 0
    ) throws {
        try take(Self.begins, tid, at: time, address: address, word: flags.rawValue, cpu: cpu)
        if stack { try take(Self.stacks, tid, at: time, address: address, word: flags.rawValue, cpu: cpu) }
    }

    private mutating func end(_ tid: Int32, at time: UInt64, address: UInt64 = mutex, result: Int32 = 0) throws {
        try take(Self.ends, tid, at: time, address: address, word: UInt32(bitPattern: result))
    }

    private mutating func finished(at time: UInt64 = 1_000_000_000) -> RowBatch {
        recorded.builder.finish(at: time)
        return recorded.rows
    }

    @Test("A wait that begins twice, spinning and then asleep, and ends once is one wait from its first begin")
    mutating func twoBegins() throws {
        try begin(10, at: 2_000, flags: [.mutex, .spin])
        try begin(10, at: 2_400, flags: .mutex)
        try end(10, at: 3_000)
        let rows = finished()
        #expect(rows.locks.map(\.lock) == [Lock(address: VirtualAddress(Self.mutex), kind: .mutex, symbol: "lock")])
        let wait = try #require(rows.lockWaits.first)
        #expect(rows.lockWaits.count == 1 && wait.waited == 1_000 && wait.contentions == 1 && wait.container == 1)
        #expect(wait.stack != nil && wait.process != nil)
    }

    @Test("Threads and locks are told apart, also where one thread spins on a lock inside its wait for another")
    mutating func toldApart() throws {
        try begin(10, at: 2_000)
        try begin(10, at: 2_100, address: 0x10, flags: .spin)
        try begin(11, at: 2_200)
        try end(10, at: 2_150, address: 0x10)
        try end(11, at: 2_500)
        try end(10, at: 3_000)
        let rows = finished()
        let locks = Dictionary(uniqueKeysWithValues: rows.locks.map { ($0.id, $0.lock) })
        let waited = rows.lockWaits.reduce(into: [LockKind: Int64]()) { sums, wait in
            sums[locks[wait.lock]?.kind ?? .rwsem, default: 0] += wait.waited
        }
        // 1,000 and 300 at the mutex, 50 at the spinlock.
        #expect(waited == [.mutex: 1_300, .spinlock: 50])
    }

    @Test("Waits without a stack are spread over those with one by their time, and no time or count is lost")
    mutating func sampledStacks() throws {
        // Thread 10 waits three times as long as 11: of 400 without a stack 300 and 100 go to them, of 4 waits 2 each.
        try begin(10, at: 2_000)
        try end(10, at: 2_300)
        try begin(11, at: 3_000)
        try end(11, at: 3_100)
        for number in 0..<4 {
            try begin(10, at: 4_000 + UInt64(number) * 1_000, stack: false)
            try end(10, at: 4_100 + UInt64(number) * 1_000)
        }
        let rows = finished()
        #expect(rows.lockWaits.map(\.waited).sorted() == [200, 600])
        #expect(rows.lockWaits.map(\.contentions) == [3, 3])
        #expect(recorded.builder.lockWaitCounts == (all: 6, withStack: 2))
    }

    @Test("Where no stack was seen in a slice, the last one that was seen stands for it, and none where none ever was")
    mutating func noStack() throws {
        try begin(10, at: 2_000, stack: false)
        try end(10, at: 2_300)
        try begin(10, at: 200_000_000)
        try end(10, at: 200_000_100)
        try begin(11, at: 400_000_000, stack: false)
        try end(11, at: 400_000_050)
        try begin(11, at: 500_000_000, address: 0x10, flags: .spin, stack: false)
        try end(11, at: 500_000_020, address: 0x10)
        let rows = finished().lockWaits
        #expect(rows.map(\.waited) == [300, 100, 50, 20])
        #expect(rows[1].stack != nil && rows[0].stack == rows[1].stack && rows[2].stack == rows[1].stack)
        #expect(rows[3].stack == nil && rows[3].process == nil)
        // In slices of 100 ms from the start.
        #expect(rows.map(\.time) == [0, 100_000_000, 300_000_000, 400_000_000])
    }

    @Test("From the end of its wait a thread holds the lock, until another one's wait for it ends or it waits again")
    mutating func holders() throws {
        try begin(20, at: 2_000)
        try begin(10, at: 2_100)
        try end(20, at: 2_500)  // container 2 has it
        try begin(11, at: 2_600)
        try end(10, at: 2_900)  // container 1 has it
        try begin(10, at: 3_000)  // and lets go of it
        try end(11, at: 3_500)  // container 1 again
        try end(10, at: 3_700)
        let holds = finished().lockHolds
        let waited = holds.reduce(into: [String: Int64]()) { $0["\($1.waiter) for \($1.holder)"] = $1.waited }
        // For 2: thread 10 from 2,500 to 2,900 and 11 from 2,600 to 2,900. For 1: thread 11 from 2,900 to 3,000, and thread
        // 10 from 3,500 to 3,700. Who had it before 2,500, and from 3,000 to 3,500, is not known.
        #expect(waited == ["1 for 2": 700, "1 for 1": 300])
    }

    @Test("A wait that is given up took time, and gives no lock")
    mutating func givenUp() throws {
        try begin(10, at: 2_000)
        try end(10, at: 2_500, result: -4)
        try begin(20, at: 2_600)
        try end(20, at: 2_900)
        let rows = finished()
        #expect(rows.lockWaits.map(\.waited) == [500, 300])
        #expect(rows.lockHolds.isEmpty)
    }

    @Test("An end whose begin was not seen is nobody's wait, and lost records end the trust in all that are open")
    mutating func unpaired() throws {
        try end(10, at: 2_000)
        try begin(10, at: 2_100)
        try recorded.take(
            RecordBytes.lost(
                eventID: Self.begins, count: 5, trailer: Trailer(pid: 10, tid: 10, time: 2_200, id: Self.begins),
                layout: recorded.layout))
        try end(10, at: 900_000)
        #expect(finished().lockWaits.isEmpty)
    }

    @Test("Idle tasks, which all have the id 0, wait each on its own CPU")
    mutating func idle() throws {
        try begin(0, at: 2_000, flags: .spin, cpu: 0)
        try begin(0, at: 2_100, flags: .spin, cpu: 1)
        try take(Self.ends, 0, at: 2_300, address: Self.mutex, word: 0, cpu: 1)
        try take(Self.ends, 0, at: 2_500, address: Self.mutex, word: 0, cpu: 0)
        #expect(finished().lockWaits.map(\.waited).reduce(0, +) == 700)
    }

    @Test("Memory that is used again for another kind of lock is another lock")
    mutating func usedAgain() throws {
        try begin(10, at: 2_000, flags: .mutex)
        try end(10, at: 2_100)
        try begin(10, at: 3_000, flags: [.read])
        try end(10, at: 3_100)
        #expect(finished().locks.map(\.lock.kind) == [.mutex, .rwsem])
    }

    @Test("What is complete is written slice by slice, and holders again as they grow")
    mutating func written() throws {
        try begin(20, at: 2_000)
        try end(20, at: 2_100)
        try begin(10, at: 3_000)
        try end(10, at: 3_100)
        recorded.builder.settle(before: 200_000_000)
        #expect(recorded.rows.lockWaits.count == 2 && recorded.rows.lockHolds.map(\.waited) == [100])
        recorded.builder.batch.removeAll()
        recorded.builder.settle(before: 300_000_000)
        #expect(recorded.rows.lockWaits.isEmpty && recorded.rows.lockHolds.isEmpty)
        try begin(20, at: 310_000_000)
        try end(20, at: 310_000_040)
        let rows = finished()
        #expect(rows.lockHolds.map(\.waited) == [40] && rows.lockHolds.map(\.id) == [2])
    }

    @Test("A window that stands for a pause is multiplied, waits over its edges count with their part inside")
    mutating func windows() throws {
        var windows = LockWindows(mostPerSecond: 1, start: 1_000)
        // Off from 2,000 to 8,000, on until 10,000: these 2,000 stand for 8,000.
        for (begins, time) in [(2, UInt64(2_000)), (0, 8_000), (2, 10_000)] {
            let change = windows.look(begins: begins, seconds: 1, at: time) { _ in time }
            recorded.builder.take(try #require(change))
        }
        try begin(10, at: 1_500)  // 500 until the pause
        try begin(11, at: 3_000)  // nobody looks
        try end(11, at: 4_000)
        try end(10, at: 8_100)  // 100 since the window began
        try begin(11, at: 9_000)
        try end(11, at: 9_300)  // 300
        try begin(20, at: 9_900)  // 100 until it ends
        try end(20, at: 12_000)
        let rows = finished()
        let waited = rows.lockWaits.reduce(into: [RowID: Int64]()) { $0[$1.container, default: 0] += $1.waited }
        #expect(waited == [1: 500 + 4 * (100 + 300), 2: 4 * 100])
        // Two ends in the window.
        #expect(rows.lockWaits.reduce(0) { $0 + $1.contentions } == 8)
        // From 8,100 thread 10 has the lock: 11 waits 300 for it. From 9,300 thread 11 has it: 20 waits 100 for it.
        let holds = rows.lockHolds.reduce(into: [String: Int64]()) { $0["\($1.waiter) for \($1.holder)"] = $1.waited }
        #expect(holds == ["1 for 1": 1_200, "2 for 1": 400])
    }

    @Test(
        "The flags of the tracepoint say what sort of lock it is",
        arguments: [
            (LockFlags.spin, LockKind.spinlock), ([.spin, .read], .rwlock), ([.spin, .write], .rwlock), (.read, .rwsem),
            (.write, .rwsem), (.mutex, .mutex), ([.mutex, .spin], .mutex), ([.percpu, .read], .percpuRwsem),
            (.realTime, .rtMutex), ([.realTime, .write], .rtMutex), ([], .semaphore),
        ] as [(LockFlags, LockKind)])
    func kinds(flags: LockFlags, kind: LockKind) { #expect(LockKind(flags: flags) == kind) }
}
