import Glibc
public import Host
import PerfEvents
import PerfRecords
import ProfileBuilder
import ProfileModel
import Recording

/// The live loop: plan → rings → builder → file. One blocking thread; only names are looked up in parallel, at the end.
public enum Recorder {
    /// Records until the duration is over, a signal comes, the command ends or the targets are gone.
    ///
    /// Takes SIGINT, SIGTERM and SIGHUP over for the rest of the process.
    /// - Parameters:
    ///   - helpers: how files of containers are opened and read.
    ///   - announce: called once, when everything is open and nothing is recorded yet.
    ///   - progress: called some times a second.
    public static func record(
        _ request: RecordRequest, host: Host = Host(), helpers: RecorderHelpers, announce: (RecordStart) -> Void,
        progress: (RecordProgress) -> Void
    ) async throws(RecorderError) -> RecordSummary {
        let signals = try SignalQueue()
        let plan = try RecordingPlan(request, host: host)
        defer { removeOwnCgroup(of: plan, host: host) }
        let machine = host.machine()
        var writer = try makeWriter(request, machine: machine)
        var result: Result<RecordSummary, RecorderError>
        do {
            result = .success(
                try await record(
                    request, plan: plan, host: host, machine: machine, helpers: helpers, signals: signals,
                    writer: &writer, announce: announce, progress: progress))
        } catch {
            result = .failure(error)
        }
        switch result {
        case .success(let summary):
            do { try writer.finish(summary.info) } catch { throw .recording(error) }
            return summary
        case .failure(let error):
            // Before the first sample there is nothing worth keeping; a full disk keeps what was committed.
            if case .recording = error { writer.abandon() } else { writer.discard() }
            throw error
        }
    }

    private static func record(
        _ request: RecordRequest, plan: RecordingPlan, host: Host, machine: Machine, helpers: RecorderHelpers,
        signals: borrowing SignalQueue,
        writer: inout RecordingWriter, announce: (RecordStart) -> Void, progress: (RecordProgress) -> Void
    ) async throws(RecorderError) -> RecordSummary {
        var session = try RecordingSession(request, plan: plan, host: host, machine: machine, helpers: helpers)
        announce(session.start)
        let end = try session.run(signals: signals, writer: &writer, progress: progress)
        await session.name(signals: signals, progress: progress)
        session.noteMissingFiles()
        try session.commit(to: &writer)
        do { try writer.scaleCalls(session.callScales) } catch { throw .recording(error) }
        return session.summary(endReason: end)
    }

    private static func makeWriter(_ request: RecordRequest, machine: Machine) throws(RecorderError) -> RecordingWriter
    {
        // What a recorder that is killed before its first commit leaves can be read too.
        let info = RecordingInfo(
            toolVersion: request.toolVersion, host: machine.hostname, kernel: machine.kernelRelease, arch: machine.arch,
            cpus: machine.onlineCPUs.count, event: "none", frequency: request.frequency,
            commandLine: request.commandLine, startWallNanoseconds: Clock.wall(), unwinding: "dwarf")
        do {
            return try RecordingWriter(path: request.output, replacing: request.replacesOutput, info: info)
        } catch {
            throw .recording(error)
        }
    }

    /// Removes the command's cgroup; what the command left running in it goes on where jostle itself runs.
    private static func removeOwnCgroup(of plan: RecordingPlan, host: Host) {
        guard let own = plan.ownCgroup else { return }
        let left = host.processIDs(in: own)
        if !left.isEmpty, let home = host.process(ProcessID(getpid()))?.cgroupPath,
            let cgroup = host.cgroup(atPath: home)
        {
            for pid in left { try? host.move(pid, to: cgroup) }
        }
        try? host.removeCgroup(own)
    }
}
