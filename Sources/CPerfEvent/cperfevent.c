#define _GNU_SOURCE
#include "cperfevent.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// The ring's positions lie at fixed places of the page that the kernel shares: its ABI.
static_assert(offsetof(struct perf_event_mmap_page, data_head) == 1024, "perf_event_mmap_page.data_head");
static_assert(offsetof(struct perf_event_mmap_page, data_tail) == 1032, "perf_event_mmap_page.data_tail");
static_assert(sizeof(struct perf_event_attr) >= 112, "perf_event_attr has sig_data (Linux 5.13)");

static int negative_errno(long result) { return result < 0 ? -errno : (int)result; }

int cperfevent_open(struct perf_event_attr *attr, pid_t pid, int cpu, unsigned long flags) {
    return negative_errno(syscall(SYS_perf_event_open, attr, pid, cpu, -1, flags));
}

int cperfevent_enable(int event) { return negative_errno(ioctl(event, PERF_EVENT_IOC_ENABLE, 0)); }

int cperfevent_disable(int event) { return negative_errno(ioctl(event, PERF_EVENT_IOC_DISABLE, 0)); }

int cperfevent_set_output(int event, int target) {
    return negative_errno(ioctl(event, PERF_EVENT_IOC_SET_OUTPUT, target));
}

int cperfevent_set_filter(int event, const char *filter) {
    return negative_errno(ioctl(event, PERF_EVENT_IOC_SET_FILTER, filter));
}

int cperfevent_set_period(int event, uint64_t period) {
    return negative_errno(ioctl(event, PERF_EVENT_IOC_PERIOD, &period));
}

int cperfevent_id(int event, uint64_t *id) { return negative_errno(ioctl(event, PERF_EVENT_IOC_ID, id)); }

uint64_t cperfevent_ring_head(const struct perf_event_mmap_page *page) {
    return __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
}

void cperfevent_ring_set_tail(struct perf_event_mmap_page *page, uint64_t tail) {
    __atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
}
