import ProfileModel
import Recording

/// One small recording with something in every column: its rows, and the profile that they mean, both written by hand.
///
/// It is also the recipe of Fixtures/schema-N.jostle: a change here is a change of what old files must give. What a later
/// schema has, `profile(version:)` takes away again.
enum SampleRecording {
    /// "mär" in Latin-1: 6D E4 72.
    static let latin1 = String(losslesslyDecoding: [0x6D, 0xE4, 0x72])
    /// Above `Int64.max`, as all of the kernel's addresses are.
    static let kernelAddress: UInt64 = 0xFFFF_FFFF_8110_2030

    static var info: RecordingInfo {
        RecordingInfo(
            toolVersion: "0.1.0", host: "node-7", kernel: "6.18.0-test", arch: "x86_64", cpus: 2, event: "cpu-clock",
            eventReason: "no hardware counters here", frequency: 199,
            commandLine: ["jostle", "record", "--", "größe \"x\"\n"], startWallNanoseconds: 1_700_000_000_123_456_789,
            durationNanoseconds: 2_000_000_000, finished: true, kernelSymbols: .visible, unwinding: "dwarf",
            losses: Losses(
                lostRecords: 1, lostSamples: 2, throttledNanoseconds: 3, throttledIntervals: 4, undecodableRecords: 5,
                unknownRecords: 6, recorderCPUNanoseconds: 7),
            commandStatus: 143, notes: ["rings of 64 KiB instead of 512"],
            kernelTailCalls: ["ksys_fadvise64_64": ["fadvise64", "fadvise64_64"]], hasLocks: true,
            missingFunctions: ["reclaim_high"])
    }

    /// What the first commit has.
    static var first: RowBatch {
        var batch = RowBatch()
        batch.containers = [
            (
                id: 1,
                container: Container(
                    name: "api", id: "3f2ab8c1", runtime: "docker", image: "shop/api:14", pod: "api-0",
                    namespace: "shop", cgroup: "/system.slice/docker-3f2ab8c1.scope",
                    cgroupTimes: CPUTimes(userNanoseconds: 1, systemNanoseconds: 2))
            ),
            (id: 2, container: Container(name: latin1)),
        ]
        batch.processes = [
            ProcessRow(id: 1, pid: ProcessID(4_711), comm: "sh"), ProcessRow(id: 2, pid: ProcessID(-1), comm: latin1),
        ]
        batch.threads = [
            ThreadRow(id: 1, tid: ThreadID(4_711), process: 1, comm: "sh"),
            ThreadRow(id: 2, tid: ThreadID(-1), process: 2, comm: ""),
        ]
        batch.modules = [
            ModuleRow(id: 1, module: Module(kind: .kernel, path: "[kernel]")),
            ModuleRow(
                id: 2, module: Module(kind: .file, path: "/usr/bin/\(latin1)", buildID: BuildID([0x00, 0xAB, 0xFF]))),
        ]
        batch.frames = [
            FrameRow(id: 1, kind: .user, module: 2, address: 0x1233, function: nil),
            FrameRow(id: 2, kind: .kernel, module: 1, address: kernelAddress, function: "ksys_write"),
            FrameRow(id: 3, kind: .truncation, module: nil, address: 0, function: "no-mapping"),
            FrameRow(id: 4, kind: .user, module: nil, address: .max, function: nil),
        ]
        // Truncated below 4; 2 called from 1 called from nobody.
        batch.stacks = [
            StackRow(id: 1, parent: nil, frame: 1), StackRow(id: 2, parent: 1, frame: 2),
            StackRow(id: 3, parent: nil, frame: 3), StackRow(id: 4, parent: 3, frame: 4),
        ]
        batch.samples = [
            SampleRow(
                time: 0, cpu: 0, thread: 1, container: 1, stack: 2, kind: .onCPU, mode: .kernel, weight: 5_025_126),
            SampleRow(
                time: 5_025_126, cpu: 1, thread: 2, container: 2, stack: nil, kind: .blocked, mode: .user, weight: 0),
        ]
        return batch
    }

    /// What the second has: more samples, a comm that exec changed, times, names.
    static var second: RowBatch {
        var batch = RowBatch()
        batch.containers = [
            (
                id: 1,
                container: Container(
                    name: "api", id: "3f2ab8c1", runtime: "docker", image: "shop/api:14", pod: "api-0",
                    namespace: "shop", cgroup: "/system.slice/docker-3f2ab8c1.scope",
                    cgroupTimes: CPUTimes(userNanoseconds: 500_000_000, systemNanoseconds: 1_500_000_000))
            )
        ]
        batch.processes = [ProcessRow(id: 1, pid: ProcessID(4_711), comm: "nginx")]
        batch.threads = [ThreadRow(id: 1, tid: ThreadID(4_711), process: 1, comm: "nginx")]
        batch.modules = [
            ModuleRow(
                id: 2,
                module: Module(
                    kind: .file, path: "/usr/bin/\(latin1)", buildID: BuildID([0x00, 0xAB, 0xFF]),
                    symbolsSkipped: "budget"))
        ]
        batch.frames = [
            FrameRow(id: 5, kind: .kernel, module: 1, address: 0xFFFF_FFFF_8100_0000, function: "ksys_write")
        ]
        batch.names = [
            FrameNames(
                frame: 1, function: "LogFileObject::Write", file: "src/logging.cc", line: 1_113,
                inlinedInto: [
                    InlineCaller(function: "LogMessage::Flush", file: "src/logging.cc", line: 1_700),
                    InlineCaller(function: nil, file: nil, line: nil),
                ], syscallNumber: 221),
            FrameNames(frame: 4, function: latin1, file: nil, line: nil),
        ]
        batch.stacks = [StackRow(id: 5, parent: 4, frame: 5)]
        batch.samples = [
            SampleRow(
                time: 7_000_000, cpu: 1, thread: 1, container: 1, stack: 5, kind: .preempted, mode: .kernel,
                weight: 1),
            SampleRow(
                time: 7_000_000, cpu: 1, thread: 1, container: 1, stack: 4, kind: .lockWait, mode: .user, weight: .max),
        ]
        batch.syscallCounts = [SyscallCountRow(container: 1, number: 221, time: 1_000_000_000, calls: 9_214)]
        batch.pressure = [
            PressureRow(container: 1, name: "cpu.stat nr_throttled", unit: "periods", before: 3, after: 5),
            PressureRow(container: nil, name: "pressure cpu some", unit: "us", before: 0, after: .max),
        ]
        batch.locks = [
            LockRow(
                id: 1, lock: Lock(address: VirtualAddress(kernelAddress), kind: .mutex, symbol: "cgroup_mutex")),
            LockRow(id: 2, lock: Lock(address: VirtualAddress(0x10), kind: .percpuRwsem)),
        ]
        batch.lockWaits = [
            LockWaitRow(time: 100_000_000, container: 1, process: 1, stack: 5, lock: 1, contentions: 3, waited: 9),
            LockWaitRow(time: 200_000_000, container: 2, process: nil, stack: nil, lock: 2, contentions: 1, waited: 0),
        ]
        batch.lockHolds = [LockHoldRow(id: 1, lock: 1, waiter: 1, holder: 2, waited: .max)]
        return batch
    }

    /// What both commits mean: ids have become indices, which are one less.
    static var profile: Profile {
        var samples = Samples()
        samples.append(
            time: 0, thread: 0, container: 0, stack: 1, kind: .onCPU, mode: .kernel, weight: 5_025_126)
        samples.append(
            time: 5_025_126, thread: 1, container: 1, stack: -1, kind: .blocked, mode: .user, weight: 0)
        samples.append(time: 7_000_000, thread: 0, container: 0, stack: 4, kind: .preempted, mode: .kernel, weight: 1)
        samples.append(time: 7_000_000, thread: 0, container: 0, stack: 3, kind: .lockWait, mode: .user, weight: .max)
        return Profile(
            recording: info,
            containers: [second.containers[0].container, Container(name: latin1)],
            processes: [
                ProcessInfo(pid: ProcessID(4_711), comm: "nginx"), ProcessInfo(pid: ProcessID(-1), comm: latin1),
            ],
            threads: [
                ThreadInfo(tid: ThreadID(4_711), process: 0, comm: "nginx"),
                ThreadInfo(tid: ThreadID(-1), process: 1, comm: ""),
            ],
            modules: [Module(kind: .kernel, path: "[kernel]"), second.modules[0].module],
            frames: [
                Frame(
                    kind: .user, module: 1, address: 0x1233, function: "LogFileObject::Write",
                    file: "src/logging.cc", line: 1_113,
                    inlinedInto: [
                        InlineCaller(function: "LogMessage::Flush", file: "src/logging.cc", line: 1_700),
                        InlineCaller(function: nil, file: nil, line: nil),
                    ], syscallNumber: 221),
                Frame(kind: .kernel, module: 0, address: kernelAddress, function: "ksys_write"),
                Frame(kind: .truncation, address: 0, function: "no-mapping"),
                Frame(kind: .user, address: .max, function: latin1),
                Frame(kind: .kernel, module: 0, address: 0xFFFF_FFFF_8100_0000, function: "ksys_write"),
            ],
            stacks: StackTree(parent: [-1, 0, -1, 2, 3], frame: [0, 1, 2, 3, 4]), samples: samples,
            syscallCounts: [SyscallCount(container: 0, number: 221, time: 1_000_000_000, calls: 9_214)],
            pressure: [
                PressureReading(container: 0, name: "cpu.stat nr_throttled", unit: "periods", before: 3, after: 5),
                PressureReading(container: nil, name: "pressure cpu some", unit: "us", before: 0, after: .max),
            ],
            locks: [
                Lock(address: VirtualAddress(kernelAddress), kind: .mutex, symbol: "cgroup_mutex"),
                Lock(address: VirtualAddress(0x10), kind: .percpuRwsem),
            ],
            lockWaits: [
                LockWait(time: 100_000_000, container: 0, process: 0, stack: 4, lock: 0, contentions: 3, waited: 9),
                LockWait(time: 200_000_000, container: 1, process: nil, stack: -1, lock: 1, contentions: 1, waited: 0),
            ],
            lockHolds: [LockHold(lock: 0, waiter: 0, holder: 1, waited: .max)])
    }

    /// What a jostle that knew schema `version` could write of it.
    static func profile(version: Int) -> Profile {
        var old = profile
        if version < 2 {
            (old.locks, old.lockWaits, old.lockHolds) = ([], [], [])
            old.recording.hasLocks = false
            old.recording.missingFunctions = nil
        }
        return old
    }

    /// Writes the whole recording.
    static func write(to path: String, replacing: Bool = false) throws {
        var writer = try RecordingWriter(path: path, replacing: replacing)
        try writer.commit(first, info: unfinishedInfo)
        try writer.commit(second, info: unfinishedInfo)
        try writer.finish(info)
    }

    static var unfinishedInfo: RecordingInfo {
        var info = info
        info.finished = false
        return info
    }
}

/// Everything a profile holds, part by part, so that a failed comparison names what differs.
struct ProfileParts: Equatable {
    var recording: RecordingInfo
    var containers: [Container]
    var processes: [ProcessInfo]
    var threads: [ThreadInfo]
    var modules: [Module]
    var frames: [Frame]
    var stacks: [[Int32]]
    var samples: [[Int64]]
    var syscallCounts: [SyscallCount]
    var pressure: [PressureReading]
    var locks: [Lock]
    var lockWaits: [LockWait]
    var lockHolds: [LockHold]

    init(_ profile: Profile) {
        recording = profile.recording
        containers = profile.containers
        processes = profile.processes
        threads = profile.threads
        modules = profile.modules
        frames = profile.frames
        stacks = [profile.stacks.parent, profile.stacks.frame]
        let columns = profile.samples
        samples = [
            columns.time, columns.thread.map(Int64.init), columns.container.map(Int64.init),
            columns.stack.map(Int64.init), columns.kind.map { Int64($0.rawValue) },
            columns.mode.map { Int64($0.rawValue) }, columns.weight,
        ]
        syscallCounts = profile.syscallCounts
        pressure = profile.pressure
        locks = profile.locks
        lockWaits = profile.lockWaits
        lockHolds = profile.lockHolds
    }
}
