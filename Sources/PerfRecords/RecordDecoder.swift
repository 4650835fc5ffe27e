/// Decodes the records of one ring, or of one file, which several events with different layouts may share.
///
/// An event's id chooses its layout. That works where every layout has `SampleFields.identifier`: the id is then the
/// first word of a sample and the last word of any other record, whatever else the layout has. Source:
/// perf_event_open(2), "PERF_SAMPLE_IDENTIFIER".
public struct RecordDecoder: Sendable {
    /// Ascending.
    private let eventIDs: [UInt64]
    /// The layout of each of `eventIDs`.
    private let layouts: [SampleLayout]
    private let defaultLayout: SampleLayout
    private let strangersLayout: SampleLayout

    /// - Parameters:
    ///   - layouts: each event's layout by its id (PERF_EVENT_IOC_ID). Used only where all of them, and the default,
    ///     have the identifier.
    ///   - defaultLayout: for records with an id that is not in `layouts`, such as those that tools write (id 0).
    ///   - strangersLayout: for samples with such an id; nil for the default.
    public init(
        layouts: [UInt64: SampleLayout] = [:], defaultLayout: SampleLayout, strangersLayout: SampleLayout? = nil
    ) {
        self.defaultLayout = defaultLayout
        self.strangersLayout = strangersLayout ?? defaultLayout
        let all = layouts.sorted { $0.key < $1.key }
        let isNeeded = all.contains { $0.value != defaultLayout }
        let isPossible =
            defaultLayout.sampleFields.contains(.identifier)
            && all.allSatisfy { $0.value.sampleFields.contains(.identifier) }
        eventIDs = isNeeded && isPossible ? all.map(\.key) : []
        self.layouts = isNeeded && isPossible ? all.map(\.value) : []
    }

    /// Decodes one record.
    ///
    /// - Parameter record: the record from its header on; bytes behind the size that its header tells are ignored.
    /// - Throws: `RecordError` when the record is not all there or contradicts itself.
    /// - Complexity: a sample takes constant time, whatever its length; allocates only for names.
    public func decode(_ record: RawSpan) throws(RecordError) -> PerfRecord {
        let header = try Self.header(of: record)
        let record = record.extracting(first: Int(header.size))
        let layout = layout(of: record, header: header)
        if header.type == RecordType.sample.rawValue {
            return .sample(try SampleRecord(record, header: header, layout: layout))
        }
        guard let type = RecordType(rawValue: header.type) else { return .unknown(type: header.type) }
        return try PerfRecord(record, type: type, header: header, layout: layout)
    }

    /// Reads when a record was written without decoding the rest of it.
    ///
    /// - Parameter record: the record from its header on.
    /// - Returns: nanoseconds of the event's clock; the same that decoding gives.
    /// - Throws: `RecordError.noTime` for a record without a time, other cases as `decode(_:)` does.
    public func time(of record: RawSpan) throws(RecordError) -> UInt64 {
        let header = try Self.header(of: record)
        let size = Int(header.size)
        let record = record.extracting(first: size)
        let layout = layout(of: record, header: header)
        guard layout.sampleFields.contains(.time), header.type < RecordType.firstWrittenByTools else {
            throw .noTime(type: header.type)
        }
        let isSample = header.type == RecordType.sample.rawValue
        let offset = isSample ? layout.timeOffsetInSample : size &- layout.timeOffsetFromEnd
        guard offset >= RecordHeader.byteCount, let time = record.load(UInt64.self, at: offset) else {
            let needed = isSample ? offset &+ 8 : RecordHeader.byteCount &+ layout.timeOffsetFromEnd
            throw .truncated(type: header.type, neededByteCount: needed, availableByteCount: size)
        }
        return time
    }

    private static func header(of record: RawSpan) throws(RecordError) -> RecordHeader {
        let header = try RecordHeader(record)
        guard header.size <= record.byteCount else {
            throw .truncated(
                type: header.type, neededByteCount: Int(header.size), availableByteCount: record.byteCount)
        }
        return header
    }

    /// The layout that the record's identifier chooses.
    private func layout(of record: RawSpan, header: RecordHeader) -> SampleLayout {
        guard !eventIDs.isEmpty else { return defaultLayout }
        let isSample = header.type == RecordType.sample.rawValue
        let offset = isSample ? RecordHeader.byteCount : record.byteCount &- 8
        guard offset >= RecordHeader.byteCount, let id = record.load(UInt64.self, at: offset) else {
            return defaultLayout
        }
        var low = 0
        var high = eventIDs.count
        while low < high {
            let middle = (low &+ high) / 2
            if eventIDs[middle] < id { low = middle &+ 1 } else { high = middle }
        }
        if low < eventIDs.count && eventIDs[low] == id { return layouts[low] }
        return isSample ? strangersLayout : defaultLayout
    }
}
