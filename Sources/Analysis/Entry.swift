/// Why a thread was in the kernel: the innermost entry into the kernel on its stack.
public struct Entry: Hashable, Sendable, Codable {
    public var kind: EntryKind
    /// For a system call its name in the kernel's table (`fadvise64`), several joined by `|` where the stack leaves them
    /// all possible (`access|faccessat`), or `syscall (via FUNCTION)` where the function is not known as anyone's. For
    /// everything else words, such as `page fault` or `interrupt (timer)`.
    public var name: String

    public init(kind: EntryKind, name: String) {
        self.kind = kind
        self.name = name
    }

    /// What libc calls this system call, where that is another word.
    public var libcName: String? { kind == .syscall ? SyscallNames.libcName(of: name) : nil }

    /// Whether people may mean this entry when they say `query`: the kernel's name, libc's, one of several possible, or
    /// the kind's word for what is no system call.
    public func answers(to query: String) -> Bool {
        if name == query { return true }
        guard kind == .syscall else { return kind.rawValue == query }
        let wanted = SyscallNames.kernelNames(for: query)
        return name.split(separator: "|").contains { wanted.contains(String($0)) }
    }

    static let pageFault = Entry(kind: .pageFault, name: "page fault")
    static let syscallEntryExit = Entry(kind: .entryExit, name: "syscall entry/exit")
    static let returnToUser = Entry(kind: .entryExit, name: "return to user mode")
    static let idle = Entry(kind: .idle, name: "idle")
    static let hidden = Entry(kind: .hidden, name: "kernel (hidden)")
    static let unknown = Entry(kind: .unknown, name: "kernel (entry not seen)")
    static let interrupt = Entry(kind: .interrupt, name: "interrupt")
    static let softirq = Entry(kind: .softirq, name: "softirq")
    static let kernelThread = Entry(kind: .kernelThread, name: "kernel thread")

    static func syscall(_ name: String) -> Entry { Entry(kind: .syscall, name: name) }
    static func interrupt(_ name: String) -> Entry { Entry(kind: .interrupt, name: "interrupt (\(name))") }
    static func softirq(_ name: String) -> Entry { Entry(kind: .softirq, name: "softirq (\(name))") }
    static func exception(_ name: String) -> Entry { Entry(kind: .exception, name: "exception (\(name))") }
    static func kernelThread(_ name: String) -> Entry { Entry(kind: .kernelThread, name: "kernel thread (\(name))") }
}

/// The sort of an entry. The raw value is the word in JSON.
public enum EntryKind: String, Hashable, Sendable, Codable, CaseIterable {
    case syscall
    case pageFault = "page-fault"
    case interrupt
    case softirq
    /// A CPU exception other than a page fault: breakpoints, floating point, protection.
    case exception
    case kernelThread = "kthread"
    /// Work on the way into or out of a system call: tracing, seccomp, signals, task work, being scheduled away.
    case entryExit = "entry-exit"
    case idle
    /// In the kernel, whose symbols were hidden from the recorder.
    case hidden = "kernel-hidden"
    /// In the kernel, with no entry on the stack that is known.
    case unknown

    /// Whether user code led here on purpose, so that its call site means something.
    var hasCallSite: Bool {
        switch self {
        case .syscall, .pageFault, .exception, .entryExit, .hidden, .unknown: true
        case .interrupt, .softirq, .kernelThread, .idle: false
        }
    }
}
