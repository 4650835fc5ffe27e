// A known mix: so many percent of the time in user code, so many in one system call, the rest asleep. Both are measured
// by the thread's own CPU clock, so that other load on the machine does not spoil the truth.
#include "workload.h"

#include <fcntl.h>
#include <unistd.h>

enum { PREAD };
enum { USER_SPIN_NS, SYSCALL_NS };
enum { BLOCK_BYTES = 64 << 10, CALLS_PER_BATCH = 10 };

static int zeroes = -1;

static void setup(struct run *run) {
    zeroes = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (zeroes < 0) fail(run, "/dev/zero");
}

static NOINLINE void Mix_compute(uint64_t turns) {
    spin(turns);
    KEEP_FRAME();
}

// Clearing 64 KiB takes the kernel microseconds and the way there nanoseconds: as good as pure kernel time.
static NOINLINE bool Mix_callKernel(struct worker *worker, char *block) {
    for (int call = 0; call < CALLS_PER_BATCH; call++)
        if (COUNTED(worker, PREAD, pread(zeroes, block, BLOCK_BYTES, 0)) != BLOCK_BYTES) return false;
    return true;
}

static void work(struct worker *worker) {
    static char blocks[MAX_WORKERS][BLOCK_BYTES];
    const struct options *options = worker->run->options;
    uint64_t turns = turns_per_millisecond() / 10;
    int64_t user_due = 0, syscall_due = 0;  // what one period overdraws the next one saves
    uint32_t random = (uint32_t)worker->index * 2654435761u + 1;
    while (!stopping(worker->run)) {
        // Periods of 7 to 13 ms at random: a fixed one would march in step with the tick or the sampling clock.
        random = random * 1664525u + 1013904223u;
        int64_t period = 7000000 + (int64_t)((uint64_t)random * 6000000 >> 32);
        uint64_t end = clock_ns(CLOCK_MONOTONIC) + (uint64_t)period;
        user_due += (int64_t)((double)period * options->user_percent / 100);
        syscall_due += (int64_t)((double)period * options->syscall_percent / 100);
        uint64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        while (user_due > 0) {
            Mix_compute(turns);
            uint64_t after = clock_ns(CLOCK_THREAD_CPUTIME_ID);
            user_due -= (int64_t)(after - before);
            worker->facts[USER_SPIN_NS] += after - before;
            before = after;
        }
        while (syscall_due > 0) {
            if (!Mix_callKernel(worker, blocks[worker->index])) return fail(worker->run, "pread of /dev/zero");
            uint64_t after = clock_ns(CLOCK_THREAD_CPUTIME_ID);
            syscall_due -= (int64_t)(after - before);
            worker->facts[SYSCALL_NS] += after - before;
            before = after;
        }
        struct timespec until = {(time_t)(end / 1000000000u), (long)(end % 1000000000u)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
}

const struct workload mix = {
    .name = "mix",
    .summary = "--user-percent of user code, --syscall-percent in pread64, the rest asleep (40 and 20)",
    .default_threads = 1,
    .calls = {"pread64"},
    .facts = {"user_spin_ns", "syscall_ns"},
    .setup = setup,
    .work = work,
};
