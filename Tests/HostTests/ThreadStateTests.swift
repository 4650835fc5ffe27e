import FoundationEssentials
import ProfileModel
import Testing

@testable import Host

@Suite("What a thread does")
struct ThreadStateTests {
    private static func stat(_ state: String, processor: Int) -> String {
        let fields = [state, "1"] + Array(repeating: "0", count: 34) + ["\(processor)", "0"]
        return "7 (a) b) " + fields.joined(separator: " ") + "\n"
    }

    @Test("A sleeper's kernel functions are read innermost first, with their modules")
    func sleeper() throws {
        let tree = try FixtureTree()
        try tree.write(Self.stat("S", processor: 3), to: "/proc/7/task/8/stat")
        try tree.write(
            """
            [<0>] jbd2_log_wait_commit+0xf9/0x140 [jbd2]
            [<0>] do_fsync.isra.0+0x38/0x70
            not a line of a stack
            [<0>] 0x1234

            """, to: "/proc/7/task/8/stack")
        try tree.write("74 0x3 0x0 0x0 0x0 0x0 0x0 0x7ffd1000 0x401234\n", to: "/proc/7/task/8/syscall")
        let state = try #require(tree.host.threadState(of: ThreadID(8), in: ProcessID(7), stackBytes: 64))
        #expect(state.cpu == 3)
        #expect(!state.isRunnable)
        #expect(
            state.kernel == [
                ThreadState.Function(name: "jbd2_log_wait_commit", module: "jbd2"),
                ThreadState.Function(name: "do_fsync.isra.0"),
            ])
        #expect(state.stackPointer == 0x7ffd_1000)
        #expect(state.instructionPointer == 0x401234)
        // There is no memory in this tree.
        #expect(state.stack.isEmpty)
        #expect(tree.host.isAlive(ThreadID(8), in: ProcessID(7)))
    }

    @Test("One that runs has no stack, one that has ended is none, and one that is not there neither")
    func others() throws {
        let tree = try FixtureTree()
        try tree.write(Self.stat("R", processor: 0), to: "/proc/7/task/7/stat")
        try tree.write("[<0>] stale+0x1/0x2\n", to: "/proc/7/task/7/stack")
        try tree.write(Self.stat("Z", processor: 0), to: "/proc/9/task/9/stat")
        let running = try #require(tree.host.threadState(of: ThreadID(7), in: ProcessID(7), stackBytes: 64))
        #expect(running.isRunnable && running.kernel.isEmpty)
        #expect(tree.host.threadState(of: ThreadID(9), in: ProcessID(9), stackBytes: 64) == nil)
        #expect(!tree.host.isAlive(ThreadID(9), in: ProcessID(9)))
        #expect(tree.host.threadState(of: ThreadID(10), in: ProcessID(10), stackBytes: 64) == nil)
    }

    @Test(
        "User registers stand at the end of the line, where there are any",
        arguments: [
            ("running\n", nil), ("", nil), ("-1 0x7ffd2000 0x402000\n", 0x7ffd_2000), ("0 1 2\n", nil),
            ("-1 0x0 0x0\n", nil),
        ] as [(String, UInt64?)])
    func registers(_ contents: String, stackPointer: UInt64?) {
        #expect(ThreadState.userRegisters(inProcSyscall: Array(contents.utf8))?.stackPointer == stackPointer)
    }

    @Test("The wait for a CPU is the second of three numbers")
    func runQueueWait() throws {
        let tree = try FixtureTree()
        try tree.write("1213173 17417958 2\n", to: "/proc/7/task/8/schedstat")
        #expect(tree.host.runQueueWait(of: ThreadID(8), in: ProcessID(7)) == 17_417_958)
        #expect(tree.host.threadIDs(of: ProcessID(7)) == [ThreadID(8)])
        try tree.write("1213173\n", to: "/proc/7/task/8/schedstat")
        #expect(tree.host.runQueueWait(of: ThreadID(8), in: ProcessID(7)) == nil)
    }

    @Test("This process's sleeping threads show where they sleep")
    func thisMachine() async throws {
        let host = Host()
        let own = ProcessID(ProcessInfo.processInfo.processIdentifier)
        // Some thread of a test run waits for work at any moment; who reads this runs.
        let states = host.threadIDs(of: own).compactMap { host.threadState(of: $0, in: own, stackBytes: 4096) }
        #expect(states.contains { $0.isRunnable })
        for state in states where !state.isRunnable && state.stackPointer != nil {
            #expect(state.stack.count <= 4096)
            #expect(!state.stack.isEmpty)
        }
    }
}
