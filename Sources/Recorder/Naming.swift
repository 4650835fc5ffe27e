import Glibc
import ObjectTables
import ProfileBuilder

/// Looks up names, several modules at a time, until all are there or somebody does not want to wait.
enum Naming {
    enum Step: Sendable {
        /// The answer to the request at `index`.
        case answer(index: Int, SymbolAnswer)
        case interrupted
    }

    /// Starts the look-ups.
    ///
    /// Not a task group: a group waits for its children, and a library that reads a large file does not stop when told.
    /// - Returns: one step for each request, in any order; `interrupted` may come at any time.
    static func steps(
        _ requests: [(source: HostMachine.NameSource, request: SymbolRequest)],
        isInterrupted: @escaping @Sendable () -> Bool
    ) -> AsyncStream<Step> {
        let (stream, continuation) = AsyncStream.makeStream(of: Step.self)
        for (index, work) in requests.enumerated() {
            Task.detached { continuation.yield(.answer(index: index, work.source.symbolize(work.request))) }
        }
        let watch = Task.detached {
            while !Task.isCancelled {
                if isInterrupted() { continuation.yield(.interrupted) }
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
        continuation.onTermination = { _ in watch.cancel() }
        return stream
    }
}
