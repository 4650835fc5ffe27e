// Bundle needs all of Foundation, whose own `Host` hides ours: this file knows nothing of the room.
import Foundation
import Testing

/// The files under Fixtures.
enum Fixture {
    static func bytes(_ path: String) throws -> [UInt8] {
        let directory = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
        return Array(try Data(contentsOf: directory.appendingPathComponent(path)))
    }

    static func text(_ path: String) throws -> String { String(decoding: try bytes(path), as: UTF8.self) }
}
