import Glibc
import Host
import PerfEvents
import ProfileBuilder
import ProfileModel

/// How large each CPU's ring is made: as large as the load may need, within what all rings together may take and what the
/// kernel lets this process lock.
struct RingSize: Equatable {
    /// Bytes of one ring's data, a power of two.
    let capacity: Int
    /// Bytes of one ring that the load may need.
    let wanted: Int
    let reason: Reason?

    /// What made it smaller than wanted.
    enum Reason: Equatable {
        /// Bytes of all rings together that were allowed.
        case budget(Int)
        /// Bytes that the kernel lets this process lock, all rings together.
        case lockedMemory(Int)
    }

    /// What a ring has beside its data.
    private static let headerPage = 4096

    /// - Parameters:
    ///   - cpus: rings, at least 1.
    ///   - lockable: bytes that may be locked, nil for no limit.
    init(wanted: Int, cpus: Int, budget: Int, lockable: Int?) {
        self.wanted = wanted
        let byBudget = RingCapacity.powerOfTwo(atMost: budget / cpus)
        let byLock = lockable.map { RingCapacity.powerOfTwo(atMost: $0 / cpus - Self.headerPage) } ?? .max
        capacity = min(wanted, byBudget, byLock)
        if capacity >= wanted {
            reason = nil
        } else if let lockable, byLock < byBudget {
            reason = .lockedMemory(lockable)
        } else {
            reason = .budget(budget)
        }
    }

    /// One sentence for the report's header; nil where nothing was lost.
    func note(cpus: Int) -> String? {
        let lack = "rings of \(Self.words(capacity)) instead of \(Self.words(wanted)) for each CPU"
        let consequence = "fewer switches off the CPU are sampled, and bursts may be lost"
        switch reason {
        case nil: return nil
        case .budget(let bytes):
            return "\(lack): all \(cpus) together may take \(Self.words(bytes)) (--ring-memory); \(consequence)"
        case .lockedMemory:
            return "\(lack): kernel.perf_event_mlock_kb and RLIMIT_MEMLOCK allow no more without CAP_IPC_LOCK; "
                + consequence
        }
    }

    private static func words(_ bytes: Int) -> String {
        bytes >= 1 << 20 ? "\(bytes >> 20) MiB" : "\(bytes >> 10) KiB"
    }

    /// What the kernel lets this process lock for rings; nil where it does not count.
    ///
    /// Source: perf_mmap in kernel/events/core.c: perf_event_mlock_kb for each CPU, then RLIMIT_MEMLOCK, unless
    /// CAP_IPC_LOCK or a paranoid level below 0 lift both.
    static func lockableBytes(host: Host, machine: Machine) -> Int? {
        if let paranoid = machine.perfEventParanoid, paranoid < 0 { return nil }
        guard let privileges = host.privileges(), let perCPU = machine.perfEventMlockKiB else { return nil }
        if privileges.capabilities.holds(.ipcLock), privileges.isInInitialUserNamespace { return nil }
        var limit = rlimit()
        // getrlimit(2) fills a local variable.
        guard unsafe getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0,
            limit.rlim_cur < rlim_t(Int32.max) << 20
        else {
            return nil
        }
        return perCPU * 1024 * machine.onlineCPUs.count + Int(limit.rlim_cur)
    }
}

/// How many switches and calls are sampled, so that a ring holds a quarter of a second of them.
struct SamplingRates: Equatable {
    /// Switches off one CPU in a second.
    let switches: Int
    /// System calls on one CPU in a second.
    let calls: Int
    /// One in so many switches is sampled until the first look at how many there are.
    let firstSwitchPeriod: UInt64

    private static let fewestSwitches = 100

    /// - Parameter kinds: with the rates that an ample ring allows.
    init(_ kinds: [EventKind], ring: RingSize) {
        func rate(_ meaning: EventKind.Meaning) -> (perSecond: Int, bytes: Int) {
            kinds.first { $0.meaning == meaning }.map { ($0.rate, $0.sampleBytes) } ?? (0, 1)
        }
        let room = ring.capacity * 4
        let onCPU = rate(.onCPU)
        let call = rate(.syscallEntry)
        calls = max(1, min(call.perSecond, max(Self.fewestSwitches, room / 10 / call.bytes)))
        let switched = rate(.switchedOut)
        let locks = [rate(.lockStack), rate(.lockBegin), rate(.lockEnd)].reduce(0) { $0 + $1.perSecond * $1.bytes }
        let left = room - onCPU.perSecond * onCPU.bytes - calls * call.bytes - locks
        switches = max(1, min(switched.perSecond, max(Self.fewestSwitches, left / switched.bytes)))
        let shrunk = UInt64(max(1, ring.wanted / ring.capacity))
        firstSwitchPeriod = shrunk == 1 ? EventKind.firstSwitchPeriod : shrunk | 1
    }
}
