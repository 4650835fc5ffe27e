import FoundationEssentials
import GRDB
import Glibc
public import ProfileModel
import SystemPackage

/// Reads a recording whole.
public enum RecordingReader {
    /// - Returns: the profile with ids turned into indices.
    /// - Throws: `noSuchFile`, `unreadable`, `notARecording`, `newerSchema` or `corrupt`.
    /// - Complexity: one scan of each table; about 0.5 µs for a sample.
    public static func read(path: String) throws(RecordingError) -> Profile {
        try checkReadable(path)
        do {
            return try read(path: path, readOnly: true)
        } catch RecordingError.unreadable {
            // A recorder that was killed in a commit leaves a journal, which only a writer may roll back.
            return try read(path: path, readOnly: false)
        }
    }

    private static func checkReadable(_ path: String) throws(RecordingError) {
        do {
            let descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
            defer { try? descriptor.close() }
            var head = [UInt8](repeating: 0, count: 16)
            let count = try unsafe head.withUnsafeMutableBytes { bytes in
                // The buffer lives for the length of this call, which is all that read(2) needs.
                unsafe try descriptor.read(into: bytes)
            }
            guard count == 16, head.elementsEqual(Array("SQLite format 3\0".utf8)) else {
                throw RecordingError.notARecording(path: path)
            }
        } catch let error as RecordingError {
            throw error
        } catch Errno.noSuchFileOrDirectory {
            throw .noSuchFile(path: path)
        } catch {
            throw .unreadable(path: path, errno: (error as? Errno)?.rawValue ?? EIO)
        }
    }

    private static func read(path: String, readOnly: Bool) throws(RecordingError) -> Profile {
        var configuration = Configuration()
        configuration.readonly = readOnly
        configuration.prepareDatabase { db in
            // Recordings come from other people: nothing in them may run, and a short file must not fault a mapping.
            try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;")
        }
        do {
            let database = try DatabaseQueue(path: path, configuration: configuration)
            return try database.read { db in try profile(from: db, path: path) }
        } catch let error as RecordingError {
            throw error
        } catch let error as DatabaseError {
            switch error.resultCode {
            case .SQLITE_NOTADB: throw .notARecording(path: path)
            case .SQLITE_READONLY where readOnly, .SQLITE_CANTOPEN where readOnly:
                throw .unreadable(path: path, errno: EROFS)
            default: throw .corrupt(path: path, detail: error.message ?? "\(error.resultCode)")
            }
        } catch let error as InfoKeys.MissingKey {
            throw .corrupt(path: path, detail: "the key \(error.key) is missing")
        } catch {
            throw .corrupt(path: path, detail: "\(error)")
        }
    }

    private static func profile(from db: Database, path: String) throws -> Profile {
        let application = try Int32.fetchOne(db, sql: "PRAGMA application_id")
        guard application == Schema.applicationID else { throw RecordingError.notARecording(path: path) }
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard version <= Schema.version else {
            throw RecordingError.newerSchema(path: path, found: version, supported: Schema.version)
        }
        var reader = TableReader(db: db, path: path)
        return try reader.profile()
    }
}

/// Reads the tables of one open recording; each id is checked before it becomes an index.
private struct TableReader {
    let db: Database
    let path: String

    mutating func profile() throws -> Profile {
        let info = try info()
        let containers = try containers()
        let processes = try Row.fetchAll(db, sql: "SELECT id, pid, comm FROM processes ORDER BY id")
            .enumerated().map { index, row in
                try check(row, is: index, in: "processes")
                return ProcessInfo(pid: ProcessID(row[1]), comm: row[2])
            }
        let threads = try Row.fetchAll(db, sql: "SELECT id, tid, process, comm FROM threads ORDER BY id")
            .enumerated().map { index, row in
                try check(row, is: index, in: "threads")
                return ThreadInfo(
                    tid: ThreadID(row[1]), process: try self.index(row[2], below: processes.count, in: "threads"),
                    comm: row[3])
            }
        let modules = try Row.fetchAll(
            db, sql: "SELECT id, kind, path, build_id, symbols_skipped FROM modules ORDER BY id"
        ).enumerated().map { index, row in
            try check(row, is: index, in: "modules")
            return Module(
                kind: Module.Kind(rawValue: row[1]) ?? .anonymous, path: row[2],
                buildID: (row[3] as String?).flatMap(BuildID.init(hex:)), symbolsSkipped: row[4])
        }
        let frames = try frames(modules: modules.count)
        let stacks = try stacks(frames: frames.count)
        let samples = try samples(threads: threads.count, containers: containers.count, stacks: stacks.count)
        let counts = try Row.fetchAll(db, sql: "SELECT container, number, time, calls FROM syscall_counts ORDER BY id")
            .map { row in
                SyscallCount(
                    container: try index(row[0], below: containers.count, in: "syscall_counts"), number: row[1],
                    time: row[2], calls: row[3])
            }
        let pressure = try Row.fetchAll(
            db, sql: "SELECT container, name, unit, before, after FROM pressure ORDER BY id"
        ).map { row in
            PressureReading(
                container: try (row[0] as Int64?).map { try index($0, below: containers.count, in: "pressure") },
                name: row[1], unit: row[2], before: row[3], after: row[4])
        }
        return Profile(
            recording: info, containers: containers, processes: processes, threads: threads, modules: modules,
            frames: frames, stacks: stacks, samples: samples, syscallCounts: counts, pressure: pressure)
    }

    private func info() throws -> RecordingInfo {
        var values: [String: DatabaseValue] = [:]
        let rows = try Row.fetchCursor(db, sql: "SELECT key, value FROM recording")
        while let row = try rows.next() { values[row[0]] = row[1] }
        return try InfoKeys.info(from: values)
    }

    private func containers() throws -> [Container] {
        try Row.fetchAll(
            db,
            sql: "SELECT id, name, runtime_id, runtime, image, pod, namespace, cgroup, cgroup_user_ns, "
                + "cgroup_system_ns FROM containers ORDER BY id"
        ).enumerated().map { index, row in
            try check(row, is: index, in: "containers")
            var times: CPUTimes?
            if let user = row[8] as Int64?, let system = row[9] as Int64? {
                times = CPUTimes(userNanoseconds: user, systemNanoseconds: system)
            }
            return Container(
                name: row[1], id: row[2], runtime: row[3], image: row[4], pod: row[5], namespace: row[6],
                cgroup: row[7], cgroupTimes: times)
        }
    }

    private func frames(modules: Int) throws -> [Frame] {
        var names: [Int64: String] = [:]
        let functions = try Row.fetchCursor(db, sql: "SELECT id, name FROM functions")
        while let row = try functions.next() { names[row[0]] = row[1] }

        var frames: [Frame] = []
        let rows = try Row.fetchCursor(
            db,
            sql: "SELECT id, kind, module, address, function, file, line, syscall_number FROM frames ORDER BY id")
        while let row = try rows.next() {
            try check(row, is: frames.count, in: "frames")
            guard let kind = UInt8.fromDatabaseValue(row[1]).flatMap(Frame.Kind.init(rawValue:)) else {
                throw corrupt("frame \(frames.count + 1) is of no known kind")
            }
            frames.append(
                Frame(
                    kind: kind, module: try (row[2] as Int64?).map { try index($0, below: modules, in: "frames") },
                    address: UInt64(bitPattern: row[3]), function: (row[4] as Int64?).flatMap { names[$0] },
                    file: row[5], line: row[6], syscallNumber: row[7]))
        }
        let inlines = try Row.fetchCursor(
            db, sql: "SELECT frame, function, file, line FROM inlines ORDER BY frame, depth")
        while let row = try inlines.next() {
            let frame = try index(row[0], below: frames.count, in: "inlines")
            frames[frame].inlinedInto.append(
                InlineCaller(function: (row[1] as Int64?).flatMap { names[$0] }, file: row[2], line: row[3]))
        }
        return frames
    }

    private func stacks(frames: Int) throws -> StackTree {
        var tree = StackTree()
        let rows = try Row.fetchCursor(db, sql: "SELECT id, parent, frame FROM stacks ORDER BY id")
        while let row = try rows.next() {
            let next = tree.count
            try check(row, is: next, in: "stacks")
            let parent = try (row[1] as Int64?).map { try index($0, below: next, in: "stacks") }
            tree.parent.append(Int32(parent ?? -1))
            tree.frame.append(Int32(try index(row[2], below: frames, in: "stacks")))
        }
        return tree
    }

    private func samples(threads: Int, containers: Int, stacks: Int) throws -> Samples {
        var samples = Samples()
        let rows = try Row.fetchCursor(
            db, sql: "SELECT time, thread, container, stack, kind, mode, weight FROM samples ORDER BY id")
        while let row = try rows.next() {
            guard let kind = SampleKind(rawValue: UInt8(truncatingIfNeeded: row[4] as Int64)),
                let mode = SampleMode(rawValue: UInt8(truncatingIfNeeded: row[5] as Int64))
            else { throw corrupt("sample \(samples.count + 1) is of no known kind or mode") }
            let stack = try (row[3] as Int64?).map { try index($0, below: stacks, in: "samples") }
            samples.append(
                time: row[0], thread: Int32(try index(row[1], below: threads, in: "samples")),
                container: Int32(try index(row[2], below: containers, in: "samples")), stack: Int32(stack ?? -1),
                kind: kind, mode: mode, weight: row[6])
        }
        return samples
    }

    /// A row id as an index: ids are dense from 1.
    private func index(_ id: Int64, below count: Int, in table: String) throws -> Int {
        guard id >= 1, id <= Int64(count) else { throw corrupt("\(table) refers to id \(id) of \(count)") }
        return Int(id - 1)
    }

    private func check(_ row: Row, is index: Int, in table: String) throws {
        guard (row[0] as Int64) == Int64(index + 1) else { throw corrupt("\(table) has a gap at id \(index + 1)") }
    }

    private func corrupt(_ detail: String) -> RecordingError { .corrupt(path: path, detail: detail) }
}
