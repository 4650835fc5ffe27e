/// Which fields the records of one event have, and so where they lie.
///
/// The order of the fields of a PERF_RECORD_SAMPLE is `decodeSample`'s; every other record ends in a trailer
/// (`sample_id_all` is always on): tid, time, id, stream id, cpu, identifier, as far as the layout has them.
/// Source: perf_event_open(2), "MMAP layout".
public struct SampleLayout: Hashable, Sendable {
    /// `perf_event_attr.sample_type`.
    public var sampleFields: SampleFields
    /// `perf_event_attr.sample_regs_user`: one bit for each register that was asked for.
    public var userRegisterMask: UInt64
    /// `perf_event_attr.read_format`.
    public var readFormat: ReadFormat
    /// `perf_event_attr.sample_regs_intr`.
    public var interruptRegisterMask: UInt64
    /// `perf_event_attr.branch_sample_type`.
    public var branchFormat: BranchFormat

    public init(
        sampleFields: SampleFields, userRegisterMask: UInt64 = 0, readFormat: ReadFormat = [],
        interruptRegisterMask: UInt64 = 0, branchFormat: BranchFormat = []
    ) {
        self.sampleFields = sampleFields
        self.userRegisterMask = userRegisterMask
        self.readFormat = readFormat
        self.interruptRegisterMask = interruptRegisterMask
        self.branchFormat = branchFormat
    }

    /// Bytes of the trailer: each field takes eight.
    var trailerByteCount: Int { 8 &* sampleFields.intersection(.trailer).count }

    /// Where a sample's time lies, from the record's first byte.
    var timeOffsetInSample: Int {
        RecordHeader.byteCount &+ 8 &* sampleFields.intersection([.identifier, .ip, .tid]).count
    }

    /// Where a trailer's time lies, back from the record's end.
    var timeOffsetFromEnd: Int {
        8 &* sampleFields.intersection([.time, .id, .streamID, .cpu, .identifier]).count
    }
}
