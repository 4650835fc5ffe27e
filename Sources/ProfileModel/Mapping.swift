/// A part of a process's address space that shows executable code.
public struct Mapping: Hashable, Sendable {
    /// The first address.
    public var start: VirtualAddress
    /// The first address behind it.
    public var end: VirtualAddress
    /// The file position that `start` shows; 0 for anonymous memory.
    public var offset: FileOffset
    /// The mapped file; nil for anonymous memory, the vDSO and other special mappings.
    public var file: FileIdentity?
    /// The path as the kernel printed it when it was mapped, in the process's mount namespace: `[vdso]`, `//anon`,
    /// or a file's path, with ` (deleted)` behind it where /proc/PID/maps says so. Only a name: never opened.
    public var path: String
    /// The build ID, where the kernel sent it with the mapping.
    public var buildID: BuildID?

    public init(
        start: VirtualAddress, end: VirtualAddress, offset: FileOffset, file: FileIdentity?, path: String,
        buildID: BuildID? = nil
    ) {
        self.start = start
        self.end = end
        self.offset = offset
        self.file = file
        self.path = path
        self.buildID = buildID
    }

    @inlinable public func contains(_ address: VirtualAddress) -> Bool { start <= address && address < end }

    /// The file position that `address` shows.
    @inlinable public func fileOffset(of address: VirtualAddress) -> FileOffset {
        FileOffset(address.rawValue &- start.rawValue &+ offset.rawValue)
    }
}
