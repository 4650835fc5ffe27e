import PerfRecords
import Testing

/// The values, as perf_event_open(2) and linux/perf_event.h give them.
@Suite("The kernel's constants")
struct ConstantTests {
    @Test("The sample fields have the kernel's bits")
    func sampleFields() {
        let values: [(SampleFields, UInt64)] = [
            (.ip, 0x1), (.tid, 0x2), (.time, 0x4), (.address, 0x8), (.read, 0x10), (.callchain, 0x20), (.id, 0x40),
            (.cpu, 0x80), (.period, 0x100), (.streamID, 0x200), (.raw, 0x400), (.branchStack, 0x800),
            (.userRegisters, 0x1000), (.userStack, 0x2000), (.weight, 0x4000), (.dataSource, 0x8000),
            (.identifier, 0x1_0000), (.transaction, 0x2_0000), (.interruptRegisters, 0x4_0000),
            (.physicalAddress, 0x8_0000), (.aux, 0x10_0000), (.cgroup, 0x20_0000), (.dataPageSize, 0x40_0000),
            (.codePageSize, 0x80_0000), (.weightStruct, 0x100_0000),
        ]
        for (field, value) in values { #expect(field.rawValue == value) }
    }

    @Test("The formats that change sizes have the kernel's bits")
    func formats() {
        #expect(ReadFormat.totalTimeEnabled.rawValue == 0x1)
        #expect(ReadFormat.totalTimeRunning.rawValue == 0x2)
        #expect(ReadFormat.id.rawValue == 0x4)
        #expect(ReadFormat.group.rawValue == 0x8)
        #expect(ReadFormat.lost.rawValue == 0x10)
        #expect(BranchFormat.hardwareIndex.rawValue == 0x2_0000)
        #expect(BranchFormat.counters.rawValue == 0x8_0000)
    }

    @Test("The record types have the kernel's numbers")
    func recordTypes() {
        let values: [(RecordType, UInt32)] = [
            (.mmap, 1), (.lost, 2), (.comm, 3), (.exit, 4), (.throttle, 5), (.unthrottle, 6), (.fork, 7),
            (.sample, 9), (.mmap2, 10), (.lostSamples, 13), (.contextSwitch, 14), (.contextSwitchCPUWide, 15),
            (.kernelSymbol, 17), (.cgroup, 19),
        ]
        for (type, value) in values { #expect(type.rawValue == value) }
        #expect(values.count == RecordType.allCases.count)
    }

    @Test("The kinds of registers have the kernel's numbers")
    func registerABIs() {
        #expect(RegisterABI.none.rawValue == 0)
        #expect(RegisterABI.bits32.rawValue == 1)
        #expect(RegisterABI.bits64.rawValue == 2)
    }
}
