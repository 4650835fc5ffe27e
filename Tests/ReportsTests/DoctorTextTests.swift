import Analysis
import FoundationEssentials
import ProfileModel
import Testing

@testable import Reports

@Suite("The doctor's and the targets' text and JSON")
struct DoctorTextTests {
    /// An ordinary user, on a kernel without hardware counters and with a mounted tracefs.
    static let facts = MachineFacts(
        kernel: "6.1.0", arch: "aarch64", cpus: 1,
        privileges: MachineFacts.Privileges(user: 1_000, capabilities: CapabilitySet([]), seccomp: 0),
        limits: MachineFacts.Limits(
            perfEventParanoid: 2, maxSampleRate: 100_000, perfEventMlockKiB: 516, kptrRestrict: 0, lockedBytes: 8 << 20,
            descriptors: 1_024, grantedRingBytes: 32 << 20, wantedRingBytes: 32 << 20),
        trials: [
            .ownThread: .worked, .sampling: .failed(.accessDenied), .userSampling: .failed(.accessDenied),
            .cycles: .failed(.noEntry), .kernelSymbols: .failed(.notPermitted),
        ])

    @Test("a report of a user who may not record, at 80 columns")
    func text() {
        let shown = TextRenderer(width: 80, colour: false).render(DoctorReport(Self.facts))
        let expected = """
            recording is not permitted · Linux 6.1.0 aarch64 · 1 CPU
            user 1000 · no capability that matters · seccomp none · perf_event_paranoid 2 ·
              kptr_restrict 0

            works     perf events                jostle may sample itself
            missing   samples of all CPUs        EACCES: perf_event_paranoid is 2, and
                                                 jostle (user 1000) has no CAP_PERFMON
                                                 lost: everything: nothing can be recorded
            degraded  cycle counter (PMU)        ENOENT: no hardware counters, as in most
                                                 virtual machines
                                                 lost: cpu-clock takes its place: time with
                                                 interrupts off shows where they are turned
                                                 on again
            missing   kernel symbols             EPERM: jostle (user 1000) has no CAP_SYSLOG
                                                 lost: the names of kernel functions, so
                                                 also which system call time belongs to
            works     pid namespace              the machine's own
            works     cgroup namespace           the machine's own
            works     memory for rings           32768 KiB for a CPU
            works     open files                 1024 may be open; a target takes 70
            works     sample rate                up to 100000 Hz

            on this machine, unless you run jostle as root:
              sudo setcap cap_syslog,cap_perfmon+ep "$(command -v jostle)"

            in Docker:
              docker run --pid host --cgroupns host -v /sys/fs/cgroup:/sys/fs/cgroup:ro --cap-add DAC_READ_SEARCH --cap-add IPC_LOCK --cap-add SYS_PTRACE --cap-add SYS_ADMIN --cap-add SYSLOG IMAGE jostle …

            in Kubernetes:
              spec:
                hostPID: true
                containers:
                - name: jostle
                  securityContext:
                    privileged: true

            elsewhere:
              for a cycle counter: bare metal, or a virtual PMU for this virtual machine

            or, for everybody on this machine, as far as it goes:
              sudo sysctl kernel.kptr_restrict=0 kernel.perf_event_paranoid=0

            """
        #expect(shown == expected)
    }

    @Test("no line is wider than asked for, but those to be copied")
    func widths() {
        for width in 1...120 {
            let shown = TextRenderer(width: width, colour: false).render(DoctorReport(Self.facts))
            for line in shown.split(separator: "\n") {
                let isToCopy =
                    line.hasPrefix("  ")
                    && (line.contains("setcap") || line.contains("sysctl") || line.contains("docker")
                        || line.contains(":"))
                if !isToCopy { #expect(DisplayWidth.of(String(line)) <= width, "\(width): \(line)") }
            }
        }
    }

    @Test("JSON has the schema, snake_case keys, and reads back as the same report")
    func json() throws {
        let report = DoctorReport(Self.facts)
        let json = try JSONRenderer().render(report)
        for part in [
            "\"schema\" : \"jostle.doctor\"", "\"schema_version\" : 1", "\"verdict\" : \"not_permitted\"",
            "\"perf_event_paranoid\" : 2", "\"cause\" : \"paranoid\"", "\"error\" : \"EACCES\"",
        ] {
            #expect(json.contains(part), "\(part)")
        }
        #expect(try JSONDecoder().decode(DoctorReport.self, from: Data(json.utf8)) == report)
    }

    // MARK: Targets

    static func targets(_ name: String = "api") -> TargetsReport {
        func times(_ user: Int64, _ system: Int64) -> CPUTimes {
            CPUTimes(userNanoseconds: user * 1_000_000, systemNanoseconds: system * 1_000_000)
        }
        let id = "4e8e7dbc50b27e437a4ac03e44aa17f849b6d29a98336b66f8018195429622db"
        return TargetsReport(
            [
                TargetReading(
                    kind: .container,
                    container: Container(
                        name: name, id: id, runtime: "docker", image: "shop/api:14", pod: "web", namespace: "shop",
                        cgroup: "/docker/" + id), processes: 12, before: times(0, 0), after: times(250, 750)),
                TargetReading(
                    kind: .service,
                    container: Container(
                        name: "nginx.service", runtime: "systemd", cgroup: "/system.slice/nginx.service"),
                    processes: 3, before: times(5, 5), after: times(7, 6)),
            ], measuredNanoseconds: 1_000_000_000, cpus: 4, includesIdle: false)
    }

    @Test("a table of targets; columns drop from the right")
    func targetText() {
        #expect(
            TextRenderer(width: 150, colour: false).render(Self.targets()) == """
                1 container · 1 other cgroup · CPU over 1.00 s · 4 CPUs

                  KERNEL/s    CPU/s  KERNEL  NAME           RUNTIME  PROCS  POD       IMAGE        CGROUP
                    0.75 s   1.00 s    75 %  api            docker      12  shop/web  shop/api:14  /docker/4e8e7dbc50b27e437a4ac03e44aa17f849b6d29a98336b66f801819542…
                   1.00 ms  3.00 ms    33 %  nginx.service  systemd      3                         /system.slice/nginx.service

                """)
        #expect(
            TextRenderer(width: 80, colour: false).render(Self.targets()) == """
                1 container · 1 other cgroup · CPU over 1.00 s · 4 CPUs

                  KERNEL/s    CPU/s  KERNEL  NAME           RUNTIME  PROCS  POD       IMAGE
                    0.75 s   1.00 s    75 %  api            docker      12  shop/web  shop/api:…
                   1.00 ms  3.00 ms    33 %  nginx.service  systemd      3

                """)
        for width in 1...160 {
            for line in TextRenderer(width: width, colour: false).render(Self.targets()).split(separator: "\n") {
                #expect(DisplayWidth.of(String(line)) <= width, "\(width): \(line)")
            }
        }
    }

    @Test("Names of targets cannot act on the terminal, and JSON keeps every byte of them")
    func hostileTargets() throws {
        let bytes: [UInt8] = [0x61, 0x1B, 0x5B, 0x32, 0x4A, 0xFF, 0x0A, 0xE2, 0x80, 0xAE, 0x62]
        let report = Self.targets(String(losslesslyDecoding: bytes))
        let text = TextRenderer(width: 120, colour: false).render(report)
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || !isUnshowable($0) })
        #expect(text.contains("a\\x1b[2J\\xff\\x0a\\u{202e}b"))
        let json = try JSONRenderer().render(report)
        #expect(json.unicodeScalars.allSatisfy { $0 == "\n" || !isUnshowable($0) })
        let read = try JSONDecoder().decode(TargetsReport.self, from: Data(json.utf8))
        #expect(read == report)
        #expect(read.targets[0].name.losslessBytes == bytes)
    }
}
