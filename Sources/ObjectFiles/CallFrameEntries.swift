internal import CElfutils

/// What many functions' call frame information has in common (a CIE).
struct CallFrameCommon {
    var codeAlignment: UInt64
    var dataAlignment: Int64
    /// DWARF's number of the column that holds the return address.
    var returnRegister: UInt64
    var isSignalFrame = false
    /// How the addresses of its entries are written (DW_EH_PE_*).
    var pointerEncoding = UInt8(DW_EH_PE_absptr)
    var addressByteCount: Int
    /// Whether entries have a block of augmentation data before their instructions.
    var hasAugmentationData = false
    var instructions: Range<Int>
}

/// One function's call frame information (an FDE): which code, and where its instructions lie in the section.
struct CallFrameEntry {
    var start: UInt64
    var end: UInt64
    /// Index into `CallFrameEntries.commons`.
    var common: Int
    var instructions: Range<Int>
}

/// The entries of one .eh_frame or .debug_frame section.
///
/// Sources: DWARF 5, 6.4.1; Linux Standard Base Core 5.0, 10.6 "Exception Frames".
struct CallFrameEntries {
    enum Format {
        case ehFrame
        case debugFrame
    }

    private(set) var commons: [CallFrameCommon] = []
    /// In the order of the section.
    private(set) var entries: [CallFrameEntry] = []
    /// Entries whose bytes made no sense.
    private(set) var malformedCount = 0

    private let format: Format
    private let sectionAddress: UInt64
    private let addressByteCount: Int
    /// Section offset of a CIE → index into `commons`; nil for one that made no sense.
    private var known: [Int: Int?] = [:]

    /// - Parameters:
    ///   - bytes: the section, decompressed.
    ///   - sectionAddress: where it is loaded at link time; addresses are written relative to it.
    ///   - stopsAtTerminator: whether a length of zero ends the section (its true size is not known), or is passed over.
    /// - Complexity: O(bytes).
    init(
        format: Format, bytes: borrowing RawSpan, sectionAddress: UInt64, addressByteCount: Int,
        stopsAtTerminator: Bool
    ) {
        self.format = format
        self.sectionAddress = sectionAddress
        self.addressByteCount = addressByteCount
        var offset = 0
        while let unit = Self.unit(at: offset, format: format, bytes: bytes) {
            offset = unit.end
            if unit.isTerminator {
                if stopsAtTerminator { break }
            } else if let common = unit.common {
                if let entry = entry(unit, common: common, bytes: bytes) {
                    entries.append(entry)
                } else {
                    malformedCount += 1
                }
            }
        }
    }

    /// The frame that CIEs and FDEs share.
    private struct Unit {
        /// Behind length and id.
        var body: Int
        var end: Int
        /// Section offset of the CIE; nil for a CIE itself.
        var common: Int?
        var isTerminator = false
    }

    private static func unit(at offset: Int, format: Format, bytes: borrowing RawSpan) -> Unit? {
        guard offset >= 0, offset < bytes.byteCount else { return nil }
        var cursor = ByteCursor(offset..<bytes.byteCount)
        guard let short = cursor.uint32(in: bytes) else { return nil }
        if short == 0 { return Unit(body: cursor.offset, end: cursor.offset, isTerminator: true) }
        let isLong = short == UInt32.max
        guard let length = isLong ? cursor.uint64(in: bytes) : UInt64(short),
            let count = Int(exactly: length), count <= bytes.byteCount - cursor.offset
        else { return nil }
        let end = cursor.offset + count
        let idOffset = cursor.offset
        // In .eh_frame the id has four bytes even behind a long length, as GNU tools write and read it.
        let hasLongID = isLong && format == .debugFrame
        let id = hasLongID ? cursor.uint64(in: bytes) : cursor.uint32(in: bytes).map(UInt64.init)
        guard let id, cursor.offset <= end else {
            return Unit(body: end, end: end, isTerminator: false)
        }
        var unit = Unit(body: cursor.offset, end: end)
        switch format {
        case .ehFrame:
            if id != 0 { unit.common = Int(exactly: id).map { idOffset - $0 } ?? -1 }
        case .debugFrame:
            if id != (hasLongID ? UInt64.max : UInt64(UInt32.max)) { unit.common = Int(exactly: id) ?? -1 }
        }
        return unit
    }

    private mutating func entry(_ unit: Unit, common offset: Int, bytes: borrowing RawSpan) -> CallFrameEntry? {
        guard let index = common(at: offset, bytes: bytes) else { return nil }
        let common = commons[index]
        var cursor = ByteCursor(unit.body..<unit.end)
        guard
            let start = pointer(
                encoding: common.pointerEncoding, width: common.addressByteCount, cursor: &cursor, bytes: bytes),
            // The range is written in the address's format, but is relative to nothing.
            let count = pointer(
                encoding: common.pointerEncoding & 0x0F, width: common.addressByteCount, cursor: &cursor, bytes: bytes)
        else { return nil }
        if common.hasAugmentationData {
            guard let length = cursor.uleb(in: bytes), cursor.skip(length) else { return nil }
        }
        let (end, overflow) = start.addingReportingOverflow(count)
        guard !overflow else { return nil }
        return CallFrameEntry(start: start, end: end, common: index, instructions: cursor.offset..<unit.end)
    }

    private mutating func common(at offset: Int, bytes: borrowing RawSpan) -> Int? {
        if let index = known[offset] { return index }
        let parsed = offset < 0 ? nil : parseCommon(at: offset, bytes: bytes)
        if let parsed { commons.append(parsed) }
        let index = parsed == nil ? nil : commons.count - 1
        known[offset] = .some(index)
        return index
    }

    private func parseCommon(at offset: Int, bytes: borrowing RawSpan) -> CallFrameCommon? {
        guard let unit = Self.unit(at: offset, format: format, bytes: bytes), !unit.isTerminator, unit.common == nil
        else { return nil }
        var cursor = ByteCursor(unit.body..<unit.end)
        guard let version = cursor.byte(in: bytes), version == 1 || version == 3 || version == 4,
            let augmentation = cursor.string(in: bytes), augmentation.count < 16
        else { return nil }
        var width = addressByteCount
        if version == 4 {
            guard let declared = cursor.byte(in: bytes), declared == 4 || declared == 8,
                let segment = cursor.byte(in: bytes), segment == 0
            else { return nil }
            width = Int(declared)
        }
        guard let codeAlignment = cursor.uleb(in: bytes), let dataAlignment = cursor.sleb(in: bytes),
            let returnRegister = version == 1
                ? cursor.byte(in: bytes).map(UInt64.init) : cursor.uleb(in: bytes)
        else { return nil }
        var common = CallFrameCommon(
            codeAlignment: codeAlignment, dataAlignment: dataAlignment, returnRegister: returnRegister,
            addressByteCount: width, instructions: cursor.offset..<unit.end)
        guard !augmentation.isEmpty else { return common }
        // Without the length that `z` brings, unknown letters cannot be passed over.
        guard augmentation[0] == UInt8(ascii: "z"), let length = cursor.uleb(in: bytes) else { return nil }
        let data = cursor.offset
        guard cursor.skip(length) else { return nil }
        common.hasAugmentationData = true
        common.instructions = cursor.offset..<unit.end
        var letters = ByteCursor(data..<cursor.offset)
        for letter in augmentation.dropFirst() {
            switch letter {
            case UInt8(ascii: "R"):
                guard let encoding = letters.byte(in: bytes) else { return nil }
                common.pointerEncoding = encoding
            case UInt8(ascii: "P"):
                // The personality routine's address: of no interest, but in the way.
                guard let encoding = letters.byte(in: bytes),
                    pointer(encoding: encoding & 0x0F, width: width, cursor: &letters, bytes: bytes) != nil
                else { return nil }
            case UInt8(ascii: "L"):
                guard letters.byte(in: bytes) != nil else { return nil }
            case UInt8(ascii: "S"):
                common.isSignalFrame = true
            case UInt8(ascii: "B"), UInt8(ascii: "G"):
                // arm64: return addresses signed with the B key; memory tagging of the stack. Neither moves anything.
                break
            default:
                return nil
            }
        }
        return common
    }

    /// An encoded pointer (DW_EH_PE_*); nil for an encoding that is not used for code, such as an indirect one.
    private func pointer(
        encoding: UInt8, width: Int, cursor: inout ByteCursor, bytes: borrowing RawSpan
    ) -> UInt64? {
        let position = cursor.offset
        let value: UInt64?
        switch Int(encoding & 0x0F) {
        case DW_EH_PE_absptr:
            value = width == 8 ? cursor.uint64(in: bytes) : cursor.uint32(in: bytes).map(UInt64.init)
        case DW_EH_PE_uleb128: value = cursor.uleb(in: bytes)
        case DW_EH_PE_sleb128: value = cursor.sleb(in: bytes).map { UInt64(bitPattern: $0) }
        case DW_EH_PE_udata2: value = cursor.uint16(in: bytes).map(UInt64.init)
        case DW_EH_PE_udata4: value = cursor.uint32(in: bytes).map(UInt64.init)
        case DW_EH_PE_udata8, DW_EH_PE_sdata8: value = cursor.uint64(in: bytes)
        case DW_EH_PE_sdata2:
            value = cursor.uint16(in: bytes).map { UInt64(bitPattern: Int64(Int16(bitPattern: $0))) }
        case DW_EH_PE_sdata4:
            value = cursor.uint32(in: bytes).map { UInt64(bitPattern: Int64(Int32(bitPattern: $0))) }
        default: value = nil
        }
        guard let value else { return nil }
        let base: UInt64
        switch Int(encoding & 0xF0) {
        case DW_EH_PE_absptr: base = 0
        case DW_EH_PE_pcrel: base = sectionAddress &+ UInt64(position)
        default: return nil
        }
        let sum = base &+ value
        return width == 8 ? sum : sum & 0xFFFF_FFFF
    }
}
