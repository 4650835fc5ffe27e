internal import ProfileModel

/// Finds the patterns that a stack shows.
///
/// Names are compared without what compilers add. The stack is cut at an interrupt first: what lies inside belongs to
/// patterns of interrupts, not to the call that was hit. A middle step that the running kernel has under none of its names
/// was inlined and is passed over. A lock's slow path counts with its nearest caller that some pattern names.
struct PatternMatcher {
    struct Match: Hashable {
        /// Index into the matcher's patterns, and of the evidence in it.
        var pattern: Int
        var evidence: Int
    }

    private struct Path {
        var match: Match
        /// Per step, its functions as numbers.
        var steps: [[Int32]]
        var isOfInterrupts: Bool
        var isInItself: Bool
        /// The last step is a lock's slow path, behind another step.
        var endsInLock: Bool
    }

    let patterns: [Pattern]
    private let attribution: EntryAttribution
    private let parents: [Int32]
    private let frames: [Int32]
    /// Per frame of the profile: the number of its function; -1 where no pattern names it.
    private let numbers: [Int32]
    private let roles: [CodeRole]
    private var paths: [Path] = []
    /// Paths by their last function.
    private var byLast: [[Int]] = []

    /// Between the caller and its lock's slow path: lock code, and one function at the most that some kernels inline. More
    /// may take locks of their own.
    private static let mostFramesToLock = 1

    init(_ patterns: [Pattern], facts: StackFacts) {
        self.patterns = patterns
        attribution = facts.attribution
        parents = facts.profile.stacks.parent
        frames = facts.profile.stacks.frame
        let missing = facts.profile.recording.missingFunctions.map(Set.init)
        var known: [String: Int32] = [:]
        var prefixes: [(prefix: String, number: Int32)] = []
        func number(of name: String) -> Int32 {
            if let number = known[name] { return number }
            let number = Int32(truncatingIfNeeded: known.count)
            known[name] = number
            if name.last == "*" { prefixes.append((String(name.dropLast()), number)) }
            return number
        }
        for (index, pattern) in patterns.enumerated() {
            let isOfInterrupts = !Set(pattern.entries).isDisjoint(with: ["irq", "softirq"])
            for (place, evidence) in pattern.evidence.enumerated() {
                var steps = evidence.path
                if let missing, steps.count > 2 {
                    let between = steps.dropFirst().dropLast().filter { !missing.isSuperset(of: $0) }
                    steps = [steps[0]] + between + [steps[steps.count - 1]]
                }
                let last = steps[steps.count - 1]
                paths.append(
                    Path(
                        match: Match(pattern: index, evidence: place),
                        steps: steps.map { $0.map { number(of: Self.plain($0)) } }, isOfInterrupts: isOfInterrupts,
                        isInItself: evidence.state == .inItself,
                        endsInLock: steps.count > 1 && last.contains { Self.isSlowPath(CodeRole(of: $0)) }))
            }
        }
        byLast = [[Int]](repeating: [], count: known.count)
        for (index, path) in paths.enumerated() {
            for number in Set(path.steps[path.steps.count - 1]) { byLast[Int(number)].append(index) }
        }
        numbers = attribution.functions.map { function in
            guard let function else { return -1 }
            if let number = known[Self.plain(function)] { return number }
            return prefixes.first { function.hasPrefix($0.prefix) }?.number ?? -1
        }
        roles = attribution.functions.map { $0.map(CodeRole.init(of:)) ?? .plain }
    }

    /// Linux 6.10 gave allocating functions this ending.
    private static func plain(_ name: String) -> String {
        name.hasSuffix("_noprof") ? String(name.dropLast("_noprof".count)) : name
    }

    private static func isSlowPath(_ role: CodeRole) -> Bool {
        if case .lock(_, isSlowPath: true) = role { true } else { false }
    }

    /// - Parameters:
    ///   - leaf: a stack node in kernel code.
    ///   - isWaiting: the thread was off the CPU.
    /// - Returns: every path that the stack shows, each once.
    func matches(leaf: Int32, isWaiting: Bool) -> [Match] {
        let (stack, isInterrupt) = part(of: leaf)
        var found: [(match: Match, callerOfLock: Int?)] = []
        var tried: Set<Int> = []
        for (position, frame) in stack.enumerated() where numbers[frame] >= 0 {
            for index in byLast[Int(numbers[frame])] where tried.insert(index).inserted {
                let path = paths[index]
                if isInterrupt && !path.isOfInterrupts { continue }
                if path.isInItself, isWaiting || stack[..<position].contains(where: { roles[$0] != .interruptsOn }) {
                    continue
                }
                guard let caller = outwards(path, stack, from: position) else { continue }
                if path.endsInLock, !reaches(stack, lock: position, caller: caller) { continue }
                found.append((path.match, path.endsInLock ? caller : nil))
            }
        }
        guard let nearest = found.compactMap(\.callerOfLock).min() else { return found.map(\.match) }
        return found.filter { $0.callerOfLock == nil || $0.callerOfLock == nearest }.map(\.match)
    }

    /// The frames of the stack's innermost part, innermost first: the interrupt where it ends in one, else all of the
    /// kernel's up to where user code or an interrupt begins.
    private func part(of leaf: Int32) -> (frames: [Int], isInterrupt: Bool) {
        var node = attribution.outsideNMI[Int(leaf)]
        let isInterrupt = isInInterrupt(node)
        var part: [Int] = []
        while node >= 0, attribution.entry[Int(node)] >= 0, isInInterrupt(node) == isInterrupt {
            part.append(Int(frames[Int(node)]))
            node = parents[Int(node)]
        }
        return (part, isInterrupt)
    }

    private func isInInterrupt(_ node: Int32) -> Bool {
        let entry = attribution.entry[Int(node)]
        guard entry >= 0 else { return false }
        let kind = attribution.entries[Int(entry)].kind
        return kind == .interrupt || kind == .softirq
    }

    /// Follows a path's other steps outwards, each to the nearest frame that has it.
    ///
    /// - Returns: the position of the last step but one; that of the last where it is the only one.
    private func outwards(_ path: Path, _ stack: [Int], from last: Int) -> Int? {
        var position = last
        var caller = last
        for step in path.steps.indices.dropLast().reversed() {
            position += 1
            while position < stack.count, !path.steps[step].contains(numbers[stack[position]]) { position += 1 }
            if position >= stack.count { return nil }
            if step == path.steps.count - 2 { caller = position }
        }
        return caller
    }

    /// Whether the lock at `lock` is the caller's own: not one that the scheduler takes, or somebody deep inside.
    private func reaches(_ stack: [Int], lock: Int, caller: Int) -> Bool {
        var others = 0
        for position in lock..<caller {
            switch roles[stack[position]] {
            case .lock: break
            case .scheduler: return false
            default: others += 1
            }
        }
        return others <= Self.mostFramesToLock
    }
}

extension PatternMatcher {
    func endsInLock(_ match: Match) -> Bool { path(match)?.endsInLock ?? false }

    private func path(_ match: Match) -> Path? { paths.first { $0.match == match } }

    /// The functions of a stack that a path was found by, from the outside inwards.
    func path(of match: Match, leaf: Int32) -> [String] {
        let (stack, _) = part(of: leaf)
        guard let path = path(match),
            let last = stack.firstIndex(where: { path.steps[path.steps.count - 1].contains(numbers[$0]) })
        else { return functions(of: match) }
        var position = last
        var found = [stack[last]]
        for step in path.steps.dropLast().reversed() {
            position += 1
            while position < stack.count, !step.contains(numbers[stack[position]]) { position += 1 }
            if position >= stack.count { break }
            found.append(stack[position])
        }
        return found.reversed().compactMap { attribution.functions[$0] }
    }

    /// The path's functions as this profile has them: the first of each step that occurs in it.
    func functions(of match: Match) -> [String] {
        guard let path = path(match) else { return [] }
        var names: [Int32: String] = [:]
        for (frame, number) in numbers.enumerated() where number >= 0 {
            if names[number] == nil { names[number] = attribution.functions[frame] }
        }
        return path.steps.compactMap { step in step.lazy.compactMap { names[$0] }.first }
    }
}
