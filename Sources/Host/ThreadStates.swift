public import ProfileModel

/// What one thread did at one moment, as /proc showed it.
public struct ThreadState: Hashable, Sendable {
    /// A function of the kernel by its name, as the kernel itself writes it.
    public struct Function: Hashable, Sendable {
        public var name: String
        /// The kernel module, without brackets; nil for the kernel itself.
        public var module: String?
        public init(name: String, module: String? = nil) {
            self.name = name
            self.module = module
        }
    }

    /// `R`, `S`, `D`, `T`, … Source: proc_pid_stat(5).
    public var state: UInt8
    /// The CPU that it was on last.
    public var cpu: Int32
    /// Where in the kernel it sleeps, innermost first, without the scheduler's own functions; empty where that may not be
    /// read, and for a thread that runs.
    public var kernel: [Function]
    /// Where it entered the kernel; nil where that may not be read, and for a thread that runs.
    public var instructionPointer: UInt64?
    public var stackPointer: UInt64?
    /// Memory from the stack pointer upwards; empty where it may not be read.
    public var stack: [UInt8]

    /// Runs, or waits for a CPU.
    public var isRunnable: Bool { state == UInt8(ascii: "R") }
    /// Neither runs nor ever will.
    public var hasEnded: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }
}

extension Host {
    /// What a thread does; nil when it is gone, or has ended.
    ///
    /// - Parameter stackBytes: how much of its stack is copied, at the most.
    /// Source: proc_pid_stat(5), proc_pid_stack(5), proc_pid_syscall(5), proc_pid_mem(5).
    public func threadState(of tid: ThreadID, in pid: ProcessID, stackBytes: Int) -> ThreadState? {
        let directory = "/proc/\(pid.rawValue)/task/\(tid.rawValue)"
        guard let stat = contents(directory + "/stat").flatMap(ProcStat.init) else { return nil }
        var state = ThreadState(state: stat.state, cpu: stat.processor, kernel: [], stack: [])
        if state.hasEnded { return nil }
        if state.isRunnable { return state }
        state.kernel = ThreadState.functions(inProcStack: contents(directory + "/stack") ?? [])
        guard let user = ThreadState.userRegisters(inProcSyscall: contents(directory + "/syscall") ?? []) else {
            return state
        }
        (state.stackPointer, state.instructionPointer) = user
        if let memory = Files.open(path("/proc/\(pid.rawValue)/mem"), flags: 0) {
            state.stack = Files.bytes(of: memory, at: user.stackPointer, count: stackBytes) ?? []
            Files.close(memory)
        }
        return state
    }

    /// Whether a thread exists and has not ended.
    public func isAlive(_ tid: ThreadID, in pid: ProcessID) -> Bool {
        guard
            let stat = contents("/proc/\(pid.rawValue)/task/\(tid.rawValue)/stat").flatMap(ProcStat.init)
        else { return false }
        return !ThreadState(state: stat.state, cpu: 0, kernel: [], stack: []).hasEnded
    }

    /// How long a thread has waited for a CPU while it could have run, since it began, in nanoseconds.
    ///
    /// Source: Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat".
    public func runQueueWait(of tid: ThreadID, in pid: ProcessID) -> Int64? {
        contents("/proc/\(pid.rawValue)/task/\(tid.rawValue)/schedstat").flatMap {
            ThreadState.runQueueWait(inSchedstat: $0)
        }
    }

    /// The threads of a process, ascending.
    public func threadIDs(of pid: ProcessID) -> [ThreadID] {
        Files.names(in: path("/proc/\(pid.rawValue)/task")).compactMap { Int32($0).map { ThreadID($0) } }.sorted()
    }

    /// What a process is called; nil when it is gone.
    public func comm(of pid: ProcessID) -> String? { comm(in: "/proc/\(pid.rawValue)") }
}

extension ThreadState {
    /// Reads lines such as `[<0>] ext4_file_write_iter+0x7d/0x1a0 [ext4]`; lines of another form are skipped.
    static func functions(inProcStack contents: [UInt8]) -> [Function] {
        contents.lines.compactMap { line in
            let words = line.split(separator: 0x20)
            guard words.count >= 2, words[0].first == UInt8(ascii: "["),
                let offset = words[1].lastIndex(of: UInt8(ascii: "+"))
            else { return nil }
            let name = words[1][..<offset]
            let module = words.count > 2 && words[2].first == UInt8(ascii: "[") ? words[2].dropFirst().dropLast() : nil
            return Function(
                name: String(losslesslyDecoding: name), module: module.map { String(losslesslyDecoding: $0) })
        }
    }

    /// Reads the last two of `NUMBER ARGUMENT… SP PC`, or of `-1 SP PC` outside system calls; `running` has none.
    static func userRegisters(inProcSyscall contents: [UInt8]) -> (stackPointer: UInt64, instructionPointer: UInt64)? {
        let words = contents.trimmingWhiteSpace.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
        guard words.count >= 3, let pc = hexadecimal(words[words.count - 1]),
            let sp = hexadecimal(words[words.count - 2]), pc != 0, sp != 0
        else { return nil }
        return (sp, pc)
    }

    private static func hexadecimal(_ word: String) -> UInt64? {
        word.hasPrefix("0x") ? UInt64(word.dropFirst(2), radix: 16) : nil
    }

    /// Reads the second number of `RUN-TIME RUN-DELAY TIMESLICES`.
    static func runQueueWait(inSchedstat contents: [UInt8]) -> Int64? {
        let words = contents.trimmingWhiteSpace.split(separator: 0x20)
        return words.count == 3 ? Int64(String(decoding: words[1], as: UTF8.self)) : nil
    }
}
