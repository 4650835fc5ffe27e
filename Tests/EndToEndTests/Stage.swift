import Foundation
import Glibc
import Testing

/// What one test has started and made: all of it is ended and removed when the test ends, however it ends.
final class Stage {
    /// Not in /tmp, which may be a tmpfs: there is nothing to drop from its page cache.
    let directory: URL
    private var programs: [RunningProgram] = []
    private var cgroups: [TestCgroup] = []
    private var endings: [() throws -> Void] = []
    private var earlyEndings: [() async -> Void] = []
    private var fileCount = 0

    private init() throws {
        directory = URL(filePath: "/var/tmp").appending(path: "jostle-test-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    }

    /// Gives a test its stage, and clears it afterwards.
    static func with<Value>(_ body: (Stage) async throws -> Value) async throws -> Value {
        let stage = try Stage()
        do {
            let value = try await body(stage)
            try await stage.clear()
            return value
        } catch {
            try await stage.clear()
            throw error
        }
    }

    private func clear() async throws {
        for ending in earlyEndings.reversed() { await ending() }
        for program in programs where program.isRunning {
            program.signal(SIGCONT)
            program.signal(SIGKILL)
        }
        // Takes along what the programs have started and left behind.
        for cgroup in cgroups.reversed() { await cgroup.remove() }
        for program in programs { _ = try? await program.end(within: .seconds(5)) }
        var failure: (any Error)?
        for ending in endings.reversed() { do { try ending() } catch { failure = error } }
        try FileManager.default.removeItem(at: directory)
        if let failure { throw failure }
    }

    /// A path in the stage's directory.
    func path(_ name: String) -> String { directory.appending(path: name).path }

    /// Does something at the end, after all programs have ended; the last one first.
    func atEnd(_ ending: @escaping () throws -> Void) { endings.append(ending) }

    /// Does something at the end, before programs are killed: for those that have to clear up themselves.
    func atEndWhileProgramsRun(_ ending: @escaping () async -> Void) { earlyEndings.append(ending) }

    // MARK: Programs

    /// Starts a program at some priority: a machine that is busy otherwise must neither leave a workload without CPU time
    /// to sample nor keep the recorder from its second. Not at the highest: the kernel's own helpers (RCU, without which
    /// no event is opened or closed, and writeback) have none, and two spinning workers at -20 keep `jostle record` from
    /// starting for 2 to 10 s; at -5 it takes as long as at 0.
    func start(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], directory: String? = nil
    ) throws -> RunningProgram {
        fileCount += 1
        let running = try RunningProgram(
            "/usr/bin/nice", ["-n", "-5", program] + arguments, environment: environment, directory: directory,
            files: self.directory.appending(path: "program\(fileCount)"))
        programs.append(running)
        return running
    }

    /// Runs a program to its end.
    @discardableResult
    func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
        within limit: Duration = .seconds(60)
    ) async throws -> Outcome {
        try await start(program, arguments, environment: environment, directory: directory).end(within: limit)
    }

    /// Runs a program that the test needs and that must not fail.
    func need(_ program: String, _ arguments: String...) async throws {
        let outcome = try await run(program, arguments)
        try #require(outcome.status == 0, "\(program) \(arguments.joined(separator: " ")): \(outcome.errors)")
    }

    /// Runs a shell's command that leaves processes behind: those would hold what Foundation waits for, so that this is
    /// done without it.
    ///
    /// - Throws: what it said, where it fails.
    func runLeaving(_ command: String, within limit: Duration = .seconds(60)) async throws {
        fileCount += 1
        let said = path("left\(fileCount)")
        let script = "exec >'\(said)' 2>&1 </dev/null\n" + command
        let pid = try EndToEnd.TargetsTests.spawn(["/bin/sh", "-c"], last: Array(script.utf8))
        let deadline = ContinuousClock.now + limit
        var status: Int32 = 0
        // waitpid(2) fills a local variable.
        while unsafe waitpid(pid, &status, WNOHANG) == 0 {
            if ContinuousClock.now > deadline { kill(pid, SIGKILL) }
            try await Task.sleep(for: .milliseconds(5))
        }
        try #require(status == 0, "\(command): \((try? String(contentsOfFile: said, encoding: .utf8)) ?? "")")
    }

    func jostle(_ arguments: String...) async throws -> Outcome { try await run(Programs.jostle, arguments) }

    func startJostle(_ arguments: String...) throws -> RunningProgram { try start(Programs.jostle, arguments) }

    // MARK: Cgroups

    /// Makes a cgroup in the hierarchy that carries perf_event.
    func cgroup(_ name: String, in parent: TestCgroup? = nil) throws -> TestCgroup {
        let cgroup = try TestCgroup(parent.map { "\($0.path)/\(name)" } ?? "jostle-test-\(getpid())-\(name)")
        cgroups.append(cgroup)
        return cgroup
    }

    // MARK: Workloads

    /// Starts a workload in a cgroup and waits until its workers work.
    func workload(_ name: String, in cgroup: TestCgroup?, seconds: Double, options: [String] = []) async throws
        -> RunningProgram
    {
        fileCount += 1
        let ready = path("ready\(fileCount)")
        var arguments = [name, "--seconds", "\(seconds)", "--ready", ready, "--directory", directory.path] + options
        if let cgroup { arguments += ["--cgroup", cgroup.directory] }
        let running = try start(Programs.workload, arguments)
        while !FileManager.default.fileExists(atPath: ready) {
            try #require(running.isRunning, "the workload \(name) does not start: \(running.errors)")
            try await Task.sleep(for: .milliseconds(5))
        }
        return running
    }

    // MARK: Recordings

    /// Records into a file of its own and reads the report.
    func record(_ arguments: String...) async throws -> Report { try await record(arguments) }

    func record(_ arguments: [String]) async throws -> Report {
        fileCount += 1
        let file = path("recording\(fileCount).jostle")
        let recorded = try await run(Programs.jostle, ["record", "--quiet", "-o", file] + arguments)
        try #require(recorded.status == 0, "jostle record: \(recorded.errors)")
        return try await report(file)
    }

    func report(_ file: String) async throws -> Report {
        let reported = try await jostle("report", file, "--format", "json")
        try #require(reported.status == 0, "jostle report: \(reported.errors)")
        var report = try Report(json: reported.output)
        report.file = file
        return report
    }

    /// Asks a recording; the rows' columns, as text.
    func rows(_ sql: String, of file: String) async throws -> [[String]] {
        let outcome = try await run("/usr/bin/sqlite3", ["-readonly", "-separator", "\t", file, sql])
        try #require(outcome.status == 0, "sqlite3: \(outcome.errors)")
        return outcome.output.split(separator: "\n").map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
    }

    func number(_ sql: String, of file: String) async throws -> Double {
        try #require(try await rows(sql, of: file).first?.first.flatMap(Double.init), "no number: \(sql)")
    }
}
