internal import CElfutils
public import ObjectTables
internal import ProfileModel

extension ObjectFile {
    /// The unwind rows of this file, from .eh_frame and, for code that it does not cover, .debug_frame.
    ///
    /// - Returns: rows in ascending order, identical neighbours folded into one, `.none` where no entry covers the code;
    ///   empty, with the reason in `skipped`, for a file that has none.
    /// - Complexity: O(bytes of the sections), and O(n log n) when the entries are not in order.
    public func unwindTable() -> UnwindTable {
        let registers: FollowedRegisters
        switch architecture {
        case .amd64: registers = .amd64
        case .arm64: registers = .arm64
        case .i386, .other: return UnwindTable(base: FileAddress(0), skipped: "architecture")
        }
        var table: UnwindTable?
        withExceptionFrames { bytes, address, hasSize in
            let entries = CallFrameEntries(
                format: .ehFrame, bytes: bytes, sectionAddress: address, addressByteCount: 8,
                stopsAtTerminator: !hasSize)
            table = rows(of: entries, bytes: bytes, registers: registers)
        }
        if let table, !table.starts.isEmpty { return table }
        if let section = image.section(named: ".debug_frame") {
            _ = image.withBytes(of: section) { bytes in
                let entries = CallFrameEntries(
                    format: .debugFrame, bytes: bytes, sectionAddress: 0, addressByteCount: 8,
                    stopsAtTerminator: false)
                table = rows(of: entries, bytes: bytes, registers: registers)
            }
        }
        return table ?? UnwindTable(base: FileAddress(0), skipped: "no unwind information")
    }

    /// Calls `body` with the bytes of .eh_frame, its address, and whether its size is known.
    private func withExceptionFrames(_ body: (borrowing RawSpan, UInt64, Bool) -> Void) {
        if let section = image.section(named: ".eh_frame"), section.type != UInt32(SHT_NOBITS) {
            if image.withBytes(of: section, { body($0, section.address, true) }) != nil { return }
        }
        // Without section headers the run-time's way: PT_GNU_EH_FRAME points at .eh_frame_hdr, and that at .eh_frame.
        guard let header = image.programHeaders.first(where: { $0.type == UInt32(PT_GNU_EH_FRAME) }),
            let file = image.fileRange(at: header.address), file.available >= 8
        else { return }
        let pointer = image.withBytes(at: file.offset, count: 8) { bytes -> UInt64? in
            // Version 1; the pointer as a signed 32-bit distance from itself, as every linker writes it.
            guard bytes.byte(at: 0) == 1, bytes.byte(at: 1) == UInt8(DW_EH_PE_pcrel | DW_EH_PE_sdata4) else {
                return nil
            }
            return bytes.uint32(at: 4).map {
                header.address &+ 4 &+ UInt64(bitPattern: Int64(Int32(bitPattern: $0)))
            }
        }
        guard let address = pointer ?? nil, let range = image.fileRange(at: address),
            let count = Int(exactly: min(range.available, ElfImage.maximumSectionByteCount))
        else { return }
        _ = image.withBytes(at: range.offset, count: count) { body($0, address, false) }
    }

    private func rows(
        of section: CallFrameEntries, bytes: borrowing RawSpan, registers: FollowedRegisters
    ) -> UnwindTable {
        // Linkers leave entries of discarded functions behind, at address 0 or nowhere: only code counts.
        let code = image.programHeaders.filter(\.isLoadedCode)
        var entries: [CallFrameEntry] = []
        entries.reserveCapacity(section.entries.count)
        for entry in section.entries {
            guard let segment = code.first(where: { $0.contains(entry.start) }) else { continue }
            var clipped = entry
            let segmentEnd = segment.address.addingReportingOverflow(segment.memorySize)
            if !segmentEnd.overflow { clipped.end = min(entry.end, segmentEnd.partialValue) }
            if clipped.end > clipped.start { entries.append(clipped) }
        }
        // Stable in effect: of two entries for one place the first in the file counts.
        let order = entries.indices.sorted { (entries[$0].start, $0) < (entries[$1].start, $1) }
        guard let first = order.first else {
            return UnwindTable(base: FileAddress(0), skipped: "no unwind information")
        }
        let base = entries[first].start
        var rows = UnwindRows(base: base, expectedCount: entries.count &* 6)
        var programs = section.commons.map { common -> CallFrameProgram? in
            var program = CallFrameProgram(registers: registers, common: common)
            var cursor = ByteCursor(common.instructions)
            guard case .finished = program.run(&cursor, in: bytes) else { return nil }
            program.markInitial()
            return program
        }
        var skipped: String?
        for index in order {
            let entry = entries[index]
            guard entry.end &- base <= UInt64(UInt32.max) else {
                skipped = "code beyond 4 GiB"
                break
            }
            guard var program = programs[entry.common] else { continue }
            // Taken out and put back, so that its array of remembered states is not copied.
            programs[entry.common] = nil
            let fits = rows.append(
                entry, isSignalFrame: section.commons[entry.common].isSignalFrame, program: &program, in: bytes)
            programs[entry.common] = program
            if !fits {
                skipped = "more than \(UnwindRows.maximumCount) rows"
                break
            }
        }
        rows.finish()
        var table = rows.table
        table.skipped = skipped ?? (section.malformedCount > 0 ? "\(section.malformedCount) malformed entries" : nil)
        return table
    }
}
