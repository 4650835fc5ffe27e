internal import Glibc
public import Isolation
internal import ObjectTables

/// The loop of a parser process.
///
/// Each request is one packet with descriptors: first a sealed file that holds the `ParserRequest`, then the files that it is
/// about. Each answer goes into the stream as four bytes, its length, and its bytes.
extension Parser {
    public static func serve(requests: MessageSocket, answers: MessageSocket) {
        while let message = requests.receive(descriptors: 3) {
            let answer = answer(message.descriptors)
            // Before the answer: closing a file of a dead file server may take for ever, and that must be this file's fault.
            for descriptor in message.descriptors { close(descriptor) }
            guard answers.sendAll(answer) else { return }
        }
    }

    private static func answer(_ descriptors: [Int32]) -> [UInt8] {
        var answer = ParserAnswer.refused("malformed")
        if let sealed = descriptors.first,
            let bytes = FileReading.contents(of: sealed, limit: maximumRequestByteCount),
            let request = try? ParserRequest(decoding: bytes)
        {
            answer = self.answer(request, files: Array(descriptors.dropFirst()))
        }
        let bytes = answer.encoded()
        let length = UInt32(clamping: bytes.count)
        return (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * UInt32($0))) } + bytes
    }

    /// Some million addresses.
    private static let maximumRequestByteCount = 64 << 20
}
