import PerfRecords
import TestSupport

/// One whole record of every kind, to be damaged or decoded.
enum SampleRecords {
    static let time: UInt64 = 123_456_789

    static func all(_ layout: SampleLayout) -> [[UInt8]] {
        let trailer = Trailer(pid: 42, tid: 43, time: time, id: 7, streamID: 8, cpu: 3)
        var contents = SampleTests.contents(for: layout)
        contents.time = time
        contents.identifier = 7
        return RecordBytes.oneOfEach(contents, trailer: trailer, layout: layout)
    }
}
