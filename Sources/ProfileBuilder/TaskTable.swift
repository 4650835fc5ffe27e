import ProfileModel
import Recording
import Unwinding

/// The processes and threads that live, as the records tell of them.
struct TaskTable {
    final class Process {
        let pid: ProcessID
        var parent: ProcessID
        var comm: String
        var space = AddressSpace()
        /// Mappings whose module was not needed yet; `MappedCode.module` of -1 - i stands for entry i.
        var unopened: [Mapping] = []
        /// 0 until a sample needs the row.
        var row: RowID = 0
        /// When the last of its threads ended; nil while it lives.
        var ended: UInt64?

        init(pid: ProcessID, parent: ProcessID, comm: String) {
            self.pid = pid
            self.parent = parent
            self.comm = comm
        }

        /// Takes a mapping without opening what it shows.
        func map(_ mapping: Mapping) {
            unopened.append(mapping)
            space.insert(
                MappedCode(start: mapping.start, end: mapping.end, bias: 0, module: Int32(-unopened.count)))
        }
    }

    struct Thread {
        var process: Process
        var comm: String
        /// 0 until a sample needs the row.
        var row: RowID = 0
    }

    private(set) var processes: [ProcessID: Process] = [:]
    private(set) var threads: [ThreadID: Thread] = [:]
    private var threadCounts: [ProcessID: Int] = [:]
    private var lastProcessRow: RowID = 0
    private var lastThreadRow: RowID = 0

    /// Threads that have ended keep their names for a moment: samples of their last steps come behind their end.
    private var endedThreads: [(tid: ThreadID, time: UInt64)] = []
    private static let memoryNanoseconds: UInt64 = 2_000_000_000

    mutating func add(_ pid: ProcessID, _ known: KnownProcess) -> Process {
        let process = Process(pid: pid, parent: known.parent, comm: known.comm)
        for mapping in known.mappings { process.map(mapping) }
        processes[pid] = process
        threadCounts[pid] = known.threads.count
        for thread in known.threads { threads[thread.tid] = Thread(process: process, comm: thread.comm) }
        return process
    }

    /// A process of which nothing but its id could be learned.
    mutating func addUnknown(_ pid: ProcessID) -> Process {
        // A task that is being reaped has no id any more: the kernel samples it as -1.
        let comm = pid.rawValue < 0 ? "(exited)" : "(gone)"
        let process = Process(pid: pid, parent: ProcessID(0), comm: comm)
        processes[pid] = process
        return process
    }

    mutating func fork(_ pid: ProcessID, tid: ThreadID, parent parentPID: ProcessID, parentThread: ThreadID) {
        guard let parent = processes[parentPID] else { return }
        let comm = threads[parentThread]?.comm ?? parent.comm
        if pid == parentPID {
            threads[tid] = Thread(process: parent, comm: comm)
            threadCounts[pid, default: 1] += 1
            return
        }
        let child = Process(pid: pid, parent: parentPID, comm: comm)
        child.space = parent.space
        child.unopened = parent.unopened
        processes[pid] = child
        threadCounts[pid] = 1
        threads[tid] = Thread(process: child, comm: comm)
    }

    mutating func exit(_ pid: ProcessID, tid: ThreadID, time: UInt64) {
        guard pid.rawValue >= 0 else { return }
        endedThreads.append((tid, time))
        let count = threadCounts[pid] ?? 1
        threadCounts[pid] = count - 1
        if count <= 1 { processes[pid]?.ended = time }
    }

    /// Sets a thread's name; a process is called what its first thread is called.
    ///
    /// - Returns: rows that were written before and changed.
    mutating func rename(
        _ pid: ProcessID, tid: ThreadID, comm: String, isExec: Bool
    ) -> (process: ProcessRow?, thread: ThreadRow?) {
        var changed: (process: ProcessRow?, thread: ThreadRow?) = (nil, nil)
        guard let process = processes[pid] else { return changed }
        if isExec {
            process.space.removeAll()
            process.unopened = []
        }
        if isExec || pid.rawValue == tid.rawValue {
            process.comm = comm
            if process.row != 0 { changed.process = ProcessRow(id: process.row, pid: pid, comm: comm) }
        }
        threads[tid, default: Thread(process: process, comm: comm)].comm = comm
        if let row = threads[tid]?.row, row != 0 {
            changed.thread = ThreadRow(id: row, tid: tid, process: process.row, comm: comm)
        }
        return changed
    }

    /// The row of a thread; rows that are new are appended to `batch`.
    mutating func row(of tid: ThreadID, in process: Process, batch: inout RowBatch) -> RowID {
        if process.row == 0 {
            lastProcessRow += 1
            process.row = lastProcessRow
            batch.processes.append(ProcessRow(id: process.row, pid: process.pid, comm: process.comm))
        }
        if let thread = threads[tid], thread.row != 0, thread.process === process { return thread.row }
        var thread = threads[tid] ?? Thread(process: process, comm: process.comm)
        if thread.process !== process { thread = Thread(process: process, comm: process.comm) }
        lastThreadRow += 1
        thread.row = lastThreadRow
        threads[tid] = thread
        batch.threads.append(ThreadRow(id: thread.row, tid: tid, process: process.row, comm: thread.comm))
        return thread.row
    }

    /// Forgets tasks that ended a while before `time`, so that short-lived ones do not pile up.
    mutating func forgetEnded(before time: UInt64) {
        let horizon = time > Self.memoryNanoseconds ? time - Self.memoryNanoseconds : 0
        guard let first = endedThreads.first, first.time < horizon else { return }
        let end = endedThreads.firstIndex { $0.time >= horizon } ?? endedThreads.count
        for ended in endedThreads[..<end] {
            guard let thread = threads[ended.tid] else { continue }
            // The id may belong to a new thread by now, whose process has not ended.
            let process = thread.process
            if let processEnd = process.ended, processEnd < horizon {
                threads[ended.tid] = nil
                if processes[process.pid] === process {
                    processes[process.pid] = nil
                    threadCounts[process.pid] = nil
                }
            } else if ended.tid.rawValue != process.pid.rawValue {
                threads[ended.tid] = nil
            }
        }
        endedThreads.removeFirst(end)
    }
}
