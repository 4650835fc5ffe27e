internal import Glibc
public import Isolation
internal import ObjectTables
internal import Synchronization

/// Has files read by parser processes, which are killed and replaced when they take too long or say nonsense.
///
/// A few long-lived ones: each asked again and again, one request at a time.
final class HelperParser: ObjectParsing {
    private let nursery: HelperNursery
    private let opener: HelperOpener
    fileprivate struct State {
        var idle: [Worker] = []
        var failures = 0
        var failedNanoseconds: UInt64 = 0
        var cpuNanoseconds: Int64 = 0
    }
    fileprivate let state = Mutex(State())

    init(nursery: HelperNursery, opener: HelperOpener) {
        self.nursery = nursery
        self.opener = opener
    }

    /// A parser process and how often it was asked.
    fileprivate struct Worker: Sendable {
        var helper: Helper
        var requests = 0
    }

    /// How long one answer may take; less when many have taken that long: somebody who has them hang must not keep people
    /// waiting for as long as he likes.
    fileprivate static func limitMilliseconds(_ failedNanoseconds: UInt64) -> Int {
        failedNanoseconds < 20_000_000_000 ? 2_000 : 200
    }
    /// A parser is replaced after so many requests: what one file left behind in it must not stay for ever.
    private static let mostRequests = 200
    /// Parsers that wait for their next request.
    private static let mostIdle = 4

    /// Parsers that died, took too long or said nonsense.
    var failureCount: Int { state.withLock { $0.failures } }
    var cpuNanoseconds: Int64 { state.withLock { $0.idle.reduce(0) { $0 + ($1.helper.cpuNanoseconds ?? 0) } } }

    /// Starts a process, so that the first request does not wait for that.
    func prepare() {
        guard let helper = try? nursery.start(.parser) else { return }
        state.withLock { $0.idle.append(Worker(helper: helper)) }
    }

    func end() { state.withLock { $0.idle = [] } }

    func begin(_ request: ParserRequest, files: [HeldFile]) -> any PendingAnswer {
        // Once more where the parser was found dead before it was asked: that is no fault of the file.
        for _ in 0..<2 {
            guard var worker = take() else { break }
            worker.requests += 1
            let start = MessageSocket.nanoseconds()
            let waited = worker.helper.waitedForCPUNanoseconds
            do throws(FileRefusal) {
                guard let sealed = try? SealedFile(request.encoded()) else { break }
                try opener.forward(to: worker.helper.requests, request: sealed.descriptor, files: files)
            } catch {
                if error == .noHelper {
                    worker.helper.kill()
                    continue
                }
                give(worker)
                return Refused(reason: error.rawValue)
            }
            return HelperAnswer(parser: self, worker: worker, request: request, start: start, waited: waited)
        }
        return Refused(reason: FileRefusal.noHelper.rawValue)
    }

    private func take() -> Worker? {
        while true {
            guard
                let worker = state.withLock({ $0.idle.popLast() })
                    ?? (try? nursery.start(.parser)).map({ Worker(helper: $0) })
            else { return nil }
            if worker.helper.isConfined(within: 5_000) { return worker }
            worker.helper.kill()
            // One that was killed by somebody while it was idle; a new one that does not come up is the end.
            if worker.requests == 0 { return nil }
        }
    }

    fileprivate func give(_ worker: Worker) {
        let isKept = state.withLock { state in
            guard worker.requests < Self.mostRequests, state.idle.count < Self.mostIdle else { return false }
            state.idle.append(worker)
            return true
        }
        if !isKept { worker.helper.kill() }
    }

    fileprivate func fail(_ worker: Worker, nanoseconds: UInt64) {
        worker.helper.kill()
        state.withLock { state in
            state.failures += 1
            state.failedNanoseconds += nanoseconds
        }
    }

    private struct Refused: PendingAnswer {
        let reason: String
        func wait(milliseconds: Int?) -> ParserAnswer? { .refused(reason) }
    }
}

/// The answer of a parser process.
private final class HelperAnswer: PendingAnswer {
    private let parser: HelperParser
    private let request: ParserRequest
    private let start: UInt64
    private let waited: UInt64
    private let limit: Int
    private struct State {
        var worker: HelperParser.Worker?
        var bytes: [UInt8] = []
        var answer: ParserAnswer?
    }
    private let state: Mutex<State>

    /// A longer answer is none: the recorder holds it in memory.
    private static let maximumByteCount = 64 << 20

    init(parser: HelperParser, worker: HelperParser.Worker, request: ParserRequest, start: UInt64, waited: UInt64) {
        self.parser = parser
        self.request = request
        self.start = start
        self.waited = waited
        limit = HelperParser.limitMilliseconds(parser.state.withLock { $0.failedNanoseconds })
        state = Mutex(State(worker: worker))
    }

    deinit {
        // Nobody waits any more.
        state.withLock { state in state.worker?.helper.kill() }
    }

    func wait(milliseconds: Int?) -> ParserAnswer? {
        state.withLock { state in
            guard let worker = state.worker else { return state.answer }
            let end = MessageSocket.nanoseconds() + UInt64(max(0, milliseconds ?? 0)) * 1_000_000
            while true {
                // Somebody who says a byte now and then has had his time, too.
                let isOverdue = worker.helper.isOverdue(milliseconds: limit, since: start, waitedBefore: waited)
                if milliseconds != nil {
                    let now = MessageSocket.nanoseconds()
                    let left = end > now ? Int((end - now) / 1_000_000) : 0
                    if !worker.helper.answers.waitUntilReadable(milliseconds: left) {
                        return isOverdue ? finish(&state, nil) : nil
                    }
                } else if !worker.helper.waitForAnswer(milliseconds: limit, since: start, waitedBefore: waited) {
                    return finish(&state, nil)
                }
                if !receive(from: worker, into: &state.bytes) { return finish(&state, nil) }
                if let length = Self.length(of: state.bytes) {
                    guard length <= Self.maximumByteCount else { return finish(&state, nil) }
                    if state.bytes.count > length + 4 { return finish(&state, nil) }
                    if state.bytes.count == length + 4 {
                        return finish(&state, try? ParserAnswer(decoding: Array(state.bytes.dropFirst(4)), to: request))
                    }
                }
                if isOverdue { return finish(&state, nil) }
            }
        }
    }

    private static func length(of bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// - Returns: whether the parser still says something.
    private func receive(from worker: HelperParser.Worker, into bytes: inout [UInt8]) -> Bool {
        var got = 0
        // recv(2) writes within the buffer, and says how much.
        let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, count in
            // As above.
            got = unsafe recv(worker.helper.answers.descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            count = max(got, 0)
        }
        if got < 0 { return errno == EAGAIN || errno == EINTR }
        bytes += chunk
        return got > 0
    }

    /// - Parameter answer: nil when there is none that makes sense.
    private func finish(_ state: inout State, _ answer: ParserAnswer?) -> ParserAnswer? {
        guard let worker = state.worker else { return state.answer }
        if answer != nil {
            parser.give(worker)
        } else {
            parser.fail(worker, nanoseconds: MessageSocket.nanoseconds() - start)
        }
        state.worker = nil
        state.bytes = []
        state.answer = answer ?? .refused("malformed")
        return state.answer
    }
}

/// The helper processes of one recording.
public final class FileHelpers: Sendable {
    private let nursery: HelperNursery
    private let opener: HelperOpener
    private let parser: HelperParser

    /// Starts the first two.
    public init(_ nursery: HelperNursery) {
        self.nursery = nursery
        opener = HelperOpener(nursery: nursery)
        parser = HelperParser(nursery: nursery, opener: opener)
        opener.prepare()
        parser.prepare()
    }

    public var doors: FileDoors { FileDoors(opener: opener, parser: parser) }

    /// CPU time that all of them have used.
    public var cpuNanoseconds: Int64 { nursery.spentNanoseconds + opener.cpuNanoseconds + parser.cpuNanoseconds }

    /// Parsers that died, took too long or said nonsense; each cost one module something.
    public var parserFailures: Int { parser.failureCount }
    /// Files that could not be opened in time.
    public var openerHangs: Int { opener.hangCount }

    /// Ends them; no door opens any more.
    public func end() {
        parser.end()
        opener.end()
        nursery.end()
    }
}
