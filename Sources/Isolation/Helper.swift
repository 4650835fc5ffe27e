internal import CIsolation
internal import Glibc
internal import Synchronization

/// A helper process, which ends with this object.
public final class Helper: Sendable {
    public let role: HelperRole
    public let processID: Int32
    /// What was taken away from it; known once it was heard of.
    public var confinement: Confinement? { state.withLock { $0.confinement } }
    /// Where requests go; packets.
    public let requests: MessageSocket
    /// Where answers come from: packets from an opener, a stream from a parser.
    public let answers: MessageSocket

    private let process: Int32
    private let onEnd: @Sendable (Int64) -> Void
    private struct State {
        var isEnded = false
        var confinement: Confinement?
    }
    private let state = Mutex(State())

    init(
        role: HelperRole, processID: Int32, process: Int32, requests: MessageSocket, answers: MessageSocket,
        onEnd: @escaping @Sendable (Int64) -> Void
    ) {
        self.role = role
        self.processID = processID
        self.process = process
        self.requests = requests
        self.answers = answers
        self.onEnd = onEnd
    }

    deinit {
        kill()
        close(process)
    }

    /// Waits until it says that it is confined.
    ///
    /// - Returns: whether it did so in time.
    public func isConfined(within milliseconds: Int) -> Bool {
        if confinement != nil { return true }
        guard answers.waitUntilReadable(milliseconds: milliseconds) else { return false }
        var byte: UInt8 = 0
        // recv(2) writes one byte into a variable that we own.
        guard unsafe recv(answers.descriptor, &byte, 1, 0) == 1 else { return false }
        state.withLock { $0.confinement = Confinement(rawValue: Int32(byte)) }
        return true
    }

    /// Whether a helper has had its time: time in which it was ready to run and got no CPU does not count, up to a bound.
    ///
    /// - Parameter start: when its time began, in nanoseconds of CLOCK_MONOTONIC.
    /// - Parameter waitedBefore: `waitedForCPUNanoseconds` at that moment.
    public func isOverdue(milliseconds: Int, since start: UInt64, waitedBefore: UInt64) -> Bool {
        let elapsed = MessageSocket.nanoseconds() - start
        let limit = UInt64(max(0, milliseconds)) * 1_000_000
        if elapsed < limit { return false }
        let waited = waitedForCPUNanoseconds
        let starved = waited > waitedBefore ? waited - waitedBefore : 0
        return elapsed >= limit + min(starved, Self.longestStarvation)
    }

    /// Waits for an answer until the helper has had its time.
    ///
    /// - Returns: whether something can be read, or the helper is gone.
    public func waitForAnswer(milliseconds: Int, since start: UInt64, waitedBefore: UInt64) -> Bool {
        while !isOverdue(milliseconds: milliseconds, since: start, waitedBefore: waitedBefore) {
            let elapsed = Int((MessageSocket.nanoseconds() - start) / 1_000_000)
            if answers.waitUntilReadable(milliseconds: max(10, milliseconds - elapsed)) { return true }
        }
        return answers.waitUntilReadable(milliseconds: 0)
    }

    private static let longestStarvation: UInt64 = 8_000_000_000

    /// Ends it at once, without waiting for its end: one that waits for a dead file server ends when that does.
    public func kill() {
        let isFirst = state.withLock { state in
            defer { state.isEnded = true }
            return !state.isEnded
        }
        guard isFirst else { return }
        onEnd(cpuNanoseconds ?? 0)
        cisolation_kill(process)
    }

    /// CPU time that it has used; nil when it is gone.
    public var cpuNanoseconds: Int64? { Self.cpuNanoseconds(of: processID) }

    static func cpuNanoseconds(of pid: Int32) -> Int64? {
        var clock: clockid_t = 0
        var time = timespec()
        // Both calls write one variable that we own.
        guard unsafe clock_getcpuclockid(pid, &clock) == 0, unsafe clock_gettime(clock, &time) == 0 else { return nil }
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// How long it was ready to run and got no CPU, in nanoseconds; 0 where the kernel does not say.
    public var waitedForCPUNanoseconds: UInt64 {
        // open(2) copies the path.
        let file = unsafe open("/proc/\(processID)/schedstat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        // read(2) writes within the buffer, and says how much.
        let text = unsafe [UInt8](unsafeUninitializedCapacity: 128) { buffer, count in
            // As above.
            count = max(0, unsafe read(file, buffer.baseAddress, buffer.count))
        }
        // Time on a CPU, time waiting for one, slices. Source: Documentation/scheduler/sched-stats.rst.
        let words = String(decoding: text, as: UTF8.self).split(separator: " ")
        return words.count > 1 ? UInt64(words[1]) ?? 0 : 0
    }
}
