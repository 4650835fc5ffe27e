public import ProfileModel

/// One PERF_RECORD_SAMPLE, decoded as far as jostle uses it.
///
/// A field that the event's layout does not have is 0 or empty: `fields` says which it has. What varies in length stays
/// in the record: the ranges here are byte ranges from the record's first byte, valid for the very record that was
/// decoded, and are read through the methods below, which need that record again.
/// Source: perf_event_open(2), "PERF_RECORD_SAMPLE".
public struct SampleRecord: Hashable, Sendable {
    /// Which fields the event's layout has.
    public var fields: SampleFields = []
    /// The mode the CPU was in.
    public var mode: CPUMode = .unknown
    /// The event's id, from PERF_SAMPLE_IDENTIFIER or, where there is none, PERF_SAMPLE_ID.
    public var identifier: UInt64 = 0
    public var ip = VirtualAddress(0)
    public var pid = ProcessID(0)
    public var tid = ThreadID(0)
    /// Nanoseconds of the event's clock; CLOCK_MONOTONIC in what jostle records.
    public var time: UInt64 = 0
    /// The data address of the event, such as the page of a page fault.
    public var address = VirtualAddress(0)
    public var cpu: UInt32 = 0
    /// What the sample stands for, in the event's unit: cycles, nanoseconds, calls.
    public var period: UInt64 = 0
    public var cgroup = CgroupID(0)
    /// Whose registers `userRegisters` holds.
    public var userABI: RegisterABI = .none
    /// Which registers `userRegisters` holds: bit N stands for register N in the kernel's own numbering.
    public var userRegisterMask: UInt64 = 0

    var readValuesBytes = ByteRange()
    var callchainBytes = ByteRange()
    var rawBytes = ByteRange()
    @usableFromInline var userRegistersBytes = ByteRange()
    @usableFromInline var userStackBytes = ByteRange()

    init() {}
}

extension SampleRecord {
    /// The counters' values: `struct read_format`, count and times included.
    public var readValues: Range<Int> { readValuesBytes.range }
    /// 64-bit words, innermost first, with context markers between them.
    public var callchain: Range<Int> { callchainBytes.range }
    /// The event's own data, padded by the kernel, without the length before it.
    public var raw: Range<Int> { rawBytes.range }
    /// One 64-bit word for each bit of `userRegisterMask`, lowest bit first; empty where `userABI` is `.none`.
    @inlinable public var userRegisters: Range<Int> { userRegistersBytes.range }
    /// The stack from the stack pointer upwards, cut to what the kernel could copy.
    @inlinable public var userStack: Range<Int> { userStackBytes.range }
}

/// A byte range in one record. A record has at most 65,535 bytes, and a `SampleRecord` is copied for every sample: with
/// `Range<Int>` it would be twice as large.
@usableFromInline
struct ByteRange: Hashable, Sendable {
    @usableFromInline var start: UInt16 = 0
    @usableFromInline var end: UInt16 = 0

    init() {}

    /// - Parameter range: within one record.
    init(_ range: Range<Int>) {
        start = UInt16(truncatingIfNeeded: range.lowerBound)
        end = UInt16(truncatingIfNeeded: range.upperBound)
    }

    @inlinable var range: Range<Int> { Int(start)..<Int(end) }
}

/// Whose registers a sample holds: `enum perf_sample_regs_abi` in linux/perf_event.h.
public struct RegisterABI: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// No registers: a kernel thread.
    public static let none = RegisterABI(rawValue: 0)
    /// A 32-bit task on a 64-bit kernel.
    public static let bits32 = RegisterABI(rawValue: 1)
    public static let bits64 = RegisterABI(rawValue: 2)
}

extension SampleRecord {
    /// Appends the callchain's addresses, innermost first, to the part that each belongs to, without the markers.
    ///
    /// The first kernel address is where the kernel was interrupted; the first user address is the user instruction
    /// pointer; all others are return addresses. Addresses before any marker belong to the mode of the sample.
    ///
    /// - Parameter record: the record that this sample was decoded from.
    /// - Returns: how many words belong to neither part and were left out: guests', hypervisors' and those behind a
    ///   marker that is not known.
    /// - Complexity: O(n); allocates only where the arrays have to grow.
    @discardableResult
    public func appendCallchain(
        in record: RawSpan, kernel: inout [VirtualAddress], user: inout [VirtualAddress]
    ) -> Int {
        let end = callchainBytes.range.upperBound
        var context = mode == .kernel ? CallchainContext.kernel : mode == .user ? CallchainContext.user : 0
        var offset = callchainBytes.range.lowerBound
        var leftOut = 0
        while offset < end {
            let run = record.words(from: offset, to: end, while: { $0 < CallchainContext.lowest })
            if context == CallchainContext.kernel {
                kernel.append(wordsOf: record, in: run)
            } else if context == CallchainContext.user {
                user.append(wordsOf: record, in: run)
            } else {
                leftOut &+= run.count / 8
            }
            context = record.load(UInt64.self, at: run.upperBound) ?? 0
            offset = run.upperBound &+ 8
        }
        return leftOut
    }

    /// Reads one user register.
    ///
    /// - Parameters:
    ///   - number: in the kernel's numbering, `enum perf_event_x86_regs` or `perf_event_arm_regs` in asm/perf_regs.h.
    ///   - record: the record that this sample was decoded from.
    /// - Returns: nil when the sample does not hold that register.
    @inlinable public func userRegister(_ number: Int, in record: RawSpan) -> UInt64? {
        guard number >= 0, number < 64, !userRegisters.isEmpty else { return nil }
        let bit: UInt64 = 1 << UInt64(number)
        guard userRegisterMask & bit != 0 else { return nil }
        let index = (userRegisterMask & (bit &- 1)).nonzeroBitCount
        return record.load(UInt64.self, at: userRegisters.lowerBound &+ 8 &* index)
    }

    /// Reads one 64-bit word of the user stack's copy, in native byte order.
    ///
    /// - Parameters:
    ///   - offset: bytes above the stack pointer.
    ///   - record: the record that this sample was decoded from.
    /// - Returns: nil when the copy does not reach that far.
    @inlinable public func userStackWord(at offset: Int, in record: RawSpan) -> UInt64? {
        guard offset >= 0, offset <= userStack.count &- 8 else { return nil }
        return record.load(UInt64.self, at: userStack.lowerBound &+ offset)
    }
}

extension RawSpan {
    /// The byte range of the 64-bit words from `offset` on, up to `end` or the first word that is not `wanted`.
    @inline(__always)
    fileprivate func words(from offset: Int, to end: Int, while wanted: (UInt64) -> Bool) -> Range<Int> {
        var position = offset
        while position < end, let word = load(UInt64.self, at: position), wanted(word) { position &+= 8 }
        return offset..<position
    }
}

extension [VirtualAddress] {
    /// Appends the 64-bit words in `range` of `record`, growing at most once.
    @inline(__always)
    fileprivate mutating func append(wordsOf record: RawSpan, in range: Range<Int>) {
        append(addingCapacity: range.count / 8) { words in
            var offset = range.lowerBound
            while offset < range.upperBound, let word = record.load(UInt64.self, at: offset) {
                words.append(VirtualAddress(word))
                offset &+= 8
            }
        }
    }
}

extension SampleRecord {
    /// Reads one 64-bit word of the event's own data, in native byte order.
    ///
    /// - Parameters:
    ///   - offset: bytes from the data's start.
    ///   - record: the record that this sample was decoded from.
    /// - Returns: nil when the data does not reach that far.
    @inlinable public func rawWord(at offset: Int, in record: RawSpan) -> UInt64? {
        guard offset >= 0, offset <= raw.count &- 8 else { return nil }
        return record.load(UInt64.self, at: raw.lowerBound &+ offset)
    }

    /// Reads one 32-bit word of the event's own data, in native byte order.
    ///
    /// - Parameters:
    ///   - offset: bytes from the data's start.
    ///   - record: the record that this sample was decoded from.
    /// - Returns: nil when the data does not reach that far.
    @inlinable public func rawHalfWord(at offset: Int, in record: RawSpan) -> UInt32? {
        guard offset >= 0, offset <= raw.count &- 4 else { return nil }
        return record.load(UInt32.self, at: raw.lowerBound &+ offset)
    }
}
