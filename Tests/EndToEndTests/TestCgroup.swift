import Foundation
import Glibc
import Testing

/// A cgroup of a test's own.
struct TestCgroup {
    /// Below the hierarchy's root, without a leading slash.
    let path: String
    let directory: String

    init(_ path: String) throws {
        let root = try #require(Self.perfEventRoot(), "no cgroup hierarchy that carries perf_event is mounted")
        self.path = path
        directory = root + "/" + path
        // An empty one of the same name was left by a run that was killed.
        // rmdir(2) reads the path during the call only.
        _ = unsafe rmdir(directory)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    }

    /// Where the hierarchy is mounted that perf events follow: a v1 one with `perf_event`, else v2. See proc_pid_mountinfo(5).
    static func perfEventRoot() -> String? {
        let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        var unified: String?
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3 else { continue }
            if fields[dash + 1] == "cgroup2" { unified = unified ?? String(fields[4]) }
            let options = fields[dash + 3].split(separator: ",")
            if fields[dash + 1] == "cgroup", options.contains("perf_event") { return String(fields[4]) }
        }
        return unified
    }

    var processes: [Int32] { Self.processes(in: directory) }

    static func processes(in directory: String) -> [Int32] {
        let text = (try? String(contentsOfFile: directory + "/cgroup.procs", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { Int32($0) }
    }

    /// User and system time so far, in nanoseconds, by the cgroup's own count in v2.
    func times() throws -> (user: Double, system: Double) {
        let text = try String(contentsOfFile: directory + "/cpu.stat", encoding: .utf8)
        let fields = Dictionary(
            text.split(separator: "\n").compactMap { line -> (String, Double)? in
                let words = line.split(separator: " ")
                return words.count == 2 ? Double(words[1]).map { (String(words[0]), $0 * 1000) } : nil
            }, uniquingKeysWith: { $1 })
        return (try #require(fields["user_usec"]), try #require(fields["system_usec"]))
    }

    /// Kills what is in it, by id, and removes it. A process that has ended still counts for a moment.
    func remove() async {
        for _ in 0..<200 {
            for pid in processes { kill(pid, SIGKILL) }
            // rmdir(2) reads the path during the call only.
            if unsafe rmdir(directory) == 0 || errno == ENOENT { return }
            try? await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("the cgroup \(directory) cannot be removed")
    }
}
