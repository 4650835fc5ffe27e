extension PatternCatalogue {
    /// File systems, writeback and disks. See `PatternText` for the form.
    static let storage = """
        pattern jbd2-commit-fsync
        title fsync and metadata of all containers wait for one journal (ext4)
        scope shared
        share 5
        confidence documented
        entries syscall kthread
        calls fsync fdatasync msync openat rename unlink write sync_file_range
        strong waiting ext4_sync_file > jbd2_complete_transaction|jbd2_log_wait_commit
        strong waiting jbd2_log_wait_commit
        strong waiting jbd2__journal_start > start_this_handle >
          wait_transaction_locked|add_transaction_credits|__jbd2_log_wait_for_space
        supporting waiting do_get_write_access
        supporting running kjournald2 > jbd2_journal_commit_transaction
        shared The journal of the file system that the containers lie on.
        cause One container with many fsyncs (databases, etcd, dpkg), or with much metadata.
        remedy A volume or device of its own for it; an external journal, ext4's fast commits; io.cost or io.latency
          against the noisy one.
        check /proc/fs/jbd2/DEVICE/info
        see https://usenix.org/conference/atc24/presentation/shirwadkar
        see https://help.aliyun.com/en/alinux/user-guide/use-the-jbd2-optimization-interface

        pattern xfs-log-wait
        title fsync and metadata of all containers wait for one log (XFS)
        scope shared
        share 3
        confidence plausible
        entries syscall kthread
        calls fsync fdatasync unlink openat rename truncate
        strong waiting xfs_file_fsync > xfs_log_force_seq|xfs_log_force_lsn|xfs_log_force
        strong waiting xfs_log_force_seq > xlog_cil_force_seq
        strong waiting xfs_trans_reserve|xfs_log_reserve > xlog_grant_head_wait
        supporting running xlog_cil_commit|xfs_log_commit_cil > @SPIN|@RWSEMR
        supporting waiting xfs_dialloc|xfs_read_agi|xfs_alloc_fix_freelist > xfs_buf_lock
        shared The log and the allocation groups of a shared XFS.
        cause Neighbours that fsync, make or remove much; a small log.
        remedy A larger log, or file systems and devices of their own.
        check the tracepoint xfs:xfs_log_grant_sleep

        pattern dirty-throttling
        title Writers are put to sleep because too many dirty pages wait for the disk
        scope host-wide
        share 5
        confidence documented
        entries syscall page-fault
        calls write pwrite64 writev sendfile copy_file_range io_uring_enter
        strong waiting balance_dirty_pages_ratelimited|balance_dirty_pages_ratelimited_flags|generic_perform_write >
          balance_dirty_pages
        strong waiting balance_dirty_pages > io_schedule_timeout
        supporting running wb_workfn > wb_writeback
        shared The machine's limit of dirty pages; cgroup v2 with io and memory has one for each cgroup besides.
        cause Floods of logs, backups, image pulls, uploads on slow disks.
        remedy cgroup v2; io.max or io.cost for the noisy writer; a lower vm.dirty_background_bytes; O_DIRECT for bulk.
        check nr_dirty against nr_dirty_threshold in /proc/vmstat; the tracepoint writeback:balance_dirty_pages
        see https://patchew.org/linux/20260501-rfc-memcg-dirty-v1-v1-1-9a8c80036ec1@uber.com/
        see https://lkml.iu.edu/hypermail/linux/kernel/1012.0/01579.html

        pattern cgwb-inode-switch
        title A container that ends moves thousands of inodes to another writeback list
        scope host-wide
        share 3
        confidence documented
        entries kthread
        strong running worker_thread > process_one_work > inode_switch_wbs_work_fn > @SPIN
        strong running cleanup_offline_cgwbs_workfn > cleanup_offline_cgwb
        shared The device's writeback lists; kernel workers use CPUs outside of any container.
        cause Removing cgroups that own many inodes: large containers, builds.
        remedy A kernel that switches inodes in batches without contention; let builds remove their files before they
          end.
        check workers with these frames; soft lockups
        see
          https://git.ipfire.org/?a=commit&h=e1b849cfa6b61f1c866a908c9e8dd9b5aaab820b&p=thirdparty%2Fkernel%2Fstable.git

        pattern block-queue-wait
        title Requests wait for a place in the disk's queue
        scope shared
        share 5
        confidence documented
        entries syscall page-fault
        calls read write pread64 pwrite64 fsync fadvise64 io_uring_enter
        strong waiting blk_mq_submit_bio|blk_mq_make_request > blk_mq_get_tag|__blk_mq_get_tag
        strong waiting __rq_qos_throttle > wbt_wait|rq_qos_wait|ioc_rqos_throttle
        supporting any blk_throtl_bio|__blk_throtl_bio
        supporting waiting folio_wait_bit_common|wait_on_page_bit_common|folio_wait_writeback > io_schedule
        shared The queue of the shared disk, or the container's own io.max.
        cause A neighbour that saturates the device; a tight limit.
        remedy io.cost, io.latency or io.weight; another device; a larger nr_requests; calm the writer.
        check io.pressure; the queue length of iostat
        see https://github.com/ng-log/ng-log/issues/6

        pattern inode-rwsem-io
        title Parallel writes to one file wait for each other
        scope shared
        share 3
        confidence plausible
        entries syscall
        calls write pwrite64 fallocate ftruncate io_uring_enter fsync
        strong any
          ext4_file_write_iter|ext4_buffered_write_iter|xfs_file_buffered_write|xfs_ilock|generic_file_write_iter >
          @RWSEMW
        supporting waiting ext4_file_write_iter|xfs_ilock > @RWSEMR
        supporting waiting inode_dio_wait
        shared One file.
        cause Many threads that append to one log or database file; O_DIRECT writes that make the file longer.
        remedy One writer, a file for each process, fallocate ahead.
        check off-CPU stacks under a file system's write_iter

        pattern fuse-daemon-wait
        title Calls wait for a file system in user space
        scope shared
        share 3
        confidence documented
        entries syscall
        calls read openat stat newfstatat getdents64 close statfs
        strong waiting fuse_simple_request|__fuse_simple_request|fuse_lookup|fuse_dentry_revalidate|fuse_flush >
          request_wait_answer
        strong waiting request_wait_answer
        supporting running fuse_dev_do_read|fuse_dev_do_write|queue_request_and_unlock > @SPIN
        shared One daemon, such as lxcfs, which gives /proc files to all LXC containers.
        cause Programs that read /proc/stat or /proc/meminfo all the time in containers with lxcfs; remote mounts.
        remedy A daemon for each container; mend who polls; more threads, longer entry and attribute timeouts; the
          kernel's overlayfs.
        check tasks in request_wait_answer; waiting in /sys/fs/fuse/connections
        see https://github.com/lxc/lxcfs/issues/655
        see https://github.com/lxc/lxcfs/issues/471
        see https://github.com/lxc/lxcfs/issues/185
        see https://github.com/lxc/lxcfs/issues/446
        """
}
