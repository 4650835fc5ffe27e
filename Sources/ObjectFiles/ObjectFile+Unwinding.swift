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
        let code = image.programHeaders.filter(\.isLoadedCode).map {
            $0.address..<max($0.address, $0.address.addingReportingOverflow($0.memorySize).partialValue)
        }
        let none = UnwindTable(base: FileAddress(0), skipped: "no unwind information")
        var table = none
        withExceptionFrames { bytes, address, hasSize in
            let entries = CallFrameEntries(
                format: .ehFrame, bytes: bytes, sectionAddress: address, addressByteCount: 8,
                stopsAtTerminator: !hasSize)
            table = UnwindRows.table(of: entries, bytes: bytes, registers: registers, code: code)
        }
        guard let section = image.section(named: ".debug_frame") else { return table }
        let more = image.withBytes(of: section) { bytes in
            let entries = CallFrameEntries(
                format: .debugFrame, bytes: bytes, sectionAddress: 0, addressByteCount: 8, stopsAtTerminator: false)
            return UnwindRows.table(of: entries, bytes: bytes, registers: registers, code: code)
        }
        return table.fillingGaps(from: more ?? none)
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
}
