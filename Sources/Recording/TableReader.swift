import GRDB
import ProfileModel

/// Reads the tables of one open recording. The file may be damaged or hostile: each id is checked before it becomes an
/// index, and rows must come in the order of their keys, so that not even a page tree that bites its own tail goes on
/// without end.
struct TableReader {
    let db: Database
    /// Of the schema: what later ones have is missing.
    let version: Int

    func profile() throws -> Profile {
        try UntrustedDatabase.check(try checkTables(), in: db)
        let info = try info()
        let containers = try containers()
        let processes = try dense("processes", "pid, comm") { row in
            ProcessInfo(pid: ProcessID(try row.integer(1, as: Int32.self)), comm: try row.text(2))
        }
        let threads = try dense("threads", "tid, process, comm") { row in
            ThreadInfo(
                tid: ThreadID(try row.integer(1, as: Int32.self)), process: try row.index(2, below: processes.count),
                comm: try row.text(3))
        }
        let modules = try modules()
        let frames = try frames(modules: modules.count)
        let stacks = try stacks(frames: frames.count)
        let samples = try samples(threads: threads.count, containers: containers.count, stacks: stacks.count)
        let counts = try dense("syscall_counts", "container, number, time, calls") { row in
            SyscallCount(
                container: try row.index(1, below: containers.count), number: Int(try row.integer(2)),
                time: try row.integer(3), calls: try row.count(4))
        }
        let pressure = try dense("pressure", "container, name, unit, before, after") { row in
            PressureReading(
                container: try row.optionalIndex(1, below: containers.count), name: try row.text(2),
                unit: try row.text(3), before: try row.count(4), after: try row.count(5))
        }
        var profile = Profile(
            recording: info, containers: containers, processes: processes, threads: threads, modules: modules,
            frames: frames, stacks: stacks, samples: samples, syscallCounts: counts, pressure: pressure)
        if version >= 2 { try readLocks(into: &profile) }
        return profile
    }

    private func readLocks(into profile: inout Profile) throws {
        let locks = try dense("locks", "address, kind, symbol") { row in
            guard let kind = LockKind(rawValue: try row.text(2)) else {
                throw Damage("locks has a row of no known kind")
            }
            return Lock(
                address: VirtualAddress(UInt64(bitPattern: try row.integer(1))), kind: kind,
                symbol: try row.optionalText(3))
        }
        let (containers, processes) = (profile.containers.count, profile.processes.count)
        let stacks = profile.stacks.count
        profile.lockWaits = try dense(
            "lock_waits", "time, container, process, stack, lock, contentions, waited_ns"
        ) { row in
            LockWait(
                time: try row.integer(1), container: try row.index(2, below: containers),
                process: try row.optionalIndex(3, below: processes),
                stack: Int32(try row.optionalIndex(4, below: stacks) ?? -1),
                lock: try row.index(5, below: locks.count), contentions: try row.count(6), waited: try row.count(7))
        }
        profile.lockHolds = try dense("lock_holds", "lock, waiter, holder, waited_ns") { row in
            LockHold(
                lock: try row.index(1, below: locks.count), waiter: try row.index(2, below: containers),
                holder: try row.index(3, below: containers), waited: try row.count(4))
        }
        profile.locks = locks
    }

    /// What is read must be the very tables that `Schema` makes: a view or a generated column of the same name could
    /// give rows without end.
    ///
    /// - Returns: their names.
    private func checkTables() throws -> [String] {
        let found = try Self.definitions(in: db)
        guard let genuine = Self.genuine[version] else { throw Damage("there is no schema \(version)") }
        for (name, definition) in try genuine.get() where found[name] != definition {
            throw Damage("the table \(name) is \(found[name] == nil ? "missing" : "not a recording's")")
        }
        return Array(try genuine.get().keys)
    }

    /// By version.
    private static let genuine = Dictionary(
        uniqueKeysWithValues: (1...Schema.version).map { version in
            (
                version,
                Result {
                    try DatabaseQueue().write { model in
                        try model.execute(sql: Schema.create(version: version))
                        return try definitions(in: model)
                    }
                }
            )
        })

    private static func definitions(in db: Database) throws -> [String: String] {
        var definitions: [String: String] = [:]
        // Bounded, since nobody else's table is of interest.
        try StoredRow.forEach(
            in: db, "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL LIMIT 1000",
            table: "sqlite_master"
        ) { row in definitions[try row.text(0)] = try row.text(1) }
        return definitions
    }

    private func info() throws -> RecordingInfo {
        var values: [String: DatabaseValue] = [:]
        try StoredRow.forEach(in: db, "SELECT key, value FROM recording LIMIT 1000", table: "recording") { row in
            values[try row.text(0)] = row.value(1)
        }
        return try InfoKeys.info(from: values)
    }

    private func containers() throws -> [Container] {
        let columns =
            "name, runtime_id, runtime, image, pod, namespace, cgroup, cgroup_user_ns, cgroup_system_ns"
        return try dense("containers", columns) { row in
            var times: CPUTimes?
            if let user = try row.optionalInteger(8), let system = try row.optionalInteger(9) {
                guard user >= 0, system >= 0 else { throw Damage("containers has negative times") }
                times = CPUTimes(userNanoseconds: user, systemNanoseconds: system)
            }
            return Container(
                name: try row.text(1), id: try row.optionalText(2), runtime: try row.optionalText(3),
                image: try row.optionalText(4), pod: try row.optionalText(5), namespace: try row.optionalText(6),
                cgroup: try row.optionalText(7), cgroupTimes: times)
        }
    }

    private func modules() throws -> [Module] {
        try dense("modules", "kind, path, build_id, symbols_skipped") { row in
            guard let kind = Module.Kind(rawValue: try row.text(1)) else {
                throw Damage("modules has a row of no known kind")
            }
            var buildID: BuildID?
            if let hex = try row.optionalText(3) {
                guard let id = BuildID(hex: hex) else { throw Damage("modules has a build ID that is none") }
                buildID = id
            }
            return Module(
                kind: kind, path: try row.text(2), buildID: buildID, symbolsSkipped: try row.optionalText(4))
        }
    }

    private func frames(modules: Int) throws -> [Frame] {
        let functions = try dense("functions", "name") { row in try row.text(1) }
        func function(_ row: StoredRow, _ column: Int) throws(Damage) -> String? {
            try row.optionalIndex(column, below: functions.count).map { functions[$0] }
        }
        func line(_ row: StoredRow, _ column: Int) throws(Damage) -> Int? {
            try row.optionalInteger(column).map { Int($0) }
        }

        var frames = try dense("frames", "kind, module, address, function, file, line, syscall_number") { row in
            guard let kind = Frame.Kind(rawValue: try row.integer(1, as: UInt8.self)) else {
                throw Damage("frames has a row of no known kind")
            }
            return Frame(
                kind: kind, module: try row.optionalIndex(2, below: modules),
                address: UInt64(bitPattern: try row.integer(3)), function: try function(row, 4),
                file: try row.optionalText(5), line: try line(row, 6), syscallNumber: try line(row, 7))
        }
        var last: (frame: Int, depth: Int64) = (-1, 0)
        try StoredRow.forEach(
            in: db, "SELECT frame, depth, function, file, line FROM inlines ORDER BY frame, depth", table: "inlines"
        ) { row in
            let frame = try row.index(0, below: frames.count)
            let depth = try row.integer(1)
            guard frame > last.frame || depth > last.depth else { throw Damage("inlines is out of order") }
            last = (frame, depth)
            frames[frame].inlinedInto.append(
                InlineCaller(function: try function(row, 2), file: try row.optionalText(3), line: try line(row, 4)))
        }
        return frames
    }

    private func stacks(frames: Int) throws -> StackTree {
        var tree = StackTree()
        try forEachDense("stacks", "parent, frame") { row in
            tree.parent.append(Int32(try row.optionalIndex(1, below: tree.count) ?? -1))
            tree.frame.append(Int32(try row.index(2, below: frames)))
        }
        return tree
    }

    private func samples(threads: Int, containers: Int, stacks: Int) throws -> Samples {
        var samples = Samples()
        try forEachDense("samples", "time, thread, container, stack, kind, mode, weight") { row in
            guard let kind = SampleKind(rawValue: try row.integer(5, as: UInt8.self)),
                let mode = SampleMode(rawValue: try row.integer(6, as: UInt8.self))
            else { throw Damage("samples has a row of no known kind or mode") }
            samples.append(
                time: try row.integer(1), thread: Int32(try row.index(2, below: threads)),
                container: Int32(try row.index(3, below: containers)),
                stack: Int32(try row.optionalIndex(4, below: stacks) ?? -1), kind: kind, mode: mode,
                weight: try row.count(7))
        }
        return samples
    }

    /// The rows of a table whose ids are 1, 2, 3 …; column 0 is the id.
    private func dense<Value>(
        _ table: String, _ columns: String, _ body: (StoredRow) throws -> Value
    ) throws -> [Value] {
        var values: [Value] = []
        try forEachDense(table, columns) { row in values.append(try body(row)) }
        return values
    }

    private func forEachDense(_ table: String, _ columns: String, _ body: (StoredRow) throws -> Void) throws {
        var last: Int64 = 0
        try StoredRow.forEach(in: db, "SELECT id, \(columns) FROM \(table) ORDER BY id", table: table) { row in
            // No more rows than indices of 32 bits can name.
            guard try row.integer(0) == last + 1, last < Int64(Int32.max) else {
                throw Damage("\(table) has a gap behind id \(last)")
            }
            last += 1
            try body(row)
        }
    }
}
