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
        return [
            RecordBytes.sample(contents, layout: layout),
            RecordBytes.mapping(
                pid: 42, start: 0x40_0000, byteCount: 0x1000, offset: 0x2000, major: 8, minor: 1, inode: 99,
                path: "/bin/true", trailer: trailer, layout: layout),
            RecordBytes.mapping(
                pid: 42, start: 0x40_0000, byteCount: 0x1000, buildID: Array(1...20), path: "/bin/true",
                trailer: trailer, layout: layout),
            RecordBytes(type: .mmap, misc: 2).u32(42, 43).u64(0x40_0000, 0x1000, 0).text("/bin/true")
                .trailer(trailer, layout).bytes,
            RecordBytes.comm(pid: 42, tid: 43, "true", isExec: true, trailer: trailer, layout: layout),
            RecordBytes.fork(pid: 42, parentPID: 1, tid: 43, parentTID: 1, trailer: trailer, layout: layout),
            RecordBytes.exit(pid: 42, parentPID: 1, tid: 43, parentTID: 1, trailer: trailer, layout: layout),
            RecordBytes.lost(eventID: 7, count: 5, trailer: trailer, layout: layout),
            RecordBytes.lostSamples(count: 5, trailer: trailer, layout: layout),
            RecordBytes.throttle(eventID: 7, trailer: trailer, layout: layout),
            RecordBytes.throttle(ends: true, eventID: 7, trailer: trailer, layout: layout),
            RecordBytes.cgroup(id: 4_242, path: "/a/b", trailer: trailer, layout: layout),
            RecordBytes.kernelSymbol(
                start: 0xFFFF_FFFF_C000_0000, byteCount: 64, name: "bpf_prog", trailer: trailer, layout: layout),
            RecordBytes.contextSwitch(
                out: true, preempted: true, otherPID: 1, otherTID: 1, trailer: trailer, layout: layout),
            RecordBytes(type: .contextSwitch).trailer(trailer, layout).bytes,
        ]
    }
}
