import PerfRecords
import ProfileModel
import Recording

/// Who is off the CPU, since when, and where they left it.
///
/// A switch-out sample names the stack; the switch records around it say whether the thread could have run on, and when
/// it came back. Every switch has its records, so that how long a thread was away is always known; where switches are
/// many, only some have a sample, and the time of the others is given to the next sampled absence of the same thread that
/// was about as long. So each thread's sum is exact whatever was sampled, and one long sleep among a thousand short ones
/// neither vanishes nor counts a thousand times.
struct OffCPU {
    /// Where a thread left the CPU.
    struct Place {
        var stack: RowID?
        var mode: SampleMode
        var cpu: Int32
    }

    /// Whose time it is.
    struct Owner {
        var thread: RowID
        var container: RowID
    }

    /// Who got the CPU of a thread that could have run on.
    enum Successor: Hashable {
        /// A thread of the same container.
        case itself
        /// The idle task: what kept the thread from running was not another one, but a limit.
        case idle
        case process(ProcessID)
        case unknown
    }

    /// Time off the CPU that is complete.
    struct Wait {
        var pid: ProcessID
        var tid: ThreadID
        /// nil for a thread none of whose samples was ever seen: then `container` says what its event knew.
        var owner: Owner?
        var container: RowID?
        /// nil where no sample says it.
        var place: Place?
        var isPreempted: Bool
        var nanoseconds: UInt64
        /// When it ended, nanoseconds of CLOCK_MONOTONIC.
        var end: UInt64
    }

    private struct Absence {
        var since: UInt64
        /// nil where the switch was not sampled.
        var place: Place?
        var isPreempted = false
        /// Whether the switch's own record has come.
        var isRecorded: Bool
        var successor = Successor.unknown
        /// When it was found asleep, where nobody saw it leave.
        var found: UInt64?
    }

    /// Absences of one length that wait for a sample.
    private struct Pending {
        var length: Length
        var nanoseconds: UInt64
        /// Where the last sampled one was.
        var place: Place?
        /// Whether that had begun before the recording, so that it was as long as this or longer.
        var isAtLeast = false

        /// Whether its place may stand for an absence of another length.
        func isNear(_ other: Length) -> Bool {
            guard place != nil, length.isPreempted == other.isPreempted else { return false }
            let distance = other.step - length.step
            return distance >= -Length.reach && (distance <= Length.reach || isAtLeast)
        }
    }

    /// Preempted or not, and how long: two steps to the octave.
    private struct Length: Equatable {
        let isPreempted: Bool
        let step: Int

        init(_ nanoseconds: UInt64, isPreempted: Bool) {
            self.isPreempted = isPreempted
            let octave = UInt64.bitWidth - 1 - (nanoseconds | 1).leadingZeroBitCount
            step = 2 * octave + (octave > 0 ? Int(nanoseconds >> UInt64(octave - 1) & 1) : 0)
        }

        /// How far apart two are that one place may still stand for: within an octave.
        static let reach = 2
    }

    private final class Thread {
        let pid: ProcessID
        var owner: Owner?
        var container: RowID?
        var away: Absence?
        var pending: [Pending] = []
        /// Since when it is on a CPU, and what was sampled there since.
        var cameBack: UInt64?
        var sampled: UInt64 = 0
        init(pid: ProcessID) { self.pid = pid }
    }
    /// What the switches of one container cost.
    ///
    /// The event that samples on-CPU time begins to count a thread's before the record of its switch in and ends behind
    /// that of its switch out: some microseconds of each switch are in on-CPU samples already, as they are in the
    /// scheduler's own count, and must not count as absence once more. How many is seen from what was sampled between
    /// the records and what lies between them by the clock.
    private struct SwitchCost {
        var sampled: UInt64 = 0
        var recorded: UInt64 = 0
        var switches: UInt64 = 0
        /// Nanoseconds that were left out of absences so far.
        private var taken: UInt64 = 0
        /// A switch that costs more is chance: few samples, few switches.
        private static let most: UInt64 = 10_000

        /// What an absence of `nanoseconds` is without its part of the cost; early ones that had too little taken off
        /// are made up for by later ones.
        mutating func shortened(_ nanoseconds: UInt64) -> UInt64 {
            guard switches > 0, sampled > recorded else { return nanoseconds }
            let each = min((sampled - recorded) / switches, Self.most)
            let due = each * switches
            let part = min(due > taken ? due - taken : 0, 2 * each, nanoseconds)
            taken += part
            return nanoseconds - part
        }
    }
    private var costs: [RowID: SwitchCost] = [:]
    private var threads: [ThreadID: Thread] = [:]
    /// Threads that have ended, and when: their last switch is not to be waited for.
    private var ended: [ThreadID: UInt64] = [:]
    /// Switches of each event since its last sample; -1 while the sample's own is yet to come.
    private var sinceSample: [UInt64: Int] = [:]
    /// Switches off each CPU since they were last asked for, and when the first and the last of them were.
    private var switches: [UInt32: (count: Int, first: UInt64, last: UInt64)] = [:]
    /// The most switches that one sample stood for.
    private(set) var largestPeriod: UInt64 = 1
    /// For each container: how long its threads were preempted, by what got their CPU first.
    private(set) var successors: [RowID: [Successor: UInt64]] = [:]

    /// Takes the sample of a switch off the CPU, whose record follows.
    mutating func countSample(of event: UInt64) {
        largestPeriod = max(largestPeriod, UInt64(max(0, sinceSample[event] ?? 0)) + 1)
        sinceSample[event] = -1
    }

    /// A thread left the CPU and its stack is known.
    mutating func leave(_ tid: ThreadID, of pid: ProcessID, owner: Owner, at time: UInt64, place: Place) {
        guard ended[tid] == nil else { return }
        let thread = thread(tid, of: pid)
        thread.owner = owner
        thread.away = Absence(since: time, place: place, isRecorded: false)
    }

    /// A thread left the CPU; what is known of it belongs to the sample just before, if there was one.
    ///
    /// - Parameters:
    ///   - container: whose it is by the event alone; nil where only a sample can tell.
    ///   - successor: the task that got the CPU.
    mutating func switchedOut(
        _ tid: ThreadID, of pid: ProcessID, at time: UInt64, isPreempted: Bool, event: UInt64, cpu: UInt32,
        container: RowID?, successor: SwitchRecord.Task?
    ) {
        sinceSample[event, default: 0] += 1
        switches[cpu, default: (0, time, time)].count += 1
        switches[cpu]?.last = time
        guard ended[tid] == nil, tid.rawValue > 0, container != nil || threads[tid] != nil else { return }
        let thread = thread(tid, of: pid)
        thread.container = container
        endStay(of: thread, at: time)
        if thread.away?.isRecorded ?? true { thread.away = Absence(since: time, place: nil, isRecorded: true) }
        thread.away?.isRecorded = true
        thread.away?.isPreempted = isPreempted
        if isPreempted { thread.away?.successor = kind(of: successor, container: thread.owner?.container ?? container) }
    }

    /// A thread leaves the CPU that it came to.
    private mutating func endStay(of thread: Thread, at time: UInt64) {
        defer {
            thread.cameBack = nil
            thread.sampled = 0
        }
        guard let since = thread.cameBack, time >= since, let container = thread.owner?.container ?? thread.container
        else { return }
        costs[container, default: SwitchCost()].recorded &+= time - since
        costs[container]?.sampled &+= thread.sampled
        costs[container]?.switches += 1
    }

    private func kind(of successor: SwitchRecord.Task?, container: RowID?) -> Successor {
        guard let successor else { return .unknown }
        if successor.tid.rawValue == 0 { return .idle }
        if let known = threads[successor.tid], let container, known.owner?.container ?? known.container == container {
            return .itself
        }
        return .process(successor.pid)
    }

    /// A thread that was not running when the recording started: its time counts from there.
    ///
    /// - Parameters:
    ///   - place: where it sleeps; nil for one that waits for a CPU, which may turn out to have one.
    ///   - found: when it was looked at.
    mutating func find(
        _ tid: ThreadID, of pid: ProcessID, owner: Owner, since start: UInt64, found: UInt64, place: Place?
    ) {
        let thread = thread(tid, of: pid)
        thread.owner = owner
        thread.away = Absence(since: start, place: place, isPreempted: place == nil, isRecorded: true, found: found)
    }

    /// A thread was sampled on a CPU: one that was found runnable had its CPU all the time, and of one that is away the
    /// record of its return was lost. How long either was away nobody knows.
    ///
    /// - Parameter weight: nanoseconds that the sample stands for.
    mutating func runs(_ tid: ThreadID, at time: UInt64, weight: Int64) {
        guard let thread = threads[tid] else { return }
        thread.sampled &+= UInt64(max(0, weight))
        if let away = thread.away, time > away.since &+ Self.overlap { thread.away = nil }
    }

    /// A sample by a non-maskable interrupt may fall between a switch's record and the switch.
    private static let overlap: UInt64 = 100_000
    private static let long: UInt64 = 100_000_000

    private mutating func thread(_ tid: ThreadID, of pid: ProcessID) -> Thread {
        if let known = threads[tid] { return known }
        let new = Thread(pid: pid)
        threads[tid] = new
        return new
    }

    /// The most switches off one CPU in a second, since this was last asked for.
    ///
    /// Over the time from the first to the last of them: before a burst there was nothing, and its rate is what counts.
    mutating func takeBusiestRate() -> Double {
        defer { switches.removeAll(keepingCapacity: true) }
        return switches.values.map { Double($0.count) / max(Self.leastSpan, Double($0.last - $0.first) / 1e9) }.max()
            ?? 0
    }

    /// In a shorter time a handful of switches says nothing of a rate.
    private static let leastSpan = 0.02

    /// A thread is back.
    ///
    /// - Returns: its time off the CPU, and what it stands for; nil where that waits for a sample.
    mutating func comeBack(_ tid: ThreadID, at time: UInt64) -> Wait? {
        guard let thread = threads[tid] else { return nil }
        thread.cameBack = time
        thread.sampled = 0
        guard let away = thread.away else { return nil }
        thread.away = nil
        // Back before it was looked at: what was seen then is another sleep.
        if let found = away.found, time < found { return nil }
        return wait(of: tid, thread, away, until: time)
    }

    private mutating func wait(of tid: ThreadID, _ thread: Thread, _ away: Absence, until time: UInt64) -> Wait? {
        var nanoseconds = time > away.since ? time - away.since : 0
        if let container = thread.owner?.container ?? thread.container {
            nanoseconds = costs[container]?.shortened(nanoseconds) ?? nanoseconds
        }
        if away.isPreempted, let container = thread.owner?.container ?? thread.container {
            successors[container, default: [:]][away.successor, default: 0] &+= nanoseconds
        }
        let length = Length(nanoseconds, isPreempted: away.isPreempted)
        var index = thread.pending.firstIndex { $0.length == length }
        guard let place = away.place ?? (away.found == nil ? nil : Place(mode: .kernel, cpu: 0)) else {
            if index == nil {
                thread.pending.append(Pending(length: length, nanoseconds: 0, place: nil))
                index = thread.pending.count - 1
            }
            if let index { thread.pending[index].nanoseconds &+= nanoseconds }
            return nil
        }
        var sum = nanoseconds
        if let index {
            sum &+= thread.pending[index].nanoseconds
            thread.pending[index].nanoseconds = 0
            thread.pending[index].place = place
        } else if largestPeriod > 1 || away.found != nil {
            thread.pending.append(
                Pending(length: length, nanoseconds: 0, place: place, isAtLeast: away.found != nil))
        }
        return Wait(
            pid: thread.pid, tid: tid, owner: thread.owner, container: thread.container, place: place,
            isPreempted: away.isPreempted, nanoseconds: sum, end: time)
    }

    /// A thread has ended.
    ///
    /// - Returns: what still waited for a sample.
    mutating func end(_ tid: ThreadID, at time: UInt64) -> [Wait] {
        ended[tid] = time
        guard let thread = threads.removeValue(forKey: tid) else { return [] }
        return rest(of: tid, thread, at: time)
    }

    /// A thread begins, maybe one whose id was another's before.
    mutating func begin(_ tid: ThreadID) {
        ended[tid] = nil
        threads[tid] = nil
    }

    /// Forgets threads that ended before `time`: they have left their CPU for good.
    mutating func forgetEnded(before time: UInt64) {
        if !ended.isEmpty { ended = ended.filter { $0.value >= time } }
    }

    /// What waited for a sample that did not come: a place of about the same length stands for it, or that of a longer one
    /// whose beginning nobody saw, else none.
    private func rest(of tid: ThreadID, _ thread: Thread, at time: UInt64) -> [Wait] {
        thread.pending.filter { $0.nanoseconds > 0 }.map { pending in
            let near = thread.pending.filter { $0.isNear(pending.length) }
            let nearest = near.min {
                abs($0.length.step - pending.length.step) < abs($1.length.step - pending.length.step)
            }
            return Wait(
                pid: thread.pid, tid: tid, owner: thread.owner, container: thread.container, place: nearest?.place,
                isPreempted: pending.length.isPreempted, nanoseconds: pending.nanoseconds, end: time)
        }
    }

    /// All that is not accounted for yet: who is still away was away until `time`.
    ///
    /// - Parameter isThere: whether a thread still exists, asked of those that have been away for long: the record of
    ///   its end may have been lost.
    mutating func takeAll(at time: UInt64, isThere: (ThreadID, ProcessID) -> Bool) -> [Wait] {
        var waits: [Wait] = []
        for (tid, thread) in threads.sorted(by: { $0.key < $1.key }) {
            if let away = thread.away, time < away.since &+ Self.long || isThere(tid, thread.pid),
                let last = wait(of: tid, thread, away, until: time)
            {
                waits.append(last)
            }
            waits += rest(of: tid, thread, at: time)
        }
        threads = [:]
        return waits
    }
}
