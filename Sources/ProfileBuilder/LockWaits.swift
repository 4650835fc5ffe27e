import ProfileModel
import Recording

/// Who waits for which lock, since when, and who probably has it.
///
/// Each wait has a begin or several (a mutex tells of spinning and of sleeping) and one end, paired by thread and lock.
/// Times and counts are of all waits; stacks may be of some only: what the others waited is then spread over the waits for
/// the same lock by the same container whose stacks are known, in proportion to their time.
///
/// Where there are more than can be recorded, the events are off for a part of the time (`LockWindows`). What a window saw
/// stands for the time before it, too, in which nobody looked: its times and counts are multiplied when it ends. A wait over
/// the window's edge counts with its part inside.
struct LockWaits {
    /// One thread at one lock. Idle tasks share the id 0, one for each CPU.
    struct Waiter: Hashable {
        var thread: Int32
        var address: UInt64

        init(thread: ThreadID, cpu: UInt32, address: UInt64) {
            self.thread = thread.rawValue > 0 ? thread.rawValue : -1 - Int32(truncatingIfNeeded: cpu)
            self.address = address
        }
    }

    private struct Wait {
        var since: UInt64
        var container: RowID
        var flags: LockFlags
        var place: Place?
        /// Where it stands among the lock's waiters.
        var position: Int
    }

    /// Where a wait was seen.
    struct Place: Hashable {
        var process: RowID
        var stack: RowID?
    }

    /// What is known of one lock.
    private final class Holder {
        let row: RowID
        var waiters: [Waiter] = []
        /// Whose wait ended last: it holds the lock until somebody else's does, or until it waits again.
        var container: RowID?
        var thread: Int32 = 0
        var since: UInt64 = 0

        init(row: RowID) { self.row = row }
    }

    private struct Key: Hashable, Comparable {
        var slice: Int64
        var container: RowID
        var lock: RowID
        /// 0 for waits without a stack.
        var process: RowID = 0
        var stack: RowID = 0

        static func < (left: Key, right: Key) -> Bool {
            (left.slice, left.container, left.lock, left.process, left.stack)
                < (right.slice, right.container, right.lock, right.process, right.stack)
        }
    }
    private struct Sum {
        var contentions: Int64 = 0
        var waited: Int64 = 0
    }
    private struct Pair: Hashable {
        var container: RowID
        var lock: RowID
    }
    private struct Hold: Hashable {
        var lock: RowID
        var waiter: RowID
        var holder: RowID
    }

    static let sliceNanoseconds: Int64 = 100_000_000
    /// Of more waiters than this at one lock, holders are not worked out.
    private static let mostWaiters = 256

    private var waits: [Waiter: Wait] = [:]
    private var holders: [UInt64: Holder] = [:]
    private var rows: [Lock: RowID] = [:]
    private var sums: [Key: Sum] = [:]
    /// The last place at which a container was seen to wait for a lock.
    private var lastPlaces: [Pair: Place] = [:]
    private var holds: [Hold: (row: RowID, waited: Int64, isChanged: Bool)] = [:]
    /// Changes of the events that records have not reached yet, in time order.
    private var changes: [LockWindows.Change] = []
    /// The window that records are in, where it stands for more than itself.
    private var weighted: (since: UInt64, sums: [Key: Sum], holds: [Hold: Int64])?
    private var isOff = false
    /// Begins on each CPU since they were last asked for.
    private var recent: [UInt32: Int] = [:]
    /// Waits that ended, and those of them whose stack is known.
    private(set) var endedCount: Int64 = 0
    private(set) var endedWithStackCount: Int64 = 0

    /// The most begins on one CPU since this was last asked for.
    mutating func takeBusiestCount() -> Int {
        defer { recent.removeAll(keepingCapacity: true) }
        return recent.values.max() ?? 0
    }

    // MARK: Windows

    /// The events were switched on or off.
    mutating func change(_ change: LockWindows.Change) { changes.append(change) }

    /// Takes the changes up to `time`, which the records have reached.
    private mutating func reach(_ time: UInt64, start: UInt64) {
        while let next = changes.first, next.time <= time {
            changes.removeFirst()
            closeWindow(at: next.time, weight: next.weight, start: start)
            isOff = !next.isOn
            if next.isOn, next.wasOff { weighted = (next.time, [:], [:]) }
        }
    }

    private mutating func closeWindow(at time: UInt64, weight: Double, start: UInt64) {
        for holder in holders.values {
            settle(holder, at: time, next: nil)
            for waiter in holder.waiters {
                guard let wait = waits[waiter] else { continue }
                add(wait, lock: holder.row, at: time, start: start, isEnd: false)
            }
            holder.waiters.removeAll()
        }
        waits.removeAll(keepingCapacity: true)
        guard let window = weighted else { return }
        weighted = nil
        func weigh(_ value: Int64) -> Int64 { Int64((Double(value) * weight).rounded()) }
        for (key, sum) in window.sums {
            sums[key, default: Sum()].contentions += weigh(sum.contentions)
            sums[key, default: Sum()].waited &+= weigh(sum.waited)
        }
        for (key, waited) in window.holds { hold(key, weigh(waited)) }
    }

    /// A thread begins to wait, or goes on to wait in another way.
    ///
    /// - Parameters:
    ///   - isCounted: whether this counts as a begin: the sample with the stack is of one that is counted already.
    ///   - symbol: gives the name of the variable at an address, where it has one.
    /// - Returns: the lock's row where it is new.
    mutating func begin(
        _ waiter: Waiter, at time: UInt64, cpu: UInt32, flags: LockFlags, container: RowID, isCounted: Bool,
        start: UInt64,
        symbol: () -> String?
    ) -> LockRow? {
        if isCounted { recent[cpu, default: 0] += 1 }
        reach(time, start: start)
        guard !isOff, waits[waiter] == nil else { return nil }
        let (holder, new) = holder(of: waiter.address, kind: LockKind(flags: flags), symbol: symbol)
        // Whoever waits for it again has let go of it.
        if holder.container != nil, holder.thread == waiter.thread { settle(holder, at: time, next: nil) }
        waits[waiter] = Wait(
            since: time, container: container, flags: flags, place: nil, position: holder.waiters.count)
        holder.waiters.append(waiter)
        return new
    }

    /// The stack of a wait that has begun.
    mutating func see(_ waiter: Waiter, place: Place) {
        guard waits[waiter] != nil, waits[waiter]?.place == nil else { return }
        waits[waiter]?.place = place
    }

    /// A wait ends; the thread has the lock now, unless it gave up.
    ///
    /// - Parameter container: whose the thread is.
    mutating func end(_ waiter: Waiter, at time: UInt64, hasLock: Bool, container: RowID, start: UInt64) {
        reach(time, start: start)
        guard let holder = holders[waiter.address], !isOff else { return }
        guard let wait = waits.removeValue(forKey: waiter) else {
            // It began before the window did.
            guard let window = weighted else { return }
            let wait = Wait(since: window.since, container: container, flags: [], place: nil, position: 0)
            if hasLock { settle(holder, at: time, next: (container, waiter.thread)) }
            add(wait, lock: holder.row, at: time, start: start)
            return
        }
        if hasLock {
            settle(holder, at: time, next: (wait.container, waiter.thread), leaving: (waiter, wait))
        } else {
            charge(holder, waiter: wait, until: time)
        }
        // The last one takes its place.
        if let last = holder.waiters.popLast(), last != waiter {
            holder.waiters[wait.position] = last
            waits[last]?.position = wait.position
        }
        add(wait, lock: holder.row, at: time, start: start)
    }

    private mutating func add(_ wait: Wait, lock: RowID, at time: UInt64, start: UInt64, isEnd: Bool = true) {
        let slice = Int64(clamping: time > start ? time - start : 0) / Self.sliceNanoseconds
        var key = Key(slice: slice, container: wait.container, lock: lock)
        if isEnd { endedCount += 1 }
        if let place = wait.place {
            if isEnd { endedWithStackCount += 1 }
            key.process = place.process
            key.stack = place.stack ?? 0
            lastPlaces[Pair(container: wait.container, lock: lock)] = place
        }
        let waited = Int64(clamping: time > wait.since ? time - wait.since : 0)
        if weighted != nil {
            weighted?.sums[key, default: Sum()].contentions += isEnd ? 1 : 0
            weighted?.sums[key, default: Sum()].waited &+= waited
        } else {
            sums[key, default: Sum()].contentions += isEnd ? 1 : 0
            sums[key, default: Sum()].waited &+= waited
        }
    }

    /// Records got lost: ends may be among them, so that no wait that is open can be trusted.
    mutating func forgetOpenWaits() {
        waits.removeAll(keepingCapacity: true)
        for holder in holders.values {
            holder.waiters.removeAll()
            holder.container = nil
        }
    }

    // MARK: Holders

    private mutating func holder(of address: UInt64, kind: LockKind, symbol: () -> String?) -> (Holder, LockRow?) {
        // Memory is used again: another kind of lock at the same place is another lock.
        let lock = Lock(address: VirtualAddress(address), kind: kind)
        var new: LockRow?
        let row: RowID
        if let known = rows[lock] {
            row = known
        } else {
            row = RowID(rows.count + 1)
            rows[lock] = row
            new = LockRow(id: row, lock: Lock(address: lock.address, kind: kind, symbol: symbol()))
        }
        if let known = holders[address], known.row == row || !known.waiters.isEmpty { return (known, new) }
        let holder = Holder(row: row)
        holders[address] = holder
        return (holder, new)
    }

    /// All who have waited since the lock changed hands have waited for its holder.
    private mutating func settle(
        _ holder: Holder, at time: UInt64, next: (container: RowID, thread: Int32)?,
        leaving: (waiter: Waiter, wait: Wait)? = nil
    ) {
        if holder.container != nil, holder.waiters.count <= Self.mostWaiters {
            for waiter in holder.waiters {
                if waiter == leaving?.waiter {
                    charge(holder, waiter: leaving?.wait, until: time)
                } else {
                    charge(holder, waiter: waits[waiter], until: time)
                }
            }
        }
        holder.container = next?.container
        holder.thread = next?.thread ?? 0
        holder.since = time
    }

    private mutating func charge(_ holder: Holder, waiter wait: Wait?, until time: UInt64) {
        guard let wait, let container = holder.container else { return }
        let since = max(wait.since, holder.since)
        guard time > since else { return }
        let key = Hold(lock: holder.row, waiter: wait.container, holder: container)
        if weighted != nil {
            weighted?.holds[key, default: 0] &+= Int64(clamping: time - since)
        } else {
            hold(key, Int64(clamping: time - since))
        }
    }

    private mutating func hold(_ key: Hold, _ waited: Int64) {
        let known = holds[key] ?? (RowID(holds.count + 1), 0, true)
        holds[key] = (known.row, known.waited &+ waited, true)
    }

    // MARK: Rows

    /// Takes all changes: nothing follows. Waits that are still open have no end, and are nobody's.
    mutating func finish(start: UInt64) { reach(.max, start: start) }

    /// Puts the slices that ended before `time` into the batch, and the holders as they are known by now.
    ///
    mutating func write(before time: Int64, into batch: inout RowBatch) {
        let limit = time / Self.sliceNanoseconds
        let done = sums.filter { $0.key.slice < limit }.sorted { $0.key < $1.key }
        var index = 0
        while index < done.count {
            // All keys of one slice, container and lock stand together, the one without a stack first.
            let first = done[index].key
            var end = index
            while end < done.count, done[end].key.slice == first.slice, done[end].key.container == first.container,
                done[end].key.lock == first.lock
            {
                sums[done[end].key] = nil
                end += 1
            }
            let pair = Pair(container: first.container, lock: first.lock)
            let withoutStack = first.process == 0 ? done[index].value : Sum()
            let known = done[(first.process == 0 ? index + 1 : index)..<end]
            append(known.map { ($0.key, $0.value) }, sharing: withoutStack, of: first, pair, into: &batch)
            index = end
        }
        for key in holds.keys.sorted(by: { ($0.lock, $0.waiter, $0.holder) < ($1.lock, $1.waiter, $1.holder) }) {
            guard let hold = holds[key], hold.isChanged else { continue }
            holds[key]?.isChanged = false
            batch.lockHolds.append(
                LockHoldRow(
                    id: hold.row, lock: key.lock, waiter: key.waiter, holder: key.holder, waited: hold.waited))
        }
        forgetIdle()
    }

    private mutating func append(
        _ known: [(Key, Sum)], sharing rest: Sum, of first: Key, _ pair: Pair,
        into batch: inout RowBatch
    ) {
        func row(_ process: RowID?, _ stack: RowID?, _ sum: Sum) -> LockWaitRow {
            LockWaitRow(
                time: first.slice * Self.sliceNanoseconds, container: first.container, process: process, stack: stack,
                lock: first.lock, contentions: sum.contentions, waited: sum.waited)
        }
        if known.isEmpty {
            let place = lastPlaces[pair]
            batch.lockWaits.append(row(place?.process, place?.stack, rest))
            return
        }
        let total = known.reduce(Sum()) {
            Sum(contentions: $0.contentions + $1.1.contentions, waited: $0.waited &+ $1.1.waited)
        }
        var left = rest
        for (number, (key, sum)) in known.enumerated() {
            var sum = sum
            // The last one takes what rounding left.
            var part = left
            if number < known.count - 1 {
                part.waited = min(
                    left.waited, Self.share(sum.waited, of: total.waited, rest.waited, count: known.count))
                part.contentions = min(
                    left.contentions,
                    Self.share(sum.contentions, of: total.contentions, rest.contentions, count: known.count))
            }
            left.waited -= part.waited
            left.contentions -= part.contentions
            sum.waited &+= part.waited
            sum.contentions += part.contentions
            batch.lockWaits.append(row(key.process, key.stack == 0 ? nil : key.stack, sum))
        }
    }

    private static func share(_ part: Int64, of total: Int64, _ rest: Int64, count: Int) -> Int64 {
        let share = total > 0 ? Double(part) / Double(total) : 1 / Double(count)
        return Int64(Double(rest) * share)
    }

    /// Lets go of locks that nobody waits for, when there are very many.
    private mutating func forgetIdle() {
        guard holders.count > 10_000 else { return }
        holders = holders.filter { !$0.value.waiters.isEmpty }
    }
}
