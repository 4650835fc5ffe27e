// System calls whose own function ends, on many x86 kernels, in a jump to a worker that another one uses too: `readv` and
// `preadv2` both show as `do_readv`. Each is called in a loop, from a function that bears its name.
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

// Blocks lie on the stack of each worker: less than a sample copies of it.
enum { BLOCK_BYTES = 1024 };

static int zeroes = -1, file = -1;
static char file_path[MAX_DIRECTORY + 64];

// glibc's wrappers where it has them, so that the user stack looks as in a real program.
#define CALL(name, expression)                                                        \
    static NOINLINE long call_##name(struct worker *worker, const struct iovec *parts) { \
        (void)parts;                                                                  \
        return COUNTED(worker, 0, (long)(expression));                                \
    }
CALL(readv, readv(zeroes, parts, 2))
CALL(preadv2, preadv2(zeroes, parts, 2, 0, 0))
CALL(writev, writev(zeroes, parts, 2))
CALL(pwritev2, pwritev2(zeroes, parts, 2, 0, 0))
CALL(access, access(file_path, R_OK))
CALL(faccessat, faccessat(AT_FDCWD, file_path, R_OK, 0))
CALL(faccessat2, syscall(SYS_faccessat2, AT_FDCWD, file_path, R_OK, 0))
CALL(getxattr, getxattr(file_path, "user.none", NULL, 0))
CALL(lgetxattr, lgetxattr(file_path, "user.none", NULL, 0))
CALL(listxattr, listxattr(file_path, NULL, 0))
CALL(llistxattr, llistxattr(file_path, NULL, 0))

#define NAMED(name) {#name, call_##name}
static const struct {
    const char *name;
    long (*call)(struct worker *worker, const struct iovec *parts);
} calls[] = {
    NAMED(readv),     NAMED(preadv2),    NAMED(writev),   NAMED(pwritev2),  NAMED(access),     NAMED(faccessat),
    NAMED(faccessat2), NAMED(getxattr), NAMED(lgetxattr), NAMED(listxattr), NAMED(llistxattr),
};
enum { CALL_COUNT = sizeof calls / sizeof *calls };
static int chosen;

static void setup(struct run *run) {
    const char *name = run->options->call ? run->options->call : calls[0].name;
    for (chosen = 0; chosen < CALL_COUNT && strcmp(calls[chosen].name, name) != 0;) chosen++;
    errno = 0;
    if (chosen == CALL_COUNT)
        return fail(run, "--call takes readv, preadv2, writev, pwritev2, access, faccessat, faccessat2, getxattr, "
                         "lgetxattr, listxattr or llistxattr");
    run->call = calls[chosen].name;
    strcpy(stpcpy(file_path, run->directory), "/file");
    zeroes = open("/dev/zero", O_RDWR | O_CLOEXEC);
    file = open_in_directory(run, "file", O_RDWR | O_CREAT);
    if (zeroes < 0 || file < 0) fail(run, "open");
}

static void work(struct worker *worker) {
    char block[2][BLOCK_BYTES];
    memset(block, 0, sizeof block);
    struct iovec parts[2] = {{block[0], BLOCK_BYTES}, {block[1], BLOCK_BYTES}};
    while (!stopping(worker->run)) {
        // A file without the attribute, or a filesystem without attributes, is a call all the same.
        if (calls[chosen].call(worker, parts) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
            return fail(worker->run, worker->run->call);
    }
}

const struct workload alias_calls = {
    .name = "alias-calls",
    .summary = "one call in a loop whose kernel frame is ambiguous: --call readv, preadv2, access, faccessat, ...",
    .default_threads = 1,
    .needs_directory = true,
    .calls = {"readv"},
    .setup = setup,
    .work = work,
};
