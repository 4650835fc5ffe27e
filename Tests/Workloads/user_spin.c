// User code only: its kernel share is what interrupts take, close to nothing.
#include "workload.h"

static NOINLINE void Mandelbrot_compute(uint64_t turns) {
    spin(turns);
    KEEP_FRAME();
}

static void work(struct worker *worker) {
    uint64_t turns = turns_per_millisecond();
    while (!stopping(worker->run)) Mandelbrot_compute(turns);
}

const struct workload user_spin = {
    .name = "user-spin",
    .summary = "user code only",
    .default_threads = 1,
    .work = work,
};
