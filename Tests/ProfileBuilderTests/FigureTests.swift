import ObjectTables
import PerfRecords
import ProfileModel
import Recording
import TestSupport
import Testing

@testable import ProfileBuilder

@Suite struct FigureTests {
    var recorded = Recorded()

    private func trailer(_ time: UInt64) -> Trailer { Trailer(time: time, id: Recorded.event) }

    private mutating func throttle(_ id: UInt64, at time: UInt64, ends: Bool = false) throws {
        try recorded.take(
            RecordBytes.throttle(ends: ends, eventID: id, trailer: trailer(time), layout: recorded.layout))
    }

    private mutating func lose(_ count: UInt64) throws {
        try recorded.take(
            RecordBytes.lost(eventID: Recorded.event, count: count, trailer: trailer(2_000), layout: recorded.layout))
    }

    @Test("A sample's row says when, where, in which mode and for how much it stands")
    mutating func sampleRow() throws {
        var contents = recorded.contents(10)
        contents.misc = 1
        contents.cpu = 71
        contents.period = 5_025_126
        recorded.time = 1_499
        try recorded.sample(contents)
        let row = try #require(recorded.rows.samples.first)
        // 1,500 less the start at 1,000.
        #expect(row.time == 500 && row.cpu == 71 && row.mode == .kernel && row.kind == .onCPU)
        #expect(row.weight == 5_025_126)
        contents.misc = 2
        try recorded.sample(contents)
        #expect(recorded.rows.samples.last?.mode == .user)
    }

    @Test(
        "The weight is the period times what its unit stands for, and at worst the highest number",
        arguments: [
            (10, 1, 10), (10, 0.25, 3), (3, 1.0 / 3, 1), (.max, 1, .max), (.max, 1e300, .max), (1, .nan, 0), (0, 5, 0),
        ] as [(UInt64, Double, Int64)])
    mutating func weight(period: UInt64, unit: Double, weight: Int64) throws {
        recorded.builder.attribution.events[Recorded.event]?.weight = unit
        var contents = recorded.contents(10)
        contents.period = period
        try recorded.sample(contents)
        #expect(recorded.rows.samples.map(\.weight) == [weight])
    }

    @Test("Times that no clock gives do not trap", arguments: [0, 999, 1_000, UInt64.max])
    mutating func times(time: UInt64) throws {
        var contents = recorded.contents(10)
        contents.time = time
        try recorded.take(RecordBytes.sample(contents, layout: recorded.layout))
        #expect(recorded.rows.samples.map(\.time) == [Int64(clamping: time) - 1_000])
    }

    @Test("Lost records and samples are added up, and at worst stay at the highest number")
    mutating func lost() throws {
        try lose(5)
        try lose(7)
        try recorded.take(
            RecordBytes.lostSamples(count: 3, trailer: trailer(2_000), layout: recorded.layout))
        #expect(recorded.builder.losses.lostRecords == 12)
        #expect(recorded.builder.losses.lostSamples == 3)
        try lose(.max)
        try lose(.max)
        #expect(recorded.builder.losses.lostRecords == .max)
    }

    @Test("Records of types that nobody knows, and those whose bytes made no sense, are counted")
    mutating func unknown() throws {
        try recorded.take(RecordBytes(type: 63).u64(1, 2).bytes)
        recorded.builder.countUndecodable()
        recorded.builder.countUndecodable()
        #expect(recorded.builder.losses.unknownRecords == 1)
        #expect(recorded.builder.losses.undecodableRecords == 2)
    }

    @Test("An interval of throttling is what lies between its ends, for each event")
    mutating func throttled() throws {
        try throttle(9, at: 2_000)
        try throttle(8, at: 2_100)
        try throttle(9, at: 2_500, ends: true)
        try throttle(8, at: 2_200, ends: true)
        #expect(recorded.builder.losses.throttledIntervals == 2)
        #expect(recorded.builder.losses.throttledNanoseconds == 600)
    }

    @Test("What lasts longer than a tick of the kernel's timer is a target without a CPU, and counts for one tick")
    mutating func throttledWithoutCPU() throws {
        try throttle(9, at: 2_000)
        try throttle(9, at: 2_000 + 3 * Recorded.tick, ends: true)
        #expect(recorded.builder.losses.throttledNanoseconds == Int64(Recorded.tick))
    }

    @Test("Throttling that lasts until the end of the recording ends with it, and an end alone counts for nothing")
    mutating func throttledUntilTheEnd() throws {
        try throttle(8, at: 1_900, ends: true)
        try throttle(9, at: 2_000)
        #expect(recorded.builder.losses.throttledNanoseconds == 0)
        recorded.builder.finish(at: 2_700)
        recorded.builder.finish(at: 2_800)
        #expect(recorded.builder.losses.throttledIntervals == 1)
        #expect(recorded.builder.losses.throttledNanoseconds == 700)
    }

    @Test("A container's row is written again when it changes")
    mutating func container() {
        recorded.builder.set(Container(name: "a"), id: 1)
        recorded.builder.set(Container(name: "b"), id: 1)
        #expect(recorded.rows.containers.map(\.id) == [1, 1])
        #expect(recorded.rows.containers.map(\.container.name) == ["a", "b"])
    }

    @Test("Rows are given out once: ids go on when the batch was emptied")
    mutating func batches() throws {
        try recorded.sample(10, user: [0x1010])
        recorded.builder.batch.removeAll()
        try recorded.sample(10, user: [0x1010])
        #expect(recorded.rows.processes.isEmpty && recorded.rows.frames.isEmpty && recorded.rows.stacks.isEmpty)
        try recorded.sample(11, user: [0x2010])
        #expect(recorded.rows.processes.map(\.id) == [2])
        #expect(recorded.rows.threads.map(\.id) == [2])
        // The cut's frame and node were the first, those of 0x1010 the second.
        #expect(recorded.rows.frames.map(\.id) == [3])
        #expect(recorded.rows.stacks.map(\.id) == [3])
    }
}

@Suite struct NameTests {
    var recorded = Recorded()

    init() throws {
        recorded.machine.processes[ProcessID(10)] = Recorded.process(
            "app", threads: [10],
            mappings: [
                Recorded.mapping(0x1000..<0x2000, path: "/bin/app"),
                Recorded.mapping(0x7000..<0x8000, path: "/lib/c.so"),
            ])
        recorded.machine.kernel = [
            KernelFunction(name: "ksys_write", start: VirtualAddress(0xFFFF_FFFF_8100_1000), module: nil)
        ]
        // A system call made from /lib/c.so at 0x7010, called from /bin/app right before 0x1020.
        try recorded.sample(10, kernel: [0xFFFF_FFFF_8100_1008], user: [0x7010, 0x1020])
    }

    private func request(_ key: Int) throws -> ProfileBuilder<FakeMachine>.NameRequest {
        try #require(recorded.builder.nameRequests().first { $0.key == key })
    }

    private func frame(_ word: String) throws -> RowID {
        try #require(recorded.rows.frames.first { recorded.word(of: $0.id) == word }).id
    }

    @Test("What samples hit is asked for: the addresses of each module, and which are behind a system call")
    mutating func requests() throws {
        try recorded.sample(10, user: [0x1500, 0x1020])
        let requests = recorded.builder.nameRequests().sorted { $0.key < $1.key }
        // The fake machine numbers files from 100 as they are opened: outermost frames first.
        #expect(requests.map(\.key) == [100, 101])
        #expect(requests.map(\.request.addresses) == [[FileAddress(0x1F), FileAddress(0x500)], [FileAddress(0x10)]])
        #expect(requests.map(\.request.syscallReturns) == [[], [FileAddress(0x10)]])
    }

    @Test("An answer names its frames: the innermost function, those it was inlined into, the system call's number")
    mutating func answers() throws {
        recorded.builder.take(
            SymbolAnswer(symbols: [
                SymbolizedAddress(
                    address: FileAddress(0x10),
                    chain: [
                        SourceFrame(function: "inner", file: "a.c", line: 3), SourceFrame(function: "middle"),
                        SourceFrame(function: "outer", file: "b.c", line: 5),
                    ], syscallNumber: 221)
            ]), for: try request(101))
        let names = try #require(recorded.rows.names.first)
        #expect(recorded.rows.names.count == 1)
        #expect(names.frame == (try frame("/lib/c.so+10")))
        #expect(names.function == "inner" && names.file == "a.c" && names.line == 3 && names.syscallNumber == 221)
        #expect(
            names.inlinedInto == [
                InlineCaller(function: "middle", file: nil, line: nil),
                InlineCaller(function: "outer", file: "b.c", line: 5),
            ])
    }

    @Test("What was answered is not asked for again; what is hit later, or was skipped, is")
    mutating func askedOnce() throws {
        let answered = SymbolizedAddress(address: FileAddress(0x1F), chain: [SourceFrame(function: "main")])
        recorded.builder.take(SymbolAnswer(symbols: [answered]), for: try request(100))
        recorded.builder.take(SymbolAnswer(symbols: [], skipped: "budget"), for: try request(101))
        #expect(recorded.builder.nameRequests().map(\.key) == [101])
        try recorded.sample(10, user: [0x1600])
        #expect(try request(100).request.addresses == [FileAddress(0x600)])
    }

    @Test("A named address that turns out to be behind a system call is asked for once more, for its number")
    mutating func syscallLater() throws {
        try recorded.sample(10, user: [0x1600])
        let request = try request(100)
        recorded.builder.take(
            SymbolAnswer(
                symbols: request.request.addresses.map { SymbolizedAddress(address: $0, chain: []) }), for: request)
        try recorded.sample(10, kernel: [0xFFFF_FFFF_8100_1008], user: [0x1600])
        try recorded.sample(10, kernel: [0xFFFF_FFFF_8100_1008], user: [0x1600])
        let again = try self.request(100)
        #expect(again.request.addresses == [FileAddress(0x600)])
        #expect(again.request.syscallReturns == [FileAddress(0x600)])
    }

    @Test("Answers to what was not asked are not taken")
    mutating func strangeAnswers() throws {
        var request = try request(100)
        recorded.builder.take(
            SymbolAnswer(symbols: [
                SymbolizedAddress(address: FileAddress(0x99), chain: [SourceFrame(function: "elsewhere")]),
                SymbolizedAddress(address: FileAddress(0x1F), chain: []),
            ]), for: request)
        for module in [-1, 1_000_000] {
            request.module = module
            recorded.builder.take(SymbolAnswer(symbols: [], skipped: "x"), for: request)
        }
        #expect(recorded.rows.names.isEmpty)
        #expect(recorded.rows.modules.allSatisfy { $0.module.symbolsSkipped == nil })
    }

    @Test("Why names are missing is written to the module's row")
    mutating func skipped() throws {
        recorded.builder.take(SymbolAnswer(symbols: [], skipped: "budget"), for: try request(100))
        let row = try #require(recorded.rows.modules.last)
        #expect(row.module == Module(kind: .file, path: "/bin/app", symbolsSkipped: "budget"))
        #expect(recorded.rows.modules.filter { $0.id == row.id }.count == 2)
    }
}

@Suite struct PairInternerTests {
    @Test("Pairs are numbered from 1 in the order in which they come, through all growth")
    func numbers() {
        var interner = PairInterner(minimumCapacity: 1)
        var random = SeededGenerator(seed: 5)
        // Keys as frames have them: few high bits, many neighbours.
        let pairs = Set((0..<20_000).map { _ in [UInt64.random(in: 0...30_000, using: &random), random.next() % 7] })
        let ordered = Array(pairs)
        for (index, pair) in ordered.enumerated() {
            #expect(interner.number(of: pair[0], pair[1]) == (UInt32(index + 1), true))
        }
        for (index, pair) in ordered.enumerated() {
            #expect(interner.number(of: pair[0], pair[1]) == (UInt32(index + 1), false))
        }
        #expect(Int(interner.count) == ordered.count)
    }

    @Test("The order of a pair's keys, and the extremes, tell pairs apart")
    func order() {
        var interner = PairInterner()
        let keys: [UInt64] = [0, 1, 1 << 32, .max]
        for first in keys { for second in keys { #expect(interner.number(of: first, second).isNew) } }
        #expect(interner.count == 16)
    }
}
