internal import CElfutils
internal import ProfileModel

/// The debug information of one ELF image, open in libdw.
///
/// libdw would open further files by names that it finds inside (split units, alternate files); nothing here asks for
/// split units, and an empty alternate file is put in the place of the named one.
///
/// Safe: the handle is made and released here; it points into the image, which callers keep alive around it.
@safe
struct DebugInformation: ~Copyable {
    private let handle: OpaquePointer
    private let alternate: OpaquePointer?
    private let alternateImage: ElfImage?

    /// - Parameter image: must outlive this value.
    /// - Returns: nil when the image has no debug information that libdw can read.
    init?(image: borrowing ElfImage) {
        Self.hideUnused(in: image)
        // The image's handle is valid for the image's life.
        guard let handle = unsafe dwarf_begin_elf(image.handle, DWARF_C_READ, nil) else { return nil }
        guard Self.stringsEnd(in: image) else {
            // Nobody else knows this handle.
            unsafe dwarf_end(handle)
            return nil
        }
        // Bytes have no padding, so their raw view shows nothing uninitialised.
        let empty = try? unsafe ElfImage(image: Self.emptyImage.span.bytes)
        // As above.
        let alternate = unsafe Self.open(empty)
        // Both handles were made above; the alternate one is ended after the main one, in deinit.
        unsafe dwarf_setalt(handle, alternate)
        // As above.
        unsafe self.handle = handle
        // As above.
        unsafe self.alternate = alternate
        alternateImage = empty
    }

    private static func open(_ image: borrowing ElfImage?) -> OpaquePointer? {
        switch image {
        // The image's handle is valid for the image's life.
        case .some(let image): unsafe dwarf_begin_elf(image.handle, DWARF_C_READ, nil)
        case .none: nil
        }
    }

    deinit {
        // No entry is used after its debug information.
        unsafe dwarf_end(handle)
        // Nothing refers to it any more.
        if let alternate = unsafe alternate { unsafe dwarf_end(alternate) }
    }

    /// Sections that libdw would read and that say nothing about functions and lines: where variables lie, macros,
    /// indices.
    private static let unused = ["loc", "loclists", "frame", "macro", "macinfo", "pubnames", "pubtypes"]

    private static func isUnused(_ section: ElfImage.Section) -> Bool {
        unused.contains { section.name == ".debug_" + $0 || section.name == ".zdebug_" + $0 }
    }

    /// Makes compressed sections that nobody here needs look empty: libdw decompresses all that it knows when it opens a
    /// file, which is most of what naming a few addresses of a large one costs.
    private static func hideUnused(in image: borrowing ElfImage) {
        for section in image.sections where section.isCompressed && isUnused(section) {
            // The image's handle is valid for the image's life; nil for an index that it does not have.
            guard let place = unsafe elf_getscn(image.handle, section.index) else { continue }
            var header = GElf_Shdr()
            // Reads and writes libelf's own copy of the header; the file is open for reading only.
            guard unsafe gelf_getshdr(place, &header) != nil else { continue }
            header.sh_type = UInt32(SHT_NOBITS)
            // As above.
            _ = unsafe gelf_update_shdr(place, &header)
        }
    }

    /// Whether the last string of each section of strings ends within it. libdw up to 0.188 at least reads a file's name in
    /// .debug_line_str up to its NUL, wherever that is: what another file left in memory would be part of the name.
    ///
    /// To be asked once libdw has the image open, and so the sections decompressed.
    private static func stringsEnd(in image: borrowing ElfImage) -> Bool {
        for section in image.sections where section.type != UInt32(SHT_NOBITS) {
            guard section.name.hasSuffix("debug_str") || section.name.hasSuffix("debug_line_str") else { continue }
            // The image's handle is valid for the image's life; what libelf hands out is nil, or lives as long.
            let data = unsafe elf_getdata(elf_getscn(image.handle, section.index), nil)
            // As above: `d_size` bytes at `d_buf`.
            guard let data = unsafe data?.pointee, let start = unsafe data.d_buf else { continue }
            // As above.
            if unsafe UnsafeRawBufferPointer(start: start, count: data.d_size).last ?? 0 != 0 { return false }
        }
        return true
    }

    /// The bytes that libdw will read: all debug sections that are used, decompressed.
    static func byteCount(in image: borrowing ElfImage) -> UInt64 {
        var sum: UInt64 = 0
        for section in image.sections where section.type != UInt32(SHT_NOBITS) && !isUnused(section) {
            guard section.name.hasPrefix(".debug_") || section.name.hasPrefix(".zdebug_") else { continue }
            let (next, overflow) = sum.addingReportingOverflow(image.unpackedSize(of: section))
            if overflow { return .max }
            sum = next
        }
        return sum
    }

    static func exists(in image: borrowing ElfImage) -> Bool {
        image.sections.contains {
            $0.type != UInt32(SHT_NOBITS) && ($0.name == ".debug_info" || $0.name == ".zdebug_info")
        }
    }

    /// A 64-bit ELF file with an empty .debug_info and nothing else: references into it find nothing.
    private static let emptyImage: [UInt8] = {
        let names = Array("\0.debug_info\0.shstrtab\0".utf8)
        let contents: [UInt8] = [0, 0, 0, 0]
        var image: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        func append(_ value: UInt64, _ count: Int) {
            for index in 0..<count { image.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))) }
        }
        let namesOffset = UInt64(64 + contents.count)
        let headersOffset = (namesOffset + UInt64(names.count) + 7) & ~7
        // e_type, e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, e_ehsize … e_shstrndx
        for (value, count) in [
            (UInt64(ET_DYN), 2), (UInt64(EM_X86_64), 2), (1, 4), (0, 8), (0, 8), (headersOffset, 8), (0, 4), (64, 2),
            (56, 2), (0, 2), (64, 2), (3, 2), (2, 2),
        ] { append(value, count) }
        image += contents + names
        image += [UInt8](repeating: 0, count: Int(headersOffset) - image.count)
        // sh_name, sh_type, sh_flags, sh_addr, sh_offset, sh_size, sh_link, sh_info, sh_addralign, sh_entsize
        for header in [
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [1, UInt64(SHT_PROGBITS), 0, 0, 64, UInt64(contents.count), 0, 0, 1, 0],
            [13, UInt64(SHT_STRTAB), 0, 0, namesOffset, UInt64(names.count), 0, 0, 1, 0],
        ] {
            for (value, count) in zip(header, [4, 4, 8, 8, 8, 8, 4, 4, 8, 8]) { append(value, count) }
        }
        return image
    }()
}

extension DebugInformation {
    /// The units' top entries in the order of the file; type units and partial units among them.
    ///
    /// Safe: the pointer is libdw's own, and only goes back to it.
    @safe
    struct Units {
        fileprivate var next: OpaquePointer?
    }

    /// - Parameter units: where the last call stopped; a new value to begin.
    /// - Returns: nil at the end, or where the headers stop making sense.
    func nextUnit(_ units: inout Units) -> DebugEntry? {
        // An empty struct for libdw to fill in.
        var die = unsafe Dwarf_Die()
        // libdw writes one pointer and one struct that we own; a nil for the split unit keeps it from opening files.
        let result = unsafe dwarf_get_units(handle, units.next, &units.next, nil, nil, &die, nil)
        // The entry is made by libdw on success.
        return result == 0 ? unsafe DebugEntry(die) : nil
    }

    /// The unit that .debug_aranges names for an address, and its place in .debug_info.
    func unit(inAddressTableAt address: UInt64) -> (offset: UInt64, entry: DebugEntry)? {
        var table: OpaquePointer?
        var count = 0
        var offset: Dwarf_Off = 0
        // An empty struct for libdw to fill in.
        var die = unsafe Dwarf_Die()
        // libdw writes into variables that we own; the table lives as long as the handle.
        guard unsafe dwarf_getaranges(handle, &table, &count) == 0,
            // As above.
            let range = unsafe dwarf_getarange_addr(table, address),
            // As above; the offset is that of the unit's top entry.
            unsafe dwarf_getarangeinfo(range, nil, nil, &offset) == 0,
            // libdw checks the offset.
            unsafe dwarf_offdie(handle, offset, &die) != nil
        else { return nil }
        // As above.
        return unsafe (offset, DebugEntry(die))
    }
}

/// One debugging information entry (DIE).
///
/// Safe: it points into memory of the `DebugInformation` it came from and must not outlive it; only `ScopeSearch`, which
/// borrows that, makes and drops entries.
@safe
struct DebugEntry {
    private var die: Dwarf_Die

    fileprivate init(_ die: Dwarf_Die) {
        // A copy of the struct that libdw filled in.
        unsafe self.die = die
    }

    /// The entry's tag (`DW_TAG_subprogram` …); 0 for one that makes no sense.
    var tag: Int {
        // A copy, since libdw takes its argument as writable.
        var copy = unsafe die
        // The entry came from libdw.
        let tag = unsafe dwarf_tag(&copy)
        return tag == DW_TAG_invalid ? 0 : Int(tag)
    }

    var firstChild: DebugEntry? {
        // A copy, since libdw takes its argument as writable.
        var copy = unsafe die
        // An empty struct for libdw to fill in.
        var child = unsafe Dwarf_Die()
        // libdw writes one struct that we own, and says 0 when it did.
        return unsafe dwarf_child(&copy, &child) == 0 ? DebugEntry(child) : nil
    }

    var sibling: DebugEntry? {
        // A copy, since libdw takes its argument as writable.
        var copy = unsafe die
        // An empty struct for libdw to fill in.
        var next = unsafe Dwarf_Die()
        // libdw writes one struct that we own, and says 0 when it did.
        return unsafe dwarf_siblingof(&copy, &next) == 0 ? DebugEntry(next) : nil
    }

    /// Calls `body` with each range of addresses of this entry, until it says false.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    func forEachRange(_ body: (Range<UInt64>) -> Bool) -> Bool {
        // A copy, since libdw takes its argument as writable.
        var copy = unsafe die
        var base: Dwarf_Addr = 0
        var start: Dwarf_Addr = 0
        var end: Dwarf_Addr = 0
        var position = 0
        var found = false
        while true {
            // libdw writes three numbers that we own, and returns where to go on; 0 at the end.
            position = unsafe dwarf_ranges(&copy, position, &base, &start, &end)
            guard position > 0 else { return found }
            found = true
            if start < end, !body(start..<end) { return true }
        }
    }

    /// A number that this entry itself carries.
    func number(_ attribute: Int) -> Int? {
        // A copy, since libdw takes its argument as writable.
        var copy = unsafe die
        // An empty struct for libdw to fill in.
        var found = unsafe Dwarf_Attribute()
        var value: Dwarf_Word = 0
        // libdw writes structs that we own, and says whether it did.
        guard unsafe dwarf_attr(&copy, UInt32(attribute), &found) != nil,
            // As above.
            unsafe dwarf_formudata(&found, &value) == 0
        else { return nil }
        return Int(exactly: value)
    }

    /// The function's name as the linker knows it, where the compiler recorded that: mangled in C++, Rust and Swift.
    var linkageName: [UInt8]? { text(DW_AT_linkage_name) ?? text(DW_AT_MIPS_linkage_name) }

    /// The function's name in its source, without its namespaces and classes.
    var plainName: [UInt8]? { text(DW_AT_name) }

    /// A string of this entry, or of the abstract entry or declaration behind it (libdw follows 16 such links at most).
    private func text(_ attribute: Int) -> [UInt8]? {
        // A copy, since libdw takes its argument as writable.
        var copy = unsafe die
        // An empty struct for libdw to fill in.
        var found = unsafe Dwarf_Attribute()
        // libdw writes one struct that we own; the string ends within its section.
        guard unsafe dwarf_attr_integrate(&copy, UInt32(attribute), &found) != nil,
            // As above.
            let text = unsafe dwarf_formstring(&found)
        else { return nil }
        // As above.
        return unsafe Self.bytes(of: text)
    }

    /// Where the source of an instruction is; asked of a unit's top entry.
    func sourceLine(at address: UInt64) -> (file: String?, line: Int?)? {
        // A copy, since libdw takes its argument as writable.
        var copy = unsafe die
        // The line lives as long as the debug information; libdw sorts the unit's lines at the first call.
        guard let line = unsafe dwarf_getsrc_die(&copy, address) else { return nil }
        var number: Int32 = 0
        // libdw writes one number that we own.
        _ = unsafe dwarf_lineno(line, &number)
        // The string lives as long as the debug information.
        let file = unsafe dwarf_linesrc(line, nil, nil).map { unsafe String(losslesslyDecoding: Self.bytes(of: $0)) }
        return (file, number > 0 ? Int(number) : nil)
    }

    /// The name of a file that entries of this unit refer to by its number; asked of a unit's top entry.
    func fileName(_ index: Int) -> String? {
        // A copy, since libdw takes its argument as writable.
        var copy = unsafe die
        var files: OpaquePointer?
        var count = 0
        // libdw writes into variables that we own; the table is read once and kept.
        guard unsafe dwarf_getsrcfiles(&copy, &files, &count) == 0, index >= 0, index < count,
            // The index is within the table's count; the string lives as long as the debug information.
            let name = unsafe dwarf_filesrc(files, index, nil, nil)
        else { return nil }
        // As above.
        return unsafe String(losslesslyDecoding: Self.bytes(of: name))
    }

    /// Longer names and paths are cut: they may be as long as a section.
    private static let maximumStringByteCount = 16 << 10

    private static func bytes(of text: UnsafePointer<CChar>) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < maximumStringByteCount {
            // libdw hands out strings that end with a NUL, and this stops there.
            let byte = unsafe UInt8(bitPattern: text[bytes.count])
            if byte == 0 { break }
            bytes.append(byte)
        }
        return bytes
    }
}
