// perf_event_open(2) as far as Swift cannot say it: the system call, the ioctls (their numbers are macros), and the
// acquire/release accesses to a ring's head and tail. Results are >= 0 or -errno. No policy here.
#pragma once

#include <linux/perf_event.h>
#include <stdint.h>
#include <sys/types.h>

// perf_event_open(2). Returns a descriptor or -errno.
int cperfevent_open(struct perf_event_attr *attr, pid_t pid, int cpu, unsigned long flags);

// PERF_EVENT_IOC_*. Each returns 0 or -errno.
int cperfevent_enable(int event);
int cperfevent_disable(int event);
// Later records of `event` go into the ring of `target`.
int cperfevent_set_output(int event, int target);
// Later samples of `event`, which has a fixed period, stand for `period` events.
int cperfevent_set_period(int event, uint64_t period);
int cperfevent_set_filter(int event, const char *filter);
// Stores the event's unique id, which its records carry.
int cperfevent_id(int event, uint64_t *id);

// Acquires and releases the positions of a mapped ring (struct perf_event_mmap_page).
uint64_t cperfevent_ring_head(const struct perf_event_mmap_page *page);
void cperfevent_ring_set_tail(struct perf_event_mmap_page *page, uint64_t tail);

// Flags of perf_event_open(2), which are macros without a type.
static const unsigned long cperfevent_flag_cloexec = PERF_FLAG_FD_CLOEXEC;
static const unsigned long cperfevent_flag_pid_cgroup = PERF_FLAG_PID_CGROUP;

// PERF_FORMAT_LOST: Linux 6.0; older headers lack the name.
static const uint64_t cperfevent_format_lost = 1U << 4;
