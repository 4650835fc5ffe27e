internal import CElfutils
internal import Glibc

/// One ELF image open in libelf: a file by its descriptor, or bytes in memory.
///
/// Sections are read with pread(2) when asked for, never mapped: a file that is truncated meanwhile gives an error, not a
/// SIGBUS. Everything handed out is bounds-checked bytes.
///
/// Safe: the handle and the memory it points into are made in the initialisers, never leave but to `DebugInformation`
/// (which is borrowed from here), and are released once, in `deinit`.
@safe
struct ElfImage: ~Copyable {
    /// The libelf handle; for `DebugInformation`, which must not outlive this image.
    let handle: OpaquePointer
    /// Our own duplicate, or -1 for an image in memory.
    private let descriptor: Int32
    /// Our own copy of an image in memory.
    private let memory: UnsafeMutableRawBufferPointer?
    let fileHeader: FileHeader
    let programHeaders: [ProgramHeader]
    let sections: [Section]

    struct FileHeader {
        var machine: Int32
        var is64Bit: Bool
        var type: Int32
    }

    struct ProgramHeader {
        var type: UInt32
        var flags: UInt32
        var offset: UInt64
        var address: UInt64
        var fileSize: UInt64
        var memorySize: UInt64
        var isLoadedCode: Bool { type == UInt32(PT_LOAD) && flags & UInt32(PF_X) != 0 }

        func contains(_ other: UInt64) -> Bool { other >= address && other &- address < memorySize }
    }

    struct Section {
        var index: Int
        var name: String
        var type: UInt32
        var flags: UInt64
        var address: UInt64
        var offset: UInt64
        var size: UInt64
        var link: Int
        var info: Int
        var isCompressed: Bool { flags & UInt64(SHF_COMPRESSED) != 0 }
        var isCode: Bool { flags & UInt64(SHF_EXECINSTR) != 0 && flags & UInt64(SHF_ALLOC) != 0 }

        func contains(_ other: UInt64) -> Bool { other >= address && other &- address < size }
    }

    /// More program or section headers than any linker writes are refused.
    private static let maximumHeaderCount = 1 << 17
    /// The largest section that is read: one of a sparse file can claim terabytes.
    static let maximumSectionByteCount: UInt64 = 2 << 30

    /// - Parameter borrowed: any descriptor of a regular file; it is duplicated, and its position is not used.
    init(descriptor borrowed: Int32, maximumByteCount: Int64) throws(ObjectFileError) {
        var status = stat()
        // fstat(2) writes one struct that we own.
        guard unsafe fstat(borrowed, &status) == 0 else { throw .system(errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
        guard status.st_size <= maximumByteCount else { throw .tooLarge(byteCount: Int64(status.st_size)) }
        let own = fcntl(borrowed, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { throw .system(errno: errno) }
        // elf_begin takes no pointer of ours; the handle is ended below or in deinit.
        guard Self.libraryIsReady, let handle = unsafe elf_begin(own, ELF_C_READ, nil) else {
            let reason = Self.lastError
            close(own)
            throw .notELF(reason: reason)
        }
        let contents: (FileHeader, [ProgramHeader], [Section])
        do throws(ObjectFileError) {
            // The handle was made above.
            contents = try unsafe Self.headers(of: handle)
        } catch {
            // The handle is not used after this.
            unsafe elf_end(handle)
            close(own)
            throw error
        }
        // Both are released in deinit only.
        unsafe self.handle = handle
        self.descriptor = own
        // There is no memory of ours behind a file.
        unsafe self.memory = nil
        (fileHeader, programHeaders, sections) = contents
    }

    /// - Parameter image: a whole ELF file; copied.
    init(image: borrowing RawSpan) throws(ObjectFileError) {
        // Freed below when libelf refuses it, else in deinit.
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(image.byteCount, 1), alignment: 16)
        // The destination was allocated with the source's size.
        unsafe image.withUnsafeBytes { unsafe memory.copyMemory(from: $0) }
        // libelf keeps the pointer; it is freed after elf_end only.
        let start = unsafe memory.baseAddress?.assumingMemoryBound(to: CChar.self)
        // As above.
        guard Self.libraryIsReady, let handle = unsafe elf_memory(start, image.byteCount) else {
            let reason = Self.lastError
            // Nobody else knows this memory.
            unsafe memory.deallocate()
            throw .notELF(reason: reason)
        }
        let contents: (FileHeader, [ProgramHeader], [Section])
        do throws(ObjectFileError) {
            // The handle was made above.
            contents = try unsafe Self.headers(of: handle)
        } catch {
            // The handle is not used after this.
            unsafe elf_end(handle)
            // libelf has let go of it on the line before.
            unsafe memory.deallocate()
            throw error
        }
        // Both are released in deinit only.
        unsafe self.handle = handle
        self.descriptor = -1
        // As above.
        unsafe self.memory = memory
        (fileHeader, programHeaders, sections) = contents
    }

    deinit {
        // Nothing handed out lives longer than the image.
        unsafe elf_end(handle)
        if descriptor >= 0 { close(descriptor) }
        // libelf has let go of it at elf_end.
        unsafe memory?.deallocate()
    }

    /// Whether libelf agreed on its version; asked once, before any other call.
    private static let libraryIsReady = elf_version(UInt32(EV_CURRENT)) != UInt32(EV_NONE)

    private static var lastError: String {
        // elf_errmsg gives a static string, or nil when there is no error.
        unsafe elf_errmsg(-1).map { unsafe String(cString: $0) } ?? "unknown"
    }
}

// MARK: Reading

extension ElfImage {
    /// Calls `body` with the bytes of a section as they are in the file, or decompressed where it is compressed.
    ///
    /// - Returns: nil when the section has no bytes in the file, is too large, or cannot be read.
    func withBytes<Result>(of section: Section, _ body: (borrowing RawSpan) -> Result) -> Result? {
        guard section.type != UInt32(SHT_NOBITS), section.size <= Self.maximumSectionByteCount,
            // elf_getscn checks the index; a section handle lives as long as the image.
            let scn = unsafe elf_getscn(handle, section.index)
        else { return nil }
        if section.isCompressed {
            var header = GElf_Chdr()
            // gelf_getchdr writes one struct that we own.
            guard unsafe gelf_getchdr(scn, &header) != nil, header.ch_size <= Self.maximumSectionByteCount,
                // elf_compress replaces the section's data within libelf.
                unsafe elf_compress(scn, 0, 0) >= 0
            else { return nil }
            // elf_getdata gives nil or a descriptor that lives as long as the image.
            return unsafe Self.withBytes(of: elf_getdata(scn, nil), body)
        }
        // elf_rawdata gives nil or a descriptor that lives as long as the image.
        return unsafe Self.withBytes(of: elf_rawdata(scn, nil), body)
    }

    /// Calls `body` with `count` bytes of the file.
    ///
    /// - Returns: nil when the file does not have them all.
    func withBytes<Result>(at offset: UInt64, count: Int, _ body: (borrowing RawSpan) -> Result) -> Result? {
        guard let offset = Int64(exactly: offset), count > 0, UInt64(count) <= Self.maximumSectionByteCount else {
            return nil
        }
        // elf_getdata_rawchunk gives nil or a descriptor that lives as long as the image.
        return unsafe Self.withBytes(of: elf_getdata_rawchunk(handle, offset, count, ELF_T_BYTE), body)
    }

    private static func withBytes<Result>(
        of data: UnsafeMutablePointer<Elf_Data>?, _ body: (borrowing RawSpan) -> Result
    ) -> Result? {
        // The descriptor is libelf's and is only read.
        guard let data = unsafe data?.pointee, let start = unsafe data.d_buf else { return nil }
        // libelf allocated d_size bytes at d_buf and keeps them for the image's life, which this call is within.
        return unsafe body(UnsafeRawBufferPointer(start: start, count: data.d_size).bytes)
    }

    /// The bytes a section has once it is decompressed.
    func unpackedSize(of section: Section) -> UInt64 {
        if section.isCompressed {
            var header = GElf_Chdr()
            // elf_getscn checks the index, gelf_getchdr writes one struct that we own.
            guard unsafe gelf_getchdr(elf_getscn(handle, section.index), &header) != nil else { return section.size }
            return header.ch_size
        }
        guard section.name.hasPrefix(".zdebug_") else { return section.size }
        // The old GNU form: "ZLIB" and the size as a big-endian number.
        return withBytes(at: section.offset, count: 12) { $0.uint64(at: 4)?.byteSwapped ?? section.size }
            ?? section.size
    }

    /// The section of that name; the first, where a file has several.
    func section(named name: String) -> Section? {
        sections.first { $0.name == name }
    }

    /// The file position that holds the byte at a link-time address, and how many bytes of its segment follow it.
    func fileRange(at address: UInt64) -> (offset: UInt64, available: UInt64)? {
        for header in programHeaders where header.type == UInt32(PT_LOAD) {
            let distance = address &- header.address
            if address >= header.address, distance < header.fileSize {
                let (offset, overflow) = header.offset.addingReportingOverflow(distance)
                return overflow ? nil : (offset, header.fileSize - distance)
            }
        }
        return nil
    }

    /// The NT_GNU_BUILD_ID note.
    var buildID: [UInt8]? {
        var start: UnsafeRawPointer?
        // dwelf_elf_gnu_build_id points `start` at as many bytes as it returns, within the image.
        let count = unsafe dwelf_elf_gnu_build_id(handle, &start)
        guard count > 0, count <= 64, let start = unsafe start else { return nil }
        // As above: `count` bytes at `start`, copied at once.
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }
}

// MARK: Headers

extension ElfImage {
    private static func headers(
        of handle: OpaquePointer
    ) throws(ObjectFileError) -> (FileHeader, [ProgramHeader], [Section]) {
        // The handle is the caller's and valid, here and below.
        guard unsafe elf_kind(handle) == ELF_K_ELF else { throw .notELF(reason: "not an ELF file") }
        var header = GElf_Ehdr()
        // gelf_getehdr writes one struct that we own.
        guard unsafe gelf_getehdr(handle, &header) != nil else { throw .notELF(reason: lastError) }
        // e_ident: byte 4 is the class, byte 5 the byte order.
        guard header.e_ident.5 == UInt8(ELFDATA2LSB) else { throw .unsupported(reason: "big-endian") }
        let type = Int32(header.e_type)
        guard type == ET_EXEC || type == ET_DYN else { throw .unsupported(reason: "neither executable nor library") }
        let fileHeader = FileHeader(
            machine: Int32(header.e_machine), is64Bit: header.e_ident.4 == UInt8(ELFCLASS64), type: type)
        // As above.
        return unsafe (fileHeader, try readProgramHeaders(handle), try readSections(handle))
    }

    private static func readProgramHeaders(_ handle: OpaquePointer) throws(ObjectFileError) -> [ProgramHeader] {
        var count = 0
        // elf_getphdrnum writes one number that we own.
        guard unsafe elf_getphdrnum(handle, &count) == 0 else { throw .notELF(reason: lastError) }
        guard count <= maximumHeaderCount else { throw .notELF(reason: "\(count) program headers") }
        var headers: [ProgramHeader] = []
        for index in 0..<count {
            var header = GElf_Phdr()
            // gelf_getphdr writes one struct that we own.
            guard unsafe gelf_getphdr(handle, Int32(index), &header) != nil else { continue }
            headers.append(
                ProgramHeader(
                    type: header.p_type, flags: header.p_flags, offset: header.p_offset, address: header.p_vaddr,
                    fileSize: header.p_filesz, memorySize: header.p_memsz))
        }
        return headers
    }

    private static func readSections(_ handle: OpaquePointer) throws(ObjectFileError) -> [Section] {
        var count = 0
        var names = 0
        // elf_getshdrnum and elf_getshdrstrndx write one number each, which we own.
        guard unsafe elf_getshdrnum(handle, &count) == 0 else { throw .notELF(reason: lastError) }
        guard count <= maximumHeaderCount else { throw .notELF(reason: "\(count) section headers") }
        // As above.
        guard count > 0, unsafe elf_getshdrstrndx(handle, &names) == 0 else { return [] }
        var sections: [Section] = []
        // Section handles live as long as the image's handle.
        var section = unsafe elf_nextscn(handle, nil)
        // As above.
        while let current = unsafe section, sections.count < count {
            // As above.
            defer { unsafe section = elf_nextscn(handle, current) }
            var header = GElf_Shdr()
            // gelf_getshdr writes one struct that we own.
            guard unsafe gelf_getshdr(current, &header) != nil else { continue }
            // elf_strptr gives nil or a string that ends within its section.
            let name = unsafe elf_strptr(handle, names, Int(header.sh_name)).map { unsafe String(cString: $0) }
            sections.append(
                Section(
                    // As above.
                    index: unsafe elf_ndxscn(current), name: name ?? "", type: header.sh_type, flags: header.sh_flags,
                    address: header.sh_addr, offset: header.sh_offset, size: header.sh_size,
                    link: Int(header.sh_link), info: Int(header.sh_info)))
        }
        return sections
    }
}
