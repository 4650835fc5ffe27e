public import ProfileModel

// What goes through the door of `ObjectFiles`: requests in, plain tables with counts out; never a path, a pointer or a
// libdw type, so that the reading can move into a process of its own.

/// One PT_LOAD segment of an ELF file.
public struct LoadSegment: Hashable, Sendable, Codable {
    public var offset: FileOffset
    public var address: FileAddress
    /// Bytes in the file.
    public var fileSize: UInt64
    public var isExecutable: Bool
    public init(offset: FileOffset, address: FileAddress, fileSize: UInt64, isExecutable: Bool) {
        self.offset = offset
        self.address = address
        self.fileSize = fileSize
        self.isExecutable = isExecutable
    }
}

/// What an ELF file says of itself in its headers.
public struct ModuleHeader: Hashable, Sendable, Codable {
    public enum Architecture: String, Hashable, Sendable, Codable {
        case amd64 = "x86_64"
        case i386
        case arm64 = "aarch64"
        case other
    }
    public var architecture: Architecture
    public var buildID: BuildID?
    public var segments: [LoadSegment]
    /// The name of a separate debug file (.gnu_debuglink) and its CRC-32.
    public var debugLink: String?
    public var debugLinkCRC: UInt32?
    /// Whether the file itself has .debug_info; else a separate debug file may.
    public var hasDebugInformation: Bool

    public init(
        architecture: Architecture, buildID: BuildID? = nil, segments: [LoadSegment], debugLink: String? = nil,
        debugLinkCRC: UInt32? = nil, hasDebugInformation: Bool = false
    ) {
        self.architecture = architecture
        self.buildID = buildID
        self.segments = segments
        self.debugLink = debugLink
        self.debugLinkCRC = debugLinkCRC
        self.hasDebugInformation = hasDebugInformation
    }

    /// The link-time address of what an executable mapping shows first; nil when no segment is behind it.
    ///
    /// A segment need not begin at a page, but its mapping does: lld packs segments, so that the mapping of one begins with
    /// the end of the one before it in the file, which lies elsewhere in memory.
    /// - Parameter offset: the file position that the mapping's start shows, a multiple of the page size.
    public func address(ofMappingFrom offset: FileOffset) -> FileAddress? {
        func distance(_ segment: LoadSegment) -> UInt64 { segment.offset.rawValue &- offset.rawValue }
        func contains(_ segment: LoadSegment) -> Bool { 0 &- distance(segment) < segment.fileSize }
        let executable = segments.filter(\.isExecutable)
        // The smallest page of an architecture that jostle knows, then the largest.
        var found = executable.first { distance($0) < 4096 }
        found = found ?? executable.first { contains($0) }
        found = found ?? executable.first { distance($0) < 65_536 }
        found = found ?? segments.first { contains($0) }
        return found.map { FileAddress($0.address.rawValue &- distance($0)) }
    }
}

/// One function or inlined function at an address.
public struct SourceFrame: Hashable, Sendable, Codable {
    /// Demangled; nil when unknown.
    public var function: String?
    /// As the compiler wrote it, directory included where it is known.
    public var file: String?
    public var line: Int?
    public init(function: String?, file: String? = nil, line: Int? = nil) {
        self.function = function
        self.file = file
        self.line = line
    }
}

/// What is known of one address of a module.
public struct SymbolizedAddress: Hashable, Sendable, Codable {
    public var address: FileAddress
    /// Innermost inlined function first, the function that contains the instruction last; empty when unknown.
    public var chain: [SourceFrame]
    /// The number that the instructions right before the address load for a `syscall` instruction.
    public var syscallNumber: Int?
    public init(address: FileAddress, chain: [SourceFrame], syscallNumber: Int? = nil) {
        self.address = address
        self.chain = chain
        self.syscallNumber = syscallNumber
    }
}

/// A request for names.
public struct SymbolRequest: Sendable, Codable {
    /// Sorted ascending, without doubles.
    public var addresses: [FileAddress]
    /// Addresses right behind a possible `syscall` instruction, whose number is wanted; a subset of `addresses`.
    public var syscallReturns: [FileAddress]
    public var budget: Budget
    public init(addresses: [FileAddress], syscallReturns: [FileAddress] = [], budget: Budget = Budget()) {
        self.addresses = addresses
        self.syscallReturns = syscallReturns
        self.budget = budget
    }
}

/// What one module's names may cost.
public struct Budget: Sendable, Codable, Hashable {
    /// CPU time of the thread that reads; less than the two seconds after which a parser is given up.
    public var milliseconds: Int
    /// Bytes of debug information read.
    public var bytes: Int64
    public init(milliseconds: Int = 1_200, bytes: Int64 = 2 << 30) {
        self.milliseconds = milliseconds
        self.bytes = bytes
    }
}

/// The answer to a `SymbolRequest`.
public struct SymbolAnswer: Sendable, Codable {
    /// In the order of the request; fewer only when `skipped` says why.
    public var symbols: [SymbolizedAddress]
    /// Why names are missing, in words such as `budget`; nil where nothing was skipped.
    public var skipped: String?
    public init(symbols: [SymbolizedAddress], skipped: String? = nil) {
        self.symbols = symbols
        self.skipped = skipped
    }
}
