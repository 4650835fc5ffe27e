internal import Glibc
internal import ProfileModel

/// Opens the files that a process has mapped or can see, through procfs.
struct ProcessFiles {
    /// Where procfs is mounted: `/proc`, or a fixture's directory.
    let procRoot: String
    let pid: ProcessID
    let opener: any FileOpening
    /// The process's root directory as it was found while the process lived; for one that is gone.
    var heldRoot: HeldFile?

    private var directory: String { "\(procRoot)/\(pid.rawValue)" }

    /// Opens the file that a mapping shows.
    ///
    /// First by /proc/PID/map_files, which leads to the very inode, whatever was renamed or deleted since. Where that is
    /// not allowed, by its path within the process's root. What was opened must have the mapping's inode (by path: its
    /// device too), unless the build ID the kernel sent settles it, which the caller checks.
    func open(_ mapping: Mapping) throws(FileRefusal) -> (file: HeldFile, status: FileStatus, needsBuildID: Bool) {
        guard mapping.file != nil || mapping.buildID != nil, mapping.path.utf8.first == UInt8(ascii: "/"),
            !mapping.path.hasPrefix("//anon")
        else { throw .noFile }
        do throws(FileRefusal) {
            let opened = try openMapped(mapping)
            let isSame = mapping.file.map { $0.inode == opened.status.version.identity.inode } ?? true
            if isSame { return (opened.file, opened.status, mapping.file == nil) }
            // An overlay may show another inode number than the kernel's record; only the build ID can tell then.
            guard mapping.buildID != nil else { throw .otherFile }
            return (opened.file, opened.status, true)
        } catch {
            guard error == .vanished || error == .notPermitted else { throw error }
            let opened = try openInRoot(mapping.path)
            if opened.status.version.identity == mapping.file { return (opened.file, opened.status, false) }
            guard mapping.buildID != nil else { throw .otherFile }
            return (opened.file, opened.status, true)
        }
    }

    /// Opens the file that a relative's mapping shows: the relative is gone, and this process may have the same memory,
    /// or see the same files. What is not the mapping's inode on its device needs the kernel's build ID as a witness.
    ///
    /// - Parameter byPath: whether the mapping's path means the same to both.
    func open(relativesMapping mapping: Mapping, byPath: Bool) throws(FileRefusal) -> (
        file: HeldFile, status: FileStatus, needsBuildID: Bool
    ) {
        guard mapping.file != nil || mapping.buildID != nil, mapping.path.utf8.first == UInt8(ascii: "/") else {
            throw .noFile
        }
        if let opened = try? openMapped(mapping), opened.status.version.identity == mapping.file {
            return (opened.file, opened.status, false)
        }
        guard byPath else { throw .vanished }
        let opened = try openInRoot(mapping.path)
        if opened.status.version.identity == mapping.file { return (opened.file, opened.status, false) }
        guard mapping.buildID != nil else { throw .otherFile }
        return (opened.file, opened.status, true)
    }

    private func openMapped(_ mapping: Mapping) throws(FileRefusal) -> (file: HeldFile, status: FileStatus) {
        do throws(FileRefusal) {
            return try openMapped(from: mapping.start.rawValue, to: mapping.end.rawValue)
        } catch {
            // The kernel names the mapping as it is now: it may have been split or merged since.
            guard error == .vanished, let range = presentRange(around: mapping.start.rawValue) else { throw error }
            return try openMapped(from: range.start, to: range.end)
        }
    }

    private func openMapped(from start: UInt64, to end: UInt64) throws(FileRefusal) -> (
        file: HeldFile, status: FileStatus
    ) {
        let range = String(start, radix: 16) + "-" + String(end, radix: 16)
        return try opener.regularFile(in: nil, "\(directory)/map_files/\(range)", .plain)
    }

    private func presentRange(around address: UInt64) -> (start: UInt64, end: UInt64)? {
        guard let maps = read("maps", limit: 32 << 20) else { return nil }
        for line in maps.split(separator: UInt8(ascii: "\n")) {
            let range = line.prefix { $0 != UInt8(ascii: " ") }.split(separator: UInt8(ascii: "-"))
            guard range.count == 2, let start = UInt64(String(decoding: range[0], as: UTF8.self), radix: 16),
                let end = UInt64(String(decoding: range[1], as: UTF8.self), radix: 16)
            else { continue }
            if start <= address, address < end { return (start, end) }
        }
        return nil
    }

    /// Opens a path as the process sees it, or saw it; links are followed within its root only.
    func openInRoot(_ path: String) throws(FileRefusal) -> (file: HeldFile, status: FileStatus) {
        let root: HeldFile
        do throws(FileRefusal) {
            root = try self.root().file
        } catch {
            guard error == .vanished, let heldRoot else { throw error }
            root = heldRoot
        }
        return try opener.regularFile(in: root, path, .inRoot)
    }

    /// The process's root directory, opened to look files up in.
    func root() throws(FileRefusal) -> (file: HeldFile, status: FileStatus) {
        try opener.directory("\(directory)/root")
    }

    /// The contents of one of procfs's own files.
    ///
    /// - Returns: nil when it is gone, or longer than `limit`.
    func read(_ name: String, limit: Int) -> [UInt8]? {
        Self.read("\(directory)/\(name)", limit: limit)
    }

    static func read(_ path: String, limit: Int) -> [UInt8]? {
        // open(2) copies the path.
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while let chunk = HeldFile.read(descriptor, count: 64 << 10, at: bytes.count) {
            if chunk.isEmpty { return bytes }
            bytes.append(contentsOf: chunk)
            if bytes.count > limit { return nil }
        }
        return nil
    }
}
