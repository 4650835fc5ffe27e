// What every workload shares: options, workers, the clock, and the tally of what was really done.
//
// A workload is a real program whose truth is known: it counts its own calls and reads its own clock, so that a test
// can compare what jostle says with what happened. One source file per workload; harness.c runs them.
#pragma once

#define _GNU_SOURCE

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { MAX_WORKERS = 256, MAX_CALLS = 4, MAX_FACTS = 4, MAX_CGROUPS = 4, MAX_DIRECTORY = 1024 };

// The functions that a profile must show; clang would inline most of them.
#define NOINLINE __attribute__((noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))
// Behind a call that must keep its caller's frame on the stack: as the last call of a function it would become a jump.
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

struct options {
    double seconds;
    int threads;            // 0: the workload's own default
    const char *directory;  // where the temporary directory is made
    const char *cgroups[MAX_CGROUPS];
    int cgroup_count;
    const char *ready;  // a file descriptor's number or a path
    double user_percent, syscall_percent;
    int depth;  // 0: the workload's own default
    const char *call;
    double rate;  // calls a second that path-miss and fadvise-storm make in all; 0: as many as they can
};

struct tally {
    uint64_t count;
    uint64_t latency_ns;  // of CLOCK_MONOTONIC, the two readings included: about 40 ns a call
};

// Each worker writes to its own cache lines only, or the counting would be a contention of its own.
struct worker {
    _Alignas(128) int index;
    struct run *run;
    struct tally calls[MAX_CALLS];
    uint64_t facts[MAX_FACTS];
};

struct workload {
    const char *name;
    const char *summary;
    int default_threads;
    bool processes;        // workers are processes, not threads
    bool in_pairs;         // an odd number of workers is rounded up
    bool needs_directory;  // a directory of its own, removed at the end
    // Kernel names of the calls (as in the syscall table) and names of other figures, in the order of a worker's slots.
    const char *calls[MAX_CALLS];
    const char *facts[MAX_FACTS];
    // Before any worker starts; calls `fail` when the workload cannot run.
    void (*setup)(struct run *run);
    // Until `stopping(run)`; must return within a second after it.
    void (*work)(struct worker *worker);
};

// In memory that worker processes share.
struct run {
    const struct workload *workload;
    const struct options *options;
    int worker_count;
    char directory[MAX_DIRECTORY];
    const char *call;  // the name under which slot 0 is printed, where an option chooses it
    _Atomic(const char *) failure;
    atomic_int failure_errno;
    _Alignas(128) atomic_bool stop;
    _Alignas(128) atomic_int started;
    struct worker workers[MAX_WORKERS];
};

extern const struct workload fadvise_storm, path_miss, mmap_churn, futex_ping_pong, pipe_ping_pong, user_spin, fault_storm,
    fork_exec, mix, flock_wait, fsync_loop, mutex_sleep, deep_stack, recursion, alias_calls, null_calls;

int run_workload(const struct workload *workload, const struct options *options);

static inline bool stopping(struct run *run) { return atomic_load_explicit(&run->stop, memory_order_relaxed); }

// Ends the run with an error: what failed, with errno. The first one is told.
void fail(struct run *run, const char *what);

// Opens a file in the run's directory.
int open_in_directory(struct run *run, const char *name, int flags);

static inline uint64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Counts one call that began at `start` and is just over; errno stays the call's.
static inline void count_call(struct worker *worker, int slot, uint64_t start) {
    worker->calls[slot].latency_ns += clock_ns(CLOCK_MONOTONIC) - start;
    worker->calls[slot].count += 1;
}

// Runs the call, counts it in the worker's slot, and is its result.
#define COUNTED(worker, slot, call)                          \
    ({                                                       \
        uint64_t counted_start = clock_ns(CLOCK_MONOTONIC);  \
        __typeof__(call) counted_result = (call);            \
        count_call(worker, slot, counted_start);             \
        counted_result;                                      \
    })

// Sleeps until `made` calls are due at this worker's part of the rate, and not at all where none was asked for; one that
// lags behind catches up.
void keep_rate(struct worker *worker, uint64_t start, uint64_t made);

// Turns of pure user code.
void spin(uint64_t turns);

// How many turns of `spin` take a millisecond of this thread's CPU time.
uint64_t turns_per_millisecond(void);
