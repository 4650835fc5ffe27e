import ProfileModel

/// Builds small profiles in tests. Stacks are written as people say them: outermost first, separated by `>`;
/// `u:` before a name is user code (`u:main@app.c:12`, with `#221` for the number loaded before the call), `t:` a
/// truncation, everything else the kernel's. `?` is a function without a name.
struct ProfileBuilding {
    var profile: Profile
    private var modules: [String: Int] = [:]
    private var frames: [String: Int] = [:]
    private var nodes: [[Int32]: Int32] = [:]

    init(
        arch: String = "x86_64", event: String = "cpu-clock", seconds: Double = 10,
        symbols: RecordingInfo.KernelSymbols = .visible, tailCalls: [String: [String]] = [:]
    ) {
        profile = Profile(
            recording: RecordingInfo(
                toolVersion: "0.1.0", host: "host", kernel: "6.12.0", arch: arch, cpus: 2, event: event,
                eventReason: event == "cpu-clock" ? "no hardware counters here" : nil, frequency: 199,
                durationNanoseconds: Int64(seconds * 1e9), finished: true, kernelSymbols: symbols, unwinding: "dwarf",
                kernelTailCalls: tailCalls))
        profile.processes = [ProcessInfo(pid: ProcessID(100), comm: "app")]
        profile.threads = [ThreadInfo(tid: ThreadID(100), process: 0, comm: "app")]
        profile.containers = [Container(name: "api", cgroup: "/demo/api")]
    }

    /// - Returns: the node of the innermost frame; -1 for no frames at all.
    mutating func stack(_ text: String, module: String = "/usr/bin/app") -> Int32 {
        var parent: Int32 = -1
        for part in text.split(separator: ">") {
            var name = String(part)
            while name.first == " " { name.removeFirst() }
            while name.last == " " { name.removeLast() }
            let frame = Int32(frameIndex(name, module: module))
            let key = [parent, frame]
            if let known = nodes[key] {
                parent = known
                continue
            }
            profile.stacks.parent.append(parent)
            profile.stacks.frame.append(frame)
            parent = Int32(profile.stacks.count - 1)
            nodes[key] = parent
        }
        return parent
    }

    private mutating func frameIndex(_ text: String, module: String) -> Int {
        if let known = frames[module + text] { return known }
        var frame: Frame
        if text.hasPrefix("u:") {
            var rest = String(text.dropFirst(2))
            var number: Int?
            if let hash = rest.lastIndex(of: "#") {
                number = Int(rest[rest.index(after: hash)...])
                rest = String(rest[..<hash])
            }
            var path = module
            if let slash = rest.firstIndex(of: "!") {
                path = String(rest[..<slash])
                rest = String(rest[rest.index(after: slash)...])
            }
            let parts = rest.split(separator: "@", maxSplits: 1).map(String.init)
            let place = parts.count > 1 ? parts[1].split(separator: ":").map(String.init) : []
            frame = Frame(
                kind: .user, module: moduleIndex(path, kind: path == "[vdso]" ? .vdso : .file),
                address: 0x1000 + UInt64(profile.frames.count), function: parts[0] == "?" ? nil : parts[0],
                file: place.first, line: place.count > 1 ? Int(place[1]) : nil, syscallNumber: number)
        } else if text.hasPrefix("t:") {
            frame = Frame(kind: .truncation, address: 0, function: String(text.dropFirst(2)))
        } else {
            frame = Frame(
                kind: .kernel, module: moduleIndex("[kernel]", kind: .kernel),
                address: 0xffff_ffff_8100_0000 + UInt64(profile.frames.count), function: text == "?" ? nil : text)
        }
        profile.frames.append(frame)
        frames[module + text] = profile.frames.count - 1
        return profile.frames.count - 1
    }

    private mutating func moduleIndex(_ path: String, kind: Module.Kind) -> Int {
        if let known = modules[path] { return known }
        profile.modules.append(Module(kind: kind, path: path))
        modules[path] = profile.modules.count - 1
        return profile.modules.count - 1
    }

    /// Adds a sample of 5 ms; its mode follows from the innermost frame's kind.
    mutating func sample(
        _ text: String, at milliseconds: Double = 0, container: Int32 = 0, kind: SampleKind = .onCPU,
        mode: SampleMode? = nil, weight: Int64 = 5_000_000
    ) {
        let node = stack(text)
        let isUser = node < 0 || profile.frames[Int(profile.stacks.frame[Int(node)])].kind != .kernel
        profile.samples.append(
            time: Int64(milliseconds * 1e6), thread: 0, container: container, stack: node, kind: kind,
            mode: mode ?? (isUser ? .user : .kernel), weight: weight)
    }

    /// Adds calls of the system call `number` to the slice of 100 ms that begins at `milliseconds`.
    mutating func calls(_ number: Int, _ count: Int64, at milliseconds: Double, container: Int = 0) {
        profile.syscallCounts.append(
            SyscallCount(container: container, number: number, time: Int64(milliseconds * 1e6), calls: count))
    }
}
