internal import Glibc
internal import Isolation
internal import ObjectTables
internal import ProfileModel
internal import Synchronization

/// Has files looked up by an opener process, which is killed and replaced when it takes too long.
final class HelperOpener: FileOpening {
    private let nursery: HelperNursery
    private struct State {
        var helper: Helper?
        var hangs = 0
    }
    private let state = Mutex(State())

    init(nursery: HelperNursery) { self.nursery = nursery }

    /// How long one request may take. Somebody who lets many hang must not stop the recorder for as many seconds.
    private static func limitMilliseconds(afterHangs hangs: Int) -> Int {
        switch hangs {
        case ..<3: 950
        case ..<20: 100
        default: 20
        }
    }

    var cpuNanoseconds: Int64 { state.withLock { $0.helper?.cpuNanoseconds } ?? 0 }
    /// Requests that took too long.
    var hangCount: Int { state.withLock { $0.hangs } }

    /// Starts the process, so that the first request does not wait for that.
    func prepare() { state.withLock { state in if state.helper == nil { state.helper = try? nursery.start(.opener) } } }

    func end() { state.withLock { $0.helper = nil } }

    func regularFile(
        in directory: HeldFile?, _ path: String, _ resolution: PathResolution
    ) throws(FileRefusal) -> (file: HeldFile, status: FileStatus) {
        let bytes = path.losslessBytes
        guard bytes.count <= OpenerMessage.maximumPathByteCount, !bytes.contains(0) else { throw .vanished }
        let reply = try ask(
            .regularFile(path: bytes, resolution), descriptors: directory.map { [$0.descriptor] } ?? [])
        // Its number alone would not keep it open.
        withExtendedLifetime(directory) {}
        return try found(reply)
    }

    func directory(_ path: String) throws(FileRefusal) -> (file: HeldFile, status: FileStatus) {
        try found(ask(.directory(path: path.losslessBytes), descriptors: []))
    }

    /// Has files opened for reading and sent to a parser, together with its request.
    func forward(to parser: MessageSocket, request: Int32, files: [HeldFile]) throws(FileRefusal) {
        let reply = try ask(.forward, descriptors: [parser.descriptor, request] + files.map(\.descriptor))
        // Their numbers alone would not keep them open.
        withExtendedLifetime((parser, files)) {}
        for descriptor in reply.descriptors { close(descriptor) }
        _ = try OpenerMessage.status(decoding: reply.bytes)
    }

    private func found(
        _ reply: MessageSocket.Message
    ) throws(FileRefusal) -> (file: HeldFile, status: FileStatus) {
        let files = reply.descriptors.map { HeldFile(owning: $0) }
        guard let status = try OpenerMessage.status(decoding: reply.bytes), let file = files.first else {
            throw .noHelper
        }
        return (file, status)
    }

    private func ask(_ request: OpenerMessage, descriptors: [Int32]) throws(FileRefusal) -> MessageSocket.Message {
        let reply: Result<MessageSocket.Message, FileRefusal> = state.withLock { state in
            // Once more where the helper was found dead: somebody has killed it.
            for _ in 0..<2 {
                if state.helper == nil { state.helper = try? nursery.start(.opener) }
                guard let helper = state.helper, helper.isConfined(within: 5_000) else { break }
                let limit = Self.limitMilliseconds(afterHangs: state.hangs)
                let start = MessageSocket.nanoseconds()
                let waited = helper.waitedForCPUNanoseconds
                if helper.requests.send(request.encoded(), descriptors: descriptors) == 0 {
                    guard helper.waitForAnswer(milliseconds: limit, since: start, waitedBefore: waited) else {
                        helper.kill()
                        state.helper = nil
                        state.hangs += 1
                        return .failure(.hangs)
                    }
                    if let reply = helper.answers.receive(descriptors: 1) { return .success(reply) }
                }
                helper.kill()
                state.helper = nil
            }
            return .failure(.noHelper)
        }
        return try reply.get()
    }
}
