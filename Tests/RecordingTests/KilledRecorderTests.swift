import FoundationEssentials
import GRDB
import Glibc
import ProfileModel
import Recording
import Testing

@Suite("Killed recorders") struct KilledRecorderTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("slow.jostle")
    }

    @Test("A journal left by a commit that never ended is rolled back")
    func hotJournal() throws {
        try SampleRecording.write(to: path)
        let killed = directory.path("killed.jostle")
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let database = try DatabaseQueue(path: path, configuration: configuration)
        try database.writeWithoutTransaction { db in
            try db.execute(
                sql: """
                    PRAGMA synchronous = OFF; PRAGMA cache_size = 1; BEGIN;
                    UPDATE samples SET weight = 42;
                    INSERT INTO functions (name)
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
                    SELECT printf('%0500d', i) FROM n;
                    """)
            // What lies on the disk in the middle of a transaction that is larger than the cache.
            try FileManager.default.copyItem(atPath: path, toPath: killed)
            try FileManager.default.copyItem(atPath: path + "-journal", toPath: killed + "-journal")
            try db.execute(sql: "ROLLBACK")
        }
        try database.close()
        #expect(try TemporaryDirectory.bytes(of: killed) != TemporaryDirectory.bytes(of: path))
        #expect(ProfileParts(try RecordingReader.read(path: killed)) == ProfileParts(SampleRecording.profile))
    }

    @Test("A recorder killed in a commit leaves what it committed before", arguments: 0..<4)
    func killed(round: Int) async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            var writer = try RecordingWriter(path: path, replacing: false)
            try writer.commit(SampleRecording.first, info: SampleRecording.info)
            // Ends this process as soon as a commit has begun.
            Task.detached {
                while !FileManager.default.fileExists(atPath: path + "-journal") {}
                kill(getpid(), SIGKILL)
            }
            var batch = RowBatch()
            batch.samples = Array(repeating: SampleRecording.first.samples[0], count: 5_000)
            while true { try writer.commit(batch, info: SampleRecording.info) }
        }
        let profile = try RecordingReader.read(path: path)
        #expect(profile.isConsistent)
        #expect(!profile.recording.finished)
        // Whole commits only.
        #expect(profile.samples.count >= 2 && (profile.samples.count - 2).isMultiple(of: 5_000))
        // Reading it has folded the journal in: the file alone holds it all. (A journal without a header, as one that is
        // killed at once leaves, says nothing, and SQLite lets it lie.)
        let alone = directory.path("alone.jostle")
        try FileManager.default.copyItem(atPath: path, toPath: alone)
        #expect(try RecordingReader.read(path: alone).samples.count == profile.samples.count)
    }

    @Test("A recorder killed before its first commit leaves an empty recording that can be read")
    func killedAtOnce() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let writer = try RecordingWriter(path: path, replacing: false, info: SampleRecording.info)
            kill(getpid(), SIGKILL)
            try writer.finish(SampleRecording.info)
        }
        let profile = try RecordingReader.read(path: path)
        #expect(profile.samples.count == 0 && !profile.recording.finished)
        #expect(profile.recording.kernel == SampleRecording.info.kernel)
        #expect(try directory.contents() == ["slow.jostle"])
    }

    @Test("A replacement that is killed leaves the old recording")
    func killedReplacement() async throws {
        try SampleRecording.write(to: path)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            var writer = try RecordingWriter(path: path, replacing: true)
            try writer.commit(SampleRecording.first, info: SampleRecording.info)
            kill(getpid(), SIGKILL)
            try writer.finish(SampleRecording.info)
        }
        #expect(ProfileParts(try RecordingReader.read(path: path)) == ProfileParts(SampleRecording.profile))
        #expect(try RecordingReader.read(path: path + ".partial").samples.count == 2)
    }
}
