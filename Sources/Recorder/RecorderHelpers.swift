public import Symbolication

/// Who opens and reads the files of containers for the recorder, which does neither itself.
public struct RecorderHelpers: Sendable {
    public var doors: FileDoors
    /// CPU time that the helper processes have used, in nanoseconds.
    public var cpuNanoseconds: @Sendable () -> Int64
    /// Parsers that died or were killed so far.
    public var parserFailures: @Sendable () -> Int
    /// Files that could not be opened in time so far.
    public var openerHangs: @Sendable () -> Int

    /// Helper processes.
    public init(_ helpers: FileHelpers) {
        doors = helpers.doors
        cpuNanoseconds = { helpers.cpuNanoseconds }
        parserFailures = { helpers.parserFailures }
        openerHangs = { helpers.openerHangs }
    }

    /// No processes: for tests, which record only programs of their own.
    public init(inThisProcess doors: FileDoors) {
        self.doors = doors
        cpuNanoseconds = { 0 }
        parserFailures = { 0 }
        openerHangs = { 0 }
    }
}
