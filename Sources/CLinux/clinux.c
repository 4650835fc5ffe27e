#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(CLINUX_RESOLVE_NO_MAGICLINKS == RESOLVE_NO_MAGICLINKS, "as the kernel has it");
_Static_assert(CLINUX_O_PATH == O_PATH, "as glibc has it");
_Static_assert(CLINUX_RESOLVE_IN_ROOT == RESOLVE_IN_ROOT, "as the kernel has it");

int clinux_openat2(int directory, const char *path, uint64_t flags, uint64_t resolve) {
    struct open_how how = {.flags = flags, .resolve = resolve};
    long result = syscall(SYS_openat2, directory, path, &how, sizeof how);
    return result < 0 ? -errno : (int)result;
}

int clinux_pidfd_open(pid_t pid) {
    long result = syscall(SYS_pidfd_open, pid, 0);
    return result < 0 ? -errno : (int)result;
}

int clinux_signal_descriptor(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -errno;
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int clinux_next_signal(int descriptor) {
    struct signalfd_siginfo info;
    ssize_t got = read(descriptor, &info, sizeof info);
    if (got < 0) return -errno;
    return got == sizeof info ? (int)info.ssi_signo : -EAGAIN;
}

pid_t clinux_spawn_in_cgroup(int cgroup_procs, int go, int report, char *const argv[]) {
    pid_t child = fork();
    if (child < 0) return -errno;
    if (child > 0) return child;

    // The recorder blocks the signals it reads from a signalfd; its child must not inherit that.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);

    int failure = 0;
    char byte;
    // "0" stands for the writer itself.
    if (write(cgroup_procs, "0", 1) < 0) failure = errno;
    while (failure == 0) {
        ssize_t got = read(go, &byte, 1);
        if (got == 1) break;
        // End of file: the recorder is gone or gave up; nothing to run any more.
        if (got == 0) _exit(127);
        if (errno != EINTR) failure = errno;
    }
    if (failure == 0) {
        execvp(argv[0], argv);
        failure = errno;
    }
    if (write(report, &failure, sizeof failure) < 0) _exit(126);
    _exit(127);
}

int clinux_detached_mount(const char *type) {
    int context = fsopen(type, FSOPEN_CLOEXEC);
    if (context < 0) return -errno;
    int mount = -1;
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
        mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    }
    int failure = mount < 0 ? -errno : 0;
    close(context);
    return mount < 0 ? failure : mount;
}
