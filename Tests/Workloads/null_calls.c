// The cheapest system call there is, as often as it can be made: what counting each call costs shows itself here.
#include "workload.h"

#include <sys/syscall.h>
#include <unistd.h>

static NOINLINE long Heartbeat_beat(void) {
    long parent = syscall(SYS_getppid);
    KEEP_FRAME();
    return parent;
}

static void work(struct worker *worker) {
    // No clock around each call: reading it twice would take longer than the call.
    while (!stopping(worker->run)) {
        Heartbeat_beat();
        worker->calls[0].count += 1;
    }
}

const struct workload null_calls = {
    .name = "null-calls",
    .summary = "getppid, again and again, without a clock around each call",
    .default_threads = 2,
    .calls = {"getppid"},
    .work = work,
};
