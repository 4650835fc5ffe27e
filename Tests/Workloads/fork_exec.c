// Short-lived processes: fork (or, several times as often, vfork: `--call vfork`), exec of /bin/true (or, where there is none,
// of this program as `noop`), wait.
#include "workload.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLONE, WAIT4 };
enum { FAILED_CHILDREN };

static bool shares_memory;

static void setup(struct run *run) {
    const char *call = run->options->call;
    if (call && strcmp(call, "fork") != 0 && strcmp(call, "vfork") != 0) return fail(run, "--call takes fork or vfork");
    shares_memory = call && strcmp(call, "vfork") == 0;
    if (shares_memory) run->call = "vfork";
}

static NOINLINE pid_t Helper_spawn(struct worker *worker) {
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    pid_t child = shares_memory ? vfork() : fork();
    if (child == 0) {
        // Nothing is counted here: the tally is shared with the parent.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        char *const arguments[] = {"true", NULL}, *const own_arguments[] = {"workload", "noop", NULL};
        execv("/bin/true", arguments);
        execv("/proc/self/exe", own_arguments);
        _exit(127);
    }
    count_call(worker, CLONE, start);
    return child;
}

static NOINLINE int Helper_wait(struct worker *worker, pid_t child) {
    int status = -1;
    return COUNTED(worker, WAIT4, waitpid(child, &status, 0)) == child ? status : -1;
}

static void work(struct worker *worker) {
    while (!stopping(worker->run)) {
        pid_t child = Helper_spawn(worker);
        if (child < 0) return fail(worker->run, "fork");
        if (Helper_wait(worker, child) != 0) worker->facts[FAILED_CHILDREN]++;
    }
}

const struct workload fork_exec = {
    .name = "fork-exec",
    .summary = "threads that fork (--call vfork: vfork), exec and wait",
    .default_threads = 2,
    .calls = {"clone", "wait4"},
    .facts = {"failed_children"},
    .setup = setup,
    .work = work,
};
