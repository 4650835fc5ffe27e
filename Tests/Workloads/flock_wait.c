// Threads that queue for one file lock, each through an open file of its own.
#include "workload.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static NOINLINE bool Registry_lock(struct worker *worker, int fd) {
    return COUNTED(worker, 0, flock(fd, LOCK_EX)) == 0;
}

static NOINLINE bool Registry_unlock(struct worker *worker, int fd) {
    return COUNTED(worker, 0, flock(fd, LOCK_UN)) == 0;
}

static void work(struct worker *worker) {
    int fd = open_in_directory(worker->run, "registry.lock", O_RDWR | O_CREAT);
    if (fd < 0) return fail(worker->run, "open of the lock file");
    uint64_t hold = turns_per_millisecond() / 20;  // 50 microseconds
    while (!stopping(worker->run)) {
        if (!Registry_lock(worker, fd)) return fail(worker->run, "flock");
        spin(hold);
        if (!Registry_unlock(worker, fd)) return fail(worker->run, "flock");
    }
    close(fd);
}

const struct workload flock_wait = {
    .name = "flock-wait",
    .summary = "threads that queue for one flock",
    .default_threads = 4,
    .needs_directory = true,
    .calls = {"flock"},
    .work = work,
};
