import Analysis
import ArgumentParser
import ProfileModel
import Testing

@testable import Commands

@Suite struct MachineCommandTests {
    @Test("targets and doctor explain themselves with examples and exit codes, within the width of a terminal")
    func help() {
        for (command, words) in [
            (
                TargetsCommand.helpMessage(for: TargetsCommand.self, columns: 100),
                ["jostle targets --watch", "--all", "69 the kernel lacks it"]
            ),
            (
                DoctorCommand.helpMessage(for: DoctorCommand.self, columns: 100),
                ["sudo jostle doctor", "77 not permitted", "with 77 where"]
            ),
        ] {
            for word in words + ["Examples:", "--format"] { #expect(command.contains(word), "\(word)") }
        }
        let all = Jostle.helpMessage(columns: 100)
        #expect(all.contains("targets") && all.contains("doctor"))
    }

    @Test("Their arguments are understood, and others refused")
    func arguments() throws {
        let targets = try #require(
            try Jostle.parseAsRoot(["targets", "--watch", "--all", "--format", "json"]) as? TargetsCommand)
        #expect(targets.watch && targets.all && targets.format == .json)
        let doctor = try #require(try Jostle.parseAsRoot(["doctor"]) as? DoctorCommand)
        #expect(doctor.format == .text)
        for wrong in [["targets", "--format", "xml"], ["doctor", "api"], ["targets", "--watch=2"]] {
            #expect(throws: (any Error).self, "\(wrong)") { try Jostle.parseAsRoot(wrong) }
        }
    }

    @Test("A report that nothing can be recorded becomes an error of three lines with its exit code")
    func refusal() throws {
        var facts = MachineFacts(
            kernel: "6.1", arch: "x86_64", cpus: 1,
            privileges: MachineFacts.Privileges(user: 1_000, capabilities: CapabilitySet([]), seccomp: 0),
            limits: MachineFacts.Limits(
                perfEventParanoid: 2, maxSampleRate: nil, perfEventMlockKiB: nil, kptrRestrict: nil, lockedBytes: nil,
                descriptors: 1_024, grantedRingBytes: nil, wantedRingBytes: 1),
            trials: [.ownThread: .worked, .sampling: .failed(.accessDenied), .userSampling: .failed(.accessDenied)])
        let failure = try #require(Advice.refusal(in: DoctorReport(facts)))
        #expect(failure.code.rawValue == 77)
        #expect(failure.lines.count == 3)
        #expect(failure.lines[0].hasPrefix("jostle: "))
        #expect(failure.lines[2].contains("setcap cap_perfmon+ep"))
        facts.trials = [.ownThread: .failed(.noSystemCall), .sampling: .failed(.noSystemCall)]
        #expect(Advice.refusal(in: DoctorReport(facts))?.code.rawValue == 69)
        facts.trials = [.ownThread: .worked, .sampling: .worked]
        #expect(Advice.refusal(in: DoctorReport(facts)) == nil)
    }
}
