internal import Glibc
internal import ProfileModel
internal import Synchronization

/// Asks the debuginfod servers that the user named in `DEBUGINFOD_URLS` for debug files, by build ID.
///
/// Through elfutils' own client, which knows the protocol, TLS and its cache ($HOME/.cache/debuginfod_client). It is loaded
/// only when it is needed: most machines have no servers to ask. What one file and all files together may cost is limited;
/// the user's `DEBUGINFOD_TIMEOUT`, `DEBUGINFOD_MAXTIME` and `DEBUGINFOD_MAXSIZE` hold, too, in the client.
///
/// Source: debuginfod_find_debuginfo(3).
public final class Debuginfod: Sendable {
    /// What downloads may cost.
    public struct Limits: Sendable {
        /// For one file.
        public var perFile: Duration
        /// From the first question to the last answer.
        public var inAll: Duration
        /// For one file.
        public var byteCount: Int

        public init(perFile: Duration = .seconds(10), inAll: Duration = .seconds(30), byteCount: Int = 1 << 30) {
            self.perFile = perFile
            self.inAll = inAll
            self.byteCount = byteCount
        }
    }

    private struct State {
        var deadline: ContinuousClock.Instant?
        var foundCount = 0
        /// Why nobody is asked any more, or what was not taken.
        var trouble: String?
        var isOff = false
    }

    private let limits: Limits
    private let state = Mutex(State())

    /// - Returns: nil where the user named no servers.
    public static func fromEnvironment(limits: Limits = Limits()) -> Debuginfod? {
        // The string is only looked at, before anything could change the environment.
        guard let servers = unsafe getenv("DEBUGINFOD_URLS"), unsafe servers.pointee != 0 else { return nil }
        return Debuginfod(limits: limits)
    }

    init(limits: Limits) { self.limits = limits }

    /// What came of it, in words for the recording; nil where nobody was asked or no server had anything.
    public var note: String? {
        state.withLock { state in
            let files = state.foundCount == 1 ? "one file" : "\(state.foundCount) files"
            let found = state.foundCount > 0 ? "debuginfod: debug information of \(files)" : nil
            guard let trouble = state.trouble else { return found }
            return (found.map { $0 + "; " } ?? "debuginfod: ") + trouble
        }
    }

    /// The debug file of a build, open; nil where no server has it, or it would cost too much.
    func debugFile(of buildID: BuildID, doors: FileDoors) -> HeldFile? {
        let now = ContinuousClock.now
        let end = state.withLock { state -> ContinuousClock.Instant? in
            if state.isOff { return nil }
            let last = state.deadline ?? now + limits.inAll
            state.deadline = last
            return min(last, now + limits.perFile)
        }
        guard let end else { return nil }
        guard let client = Client.loaded else {
            giveUp("libdebuginfod.so.1 is not installed")
            return nil
        }
        let answer = client.find(buildID, allowance: Allowance(end: end, byteCount: limits.byteCount))
        switch answer {
        case .found(let file):
            // A server's word alone is no witness.
            guard DebugFile.has(file, buildID, doors, milliseconds: nil) else {
                state.withLock { $0.trouble = "a file of another build was not taken" }
                return nil
            }
            state.withLock { $0.foundCount += 1 }
            return file
        case .unknown: return nil
        case .tooLarge:
            state.withLock { $0.trouble = "a file of more than \(limits.byteCount >> 20) MiB was not taken" }
            return nil
        case .tooLate: giveUp("no answer in time; gave up")
        // One server that cannot be reached would otherwise cost each module its time.
        case .failed(let code): giveUp("cannot ask: errno \(code); gave up")
        }
        return nil
    }

    private func giveUp(_ trouble: String) {
        state.withLock { state in
            state.isOff = true
            state.trouble = trouble
        }
    }
}

/// What one download may still cost, as the client's progress function sees it.
private struct Allowance {
    var end: ContinuousClock.Instant
    var byteCount: Int
    var isTooLarge = false
    var isTooLate = false

    /// - Returns: whether to go on.
    mutating func allows(_ bytes: Int, of whole: Int) -> Bool {
        if max(bytes, whole) > byteCount { isTooLarge = true }
        if ContinuousClock.now >= end { isTooLate = true }
        return !isTooLarge && !isTooLate
    }
}

/// libdebuginfod's functions. One client for each question: they are not made for several threads.
///
/// Safe: the functions are the library's, which stays loaded, and what they are given lives as long as each call.
@safe
private struct Client: Sendable {
    private typealias Begin = @convention(c) () -> OpaquePointer?
    private typealias End = @convention(c) (OpaquePointer) -> Void
    private typealias Find =
        @convention(c) (
            OpaquePointer, UnsafePointer<UInt8>, Int32, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        ) -> Int32
    private typealias Progress = @convention(c) (OpaquePointer?, Int, Int) -> Int32
    private typealias SetProgress = @convention(c) (OpaquePointer, Progress?) -> Void
    private typealias SetUserData = @convention(c) (OpaquePointer, UnsafeMutableRawPointer?) -> Void
    private typealias UserData = @convention(c) (OpaquePointer?) -> UnsafeMutableRawPointer?

    enum Answer {
        case found(HeldFile)
        case unknown
        case tooLarge
        case tooLate
        case failed(errno: Int32)
    }

    private let begin: Begin
    private let end: End
    private let findDebugInformation: Find
    private let setProgress: SetProgress
    private let setUserData: SetUserData
    private let userData: UserData

    /// nil where the library is not installed. It stays loaded.
    static let loaded = Client()

    private init?() {
        // A C string in, a handle or nil out.
        guard let library = unsafe dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL),
            // Each name's type is that of elfutils/debuginfod.h, a stable interface with versioned symbols.
            let begin = unsafe dlsym(library, "debuginfod_begin"), let end = unsafe dlsym(library, "debuginfod_end"),
            // As above.
            let find = unsafe dlsym(library, "debuginfod_find_debuginfo"),
            // As above.
            let setProgress = unsafe dlsym(library, "debuginfod_set_progressfn"),
            // As above.
            let setUserData = unsafe dlsym(library, "debuginfod_set_user_data"),
            // As above.
            let userData = unsafe dlsym(library, "debuginfod_get_user_data")
        else { return nil }
        // As above: C functions of these very types.
        unsafe self.begin = unsafeBitCast(begin, to: Begin.self)
        // As above.
        unsafe self.end = unsafeBitCast(end, to: End.self)
        // As above.
        unsafe findDebugInformation = unsafeBitCast(find, to: Find.self)
        // As above.
        unsafe self.setProgress = unsafeBitCast(setProgress, to: SetProgress.self)
        // As above.
        unsafe self.setUserData = unsafeBitCast(setUserData, to: SetUserData.self)
        // As above.
        unsafe self.userData = unsafeBitCast(userData, to: UserData.self)
    }

    func find(_ buildID: BuildID, allowance: Allowance) -> Answer {
        // The client is ours until it is ended below.
        guard let client = unsafe begin() else { return .failed(errno: ENOMEM) }
        defer { unsafe end(client) }
        var allowance = allowance
        unsafe setProgress(client) { client, bytes, whole in
            // Called within `find` only, on this thread, where the user data is the allowance below.
            guard let data = unsafe Client.loaded?.userData(client) else { return 1 }
            return unsafe data.assumingMemoryBound(to: Allowance.self).pointee.allows(bytes, of: whole) ? 0 : 1
        }
        let result = unsafe withUnsafeMutablePointer(to: &allowance) { place in
            unsafe setUserData(client, place)
            // The client reads as many bytes as it is told; nobody asks for the path.
            return unsafe findDebugInformation(client, buildID.bytes, Int32(buildID.bytes.count), nil)
        }
        if result >= 0 { return .found(HeldFile(owning: result)) }
        if allowance.isTooLarge || result == -EFBIG { return .tooLarge }
        if allowance.isTooLate || result == -ETIME || result == -ETIMEDOUT { return .tooLate }
        return result == -ENOENT ? .unknown : .failed(errno: -result)
    }
}
