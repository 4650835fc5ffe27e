import ObjectTables
public import ProfileModel

/// Turns registers and a copy of the top of the stack into a callchain.
///
/// Unwind rows come first. Where a module has none, or none that says it, the frame pointer is followed if what it points
/// at looks like a frame. It reads nothing but its arguments, and no argument can make it trap or not end.
public struct Unwinder: Sendable {
    public enum Architecture: Sendable {
        case amd64
        /// Tested on frames made by hand only: no machine of ours runs it.
        case arm64
    }

    public let architecture: Architecture
    /// The most addresses in one callchain; a longer one is cut and says so. Less than 1 counts as 1.
    public var depthLimit: Int
    /// The rows of all modules; `MappedCode.table` names one of these.
    public var tables = UnwindTables()
    /// The lowest `MappedCode.module` that the last callchain led through.
    public private(set) var lowestModule = Int32.max

    public init(architecture: Architecture = .amd64, depthLimit: Int = 512) {
        self.architecture = architecture
        self.depthLimit = depthLimit
    }

    /// Unwinds one sample.
    ///
    /// A return address is put into the callchain as it is; its own rule is looked up one byte earlier, inside the call,
    /// since a call that never returns may be the last instruction of its function.
    ///
    /// - Parameters:
    ///   - stack: memory from `registers.stackPointer` upwards, as far as it was copied
    ///     (source: Linux, `perf_output_sample_ustack`).
    ///   - callchain: replaced: the instruction pointer first, then return addresses, innermost first. Its capacity is
    ///     kept, so that one array serves all samples.
    /// - Returns: `complete` when the rows say that there is no caller, or a return address is 0; else why the chain could
    ///   not be followed beyond its last address.
    /// - Complexity: O(frames), with a binary search in the mappings and one in the rows for each frame not seen lately.
    public mutating func unwind(
        _ registers: UserRegisters, stack: RawSpan, in space: AddressSpace, into callchain: inout [VirtualAddress]
    ) -> CallchainEnd {
        switch architecture {
        case .amd64: walk(X86Rules.self, registers, stack: stack, in: space, into: &callchain)
        case .arm64: walk(ARM64Rules.self, registers, stack: stack, in: space, into: &callchain)
        }
    }

    @inline(__always) private mutating func walk<Rules: ArchitectureRules>(
        _: Rules.Type, _ sampled: UserRegisters, stack: RawSpan, in space: AddressSpace,
        into callchain: inout [VirtualAddress]
    ) -> CallchainEnd {
        let stackStart = sampled.stackPointer
        let limit = max(1, depthLimit)
        var registers = sampled
        // Neighbouring frames are often in the same mapping.
        var code = MappedCode(start: VirtualAddress(0), end: VirtualAddress(0), bias: 0, module: 0)
        var isExact = true
        var cameByFramePointer = false
        callchain.removeAll(keepingCapacity: true)
        lowestModule = .max

        while true {
            let pc = VirtualAddress(registers.instructionPointer)
            if callchain.count == limit { return .truncated(at: callchain[limit &- 1], because: .tooDeep) }
            callchain.append(pc)

            let lookup = isExact ? pc : pc.lookupForReturnAddress
            if !code.contains(lookup) {
                guard let found = space.mapping(at: lookup) else { return .truncated(at: pc, because: .noMapping) }
                code = found
                if code.module < lowestModule { lowestModule = code.module }
            }
            var rule = UnwindRule(rawValue: UnwindRule.Kind.none.rawValue)
            if let table = code.table { rule = tables.cachedRule(at: code.fileAddress(of: lookup), in: table) }

            switch Rules.step(&registers, by: rule, isExact: isExact, stack: stack, stackStart: stackStart) {
            case .outermost: return .complete
            case .caller:
                isExact = false
                cameByFramePointer = false
            case .interrupted:
                isExact = true
                cameByFramePointer = false
            case .failed(let reason):
                if !isExact, reason == .noUnwindRows, code.table != nil, registers.framePointer == 0 {
                    // The ABIs' mark of the outermost frame. The entry of ld.so has no rows, nor has musl's clone. A JIT
                    // compiler's code is not believed: there a frame pointer of 0 may be any 0.
                    return .complete
                }
                if isExact, reason == .noUnwindRows, code.table != nil,
                    registers.isAtEntry(top: stack.word(at: registers.stackPointer, copiedFrom: stackStart))
                {
                    return .complete
                }
                guard reason == .noUnwindRows || reason == .unsupportedRule else {
                    return .truncated(at: pc, because: reason)
                }
                let stepped = Rules.stepByFramePointer(&registers, stack: stack, stackStart: stackStart) {
                    space.mapping(at: VirtualAddress($0).lookupForReturnAddress) != nil
                }
                guard stepped else {
                    let stackEnd = stackStart &+ UInt64(stack.byteCount)
                    return .truncated(
                        at: pc,
                        because: cameByFramePointer
                            ? Self.endOfFramePointers(registers, stackEnd: stackEnd) ?? reason : reason)
                }
                isExact = false
                cameByFramePointer = true
            }
        }
    }

    /// Why a chain of frame pointers, followed for a frame at least, goes no further; nil when it led nowhere.
    private static func endOfFramePointers(_ registers: UserRegisters, stackEnd: UInt64) -> TruncationReason? {
        if registers.framePointer == 0 { return .framePointersOnly }
        if registers.framePointer > registers.stackPointer, registers.framePointer &+ 16 > stackEnd {
            return .stackCopyTooShort
        }
        return nil
    }
}
