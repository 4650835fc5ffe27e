/// The layout of a recording, version by version. Ids are dense and start at 1; times are nanoseconds since the start.
enum Schema {
    /// `user_version` of the files that this jostle writes, and the newest that it reads.
    static let version = 2

    /// `application_id` of every recording: the bytes of "jstl".
    static let applicationID: Int32 = 0x6A73_746C

    /// The statements that make an empty recording of a version.
    static func create(version: Int = version) -> String {
        """
        \(tables)
        \(version >= 2 ? lockTables : "")
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);
        """
    }

    /// Since version 1.
    private static let tables = """
        CREATE TABLE recording (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
        CREATE TABLE containers (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, runtime TEXT, runtime_id TEXT, image TEXT, pod TEXT,
            namespace TEXT, cgroup TEXT, cgroup_user_ns INTEGER, cgroup_system_ns INTEGER);
        CREATE TABLE processes (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, comm TEXT NOT NULL);
        CREATE TABLE threads (
            id INTEGER PRIMARY KEY, tid INTEGER NOT NULL, process INTEGER NOT NULL REFERENCES processes (id),
            comm TEXT NOT NULL);
        CREATE TABLE modules (
            id INTEGER PRIMARY KEY, kind TEXT NOT NULL, path TEXT NOT NULL, build_id TEXT, symbols_skipped TEXT);
        CREATE TABLE functions (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        CREATE TABLE frames (
            id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, module INTEGER REFERENCES modules (id),
            address INTEGER NOT NULL, function INTEGER REFERENCES functions (id), file TEXT, line INTEGER,
            syscall_number INTEGER);
        CREATE TABLE inlines (
            frame INTEGER NOT NULL REFERENCES frames (id), depth INTEGER NOT NULL,
            function INTEGER REFERENCES functions (id), file TEXT, line INTEGER,
            PRIMARY KEY (frame, depth)) WITHOUT ROWID;
        CREATE TABLE stacks (
            id INTEGER PRIMARY KEY, parent INTEGER REFERENCES stacks (id),
            frame INTEGER NOT NULL REFERENCES frames (id));
        CREATE TABLE samples (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, cpu INTEGER NOT NULL,
            thread INTEGER NOT NULL REFERENCES threads (id), container INTEGER NOT NULL REFERENCES containers (id),
            stack INTEGER REFERENCES stacks (id), kind INTEGER NOT NULL, mode INTEGER NOT NULL,
            weight INTEGER NOT NULL);
        CREATE TABLE syscall_counts (
            id INTEGER PRIMARY KEY, container INTEGER NOT NULL REFERENCES containers (id), number INTEGER NOT NULL,
            time INTEGER NOT NULL, calls INTEGER NOT NULL);
        CREATE TABLE pressure (
            id INTEGER PRIMARY KEY, container INTEGER REFERENCES containers (id), name TEXT NOT NULL,
            unit TEXT NOT NULL, before INTEGER NOT NULL, after INTEGER NOT NULL);
        CREATE VIEW sample_kinds (kind, name) AS
            VALUES (1, 'on-CPU'), (2, 'blocked'), (3, 'preempted'), (4, 'lock wait');
        """

    /// Since version 2: who waited for which lock, and who probably held it.
    private static let lockTables = """
        CREATE TABLE locks (id INTEGER PRIMARY KEY, address INTEGER NOT NULL, kind TEXT NOT NULL, symbol TEXT);
        CREATE TABLE lock_waits (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, container INTEGER NOT NULL REFERENCES containers (id),
            process INTEGER REFERENCES processes (id), stack INTEGER REFERENCES stacks (id),
            lock INTEGER NOT NULL REFERENCES locks (id), contentions INTEGER NOT NULL, waited_ns INTEGER NOT NULL);
        CREATE TABLE lock_holds (
            id INTEGER PRIMARY KEY, lock INTEGER NOT NULL REFERENCES locks (id),
            waiter INTEGER NOT NULL REFERENCES containers (id), holder INTEGER NOT NULL REFERENCES containers (id),
            waited_ns INTEGER NOT NULL);
        """
}
