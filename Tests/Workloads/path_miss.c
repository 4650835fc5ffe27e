// Lookups of names that do not exist: each new name leaves a negative dentry behind, and all of them are chained to one
// parent directory and one list of unused dentries.
#include "workload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// Names come again after this many, over all workers: negative dentries (about 200 bytes each) stay below 50 MiB.
// The first lookup of a name makes its dentry and costs more; at a given rate there are few names, so that this is soon
// over and calls cost the same at every rate.
enum { NAMES = 1 << 18, RATED_NAMES = 1 << 12 };

// Each "./" is one more component that the kernel walks, so that a call gets dearer by a known part and by nothing else.
enum { MOST_COMPONENTS = 1024 };
static char components[2 * MOST_COMPONENTS + 1];

static void setup(struct run *run) {
    int depth = run->options->depth;
    if (depth > MOST_COMPONENTS) return fail(run, "--depth over 1024: the path gets too long");
    for (int component = 0; component < depth; component++) strcat(components, "./");
}

static NOINLINE bool File_exists(struct worker *worker, const char *path) {
    struct stat status;
    return COUNTED(worker, 0, stat(path, &status)) == 0;
}

static NOINLINE bool Config_find(struct worker *worker, unsigned number) {
    char path[MAX_DIRECTORY + sizeof components + 64];
    snprintf(path, sizeof path, "%s/%soverride-%d-%u.conf", worker->run->directory, components, worker->index, number);
    return File_exists(worker, path);
}

static void work(struct worker *worker) {
    bool is_rated = worker->run->options->rate > 0;  // few names, see above
    unsigned names = (is_rated ? RATED_NAMES : NAMES) / (unsigned)worker->run->worker_count;
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    uint64_t made = 0;
    for (unsigned number = 0; !stopping(worker->run); number = (number + 1) % names) {
        if (Config_find(worker, number) || errno != ENOENT) return fail(worker->run, "stat of a name that is not there");
        keep_rate(worker, start, ++made);
    }
}

const struct workload path_miss = {
    .name = "path-miss",
    .summary = "stat of names that do not exist, new ones again and again, --depth components longer",
    .default_threads = 4,
    .needs_directory = true,
    .calls = {"newfstatat"},
    .setup = setup,
    .work = work,
};
