internal import ProfileModel

/// For every node of a profile's stack tree: the entry into the kernel that its frames lie in.
///
/// The rule is "from the innermost frame outwards to the first marker". A node's callers are its ancestors and stand
/// before it in the tree, so one pass from the roots outwards to the leaves decides every node from its parent and its own
/// frame: a marker further inside replaces what its callers said.
struct EntryAttribution {
    /// All entries that occur; the other arrays hold indices into it.
    private(set) var entries: [Entry] = []
    /// Per node: the innermost entry; -1 in user code.
    private(set) var entry: [Int32] = []
    /// Per node: the system call that is under way, also where a fault or an interrupt has hit it; -1 where none is.
    private(set) var syscall: [Int32] = []
    /// Per node: the node of the entry's outermost frame; -1 in user code.
    private(set) var entryNode: [Int32] = []
    /// Per node: the node itself, or outside the NMI that it lies in, which is the profiler's own.
    private(set) var outsideNMI: [Int32] = []
    /// Per node: the innermost user frame's node; -1 where the stack has no user part.
    private(set) var innermostUser: [Int32] = []
    /// Per frame of the profile: its function, normalized; nil where it has no name.
    let functions: [String?]
    /// The entry of a kernel-mode sample that has no stack at all.
    private(set) var withoutStack: Int32 = -1

    private var indices: [Entry: Int32] = [:]
    private let table: SyscallTable
    private let profile: Profile

    init(_ profile: Profile) {
        self.profile = profile
        table = SyscallTable(arch: profile.recording.arch)
        functions = profile.frames.map { frame in
            frame.kind == .kernel ? frame.function.map(KernelSymbol.normalized) : frame.function
        }
        let count = min(profile.stacks.parent.count, profile.stacks.frame.count)
        let markers = zip(profile.frames, functions).map { frame, function in
            frame.kind == .kernel ? FrameMarker(of: function ?? "") : .none
        }
        var states: [State] = []
        states.reserveCapacity(count)
        innermostUser.reserveCapacity(count)
        outsideNMI.reserveCapacity(count)
        for node in 0..<count {
            let parent = Int(profile.stacks.parent[node])
            let frame = Int(profile.stacks.frame[node])
            // A tree whose parents do not precede their children, or whose frames do not exist, is nobody's stack:
            // such a node stands alone.
            let isSound = parent < node && profile.frames.indices.contains(frame)
            let caller = isSound && parent >= 0 ? states[parent] : State()
            let user = isSound && parent >= 0 ? innermostUser[parent] : -1
            guard isSound, profile.frames[frame].kind == .kernel else {
                states.append(State())
                let isUser = isSound && profile.frames[frame].kind == .user
                innermostUser.append(isUser ? Int32(node) : user)
                outsideNMI.append(Int32(node))
                continue
            }
            innermostUser.append(user)
            let state = step(caller, node: node, frame: frame, marker: markers[frame], user: user)
            outsideNMI.append(state.isNMI && parent >= 0 ? outsideNMI[parent] : Int32(node))
            states.append(state)
        }
        entry = states.map(\.entry)
        syscall = states.map(\.syscall)
        entryNode = states.map(\.entryNode)
        withoutStack = index(of: profile.recording.kernelSymbols == .hidden ? .hidden : .unknown)
    }

    /// Where a node stands, for the next frame inwards.
    private enum Position: UInt8 {
        case user
        /// In the kernel, by a way that no frame has told yet.
        case unclear
        case userGate
        case syscallGate
        case trap
        case softirqGate
        case fork
        case kthread
        case work
        /// Everything further inside is ordinary, but for new markers.
        case inside
    }

    private struct State {
        var entry: Int32 = -1
        var syscall: Int32 = -1
        var entryNode: Int32 = -1
        var position: Position = .user
        var isNMI = false
        /// The gate was that of 32-bit programs, whose numbers are of another table.
        var isCompat = false
    }

    private mutating func index(of entry: Entry) -> Int32 {
        if let known = indices[entry] { return known }
        let new = Int32(truncatingIfNeeded: entries.count)
        entries.append(entry)
        indices[entry] = new
        return new
    }

    private mutating func step(_ caller: State, node: Int, frame: Int, marker: FrameMarker, user: Int32) -> State {
        var state = caller
        if caller.isNMI { return state }
        if functions[frame] == nil {
            if caller.position == .user { enterUnclear(&state, node: node, user: user) }
            if caller.position == .syscallGate { enterCallee(&state, node: node, frame: frame, user: user) }
            return state
        }
        let isOutermost = caller.position == .user || caller.position == .unclear
        switch marker {
        case .nmi:
            state.isNMI = true
        case .syscallGate(let compat):
            guard isOutermost || caller.position == .userGate || caller.position == .syscallGate else { break }
            state.isCompat = state.isCompat || compat
            if caller.position == .syscallGate { break }
            enter(.syscallEntryExit, .syscallGate, &state, node)
            // The way in and out belongs to the call that it leads to, where the user's code tells which.
            if let name = loadedName(state, user: user) { state.syscall = index(of: .syscall(name)) }
        case .userGate(let compat):
            state.isCompat = state.isCompat || compat
            if isOutermost { enter(.returnToUser, .userGate, &state, node) }
        case .kernelGate:
            if caller.position == .user { enterUnclear(&state, node: node, user: user) }
        case .syscall(let base, let isWrapper):
            enterSyscall(&state, base: base, isWrapper: isWrapper, node: node, frame: frame, user: user)
        case .exitWork:
            switch caller.position {
            case .syscallGate, .fork: enter(.syscallEntryExit, .inside, &state, node)
            case .user, .unclear, .userGate, .trap: enter(.returnToUser, .inside, &state, node)
            default: break
            }
        case .pageFault:
            if kind(of: caller) != .pageFault { enter(.pageFault, .trap, &state, node) }
        case .interrupt(let name):
            enterInterrupt(&state, name: name, node: node)
        case .softirq:
            if kind(of: caller) != .softirq { enter(.softirq, .softirqGate, &state, node) }
        case .softirqAction(let name) where caller.position == .softirqGate:
            state.entry = index(of: .softirq(name))
            state.position = .inside
        case .exception(let name):
            if kind(of: caller) != .exception { enter(.exception(name), .trap, &state, node) }
        case .fork:
            if isOutermost { enter(.syscallEntryExit, .fork, &state, node) }
        case .kthread:
            if isOutermost || caller.position == .fork { enter(.kernelThread, .kthread, &state, node) }
        case .work where kind(of: caller) == .kernelThread:
            state.position = .work
        case .idle:
            if isOutermost { enter(.idle, .inside, &state, node) }
        case .none, .syscallBesideGate, .exitWorkBesideGate, .softirqAction, .work:
            ordinary(&state, marker: marker, node: node, frame: frame, user: user)
        }
        return state
    }

    /// A frame without meaning of its own: what it is called beside says what it is.
    private mutating func ordinary(_ state: inout State, marker: FrameMarker, node: Int, frame: Int, user: Int32) {
        switch state.position {
        case .user:
            enterUnclear(&state, node: node, user: user)
        case .syscallGate where marker == .exitWorkBesideGate:
            enter(.syscallEntryExit, .inside, &state, node)
        case .syscallGate:
            enterCallee(&state, node: node, frame: frame, user: user)
        case .fork where marker == .exitWorkBesideGate:
            state.position = .inside
        case .fork, .kthread, .work:
            let name = functions[frame] ?? ""
            if state.position != .fork && CodeRole(of: name) != .plain {
                // The thread's own loop takes a lock or sleeps: that names no work.
                state.position = .inside
                break
            }
            let outermost = state.entryNode
            enter(.kernelThread(name), .inside, &state, node)
            state.entryNode = outermost
        case .unclear, .userGate, .trap, .softirqGate, .inside:
            break
        }
    }

    private mutating func enter(_ entry: Entry, _ position: Position, _ state: inout State, _ node: Int) {
        state.entry = index(of: entry)
        state.entryNode = Int32(truncatingIfNeeded: node)
        state.position = position
    }

    /// The kernel's outermost frame says nothing: the number that user code loaded before it entered is what remains.
    private mutating func enterUnclear(_ state: inout State, node: Int, user: Int32) {
        if let name = loadedName(state, user: user) {
            enter(.syscall(name), .unclear, &state, node)
            state.syscall = state.entry
        } else {
            let isHidden = profile.recording.kernelSymbols == .hidden
            enter(isHidden ? .hidden : .unknown, .unclear, &state, node)
        }
    }

    /// The frame directly inside the dispatcher, which is the call's worker where the wrapper ended in a jump.
    private mutating func enterCallee(_ state: inout State, node: Int, frame: Int, user: Int32) {
        let entry: Entry
        if let function = functions[frame] {
            let own = profile.recording.kernelTailCalls
            let raw = profile.frames[frame].function ?? function
            let evidence = own[function] ?? own[raw]
            var candidates = evidence.map { $0.map(SyscallNames.tableName(ofBase:)) } ?? []
            if candidates.isEmpty { candidates = TailCallAliases.syscallsOfWorker[function] ?? [] }
            if candidates.isEmpty, case .syscallBesideGate(let base) = FrameMarker(of: function) {
                let name = SyscallNames.tableName(ofBase: base)
                if table.isEmpty || table.number(of: name) != nil { candidates = [name] }
            }
            if let name = choose(candidates, state, user: user) {
                entry = .syscall(name)
            } else if profile.recording.arch == "aarch64" {
                // arm64 kernels keep the wrapper's frame, so anything else beside the dispatcher is its own work.
                enter(.syscallEntryExit, .inside, &state, node)
                return
            } else {
                entry = .syscall(loadedName(state, user: user) ?? "syscall (via \(function))")
            }
        } else {
            entry = .syscall(loadedName(state, user: user) ?? "syscall (unnamed)")
        }
        enter(entry, .inside, &state, node)
        state.syscall = state.entry
    }

    private mutating func enterSyscall(
        _ state: inout State, base: String, isWrapper: Bool, node: Int, frame: Int, user: Int32
    ) {
        var candidates = [SyscallNames.tableName(ofBase: base)]
        if !isWrapper && state.position == .syscallGate {
            // The body of one call may be what another's wrapper jumps to: this kernel's own jumps say so.
            let own = profile.recording.kernelTailCalls[functions[frame] ?? ""] ?? []
            candidates += own.map(SyscallNames.tableName(ofBase:))
        }
        guard let name = choose(candidates, state, user: user) else { return }
        let entry = Entry.syscall(name)
        // A body below its own wrapper is the same entry.
        if !isWrapper && kind(of: state) == .syscall
            && entries[Int(state.entry)].name.split(separator: "|").contains(name[...])
        {
            return
        }
        enter(entry, .inside, &state, node)
        state.syscall = state.entry
    }

    private mutating func enterInterrupt(_ state: inout State, name: String?, node: Int) {
        let entry = name.map { Entry.interrupt($0) } ?? .interrupt
        if kind(of: state) == .interrupt {
            let current = entries[Int(state.entry)]
            if current == entry || name == nil { return }
            if current == .interrupt {
                state.entry = index(of: entry)
                return
            }
        }
        enter(entry, .trap, &state, node)
    }

    private func kind(of state: State) -> EntryKind? {
        state.entry >= 0 ? entries[Int(state.entry)].kind : nil
    }

    /// The one name that remains, or the possible ones joined; nil where there is none.
    private func choose(_ candidates: [String], _ state: State, user: Int32) -> String? {
        var possible = Set(candidates)
        let native = possible.filter { table.number(of: $0) != nil }
        if !state.isCompat && !native.isEmpty { possible = native }
        if possible.count > 1, let loaded = loadedName(state, user: user), possible.contains(loaded) { return loaded }
        return possible.isEmpty ? nil : possible.sorted().joined(separator: "|")
    }

    /// The call whose number the user code loads just before it enters the kernel.
    private func loadedName(_ state: State, user: Int32) -> String? {
        guard !state.isCompat, user >= 0, profile.stacks.frame.indices.contains(Int(user)) else { return nil }
        let frame = Int(profile.stacks.frame[Int(user)])
        guard profile.frames.indices.contains(frame), let number = profile.frames[frame].syscallNumber else {
            return nil
        }
        return table.name(of: number)
    }
}
