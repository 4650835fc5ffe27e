// System calls that Swift cannot make: no wrapper in glibc, or a child between fork and exec.
// Every function returns 0 or a result >= 0, or -errno. No policy here.
#pragma once

#include <stdint.h>
#include <sys/types.h>

// What openat2(2) is asked to keep to, of <linux/openat2.h>, and O_PATH of <fcntl.h>, which Swift does not see.
enum {
    CLINUX_RESOLVE_NO_XDEV = 0x01,
    CLINUX_RESOLVE_NO_MAGICLINKS = 0x02,
    CLINUX_RESOLVE_IN_ROOT = 0x10,
    CLINUX_O_PATH = 010000000,
};

// openat2(2). flags and resolve as there. Returns a descriptor or -errno.
int clinux_openat2(int directory, const char *path, uint64_t flags, uint64_t resolve);

// pidfd_open(2). Returns a descriptor (close-on-exec) or -errno.
int clinux_pidfd_open(pid_t pid);

// Takes `signals` over for the rest of the process (but an ignored SIGHUP), and gives a close-on-exec, non-blocking
// descriptor that becomes readable when one comes, or -errno. Not signalfd(2): that needs them blocked in every thread,
// and a recorder in Swift does not run on the main thread, nor know the threads that there are.
int clinux_signal_descriptor(const int *signals, int count);

// The number of the next signal that waits on a descriptor of clinux_signal_descriptor; -EAGAIN when there is none.
int clinux_next_signal(int descriptor);

// Forks a child that joins the cgroup whose cgroup.procs is open for writing as `cgroup_procs`, waits until one byte can
// be read from `go`, and then runs argv[0] (looked up in PATH) with the caller's environment and descriptors 0 to 2.
// `report` receives one int, the errno, if joining or running fails; it is closed on success.
// All descriptors must be close-on-exec. Returns the child's process id or -errno.
pid_t clinux_spawn_in_cgroup(int cgroup_procs, int go, int report, char *const argv[]);

// Mounts a file system of a kernel type such as "tracefs" where nobody sees it: the mount lives as long as the
// descriptor that this returns, to be used with openat(2). -errno on failure (Linux 5.2).
int clinux_detached_mount(const char *type);
