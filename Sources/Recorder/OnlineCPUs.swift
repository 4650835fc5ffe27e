/// Which CPUs were online when the events were opened, and what became of them: an event is of one CPU, ends when that goes
/// offline, and is not opened for one that comes later.
struct OnlineCPUs {
    private var known: Set<Int>

    init(_ cpus: [Int]) { known = Set(cpus) }

    /// What is not recorded from now on; each change is told once.
    ///
    /// - Parameter seconds: since the start.
    mutating func notes(online: [Int], at seconds: Double) -> [String] {
        let now = Set(online)
        defer { known = now }
        func note(_ cpus: Set<Int>, _ what: String) -> [String] {
            if cpus.isEmpty { return [] }
            let numbers = cpus.sorted().map(String.init).joined(separator: ", ")
            return ["CPU \(numbers) \(what) by \(seconds) s: what runs there since is not recorded"]
        }
        return note(known.subtracting(now), "went offline") + note(now.subtracting(known), "came online")
    }
}
