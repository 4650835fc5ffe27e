import ArgumentParser
import Glibc
import Host
import ProfileModel
import Recorder
import Recording
import Reports

/// Turns the facts of an error into what failed, on what, and what to do next.
enum Advice {
    static func failure(_ error: any Error) -> Failure? {
        switch error {
        case let error as Failure: error
        case let error as RecorderError: failure(error)
        case let error as RecordingError: failure(error)
        case let error as HostError: failure(error)
        case let error as ContainerError: failure(error)
        default: nil
        }
    }

    private static func failure(_ error: RecorderError) -> Failure {
        switch error {
        case .noTarget:
            Failure(
                .validationFailure, "jostle: nothing to record",
                "name a target: --container NAME, --cgroup PATH, --pid PID, or -- COMMAND…; `jostle record --help` has examples"
            )
        case .noSuchProcess(let pid):
            Failure(.noInput, "jostle: there is no process \(pid.rawValue)", "`ps -e` lists what runs")
        case .host(let inner):
            Self.failure(inner) ?? Failure(.ioError, "jostle: \(inner)")
        case .recording(let inner):
            Self.failure(inner) ?? Failure(.ioError, "jostle: \(inner)")
        case .event(let name, let code, let paranoid):
            event(name, code: code, paranoid: paranoid)
        case .ring(let byteCount, let code, let limit):
            code == EPERM
                ? Failure(
                    .notPermitted, "jostle: the kernel grants no ring of \(byteCount / 1024) KiB",
                    "kernel.perf_event_mlock_kb is \(limit.map(String.init) ?? "unknown"): run as root, or raise it: "
                        + "sysctl kernel.perf_event_mlock_kb=2048")
                : Failure(
                    .unavailable, "jostle: cannot map a ring of \(byteCount / 1024) KiB: \(Terminal.describe(code))")
        case .command(let name, let code):
            Failure(
                code == EACCES ? .notPermitted : .noInput,
                "jostle: cannot run \(displayName(name)): \(Terminal.describe(code))",
                "give the command as you would in a shell, after `--`")
        case .unsupportedArchitecture(let arch):
            Failure(.unavailable, "jostle: no support for \(displayName(arch)) yet: x86_64 and aarch64 only")
        case .unsupported(let what):
            Failure(.unavailable, "jostle: \(what)", "name fewer containers, or record on a newer kernel")
        case .systemCall(let name, let code):
            Failure(.unavailable, "jostle: \(name) failed: \(Terminal.describe(code))")
        }
    }

    private static func event(_ name: String, code: Int32, paranoid: Int?) -> Failure {
        switch code {
        case EACCES, EPERM:
            Failure(
                .notPermitted,
                "jostle: not permitted to sample other processes (perf_event_open, \(name): \(Terminal.describe(code)))",
                "kernel.perf_event_paranoid is \(paranoid.map(String.init) ?? "unknown"): run as root, or grant "
                    + "CAP_PERFMON and CAP_SYS_PTRACE:",
                "setcap cap_perfmon,cap_sys_ptrace,cap_syslog,cap_dac_read_search+ep \"$(command -v jostle)\"")
        case ENOSYS:
            Failure(
                .unavailable, "jostle: this kernel has no perf events, or seccomp hides them (perf_event_open: ENOSYS)",
                "in a container allow perf_event_open in the seccomp profile, or run jostle on the host")
        case EMFILE, ENFILE:
            Failure(
                .ioError, "jostle: too many open files: one is needed for each CPU and target",
                "raise the limit: ulimit -n 65536")
        case ENOENT, EOPNOTSUPP, ENODEV:
            Failure(.unavailable, "jostle: this kernel cannot count \(name): \(Terminal.describe(code))")
        default:
            Failure(.unavailable, "jostle: perf_event_open failed for \(name): \(Terminal.describe(code))")
        }
    }

    private static func failure(_ error: HostError) -> Failure {
        switch error {
        case .noPerfEventHierarchy:
            Failure(
                .unavailable, "jostle: no mounted cgroup hierarchy carries perf_event",
                "mount one: mount -t cgroup2 none /sys/fs/cgroup")
        case .perfEventHierarchyOutOfSight:
            Failure(
                .unavailable, "jostle: perf events follow a cgroup v1 hierarchy that is not mounted here",
                "mount it: mkdir -p /sys/fs/cgroup/perf_event && "
                    + "mount -t cgroup -o perf_event none /sys/fs/cgroup/perf_event",
                "without cgroups --pid PID works as it is")
        case .unknownCgroup(let target, let nearest):
            Failure(
                .noInput, "jostle: there is no cgroup \(displayName(target))",
                nearest.isEmpty
                    ? "`systemd-cgls` or `find /sys/fs/cgroup -type d` lists what there is"
                    : "nearest: " + nearest.map(displayName).joined(separator: ", "))
        case .ambiguousCgroup(let target, let candidates):
            Failure(
                .noInput, "jostle: several cgroups are called \(displayName(target))",
                "name one by its path: " + candidates.prefix(5).map(displayName).joined(separator: ", "))
        case .systemCall(let name, let path, let code):
            Failure(
                code == EACCES || code == EPERM ? .notPermitted : .ioError,
                "jostle: \(name) of \(displayName(path)) failed: \(Terminal.describe(code))",
                code == EACCES || code == EPERM ? "run as root" : "check that it exists and can be written")
        }
    }

    private static func failure(_ error: ContainerError) -> Failure {
        switch error {
        case .unknownContainer(let name, let existing):
            Failure(.noInput, "jostle: there is no container \(displayName(name))", list(existing, of: "containers"))
        case .ambiguousContainer(let name, let candidates):
            Failure(
                .noInput, "jostle: several containers are called \(displayName(name))",
                list(candidates, of: "containers"))
        case .unknownPod(let name, let existing):
            Failure(.noInput, "jostle: there is no pod \(displayName(name))", list(existing, of: "pods"))
        case .ambiguousPod(let name, let candidates):
            Failure(.noInput, "jostle: several pods are called \(displayName(name))", list(candidates, of: "pods"))
        }
    }

    private static func list(_ names: [String], of things: String) -> String {
        if names.isEmpty { return "no \(things) run here; `jostle targets` lists what can be named" }
        let shown = names.prefix(12).map(displayName).joined(separator: ", ")
        return "there are: " + shown + (names.count > 12 ? " and \(names.count - 12) more" : "")
    }

    private static func failure(_ error: RecordingError) -> Failure {
        switch error {
        case .noSuchFile(let path):
            Failure(.noInput, "jostle: there is no file \(displayName(path))")
        case .unreadable(let path, let code):
            Failure(
                code == EACCES || code == EPERM ? .notPermitted : .ioError,
                "jostle: cannot read \(displayName(path)): \(Terminal.describe(code))")
        case .notARecording(let path):
            Failure(
                .badData, "jostle: \(displayName(path)) is not a recording",
                "`jostle record -o FILE` makes one")
        case .corrupt(let path, let detail):
            Failure(
                .badData, "jostle: \(displayName(path)) is corrupt: \(displayName(detail))",
                "copy it again from where it was recorded, or record anew")
        case .newerSchema(let path, let found, let supported):
            Failure(
                .badData,
                "jostle: \(displayName(path)) has schema \(found); this jostle reads up to \(supported)",
                "read it with the jostle that wrote it, or a newer one")
        case .exists(let path):
            Failure(
                .cannotCreate, "jostle: \(displayName(path)) exists already",
                "choose another name with -o, or replace it with --force")
        case .cannotCreate(let path, let code):
            Failure(
                .cannotCreate, "jostle: cannot create \(displayName(path)): \(Terminal.describe(code))",
                "choose a directory that can be written with -o FILE")
        case .writeFailed(let path, let detail, let diskFull):
            Failure(
                .ioError,
                "jostle: cannot write \(displayName(path)): \(diskFull ? "the disk is full" : displayName(detail))",
                "what was written up to a second before stays readable; `jostle report` calls it unfinished")
        }
    }
}
