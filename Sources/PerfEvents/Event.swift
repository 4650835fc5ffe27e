internal import CPerfEvent
import Glibc

/// One open event of the kernel. Closes its descriptor when it goes.
///
/// A class because a recording holds one for each CPU and target in arrays, which cannot hold noncopyable values.
public final class Event {
    /// The id that the event's records carry. Source: PERF_EVENT_IOC_ID.
    public let id: UInt64
    public let name: String
    let descriptor: Int32

    /// What `read` returns.
    public struct Count: Sendable, Equatable {
        public var value: UInt64
        public var enabledNanoseconds: UInt64
        public var runningNanoseconds: UInt64
        /// Samples that found no room in the ring; nil before Linux 6.0.
        public var lost: UInt64?
    }

    private let countsLost: Bool

    /// Opens the event, disabled.
    ///
    /// - Throws: `PerfEventError.cannotOpen`.
    public init(
        _ description: EventDescription, scope: EventScope, abilities: KernelAbilities
    ) throws(PerfEventError) {
        var process: pid_t = -1
        var cpu: Int32 = -1
        var flags = cperfevent_flag_cloexec
        switch scope {
        case .cgroup(let directory, let number):
            process = directory
            cpu = Int32(number)
            flags |= cperfevent_flag_pid_cgroup
        case .everything(let number):
            cpu = Int32(number)
        case .thisThread:
            process = 0
        }
        var attr = description.attributes(abilities)
        // The kernel reads the attributes during the call only.
        let opened = unsafe cperfevent_open(&attr, process, cpu, flags)
        guard opened >= 0 else { throw .cannotOpen(event: description.source.name, errno: -opened) }
        var number: UInt64 = 0
        // The kernel writes the id during the call only.
        let result = unsafe cperfevent_id(opened, &number)
        guard result == 0 else {
            close(opened)
            throw .cannotControl(event: description.source.name, operation: "PERF_EVENT_IOC_ID", errno: -result)
        }
        descriptor = opened
        id = number
        name = description.source.name
        countsLost = abilities.countsLost
    }

    deinit { close(descriptor) }

    public func enable() throws(PerfEventError) {
        try control("PERF_EVENT_IOC_ENABLE", cperfevent_enable(descriptor))
    }

    public func disable() throws(PerfEventError) {
        try control("PERF_EVENT_IOC_DISABLE", cperfevent_disable(descriptor))
    }

    /// Sends the records of this event into the ring of `other`, which must count on the same CPU.
    public func redirect(to other: Event) throws(PerfEventError) {
        try control("PERF_EVENT_IOC_SET_OUTPUT", cperfevent_set_output(descriptor, other.descriptor))
    }

    /// Lets later samples of an event with a fixed period stand for `period` events.
    public func setPeriod(_ period: UInt64) throws(PerfEventError) {
        try control("PERF_EVENT_IOC_PERIOD", cperfevent_set_period(descriptor, period))
    }

    /// Keeps only the records of a tracepoint for which `expression` holds.
    public func filter(_ expression: String) throws(PerfEventError) {
        // The string lives for the length of the call.
        try control("PERF_EVENT_IOC_SET_FILTER", unsafe cperfevent_set_filter(descriptor, expression))
    }

    /// The event's count so far; nil when the kernel gives none.
    public func count() -> Count? {
        var values = [UInt64](repeating: 0, count: 4)
        // read(2) fills at most the bytes of `values`.
        let got = unsafe read(descriptor, &values, countsLost ? 32 : 24)
        guard got >= 24 else { return nil }
        return Count(
            value: values[0], enabledNanoseconds: values[1], runningNanoseconds: values[2],
            lost: countsLost && got >= 32 ? values[3] : nil)
    }

    private func control(_ operation: String, _ result: Int32) throws(PerfEventError) {
        if result != 0 { throw .cannotControl(event: name, operation: operation, errno: -result) }
    }
}
