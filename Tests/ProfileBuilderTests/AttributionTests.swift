import PerfRecords
import ProfileBuilder
import ProfileModel
import Recording
import TestSupport
import Testing

@Suite struct AttributionTests {
    private func containers(_ recorded: Recorded) -> [RowID] { recorded.rows.samples.map(\.container) }

    @Test("A sample of an event that counts for one container is that one's")
    func byEvent() throws {
        var recorded = Recorded(attribution: Recorded.attribution(container: 3))
        try recorded.sample(10)
        #expect(containers(recorded) == [3])
    }

    @Test("A sample of an event that nobody opened, or of one that is no sampling event, is not taken")
    func otherEvents() throws {
        var attribution = Recorded.attribution()
        attribution.events[77] = Attribution.EventUse(meaning: .syscallEntry, container: 1)
        var recorded = Recorded(attribution: attribution)
        for identifier in [UInt64(77), 78] {
            var contents = recorded.contents(10)
            contents.identifier = identifier
            try recorded.sample(contents)
        }
        #expect(containers(recorded) == [])
        #expect(recorded.builder.sampleCount == 0)
    }

    @Test("Nobody's samples are dropped, or go to the others where there is such a container")
    func others() throws {
        var recorded = Recorded(attribution: Recorded.attribution(container: nil))
        try recorded.sample(10)
        #expect(containers(recorded) == [])
        recorded.builder.attribution.others = 4
        try recorded.sample(10)
        #expect(containers(recorded) == [4])
    }

    @Test("A named process is the container's, with all that it forks, wherever these are")
    func byProcess() throws {
        var attribution = Recorded.attribution(container: nil)
        attribution.processes[ProcessID(10)] = 2
        var recorded = Recorded(attribution: attribution, asksForParents: false)
        recorded.machine.processes[ProcessID(10)] = Recorded.process("sh", threads: [10])
        recorded.builder.add(ProcessID(10))
        try recorded.fork(11, from: 10)
        try recorded.fork(12, from: 11)
        try recorded.fork(21, from: 20)
        for pid in [10, 11, 12, 20, 21] as [Int32] { try recorded.sample(pid) }
        #expect(containers(recorded) == [2, 2, 2])
        #expect(recorded.rows.processes.map(\.pid.rawValue) == [10, 11, 12])
    }

    @Test("An id that comes again as a stranger's is no named process any more")
    func processReuse() throws {
        var attribution = Recorded.attribution(container: nil)
        attribution.processes[ProcessID(10)] = 2
        var recorded = Recorded(attribution: attribution, asksForParents: false)
        recorded.machine.processes[ProcessID(10)] = Recorded.process("sh", threads: [10])
        recorded.builder.add(ProcessID(10))
        try recorded.fork(11, from: 10)
        try recorded.exit(11)
        try recorded.fork(11, from: 20)
        try recorded.sample(11)
        #expect(containers(recorded) == [])
    }

    @Test("A named process comes before its cgroup, and its cgroup before the event")
    func precedence() throws {
        var attribution = Recorded.attribution(container: 1)
        attribution.cgroups[CgroupID(500)] = 2
        attribution.processes[ProcessID(10)] = 3
        var recorded = Recorded(attribution: attribution)
        try recorded.sample(11, cgroup: 499)
        try recorded.sample(11, cgroup: 500)
        try recorded.sample(10, cgroup: 500)
        #expect(containers(recorded) == [1, 2, 3])
    }

    @Test("A cgroup that is made while it is recorded is its nearest named ancestor's")
    func newCgroups() throws {
        var attribution = Recorded.attribution(container: nil)
        attribution.paths = ["/a": 1, "/a/b": 2]
        var recorded = Recorded(attribution: attribution)
        let cgroups: [(id: UInt64, path: String, container: RowID?)] = [
            (1, "/a/x", 1), (2, "/a/x/y/z", 1), (3, "/a/b/x", 2), (4, "/a/b", 2), (5, "/ab", nil), (6, "/c/a", nil),
            (7, "/", nil), (8, "", nil), (9, "/a/bb", 1), (10, "a", nil),
        ]
        for cgroup in cgroups {
            try recorded.cgroup(cgroup.id, cgroup.path)
            try recorded.sample(10, cgroup: cgroup.id)
        }
        #expect(containers(recorded) == cgroups.compactMap(\.container))
    }

    @Test("Below a named root lies every cgroup that is not named otherwise")
    func root() throws {
        var attribution = Recorded.attribution(container: nil)
        attribution.paths = ["/": 1, "/a": 2]
        var recorded = Recorded(attribution: attribution)
        try recorded.cgroup(5, "/x/y")
        try recorded.cgroup(6, "/a/y")
        try recorded.sample(10, cgroup: 5)
        try recorded.sample(10, cgroup: 6)
        #expect(containers(recorded) == [1, 2])
    }

    @Test("What a cgroup was named before stays")
    func namedBefore() throws {
        var attribution = Recorded.attribution(container: nil)
        attribution.paths = ["/a": 1]
        attribution.cgroups[CgroupID(5)] = 2
        var recorded = Recorded(attribution: attribution)
        try recorded.cgroup(5, "/a")
        try recorded.sample(10, cgroup: 5)
        #expect(containers(recorded) == [2])
    }
}
