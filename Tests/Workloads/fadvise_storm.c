// The storm that glog made before its pull request 145: each flush of a log drops the whole log from the page cache. Its
// last page has just been written and cannot be dropped yet, so the kernel starts its writeback and asks every CPU to
// empty its page lists (`__lru_add_drain_all`), behind one mutex for the whole machine: containers that share nothing
// wait for each other.
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WRITE, FADVISE, FTRUNCATE };
enum { ROTATE_BYTES = 1 << 20 };

struct log_file {
    struct worker *worker;
    int fd;
    off_t length;
};

static NOINLINE int LogFile_flush(struct log_file *log) {
    return COUNTED(log->worker, FADVISE, posix_fadvise(log->fd, 0, log->length, POSIX_FADV_DONTNEED));
}

static NOINLINE bool LogFile_write(struct log_file *log, const char *line, size_t length) {
    ssize_t written = COUNTED(log->worker, WRITE, write(log->fd, line, length));
    if (written < 0) return false;
    log->length += written;
    errno = LogFile_flush(log);
    return errno == 0;
}

// Begins anew at 1 MiB, so that the storm needs no disk space to speak of.
static NOINLINE bool LogFile_rotate(struct log_file *log) {
    log->length = 0;
    return COUNTED(log->worker, FTRUNCATE, ftruncate(log->fd, 0)) == 0;
}

static NOINLINE void Service_logRequests(struct log_file *log) {
    char line[256];
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    for (unsigned number = 0; !stopping(log->worker->run); number++) {
        int length = snprintf(line, sizeof line, "I1123 03:46:12.%06u %5d service.cc:1113] handled request %u for user %u\n",
                              number % 1000000, log->worker->index, number, number * 7919 % 100003);
        if (!LogFile_write(log, line, (size_t)length)) return fail(log->worker->run, "write and fadvise of a log file");
        if (log->length >= ROTATE_BYTES && !LogFile_rotate(log)) return fail(log->worker->run, "ftruncate");
        keep_rate(log->worker, start, (uint64_t)number + 1);
    }
}

static void work(struct worker *worker) {
    char name[32];
    snprintf(name, sizeof name, "service.%d.log", worker->index);
    struct log_file log = {worker, open_in_directory(worker->run, name, O_WRONLY | O_CREAT | O_APPEND), 0};
    if (log.fd < 0) return fail(worker->run, "open of a log file");
    Service_logRequests(&log);
    close(log.fd);
}

const struct workload fadvise_storm = {
    .name = "fadvise-storm",
    .summary = "threads that append lines to logs of their own and drop the page cache after each, as glog did",
    .default_threads = 2,
    .needs_directory = true,
    .calls = {"write", "fadvise64", "ftruncate"},
    .work = work,
};
