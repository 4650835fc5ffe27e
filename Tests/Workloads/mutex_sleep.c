// Processes that list one big directory while others create and remove files in it. All need the directory's i_rwsem,
// the writers alone; a writer that waits for readers cannot know when they are done, so it sleeps.
#include "workload.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GETDENTS64, OPENAT, CLOSE, UNLINKAT };
enum { FILES = 2000, LISTING_BYTES = 256 << 10 };

static void setup(struct run *run) {
    for (int number = 0; number < FILES; number++) {
        char name[32];
        snprintf(name, sizeof name, "old-%d", number);
        int fd = open_in_directory(run, name, O_WRONLY | O_CREAT);
        if (fd < 0) return fail(run, "filling the directory");
        close(fd);
    }
}

static NOINLINE long Spool_list(struct worker *worker, int spool) {
    static char listing[LISTING_BYTES];  // each process has its own
    lseek(spool, 0, SEEK_SET);
    return COUNTED(worker, GETDENTS64, syscall(SYS_getdents64, spool, listing, LISTING_BYTES));
}

static NOINLINE int Spool_create(struct worker *worker, int spool, const char *name) {
    return COUNTED(worker, OPENAT, openat(spool, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

static NOINLINE int Spool_remove(struct worker *worker, int spool, const char *name) {
    return COUNTED(worker, UNLINKAT, unlinkat(spool, name, 0));
}

static void work(struct worker *worker) {
    int spool = open(worker->run->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool < 0) return fail(worker->run, "open of the directory");
    for (unsigned number = 0; !stopping(worker->run); number++) {
        if (worker->index % 2 == 0) {
            if (Spool_list(worker, spool) < 0) return fail(worker->run, "listing the directory");
            continue;
        }
        char name[32];
        snprintf(name, sizeof name, "new-%d-%u", worker->index, number);
        int fd = Spool_create(worker, spool, name);
        if (fd < 0) return fail(worker->run, "creating a file");
        COUNTED(worker, CLOSE, close(fd));
        if (Spool_remove(worker, spool, name) != 0) return fail(worker->run, "removing a file");
    }
    close(spool);
}

const struct workload mutex_sleep = {
    .name = "mutex-sleep",
    .summary = "processes that list one directory while others create and remove files in it, and sleep for its lock",
    .default_threads = 4,
    .processes = true,
    .in_pairs = true,
    .needs_directory = true,
    .calls = {"getdents64", "openat", "close", "unlinkat"},
    .setup = setup,
    .work = work,
};
