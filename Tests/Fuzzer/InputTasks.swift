import Glibc
import PerfRecords
import ProfileModel
import Recording
import TestSupport

/// Mutants of what the kernel writes.
enum RecordTask {
    private static let layout = SampleLayout(
        sampleFields: [.identifier, .ip, .tid, .time, .cpu, .period, .callchain, .raw, .userRegisters, .userStack],
        userRegisterMask: 0x1FF)
    private static let decoder = RecordDecoder(layouts: [1: layout], defaultLayout: layout)

    static func run(_ count: Int, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var outcomes: [String: Int] = [:]
        let good = samples()
        for number in 0..<count {
            let isMutant = number % 4 != 0
            let bytes = isMutant ? mutant(of: good[number % good.count], &random) : nonsense(&random)
            outcomes[(isMutant ? "mutants " : "nonsense ") + take(bytes), default: 0] += 1
        }
        guard outcomes["mutants samples", default: 0] > count / 1000 else {
            throw Broken("hardly a mutant is a sample: \(outcomes)")
        }
        tell([("task", quoted("records")), ("mutants", "\(count)"), ("outcomes", quoted(outcomes))])
    }

    /// What the recorder does with a record. Returns what became of it.
    static func take(_ bytes: [UInt8]) -> String {
        // Bytes have no padding between them.
        let span = unsafe bytes.span.bytes
        let time = try? decoder.time(of: span)
        guard let record = try? decoder.decode(span) else { return "refused" }
        guard case .sample(let sample) = record else { return "taken" }
        guard sample.time == time else { fatalError("a sample has two times") }
        var kernel: [VirtualAddress] = []
        var user: [VirtualAddress] = []
        sample.appendCallchain(in: span, kernel: &kernel, user: &user)
        for register in 0..<9 { _ = sample.userRegister(register, in: span) }
        _ = span.extracting(sample.userStack)
        for offset in [0, 8, sample.userStack.count - 8] { _ = sample.userStackWord(at: offset, in: span) }
        for offset in [0, 8, 56] { _ = sample.rawWord(at: offset, in: span) }
        return "samples"
    }

    /// A good record of each type.
    static func samples() -> [[UInt8]] {
        let trailer = Trailer(pid: 42, tid: 43, time: 1_000, id: 1, cpu: 1)
        var sample = SampleContents()
        sample.identifier = 1
        sample.callchain = [0xFFFF_FFFF_FFFF_FF80, 0xFFFF_FFFF_8100_0000, 0xFFFF_FFFF_FFFF_FE00, 0x40_1000, 0x40_2000]
        sample.raw = [UInt8](repeating: 7, count: 60)
        sample.userRegisters = (0..<9).map { UInt64($0) * 0x1000 }
        sample.userStack = [UInt8](repeating: 3, count: 256)
        sample.userStackSize = 512
        var kernelThread = sample
        (kernelThread.userABI, kernelThread.userStack, kernelThread.userStackSize) = (0, [], 0)
        return [RecordBytes.sample(kernelThread, layout: layout)]
            + RecordBytes.oneOfEach(sample, trailer: trailer, layout: layout)
    }

    /// A header and a body; the size is the record's, most of the time.
    private static func mutant(of good: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = random.mutate(good, headerByteCount: 96)
        if bytes.count >= 8, random.next() % 4 != 0 { setHeader(of: &bytes, type: good[0], size: bytes.count) }
        return bytes
    }

    private static func nonsense(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes = (0..<8 + random.below(60) * 8).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let size = random.next() % 4 == 0 ? random.below(65_536) : bytes.count
        setHeader(of: &bytes, type: UInt8(random.below(24)), size: size)
        return bytes
    }

    private static func setHeader(of bytes: inout [UInt8], type: UInt8, size: Int) {
        bytes[0] = type
        for index in 1..<4 { bytes[index] = 0 }
        bytes[6] = UInt8(truncatingIfNeeded: size)
        bytes[7] = UInt8(truncatingIfNeeded: size >> 8)
    }
}

/// Mutants of a recording, as somebody sends it.
enum RecordingTask {
    static func run(_ count: Int, seed: UInt64, of path: String) throws {
        let original = try contents(of: path)
        let used = original.indices.filter { original[$0] != 0 }
        var random = SeededGenerator(seed: seed)
        var outcomes: [String: Int] = [:]
        var slowest: Duration = .zero
        let mutantPath = path + ".mutant"
        for _ in 0..<count {
            var bytes = original
            if random.next() % 16 == 0 { bytes.removeLast(random.below(bytes.count)) }
            for _ in 0...random.below(4) where !bytes.isEmpty {
                // Most of a small database is empty pages: damage what is not.
                let place = random.next() % 8 == 0 ? random.below(200) : used[random.below(used.count)]
                if place < bytes.count { bytes[place] = UInt8(truncatingIfNeeded: random.next()) }
            }
            try write(bytes, to: mutantPath)
            let start = ContinuousClock.now
            outcomes[take(mutantPath), default: 0] += 1
            slowest = max(slowest, ContinuousClock.now - start)
        }
        unsafe unlink(mutantPath)
        tell([
            ("task", quoted("recordings")), ("mutants", "\(count)"),
            (
                "slowest_ms",
                "\(slowest.components.attoseconds / 1_000_000_000_000_000 + slowest.components.seconds * 1000)"
            ),
            ("outcomes", quoted(outcomes)),
        ])
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = unsafe Glibc.open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0, unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw Broken("cannot write \(path)")
        }
        close(descriptor)
    }

    /// Reads what may be a recording. Returns what became of it.
    static func take(_ path: String) -> String {
        do throws(RecordingError) {
            _ = try RecordingReader.read(path: path)
            return "read"
        } catch {
            return word(error)
        }
    }

    private static func word(_ error: RecordingError) -> String {
        switch error {
        case .corrupt: "corrupt"
        case .notARecording: "not a recording"
        case .newerSchema: "newer schema"
        default: "other"
        }
    }
}
