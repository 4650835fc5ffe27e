internal import ProfileModel

/// Finds the line of the application that led into the kernel: the innermost user frame outside libc and its like.
struct CallSites {
    /// Per stack node: the call site's node; -1 where the stack has no user part.
    let site: [Int32]

    /// The places of all call sites, each once.
    let places: [CodePlace]
    /// Per place: where it stands among equally heavy ones, so that a report does not depend on chance.
    let order: [Int32]

    private let profile: Profile
    private let placeOfFrame: [Int32]

    init(_ profile: Profile, attribution: EntryAttribution) {
        self.profile = profile
        let moduleIsLibrary = profile.modules.map { Self.isLibrary($0) }
        let isLibrary = profile.frames.map { frame in
            guard frame.kind == .user else { return false }
            if let module = frame.module, moduleIsLibrary.indices.contains(module), moduleIsLibrary[module] {
                return true
            }
            // A static program's libc is part of the program: known by the number it loads and the name it has.
            guard let function = frame.function else { return false }
            if frame.syscallNumber != nil && SyscallNames.isWrapper(function) { return true }
            return Self.rawCallers.contains { function.hasPrefix($0) }
        }
        var site: [Int32] = []
        site.reserveCapacity(attribution.entry.count)
        for node in attribution.entry.indices {
            let parent = Int(profile.stacks.parent[node])
            let frame = Int(profile.stacks.frame[node])
            let callers = parent >= 0 && parent < node ? site[parent] : -1
            guard profile.frames.indices.contains(frame), profile.frames[frame].kind == .user else {
                site.append(callers)
                continue
            }
            let callersAreLibrary = callers < 0 || isLibrary[Int(profile.stacks.frame[Int(callers)])]
            site.append(isLibrary[frame] && !callersAreLibrary ? callers : Int32(node))
        }
        self.site = site

        var isSite = [Bool](repeating: false, count: profile.frames.count)
        for node in site where node >= 0 { isSite[Int(profile.stacks.frame[Int(node)])] = true }
        var places: [CodePlace] = []
        var indices: [CodePlace: Int32] = [:]
        placeOfFrame = isSite.enumerated().map { frame, isSite in
            guard isSite else { return -1 }
            let place = Self.place(frame: frame, profile)
            if let known = indices[place] { return known }
            let new = Int32(truncatingIfNeeded: places.count)
            indices[place] = new
            places.append(place)
            return new
        }
        let keys = places.map(\.sortKey)
        var order = [Int32](repeating: 0, count: places.count)
        for (rank, place) in places.indices.sorted(by: { keys[$0] < keys[$1] }).enumerated() {
            order[place] = Int32(truncatingIfNeeded: rank)
        }
        self.places = places
        self.order = order
    }

    /// The call site that led to `node`, index into `places`; nil where none is known.
    func place(of node: Int32) -> Int32? {
        guard node >= 0, site[Int(node)] >= 0 else { return nil }
        let place = placeOfFrame[Int(profile.stacks.frame[Int(site[Int(node)])])]
        return place >= 0 ? place : nil
    }

    private static func isLibrary(_ module: Module) -> Bool {
        module.kind == .vdso || module.path == "[vdso]" || module.path.hasSuffix("linux-vdso.so.1")
            || Module.isCLibrary(path: module.path)
    }

    /// Go makes its own system calls, from these.
    private static let rawCallers = [
        "syscall.Syscall", "syscall.RawSyscall", "syscall.rawSyscall", "runtime/internal/syscall.",
        "internal/runtime/syscall.",
    ]

    /// How a user frame is shown: a call site, or a caller further out.
    private static func place(frame index: Int, _ profile: Profile) -> CodePlace {
        guard profile.frames.indices.contains(index) else { return CodePlace() }
        let frame = profile.frames[index]
        let module = frame.module.flatMap { profile.modules.indices.contains($0) ? profile.modules[$0].path : nil }
        guard let function = frame.function else {
            return CodePlace(module: module, address: "0x" + String(frame.address, radix: 16))
        }
        return CodePlace(function: function, file: frame.file, line: frame.line, module: module)
    }

    /// The frames that `node` shows from the inside outwards, functions that were inlined into one another singly.
    func places(frame index: Int) -> [CodePlace] {
        let innermost = Self.place(frame: index, profile)
        guard profile.frames.indices.contains(index), innermost.function != nil else { return [innermost] }
        return [innermost]
            + profile.frames[index].inlinedInto.map {
                CodePlace(function: $0.function, file: $0.file, line: $0.line, module: innermost.module)
            }
    }
}

/// A place in user code, as far as it could be named.
public struct CodePlace: Hashable, Sendable, Codable {
    public var function: String?
    public var file: String?
    public var line: Int?
    /// The file's path in the container.
    public var module: String?
    /// Hexadecimal, where there is no function: in `module`'s own addresses, or the process's where there is no module.
    public var address: String?

    public init(
        function: String? = nil, file: String? = nil, line: Int? = nil, module: String? = nil, address: String? = nil
    ) {
        self.function = function
        self.file = file
        self.line = line
        self.module = module
        self.address = address
    }
}
