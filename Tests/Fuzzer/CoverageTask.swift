import Glibc
import ObjectTables
import TestSupport

/// What libFuzzer makes of good input, led by which code each piece of it reaches.
///
/// libFuzzer is asked for by name: it is there only when scripts/fuzz has built this program with it.
enum CoverageTask {
    private typealias Taker = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
    private typealias Driver =
        @convention(c) (
            UnsafeMutablePointer<CInt>, UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>, Taker
        ) -> CInt

    private static let what = CommandLine.arguments[2]
    /// Of the recording that is written anew for each piece of input.
    private static let recordingPath = CommandLine.arguments[5] + "/recording"
    private static let requests = ProtocolTask.samples().request

    /// `fuzzer coverage WHAT SECONDS SEED DIRECTORY [FILE]`; ends the process.
    static func run() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 6 else { throw Broken("coverage: no directory") }
        guard let symbol = unsafe dlsym(nil, "LLVMFuzzerRunDriver") else {
            throw Broken("this was built without libFuzzer; scripts/fuzz coverage builds it with it")
        }
        let seeds: [[UInt8]]
        switch what {
        case "records": seeds = RecordTask.samples()
        case "protocol":
            let (request, answers) = ProtocolTask.samples()
            seeds = [
                [0] + answers[0], [1] + answers[1], [2] + request.symbols.encoded(), [2] + request.module.encoded(),
            ]
        case "recordings": seeds = try arguments.dropFirst(6).map { try contents(of: $0) }
        default: throw Broken("coverage: records, protocol or recordings")
        }
        let corpus = arguments[5] + "/corpus"
        guard unsafe mkdir(corpus, 0o700) == 0 else { throw Broken("cannot make \(corpus)") }
        for (number, seed) in seeds.enumerated() { try RecordingTask.write(seed, to: "\(corpus)/\(number)") }
        let options = [
            "fuzzer", "-max_total_time=\(arguments[3])", "-seed=\(arguments[4])", "-print_final_stats=1", "-timeout=10",
            "-detect_leaks=0",
            "-artifact_prefix=\(arguments[5])/found-", corpus,
        ]
        // libFuzzer keeps them until the process ends.
        let words = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: options.count + 1)
        for (index, option) in options.enumerated() { unsafe words[index] = strdup(option) }
        unsafe words[options.count] = nil
        var count = CInt(options.count)
        var all: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe words
        let drive = unsafe unsafeBitCast(symbol, to: Driver.self)
        exit(
            unsafe drive(&count, &all) { data, count in
                CoverageTask.take(unsafe CoverageTask.bytes(data, count))
                return 0
            })
    }

    private static func take(_ bytes: [UInt8]) {
        switch what {
        case "records": _ = RecordTask.take(bytes)
        case "protocol": takeMessage(bytes)
        default:
            do { try RecordingTask.write(bytes, to: recordingPath) } catch { fatalError("\(error)") }
            _ = RecordingTask.take(recordingPath)
        }
    }

    /// A message whose first byte says who gets it.
    private static func takeMessage(_ bytes: [UInt8]) {
        let message = Array(bytes.dropFirst())
        switch bytes.first {
        case 0: _ = ProtocolTask.takeAnswer(message, to: requests.module)
        case 1: _ = ProtocolTask.takeAnswer(message, to: requests.symbols)
        default: _ = ProtocolTask.takeRequest(message)
        }
    }

    /// A copy on the heap, where AddressSanitizer watches its ends.
    private static func bytes(_ data: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
        unsafe Array(UnsafeBufferPointer(start: data, count: count))
    }
}
