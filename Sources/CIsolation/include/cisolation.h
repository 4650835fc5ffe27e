// Processes without privileges: forking them, passing descriptors to them, and taking everything away from them.
// Every function returns 0 or a result >= 0, or -errno.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// fork(2), which Swift does not show. The caller has one thread.
pid_t cisolation_fork(void);

// Makes the calling process a leader of its own session, named `name`, that dies with `parent`; gives up all descriptors
// but 0 to 2, which become /dev/null, and `kept`, which become 3, 4, …; sets usual signal actions.
int cisolation_detach(const char *name, pid_t parent, const int *kept, int count);

// What a confined process is for.
enum {
    CISOLATION_NURSERY = 0, // forks the others; keeps its privileges, may not execute anything
    CISOLATION_OPENER = 1,  // opens files of containers; keeps the capabilities which that takes
    CISOLATION_PARSER = 2,  // reads descriptors that it is given; keeps nothing
};

// What was taken away, as bits of cisolation_confine's result.
enum {
    CISOLATION_NO_SYSCALLS = 1,     // seccomp
    CISOLATION_NO_CAPABILITIES = 2, // none left, or only those of an opener
    CISOLATION_NOBODY = 4,          // user and group 65534
    CISOLATION_NO_FILES = 8,        // an empty, read-only root
    CISOLATION_NO_NETWORK = 16,     // a network namespace without interfaces
};

// The most address space of a parser, in bytes, and the CPU time that one may use in its life, in seconds.
enum { CISOLATION_PARSER_BYTES = 512 << 20, CISOLATION_PARSER_SECONDS = 60 };

// The CPU time at a stretch for which an opener or a parser comes before ordinary threads, in microseconds.
enum { CISOLATION_FIRST_MICROSECONDS = 100000 };

// Takes from the calling process what its role does not need. Without the privilege to take everything it takes what it
// can; without seccomp it fails.
int cisolation_confine(int role);

// Two connected sockets, close-on-exec: of packets, or a stream.
int cisolation_pair(int packets, int ends[2]);

// sendmsg(2) with descriptors, without SIGPIPE.
ssize_t cisolation_send(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count);

// recvmsg(2) with descriptors, close-on-exec: as many as `*descriptor_count`, which becomes the number received.
// Returns 0 at the other side's end; -EMSGSIZE for a message, or a set of descriptors, that was cut short.
ssize_t cisolation_receive(int socket, void *bytes, size_t count, int *descriptors, int *descriptor_count);

// A file in memory with these bytes, which nobody can change any more.
int cisolation_sealed_file(const void *bytes, size_t count);

// A process as a descriptor; close-on-exec.
int cisolation_process(pid_t pid);

// SIGKILL, to that very process.
int cisolation_kill(int process);

// What statx(2) says of an open file, without asking a server behind it, which may never answer.
struct cisolation_status {
    uint32_t major, minor;
    uint64_t inode;
    int64_t size, seconds;
    uint32_t nanoseconds, mode, owner;
};
int cisolation_cached_status(int descriptor, struct cisolation_status *status);

// The type of the file system that a descriptor's file is on, as in statfs(2).
int64_t cisolation_file_system(int descriptor);
