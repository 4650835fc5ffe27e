import ObjectTables
import ProfileModel
import TestSupport
import Testing
import Unwinding

@Suite("Address space") struct AddressSpaceTests {
    private func mapping(_ range: Range<UInt64>, module: Int32 = 0, bias: UInt64 = 0) -> MappedCode {
        MappedCode(
            start: VirtualAddress(range.lowerBound), end: VirtualAddress(range.upperBound), bias: bias, module: module)
    }

    @Test("A mapping holds from its first address up to the last before its end") func bounds() {
        var space = AddressSpace()
        space.insert(mapping(0x1000..<0x2000, module: 1))
        space.insert(mapping(0x2000..<0x3000, module: 2))
        space.insert(mapping(0x5000..<0x6000, module: 3))
        let found = [0xfff, 0x1000, 0x1fff, 0x2000, 0x2fff, 0x3000, 0x4fff, 0x5fff, 0x6000, .max] as [UInt64]
        #expect(
            found.map { space.mapping(at: VirtualAddress($0))?.module } == [nil, 1, 1, 2, 2, nil, nil, 3, nil, nil])
    }

    @Test("A new mapping cuts what it covers in part, and both pieces keep their file addresses") func cut() throws {
        var space = AddressSpace()
        space.insert(mapping(0x1000..<0x5000, module: 1, bias: 0x400))
        space.insert(mapping(0x2000..<0x3000, module: 2))
        #expect(space.mappings.map(\.start.rawValue) == [0x1000, 0x2000, 0x3000])
        #expect(space.mappings.map(\.end.rawValue) == [0x2000, 0x3000, 0x5000])
        #expect(space.mappings.map(\.module) == [1, 2, 1])
        let behind = try #require(space.mapping(at: VirtualAddress(0x3010)))
        #expect(behind.fileAddress(of: VirtualAddress(0x3010)) == FileAddress(0x3010 - 0x400))
    }

    @Test("Random mappings over one another leave what a page table would hold") func agreesWithPageTable() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<60 {
            var space = AddressSpace()
            var pages = Array(repeating: nil as Int32?, count: 64)
            for module in 0..<50 as Range<Int32> {
                if random.next() % 40 == 0 {
                    space.removeAll()
                    pages = Array(repeating: nil, count: 64)
                }
                let first = Int.random(in: 0..<64, using: &random)
                let behind = Int.random(in: first...min(64, first + Int(1 + random.next() % 24)), using: &random)
                let isTaken = space.insert(
                    mapping(UInt64(first)..<UInt64(behind), module: module, bias: UInt64(module)))
                #expect(isTaken == (first < behind))
                for page in first..<behind { pages[page] = module }

                let found = pages.indices.map { space.mapping(at: VirtualAddress(UInt64($0))) }
                #expect(found.map { $0?.module } == pages)
                // A piece that was cut off is still its module's.
                #expect(found.allSatisfy { $0 == nil || $0?.bias == $0.map { UInt64($0.module) } })
                #expect(zip(space.mappings, space.mappings.dropFirst()).allSatisfy { $0.end <= $1.start })
                #expect(space.mappings.allSatisfy { $0.start < $0.end })
            }
        }
    }

    @Test("A forked process's mappings are its own from then on") func fork() {
        var parent = AddressSpace()
        parent.insert(mapping(0x1000..<0x2000, module: 1))
        var child = parent
        child.insert(mapping(0x1000..<0x2000, module: 2))
        #expect(parent.mapping(at: VirtualAddress(0x1000))?.module == 1)
        #expect(child.mapping(at: VirtualAddress(0x1000))?.module == 2)
        child.removeAll()
        #expect(parent.mappings.count == 1)
        #expect(child.mapping(at: VirtualAddress(0x1000)) == nil)
    }

    @Test("Empty and inverted mappings are not taken") func emptyMappings() {
        var space = AddressSpace()
        let inverted = MappedCode(start: VirtualAddress(0x2000), end: VirtualAddress(0x1000), bias: 0, module: 0)
        let taken = [space.insert(mapping(0x1000..<0x1000)), space.insert(inverted)]
        #expect(taken == [false, false])
        #expect(space.mappings.isEmpty)
    }

    @Test("There is room for as many mappings as the kernel allows, and no more") func maximum() {
        var space = AddressSpace()
        for page in 0..<UInt64(AddressSpace.maximumCount) {
            space.insert(mapping(page * 0x2000..<page * 0x2000 + 0x1000))
        }
        #expect(space.mappings.count == AddressSpace.maximumCount)
        // Neither another one fits nor the two pieces around a hole; one that replaces another does.
        let taken = [
            space.insert(mapping(0xffff_0000_0000..<0xffff_0000_1000)), space.insert(mapping(0x400..<0x800)),
            space.insert(mapping(0..<0x1000, module: 7)),
        ]
        #expect(taken == [false, false, true])
        #expect(space.mapping(at: VirtualAddress(0x400))?.module == 7)
        #expect(space.mappings.count == AddressSpace.maximumCount)
    }

    @Test("A mapping takes 32 bytes, table or none") func size() {
        var code = mapping(0..<1)
        #expect(MemoryLayout<MappedCode>.stride == 32)
        #expect(code.table == nil)
        code.table = UnwindTables.ID(rawValue: 5)
        #expect(code.table?.rawValue == 5)
        code.table = nil
        #expect(code.table == nil)
    }
}
