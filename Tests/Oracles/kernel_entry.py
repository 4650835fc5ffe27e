"""Why a thread was in the kernel, told from one kernel stack.

The oracle's own reading of the rule "the innermost entry marker wins", written apart from jostle's Analysis so that the
two can disagree. Kernel names are those of Linux 4.17 to 6.18 on x86-64 and arm64.
"""

import re
from typing import NamedTuple


class Entry(NamedTuple):
    kind: str  # syscall, page-fault, interrupt, exception, kthread, entry-exit, unknown
    name: str  # a system call's name as in the syscall table; several joined by "|" where the stack cannot tell


WRAPPER = re.compile(
    r"__(?:x64|ia32|ia32_compat|x64_compat|x32_compat|arm64|arm64_compat|riscv|s390x|s390|se|do|do_compat)_sys_(.+)"
)
# Only beside the entry: the kernel calls these from inside, too.
HELPER = re.compile(r"(?:ksys|SyS|SYSC|compat_sys|sys)_(.+)")
COMPILER_SUFFIX = re.compile(r"\.(?:isra|constprop|part|cold|llvm|lto_priv)\b.*")
SYSCALL_ENTRY = {"do_syscall_64", "do_int80_syscall_32", "do_int80_emulation", "__do_fast_syscall_32",
                 "do_fast_syscall_32", "invoke_syscall", "el0_svc_common", "do_el0_svc", "el0_svc"}
SYSCALL_SWITCH = {"x64_sys_call", "ia32_sys_call"}
PAGE_FAULT = {"asm_exc_page_fault", "exc_page_fault", "do_user_addr_fault", "el0_da", "el0_ia", "el1_abort",
              "do_mem_abort"}
INTERRUPT = {"asm_common_interrupt", "common_interrupt", "el0_interrupt", "el1_interrupt"}
SOFTIRQ = {"__do_softirq", "handle_softirqs", "do_softirq", "do_softirq_own_stack"}
KERNEL_THREAD = {"kthread", "kthread_worker_fn", "call_usermodehelper_exec_async", "io_wq_worker", "io_sq_thread"}
# Work on the way in or out, beside the entry: no system call's own.
ENTRY_EXIT = {"syscall_exit_to_user_mode", "syscall_exit_to_user_mode_prepare", "syscall_exit_work",
              "exit_to_user_mode_loop", "exit_to_user_mode_prepare", "prepare_exit_to_usermode",
              "syscall_slow_exit_work", "syscall_return_slowpath", "syscall_trace_enter",
              "syscall_enter_from_user_mode", "syscall_enter_from_user_mode_prepare", "do_notify_resume",
              "task_work_run", "arch_do_signal_or_restart", "schedule", "__rseq_handle_notify_resume",
              "irqentry_exit_to_user_mode"}
# The last instruction of any function, on kernels that guard returns: the function itself has no frame any more.
RETURN_THUNK = {"__x86_return_thunk", "its_return_thunk", "retbleed_return_thunk", "srso_return_thunk",
                "srso_alias_return_thunk"}
# The worker that a wrapper ended in a jump to, and whose it is.
WORKER = {
    "__sys_recvmsg": "recvmsg", "__sys_sendmsg": "sendmsg", "do_arch_prctl_common": "arch_prctl",
    "do_faccessat": "access|faccessat|faccessat2", "do_futimesat": "futimesat|utimes", "do_msgrcv": "msgrcv",
    "do_msgsnd": "msgsnd", "do_preadv": "preadv2", "do_pwritev": "pwritev2", "do_readv": "preadv2|readv",
    "do_writev": "pwritev2|writev", "do_seccomp": "seccomp", "do_semtimedop": "semop|semtimedop",
    "do_sys_ftruncate": "ftruncate", "do_sys_truncate": "truncate", "io_uring_setup": "io_uring_setup",
    "kernel_mbind": "mbind", "kernel_set_mempolicy": "set_mempolicy", "kernel_wait4": "wait4",
    "path_getxattr": "getxattr|lgetxattr", "path_getxattrat": "getxattr|getxattrat|lgetxattr",
    "path_listxattr": "listxattr|llistxattr", "path_listxattrat": "listxattr|listxattrat|llistxattr",
    "vm_mmap_pgoff": "mmap", "ksys_mmap_pgoff": "mmap",
}
TABLE_NAME = {"newstat": "stat", "newfstat": "fstat", "newlstat": "lstat", "sendfile64": "sendfile", "umount": "umount2",
              "newuname": "uname", "fadvise64_64": "fadvise64"}


def plain(symbol: str) -> str:
    """The name that the source has: without the compiler's suffixes."""
    return COMPILER_SUFFIX.sub("", symbol)


def table_name(base: str) -> str:
    base = plain(base)
    return TABLE_NAME.get(base, base)


def entry(kernel_frames: list[str]) -> Entry:
    """The entry of one stack, whose frames come innermost first."""
    inner = None  # the frame inside the one looked at
    for symbol in map(plain, kernel_frames):
        wrapper = WRAPPER.fullmatch(symbol)
        if wrapper:
            return Entry("syscall", table_name(wrapper[1]))
        if symbol in PAGE_FAULT:
            return Entry("page-fault", "page-fault")
        if symbol in SOFTIRQ:
            return Entry("interrupt", "softirq")
        if symbol in INTERRUPT or symbol.startswith(("asm_sysvec_", "sysvec_", "fred_sysvec_")):
            return Entry("interrupt", symbol)
        if symbol.startswith("asm_exc_"):
            return Entry("exception", symbol)
        if symbol in KERNEL_THREAD:
            return Entry("kthread", symbol)
        if symbol in SYSCALL_ENTRY:
            return beside_the_entry(inner)
        # The switch is a frame in some kernels and a jump in others: the frame inside it stays the one that counts.
        if symbol not in SYSCALL_SWITCH:
            inner = symbol
        if symbol.startswith(("entry_SYSCALL", "entry_INT80", "entry_SYSENTER", "ret_from_fork", "el0t_64_sync")):
            return Entry("entry-exit", "entry-exit")
    return Entry("entry-exit", "entry-exit") if inner in ENTRY_EXIT else Entry("unknown", inner or "unknown")


def beside_the_entry(inner: str | None) -> Entry:
    if inner is None or inner in ENTRY_EXIT or inner in RETURN_THUNK:
        return Entry("entry-exit", "entry-exit")
    if inner in WORKER:
        return Entry("syscall", WORKER[inner])
    helper = HELPER.fullmatch(inner)
    if helper:
        return Entry("syscall", table_name(helper[1]))
    return Entry("syscall", f"via {inner}")
