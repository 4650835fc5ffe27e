import FoundationEssentials
import GRDB
import Glibc
import ProfileModel
import Recording
import Testing

@Suite struct RoundTripTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("slow.jostle")
    }

    @Test("Everything that was written is read back equal")
    func everything() throws {
        try SampleRecording.write(to: path)
        #expect(ProfileParts(try RecordingReader.read(path: path)) == ProfileParts(SampleRecording.profile))
    }

    @Test("A recording with nothing in it is read back empty")
    func nothing() throws {
        let writer = try RecordingWriter(path: path, replacing: false)
        try writer.finish(SampleRecording.unfinishedInfo)
        #expect(
            ProfileParts(try RecordingReader.read(path: path))
                == ProfileParts(Profile(recording: SampleRecording.info)))
    }

    @Test("What is not known is NULL and comes back as nil")
    func unknown() throws {
        var info = SampleRecording.info
        info.eventReason = nil
        info.commandStatus = nil
        info.kernelSymbols = .hidden
        let writer = try RecordingWriter(path: path, replacing: false)
        try writer.finish(info)
        let read = try RecordingReader.read(path: path).recording
        #expect(read == info)
        #expect(read.eventReason == nil && read.commandStatus == nil)
    }

    @Test("Each commit can be seen from outside at once, and nothing before it")
    func commits() throws {
        var writer = try RecordingWriter(path: path, replacing: false)
        try writer.commit(SampleRecording.first, info: SampleRecording.unfinishedInfo)
        let one = try RecordingReader.read(path: path)
        #expect(one.samples.count == 2)
        #expect(one.processes.map(\.comm) == ["sh", SampleRecording.latin1])
        #expect(one.frames.map(\.function) == [nil, "ksys_write", "no-mapping", nil])
        #expect(!one.recording.finished)

        try writer.commit(SampleRecording.second, info: SampleRecording.unfinishedInfo)
        let two = try RecordingReader.read(path: path)
        #expect(two.samples.count == 4)
        #expect(two.processes.map(\.comm) == ["nginx", SampleRecording.latin1])
        #expect(!two.recording.finished)
        try writer.finish(SampleRecording.info)
        #expect(try RecordingReader.read(path: path).recording.finished)
    }

    @Test("A recording that was given up keeps its commits and says that it is unfinished")
    func abandoned() throws {
        var writer = try RecordingWriter(path: path, replacing: false)
        try writer.commit(SampleRecording.first, info: SampleRecording.info)
        writer.abandon()
        let profile = try RecordingReader.read(path: path)
        #expect(profile.samples.count == 2)
        #expect(!profile.recording.finished)
    }

    @Test("Names that come again replace the earlier ones, with their inlines")
    func namesAgain() throws {
        var writer = try RecordingWriter(path: path, replacing: false)
        try writer.commit(SampleRecording.first, info: SampleRecording.info)
        try writer.commit(SampleRecording.second, info: SampleRecording.info)
        var batch = RowBatch()
        batch.names = [
            FrameNames(
                frame: 1, function: "Write", file: nil, line: 7,
                inlinedInto: [InlineCaller(function: "Flush", file: "b.cc", line: 8)])
        ]
        try writer.commit(batch, info: SampleRecording.info)
        try writer.finish(SampleRecording.info)
        #expect(
            try RecordingReader.read(path: path).frames[0]
                == Frame(
                    kind: .user, module: 1, address: 0x1233, function: "Write", line: 7,
                    inlinedInto: [InlineCaller(function: "Flush", file: "b.cc", line: 8)]))
    }

    @Test("Calls that were sampled are scaled to what the kernel counted, each container's by its own factor")
    func scaledCalls() throws {
        var writer = try RecordingWriter(path: path, replacing: false)
        try writer.commit(SampleRecording.first, info: SampleRecording.info)
        var batch = RowBatch()
        batch.syscallCounts = [
            SyscallCountRow(container: 1, number: 0, time: 0, calls: 10),
            SyscallCountRow(container: 1, number: 1, time: 0, calls: 3),
            SyscallCountRow(container: 2, number: 0, time: 0, calls: 10),
        ]
        try writer.commit(batch, info: SampleRecording.info)
        try writer.scaleCalls([1: 1.5])
        try writer.finish(SampleRecording.info)
        // 3 × 1.5 is 4.5, which is rounded up.
        #expect(try RecordingReader.read(path: path).syscallCounts.map(\.calls) == [15, 5, 10])
    }

    @Test("A commit that fails leaves the file as the commit before left it")
    func failedCommit() throws {
        var writer = try RecordingWriter(path: path, replacing: false)
        try writer.commit(SampleRecording.first, info: SampleRecording.info)
        var batch = SampleRecording.second
        batch.frames.append(FrameRow(id: 1, kind: .user, module: nil, address: 0, function: "another_function"))
        #expect {
            try writer.commit(batch, info: SampleRecording.info)
        } throws: { error in
            if case .writeFailed(_, _, diskFull: false) = error as? RecordingError { true } else { false }
        }
        #expect(try RecordingReader.read(path: path).samples.count == 2)
        // The functions of the failed commit are not taken for written.
        batch = SampleRecording.second
        batch.frames.append(FrameRow(id: 6, kind: .user, module: nil, address: 0, function: "another_function"))
        try writer.commit(batch, info: SampleRecording.info)
        try writer.finish(SampleRecording.info)
        #expect(try RecordingReader.read(path: path).frames.last?.function == "another_function")
    }

    @Test("Names of functions are written once, however many frames have them")
    func functionsOnce() throws {
        try SampleRecording.write(to: path)
        let names = try DatabaseQueue(path: path).read { db in
            try String.fetchAll(db, sql: "SELECT name FROM functions ORDER BY name")
        }
        #expect(
            names
                == ["LogFileObject::Write", "LogMessage::Flush", "ksys_write", SampleRecording.latin1, "no-mapping"]
                .sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
    }

    @Test("SQL finds the samples by the names of their kinds")
    func kinds() throws {
        try SampleRecording.write(to: path)
        let kinds = try DatabaseQueue(path: path).read { db in
            try String.fetchAll(db, sql: "SELECT name FROM samples JOIN sample_kinds USING (kind) ORDER BY id")
        }
        #expect(kinds == ["on-CPU", "blocked", "preempted", "lock wait"])
    }

    @Test("A reader that looks at the file meanwhile is waited for, and does not end the recording")
    func readerMeanwhile() async throws {
        var writer = try RecordingWriter(path: path, replacing: false)
        try writer.commit(SampleRecording.first, info: SampleRecording.info)
        let other = try DatabaseQueue(path: path)
        let journal = path + "-journal"
        let reading = AsyncStream<Void>.makeStream()
        let reader = Task.detached {
            try other.read { db in
                _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM samples")
                reading.continuation.yield()
                // Until the commit has begun, and for long enough after that for it to find the file held.
                for _ in 0..<5_000 where !FileManager.default.fileExists(atPath: journal) { usleep(1_000) }
                usleep(100_000)
            }
        }
        for await _ in reading.stream { break }
        try writer.commit(SampleRecording.second, info: SampleRecording.info)
        try await reader.value
        try writer.finish(SampleRecording.info)
        #expect(try RecordingReader.read(path: path).samples.count == 4)
    }
}
