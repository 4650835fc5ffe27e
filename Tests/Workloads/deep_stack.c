// Many different functions on the stack, each entered through an inlined one, and a system call at the bottom.
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64 << 10, MAX_LEVELS = 60 };

typedef bool level(struct worker *worker, char *block);

static int zeroes = -1;

static void setup(struct run *run) {
    zeroes = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (zeroes < 0) return fail(run, "/dev/zero");
    errno = 0;
    if (run->options->depth > MAX_LEVELS) fail(run, "--depth can be 60 at most here (see recursion)");
}

static NOINLINE bool Bottom_readZeroes(struct worker *worker, char *block) {
    return COUNTED(worker, 0, pread(zeroes, block, BLOCK_BYTES, 0)) == BLOCK_BYTES;
}

static ALWAYS_INLINE bool enter_inlined(level *below, struct worker *worker, char *block) {
    bool result = below(worker, block);
    KEEP_FRAME();
    return result;
}

#define LEVEL(number, below) \
    static NOINLINE bool level_##number(struct worker *worker, char *block) { return enter_inlined(below, worker, block); }
#define TEN_LEVELS(ten, below)    \
    LEVEL(ten##0, below)          \
    LEVEL(ten##1, level_##ten##0) \
    LEVEL(ten##2, level_##ten##1) \
    LEVEL(ten##3, level_##ten##2) \
    LEVEL(ten##4, level_##ten##3) \
    LEVEL(ten##5, level_##ten##4) \
    LEVEL(ten##6, level_##ten##5) \
    LEVEL(ten##7, level_##ten##6) \
    LEVEL(ten##8, level_##ten##7) \
    LEVEL(ten##9, level_##ten##8)
#define TEN_NAMES(ten)                                                                                   \
    level_##ten##0, level_##ten##1, level_##ten##2, level_##ten##3, level_##ten##4, level_##ten##5,      \
        level_##ten##6, level_##ten##7, level_##ten##8, level_##ten##9

TEN_LEVELS(0, Bottom_readZeroes)
TEN_LEVELS(1, level_09)
TEN_LEVELS(2, level_19)
TEN_LEVELS(3, level_29)
TEN_LEVELS(4, level_39)
TEN_LEVELS(5, level_49)

static level *const levels[MAX_LEVELS] = {TEN_NAMES(0), TEN_NAMES(1), TEN_NAMES(2),
                                          TEN_NAMES(3), TEN_NAMES(4), TEN_NAMES(5)};

static void work(struct worker *worker) {
    static char blocks[MAX_WORKERS][BLOCK_BYTES];
    int depth = worker->run->options->depth ? worker->run->options->depth : MAX_LEVELS;
    while (!stopping(worker->run))
        if (!levels[depth - 1](worker, blocks[worker->index])) return fail(worker->run, "pread of /dev/zero");
}

const struct workload deep_stack = {
    .name = "deep-stack",
    .summary = "pread64 below --depth different functions (60), level_59 outermost",
    .default_threads = 1,
    .calls = {"pread64"},
    .setup = setup,
    .work = work,
};
