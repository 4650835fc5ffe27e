extension PatternCatalogue {
    /// Sockets, namespaces, filters and softirqs. See `PatternText` for the form.
    static let network = """
        pattern accept-thundering-herd
        title Many workers wake for one listening socket, or fight for its lock
        scope shared
        share 3
        confidence documented
        entries syscall softirq
        calls accept4 accept epoll_wait epoll_pwait select poll
        strong any inet_csk_accept > lock_sock_nested|__lock_sock|@SPIN
        strong running tcp_v4_rcv|tcp_check_req|inet_csk_complete_hashdance > @SPIN
        supporting running sock_def_readable > __wake_up_sync_key > __wake_up_common > ep_poll_callback >
          try_to_wake_up|ep_autoremove_wake_function
        supporting running __inet_lookup_listener > inet_lhash2_lookup
        shared One listener; its handshakes run on whatever CPU the packet came in.
        cause Servers with many workers on one socket.
        remedy SO_REUSEPORT (nginx: listen … reuseport), EPOLLEXCLUSIVE, fewer workers.
        check wake-ups against accepts; EAGAIN from accept
        see
          https://www.besthub.dev/articles/how-nginx-solves-the-thundering-herd-problem-epoll-accept-mutex-so-reuseport\
        -b9588ffde794
        see https://loke.dev/blog/why-high-concurrency-servers-stutter-thundering-herd
        see https://lkml.iu.edu/hypermail/linux/kernel/1502.1/00763.html

        pattern unix-socket-gc
        title Descriptors in flight over Unix sockets make every sender clean up
        scope host-wide
        share 3
        confidence documented
        entries syscall kthread
        calls sendmsg sendto write close sendmmsg
        strong any unix_stream_sendmsg|unix_dgram_sendmsg > wait_for_unix_gc
        strong running wait_for_unix_gc|unix_release_sock > unix_gc
        strong running worker_thread > process_one_work > __unix_gc
        strong waiting wait_for_unix_gc > @FLUSHW
        strong running unix_gc|unix_inflight|unix_notinflight > @SPIN
        shared The machine's count of sockets sent over sockets.
        cause A program that sends descriptors that nobody receives.
        remedy Mend it; a kernel with the collector of 2024.
        check the rate of wait_for_unix_gc
        see http://www.uwsg.indiana.edu/hypermail/linux/kernel/2310.2/06584.html
        see http://git.maquefel.me/?a=commit&h=8b90a9f819dc2a06baae4ec1a64d875e53b824ec&p=linux.git
        see https://ratatoskr.run/netdev/2026/07/17200104

        pattern unix-dgram-log-backpressure
        title Logging blocks because the log's one reader is slow
        scope shared
        share 5
        confidence plausible
        entries syscall
        calls sendto sendmsg write
        strong waiting unix_dgram_sendmsg > unix_wait_for_peer
        shared One journald or syslog for all who log through it.
        cause A neighbour's flood of logs.
        remedy Rate limits, logging that does not block, a larger net.unix.max_dgram_qlen, a path of its own.
        check off-CPU stacks in unix_wait_for_peer

        pattern conntrack-lock
        title Connection tracking: all network namespaces share one table
        scope host-wide
        share 3
        confidence documented
        entries softirq syscall kthread
        calls connect sendto sendmsg close
        strong running __nf_conntrack_confirm|nf_conntrack_double_lock|nf_conntrack_lock > @SPIN
        strong running nf_conntrack_in > init_conntrack > early_drop
        strong running nf_nat_setup_info > nf_conntrack_tuple_taken
        supporting running worker_thread > process_one_work > gc_worker > nf_ct_delete|nf_ct_gc_expired
        strong running nf_ct_iterate_cleanup|nf_ct_iterate_cleanup_net
        shared The table and its locks, for the machine.
        cause High rates of new connections through NAT, storms of DNS, tables near their limit, lists of the whole
          table.
        remedy A larger nf_conntrack_max and hash, shorter timeouts, NOTRACK for DNS, connections that are kept,
          --random-fully; no conntrack -L in loops.
        check insert_failed and early_drop in conntrack -S
        see
          https://gerrit-public.fairphone.software/plugins/gitiles/kernel/msm-4.9/+/b7779d06f9950e14a008a2de970b44233fe\
        49c86
        see
          https://gerrit-public.fairphone.software/plugins/gitiles/kernel/msm-4.19/+/b87a2f9199ea82eaadca5bcc596b62cb82\
        14cc0a
        see https://mylife.ashokraja.in/2023/05/12/docker/k8s-linux-netfilters-conntrack-nightmare/
        see Linux source: net/netfilter/nf_conntrack_core.c

        pattern iptables-long-chains
        title Packets walk long chains of iptables rules
        scope host-wide
        share 5
        confidence documented
        entries softirq syscall
        calls connect sendto sendmsg setsockopt getsockopt
        strong running nf_hook_slow > ipt_do_table|ip6t_do_table
        strong self ipt_do_table|ip6t_do_table
        strong running do_ipt_set_ctl > xt_replace_table
        supporting running nf_hook_slow > nft_do_chain
        shared The rule tables of a network namespace.
        cause kube-proxy in iptables mode with thousands of services, published ports, ban lists.
        remedy kube-proxy by nftables or IPVS, BPF, ipset; frequent rules and ESTABLISHED first.
        check the number of lines of iptables-save
        see https://kubermates.org/docs/2025-02-28-nftables-mode-for-kube-proxy
        see https://gist.github.sundayhk.com/aojea/f9ca1a51e2afd03621744c95bfdab5b8
        see https://git.piicloud.cn/github/kubernetes/src/commit/d3fe48e848f49d3c60dd16749228e6471a57458a/pkg/proxy

        pattern ipvs-estimation
        title IPVS sums up statistics of all services in one timer
        scope host-wide
        share 5
        confidence documented
        entries softirq kthread
        strong running call_timer_fn|run_timer_softirq|__run_timers > estimation_timer
        strong running ip_vs_estimation_kthread > ip_vs_chain_estimation
        shared One CPU's softirqs for tens of milliseconds: packets of all containers wait there.
        cause kube-proxy in IPVS mode with thousands of services on many CPUs.
        remedy Linux 6.2 or newer; net.ipv4.vs.run_estimation=0; fewer services.
        check ping times with a period of two seconds
        see https://alibabacloud.com/help/en/alinux/user-guide/disable-the-estimation-feature-of-ipvs
        see
          https://www.besthub.dev/articles/kubernetes-ipvs-estimation-timer-root-cause-of-network-jitter-and-livepatch-\
        fix-7ecc06fa7750
        see https://git.kernel.dk/?a=object&h=705dd3444081&p=linux-block.git
        see http://mail.spinics.net/lists/lvs-devel/msg06063.html

        pattern neighbour-table-gc
        title The table of neighbours is full and is cleaned at each new one
        scope host-wide
        share 3
        confidence documented
        entries softirq syscall kthread
        calls connect sendto sendmsg
        strong running ip_finish_output2|__neigh_create|neigh_alloc > neigh_forced_gc
        strong running __neigh_create > @SPIN|@RWLOCK
        supporting running worker_thread > process_one_work > neigh_periodic_work
        supporting running neigh_flush_dev
        shared One table for all network namespaces.
        cause Large flat networks of pods, many namespaces, scans.
        remedy Larger net.ipv4.neigh.default.gc_thresh1 to 3 (and for IPv6); routing instead of one large network.
        check neighbor table overflow in the kernel's log
        see https://www.imzye.com/Linux/linux-neighbour-table-overflow/
        see https://itnotes.dev/surviving-neighbor-table-overflow-tuning-linux-arp-for-high-density-networks/
        see Linux source: net/core/neighbour.c

        pattern ephemeral-port-search
        title connect or bind searches long for a free port
        scope shared
        share 3
        confidence documented
        entries syscall
        calls connect bind sendto
        strong running tcp_v4_connect|inet_hash_connect > __inet_hash_connect >
          __inet_check_established|__inet6_check_established
        strong running __inet_hash_connect|inet_csk_get_port > @SPIN
        strong running inet_csk_get_port > inet_csk_bind_conflict|inet_csk_find_open_port
        strong running udp_v4_get_port|udp_lib_get_port > udp_lib_lport_inuse
        shared The hash table of bound ports; the range of ports of a network namespace.
        cause Proxies with tens of thousands of short connections to one place.
        remedy Connections that are kept; a wider net.ipv4.ip_local_port_range, more addresses, IP_BIND_ADDRESS_NO_PORT.
        check TIME-WAIT in ss -s
        see https://blog.cloudflare.com/linux-transport-protocol-port-selection-performance/
        see https://gixtools.net/2024/02/connect-why-are-you-so-slow/
        see
          https://blog.cloudflare.com/how-to-stop-running-out-of-ephemeral-ports-and-start-to-love-long-lived-connectio\
        ns/
        see Linux source: net/ipv4/inet_hashtables.c

        pattern netns-teardown-timewait-purge
        title Network namespaces are removed by one worker that scans all connections
        scope host-wide
        share 3
        confidence documented
        entries kthread syscall
        calls clone unshare setns exit_group
        strong any worker_thread > process_one_work > cleanup_net
        strong running cleanup_net > ops_exit_list|ops_undo_list > inet_twsk_purge|tcp_twsk_purge
        strong waiting cleanup_net > rcu_barrier|synchronize_rcu_expedited
        strong waiting copy_net_ns|create_new_namespaces|copy_namespaces > @RWSEMW|@RWSEMR|@MUTEX
        supporting running copy_net_ns > setup_net
        shared One worker and one lock for all namespaces.
        cause Pods, sandboxes and builds that come and go.
        remedy Linux 6.1 or newer; net.ipv4.tcp_child_ehash_entries; sandboxes that are used again.
        check the number of lines of lsns -t net
        see
          https://www.infradead.org/git/?a=commit&h=edc12f032a5a1633474db566878ce0012e7ca2f5&p=users%2Fjedix%2Flinux-ma\
        ple.git
        see http://git.hungrycats.org/cgi-bin/gitweb.cgi?a=commit&h=8ca712c373a462cfa1b62272870b6c2c74aa83f9&p=linux
        see https://bugs.launchpad.net/ubuntu/bionic/+source/linux/+bug/1711407/comments/27
        see
          https://gerrit-public.fairphone.software/plugins/gitiles/kernel/msm-4.9/+/2b035b39970740722598f7a9d548835f9bd\
        d730f
        see https://www.mail-archive.com/netdev@vger.kernel.org/msg132304.html

        pattern rtnl-mutex
        title Every change and list of network configuration takes one mutex
        scope host-wide
        share 3
        confidence documented
        entries syscall kthread
        calls sendmsg sendto recvmsg ioctl setsockopt clone unshare write
        strong any
          rtnetlink_rcv_msg|rtnl_lock|rtnl_lock_killable|dev_ioctl|devinet_ioctl|rtnl_dumpit|netlink_dump|inet_rtm_newa\
        ddr
          > @MUTEX
        strong waiting rtnl_newlink|unregister_netdevice_many|unregister_netdevice_many_notify|netdev_run_todo >
          @RCUWAIT
        supporting running rtnetlink_rcv_msg > rtnl_dump_ifinfo|rtnl_newlink
        shared One mutex for all network namespaces.
        cause Pods that start and stop, agents that list interfaces, routing daemons, slow drivers.
        remedy Pools of namespaces, devices made in the right namespace at once, batches, no periodic lists.
        check off-CPU stacks under rtnl_lock
        see https://sysdesign-wiki.pages.dev/concepts/rtnl-lock-contention/
        see
          https://www.infradead.org/git/?a=commit&h=76aed95319da25d6884dff01d5f0149e4b542f96&p=users%2Fdwmw2%2Flinux.git
        see https://kernelconfig.io/CONFIG_DEBUG_NET_SMALL_RTNL?kernelversion=6.13-rc7

        pattern softirq-charged-to-victim
        title Packets of others are handled on this container's time
        scope host-wide
        share 10
        confidence documented
        entries softirq irq kthread
        calls sendto sendmsg write connect
        strong running __do_softirq|handle_softirqs|do_softirq > net_rx_action > process_backlog|__napi_poll
        strong running net_rx_action > process_backlog|veth_poll > __netif_receive_skb_core
        supporting running __local_bh_enable_ip > do_softirq > net_rx_action
        supporting running run_ksoftirqd|ksoftirqd > handle_softirqs|__do_softirq > net_rx_action
        supporting running veth_xmit > netif_rx|__netif_rx|netif_rx_internal > enqueue_to_backlog
        strong running asm_common_interrupt|asm_sysvec_apic_timer_interrupt|common_interrupt|irq_exit_rcu >
          handle_softirqs|__do_softirq > net_rx_action
        shared The CPU time of whoever is interrupted, and each CPU's queue of packets.
        cause A neighbour with much traffic, one queue for all, many hops of bridges and veth.
        remedy Spread and steer interrupts (RSS, RPS, affinity) away from cpusets that must be quick; threaded NAPI;
          fewer hops.
        check NET_RX in /proc/softirqs; /proc/net/softnet_stat
        see https://www.usenix.org/conference/nsdi18/presentation/khalid
        see https://docc-lab.github.io/reading-group/iron
        see https://theojulienne.io/2019/07/06/debugging-network-latency-kubernetes.html

        pattern ipv6-fib-gc
        title The IPv6 route cache is cleaned under a lock, again and again
        scope shared
        share 3
        confidence documented
        entries syscall softirq
        calls connect sendto sendmsg
        strong running ip6_dst_gc > fib6_run_gc
        strong running dst_alloc|ip6_pol_route > ip6_dst_gc
        strong running fib6_run_gc|fib6_clean_all|fib6_walk|rt6_age_exceptions > @SPIN|@RWLOCK
        shared The routes of a network namespace, of the machine before Linux 4.6.
        cause Very many IPv6 destinations with the default limits.
        remedy Larger net.ipv6.route.gc_thresh and max_size; a newer kernel.
        check /proc/net/rt6_stats
        see
          https://gerrit-public.fairphone.software/plugins/gitiles/kernel/msm-4.19/+/8aba8b83128a04197991518e241aafd332\
        3b705d
        see https://www.lexplain.net/commit-analyses/6af51e9f31336632263c4680b2a3712295103e1f
        see Linux source: net/ipv6/route.c, net/core/dst.c
        """
}
