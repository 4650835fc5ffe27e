import PerfRecords
import ProfileModel
import Recording
import TestSupport
import Testing

@testable import ProfileBuilder

@Suite struct TaskTests {
    var recorded = Recorded()

    init() { recorded.machine.processes[ProcessID(10)] = Recorded.process("sh", threads: [10]) }

    @Test("A process that was there before is asked for once, when a sample hits it")
    mutating func found() throws {
        try recorded.sample(10)
        try recorded.sample(10)
        #expect(recorded.machine.askedProcesses == [ProcessID(10)])
        #expect(recorded.rows.processes.map(\.pid) == [ProcessID(10)])
        #expect(recorded.rows.threads.map(\.tid) == [ThreadID(10)])
        #expect(recorded.owners == ["sh/sh", "sh/sh"])
    }

    @Test("A process that nobody knows is called gone, one without an id exited, and the idle one by its name")
    mutating func unknown() throws {
        try recorded.sample(99)
        try recorded.sample(-1)
        try recorded.sample(0)
        #expect(recorded.owners == ["(gone)/(gone)", "(exited)/(exited)", "swapper/swapper"])
        // There is no process with such an id to be asked for.
        #expect(recorded.machine.askedProcesses == [ProcessID(99)])
    }

    @Test("Without samples a task leaves no rows")
    mutating func noRows() throws {
        recorded.builder.add(ProcessID(10))
        try recorded.fork(11, from: 10)
        try recorded.comm(11, "ls", isExec: true)
        try recorded.exit(11)
        #expect(recorded.rows.processes.isEmpty && recorded.rows.threads.isEmpty)
    }

    @Test("A child has its parent's name until it executes something, and nobody asks the machine for it")
    mutating func forkAndExec() throws {
        recorded.builder.add(ProcessID(10))
        try recorded.fork(11, from: 10)
        try recorded.sample(11)
        #expect(recorded.owners == ["sh/sh"])
        try recorded.comm(11, "ls", isExec: true)
        try recorded.sample(11)
        // The same process: its row is written again with the new name.
        #expect(recorded.owners == ["ls/ls", "ls/ls"])
        #expect(recorded.rows.processes.map(\.id) == [1, 1])
        #expect(recorded.machine.askedProcesses == [ProcessID(10)])
    }

    @Test("A child has the name of the thread that forked it")
    mutating func forkingThread() throws {
        recorded.builder.add(ProcessID(10))
        try recorded.fork(10, from: 10, tid: 12)
        try recorded.comm(10, "worker", tid: 12)
        try recorded.fork(11, from: 10, parentTID: 12)
        try recorded.sample(11)
        #expect(recorded.owners == ["worker/worker"])
    }

    @Test("A thread's new name is its own; the first thread's is also the process's")
    mutating func threadNames() throws {
        try recorded.sample(10)
        try recorded.fork(10, from: 10, tid: 12)
        try recorded.sample(10, tid: 12)
        try recorded.comm(10, "worker", tid: 12)
        #expect(recorded.owners == ["sh/sh", "sh/worker"])
        try recorded.comm(10, "main")
        #expect(recorded.owners == ["main/main", "main/worker"])
    }

    @Test("A pid that comes again is another process")
    mutating func pidReuse() throws {
        recorded.builder.add(ProcessID(10))
        try recorded.fork(11, from: 10)
        try recorded.comm(11, "first", isExec: true)
        try recorded.sample(11)
        try recorded.exit(11)
        try recorded.fork(11, from: 10)
        try recorded.sample(11)
        #expect(recorded.owners == ["first/first", "sh/sh"])
        // The end of the first one, when it is forgotten, is not the second one's.
        try recorded.comm(11, "second", isExec: true)
        recorded.builder.settle(before: recorded.time + 3_000_000_000)
        try recorded.sample(11)
        #expect(recorded.owners == ["first/first", "second/second", "second/second"])
        #expect(recorded.machine.askedProcesses == [ProcessID(10)])
    }

    @Test("A tid that comes again in the same process is another thread")
    mutating func tidReuse() throws {
        try recorded.sample(10)
        try recorded.fork(10, from: 10, tid: 12)
        try recorded.comm(10, "first", tid: 12)
        try recorded.sample(10, tid: 12)
        try recorded.exit(10, tid: 12)
        try recorded.fork(10, from: 10, tid: 12)
        try recorded.sample(10, tid: 12)
        #expect(recorded.owners == ["sh/sh", "sh/first", "sh/sh"])
        #expect(recorded.rows.threads.map(\.id) == [1, 2, 3])
        recorded.builder.settle(before: recorded.time + 3_000_000_000)
        try recorded.sample(10, tid: 12)
        #expect(recorded.rows.threads.count == 3)
    }

    @Test("A tid that comes again in another process is that one's")
    mutating func tidInOtherProcess() throws {
        recorded.builder.add(ProcessID(10))
        try recorded.fork(11, from: 10)
        try recorded.comm(11, "other", isExec: true)
        try recorded.fork(10, from: 10, tid: 12)
        try recorded.sample(10, tid: 12)
        try recorded.exit(10, tid: 12)
        try recorded.fork(11, from: 11, tid: 12)
        try recorded.sample(11, tid: 12)
        #expect(recorded.owners == ["sh/sh", "other/other"])
    }

    @Test("Samples right behind the end are still the task's")
    mutating func afterTheEnd() throws {
        recorded.builder.add(ProcessID(10))
        try recorded.fork(11, from: 10)
        try recorded.comm(11, "ls", isExec: true)
        try recorded.exit(11)
        recorded.builder.settle(before: recorded.time + 1_000_000_000)
        try recorded.sample(11)
        #expect(recorded.owners == ["ls/ls"])
    }

    @Test("A process whose first thread ends first lives as long as its last thread, and then leaves nothing")
    mutating func leaderFirst() throws {
        recorded.builder.add(ProcessID(10))
        try recorded.fork(11, from: 10)
        try recorded.fork(11, from: 11, tid: 12)
        try recorded.exit(11)
        recorded.builder.settle(before: recorded.time + 10_000_000_000)
        #expect(recorded.builder.tasks.processes[ProcessID(11)] != nil)
        try recorded.sample(11, tid: 12)
        #expect(recorded.owners == ["sh/sh"])
        try recorded.exit(11, tid: 12)
        recorded.builder.settle(before: recorded.time + 10_000_000_000)
        #expect(Set(recorded.builder.tasks.processes.keys) == [ProcessID(10)])
    }

    @Test("The end of a thread that was gone before the process was looked at does not end the process")
    mutating func endBeforeLook() throws {
        // Thread 13 ended just before /proc was read, and its record is still to come.
        recorded.builder.add(ProcessID(10))
        try recorded.exit(10, tid: 13)
        recorded.builder.settle(before: recorded.time + 10_000_000_000)
        #expect(recorded.builder.tasks.processes[ProcessID(10)] != nil)
    }

    @Test("A thread that /proc showed already and whose fork is told of afterwards counts once")
    mutating func forkAfterLook() throws {
        recorded.machine.processes[ProcessID(10)] = Recorded.process("sh", threads: [10, 12])
        recorded.builder.add(ProcessID(10))
        try recorded.fork(10, from: 10, tid: 12)
        try recorded.exit(10, tid: 12)
        try recorded.exit(10)
        recorded.builder.settle(before: recorded.time + 10_000_000_000)
        #expect(recorded.builder.tasks.processes.isEmpty)
    }

    @Test("The end of what was never seen leaves nothing")
    mutating func unknownEnd() throws {
        try recorded.exit(50)
        try recorded.exit(-1)
        #expect(recorded.builder.tasks.processes.isEmpty)
        try recorded.sample(99)
        try recorded.exit(99)
        recorded.builder.settle(before: recorded.time + 10_000_000_000)
        #expect(recorded.builder.tasks.processes.isEmpty)
    }

    @Test("Where the whole machine's records come, strangers' forks and mappings are not asked about")
    mutating func wholeMachine() throws {
        recorded = Recorded(asksForParents: false)
        try recorded.fork(51, from: 50)
        try recorded.fork(51, from: 51, tid: 52)
        try recorded.map(50, 0x1000..<0x2000, path: "/bin/true")
        try recorded.comm(50, "true", isExec: true)
        #expect(recorded.machine.askedProcesses.isEmpty)
        #expect(recorded.builder.tasks.processes.isEmpty)
    }

    @Test("100,000 short-lived processes leave nothing but their parent")
    mutating func manyProcesses() throws {
        var attribution = Attribution()
        attribution.events[Recorded.event] = Attribution.EventUse(meaning: .onCPU, container: nil)
        attribution.processes[ProcessID(10)] = 1
        recorded = Recorded(attribution: attribution, asksForParents: false)
        recorded.machine.processes[ProcessID(10)] = Recorded.process("sh", threads: [10])
        recorded.builder.add(ProcessID(10))
        // Decoded once and then changed: writing so many records out would take seconds.
        let trailer = Trailer(id: Recorded.event)
        let fork = RecordBytes.fork(
            pid: 0, parentPID: 10, tid: 0, parentTID: 10, trailer: trailer, layout: recorded.layout)
        guard case .fork(var task) = try RecordDecoder(defaultLayout: recorded.layout).decode(fork) else {
            Issue.record("no fork")
            return
        }
        var most = 0
        for number in 0..<100_000 {
            task.pid = ProcessID(100 + Int32(number % 30_000))
            task.tid = ThreadID(task.pid.rawValue)
            // A millisecond each; what ended is kept for two seconds.
            recorded.time += 1_000_000
            task.sampleID.time = recorded.time
            // Bytes have no padding; nothing of them is read for these records.
            unsafe recorded.builder.take(.fork(task), bytes: fork.span.bytes)
            unsafe recorded.builder.take(.exit(task), bytes: fork.span.bytes)
            if number.isMultiple(of: 100) { recorded.builder.settle(before: recorded.time) }
            most = max(most, recorded.builder.tasks.processes.count)
        }
        #expect(most < 2_200)
        recorded.builder.settle(before: recorded.time + 3_000_000_000)
        #expect(Set(recorded.builder.tasks.processes.keys) == [ProcessID(10)])
        #expect(Set(recorded.builder.attribution.processes.keys) == [ProcessID(10)])
    }
}
