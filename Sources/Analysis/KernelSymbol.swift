/// Kernel function names as people know them, whatever the compiler did to them.
enum KernelSymbol {
    /// Suffixes that GCC, LLVM and the linker add to functions they cloned, split or moved.
    private static let suffixes = ["isra", "constprop", "part", "cold", "llvm", "lto_priv"]

    /// Takes away compiler suffixes (`.isra.0.cold`), the padding prefix `__pfx_` (Linux 6.3) and a ` [module]`.
    static func normalized(_ name: String) -> String {
        var rest = name[...]
        if let end = rest.firstIndex(where: { $0 == " " || $0 == "\t" }), end > rest.startIndex { rest = rest[..<end] }
        if rest.hasPrefix("__pfx_") { rest = rest.dropFirst("__pfx_".count) }
        if let dot = rest.utf8.firstIndex(of: UInt8(ascii: ".")), dot > rest.startIndex,
            let first = rest[dot...].dropFirst().split(separator: ".", maxSplits: 1).first,
            suffixes.contains(String(first))
        {
            rest = rest[..<dot]
        }
        return String(rest)
    }
}

extension StringProtocol {
    /// What is left behind the first of `prefixes` that this begins with and that leaves something.
    func droppingFirst(of prefixes: [String]) -> String? {
        for prefix in prefixes where hasPrefix(prefix) && utf8.count > prefix.utf8.count {
            return String(dropFirst(prefix.count))
        }
        return nil
    }
}
