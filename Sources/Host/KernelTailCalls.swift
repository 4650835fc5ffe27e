public import ProfileModel

/// The kernel's own tail calls: system calls whose code ends in a jump to a worker function, which then is all that a
/// callchain shows of them.
public enum KernelTailCalls {
    /// No system call's entry function is longer.
    private static let longestEntry = 4096

    /// Looks for direct jumps out of each system call's entry function to the start of another function.
    ///
    /// The code is not disassembled: a byte E9 whose four following bytes lead to the very start of a function is a
    /// jump for all practical purposes, and anything else is passed over.
    /// - Parameters:
    ///   - symbols: the kernel's names.
    ///   - read: up to `count` bytes of kernel text at an address; nil where there are none.
    /// - Returns: worker → base names of the system calls that jump to it, sorted: `["do_faccessat": ["access",
    ///   "faccessat"]]`. Empty on other architectures than x86, whose kernels keep the frames.
    /// Source: Intel SDM volume 2, JMP rel32.
    public static func find(
        in symbols: KernelSymbols, read: (_ address: VirtualAddress, _ count: Int) -> [UInt8]?
    ) -> [String: [String]] {
        let prefix = "__x64_sys_"
        var callers: [String: Set<String>] = [:]
        for function in symbols.functions(withPrefix: prefix) {
            let count = min(function.range.count, longestEntry)
            guard let code = read(VirtualAddress(function.range.lowerBound), count) else { continue }
            for position in code.indices.dropLast(4) where code[position] == 0xE9 {
                let displacement = (1...4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32(code[position + $1]) }
                let next = function.range.lowerBound &+ UInt64(position) &+ 5
                let target = next &+ UInt64(bitPattern: Int64(Int32(bitPattern: displacement)))
                guard !function.range.contains(target),
                    let worker = symbols.symbol(startingAt: VirtualAddress(target)), isWorker(worker.name)
                else { continue }
                callers[worker.name, default: []].insert(String(function.name.dropFirst(prefix.count)))
            }
        }
        return callers.mapValues { $0.sorted() }
    }

    /// Thunks stand for a return or an indirect jump, and `.cold` for a part of the function itself.
    private static func isWorker(_ name: String) -> Bool {
        !name.hasSuffix("_return_thunk") && !name.hasPrefix("__x86_indirect_") && !name.hasSuffix(".cold")
            && !name.contains(".cold.") && !name.hasPrefix("srso_") && !name.hasPrefix("retbleed_")
    }
}

/// The program headers of a core image: which addresses lie where in the file.
///
/// Source: elf(5), ELFCLASS64, little-endian, PT_LOAD.
struct CoreImage {
    private struct Segment {
        var addresses: Range<UInt64>
        var offset: UInt64
    }
    private var segments: [Segment] = []

    /// - Parameter read: up to `count` bytes from an offset of the file; nil on failure.
    /// - Returns: nil for a file that is no such image.
    init?(read: (_ offset: UInt64, _ count: Int) -> [UInt8]?) {
        let headerCount = 64
        let segmentCount = 56
        guard let header = read(0, headerCount), header.count == headerCount,
            header.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]), header.number(at: 54, bytes: 2) == UInt64(segmentCount)
        else { return nil }
        let count = Int(header.number(at: 56, bytes: 2))
        let place = header.number(at: 32, bytes: 8)
        guard let table = read(place, count * segmentCount), table.count == count * segmentCount else { return nil }
        for start in stride(from: 0, to: table.count, by: segmentCount) where table.number(at: start, bytes: 4) == 1 {
            let address = table.number(at: start + 16, bytes: 8)
            let end = address.addingReportingOverflow(table.number(at: start + 32, bytes: 8))
            // A segment up to the last address ends one byte early rather than not at all.
            segments.append(
                Segment(
                    addresses: address..<(end.overflow ? UInt64.max : end.partialValue),
                    offset: table.number(at: start + 8, bytes: 8)))
        }
    }

    /// Where an address lies, and how many bytes follow it there.
    func place(of address: VirtualAddress) -> (offset: UInt64, count: UInt64)? {
        for segment in segments where segment.addresses.contains(address.rawValue) {
            let skipped = address.rawValue - segment.addresses.lowerBound
            let offset = segment.offset.addingReportingOverflow(skipped)
            return offset.overflow ? nil : (offset.partialValue, segment.addresses.upperBound - address.rawValue)
        }
        return nil
    }
}

extension [UInt8] {
    /// A little-endian number; the caller has checked that its bytes are there.
    fileprivate func number(at start: Int, bytes: Int) -> UInt64 {
        (0..<bytes).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(self[start + $1]) }
    }
}

extension Host {
    /// The running kernel's tail calls, from /proc/kcore.
    ///
    /// - Returns: worker → base names of system calls; empty where there is no /proc/kcore, it may not be read, or the
    ///   kernel's addresses are hidden.
    public func kernelTailCalls(_ symbols: KernelSymbols) -> [String: [String]] {
        guard !symbols.isHidden, let core = Files.open(path("/proc/kcore"), flags: 0) else { return [:] }
        defer { Files.close(core) }
        guard let image = CoreImage(read: { Files.bytes(of: core, at: $0, count: $1) }) else { return [:] }
        return KernelTailCalls.find(in: symbols) { address, count in
            guard let place = image.place(of: address) else { return nil }
            return Files.bytes(of: core, at: place.offset, count: min(count, Int(clamping: place.count)))
        }
    }
}
