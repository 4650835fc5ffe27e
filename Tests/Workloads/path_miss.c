// Lookups of names that do not exist: each new name leaves a negative dentry behind, and all of them are chained to one
// parent directory and one list of unused dentries.
#include "workload.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

// Names come again after this many, over all workers: negative dentries (about 200 bytes each) stay below 50 MiB.
// The first lookup of a name makes its dentry and costs more; at a given rate there are few names, so that this is soon
// over and calls cost the same at every rate.
enum { NAMES = 1 << 18, RATED_NAMES = 1 << 12 };

static NOINLINE bool File_exists(struct worker *worker, const char *path) {
    struct stat status;
    return COUNTED(worker, 0, stat(path, &status)) == 0;
}

static NOINLINE bool Config_find(struct worker *worker, unsigned number) {
    char path[MAX_DIRECTORY + 64];
    snprintf(path, sizeof path, "%s/override-%d-%u.conf", worker->run->directory, worker->index, number);
    return File_exists(worker, path);
}

// Sleeps until `made` calls are due at this worker's part of the rate; one that lags behind catches up.
static void keep_rate(struct worker *worker, uint64_t start, uint64_t made) {
    double per_second = worker->run->options->rate / worker->run->worker_count;
    uint64_t due = start + (uint64_t)((double)made / per_second * 1e9);
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    // In bursts of 20 ms' calls: after each sleep caches are cold, and calls dearer.
    if (due < now + 20000000u) return;
    struct timespec pause = {(time_t)((due - now) / 1000000000u), (long)((due - now) % 1000000000u)};
    nanosleep(&pause, NULL);
}

static void work(struct worker *worker) {
    bool is_rated = worker->run->options->rate > 0;
    unsigned names = (is_rated ? RATED_NAMES : NAMES) / (unsigned)worker->run->worker_count;
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    uint64_t made = 0;
    for (unsigned number = 0; !stopping(worker->run); number = (number + 1) % names) {
        if (Config_find(worker, number) || errno != ENOENT) return fail(worker->run, "stat of a name that is not there");
        if (is_rated) keep_rate(worker, start, ++made);
    }
}

const struct workload path_miss = {
    .name = "path-miss",
    .summary = "stat of names that do not exist, new ones again and again",
    .default_threads = 4,
    .needs_directory = true,
    .calls = {"newfstatat"},
    .work = work,
};
