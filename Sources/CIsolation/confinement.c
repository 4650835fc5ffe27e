#define _GNU_SOURCE
#include "cisolation.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

enum { NOBODY = 65534 };

static bool has(uint64_t set, int capability) { return set >> capability & 1; }

static uint64_t bit(int capability) { return (uint64_t)1 << capability; }

static int get_capabilities(uint64_t *permitted) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0) return -errno;
    *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    return 0;
}

static int set_capabilities(uint64_t kept) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)kept, .permitted = (uint32_t)kept},
        {.effective = (uint32_t)(kept >> 32), .permitted = (uint32_t)(kept >> 32)},
    };
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

// An empty file system that cannot be written to becomes the root. It is mounted nowhere.
static int leave_files(void) {
    int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
    if (context < 0) return -errno;
    int mount = -1;
    if (fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0) == 0 &&
        fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
        mount = fsmount(
            context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    }
    int failure = mount < 0 ? -errno : 0;
    close(context);
    if (mount < 0) return failure;
    if (fchdir(mount) < 0 || chroot(".") < 0 || chdir("/") < 0) failure = -errno;
    close(mount);
    return failure;
}

static int limit(int resource, rlim_t most) {
    struct rlimit both = {.rlim_cur = most, .rlim_max = most};
    return setrlimit(resource, &both) < 0 ? -errno : 0;
}

static void become_ordinary(int signal) {
    (void)signal;
    int before = errno;
    struct sched_param none = {.sched_priority = 0};
    sched_setscheduler(0, SCHED_OTHER, &none);
    errno = before;
}

// Whoever waits for a helper does not read the kernel's rings meanwhile, and beside threads that switch 490,000 times a
// second an ordinary process was seen to get no CPU for three seconds. So a helper comes first, where that is permitted, but
// only for a moment: a file that is made to take long is read at nobody's expense.
static void come_first(void) {
    struct sigaction action = {.sa_handler = become_ordinary, .sa_flags = SA_RESTART};
    // Of CPU time since it last waited, in microseconds; then SIGXCPU comes.
    struct rlimit most = {.rlim_cur = CISOLATION_FIRST_MICROSECONDS, .rlim_max = RLIM_INFINITY};
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    if (sigaction(SIGXCPU, &action, NULL) < 0 || setrlimit(RLIMIT_RTTIME, &most) < 0) return;
    sched_setscheduler(0, SCHED_RR, &lowest);
}

static int allow(scmp_filter_ctx filter, const char *const *names) {
    for (; *names; names++) {
        int number = seccomp_syscall_resolve_name(*names);
        // Some architectures lack the older ones.
        if (number == __NR_SCMP_ERROR || number < 0) continue;
        int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
        if (result < 0) return result;
    }
    return 0;
}

// What a helper may still ask of the kernel; everything else fails with EPERM.
static int filter_system_calls(int role) {
    static const char *const common[] = {
        "read", "pread64", "write", "recvmsg", "sendmsg", "poll", "ppoll", "close", "fstat", "newfstatat", "lseek",
        "munmap", "mremap", "brk", "madvise", "futex", "clock_gettime", "gettimeofday", "getrandom", "sched_yield",
        "exit", "exit_group", "rt_sigreturn", "rt_sigprocmask", "restart_syscall", "getpid", "gettid", "fcntl", NULL};
    static const char *const opening[] = {"openat2", "openat", "open", "statx", "fstatfs", "readlinkat", NULL};
    static const char *const executing[] = {
        "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "perf_event_open", "bpf", "socket",
        "kexec_load", "init_module", "finit_module", "delete_module", "mount", "move_mount", "reboot", NULL};
    bool forks = role == CISOLATION_NURSERY;
    scmp_filter_ctx filter = seccomp_init(forks ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
    if (!filter) return -ENOMEM;
    int result = 0;
    if (forks) {
        for (const char *const *name = executing; *name && result == 0; name++) {
            int number = seccomp_syscall_resolve_name(*name);
            if (number >= 0) result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
        }
    } else {
        result = allow(filter, common);
        if (result == 0 && role == CISOLATION_OPENER) result = allow(filter, opening);
        if (result == 0) {
            result = seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, SCMP_SYS(sched_setscheduler), 1, SCMP_A1(SCMP_CMP_EQ, SCHED_OTHER, 0));
        }
        // Memory of its own only, that never becomes code.
        if (result == 0) {
            result = seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
        }
        if (result == 0) {
            result = seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        }
    }
    if (result == 0) result = seccomp_load(filter);
    seccomp_release(filter);
    return result;
}

int cisolation_confine(int role) {
    int taken = 0;
    uint64_t permitted = 0;
    int result = get_capabilities(&permitted);
    if (result < 0) return result;

    if (role == CISOLATION_NURSERY) {
        // Its children inherit it.
        if (has(permitted, CAP_SYS_ADMIN) && unshare(CLONE_NEWNET) == 0) taken |= CISOLATION_NO_NETWORK;
    } else if (role == CISOLATION_PARSER) {
        // Somebody without privileges may still have them where nothing is his.
        if (!has(permitted, CAP_SYS_ADMIN) && unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) == 0) {
            taken |= CISOLATION_NO_NETWORK;
            if ((result = get_capabilities(&permitted)) < 0) return result;
        }
        if (has(permitted, CAP_SYS_ADMIN) && has(permitted, CAP_SYS_CHROOT)) {
            // Before Linux 5.2 there are only seccomp's rules, which let it open nothing.
            if (leave_files() == 0) taken |= CISOLATION_NO_FILES;
        }
        if ((result = limit(RLIMIT_AS, CISOLATION_PARSER_BYTES)) < 0) return result;
        if ((result = limit(RLIMIT_CPU, CISOLATION_PARSER_SECONDS)) < 0) return result;
    }
    if (role != CISOLATION_NURSERY) {
        come_first();
        uint64_t kept = 0;
        if (role == CISOLATION_OPENER) {
            // /proc/PID/map_files takes CAP_CHECKPOINT_RESTORE; before Linux 5.9, and where that was not granted,
            // CAP_SYS_ADMIN.
            bool narrow = has(permitted, CAP_CHECKPOINT_RESTORE);
            kept = bit(CAP_DAC_READ_SEARCH) | bit(CAP_SYS_PTRACE) |
                   bit(narrow ? CAP_CHECKPOINT_RESTORE : CAP_SYS_ADMIN);
            kept &= permitted;
        }
        if ((result = limit(RLIMIT_FSIZE, 0)) < 0) return result;
        if ((result = limit(RLIMIT_CORE, 0)) < 0) return result;
        if ((result = limit(RLIMIT_NOFILE, 32)) < 0) return result;
        if ((result = limit(RLIMIT_NPROC, 0)) < 0) return result;
        if (has(permitted, CAP_SETPCAP)) {
            for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++) {
                if (!has(kept, capability)) prctl(PR_CAPBSET_DROP, capability);
            }
        }
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        if (getuid() != NOBODY && has(permitted, CAP_SETUID) && has(permitted, CAP_SETGID)) {
            if (prctl(PR_SET_KEEPCAPS, 1) < 0) return -errno;
            // In a user namespace without a mapping there is nobody to become.
            if (setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                setresuid(NOBODY, NOBODY, NOBODY) == 0) {
                taken |= CISOLATION_NOBODY;
            } else if (getuid() == 0) {
                return -EPERM;
            }
        }
        if ((result = set_capabilities(kept)) < 0) return result;
        taken |= CISOLATION_NO_CAPABILITIES;
        // A change of user has taken this back.
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return -errno;
        if (prctl(PR_SET_DUMPABLE, 0) < 0) return -errno;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
    if ((result = filter_system_calls(role)) < 0) return result;
    return taken | CISOLATION_NO_SYSCALLS;
}
