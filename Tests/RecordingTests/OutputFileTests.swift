import FoundationEssentials
import Glibc
import ProfileModel
import Testing

@testable import Recording

@Suite struct OutputFileTests {
    let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("slow.jostle")
    }

    private func mode(of path: String) -> mode_t {
        var status = stat()
        // lstat(2) fills a local variable.
        guard unsafe lstat(path, &status) == 0 else { return 0 }
        return status.st_mode & 0o7777
    }

    @Test("Only its owner may read a recording, from its first moment on")
    func mode() throws {
        let writer = try RecordingWriter(path: path, replacing: false)
        #expect(mode(of: path) == 0o600)
        try writer.finish(SampleRecording.info)
        #expect(mode(of: path) == 0o600)
        try SampleRecording.write(to: path, replacing: true)
        #expect(mode(of: path) == 0o600)
    }

    @Test("One file remains, without any beside it")
    func noSideFiles() throws {
        try SampleRecording.write(to: path)
        #expect(try directory.contents() == ["slow.jostle"])
        try SampleRecording.write(to: path, replacing: true)
        #expect(try directory.contents() == ["slow.jostle"])
    }

    @Test("Between commits the file is complete as it stands")
    func betweenCommits() throws {
        var writer = try RecordingWriter(path: path, replacing: false)
        try writer.commit(SampleRecording.first, info: SampleRecording.info)
        #expect(try directory.contents() == ["slow.jostle"])
        let copy = try directory.write(try TemporaryDirectory.bytes(of: path), to: "copy.jostle")
        #expect(try RecordingReader.read(path: copy).samples.count == 2)
        try writer.finish(SampleRecording.info)
    }

    @Test("What exists stays as it is", arguments: ["a text", ""])
    func exists(contents: String) throws {
        _ = try directory.write(contents.utf8, to: "slow.jostle")
        #expect(throws: RecordingError.exists(path: path)) { _ = try RecordingWriter(path: path, replacing: false) }
        #expect(try TemporaryDirectory.bytes(of: path) == Array(contents.utf8))
        #expect(try directory.contents() == ["slow.jostle"])
    }

    @Test("A symbolic link is not followed, whether it leads somewhere or not", arguments: ["victim", "nowhere"])
    func symbolicLink(destination: String) throws {
        let victim = try directory.write("precious".utf8, to: "victim")
        try FileManager.default.createSymbolicLink(
            atPath: path, withDestinationPath: directory.path(destination))
        #expect(throws: RecordingError.exists(path: path)) { _ = try RecordingWriter(path: path, replacing: false) }
        #expect(throws: RecordingError.cannotCreate(path: path, errno: ELOOP)) {
            _ = try RecordingWriter(path: path, replacing: true)
        }
        #expect(try TemporaryDirectory.bytes(of: victim) == Array("precious".utf8))
        #expect(try directory.contents() == ["slow.jostle", "victim"])
    }

    @Test("Only a file gives way: no directory and no device is replaced")
    func replacesFilesOnly() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(throws: RecordingError.cannotCreate(path: path, errno: EISDIR)) {
            _ = try RecordingWriter(path: path, replacing: true)
        }
        let fifo = directory.path("fifo")
        // The path lives for the length of the call.
        #expect(unsafe mkfifo(fifo, 0o600) == 0)
        #expect(throws: RecordingError.cannotCreate(path: fifo, errno: EEXIST)) {
            _ = try RecordingWriter(path: fifo, replacing: true)
        }
    }

    @Test("A directory that is not there, or is none, cannot hold a recording")
    func noDirectory() throws {
        let lost = directory.path("nowhere/slow.jostle")
        #expect(throws: RecordingError.cannotCreate(path: lost, errno: ENOENT)) {
            _ = try RecordingWriter(path: lost, replacing: false)
        }
        let below = try directory.write([], to: "file") + "/slow.jostle"
        #expect(throws: RecordingError.cannotCreate(path: below, errno: ENOTDIR)) {
            _ = try RecordingWriter(path: below, replacing: true)
        }
    }

    @Test("Replacing keeps the old file until the new one is complete")
    func replacing() throws {
        try SampleRecording.write(to: path)
        var writer = try RecordingWriter(path: path, replacing: true)
        try writer.commit(SampleRecording.first, info: SampleRecording.info)
        #expect(try RecordingReader.read(path: path).samples.count == 4)
        try writer.finish(SampleRecording.info)
        #expect(try RecordingReader.read(path: path).samples.count == 2)
    }

    @Test("A replacement that was given up leaves the old file, and the next one starts anew")
    func abandonedReplacement() throws {
        try SampleRecording.write(to: path)
        var writer = try RecordingWriter(path: path, replacing: true)
        try writer.commit(SampleRecording.first, info: SampleRecording.info)
        writer.abandon()
        #expect(try RecordingReader.read(path: path).samples.count == 4)
        #expect(try directory.contents() == ["slow.jostle", "slow.jostle.partial"])
        // What was recorded until then can be read, too.
        #expect(try RecordingReader.read(path: path + ".partial").samples.count == 2)

        try SampleRecording.write(to: path, replacing: true)
        #expect(try directory.contents() == ["slow.jostle"])
    }

    @Test("A link in the place of the unfinished replacement is removed and not followed")
    func partialLink() throws {
        try SampleRecording.write(to: path)
        let victim = try directory.write("precious".utf8, to: "victim")
        try FileManager.default.createSymbolicLink(atPath: path + ".partial", withDestinationPath: victim)
        try SampleRecording.write(to: path, replacing: true)
        #expect(try TemporaryDirectory.bytes(of: victim) == Array("precious".utf8))
        #expect(try directory.contents() == ["slow.jostle", "victim"])
    }

    @Test("A directory in the place of the unfinished replacement is not touched")
    func partialDirectory() throws {
        try SampleRecording.write(to: path)
        try FileManager.default.createDirectory(atPath: path + ".partial", withIntermediateDirectories: false)
        #expect(throws: RecordingError.cannotCreate(path: path, errno: EISDIR)) {
            _ = try RecordingWriter(path: path, replacing: true)
        }
        #expect(try directory.contents() == ["slow.jostle", "slow.jostle.partial"])
    }

    @Test("Replacing what is not there creates it under its own name")
    func replacingNothing() throws {
        let writer = try RecordingWriter(path: path, replacing: true)
        #expect(try directory.contents() == ["slow.jostle"])
        try writer.finish(SampleRecording.info)
    }

    @Test("A recording of nothing is removed, and one that it would have replaced stays")
    func discarded() throws {
        let writer = try RecordingWriter(path: path, replacing: false)
        writer.discard()
        #expect(try directory.contents() == [])
        try SampleRecording.write(to: path)
        let replacing = try RecordingWriter(path: path, replacing: true)
        replacing.discard()
        #expect(try directory.contents() == ["slow.jostle"])
        #expect(try RecordingReader.read(path: path).samples.count == 4)
    }

    @Test("A path that SQLite would take for something else is marked as a path")
    func literal() {
        #expect(OutputFile.literal(":memory:") == "./:memory:")
        #expect(OutputFile.literal("file:x?mode=memory") == "./file:x?mode=memory")
        #expect(OutputFile.literal("") == "./")
        #expect(OutputFile.literal("/a/b") == "/a/b")
    }

    @Test(
        "Any name of a file will do",
        arguments: ["file:x?mode=memory", "-o", "größe 100 %.jostle", "'; DROP TABLE samples; --", "x?y#z"])
    func names(name: String) throws {
        try SampleRecording.write(to: directory.path(name))
        #expect(try directory.contents() == [name])
        #expect(try RecordingReader.read(path: directory.path(name)).samples.count == 4)
    }

    @Test("A path that is too long for SQLite is refused, and leaves nothing behind")
    func longPath() throws {
        var deep = directory.path
        while deep.utf8.count < 520 {
            deep += "/" + String(repeating: "d", count: 100)
            try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: false)
        }
        #expect(throws: RecordingError.cannotCreate(path: deep + "/x", errno: ENAMETOOLONG)) {
            _ = try RecordingWriter(path: deep + "/x", replacing: false)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: deep) == [])
    }
}
