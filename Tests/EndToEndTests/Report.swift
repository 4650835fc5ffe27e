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
    }
    struct Container: Decodable {
        var name: String
        var cgroup: String?
        var samples: Int
        var cpuNs: Double
        var kernelShare: Share?
        var cgroupKernelShare: Double?
        var syscalls: [Syscall]
    }
    var schema: String
    var schemaVersion: Int
    var recording: Recording
    var confidence: Confidence
    var containers: [Container]
    /// The recording it is of.
    var file = ""

    enum CodingKeys: String, CodingKey { case schema, schemaVersion, recording, confidence, containers }

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
