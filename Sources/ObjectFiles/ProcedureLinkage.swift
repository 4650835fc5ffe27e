internal import CElfutils

/// The entries of a procedure linkage table, named after the functions they jump to: `write@plt`.
///
/// An entry is known by the slot of the global offset table that it jumps through, not by its position: linkers differ in
/// how many header entries there are, and in which section.
enum ProcedureLinkage {
    private static let sectionNames: Set<String> = [".plt", ".plt.sec", ".plt.got", ".iplt"]

    static func entries(of image: borrowing ElfImage) -> [(range: Range<UInt64>, name: [UInt8])] {
        let machine = Int(image.fileHeader.machine)
        guard image.fileHeader.is64Bit, machine == Int(EM_X86_64) || machine == Int(EM_AARCH64) else { return [] }
        let slots = slotNames(of: image, machine: machine)
        guard !slots.isEmpty else { return [] }
        var entries: [(range: Range<UInt64>, name: [UInt8])] = []
        for section in image.sections where section.isCode && sectionNames.contains(section.name) {
            _ = image.withBytes(of: section) { bytes in
                var offset = 0
                while offset < bytes.byteCount {
                    defer { offset += machine == Int(EM_X86_64) ? 8 : 4 }
                    let address = section.address &+ UInt64(offset)
                    guard
                        let target = machine == Int(EM_X86_64)
                            ? amd64Slot(bytes, at: offset, address: address)
                            : arm64Slot(bytes, at: offset, address: address),
                        let name = slots[target.slot]
                    else { continue }
                    entries.append((address..<address &+ target.byteCount, name + Array("@plt".utf8)))
                }
            }
        }
        return entries
    }

    /// Slot of the global offset table → the symbol whose address the dynamic linker puts there.
    private static func slotNames(of image: borrowing ElfImage, machine: Int) -> [UInt64: [UInt8]] {
        let types: Set<UInt32> =
            machine == Int(EM_X86_64)
            ? [UInt32(R_X86_64_JUMP_SLOT), UInt32(R_X86_64_GLOB_DAT)]
            : [UInt32(R_AARCH64_JUMP_SLOT), UInt32(R_AARCH64_GLOB_DAT)]
        guard let symbols = image.sections.first(where: { $0.type == UInt32(SHT_DYNSYM) }),
            let strings = image.sections.first(where: { $0.index == symbols.link })
        else { return [:] }
        var indices: [UInt64: Int] = [:]
        for section in image.sections where section.type == UInt32(SHT_RELA) && section.link == symbols.index {
            _ = image.withBytes(of: section) { bytes in
                // Elf64_Rela: slot, symbol and type, addend.
                for offset in stride(from: 0, to: bytes.byteCount - 23, by: 24) {
                    guard let slot = bytes.uint64(at: offset), let info = bytes.uint64(at: offset + 8),
                        types.contains(UInt32(truncatingIfNeeded: info)), info >> 32 != 0
                    else { continue }
                    indices[slot] = Int(info >> 32)
                }
            }
        }
        var names: [UInt64: [UInt8]] = [:]
        _ = image.withBytes(of: symbols) { symbolBytes in
            let offsets = indices.compactMapValues {
                SymbolRecord(symbolBytes, at: $0 * 24, is64Bit: true).map { Int($0.name) }
            }
            _ = image.withBytes(of: strings) { stringBytes in
                for (slot, offset) in offsets {
                    if let name = stringBytes.string(at: offset, limit: 1024), !name.isEmpty { names[slot] = name }
                }
            }
        }
        return names
    }

    /// `endbr64`? `bnd`? `jmp *slot(%rip)` at the start of an entry.
    private static func amd64Slot(
        _ bytes: borrowing RawSpan, at offset: Int, address: UInt64
    ) -> (slot: UInt64, byteCount: UInt64)? {
        var position = offset
        // endbr64 is F3 0F 1E FA.
        if bytes.uint32(at: position) == 0xFA1E_0FF3 { position += 4 }
        if bytes.byte(at: position) == 0xF2 { position += 1 }
        guard bytes.byte(at: position) == 0xFF, bytes.byte(at: position + 1) == 0x25,
            let distance = bytes.uint32(at: position + 2)
        else { return nil }
        let next = address &+ UInt64(position + 6 - offset)
        // Only .plt.got has entries of 8 bytes, and there the next one begins behind them.
        let isShort = bytes.byte(at: offset + 8) == 0xFF && bytes.byte(at: offset + 9) == 0x25
        let byteCount: UInt64 = isShort || offset + 16 > bytes.byteCount ? 8 : 16
        return (next &+ UInt64(bitPattern: Int64(Int32(bitPattern: distance))), byteCount)
    }

    /// `adrp x16, page; ldr x17, [x16, #offset]`.
    private static func arm64Slot(
        _ bytes: borrowing RawSpan, at offset: Int, address: UInt64
    ) -> (slot: UInt64, byteCount: UInt64)? {
        guard let first = bytes.uint32(at: offset), first & 0x9F00_001F == 0x9000_0010,
            let second = bytes.uint32(at: offset + 4), second & 0xFFC0_03FF == 0xF940_0211
        else { return nil }
        let immediate = UInt64((first >> 5) & 0x7FFFF) << 2 | UInt64((first >> 29) & 3)
        let pages = Int64(bitPattern: immediate << 43) >> 43
        let page = (address & ~0xFFF) &+ UInt64(bitPattern: pages << 12)
        return (page &+ UInt64((second >> 10) & 0xFFF) &* 8, 16)
    }
}
