internal import CDemangle
internal import Glibc
internal import ProfileModel

/// Turns the names that compilers give to functions back into those that people wrote.
enum Demangling {
    /// Longer mangled names are kept as they are: the demanglers recurse on their input, and worker threads have small
    /// stacks (a 1,014-byte name crashed the Swift one).
    static let maximumByteCount = 512

    /// The function's name without parameters and return type, which is what a recording stores: `LogFileObject::Write`
    /// for `_ZN…`, `alloc::vec::Vec<T>::push` for Rust's, `App.Logger.write(_:to:)` for Swift's.
    ///
    /// - Parameter symbol: as it is in the file; a version (`@@GLIBC_2.2.5`) or `@plt` behind it is kept.
    /// - Returns: the name itself when it is not mangled, or cannot be demangled.
    static func functionName(_ symbol: [UInt8]) -> String {
        demangledName(symbol) ?? String(losslesslyDecoding: symbol)
    }

    /// As `functionName`, but nil for a name that is not mangled, or cannot be demangled.
    static func demangledName(_ symbol: [UInt8]) -> String? {
        let at = symbol.firstIndex(of: UInt8(ascii: "@")) ?? symbol.endIndex
        return demangle(Array(symbol[..<at])).map { $0 + String(losslesslyDecoding: symbol[at...]) }
    }

    /// Whether a name looks like one that a C++, Rust or Swift compiler made.
    static func isMangled(_ symbol: [UInt8]) -> Bool {
        ["_Z", "_R", "$s", "$S", "_T", "_$s"].contains { symbol.starts(with: $0.utf8) }
    }

    private static func demangle(_ symbol: [UInt8]) -> String? {
        guard symbol.count <= maximumByteCount, symbol.count > 2, !symbol.contains(0) else { return nil }
        let text = symbol.map { CChar(bitPattern: $0) } + [0]
        switch (symbol[0], symbol[1]) {
        case (UInt8(ascii: "$"), UInt8(ascii: "s")), (UInt8(ascii: "$"), UInt8(ascii: "S")):
            return swiftName(text)
        case (UInt8(ascii: "_"), UInt8(ascii: "T")), (UInt8(ascii: "_"), UInt8(ascii: "$")):
            return swiftName(text)
        case (UInt8(ascii: "_"), UInt8(ascii: "Z")), (UInt8(ascii: "_"), UInt8(ascii: "R")):
            // A C string in; out comes nil or a string from malloc, which is freed in `take`.
            return unsafe take(cplus_demangle(text, DMGL_ANSI | DMGL_AUTO))
        default:
            return nil
        }
    }

    private static func swiftName(_ text: [CChar]) -> String? {
        // A C string and its length in; out comes nil or a string from malloc, which is freed in `take`.
        let full = unsafe take(swift_demangle(text, text.count - 1, nil, nil, 0))
        return full.map(swiftNameWithoutTypes)
    }

    private static func take(_ text: UnsafeMutablePointer<CChar>?) -> String? {
        // The demanglers allocate with malloc and give the string away.
        guard let text = unsafe text else { return nil }
        // As above.
        defer { unsafe free(text) }
        // As above; it ends with a NUL.
        let bytes = unsafe UnsafeBufferPointer(start: text, count: strlen(text))
        // As above.
        return unsafe String(losslesslyDecoding: bytes.map { UInt8(bitPattern: $0) })
    }

    /// `App.Logger.write(_: Swift.String, to: Swift.Int) throws -> ()` becomes `App.Logger.write(_:to:)`, and
    /// `closure #1 () -> () in App.main() -> ()` becomes `closure #1 in App.main()`.
    static func swiftNameWithoutTypes(_ full: String) -> String {
        parts(of: full, separatedBy: " in ").map { part in
            var name = Substring(part)
            for ending in [" -> ", " throws", " async"] {
                if let end = firstIndex(of: ending, in: name) { name = name[..<end] }
            }
            guard name.last == ")", let open = openingParenthesis(in: name) else { return String(name) }
            let inside = name[name.index(after: open)..<name.index(before: name.endIndex)]
            // A closure has types between its parentheses, a function labels and types.
            if name.hasPrefix("closure #") { return String(name[..<open]).trimmingSuffix(" ") }
            let labels = parts(of: String(inside), separatedBy: ", ").map { parameter in
                firstIndex(of: ": ", in: Substring(parameter)).map { parameter[..<$0] + ":" } ?? "_:"
            }
            return name[..<open] + "(" + (inside.isEmpty ? "" : labels.joined()) + ")"
        }.joined(separator: " in ")
    }

    /// Where a text begins in another one, outside all brackets.
    private static func firstIndex(of text: String, in whole: Substring) -> Substring.Index? {
        var depth = 0
        var index = whole.startIndex
        var previous: Character = " "
        while index < whole.endIndex {
            let character = whole[index]
            if depth == 0, whole[index...].hasPrefix(text) { return index }
            if "([{<".contains(character) { depth += 1 }
            // The `>` of an arrow closes nothing.
            if ")]}".contains(character) || (character == ">" && previous != "-") { depth -= 1 }
            previous = character
            index = whole.index(after: index)
        }
        return nil
    }

    private static func parts(of whole: String, separatedBy separator: String) -> [String] {
        var rest = Substring(whole)
        var parts: [String] = []
        while let index = firstIndex(of: separator, in: rest) {
            parts.append(String(rest[..<index]))
            rest = rest[index...].dropFirst(separator.count)
        }
        return parts + [String(rest)]
    }

    /// The parenthesis that the last character closes.
    private static func openingParenthesis(in name: Substring) -> Substring.Index? {
        var depth = 0
        for index in name.indices.reversed() {
            if name[index] == ")" { depth += 1 }
            if name[index] == "(" {
                depth -= 1
                if depth == 0 { return index }
            }
        }
        return nil
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
