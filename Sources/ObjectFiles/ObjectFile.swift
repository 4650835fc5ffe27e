internal import CElfutils
public import ObjectTables
internal import ProfileModel

/// One ELF file, given as an open descriptor, read for its names and unwind rows.
///
/// One thread at a time: libelf's and libdw's handles are not made for more. No path goes in, no library type comes out.
public struct ObjectFile: ~Copyable {
    let image: ElfImage

    /// The largest file that is read, unless the caller says otherwise.
    public static let defaultMaximumByteCount: Int64 = 8 << 30

    /// Opens a file by its descriptor, which is duplicated and may be closed afterwards.
    ///
    /// - Throws: `ObjectFileError` when the file is not a regular one, too large, or not an ELF file for this room.
    public init(
        descriptor: Int32, maximumByteCount: Int64 = ObjectFile.defaultMaximumByteCount
    ) throws(ObjectFileError) {
        image = try ElfImage(descriptor: descriptor, maximumByteCount: maximumByteCount)
    }

    /// Opens a whole ELF image in memory, such as the vDSO's; the bytes are copied.
    public init(image bytes: [UInt8]) throws(ObjectFileError) {
        // Bytes have no padding, so their raw view shows nothing uninitialised.
        image = try unsafe ElfImage(image: bytes.span.bytes)
    }

    /// What the file says of itself in its headers.
    public func header() -> ModuleHeader {
        let segments = image.programHeaders.filter { $0.type == UInt32(PT_LOAD) }.map {
            LoadSegment(
                offset: FileOffset($0.offset), address: FileAddress($0.address), fileSize: $0.fileSize,
                isExecutable: $0.isLoadedCode)
        }
        let link = debugLink
        return ModuleHeader(
            architecture: architecture, buildID: image.buildID.flatMap { BuildID($0) }, segments: segments,
            debugLink: link?.name, debugLinkCRC: link?.crc, hasDebugInformation: DebugInformation.exists(in: image))
    }

    var architecture: ModuleHeader.Architecture {
        switch image.fileHeader.machine {
        // x32 has the machine of amd64 but 32-bit pointers.
        case EM_X86_64: image.fileHeader.is64Bit ? .amd64 : .other
        case EM_386: .i386
        case EM_AARCH64: image.fileHeader.is64Bit ? .arm64 : .other
        default: .other
        }
    }

    /// The contents of .gnu_debuglink: a file name, padded to four bytes, and the CRC-32 of that file.
    private var debugLink: (name: String, crc: UInt32)? {
        guard let section = image.section(named: ".gnu_debuglink") else { return nil }
        return image.withBytes(of: section) { bytes -> (name: String, crc: UInt32)? in
            guard let name = bytes.string(at: 0, limit: 255), !name.isEmpty, !name.contains(UInt8(ascii: "/")),
                let crc = bytes.uint32(at: (name.count + 1 + 3) & ~3)
            else { return nil }
            return (String(losslesslyDecoding: name), crc)
        } ?? nil
    }
}
