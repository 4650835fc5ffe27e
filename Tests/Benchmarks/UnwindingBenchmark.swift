import Glibc
import Host
import ObjectTables
import Parsing
import PerfEvents
import PerfRecords
import ProfileModel
import Symbolication
import Unwinding

/// How long a stack takes from registers and copied bytes to a callchain.
///
/// Samples are taken as a recording takes them, kept, and unwound afterwards: each round goes over all of them, whose stack
/// copies are together far larger than the CPU's caches.
struct UnwindingBenchmark: ~Copyable {
    private struct Sample {
        var pid: ProcessID
        var registers: UserRegisters
        var stack: [UInt8]
    }

    private static let rounds = 7
    private static let stackBytes: UInt32 = 8_192
    private static let secondsAtMost = 60.0
    /// rbx, rbp, rdi, rsp, rip. Source: `enum perf_event_x86_regs`.
    private static let registers = [1, 6, 5, 7, 8]

    private let host = Host()
    private var samples: [Sample] = []
    private var unwinder = Unwinder()
    private var spaces: [ProcessID: AddressSpace] = [:]
    private static let doors = FileDoors.direct { Parser.answer($0, files: $1) }
    private var files = ModuleFiles(doors: doors)
    private var tables: [ObjectIdentifier: UnwindTables.ID] = [:]

    init(cgroup: String, sampleCount: Int) throws {
        let directory = unsafe open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Failure("\(cgroup): errno \(errno)") }
        defer { close(directory) }
        let layout = SampleLayout(
            sampleFields: [.identifier, .ip, .tid, .time, .cpu, .period, .userRegisters, .userStack],
            userRegisterMask: Self.registers.reduce(0) { $0 | 1 << UInt64($1) })
        let description = EventDescription(
            source: .cpuClock, sampling: .frequency(4_999), layout: layout, userStackBytes: Self.stackBytes)
        let abilities = KernelAbilities.probe()
        let decoder = RecordDecoder(defaultLayout: layout)
        let start = Self.seconds()
        // One CPU after the other, a short while each, since rings cannot lie in an array.
        while samples.count < sampleCount {
            guard Self.seconds() - start < Self.secondsAtMost else {
                throw Failure("\(samples.count) samples in \(Self.secondsAtMost) s: does anything run in \(cgroup)?")
            }
            for cpu in host.machine().onlineCPUs {
                let event = try Event(
                    description, scope: .cgroup(descriptor: directory, cpu: cpu), abilities: abilities)
                var ring = try RingBuffer(event: event, capacity: 8 << 20)
                try event.enable()
                usleep(100_000)
                try event.disable()
                ring.refresh()
                while let taken = ring.withNextRecord({ Self.sample(in: $0, decoder) }) {
                    if let sample = taken { take(sample) }
                    ring.advance()
                }
                ring.release()
            }
        }
        samples.removeLast(samples.count - sampleCount)
    }

    private static func sample(in record: RawSpan, _ decoder: RecordDecoder) -> Sample? {
        guard case .sample(let sample)? = try? decoder.decode(record), sample.userABI == .bits64 else { return nil }
        func register(_ number: Int) -> UInt64 { sample.userRegister(number, in: record) ?? 0 }
        let stack = record.extracting(sample.userStack)
        // Copied at once, while the record is in the ring.
        let bytes = unsafe stack.withUnsafeBytes { unsafe [UInt8]($0) }
        return Sample(
            pid: sample.pid,
            registers: UserRegisters(
                instructionPointer: register(8), stackPointer: register(7), framePointer: register(6),
                second: register(1), linkRegister: register(5)), stack: bytes)
    }

    /// Keeps a sample, if its process can still be looked at.
    private mutating func take(_ sample: Sample) {
        if spaces[sample.pid] == nil {
            var space = AddressSpace()
            for mapping in host.executableMappings(of: sample.pid) {
                let isVirtual = mapping.path == "[vdso]"
                guard
                    let file = isVirtual
                        ? ModuleFile.virtualSharedObject(doors: Self.doors) : try? files.open(mapping, of: sample.pid),
                    let address = file.header?.address(ofMappingFrom: mapping.offset)
                else { continue }
                let key = ObjectIdentifier(file)
                let table = tables[key] ?? unwinder.tables.append(file.unwindTable)
                if !isVirtual { tables[key] = table }
                space.insert(
                    MappedCode(
                        start: mapping.start, end: mapping.end, bias: mapping.start.rawValue &- address.rawValue,
                        module: 0, table: table))
            }
            guard !space.mappings.isEmpty else { return }
            spaces[sample.pid] = space
        }
        samples.append(sample)
    }

    mutating func run() -> String {
        var chain: [VirtualAddress] = []
        var times: [Int64] = []
        var frames = 0
        var complete = 0
        for _ in 0..<Self.rounds {
            (frames, complete) = (0, 0)
            let start = threadTime()
            for index in samples.indices {
                let sample = samples[index]
                // Bytes have no padding, so their raw view shows nothing uninitialised.
                let stack = unsafe sample.stack.span.bytes
                let end = unwinder.unwind(
                    sample.registers, stack: stack, in: spaces[sample.pid] ?? AddressSpace(), into: &chain)
                frames += chain.count
                if end == .complete { complete += 1 }
            }
            times.append(threadTime() - start)
        }
        let median = Double(times.sorted()[times.count / 2])
        return """
            {"samples": \(samples.count), "processes": \(spaces.count), "modules": \(unwinder.tables.count), \
            "complete": \(complete), "frames": \(frames), "ns_per_frame": \(median / Double(max(1, frames)))}
            """
    }

    private static func seconds() -> Double {
        var time = timespec()
        // clock_gettime(2) fills a local variable.
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
