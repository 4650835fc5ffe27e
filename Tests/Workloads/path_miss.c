// Lookups of names that do not exist: each new name leaves a negative dentry behind, and all of them are chained to one
// parent directory and one list of unused dentries.
#include "workload.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

// Names come again after this many, over all workers: negative dentries (about 200 bytes each) stay below 50 MiB.
enum { NAMES = 1 << 18 };

static NOINLINE bool File_exists(struct worker *worker, const char *path) {
    struct stat status;
    return COUNTED(worker, 0, stat(path, &status)) == 0;
}

static NOINLINE bool Config_find(struct worker *worker, unsigned number) {
    char path[MAX_DIRECTORY + 64];
    snprintf(path, sizeof path, "%s/override-%d-%u.conf", worker->run->directory, worker->index, number);
    return File_exists(worker, path);
}

static void work(struct worker *worker) {
    unsigned names = NAMES / (unsigned)worker->run->worker_count;
    for (unsigned number = 0; !stopping(worker->run); number = (number + 1) % names)
        if (Config_find(worker, number) || errno != ENOENT) return fail(worker->run, "stat of a name that is not there");
}

const struct workload path_miss = {
    .name = "path-miss",
    .summary = "stat of names that do not exist, new ones again and again",
    .default_threads = 4,
    .needs_directory = true,
    .calls = {"newfstatat"},
    .work = work,
};
