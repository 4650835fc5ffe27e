import ProfileModel
import Recording
import Unwinding

/// The processes and threads that live, as the records tell of them.
struct TaskTable {
    final class Process {
        let pid: ProcessID
        var parent: ProcessID
        var comm: String
        var memory = ProcessMemory() { didSet { memoryVersion &+= 1 } }
        /// Another one with each change of `memory`.
        private(set) var memoryVersion: UInt64 = 0
        var latestStack = LatestStack()
        /// 0 until a sample needs the row.
        fileprivate(set) var row: RowID = 0
        /// Those that live, and those that ended a moment ago.
        fileprivate var threads: [ThreadID: Thread] = [:]
        fileprivate var livingCount = 0
        /// When the last of its threads ended; nil while it lives.
        fileprivate var ended: UInt64?

        init(pid: ProcessID, parent: ProcessID, comm: String) {
            self.pid = pid
            self.parent = parent
            self.comm = comm
        }

        /// Those that live.
        var threadIDs: [ThreadID] { threads.filter { $0.value.ended == nil }.map(\.key) }

        /// A thread that began, or was found: it takes the place of one that had the same id.
        fileprivate func add(_ tid: ThreadID, comm: String) {
            if threads[tid].map({ $0.ended != nil }) ?? true { livingCount += 1 }
            threads[tid] = Thread(comm: comm)
            ended = nil
        }
    }

    fileprivate struct Thread {
        var comm: String
        /// 0 until a sample needs the row.
        var row: RowID = 0
        /// nil while it lives.
        var ended: UInt64?
    }

    private(set) var processes: [ProcessID: Process] = [:]
    private var lastProcessRow: RowID = 0
    private var lastThreadRow: RowID = 0

    /// Tasks that have ended keep their names for a moment: samples of their last steps come behind their end.
    private var ended: [(process: Process, tid: ThreadID, time: UInt64)] = []
    private static let memoryNanoseconds: UInt64 = 2_000_000_000

    mutating func add(_ pid: ProcessID, _ known: KnownProcess) -> Process {
        let process = Process(pid: pid, parent: known.parent, comm: known.comm)
        for mapping in known.mappings { process.memory.map(mapping) }
        for thread in known.threads { process.add(thread.tid, comm: thread.comm) }
        processes[pid] = process
        return process
    }

    /// A process of which nothing but its id could be learned.
    mutating func addUnknown(_ pid: ProcessID) -> Process {
        let comm =
            switch pid.rawValue {
            // A task that is being reaped has no id any more: the kernel samples it as -1.
            case ..<0: "(exited)"
            // The idle task, whose name has its CPU's number behind it.
            case 0: "swapper"
            default: "(gone)"
            }
        let process = Process(pid: pid, parent: ProcessID(0), comm: comm)
        processes[pid] = process
        return process
    }

    mutating func fork(_ pid: ProcessID, tid: ThreadID, parent parentPID: ProcessID, parentThread: ThreadID) {
        guard let parent = processes[parentPID] else {
            // Nothing is known of the child, except that it is not what had its id before.
            if processes[pid]?.ended != nil { processes[pid] = nil }
            return
        }
        let comm = parent.threads[parentThread]?.comm ?? parent.comm
        if pid == parentPID {
            parent.add(tid, comm: comm)
            return
        }
        let child = Process(pid: pid, parent: parentPID, comm: comm)
        child.memory = parent.memory
        child.add(tid, comm: comm)
        processes[pid] = child
    }

    /// Takes the end of a thread. Threads may end in any order: the first one need not be the last.
    mutating func exit(_ pid: ProcessID, tid: ThreadID, time: UInt64) {
        guard let process = processes[pid], process.ended == nil else { return }
        if let thread = process.threads[tid], thread.ended == nil {
            process.threads[tid]?.ended = time
            process.livingCount -= 1
        } else if process.livingCount > 0 {
            // It ended before the process was looked at.
            return
        } else {
            process.threads[tid] = Thread(comm: process.comm, ended: time)
        }
        if process.livingCount == 0 { process.ended = time }
        ended.append((process, tid, time))
    }

    /// Sets a thread's name; a process is called what its first thread is called.
    ///
    /// - Returns: rows that were written before and changed.
    mutating func rename(
        _ pid: ProcessID, tid: ThreadID, comm: String, isExec: Bool
    ) -> (process: ProcessRow?, thread: ThreadRow?) {
        var changed: (process: ProcessRow?, thread: ThreadRow?) = (nil, nil)
        guard let process = processes[pid] else { return changed }
        if isExec { process.memory.removeAll() }
        if isExec || pid.rawValue == tid.rawValue {
            process.comm = comm
            if process.row != 0 { changed.process = ProcessRow(id: process.row, pid: pid, comm: comm) }
        }
        if process.threads[tid] == nil { process.add(tid, comm: comm) }
        process.threads[tid]?.comm = comm
        if let row = process.threads[tid]?.row, row != 0 {
            changed.thread = ThreadRow(id: row, tid: tid, process: process.row, comm: comm)
        }
        return changed
    }

    /// The row of a thread; rows that are new are appended to `batch`.
    mutating func row(of tid: ThreadID, in process: Process, batch: inout RowBatch) -> RowID {
        if let row = process.threads[tid]?.row, row != 0 { return row }
        if process.row == 0 {
            lastProcessRow += 1
            process.row = lastProcessRow
            batch.processes.append(ProcessRow(id: process.row, pid: process.pid, comm: process.comm))
        }
        // Nobody told of its beginning, but it runs.
        if process.threads[tid] == nil { process.add(tid, comm: process.comm) }
        lastThreadRow += 1
        process.threads[tid]?.row = lastThreadRow
        batch.threads.append(
            ThreadRow(
                id: lastThreadRow, tid: tid, process: process.row,
                comm: process.threads[tid]?.comm ?? process.comm))
        return lastThreadRow
    }

    /// Forgets tasks that ended a while before `time`, so that short-lived ones do not pile up.
    ///
    /// - Returns: the processes that are gone.
    mutating func forgetEnded(before time: UInt64) -> [ProcessID] {
        let horizon = time > Self.memoryNanoseconds ? time - Self.memoryNanoseconds : 0
        guard let first = ended.first, first.time < horizon else { return [] }
        let end = ended.firstIndex { $0.time >= horizon } ?? ended.count
        var gone: [ProcessID] = []
        for (process, tid, _) in ended[..<end] {
            // The ids may belong to a new thread or process by now.
            if let threadEnd = process.threads[tid]?.ended, threadEnd < horizon { process.threads[tid] = nil }
            if let processEnd = process.ended, processEnd < horizon, processes[process.pid] === process {
                processes[process.pid] = nil
                gone.append(process.pid)
            }
        }
        ended.removeFirst(end)
        return gone
    }
}
