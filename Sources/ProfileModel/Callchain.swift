/// The addresses a thread was at when it was sampled, innermost first.
public struct Callchain: Hashable, Sendable {
    /// The kernel part; empty when the sample hit user code, or when the kernel part is hidden.
    public var kernel: [VirtualAddress]
    /// The user part: the instruction pointer first, then return addresses.
    public var user: [VirtualAddress]
    /// How the user part ended.
    public var end: CallchainEnd

    public init(kernel: [VirtualAddress], user: [VirtualAddress], end: CallchainEnd) {
        self.kernel = kernel
        self.user = user
        self.end = end
    }
}

/// How the user part of a callchain ended. A failure inside one sample is part of the sample.
public enum CallchainEnd: Hashable, Sendable {
    /// The chain reached the outermost frame: `_start`, a thread's start, or a kernel thread without a user part.
    case complete
    /// The chain could not be followed beyond `at`.
    case truncated(at: VirtualAddress, because: TruncationReason)
}

/// Why a callchain was cut short. The raw value is the word in reports, in JSON and in the recording.
public enum TruncationReason: String, Hashable, Sendable, Codable, CaseIterable {
    /// The user registers were not in the sample (a 32-bit task, or a kernel that withholds them).
    case noRegisters = "no-registers"
    /// The needed part of the stack lies beyond what the sample copied.
    case stackCopyTooShort = "stack-copy-too-short"
    /// No mapping is known at the address.
    case noMapping = "no-mapping"
    /// The module has no unwind information for the address, and its frame pointer led nowhere.
    case noUnwindRows = "no-unwind-rows"
    /// The unwind rule is one that jostle's rows cannot say.
    case unsupportedRule = "unsupported-rule"
    /// The next frame would not lie above this one on the stack.
    case badFrame = "bad-frame"
    /// The chain is longer than jostle follows.
    case tooDeep = "too-deep"
    /// Taken from frame pointers, which cannot say whether they reached the end.
    case framePointersOnly = "frame-pointers-only"
}
