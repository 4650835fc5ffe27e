// Pairs of threads that send one byte to and fro through two pipes.
#include "workload.h"

#include <fcntl.h>
#include <unistd.h>

enum { READ, WRITE };

// Each pair's two pipes: [0] carries bytes from the first to the second thread, [1] the answers.
static int pipes[MAX_WORKERS / 2][2][2];

static void setup(struct run *run) {
    for (int pair = 0; pair < run->worker_count / 2; pair++)
        for (int direction = 0; direction < 2; direction++)
            if (pipe2(pipes[pair][direction], O_CLOEXEC) != 0) return fail(run, "pipe");
}

static NOINLINE bool Ball_throw(struct worker *worker, int fd) {
    return COUNTED(worker, WRITE, write(fd, "o", 1)) == 1;
}

static NOINLINE bool Ball_catch(struct worker *worker, int fd) {
    char ball;
    return COUNTED(worker, READ, read(fd, &ball, 1)) == 1;
}

static void work(struct worker *worker) {
    int (*pair)[2] = pipes[worker->index / 2];
    bool serves = worker->index % 2 == 0;
    int in = pair[serves ? 1 : 0][0], out = pair[serves ? 0 : 1][1];
    if (serves) {
        while (!stopping(worker->run))
            if (!Ball_throw(worker, out) || !Ball_catch(worker, in)) break;
    } else {
        while (Ball_catch(worker, in))
            if (!Ball_throw(worker, out)) break;
    }
    // The partner, who may wait in its read, sees the end of the pipe.
    close(out);
}

const struct workload pipe_ping_pong = {
    .name = "pipe-ping-pong",
    .summary = "pairs of threads that send a byte to and fro through pipes",
    .default_threads = 2,
    .in_pairs = true,
    .calls = {"read", "write"},
    .setup = setup,
    .work = work,
};
