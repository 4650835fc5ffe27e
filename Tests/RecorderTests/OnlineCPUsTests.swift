import Testing

@testable import Recorder

@Suite struct OnlineCPUsTests {
    @Test("A CPU that goes offline or comes online is told once")
    func changes() {
        var cpus = OnlineCPUs([0, 1, 3])
        #expect(cpus.notes(online: [0, 1, 3], at: 1) == [])
        #expect(
            cpus.notes(online: [0, 2, 4], at: 2.5) == [
                "CPU 1, 3 went offline by 2.5 s: what runs there since is not recorded",
                "CPU 2, 4 came online by 2.5 s: what runs there since is not recorded",
            ])
        #expect(cpus.notes(online: [0, 2, 4], at: 3) == [])
        // Its events are gone for good.
        #expect(
            cpus.notes(online: [0, 1, 2, 4], at: 4)
                == ["CPU 1 came online by 4.0 s: what runs there since is not recorded"])
    }
}
