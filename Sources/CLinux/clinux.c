#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(CLINUX_RESOLVE_NO_XDEV == RESOLVE_NO_XDEV, "as the kernel has it");
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

// The pipe that the handler writes to; made once and never closed, so that a late signal has somewhere to go.
static atomic_int signal_pipe_end = -1;
static int signal_pipe[2];

static void pass_on(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    // A full pipe has signals enough in it.
    ssize_t written = write(atomic_load(&signal_pipe_end), &byte, 1);
    (void)written;
    errno = saved;
}

int clinux_signal_descriptor(const int *signals, int count) {
    if (atomic_load(&signal_pipe_end) < 0) {
        if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
        atomic_store(&signal_pipe_end, signal_pipe[1]);
    }
    for (int i = 0; i < count; i++) {
        struct sigaction action;
        if (sigaction(signals[i], NULL, &action) < 0) return -errno;
        // nohup(1) has asked for it.
        if (signals[i] == SIGHUP && action.sa_handler == SIG_IGN) continue;
        memset(&action, 0, sizeof action);
        action.sa_handler = pass_on;
        action.sa_flags = SA_RESTART;
        if (sigaction(signals[i], &action, NULL) < 0) return -errno;
    }
    int descriptor = fcntl(signal_pipe[0], F_DUPFD_CLOEXEC, 0);
    return descriptor < 0 ? -errno : descriptor;
}

int clinux_next_signal(int descriptor) {
    unsigned char byte;
    ssize_t got = read(descriptor, &byte, 1);
    if (got < 0) return -errno;
    return got == 1 ? byte : -EAGAIN;
}

pid_t clinux_spawn_in_cgroup(int cgroup_procs, int go, int report, char *const argv[]) {
    pid_t child = fork();
    if (child < 0) return -errno;
    if (child > 0) return child;

    // The thread that forks may block every signal, as those of a thread pool do; its child must not inherit that.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    const int usual[] = {SIGPIPE, SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) signal(usual[i], SIG_DFL);

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
