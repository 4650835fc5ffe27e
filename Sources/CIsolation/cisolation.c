#define _GNU_SOURCE
#include "cisolation.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

pid_t cisolation_fork(void) {
    pid_t child = fork();
    return child < 0 ? -errno : child;
}

// Interrupts a wait, and does nothing else.
static void wake(int number) { (void)number; }

int cisolation_detach(const char *name, pid_t parent, const int *kept, int count) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return -errno;
    // It may have ended before that.
    if (getppid() != parent) return -ESRCH;
    setsid();
    prctl(PR_SET_NAME, name);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = wake;
    sigaction(SIGCHLD, &action, NULL);
    if (chdir("/") < 0) return -errno;

    // Out of the way first, so that no copy overwrites one that is still needed.
    int high[8];
    if (count > 8) return -EINVAL;
    for (int i = 0; i < count; i++) {
        high[i] = fcntl(kept[i], F_DUPFD_CLOEXEC, 3 + count);
        if (high[i] < 0) return -errno;
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    // A process in an empty root inherits what its parent had there.
    for (int i = 0; i < 3 && null >= 0; i++) {
        if (dup2(null, i) < 0) return -errno;
    }
    for (int i = 0; i < count; i++) {
        if (dup3(high[i], 3 + i, O_CLOEXEC) < 0) return -errno;
    }
    if (syscall(SYS_close_range, 3 + count, ~0U, 0) < 0) {
        // Before Linux 5.9.
        for (int i = 3 + count; i < 65536; i++) close(i);
    }
    return 0;
}

int cisolation_pair(int packets, int ends[2]) {
    return socketpair(AF_UNIX, (packets ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

enum { MOST_DESCRIPTORS = 8 };

ssize_t cisolation_send(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count) {
    if (descriptor_count < 0 || descriptor_count > MOST_DESCRIPTORS) return -EINVAL;
    union {
        char bytes[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
        struct cmsghdr aligned;
    } control;
    memset(&control, 0, sizeof control);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(descriptor_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptor_count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, descriptor_count * sizeof(int));
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

ssize_t cisolation_receive(int socket, void *bytes, size_t count, int *descriptors, int *descriptor_count) {
    int most = *descriptor_count;
    *descriptor_count = 0;
    if (most < 0 || most > MOST_DESCRIPTORS) return -EINVAL;
    union {
        char bytes[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = count};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (got < 0) return -errno;
    int received[MOST_DESCRIPTORS], total = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        int here = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < here && total < MOST_DESCRIPTORS; i++) {
            memcpy(&received[total++], CMSG_DATA(header) + i * sizeof(int), sizeof(int));
        }
    }
    if (total > most || (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) {
        for (int i = 0; i < total; i++) close(received[i]);
        return -EMSGSIZE;
    }
    memcpy(descriptors, received, total * sizeof(int));
    *descriptor_count = total;
    return got;
}

int cisolation_sealed_file(const void *bytes, size_t count) {
    int file = memfd_create("jostle-request", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) return -errno;
    size_t done = 0;
    while (done < count) {
        ssize_t wrote = write(file, (const char *)bytes + done, count - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) {
            int failure = wrote < 0 ? errno : EIO;
            close(file);
            return -failure;
        }
        done += wrote;
    }
    // Not needed for what follows: the other side may not write anything.
    fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    return file;
}

int cisolation_process(pid_t pid) {
    long result = syscall(SYS_pidfd_open, pid, 0);
    return result < 0 ? -errno : (int)result;
}

int cisolation_kill(int process) {
    return syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0) < 0 ? -errno : 0;
}

int cisolation_cached_status(int descriptor, struct cisolation_status *status) {
    struct statx found;
    if (statx(descriptor, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &found) < 0) return -errno;
    *status = (struct cisolation_status){
        .major = found.stx_dev_major,
        .minor = found.stx_dev_minor,
        .inode = found.stx_ino,
        .size = (int64_t)found.stx_size,
        .seconds = found.stx_mtime.tv_sec,
        .nanoseconds = found.stx_mtime.tv_nsec,
        .mode = found.stx_mode,
        .owner = found.stx_uid,
    };
    return 0;
}

int64_t cisolation_file_system(int descriptor) {
    struct statfs found;
    if (fstatfs(descriptor, &found) < 0) return -errno;
    return (int64_t)(uint32_t)found.f_type;
}
