// One function that calls itself many times over, and a system call at the bottom: more stack than a sample copies.
#include "workload.h"

#include <fcntl.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64 << 10, DEFAULT_DEPTH = 1000 };

static int zeroes = -1;

static void setup(struct run *run) {
    zeroes = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (zeroes < 0) fail(run, "/dev/zero");
}

static NOINLINE bool Tree_visit(struct worker *worker, char *block, int depth) {
    bool result = depth > 1 ? Tree_visit(worker, block, depth - 1)
                            : COUNTED(worker, 0, pread(zeroes, block, BLOCK_BYTES, 0)) == BLOCK_BYTES;
    KEEP_FRAME();
    return result;
}

static void work(struct worker *worker) {
    static char blocks[MAX_WORKERS][BLOCK_BYTES];
    int depth = worker->run->options->depth ? worker->run->options->depth : DEFAULT_DEPTH;
    while (!stopping(worker->run))
        if (!Tree_visit(worker, blocks[worker->index], depth)) return fail(worker->run, "pread of /dev/zero");
}

const struct workload recursion = {
    .name = "recursion",
    .summary = "pread64 below --depth calls of one function (1000)",
    .default_threads = 1,
    .calls = {"pread64"},
    .setup = setup,
    .work = work,
};
