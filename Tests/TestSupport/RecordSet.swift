package import PerfRecords

extension RecordBytes {
    /// One whole record of every kind, the sample first.
    package static func oneOfEach(_ contents: SampleContents, trailer: Trailer, layout: SampleLayout) -> [[UInt8]] {
        [
            sample(contents, layout: layout),
            mapping(
                pid: 42, start: 0x40_0000, byteCount: 0x1000, offset: 0x2000, major: 8, minor: 1, inode: 99,
                path: "/bin/true", trailer: trailer, layout: layout),
            mapping(
                pid: 42, start: 0x40_0000, byteCount: 0x1000, buildID: Array(1...20), path: "/bin/true",
                trailer: trailer, layout: layout),
            RecordBytes(type: .mmap, misc: 2).u32(42, 43).u64(0x40_0000, 0x1000, 0).text("/bin/true")
                .trailer(trailer, layout).bytes,
            comm(pid: 42, tid: 43, "true", isExec: true, trailer: trailer, layout: layout),
            fork(pid: 42, parentPID: 1, tid: 43, parentTID: 1, trailer: trailer, layout: layout),
            exit(pid: 42, parentPID: 1, tid: 43, parentTID: 1, trailer: trailer, layout: layout),
            lost(eventID: trailer.id, count: 5, trailer: trailer, layout: layout),
            lostSamples(count: 5, trailer: trailer, layout: layout),
            throttle(eventID: trailer.id, trailer: trailer, layout: layout),
            throttle(ends: true, eventID: trailer.id, trailer: trailer, layout: layout),
            cgroup(id: 4_242, path: "/a/b", trailer: trailer, layout: layout),
            kernelSymbol(
                start: 0xFFFF_FFFF_C000_0000, byteCount: 64, name: "bpf_prog", trailer: trailer, layout: layout),
            contextSwitch(
                out: true, preempted: true, otherPID: 1, otherTID: 1, trailer: trailer, layout: layout),
            RecordBytes(type: .contextSwitch).trailer(trailer, layout).bytes,
        ]
    }
}
