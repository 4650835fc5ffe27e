/// What can be wrong with a recording, as facts; advice is given where commands are.
public enum RecordingError: Error, Equatable, Sendable {
    case noSuchFile(path: String)
    /// The file exists but may not be read, or its directory not be searched.
    case unreadable(path: String, errno: Int32)
    /// Not an SQLite database with jostle's application id.
    case notARecording(path: String)
    /// An SQLite database whose pages or rows contradict themselves.
    case corrupt(path: String, detail: String)
    /// Written by a newer jostle.
    case newerSchema(path: String, found: Int, supported: Int)
    /// The output exists, and replacing it was not asked for.
    case exists(path: String)
    /// The output cannot be created.
    case cannotCreate(path: String, errno: Int32)
    /// Writing failed: the disk is full, or the file system failed.
    case writeFailed(path: String, detail: String, diskFull: Bool)
}
