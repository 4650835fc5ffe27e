import Glibc
import PerfRecords
import ProfileModel
import Recording
import TestSupport

/// Mutants of what the kernel writes.
enum RecordTask {
    static func run(_ count: Int, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var outcomes: [String: Int] = [:]
        let layout = SampleLayout(
            sampleFields: [.identifier, .ip, .tid, .time, .cpu, .period, .callchain, .userRegisters, .userStack],
            userRegisterMask: 0x1FF)
        let decoder = RecordDecoder(layouts: [1: layout], defaultLayout: layout)
        for _ in 0..<count {
            // A type, a misc, a size that is or is not the record's, and a body.
            var bytes = (0..<8 + random.below(60) * 8).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            bytes[0] = UInt8(random.below(24))
            for index in 1..<4 { bytes[index] = 0 }
            let size = random.next() % 4 == 0 ? random.below(65_536) : bytes.count
            bytes[6] = UInt8(truncatingIfNeeded: size)
            bytes[7] = UInt8(truncatingIfNeeded: size >> 8)
            // The identifier, a count of callers, and a size of a stack that make sense, most of the time.
            if bytes.count > 64, random.next() % 4 != 0 { for index in 8..<16 { bytes[index] = index == 8 ? 1 : 0 } }
            if bytes.count > 72, random.next() % 2 == 0 { for index in 57..<64 { bytes[index] = 0 } }
            let span = unsafe bytes.span.bytes
            guard let record = try? decoder.decode(span) else {
                outcomes["refused", default: 0] += 1
                continue
            }
            outcomes["taken", default: 0] += 1
            if case .sample(let sample) = record {
                var kernel: [VirtualAddress] = []
                var user: [VirtualAddress] = []
                sample.appendCallchain(in: span, kernel: &kernel, user: &user)
                for register in 0..<9 { _ = sample.userRegister(register, in: span) }
                _ = span.extracting(sample.userStack)
                _ = sample.rawWord(at: 8, in: span)
                outcomes["samples", default: 0] += 1
            }
        }
        tell([("task", quoted("records")), ("mutants", "\(count)"), ("outcomes", quoted(outcomes))])
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
            let descriptor = unsafe Glibc.open(mutantPath, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0o600)
            guard descriptor >= 0, unsafe write(descriptor, bytes, bytes.count) == bytes.count else {
                throw Broken("cannot write \(mutantPath)")
            }
            close(descriptor)
            let start = ContinuousClock.now
            do throws(RecordingError) {
                _ = try RecordingReader.read(path: mutantPath)
                outcomes["read", default: 0] += 1
            } catch {
                outcomes[word(error), default: 0] += 1
            }
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

    private static func word(_ error: RecordingError) -> String {
        switch error {
        case .corrupt: "corrupt"
        case .notARecording: "not a recording"
        case .newerSchema: "newer schema"
        default: "other"
        }
    }
}
