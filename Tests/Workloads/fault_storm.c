// Page faults: memory is given back with madvise and touched again, page by page.
#include "workload.h"

#include <sys/mman.h>

enum { MADVISE };
enum { PAGES_TOUCHED };
enum { REGION_BYTES = 8 << 20, PAGE_BYTES = 4096 };

static NOINLINE void Arena_touch(volatile char *arena) {
    for (int at = 0; at < REGION_BYTES; at += PAGE_BYTES) arena[at] = 1;
}

static NOINLINE int Arena_release(struct worker *worker, char *arena) {
    return COUNTED(worker, MADVISE, madvise(arena, REGION_BYTES, MADV_DONTNEED));
}

static void work(struct worker *worker) {
    char *arena = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED) return fail(worker->run, "mmap");
    // One fault per page is the truth we count by; a kernel without huge pages refuses, and needs no asking.
    madvise(arena, REGION_BYTES, MADV_NOHUGEPAGE);
    while (!stopping(worker->run)) {
        Arena_touch(arena);
        worker->facts[PAGES_TOUCHED] += REGION_BYTES / PAGE_BYTES;
        if (Arena_release(worker, arena) != 0) return fail(worker->run, "madvise");
    }
    munmap(arena, REGION_BYTES);
}

const struct workload fault_storm = {
    .name = "fault-storm",
    .summary = "threads that touch pages and give them back",
    .default_threads = 2,
    .calls = {"madvise"},
    .facts = {"pages_touched"},
    .work = work,
};
