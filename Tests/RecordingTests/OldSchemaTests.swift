// Bundle needs all of Foundation.
import Foundation
import ProfileModel
import Recording
import Testing

/// Recordings stay readable for ever: one of each schema is kept, as the jostle of its time wrote it.
@Suite("Old schemas") struct OldSchemaTests {
    /// Set it to write the fixture of the *newest* schema anew; older ones cannot be written any more.
    ///
    ///     JOSTLE_REWRITE_FIXTURES=1 swift test --filter OldSchemaTests
    static let rewrites = ProcessInfo.processInfo.environment["JOSTLE_REWRITE_FIXTURES"] != nil
    static let newest = 2

    private func fixture(_ version: Int) throws -> String {
        let directory = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
        return directory.appendingPathComponent("schema-\(version).jostle").path
    }

    @Test("The recipe of the newest fixture writes what is read back; into the sources where that is asked for")
    func recipe() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let fixture = URL(filePath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/schema-\(Self.newest).jostle").path
        let path = Self.rewrites ? fixture : directory.path("new.jostle")
        try SampleRecording.write(to: path, replacing: true)
        #expect(
            ProfileParts(try RecordingReader.read(path: path))
                == ProfileParts(SampleRecording.profile(version: Self.newest)))
    }

    @Test("A recording of an old schema is read as the profile that it was written from", arguments: 1...newest)
    func oldRecording(version: Int) throws {
        // A copy: the fixture must not change by being read, and its directory may not be writable.
        let directory = try TemporaryDirectory()
        let copy = try directory.write(try TemporaryDirectory.bytes(of: fixture(version)), to: "old.jostle")
        #expect(
            ProfileParts(try RecordingReader.read(path: copy))
                == ProfileParts(SampleRecording.profile(version: version)))
    }
}
