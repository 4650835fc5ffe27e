import PerfRecords
import ProfileBuilder
import Testing

@testable import PerfEvents
@testable import Recorder

@Suite("How large rings are made")
struct RingSizeTests {
    private static let mebibyte = 1 << 20

    @Test(
        "All rings together keep to the budget, each a power of two",
        arguments: [(cpus: 2, MiB: 32), (8, 32), (9, 16), (16, 16), (64, 4), (72, 2), (128, 2), (256, 1)])
    func budget(example: (cpus: Int, MiB: Int)) {
        let size = RingSize(
            wanted: 32 * Self.mebibyte, cpus: example.cpus, budget: RingCapacity.defaultBudget, lockable: nil)
        #expect(size.capacity == example.MiB * Self.mebibyte)
        #expect(size.capacity * example.cpus <= 256 * Self.mebibyte)
        #expect(size.reason == (example.cpus <= 8 ? nil : .budget(RingCapacity.defaultBudget)))
        let note = size.note(cpus: example.cpus)
        #expect(note == nil || note?.contains("\(example.MiB) MiB instead of 32 MiB") == true)
        #expect((note == nil) == (example.cpus <= 8))
    }

    @Test("What the kernel lets a user lock is shared by all rings, and each has a page beside its data")
    func locked() {
        // The kernel's default of 516 KiB for each CPU is 512 KiB and that page.
        let size = RingSize(
            wanted: 32 * Self.mebibyte, cpus: 4, budget: RingCapacity.defaultBudget, lockable: 4 * 516 << 10)
        #expect(size.capacity == 512 << 10)
        #expect(size.reason == .lockedMemory(4 * 516 << 10))
        #expect(size.note(cpus: 4)?.contains("CAP_IPC_LOCK") == true)
        // With 8 MiB of RLIMIT_MEMLOCK besides there are 2,564 KiB for each.
        let more = RingSize(
            wanted: 32 * Self.mebibyte, cpus: 4, budget: RingCapacity.defaultBudget,
            lockable: (4 * 516 << 10) + (8 << 20))
        #expect(more.capacity == 2 * Self.mebibyte)
    }

    @Test("No ring is below the smallest, whatever is allowed, and none larger than wanted")
    func bounds() {
        #expect(RingSize(wanted: 1 << 20, cpus: 64, budget: 1, lockable: nil).capacity == RingCapacity.smallest)
        #expect(RingSize(wanted: 1 << 20, cpus: 64, budget: 1 << 30, lockable: 0).capacity == RingCapacity.smallest)
        #expect(RingSize(wanted: 1 << 20, cpus: 2, budget: 1 << 40, lockable: nil).capacity == 1 << 20)
    }

    private static func kind(_ meaning: EventKind.Meaning, bytes: Int, rate: Int) -> EventKind {
        EventKind(
            meaning: meaning,
            description: EventDescription(
                source: .dummy, sampling: .counting, layout: SampleLayout(sampleFields: [.identifier])), weight: 1,
            sampleBytes: bytes, rate: rate)
    }

    @Test("What is sampled in a quarter of a second fits in the ring, until there is little left to give up")
    func rates() {
        let kinds = [
            Self.kind(.onCPU, bytes: 8_692, rate: 199), Self.kind(.switchedOut, bytes: 8_692, rate: 2_000),
            Self.kind(.syscallEntry, bytes: 160, rate: 4_000),
        ]
        for cpus in [2, 9, 16, 32, 72] {
            let ring = RingSize(
                wanted: 32 * Self.mebibyte, cpus: cpus, budget: RingCapacity.defaultBudget, lockable: nil)
            let rates = SamplingRates(kinds, ring: ring)
            let perSecond = 199 * 8_692 + rates.switches * 8_692 + rates.calls * 160
            #expect(perSecond <= ring.capacity * 4, "\(cpus) CPUs")
            #expect(rates.switches <= 2_000 && rates.calls <= 4_000)
            #expect(rates.firstSwitchPeriod == UInt64(32 * Self.mebibyte / ring.capacity) | 1 || ring.reason == nil)
        }
        let ample = SamplingRates(
            kinds, ring: RingSize(wanted: 32 << 20, cpus: 2, budget: 256 << 20, lockable: nil))
        #expect(ample.switches == 2_000 && ample.calls == 4_000 && ample.firstSwitchPeriod == 1)
        let tiny = SamplingRates(kinds, ring: RingSize(wanted: 32 << 20, cpus: 2, budget: 1, lockable: nil))
        #expect(tiny.switches == 100 && tiny.calls == 163)
    }

    @Test("A recording without switches or calls has rates that nothing is divided by")
    func fewKinds() {
        let rates = SamplingRates(
            [Self.kind(.onCPU, bytes: 500, rate: 199)],
            ring: RingSize(wanted: 1 << 20, cpus: 1, budget: 1 << 30, lockable: nil))
        #expect(rates.switches >= 1 && rates.calls >= 1)
    }
}
