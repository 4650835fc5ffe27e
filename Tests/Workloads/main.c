// workload NAME [options]: runs one workload for some seconds and prints what it did as one line of JSON.
#include "workload.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE = 64 };

static const struct workload *const workloads[] = {
    &fadvise_storm, &path_miss, &mmap_churn, &futex_ping_pong, &pipe_ping_pong, &user_spin,  &fault_storm, &fork_exec,
    &mix,           &flock_wait, &fsync_loop, &mutex_sleep,     &deep_stack,     &recursion, &alias_calls,
    &null_calls,
};
enum { WORKLOAD_COUNT = sizeof workloads / sizeof *workloads };

static int usage(FILE *to, int code) {
    fprintf(to, "usage: workload NAME [--seconds S] [--threads N] [--directory DIR] [--cgroup DIR]... [--ready FD|PATH]\n"
                "                     [--user-percent X] [--syscall-percent Y] [--depth N] [--call NAME] [--rate HZ]\n");
    for (int index = 0; index < WORKLOAD_COUNT; index++)
        fprintf(to, "  %-16s %s\n", workloads[index]->name, workloads[index]->summary);
    fprintf(to, "  %-16s %s\n", "noop", "exits at once");
    return code;
}

// A number from `text` in [low, high]; ends the program where it is none.
static double number(const char *option, const char *text, double low, double high) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= low && value <= high)) {
        fprintf(stderr, "workload: --%s takes a number from %g to %g, not '%s'\n", option, low, high, text);
        exit(USAGE);
    }
    return value;
}

int main(int argc, char **argv) {
    if (argc < 2) return usage(stderr, USAGE);
    if (strcmp(argv[1], "noop") == 0) return 0;
    if (strcmp(argv[1], "--help") == 0) return usage(stdout, 0);

    // /var/tmp, because /tmp may be a tmpfs, where fadvise and fsync do nothing.
    struct options options = {.seconds = 5, .directory = "/var/tmp", .user_percent = 40, .syscall_percent = 20};
    enum { SECONDS, THREADS, DIRECTORY, CGROUP, READY, USER_PERCENT, SYSCALL_PERCENT, DEPTH, CALL, RATE };
    static const struct option names[] = {
        [SECONDS] = {"seconds", required_argument, NULL, 0},
        [THREADS] = {"threads", required_argument, NULL, 0},
        [DIRECTORY] = {"directory", required_argument, NULL, 0},
        [CGROUP] = {"cgroup", required_argument, NULL, 0},
        [READY] = {"ready", required_argument, NULL, 0},
        [USER_PERCENT] = {"user-percent", required_argument, NULL, 0},
        [SYSCALL_PERCENT] = {"syscall-percent", required_argument, NULL, 0},
        [DEPTH] = {"depth", required_argument, NULL, 0},
        [CALL] = {"call", required_argument, NULL, 0},
        [RATE] = {"rate", required_argument, NULL, 0},
        {NULL, 0, NULL, 0},
    };
    optind = 2;
    for (int code, which; (code = getopt_long(argc, argv, "", names, &which)) != -1;) {
        if (code != 0) return usage(stderr, USAGE);
        const char *option = names[which].name;
        switch (which) {
        case SECONDS: options.seconds = number(option, optarg, 0.01, 3600); break;
        case THREADS: options.threads = (int)number(option, optarg, 1, MAX_WORKERS); break;
        case DIRECTORY: options.directory = optarg; break;
        case CGROUP:
            if (options.cgroup_count == MAX_CGROUPS) return usage(stderr, USAGE);
            options.cgroups[options.cgroup_count++] = optarg;
            break;
        case READY: options.ready = optarg; break;
        case USER_PERCENT: options.user_percent = number(option, optarg, 0, 100); break;
        case SYSCALL_PERCENT: options.syscall_percent = number(option, optarg, 0, 100); break;
        case DEPTH: options.depth = (int)number(option, optarg, 1, 10000); break;
        case CALL: options.call = optarg; break;
        case RATE: options.rate = number(option, optarg, 1, 1e7); break;
        }
    }
    if (optind != argc || options.user_percent + options.syscall_percent > 100) return usage(stderr, USAGE);
    for (int index = 0; index < WORKLOAD_COUNT; index++)
        if (strcmp(argv[1], workloads[index]->name) == 0) return run_workload(workloads[index], &options);
    fprintf(stderr, "workload: there is no '%s'\n", argv[1]);
    return usage(stderr, USAGE);
}
