import Doctor
import FoundationEssentials
import Host
import ProfileModel
import Testing

@Suite("What is found on this very machine, with whatever privileges")
struct ExaminationTests {
    @Test("Every trial is made, and what is found does not contradict itself")
    func facts() throws {
        let facts = try #require(Examination.facts())
        #expect(facts.kernel == Host().machine().kernelRelease)
        for trial in [
            MachineFacts.Trial.ownThread, .sampling, .userSampling, .cgroupMode, .cycles, .contextSwitches,
            .systemCalls,
            .lockContention, .tracefs, .kernelSymbols, .mappedFiles, .openInRoot, .cpuTimes, .machineStalls,
            .cgroupStalls,
        ] {
            #expect(facts.trials[trial] != nil, "\(trial)")
        }
        // Who may see the kernel's part of everybody may see the user part, and may sample itself.
        if facts.trials[.sampling] == .worked {
            #expect(facts.trials[.userSampling] == .worked)
            #expect(facts.trials[.ownThread] == .worked)
        }
        if facts.trials[.ownThread] == .worked {
            // 50 ms of work at 997 Hz: the samples are this process's own, so that nothing but time can lack.
            let samples = try #require(facts.samples)
            #expect(samples.withUserCallchain <= samples.count && samples.withUserStack <= samples.count)
            #expect(samples.includeKernel || samples.withKernelCallchain == 0)
            #expect(try #require(facts.limits.grantedRingBytes) <= facts.limits.wantedRingBytes)
        }
    }

    @Test("It leaves nothing open behind")
    func leavesNothing() throws {
        _ = Examination.facts()
        let before = try #require(Self.openFiles())
        _ = Examination.facts()
        // Other tests of the process may open and close theirs meanwhile; a leak would be some twenty events.
        #expect(abs(try #require(Self.openFiles()) - before) < 10)
    }

    private static func openFiles() -> Int? {
        try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }
}
