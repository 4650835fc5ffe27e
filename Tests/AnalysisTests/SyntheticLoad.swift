import ProfileModel
import TestSupport

@testable import Analysis

/// A container that makes one system call at a known rate and cost, recorded with the chance that sampling has.
struct SyntheticLoad {
    static let write = "u:main@app.c:7 > u:/lib/libc.so.6!write#1 > do_syscall_64 > __x64_sys_write > vfs_write"

    var callsPerSecond = 10_000.0
    /// Of a call, nanoseconds: on the CPU, and waiting for a mutex.
    var cost = 20_000.0
    var wait = 0.0
    var seconds = 20
    var seed: UInt64 = 1
    /// Calls are counted.
    var counts = true
    var name = "api"
    var event = "cpu-clock"

    /// A slice of 100 ms has a tenth of the rate, up to a fifth more or less; each sample of 5 ms comes by chance. As much
    /// time as 0.4 of a CPU goes to user code.
    func profile() -> Profile {
        var generator = SeededGenerator(seed: seed)
        var building = ProfileBuilding(event: event, seconds: Double(seconds))
        building.profile.containers = [Container(name: name, image: "shop/api:1", cgroup: "/demo/\(name)")]
        for slice in 0..<(seconds * 10) {
            let start = Double(slice) * 100
            let calls = callsPerSecond / 10 * (0.8 + 0.4 * generator.uniform())
            if counts { building.calls(1, Int64(calls), at: start) }
            for _ in 0..<generator.poisson(calls * cost / 5e6) {
                building.sample(Self.write, at: start + generator.uniform() * 99)
            }
            for _ in 0..<generator.poisson(calls * wait / 5e6) {
                building.sample(
                    "\(Self.write) > __mutex_lock > schedule", at: start + generator.uniform() * 99, kind: .blocked)
            }
            for _ in 0..<generator.poisson(8) {
                building.sample("u:main > u:work", at: start + generator.uniform() * 99)
            }
        }
        return building.profile
    }
}

extension SeededGenerator {
    /// At least 0 and below 1.
    mutating func uniform() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

    /// Knuth's way: multiply until below e^-mean, 16 at a time so that nothing underflows.
    mutating func poisson(_ mean: Double) -> Int {
        var rest = mean
        var count = 0
        while rest > 0 {
            let part = min(rest, 16)
            rest -= part
            let limit = ElementaryFunctions.exp(-part)
            var product = uniform()
            while product > limit {
                count += 1
                product *= uniform()
            }
        }
        return count
    }
}
