extension PatternCatalogue {
    /// Names, inodes, directories, mounts, watches and /proc. See `PatternText` for the form.
    static let files = """
        pattern dcache-hash-chain-negative-dentries
        title Names are looked up in a flooded dentry cache: long hash chains, cold memory
        scope host-wide
        share 10
        confidence documented
        entries syscall
        calls openat open access faccessat stat newfstatat lstat readlink execve
        strong self lookup_fast|walk_component|link_path_walk > __d_lookup|__d_lookup_rcu
        supporting running __lookup_slow|lookup_slow|walk_component > d_alloc_parallel|d_lookup|d_alloc
        supporting running d_alloc_parallel|__d_alloc > kmem_cache_alloc|kmem_cache_alloc_lru_noprof|___slab_alloc
        counter dentry-state
        shared The machine's one hash table of names, which all mount namespaces share and no container's limit bounds.
        cause A program that asks for names that do not exist (random temporary names, search paths, NSS with curl), or
          makes and removes unique files: each leaves an entry until memory gets short.
        remedy Mend who floods it: reuse names, O_TMPFILE, SSL_DIR or NSS_SDB_USE_CACHE for NSS; a memory limit for that
          container, so that its entries are reclaimed; vm.vfs_cache_pressure above 100; writing 2 to vm.drop_caches as
          first aid; dhash_entries= at boot.
        check fs.dentry-state: all, unused and negative entries; slabtop
        see https://sysdig.com/blog/container-isolation-gone-wrong/
        see https://patchwork.kernel.org/project/linux-fsdevel/cover/20200226161404.14136-1-longman@redhat.com/
        see http://mail.spinics.net/lists/linux-mm/msg242423.html
        see https://noise.getoto.net/2022/05/09/dealing-with-negative-dentries/ (LWN 894098)

        pattern dcache-teardown-long-walk
        title Removing or unmounting a tree walks millions of cached names under locks
        scope shared
        share 5
        confidence documented
        entries syscall kthread
        calls rmdir umount2 unlinkat rename exit_group
        strong running shrink_dcache_parent > d_walk > select_collect
        strong running shrink_dcache_for_umount|shrink_dcache_sb|shrink_dcache_parent > shrink_dentry_list|d_walk
        strong running generic_shutdown_super > evict_inodes|shrink_dcache_for_umount
        supporting running d_invalidate > d_walk|shrink_dentry_list
        counter dentry-state
        shared rename_lock for the machine, and the locks of the tree's directories.
        cause Containers that made and removed millions of unique files; their removal then hangs.
        remedy No unique names in one directory; a memory limit, so that the cache is trimmed earlier; restarts.
        check the negative entries in fs.dentry-state before the removal
        see https://riellym.ddns.net/item?id=30993527
        see https://patchwork.kernel.org/project/linux-fsdevel/cover/20200226161404.14136-1-longman@redhat.com/

        pattern dentry-refcount-lockref
        title Many CPUs open the same path and fight over its reference count
        scope host-wide
        share 3
        confidence plausible
        entries syscall
        calls openat close newfstatat stat readlink getcwd execve
        supporting running complete_walk|try_to_unlazy|unlazy_walk > __legitimize_path|lockref_get_not_dead
        strong running lockref_get_not_dead|lockref_put_return|lockref_get|dput > @SPIN
        supporting running dput|path_put > lockref_put_return|lockref_put_or_lock
        shared The cached name of one file or directory; containers with the same layer, host path, /proc or /sys share
          it.
        cause The same configuration, locale or certificate file opened again and again; polling by stat.
        remedy Read it once and keep it, or keep the descriptor; do not poll; spread copies.
        check perf c2c; self time of lockref_get_not_dead
        see Linux source: lib/lockref.c, fs/namei.c

        pattern inode-hash-lock
        title Inodes are looked up, made and evicted under one lock
        scope host-wide
        share 3
        confidence plausible
        entries syscall
        calls openat newfstatat stat unlinkat mkdir getdents64
        strong running iget_locked|iget5_locked|ilookup|ilookup5|find_inode_fast|find_inode|__insert_inode_hash > @SPIN
        strong running evict > __remove_inode_hash|inode_wait_for_writeback > @SPIN
        shared The machine's hash table of inodes, for all file systems.
        cause Parallel walks through large trees: backup, scanning, unpacking of images, du; caches that thrash under a
          limit; overlayfs.
        remedy A kernel that finds inodes without the lock (6.12); quotas instead of du; fewer walks.
        check spinning under find_inode or iget_locked
        see Linux source: fs/inode.c
        see Linux commit “vfs: add rcu-based find_inode variants for iget ops”

        pattern sync-all-superblocks
        title sync or syncfs writes back, and scans, what all containers have written
        scope host-wide
        share 3
        confidence documented
        entries syscall kthread
        calls sync syncfs umount2
        strong any ksys_sync|sys_sync > iterate_supers > sync_inodes_one_sb|sync_fs_one_sb
        strong waiting sync_inodes_sb > wait_sb_inodes|wb_wait_for_completion
        strong waiting sync_inodes_sb > @MUTEX
        supporting running sync_inodes_sb|inode_sb_list_add|evict > @SPIN
        shared All file systems of the machine: sync knows no mount namespaces, and containers on overlayfs share the
          upper one.
        cause Package managers, image builds, entrypoints and databases that call sync.
        remedy fsync or fdatasync of the files that matter; eatmydata or dpkg --force-unsafe-io in builds; overlayfs'
          volatile option; a small vm.dirty_bytes.
        check off-CPU stacks in wb_wait_for_completion
        see
          https://gerrit-public.fairphone.software/plugins/gitiles/kernel/msm-4.9/+/e97fedb9ef9868ff24d588be781906cf7c1\
        b59ae
        see https://kernel.googlesource.com/pub/scm/linux/kernel/git/josef/btrfs-next/+/refs/heads/evict-softlockup
        see Linux source: fs/sync.c, fs/fs-writeback.c

        pattern mount-table-scan
        title The mount table is read whole on a machine with thousands of mounts
        scope host-wide
        share 5
        confidence documented
        entries syscall
        calls read pread64 poll epoll_wait
        strong running seq_read_iter|seq_read|vfs_read > show_mountinfo|show_vfsmnt
        supporting running show_mountinfo > get_dominating_id|prepend_path|seq_path_root|seq_path
        strong waiting m_start > @RWSEMR
        shared The machine's mount table; each change wakes all who poll it, and each of them reads all of it.
        cause systemd and its user managers, kubelet, runtimes and agents while pods start and stop.
        remedy A newer systemd and libmount, fewer mounts for each pod, private propagation.
        check the length of /proc/self/mountinfo
        see https://github.com/systemd/systemd/issues/16728
        see https://github.com/systemd/systemd/pull/10268
        see https://github.com/systemd/systemd/issues/8703
        see https://github.com/systemd/systemd/pull/43318
        see https://github.com/systemd/systemd/pull/17409
        see Linux source: fs/namespace.c

        pattern namespace-sem-mount-churn
        title Containers that start and stop queue for the mount namespaces' lock
        scope host-wide
        share 1
        confidence documented
        entries syscall
        calls mount umount2 clone unshare setns move_mount fsmount pivot_root
        strong waiting path_mount|do_mount|path_umount|copy_mnt_ns|do_move_mount|graft_tree|attach_recursive_mnt >
          @RWSEMW
        strong waiting namespace_unlock > @RCUWAIT
        supporting running copy_mnt_ns > copy_tree
        supporting running attach_recursive_mnt > propagate_mnt
        shared One lock for all mount namespaces, and RCU grace periods behind it.
        cause Container churn; runc before pull request 3931, which mounted its own binary each time; probes by exec;
          shared propagation.
        remedy A runc with that change; fewer mounts for each container; private propagation; fewer probes by exec.
        check off-CPU stacks in rwsem_down_write_slowpath under path_mount or umount
        see https://github.com/opencontainers/runc/pull/3931
        see Linux source: fs/namespace.c

        pattern overlayfs-copy-up
        title The first write to a file of the image copies the whole file
        scope shared
        share 3
        confidence documented
        entries syscall
        calls openat open truncate chmod fchmodat fchownat rename link setxattr
        strong any ovl_open|ovl_maybe_copy_up|ovl_copy_up|ovl_copy_up_flags > ovl_copy_up_one
        strong any ovl_copy_up_one > ovl_copy_up_data
        supporting running ovl_lookup > ovl_lookup_layer
        supporting running ovl_iterate > ovl_dir_read_merged
        shared The file system and disk below, which all containers of the machine use.
        cause Databases and package trees that are part of the image and change at run time; chown -R or chmod -R in
          entrypoints.
        remedy Data that changes belongs on volumes; chown while the image is built; metacopy=on.
        check the time in ovl_copy_up_one
        see
          https://ragit.baehyunsol.com/sample/docker/chunk/b1755e87db929bbbe50c29b33cc1f1aad9b5b5c5c61bae4b000000010000\
        0bfc
        see https://matsuand.github.io/docs.docker.jp.onthefly/storage/storagedriver/overlayfs-driver/

        pattern directory-inode-rwsem
        title Files are made, removed and renamed in one directory, one at a time
        scope shared
        share 3
        confidence plausible
        entries syscall
        calls openat unlinkat unlink rename renameat2 mkdirat getdents64
        strong any path_openat > @RWSEMW
        strong waiting do_unlinkat|do_mkdirat|do_rmdir > @RWSEMW
        strong waiting do_renameat2|lock_rename > @RWSEMW|@MUTEX
        supporting waiting iterate_dir|__lookup_slow|lookup_slow|d_alloc_parallel > @RWSEMR
        shared One directory, or, for renames between directories, one file system.
        cause Many workers with temporary files in the same directory: spools, caches, sessions.
        remedy Subdirectories, a directory for each worker, O_TMPFILE, no renames between directories.
        check perf lock contention

        pattern kernfs-lock
        title Lookups and changes in sysfs and cgroupfs queue for one lock
        scope host-wide
        share 3
        confidence documented
        entries syscall kthread
        calls openat newfstatat stat mkdir rmdir getdents64 read access
        strong any
          kernfs_iop_permission|kernfs_iop_getattr|kernfs_dop_revalidate|kernfs_iop_lookup|kernfs_fop_readdir|kernfs_ad\
        d_one|kernfs_remove|kernfs_remove_by_name_ns
          > @RWSEMW|@RWSEMR|@MUTEX
        supporting running kernfs_iop_permission|kernfs_iop_getattr > kernfs_refresh_inode
        shared All of sysfs and cgroupfs.
        cause Agents that open thousands of cgroup files, libraries that look into /sys/devices at start, container
          churn.
        remedy Linux 5.15 or newer; read less often, keep descriptors open and use pread; shallow cgroups.
        check the number of directories below /sys/fs/cgroup
        see http://mail.spinics.net/lists/linux-fsdevel/msg196580.html
        see https://kernel.googlesource.com/pub/scm/linux/kernel/git/raven/kernfs/+/refs/heads/concurrency-v3
        see
          https://www.besthub.dev/articles/uncovering-the-root-causes-of-ack-cluster-network-latency-kubelet-softirq-an\
        d-cgroup-insights-4f040e24b895
        see Linux source: fs/kernfs/dir.c

        pattern proc-walk
        title Somebody walks /proc: each process costs names and inodes
        scope host-wide
        share 10
        confidence plausible
        entries syscall
        calls getdents64 openat read readlink newfstatat
        strong running iterate_dir|proc_pid_readdir > next_tgid|proc_fill_cache
        supporting running proc_pid_readdir|proc_task_readdir > proc_fill_cache >
          proc_pid_instantiate|proc_pid_make_inode|d_alloc_parallel
        supporting running do_task_stat|proc_tgid_stat > __lock_task_sighand|thread_group_cputime
        supporting running release_task > proc_flush_task|proc_flush_pid > d_invalidate|proc_invalidate_siblings_dcache
        shared The list of all processes of the machine.
        cause ps, top, lsof in probes or cron; security and monitoring agents.
        remedy Less often; cgroup.procs instead; a pid namespace or hidepid for the tool.
        check time under getdents64 of /proc

        pattern proc-smaps-mmap-lock
        title Somebody reads a process's mappings and holds its address space meanwhile
        scope shared
        share 10
        confidence documented
        entries syscall
        calls read pread64 openat
        strong running seq_read_iter|seq_read > show_smap|show_smaps_rollup >
          walk_page_vma|walk_page_range|smap_gather_stats > smaps_pte_range
        supporting running show_map_vma > seq_path|d_path
        supporting waiting m_start > @RWSEMR
        shared The mmap_lock of the process that is looked at, perhaps another container's.
        cause Memory exporters that read smaps of everything, pmap, out-of-memory guards.
        remedy statm or memory.stat instead of smaps; smaps_rollup, and rarely; no CPU limit that stops the reader while
          it holds the lock.
        check rwsem_down_write_slowpath in the process while a reader is in show_smap
        see https://lpc.events/event/11/contributions/965/
        see https://spinics.net/lists/linux-fsdevel/msg307799.html
        see https://lkml.iu.edu/2604.3/00146.html

        pattern proc-net-tcp-dump
        title Lists of TCP sockets scan the machine's hash table
        scope host-wide
        share 3
        confidence plausible
        entries syscall
        calls read recvmsg sendmsg
        strong running tcp_seq_next|seq_read_iter|seq_read >
          established_get_next|established_get_first|listening_get_next
        strong running netlink_dump > inet_diag_dump|tcp_diag_dump|inet_diag_dump_icsk
        strong running established_get_first|established_get_next|tcp_diag_dump|netlink_dump > @SPIN
        shared One table for the machine, unless a network namespace has its own.
        cause netstat or ss in probes, exporters, agents.
        remedy ss with filters, /proc/net/sockstat, BPF iterators; less often; net.ipv4.tcp_child_ehash_entries.
        check time under reads of /proc/net/tcp

        pattern fsnotify-child-flags
        title Watching a directory walks all its cached names under its lock
        scope shared
        share 3
        confidence documented
        entries syscall
        calls inotify_add_watch inotify_rm_watch fanotify_mark openat write close
        strong running inotify_update_watch|fsnotify_add_mark_locked|__fsnotify_parent|fsnotify_recalc_mask >
          __fsnotify_update_child_dentry_flags|fsnotify_set_children_dentry_flags
        strong running __fsnotify_parent|__fsnotify_update_child_dentry_flags|fsnotify_set_children_dentry_flags > @SPIN
        counter dentry-state
        shared The directory's list of names, negative ones among them.
        cause Watchers on /var/log, /tmp or configuration volumes in which millions of names were made or asked for.
        remedy A kernel that clears these flags later; watch a smaller directory; trim negative entries.
        check soft lockups with these frames; fs.dentry-state
        see http://mail.spinics.net/lists/linux-fsdevel/msg211870.html
        see https://linuxlists.cc/l/1/linux-kernel/permalink/%3C87bk59gsxv.fsf%40oracle.com%3E

        pattern inotify-teardown-srcu
        title Closing an inotify instance waits for a worker and a grace period
        scope host-wide
        share 1
        confidence documented
        entries syscall
        calls close exit_group inotify_rm_watch
        strong waiting inotify_release > fsnotify_destroy_group > @FLUSHW
        strong waiting fsnotify_destroy_group > fsnotify_wait_marks_destroyed
        strong waiting worker_thread > process_one_work > fsnotify_mark_destroy_workfn >
          synchronize_srcu|__synchronize_srcu
        shared One worker for all inotify and fanotify groups of the machine.
        cause An instance for each operation: configuration reloaders, short-lived watchers.
        remedy Keep one instance and change its watches; poll for short waits.
        check off-CPU time of close
        see Linux source: fs/notify/group.c

        pattern fanotify-permission-wait
        title Opening a file waits for a scanner's permission
        scope host-wide
        share 5
        confidence plausible
        entries syscall
        calls openat execve read
        strong waiting security_file_open|path_openat|vfs_open|fsnotify > fanotify_handle_event
        strong waiting fanotify_handle_event > fanotify_get_response|schedule
        shared One scanner in user space for all opens of the machine.
        cause Virus and endpoint scanners on container hosts.
        remedy Leave the containers' storage out, scan later, give the scanner more CPU.
        check tasks blocked in fanotify_handle_event

        pattern file-lock-contention
        title File locks of one file, and the list of all who wait for one, are fought over
        scope shared
        share 3
        confidence plausible
        entries syscall
        calls fcntl flock
        strong running fcntl_setlk|fcntl_setlk64|do_lock_file_wait > posix_lock_inode > @SPIN
        strong running locks_lock_inode_wait > flock_lock_inode|posix_lock_inode > @SPIN
        supporting running posix_lock_inode|flock_lock_inode > __locks_wake_up_blocks
        supporting running locks_remove_posix|__fput > @SPIN
        shared The file's list of locks; one lock for the machine whenever somebody has to wait.
        cause SQLite or lock files on shared volumes, many workers with ranges of one file, loops that ask for a lock.
        remedy Blocking instead of polling, a lock for each shard, one opener with a mutex of its own, a database
          server.
        check the length of /proc/locks
        see Linux source: fs/locks.c

        pattern fd-table-expansion-rcu
        title A process with threads waits for a grace period whenever its table of descriptors grows
        scope own
        share 1
        confidence documented
        entries syscall
        calls socket accept4 openat dup epoll_create1 eventfd2 pipe2
        strong waiting expand_files|expand_fdtable > @RCUWAIT
        supporting running alloc_fd|__alloc_fd|close_fd|file_close_fd|fd_install > @SPIN
        shared The process's table; grace periods are the machine's.
        cause Servers that take many connections after their start: each doubling stalls a thread.
        remedy Make the table large before threads exist: dup2 to a high descriptor, and close it.
        check stalls of socket or accept at powers of two
        see https://news.ycombinator.com/item?id=44916702
        see Linux source: fs/file.c

        pattern drop-caches-operator
        title Somebody drops the machine's caches
        scope host-wide
        share 1
        confidence plausible
        entries syscall
        calls write
        strong running drop_caches_sysctl_handler > iterate_supers > drop_pagecache_sb
        strong running drop_caches_sysctl_handler > drop_slab
        shared The page cache and the kernel's objects of all containers.
        cause Cron jobs, memory cleaners, benchmark scripts.
        remedy Remove it; memory.reclaim of one cgroup, or limits.
        check the kernel's log; drop_pagecache and drop_slab in /proc/vmstat
        """
}
