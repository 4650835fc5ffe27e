import Foundation

/// What the tests read of `jostle report --format json`. Written apart from `Analysis`: it is the format that is promised.
struct Report: Decodable {
    struct Recording: Decodable {
        var durationNs: Double
        var event: String
        var frequencyHz: Int
        var finished: Bool
        var commandStatus: Int?
        var notes: [String]
    }
    struct Confidence: Decodable {
        var samples: Int
        var lostRecords: Int
        var lostSamples: Int
        var completeStacksShare: Double?
        var truncations: [String: Int]?
        var recorderCpuNs: Double?
        var throttledNs: Double?
        var warnings: [String]
    }
    struct Share: Decodable {
        var value: Double
        var low: Double
        var high: Double
    }
    struct CallSite: Decodable {
        var function: String?
        var file: String?
        var line: Int?
        var kernelTimeNs: Double
    }
    struct Syscall: Decodable {
        var name: String
        var libcName: String?
        var kind: String
        var kernelTimeNs: Double
        var share: Share?
        var callSites: [CallSite]?
        var kernelCpuNs: Double
        var contendedWaitNs: Double?
        var waitsNs: Waits?
        var calls: Double?
        var callsPerSecond: Double?
        var cpuPerCallNs: Double?
        var waitPerCallNs: Double?
        var latencyPerCallNs: Double?
        var hottestKernelFunction: String?
    }
    /// Time off the CPU by class, in nanoseconds.
    struct Waits: Decodable {
        var kernelLock: Double
        var kernelWait: Double
        var diskIo: Double
        var memory: Double
        var preempted: Double
        var byChoice: Double
        var other: Double
        var contended: Double { kernelLock + kernelWait }
        var blocked: Double { contended + diskIo + memory + byChoice + other }
        subscript(_ name: String) -> Double? {
            [
                "kernel_lock": kernelLock, "kernel_wait": kernelWait, "disk_io": diskIo, "memory": memory,
                "preempted": preempted, "by_choice": byChoice, "other": other, "contended": contended,
            ][name]
        }
    }
    struct Suspects: Decodable {
        struct RanInstead: Decodable {
            var name: String
            var ns: Double
        }
        var throttledShare: Double?
        var cpuStallShare: Double?
        var memoryStallShare: Double?
        var ioStallShare: Double?
        var pageFaults: Double?
        var majorFaults: Double?
        var runQueueWaitNs: Double?
        var ranInstead: [RanInstead]?
        var cpuLimit: Double?
        var verdict: String
    }
    struct Container: Decodable {
        var name: String
        var id: String?
        var runtime: String?
        var image: String?
        var pod: String?
        var namespace: String?
        var cgroup: String?
        var samples: Int
        var cpuNs: Double
        var kernelShare: Share?
        var cgroupKernelShare: Double?
        var kernelCpuNs: Double
        var contendedWaitNs: Double?
        var waitsNs: Waits?
        var suspects: Suspects?
        var syscalls: [Syscall]
    }
    struct Lock: Decodable {
        struct Waiter: Decodable {
            var container: String
            var waitNs: Double
            var share: Double
            var boundOfGainThreads: Double
            var syscall: String?
            var libcName: String?
            var callSite: Place?
        }
        struct Holder: Decodable {
            var container: String
            var share: Double
            var inferred: Bool
        }
        var name: String
        var kind: String
        var address: String
        var scope: String
        var waitNs: Double
        var waiters: [Waiter]
        var holders: [Holder]
    }
    struct Place: Decodable {
        var function: String?
        var file: String?
        var line: Int?
    }
    struct Counter: Decodable {
        var name: String
        var before: Double
        var after: Double
    }
    struct SharedPath: Decodable {
        struct User: Decodable {
            var container: String
            var share: Double
        }
        var path: [String]
        var pattern: String
        var containers: [User]
        var counters: [Counter]
    }
    struct Finding: Decodable {
        struct Evidence: Decodable {
            var samples: Int
            var share: Share
            var path: [String]
            var sharedWith: [String]
            var counters: [Counter]
        }
        var pattern: String
        var container: String
        var scope: String
        var evidence: Evidence
        var remedy: String
        var references: [String]
    }
    var schema: String
    var schemaVersion: Int
    var recording: Recording
    var confidence: Confidence
    var containers: [Container]
    var locks: [Lock]?
    var sharedPaths: [SharedPath]?
    var findings: [Finding]?
    /// The recording it is of.
    var file = ""

    enum CodingKeys: String, CodingKey {
        case schema, schemaVersion, recording, confidence, containers, locks, sharedPaths, findings
    }

    init(json: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(Self.self, from: Data(json.utf8))
    }

    /// The container of a cgroup.
    func container(of cgroup: TestCgroup) -> Container? {
        containers.first { $0.cgroup == "/" + cgroup.path }
    }
}

extension Report.Container {
    /// The names of all system calls seen, the alternatives of an ambiguous one each for itself.
    var syscallNames: Set<String> {
        Set(syscalls.filter { $0.kind == "syscall" }.flatMap { $0.name.split(separator: "|").map(String.init) })
    }
}
