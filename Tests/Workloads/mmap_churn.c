// Buffers mapped, used once and unmapped by many threads of one process, which share one mmap_lock.
#include "workload.h"

#include <sys/mman.h>

enum { MMAP, MUNMAP };
enum { BUFFER_BYTES = 64 << 10, PAGE_BYTES = 4096 };

static NOINLINE char *Buffer_map(struct worker *worker) {
    return COUNTED(worker, MMAP,
                   mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static NOINLINE void Buffer_touch(volatile char *buffer) {
    for (int at = 0; at < BUFFER_BYTES; at += PAGE_BYTES) buffer[at] = 1;
}

static NOINLINE int Buffer_unmap(struct worker *worker, char *buffer) {
    return COUNTED(worker, MUNMAP, munmap(buffer, BUFFER_BYTES));
}

static void work(struct worker *worker) {
    while (!stopping(worker->run)) {
        char *buffer = Buffer_map(worker);
        if (buffer == MAP_FAILED) return fail(worker->run, "mmap");
        Buffer_touch(buffer);
        if (Buffer_unmap(worker, buffer) != 0) return fail(worker->run, "munmap");
    }
}

const struct workload mmap_churn = {
    .name = "mmap-churn",
    .summary = "threads that map 64 KiB, touch it and unmap it",
    .default_threads = 4,
    .calls = {"mmap", "munmap"},
    .work = work,
};
