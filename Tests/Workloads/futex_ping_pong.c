// Pairs of threads that wake each other through one futex word, turn by turn.
#include "workload.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

// Whose turn it is in each pair, each word in a cache line of its own.
static struct {
    _Alignas(128) atomic_int turn;
} pairs[MAX_WORKERS / 2];

static NOINLINE long Turn_wait(struct worker *worker, atomic_int *turn, int other) {
    // A bounded wait: the partner may have stopped without a last wake.
    struct timespec timeout = {0, 50000000};
    return COUNTED(worker, 0, syscall(SYS_futex, turn, FUTEX_WAIT_PRIVATE, other, &timeout, NULL, 0));
}

static NOINLINE long Turn_pass(struct worker *worker, atomic_int *turn, int other) {
    atomic_store(turn, other);
    return COUNTED(worker, 0, syscall(SYS_futex, turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
}

static void work(struct worker *worker) {
    atomic_int *turn = &pairs[worker->index / 2].turn;
    int me = worker->index % 2, other = 1 - me;
    while (!stopping(worker->run)) {
        if (atomic_load(turn) != me) {
            // EAGAIN: the turn came while we asked; EINTR and ETIMEDOUT: look again.
            if (Turn_wait(worker, turn, other) < 0 && errno != EAGAIN && errno != EINTR && errno != ETIMEDOUT)
                return fail(worker->run, "futex wait");
            continue;
        }
        if (Turn_pass(worker, turn, other) < 0) return fail(worker->run, "futex wake");
    }
}

const struct workload futex_ping_pong = {
    .name = "futex-ping-pong",
    .summary = "pairs of threads that pass a turn to each other through a futex",
    .default_threads = 2,
    .in_pairs = true,
    .calls = {"futex"},
    .work = work,
};
