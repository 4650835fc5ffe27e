import Glibc
public import Host
import PerfEvents
import PerfRecords
public import ProfileModel

/// Tries each thing that recording needs, for real, and leaves nothing behind. Judges nothing: see `DoctorReport`.
public struct Examination {
    private let host: Host
    private let machine: Machine
    private let abilities: KernelAbilities
    private var trials: [MachineFacts.Trial: MachineFacts.Attempt] = [:]

    /// The most that `record` takes for the ring of one CPU, unless it is told otherwise: 32 MiB, and 256 MiB for all.
    private var wantedRing: Int {
        min(
            RingCapacity.largest, RingCapacity.powerOfTwo(atMost: RingCapacity.defaultBudget / machine.onlineCPUs.count)
        )
    }

    /// Tries everything; takes about a tenth of a second, most of it for samples of this process.
    ///
    /// - Returns: nil where the process cannot even read its own /proc/self/status.
    public static func facts(of host: Host = Host()) -> MachineFacts? {
        guard let privileges = host.privileges() else { return nil }
        var examination = Examination(host)
        examination.tryEvents()
        examination.tryFiles()
        let sampled = examination.sampleItself()
        return MachineFacts(
            kernel: examination.machine.kernelRelease, arch: examination.machine.arch,
            cpus: examination.machine.onlineCPUs.count, privileges: privileges,
            limits: examination.limits(grantedRing: sampled.grantedRing), trials: examination.trials,
            samples: sampled.facts, perfEventIsOutOfSight: host.cgroupHierarchies().perfEventIsOutOfSight)
    }

    private init(_ host: Host) {
        self.host = host
        machine = host.machine()
        abilities = KernelAbilities.probe()
    }

    // MARK: Events

    private mutating func tryEvents() {
        let cpu = machine.onlineCPUs.first ?? 0
        trials[.ownThread] = attempt(Self.sampling(kernel: false), .thisThread)
        trials[.sampling] = attempt(Self.sampling(kernel: true), .everything(cpu: cpu))
        trials[.userSampling] = attempt(Self.sampling(kernel: false), .everything(cpu: cpu))
        trials[.cgroupMode] = tryCgroupMode(cpu: cpu)
        trials[.cycles] = tryCycles()
        var switches = Self.sampling(kernel: true)
        switches.source = .contextSwitches
        // With the period in the sample the kernel would deliver every switch.
        switches.layout.sampleFields.remove(.period)
        switches.sampling = .period(1)
        switches.followsTasks = false
        switches.followsSwitches = true
        trials[.contextSwitches] = attempt(switches, .everything(cpu: cpu))
        trials[.systemCalls] = tryTracepoint("raw_syscalls/sys_enter", cpu: cpu)
        trials[.lockContention] = tryTracepoint("lock/contention_begin", cpu: cpu)
        // Where not even an event of one's own opens, the kernel's age cannot be told that way.
        if trials[.ownThread] == .worked {
            trials[.cgroupsInSamples] = abilities.sendsCgroups ? .worked : .failed(.invalid)
            trials[.buildIDs] = abilities.sendsBuildIDs ? .worked : .failed(.invalid)
            trials[.lostCounts] = abilities.countsLost ? .worked : .failed(.invalid)
        }
    }

    private func attempt(_ description: EventDescription, _ scope: EventScope) -> MachineFacts.Attempt {
        do {
            _ = try Event(description, scope: scope, abilities: abilities)
            return .worked
        } catch {
            return .failed(Self.errorNumber(error))
        }
    }

    private static func errorNumber(_ error: PerfEventError) -> ErrorNumber {
        switch error {
        case .cannotOpen(_, let code), .cannotMap(_, let code), .cannotControl(_, _, let code): ErrorNumber(code)
        }
    }

    private func tryCgroupMode(cpu: Int) -> MachineFacts.Attempt {
        // The first that there is: all are alike to the kernel here.
        guard let cgroup = host.allCgroups().first else { return .failed(.noEntry) }
        let descriptor: Int32
        // open(2) reads the path during the call only.
        descriptor = unsafe open(cgroup.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failed(ErrorNumber(errno)) }
        defer { close(descriptor) }
        return attempt(Self.sampling(kernel: true), .cgroup(descriptor: descriptor, cpu: cpu))
    }

    /// A counter that opens may still stand still, as in some virtual machines.
    private func tryCycles() -> MachineFacts.Attempt {
        let description = EventDescription(
            source: .cycles, sampling: .counting, layout: SampleLayout(sampleFields: [.identifier, .time, .tid]),
            excludesKernel: true)
        do {
            let event = try Event(description, scope: .thisThread, abilities: abilities)
            try event.enable()
            Self.work(milliseconds: 5)
            try event.disable()
            return event.count().map { $0.value > 0 } == true ? .worked : .failed(.noDevice)
        } catch {
            return .failed(Self.errorNumber(error))
        }
    }

    private func tryTracepoint(_ name: String, cpu: Int) -> MachineFacts.Attempt {
        guard let id = host.tracepointID(name) else { return .failed(.noEntry) }
        let description = EventDescription(
            source: .tracepoint(id: id), sampling: .period(1000),
            layout: SampleLayout(sampleFields: [.identifier, .tid, .time, .cpu, .raw]))
        return attempt(description, .everything(cpu: cpu))
    }

    /// As `record` samples: callchain, user registers and a copy of the user stack.
    private static func sampling(kernel: Bool) -> EventDescription {
        EventDescription(
            source: .cpuClock, sampling: .frequency(kernel ? 199 : 997),
            layout: SampleLayout(
                sampleFields: [.identifier, .ip, .tid, .time, .cpu, .period, .callchain, .userRegisters, .userStack],
                userRegisterMask: stackRegisters),
            userStackBytes: 1024, excludesKernel: !kernel, followsTasks: true)
    }

    /// rbp, rsp and rip; x29, sp and pc. Source: asm/perf_regs.h.
    private static var stackRegisters: UInt64 {
        #if arch(arm64)
            1 << 29 | 1 << 31 | 1 << 32
        #else
            1 << 6 | 1 << 7 | 1 << 8
        #endif
    }

    // MARK: Samples of this process

    /// Takes samples of this thread, half of whose work is in the kernel, into the largest ring that is granted.
    private func sampleItself() -> (facts: MachineFacts.SampleFacts?, grantedRing: Int?) {
        for includesKernel in [true, false] {
            var description = Self.sampling(kernel: includesKernel)
            description.sampling = .frequency(min(997, machine.perfEventMaxSampleRate ?? 997))
            guard let event = try? Event(description, scope: .thisThread, abilities: abilities) else { continue }
            guard var ring = largestRing(for: event) else { return (nil, 0) }
            do {
                try event.enable()
                Self.work(milliseconds: 50)
                try event.disable()
            } catch { return (nil, ring.capacity) }
            let facts = Self.read(&ring, layout: description.layout, includesKernel: includesKernel)
            return (facts, ring.capacity)
        }
        return (nil, nil)
    }

    private func largestRing(for event: Event) -> RingBuffer? {
        var capacity = wantedRing
        while capacity >= RingCapacity.smallest {
            if let ring = try? RingBuffer(event: event, capacity: capacity) { return ring }
            capacity /= 2
        }
        return nil
    }

    private static func read(
        _ ring: inout RingBuffer, layout: SampleLayout, includesKernel: Bool
    ) -> MachineFacts.SampleFacts {
        let decoder = RecordDecoder(defaultLayout: layout)
        var facts = MachineFacts.SampleFacts(includeKernel: includesKernel)
        ring.refresh()
        while ring.unreadByteCount > 0 {
            ring.withNextRecord { bytes in
                guard case .sample(let sample)? = try? decoder.decode(bytes) else { return }
                var kernel: [VirtualAddress] = []
                var user: [VirtualAddress] = []
                sample.appendCallchain(in: bytes, kernel: &kernel, user: &user)
                facts.count += 1
                facts.withKernelCallchain += kernel.isEmpty ? 0 : 1
                facts.withUserCallchain += user.isEmpty ? 0 : 1
                facts.withUserRegisters += sample.userRegisters.isEmpty ? 0 : 1
                facts.withUserStack += sample.userStack.isEmpty ? 0 : 1
            }
            ring.advance()
        }
        ring.release()
        return facts
    }

    /// Uses the CPU, in user code and in the kernel by turns.
    private static func work(milliseconds: Int64) {
        let end = now() + milliseconds * 1_000_000
        var state = stat()
        while now() < end {
            // A system call that the kernel works for: it looks a path up. stat(2) writes one local struct.
            for _ in 0..<20 { _ = unsafe stat("/proc/self/status", &state) }
        }
    }

    private static func now() -> Int64 {
        var time = timespec()
        // clock_gettime(2) fills a local variable.
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    // MARK: Files and limits

    private mutating func tryFiles() {
        trials[.tracefs] = .init(errno: host.errnoOfTracefs())
        let symbols = host.errnoOfOpening("/proc/kallsyms")
        trials[.kernelSymbols] =
            symbols != 0 ? .init(errno: symbols) : host.kernelSymbols().isHidden ? .failed(.notPermitted) : .worked
        trials[.mappedFiles] = .init(errno: host.errnoOfOpeningMappedFile())
        if let others = host.errnoOfOpeningMapsOfOthers() { trials[.otherProcesses] = .init(errno: others) }
        trials[.openInRoot] = .init(errno: host.errnoOfOpeningInOwnRoot())
        trials[.machineStalls] = .init(errno: host.errnoOfOpening("/proc/pressure/cpu"))
        let cgroups = host.allCgroups()
        trials[.cpuTimes] = cgroups.contains { host.cgroupTimes(of: $0) != nil } ? .worked : .failed(.noEntry)
        trials[.cgroupStalls] =
            cgroups.contains { host.pressure(of: $0).value(of: "cpu.pressure some total") != nil }
            ? .worked : .failed(.noEntry)
    }

    private func limits(grantedRing: Int?) -> MachineFacts.Limits {
        let locked = Self.limit(__RLIMIT_MEMLOCK)
        return MachineFacts.Limits(
            perfEventParanoid: machine.perfEventParanoid, maxSampleRate: machine.perfEventMaxSampleRate,
            perfEventMlockKiB: machine.perfEventMlockKiB, kptrRestrict: machine.kptrRestrict,
            lockedBytes: locked == nil || locked?.rlim_cur == rlim_t.max ? nil : locked.map { UInt64($0.rlim_cur) },
            descriptors: Self.limit(RLIMIT_NOFILE).map { UInt64($0.rlim_max) } ?? 0, grantedRingBytes: grantedRing,
            wantedRingBytes: wantedRing)
    }

    private static func limit(_ resource: __rlimit_resource) -> rlimit? {
        var limit = rlimit()
        // getrlimit(2) fills a local variable.
        return unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 ? limit : nil
    }
}
