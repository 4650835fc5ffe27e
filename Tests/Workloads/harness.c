// Runs one workload: its directory, its cgroup, its workers, its end, and the line of JSON that tells the truth.
#include "workload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void fail(struct run *run, const char *what) {
    int number = errno;
    const char *none = NULL;
    if (atomic_compare_exchange_strong(&run->failure, &none, what)) atomic_store(&run->failure_errno, number);
    atomic_store(&run->stop, true);
}

int open_in_directory(struct run *run, const char *name, int flags) {
    char path[MAX_DIRECTORY + 64];
    snprintf(path, sizeof path, "%s/%s", run->directory, name);
    return open(path, flags | O_CLOEXEC, 0600);
}

NOINLINE void spin(uint64_t turns) {
    for (uint64_t turn = 0; turn < turns; turn++) __asm__ volatile("" : "+r"(turn));
}

uint64_t turns_per_millisecond(void) {
    const uint64_t turns = 1000000;
    uint64_t best = UINT64_MAX;
    // The shortest of five: an interrupt or a cold clock only ever makes it longer.
    for (int round = 0; round < 5; round++) {
        uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        spin(turns);
        uint64_t took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
        if (took > 0 && took < best) best = took;
    }
    return turns * 1000000u / best + 1;
}

void keep_rate(struct worker *worker, uint64_t start, uint64_t made) {
    if (worker->run->options->rate <= 0) return;
    double per_second = worker->run->options->rate / worker->run->worker_count;
    uint64_t due = start + (uint64_t)((double)made / per_second * 1e9);
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    // In bursts of 20 ms' calls: after each sleep caches are cold, and calls dearer.
    if (due < now + 20000000u) return;
    struct timespec pause = {(time_t)((due - now) / 1000000000u), (long)((due - now) % 1000000000u)};
    nanosleep(&pause, NULL);
}

static void *worker_thread(void *argument) {
    struct worker *worker = argument;
    atomic_fetch_add(&worker->run->started, 1);
    worker->run->workload->work(worker);
    return NULL;
}

static bool join_cgroup(const char *cgroup) {
    char path[MAX_DIRECTORY + 64];
    snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t written = write(fd, "0", 1);  // 0 is the writer itself, in v1 and in v2
    close(fd);
    return written == 1;
}

static bool tell_ready(const char *ready) {
    char *end;
    long number = strtol(ready, &end, 10);
    bool is_descriptor = *ready != '\0' && *end == '\0';
    int fd = is_descriptor ? (int)number : open(ready, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    bool told = write(fd, "ready\n", 6) == 6;
    close(fd);
    return told;
}

static void remove_directory(const char *path) {
    DIR *directory = opendir(path);
    if (!directory) return;
    for (struct dirent *entry; (entry = readdir(directory));) unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    rmdir(path);
}

// A process beside this one that removes the directory when this one has ended, even by SIGKILL. It is forked before any
// cgroup is joined, so the removal is no part of what is recorded.
struct janitor {
    pid_t process;
    int lifeline;  // closed, by hand or by death: the work is over
};

static struct janitor start_janitor(const char *directory) {
    int lifeline[2];
    if (pipe2(lifeline, O_CLOEXEC) != 0) return (struct janitor){-1, -1};
    pid_t process = fork();
    if (process == 0) {
        close(lifeline[1]);
        // Whoever reads our output waits for the workload alone.
        for (int standard = 0; standard <= 2; standard++) close(standard);
        char nothing;
        while (read(lifeline[0], &nothing, 1) < 0 && errno == EINTR) continue;
        remove_directory(directory);
        _exit(0);
    }
    close(lifeline[0]);
    return (struct janitor){process, lifeline[1]};
}

static void wait_for_janitor(struct janitor janitor) {
    if (janitor.process <= 0) return;
    close(janitor.lifeline);
    waitpid(janitor.process, NULL, 0);
}

static bool start_workers(struct run *run, pthread_t *threads, pid_t *processes) {
    pid_t parent = getpid();
    for (int index = 0; index < run->worker_count; index++) {
        struct worker *worker = &run->workers[index];
        worker->index = index;
        worker->run = run;
        if (run->workload->processes) {
            pid_t child = fork();
            if (child < 0) return false;
            if (child == 0) {
                // A killed parent takes its children along, also one killed before this line.
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() == parent) worker_thread(worker);
                _exit(0);
            }
            processes[index] = child;
        } else {
            errno = pthread_create(&threads[index], NULL, worker_thread, worker);
            if (errno) return false;
        }
    }
    return true;
}

struct used {
    uint64_t user_ns, system_ns;
    long minor_faults, voluntary_switches, involuntary_switches;
};

static uint64_t timeval_ns(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

// What this process and the children it has waited for have used.
static struct used used_so_far(void) {
    struct used used = {0};
    const int whom[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
    for (int index = 0; index < 2; index++) {
        struct rusage usage;
        getrusage(whom[index], &usage);
        used.user_ns += timeval_ns(usage.ru_utime);
        used.system_ns += timeval_ns(usage.ru_stime);
        used.minor_faults += usage.ru_minflt;
        used.voluntary_switches += usage.ru_nvcsw;
        used.involuntary_switches += usage.ru_nivcsw;
    }
    return used;
}

static void print_truth(struct run *run, uint64_t wall_ns, struct used before, struct used after) {
    printf("{\"workload\":\"%s\",\"threads\":%d,\"wall_ns\":%llu,\"user_ns\":%llu,\"system_ns\":%llu,"
           "\"minor_faults\":%ld,\"voluntary_switches\":%ld,\"involuntary_switches\":%ld,\"calls\":{",
           run->workload->name, run->worker_count, (unsigned long long)wall_ns,
           (unsigned long long)(after.user_ns - before.user_ns), (unsigned long long)(after.system_ns - before.system_ns),
           after.minor_faults - before.minor_faults, after.voluntary_switches - before.voluntary_switches,
           after.involuntary_switches - before.involuntary_switches);
    for (int slot = 0; slot < MAX_CALLS && run->workload->calls[slot]; slot++) {
        struct tally sum = {0, 0};
        for (int index = 0; index < run->worker_count; index++) {
            sum.count += run->workers[index].calls[slot].count;
            sum.latency_ns += run->workers[index].calls[slot].latency_ns;
        }
        printf("%s\"%s\":{\"count\":%llu,\"latency_ns\":%llu}", slot ? "," : "",
               slot == 0 && run->call ? run->call : run->workload->calls[slot], (unsigned long long)sum.count,
               (unsigned long long)sum.latency_ns);
    }
    printf("}");
    for (int slot = 0; slot < MAX_FACTS && run->workload->facts[slot]; slot++) {
        uint64_t sum = 0;
        for (int index = 0; index < run->worker_count; index++) sum += run->workers[index].facts[slot];
        printf(",\"%s\":%llu", run->workload->facts[slot], (unsigned long long)sum);
    }
    printf("}\n");
}

// Sleeps until the time is up, a signal asks to stop, or a worker failed.
static void wait_for_the_end(struct run *run, const sigset_t *signals, uint64_t end_ns) {
    while (!stopping(run)) {
        uint64_t now = clock_ns(CLOCK_MONOTONIC);
        if (now >= end_ns) return;
        // At most 100 ms at a time, so that a failure is soon noticed.
        uint64_t left = end_ns - now < 100000000u ? end_ns - now : 100000000u;
        struct timespec timeout = {0, (long)left};
        if (sigtimedwait(signals, NULL, &timeout) > 0) return;
    }
}

static bool prepare(struct run *run, struct janitor *janitor) {
    const struct options *options = run->options;
    if (run->workload->needs_directory) {
        int length = snprintf(run->directory, sizeof run->directory, "%s/jostle-workload-XXXXXX", options->directory);
        if (length >= MAX_DIRECTORY || !mkdtemp(run->directory)) {
            run->directory[0] = '\0';
            return fail(run, options->directory), false;
        }
        *janitor = start_janitor(run->directory);
        if (janitor->process < 0) {
            fail(run, "fork");
            rmdir(run->directory);
            return false;
        }
    }
    for (int index = 0; index < options->cgroup_count; index++)
        if (!join_cgroup(options->cgroups[index])) return fail(run, options->cgroups[index]), false;
    if (run->workload->setup) run->workload->setup(run);
    return !stopping(run);
}

static void run_workers(struct run *run, const sigset_t *signals) {
    static pthread_t threads[MAX_WORKERS];
    static pid_t processes[MAX_WORKERS];
    struct used before = used_so_far();
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    uint64_t end = start + (uint64_t)(run->options->seconds * 1e9);
    if (!start_workers(run, threads, processes)) fail(run, "start of a worker");
    while (!stopping(run) && atomic_load(&run->started) < run->worker_count) usleep(200);
    if (run->options->ready && !stopping(run) && !tell_ready(run->options->ready)) fail(run, run->options->ready);

    wait_for_the_end(run, signals, end);
    atomic_store(&run->stop, true);
    // Workers end by themselves; should one hang, this ends the whole program (SIGALRM kills; children go with it).
    alarm(20);
    for (int index = 0; index < run->worker_count; index++) {
        int status = 0;
        if (threads[index]) pthread_join(threads[index], NULL);
        if (processes[index] && waitpid(processes[index], &status, 0) == processes[index] && status != 0) {
            errno = 0;
            fail(run, "a worker process died");
        }
    }
    alarm(0);
    uint64_t wall = clock_ns(CLOCK_MONOTONIC) - start;
    if (!atomic_load(&run->failure)) print_truth(run, wall, before, used_so_far());
}

int run_workload(const struct workload *workload, const struct options *options) {
    struct run *run = mmap(NULL, sizeof *run, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run == MAP_FAILED) return perror("workload: mmap"), 1;
    run->workload = workload;
    run->options = options;
    run->worker_count = options->threads ? options->threads : workload->default_threads;
    if (workload->in_pairs) run->worker_count = (run->worker_count + 1) / 2 * 2;

    // Blocked in every worker too: only the main thread takes them, to end the run in good order.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    struct janitor janitor = {-1, -1};
    if (prepare(run, &janitor)) run_workers(run, &signals);
    fflush(stdout);
    wait_for_janitor(janitor);
    const char *failure = atomic_load(&run->failure);
    if (!failure) return ferror(stdout) ? 1 : 0;
    int number = atomic_load(&run->failure_errno);
    fprintf(stderr, "workload %s: %s%s%s\n", workload->name, failure, number ? ": " : "", number ? strerror(number) : "");
    return 1;
}
