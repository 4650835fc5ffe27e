// A page written and synced, again and again: time asleep for the disk and the journal.
#include "workload.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PWRITE, FSYNC };
enum { PAGE_BYTES = 4096, PAGES = 256 };

static NOINLINE bool Journal_append(struct worker *worker, int fd, off_t at) {
    static const char page[PAGE_BYTES];
    return COUNTED(worker, PWRITE, pwrite(fd, page, PAGE_BYTES, at)) == PAGE_BYTES;
}

static NOINLINE bool Journal_commit(struct worker *worker, int fd) {
    return COUNTED(worker, FSYNC, fsync(fd)) == 0;
}

static void work(struct worker *worker) {
    char name[32];
    snprintf(name, sizeof name, "journal.%d", worker->index);
    int fd = open_in_directory(worker->run, name, O_WRONLY | O_CREAT);
    if (fd < 0) return fail(worker->run, "open of the journal");
    for (off_t page = 0; !stopping(worker->run); page = (page + 1) % PAGES)
        if (!Journal_append(worker, fd, page * PAGE_BYTES) || !Journal_commit(worker, fd))
            return fail(worker->run, "write and fsync of the journal");
    close(fd);
}

const struct workload fsync_loop = {
    .name = "fsync-loop",
    .summary = "threads that write a page and fsync it",
    .default_threads = 2,
    .needs_directory = true,
    .calls = {"pwrite64", "fsync"},
    .work = work,
};
