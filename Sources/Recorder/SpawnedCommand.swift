import CLinux
import Glibc
import ProfileModel

/// The command to be recorded: forked into its cgroup at once, run only when told to.
struct SpawnedCommand: ~Copyable {
    let pid: ProcessID
    /// Becomes readable when the command has ended.
    let descriptor: Int32
    private let name: String
    private let go: Int32
    private let report: Int32

    /// - Parameter cgroupProcesses: an open `cgroup.procs`; not closed here.
    init(_ arguments: [String], cgroupProcesses: Int32) throws(RecorderError) {
        var goPipe: [Int32] = [-1, -1]
        var reportPipe: [Int32] = [-1, -1]
        // pipe(2) fills the two numbers.
        guard unsafe pipe(&goPipe) == 0, unsafe pipe(&reportPipe) == 0 else {
            throw .systemCall(name: "pipe", errno: errno)
        }
        // Nothing else forks meanwhile, so that setting the flag behind the call is as good as pipe2(2).
        for end in goPipe + reportPipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // The strings live until after the fork; the child has its own copy of them.
        var strings: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) }
        unsafe strings.append(nil)
        let child = unsafe clinux_spawn_in_cgroup(cgroupProcesses, goPipe[0], reportPipe[1], strings)
        for index in unsafe strings.indices { unsafe free(strings[index]) }
        close(goPipe[0])
        close(reportPipe[1])
        guard child > 0 else {
            close(goPipe[1])
            close(reportPipe[0])
            throw .systemCall(name: "fork", errno: -child)
        }
        pid = ProcessID(child)
        name = arguments.first ?? ""
        go = goPipe[1]
        report = reportPipe[0]
        descriptor = clinux_pidfd_open(child)
    }

    deinit {
        close(go)
        close(report)
        if descriptor >= 0 { close(descriptor) }
    }

    /// Lets the command run.
    ///
    /// - Throws: `RecorderError.command` when it could not be run.
    borrowing func start() throws(RecorderError) {
        var byte: UInt8 = 1
        // One byte is read from a local variable.
        guard unsafe write(go, &byte, 1) == 1 else { throw .systemCall(name: "write", errno: errno) }
        var failure: Int32 = 0
        // The child's end closes by itself when the command runs; else it tells its errno.
        let got = unsafe read(report, &failure, MemoryLayout<Int32>.size)
        if got == MemoryLayout<Int32>.size {
            _ = wait(blocking: true)
            throw .command(name: name, errno: failure)
        }
    }

    /// The wait status once the command has ended; nil while it runs.
    borrowing func wait(blocking: Bool) -> Int32? {
        var status: Int32 = 0
        // waitpid(2) fills a local variable.
        let result = unsafe waitpid(pid.rawValue, &status, blocking ? 0 : WNOHANG)
        return result == pid.rawValue ? status : nil
    }

    /// Ends the command that jostle itself started: SIGTERM, and SIGKILL to one that does not heed it for a second.
    borrowing func end() -> Int32? {
        kill(pid.rawValue, SIGTERM)
        for _ in 0..<100 {
            if let status = wait(blocking: false) { return status }
            usleep(10_000)
        }
        kill(pid.rawValue, SIGKILL)
        return wait(blocking: true)
    }

    /// A shell's exit status: the command's own, or 128 and the signal that ended it.
    static func exitStatus(_ status: Int32) -> Int {
        let signal = status & 0x7F
        return signal == 0 ? Int((status >> 8) & 0xFF) : 128 + Int(signal)
    }
}
