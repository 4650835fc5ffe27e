public import ObjectTables
public import ProfileModel

/// A process's perf map, held open: it grows while the process runs, and goes with its container.
public final class PerfMapFile: Sendable {
    private let file: HeldFile
    private let parser: any ObjectParsing

    private init(file: HeldFile, parser: any ObjectParsing) {
        self.file = file
        self.parser = parser
    }

    /// Opens /tmp/perf-PID.map as the process sees it: with its id in its own pid namespace, within its own root.
    ///
    /// Anyone can write to /tmp, so the file must belong to the process's user or to root.
    ///
    /// - Throws: `FileRefusal` when there is none, or it is not the process's own.
    public static func open(
        of pid: ProcessID, doors: FileDoors, procRoot: String = "/proc"
    ) throws(FileRefusal) -> PerfMapFile {
        let process = ProcessFiles(procRoot: procRoot, pid: pid, opener: doors.opener)
        guard let status = process.read("status", limit: 1 << 20), let own = ProcessStatus(parsing: status) else {
            throw .vanished
        }
        let opened = try process.openInRoot("/tmp/perf-\(own.innermostID).map")
        guard isTrusted(owner: opened.status.owner, for: own) else { throw .otherFile }
        return PerfMapFile(file: opened.file, parser: doors.parser)
    }

    static func isTrusted(owner: UInt32, for process: ProcessStatus) -> Bool {
        owner == process.userID || owner == 0
    }

    /// Names addresses, virtual ones, as the map has them now.
    public func symbolize(_ request: SymbolRequest) -> SymbolAnswer {
        switch parser.answer(.perfMap(request), files: [file]) {
        case .symbols(let answer): answer
        case .refused(let reason): SymbolAnswer(symbols: [], skipped: reason)
        case .module: SymbolAnswer(symbols: [], skipped: "malformed")
        }
    }
}

/// What /proc/PID/status says of a process.
struct ProcessStatus {
    /// The process's id in its own pid namespace.
    var innermostID: Int32
    /// Its effective user, in the recorder's user namespace.
    var userID: UInt32

    init?(parsing status: [UInt8]) {
        var fields: [String: [Substring]] = [:]
        let text = String(decoding: status, as: UTF8.self)
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let values = line[line.index(after: colon)...].split { $0 == "\t" || $0 == " " }
            // The first line is the process's name, which cannot hold a line break unescaped.
            let name = String(line[..<colon])
            if fields[name] == nil { fields[name] = values }
        }
        // Kernels without pid namespaces have no NSpid; Uid is real, effective, saved, file system.
        guard let id = (fields["NSpid"] ?? fields["Pid"])?.last.flatMap({ Int32($0) }),
            let users = fields["Uid"], users.count > 1, let user = UInt32(users[1])
        else { return nil }
        innermostID = id
        userID = user
    }
}
