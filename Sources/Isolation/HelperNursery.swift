internal import CIsolation
internal import Glibc
internal import Synchronization

/// Starts helper processes, and starts them again when they have died.
///
/// A helper is a fork of a process that was itself forked from the recorder before the recorder did anything: it has one
/// thread, no memory of what is recorded, and its fork costs less than a millisecond, whatever the recorder's size. Nothing is
/// executed.
public final class HelperNursery: Sendable {
    /// What helpers do: they read requests from one socket and answer on the other, until the first one ends.
    public struct Services: Sendable {
        public var parser: @Sendable (_ requests: MessageSocket, _ answers: MessageSocket) -> Void
        public var opener: @Sendable (_ requests: MessageSocket, _ answers: MessageSocket) -> Void
        public init(
            parser: @escaping @Sendable (MessageSocket, MessageSocket) -> Void,
            opener: @escaping @Sendable (MessageSocket, MessageSocket) -> Void
        ) {
            self.parser = parser
            self.opener = opener
        }
    }

    public let processID: Int32
    private let control: Mutex<MessageSocket?>
    /// CPU time of helpers that were ended.
    private let spent = Mutex<Int64>(0)

    private init(processID: Int32, control: MessageSocket) {
        self.processID = processID
        self.control = Mutex(control)
    }

    /// Forks the nursery. The calling process must have one thread yet.
    public static func start(_ services: Services) throws(HelperError) -> HelperNursery {
        let (own, others) = try MessageSocket.pair(packets: true)
        let recorder = getpid()
        let child = withExtendedLifetime(others) {
            let child = cisolation_fork()
            if child == 0 { Nursery.run(control: others.descriptor, recorder: recorder, services: services) }
            return child
        }
        guard child >= 0 else { throw .system(name: "fork", errno: -child) }
        return HelperNursery(processID: child, control: own)
    }

    /// Starts a helper.
    ///
    /// - Throws: `HelperError` when it cannot be started or confined.
    public func start(_ role: HelperRole) throws(HelperError) -> Helper {
        let (requests, theirRequests) = try MessageSocket.pair(packets: true)
        let (answers, theirAnswers) = try MessageSocket.pair(packets: role == .opener)
        let reply: Result<MessageSocket.Message, HelperError> = control.withLock { control in
            guard let socket = control else { return .failure(.noNursery) }
            // A socket is closed when nobody uses it any more, and its number alone is no use.
            let failure = withExtendedLifetime((theirRequests, theirAnswers)) {
                socket.send([role.rawValue], descriptors: [theirRequests.descriptor, theirAnswers.descriptor])
            }
            guard failure == 0, let message = socket.receive(descriptors: 1) else {
                control = nil
                return .failure(.noNursery)
            }
            return .success(message)
        }
        let message = try reply.get()
        guard message.bytes.count == 4 else { throw .noNursery }
        let pid = message.bytes.reversed().reduce(Int32(0)) { $0 << 8 | Int32($1) }
        guard pid > 0, let process = message.descriptors.first else { throw .system(name: "fork", errno: -pid) }
        return Helper(
            role: role, processID: pid, process: process, requests: requests, answers: answers,
            onEnd: { [weak self] nanoseconds in self?.spent.withLock { $0 += nanoseconds } })
    }

    /// CPU time of the nursery itself and of helpers that were ended, in nanoseconds.
    public var spentNanoseconds: Int64 { spent.withLock { $0 } + (Helper.cpuNanoseconds(of: processID) ?? 0) }

    /// Ends the nursery and all helpers, and waits a moment for them, so that their CPU time counts as this process's.
    public func end() {
        // The nursery ends when nobody holds the other end of its socket.
        let isFirst = control.withLock { control in
            defer { control = nil }
            return control != nil
        }
        guard isFirst else { return }
        for _ in 0..<200 {
            var status: Int32 = 0
            // waitpid(2) writes one number that we own.
            if unsafe waitpid(processID, &status, WNOHANG) != 0 { return }
            usleep(1_000)
        }
    }
}

/// The forked process that forks helpers: it has one thread, and knows nothing.
private enum Nursery {
    static func run(control: Int32, recorder: Int32, services: HelperNursery.Services) -> Never {
        // The name and the numbers are copied during the call.
        let failure = unsafe cisolation_detach("jostle-helpers", recorder, [control], 1)
        if failure < 0 { _exit(70) }
        let taken = cisolation_confine(Int32(CISOLATION_NURSERY))
        if taken < 0 { _exit(71) }
        let socket = MessageSocket(owning: 3)
        var children: Set<Int32> = []
        while true {
            reap(&children)
            switch socket.receiveOnce(descriptors: 2) {
            case .interrupted: continue
            case .end:
                // They end by themselves, but for one that hangs.
                for child in children { kill(child, SIGKILL) }
                for _ in 0..<100 where !children.isEmpty {
                    usleep(1_000)
                    reap(&children)
                }
                _exit(0)
            case .message(let message):
                guard message.descriptors.count == 2, let role = message.bytes.first.flatMap(HelperRole.init(rawValue:))
                else { _exit(72) }
                let child = start(role, sockets: message.descriptors, networkIsGone: taken, services: services)
                for descriptor in message.descriptors { close(descriptor) }
                let process = child > 0 ? cisolation_process(child) : -1
                if child > 0 { children.insert(child) }
                let bytes = withUnsafeBytesOf(process < 0 && child > 0 ? -EIO : child)
                let failure = socket.send(bytes, descriptors: process >= 0 ? [process] : [])
                if process >= 0 { close(process) }
                if failure != 0 { _exit(73) }
            }
        }
    }

    private static func withUnsafeBytesOf(_ number: Int32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    /// Children that have ended; killed ones too.
    private static func reap(_ children: inout Set<Int32>) {
        while true {
            var status: Int32 = 0
            // waitpid(2) writes one number that we own.
            let child = unsafe waitpid(-1, &status, WNOHANG)
            if child <= 0 { return }
            children.remove(child)
        }
    }

    private static func start(
        _ role: HelperRole, sockets: [Int32], networkIsGone: Int32, services: HelperNursery.Services
    ) -> Int32 {
        let nursery = getpid()
        let child = cisolation_fork()
        if child != 0 { return child }
        // The name and the numbers are copied during the call.
        if unsafe cisolation_detach(role.processName, nursery, sockets, 2) < 0 { _exit(70) }
        let taken = cisolation_confine(role == .parser ? Int32(CISOLATION_PARSER) : Int32(CISOLATION_OPENER))
        if taken < 0 { _exit(71) }
        let answers = MessageSocket(owning: 4)
        // What was taken away, so that the recorder knows before it sends anything.
        if answers.send([UInt8(truncatingIfNeeded: taken | networkIsGone & Int32(CISOLATION_NO_NETWORK))]) != 0 {
            _exit(73)
        }
        switch role {
        case .parser: services.parser(MessageSocket(owning: 3), answers)
        case .opener: services.opener(MessageSocket(owning: 3), answers)
        }
        _exit(0)
    }
}
