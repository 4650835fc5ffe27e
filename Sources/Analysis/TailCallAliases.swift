/// Which system calls a function directly inside `do_syscall_64` stands for.
///
/// An x86 kernel with the ORC unwinder is compiled with sibling calls: about a third of its `__x64_sys_NAME` wrappers end
/// in a jump to a worker and leave no frame of their own. Most workers are called `__do_sys_NAME` and need no table; these
/// are the others. Kernels with frame pointers, and all arm64 kernels, keep the wrapper's frame.
///
/// Source: the jumps at the ends of the wrappers in Debian's 6.1.192 and 6.12.117 amd64 kernels. A recording that holds
/// its own kernel's jumps (`RecordingInfo.kernelTailCalls`) is asked first.
enum TailCallAliases {
    static let syscallsOfWorker: [String: [String]] = [
        "__sys_recvmsg": ["recvmsg"],
        "__sys_sendmsg": ["sendmsg"],
        "__sys_setfsgid": ["setfsgid"],
        "__sys_setfsuid": ["setfsuid"],
        "__sys_setgid": ["setgid"],
        "__sys_setregid": ["setregid"],
        "__sys_setresgid": ["setresgid"],
        "__sys_setresuid": ["setresuid"],
        "__sys_setreuid": ["setreuid"],
        "__sys_setuid": ["setuid"],
        "alloc_shstk": ["map_shadow_stack"],
        "do_arch_prctl_common": ["arch_prctl"],
        "do_faccessat": ["access", "faccessat", "faccessat2"],
        "do_futimesat": ["futimesat", "utimes"],
        "do_handle_open": ["open_by_handle_at"],
        "do_msgrcv": ["msgrcv"],
        "do_msgsnd": ["msgsnd"],
        "do_preadv": ["preadv2"],
        "do_pwritev": ["pwritev2"],
        "do_readv": ["preadv2", "readv"],
        "do_seccomp": ["seccomp"],
        "do_semtimedop": ["semop", "semtimedop"],
        "do_sys_ftruncate": ["ftruncate"],
        "do_sys_truncate": ["truncate"],
        "do_writev": ["pwritev2", "writev"],
        "io_uring_setup": ["io_uring_setup"],
        "kernel_mbind": ["mbind"],
        "kernel_set_mempolicy": ["set_mempolicy"],
        "kernel_wait4": ["wait4"],
        "ksys_ioperm": ["ioperm"],
        "ksys_lseek": ["lseek"],
        "ksys_mmap_pgoff": ["mmap"],
        "ksys_msgctl": ["msgctl"],
        "ksys_read": ["read"],
        "ksys_readahead": ["readahead"],
        "ksys_semctl": ["semctl"],
        "ksys_shmctl": ["shmctl"],
        "ksys_shmdt": ["shmdt"],
        "ksys_write": ["write"],
        "path_getxattr": ["getxattr", "lgetxattr"],
        "path_listxattr": ["listxattr", "llistxattr"],
        "vm_mmap_pgoff": ["mmap"],
    ]
}
