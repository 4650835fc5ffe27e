import ArgumentParser
import Glibc
import Host
import ProfileModel
import Recorder
import Recording
import Testing

@testable import Commands

@Suite struct AdviceTests {
    /// A name that a container chose: it would clear the screen and start a line of its own.
    static let nasty = "a\u{1B}[2J\nb"

    static let failures: [(error: any Error, code: Int32, words: [String])] = [
        // What was recorded.
        (RecordingError.notARecording(path: "x"), 65, ["x is not a recording"]),
        (RecordingError.corrupt(path: "x", detail: "frames has a gap"), 65, ["x is corrupt", "frames has a gap"]),
        (RecordingError.newerSchema(path: "x", found: 9, supported: 1), 65, ["x has schema 9", "up to 1"]),
        (RecordingError.noSuchFile(path: "x"), 66, ["there is no file x"]),
        (RecordingError.unreadable(path: "x", errno: EACCES), 77, ["cannot read x", "Permission denied"]),
        (RecordingError.unreadable(path: "x", errno: EISDIR), 74, ["cannot read x", "Is a directory"]),
        // What is to be written.
        (RecordingError.exists(path: "x"), 73, ["x exists already", "--force"]),
        (RecordingError.cannotCreate(path: "x", errno: ENOENT), 73, ["cannot create x", "No such file"]),
        (RecordingError.writeFailed(path: "x", detail: "", diskFull: true), 74, ["the disk is full"]),
        (RecordingError.writeFailed(path: "x", detail: "because", diskFull: false), 74, ["because"]),
        // Targets.
        (RecorderError.noTarget, 64, ["--cgroup"]),
        (RecorderError.noSuchProcess(ProcessID(4_711)), 66, ["no process 4711"]),
        (HostError.unknownCgroup(target: "api", nearest: ["/a", "/b"]), 66, ["no cgroup api", "/a, /b"]),
        (HostError.unknownCgroup(target: "api", nearest: []), 66, ["no cgroup api", "systemd-cgls"]),
        (HostError.ambiguousCgroup(target: "api", candidates: ["/x/api", "/y/api"]), 66, ["/x/api, /y/api"]),
        (RecorderError.command(name: "srv", errno: ENOENT), 66, ["cannot run srv", "No such file"]),
        (RecorderError.command(name: "srv", errno: EACCES), 77, ["cannot run srv"]),
        (
            ContainerError.unknownContainer(name: "api", existing: ["web", "db"]), 66,
            ["no container api", "there are: web, db"]
        ),
        (ContainerError.unknownContainer(name: "api", existing: []), 66, ["no containers run here"]),
        (ContainerError.ambiguousContainer(name: "api", candidates: ["api 1f", "api 2e"]), 66, ["api 1f, api 2e"]),
        (ContainerError.unknownPod(name: "web", existing: []), 66, ["no pod web"]),
        (ContainerError.ambiguousPod(name: "web", candidates: ["a/web", "b/web"]), 66, ["a/web, b/web"]),
        // The kernel.
        (RecorderError.unsupported("two events need Linux 5.7"), 69, ["two events need Linux 5.7"]),
        (HostError.noPerfEventHierarchy, 69, ["mount"]),
        (
            RecorderError.event(name: "cycles", errno: EACCES, paranoid: 4), 77,
            ["kernel.perf_event_paranoid is 4", "CAP_PERFMON"]
        ),
        (RecorderError.event(name: "cycles", errno: EPERM, paranoid: nil), 77, ["perf_event_paranoid is unknown"]),
        (RecorderError.event(name: "cycles", errno: ENOSYS, paranoid: nil), 69, ["seccomp"]),
        (RecorderError.event(name: "cycles", errno: ENOENT, paranoid: nil), 69, ["cannot count cycles"]),
        (RecorderError.event(name: "cycles", errno: EMFILE, paranoid: nil), 74, ["ulimit -n"]),
        (RecorderError.event(name: "cycles", errno: EINVAL, paranoid: nil), 69, ["cycles"]),
        (RecorderError.ring(byteCount: 65_536, errno: EPERM, mlockKiB: 516), 77, ["64 KiB", "516"]),
        (RecorderError.ring(byteCount: 65_536, errno: ENOMEM, mlockKiB: nil), 69, ["64 KiB"]),
        (RecorderError.unsupportedArchitecture("riscv64"), 69, ["riscv64"]),
        (RecorderError.systemCall(name: "signalfd", errno: EMFILE), 69, ["signalfd"]),
        (HostError.systemCall(name: "mkdir", path: "/c", errno: EACCES), 77, ["mkdir of /c", "root"]),
        (HostError.systemCall(name: "mkdir", path: "/c", errno: ENOSPC), 74, ["mkdir of /c", "No space left"]),
        // Errors inside errors are told as themselves.
        (RecorderError.recording(RecordingError.exists(path: "x")), 73, ["x exists already"]),
        (RecorderError.host(HostError.noPerfEventHierarchy), 69, ["mount"]),
    ]

    @Test("Each error says what failed, on what, and what to do, in at most three lines, and has its exit code")
    func failures() throws {
        for (error, code, words) in Self.failures {
            let failure = try #require(Advice.failure(error), "\(error)")
            #expect(failure.code.rawValue == code, "\(error)")
            #expect((1...3).contains(failure.lines.count), "\(error)")
            #expect(failure.lines[0].hasPrefix("jostle: "), "\(error)")
            let text = failure.description
            for word in words { #expect(text.contains(word), "\(error): \(text)") }
        }
    }

    @Test("Every exit code that --help explains, but for a check's, has an error that leads to it")
    func allCodes() {
        // 2 comes of a recording without samples, 0 and 1 of no error.
        #expect(Set(Self.failures.map(\.code)) == [64, 65, 66, 69, 73, 74, 77])
    }

    @Test("Names from containers and paths are shown without their control characters")
    func nastyNames() throws {
        let errors: [any Error] = [
            RecordingError.noSuchFile(path: Self.nasty), RecordingError.unreadable(path: Self.nasty, errno: EIO),
            RecordingError.notARecording(path: Self.nasty),
            RecordingError.corrupt(path: Self.nasty, detail: Self.nasty),
            RecordingError.newerSchema(path: Self.nasty, found: 9, supported: 1),
            RecordingError.exists(path: Self.nasty), RecordingError.cannotCreate(path: Self.nasty, errno: EIO),
            RecordingError.writeFailed(path: Self.nasty, detail: Self.nasty, diskFull: false),
            RecorderError.command(name: Self.nasty, errno: ENOENT),
            RecorderError.unsupportedArchitecture(Self.nasty),
            HostError.unknownCgroup(target: Self.nasty, nearest: [Self.nasty]),
            ContainerError.unknownContainer(name: Self.nasty, existing: [Self.nasty]),
            ContainerError.ambiguousPod(name: Self.nasty, candidates: [Self.nasty]),
            HostError.ambiguousCgroup(target: Self.nasty, candidates: [Self.nasty]),
            HostError.systemCall(name: "open", path: Self.nasty, errno: EIO),
        ]
        for error in errors {
            for line in try #require(Advice.failure(error)).lines {
                #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 }, "\(error)")
            }
        }
    }

    @Test("An error that is nobody's is left to the argument parser")
    func strangers() {
        struct Stranger: Error {}
        #expect(Advice.failure(Stranger()) == nil)
        #expect(Advice.failure(ValidationError("x")) == nil)
    }
}
