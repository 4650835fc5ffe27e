/// The several names of one system call: the kernel function's base (`__x64_sys_` + base), the kernel table's name, and
/// libc's.
enum SyscallNames {
    /// The table's name for the base of an entry function, where it is another word.
    ///
    /// Source: arch/x86/entry/syscalls/syscall_64.tbl and scripts/syscall.tbl, third against fourth column.
    private static let tableNameOfBase: [String: String] = [
        "newstat": "stat", "newfstat": "fstat", "newlstat": "lstat",
        "sendfile64": "sendfile", "newuname": "uname", "umount": "umount2",
        "fadvise64_64": "fadvise64", "mmap_pgoff": "mmap", "sysctl": "_sysctl",
    ]

    /// The name that a system call has in the table of a 64-bit kernel.
    ///
    /// Variants that only 32-bit programs call (`ia32_pread64`, `futex_time32`, `getuid16`) get the name of the plain one.
    static func tableName(ofBase base: String) -> String {
        var name = base.droppingFirst(of: ["ia32_", "aarch32_"]) ?? base
        for suffix in ["_time32", "_time64", "16"] where name.hasSuffix(suffix) && name.count > suffix.count {
            name.removeLast(suffix.count)
            break
        }
        return tableNameOfBase[name] ?? name
    }

    /// The libc function that makes the call, where libc has none of the kernel's name.
    private static let libcNames: [String: String] = [
        "fadvise64": "posix_fadvise", "newfstatat": "fstatat", "pread64": "pread", "pwrite64": "pwrite",
        "exit_group": "_exit", "getdents64": "readdir", "getdents": "readdir", "prlimit64": "prlimit",
        "pselect6": "pselect", "signalfd4": "signalfd", "eventfd2": "eventfd", "rt_sigaction": "sigaction",
        "rt_sigprocmask": "sigprocmask", "rt_sigpending": "sigpending", "rt_sigsuspend": "sigsuspend",
        "rt_sigtimedwait": "sigtimedwait", "rt_sigqueueinfo": "sigqueue", "rt_tgsigqueueinfo": "pthread_sigqueue",
        "mq_getsetattr": "mq_getattr", "exit": "pthread_exit", "sync_file_range2": "sync_file_range",
    ]

    /// Further words that people say, and the kernel's calls that may be meant.
    ///
    /// Source: glibc 2.36, sysdeps/unix/sysv/linux; musl 1.2 makes the same calls unless its word is listed too.
    private static let spokenNames: [String: [String]] = [
        "posix_fadvise64": ["fadvise64"], "open": ["openat"], "open64": ["open", "openat"], "fopen": ["openat"],
        "creat": ["openat"], "stat": ["newfstatat"], "lstat": ["newfstatat"], "fstatat64": ["newfstatat"],
        "fstat": ["newfstatat"], "stat64": ["stat", "newfstatat"], "lstat64": ["lstat", "newfstatat"],
        "pread64": ["pread64"], "pwrite64": ["pwrite64"], "sendfile64": ["sendfile"], "umount": ["umount2"],
        "mmap64": ["mmap"], "fork": ["clone"], "vfork": ["clone", "clone3"],
        "posix_spawn": ["clone3", "clone", "vfork"],
        "pthread_create": ["clone3", "clone"], "wait": ["wait4"], "waitpid": ["wait4"], "send": ["sendto"],
        "recv": ["recvfrom"], "poll": ["ppoll"], "select": ["pselect6"], "epoll_wait": ["epoll_pwait"],
        "nanosleep": ["clock_nanosleep"], "sleep": ["clock_nanosleep", "nanosleep"],
        "usleep": ["clock_nanosleep", "nanosleep"], "readdir64": ["getdents64"], "semop": ["semtimedop"],
        "access": ["faccessat", "faccessat2"], "unlink": ["unlinkat"], "mkdir": ["mkdirat"], "rmdir": ["unlinkat"],
        "rename": ["renameat", "renameat2"], "dup2": ["dup3"], "pipe": ["pipe2"], "epoll_create": ["epoll_create1"],
        "eventfd": ["eventfd2"], "signalfd": ["signalfd4"], "readlink": ["readlinkat"], "chmod": ["fchmodat"],
        "chown": ["fchownat"], "link": ["linkat"], "symlink": ["symlinkat"], "utimes": ["utimensat"],
        "lseek64": ["lseek"], "ftruncate64": ["ftruncate"], "truncate64": ["truncate"], "getrlimit": ["prlimit64"],
        "setrlimit": ["prlimit64"], "pthread_mutex_lock": ["futex"], "pthread_cond_wait": ["futex"],
    ]

    private static let kernelNamesOfLibc: [String: [String]] = {
        var names = spokenNames
        for (kernel, libc) in libcNames { names[libc, default: []].append(kernel) }
        return names
    }()

    /// - Parameter name: a table name; an ambiguous one (`readv|preadv2`) has no libc name.
    static func libcName(of name: String) -> String? { libcNames[name] }

    /// The kernel's names that `query` may mean: itself, and what libc's function of that name calls.
    static func kernelNames(for query: String) -> Set<String> {
        Set([query, tableName(ofBase: query)] + (kernelNamesOfLibc[query] ?? []))
    }

    /// Whether a user function is libc's own wrapper around a call: the same name but for the decoration that libcs
    /// give theirs (`__libc_write`, `__GI___open64_nocancel`).
    static func isWrapper(_ function: String) -> Bool {
        var name = function[...]
        if name.hasPrefix("__GI_") { name = name.dropFirst("__GI_".count) }
        name = name.drop { $0 == "_" }
        if name.hasPrefix("libc_") { name = name.dropFirst("libc_".count) }
        if name.hasSuffix("_nocancel") { name = name.dropLast("_nocancel".count) }
        let plain = String(name)
        return plain == "syscall" || SyscallTable.x8664.number(of: plain) != nil
            || SyscallTable.aarch64.number(of: plain) != nil || kernelNamesOfLibc[plain] != nil
    }
}
