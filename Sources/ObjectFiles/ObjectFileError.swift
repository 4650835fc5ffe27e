/// Why a file cannot be read as an object file.
public enum ObjectFileError: Error, Hashable, Sendable, Codable {
    /// A system call on the descriptor failed.
    case system(errno: Int32)
    /// Neither a regular file nor memory: a directory, a device, a pipe.
    case notRegular
    /// Larger than the caller allows.
    case tooLarge(byteCount: Int64)
    /// Not an ELF file that libelf can read; its own words.
    case notELF(reason: String)
    /// An ELF file of a kind jostle does not read: big-endian, or no executable, library or debug file.
    case unsupported(reason: String)
}
