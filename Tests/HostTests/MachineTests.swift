import Testing

@testable import Host

@Suite("What the machine says of itself")
struct MachineTests {
    @Test("CPU lists hold single numbers and ranges")
    func cpuLists() {
        #expect(Machine.cpus(inList: "0-3,5") == [0, 1, 2, 3, 5])
        #expect(Machine.cpus(inList: "0") == [0])
        #expect(Machine.cpus(inList: "2,4-4,127") == [2, 4, 127])
    }

    @Test("What is no CPU list is none", arguments: ["", "a", "3-1", "-1", "0-", "1-2-3", "0-99999999", "0,,1-"])
    func badLists(list: String) {
        #expect(Machine.cpus(inList: list) == nil)
    }

    @Test("Limits that cannot be read are nil, not 0")
    func unreadableLimits() throws {
        let tree = try FixtureTree()
        try tree.write("shop-3\n", to: "/proc/sys/kernel/hostname")
        try tree.write("6.1.0-18-amd64\n", to: "/proc/sys/kernel/osrelease")
        try tree.write("aarch64\n", to: "/proc/sys/kernel/arch")
        try tree.write("0-1,3\n", to: "/sys/devices/system/cpu/online")
        try tree.write("-1\n", to: "/proc/sys/kernel/perf_event_paranoid")
        try tree.write("50000\n", to: "/proc/sys/kernel/perf_event_max_sample_rate")
        #expect(
            tree.host.machine()
                == Machine(
                    hostname: "shop-3", kernelRelease: "6.1.0-18-amd64", arch: "aarch64", onlineCPUs: [0, 1, 3],
                    perfEventParanoid: -1, perfEventMaxSampleRate: 50000, perfEventMlockKiB: nil, kptrRestrict: nil))
    }
}
