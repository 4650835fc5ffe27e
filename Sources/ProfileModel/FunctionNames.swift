/// A function's name cut down to what people call it, for a narrow column: without parameters and what follows them, and
/// with `<…>` for template arguments.
///
/// `std::map<K, V>::find(K const&) const` becomes `std::map<…>::find`; Swift's labels are part of the name and stay.
///
/// - Complexity: O(n).
public func shortFunctionName(_ name: String) -> String {
    var shortener = NameShortener(bytes: Array(name.utf8))
    return String(decoding: shortener.shortened(0..<shortener.bytes.count, depth: 0), as: UTF8.self)
}

private struct NameShortener {
    let bytes: [UInt8]

    private static let ellipsis = Array("…".utf8)
    /// Deeper nesting is left out: names come from containers, and this recurses.
    private static let maximumDepth = 8
    /// The longest come first, so that `<<=` is not read as `<`.
    private static let operators = ["<<=", ">>=", "<=>", "->*", "()", "[]", "<<", ">>", "<=", ">=", "->", "<", ">"]
        .map { Array($0.utf8) }

    mutating func shortened(_ range: Range<Int>, depth: Int) -> [UInt8] {
        if depth > Self.maximumDepth { return Self.ellipsis }
        var result: [UInt8] = []
        var index = range.lowerBound
        var droppedParameters = false
        // Behind an operator's symbol `<` begins template arguments.
        var operatorEnd = -1
        while index < range.upperBound {
            let rest = bytes[index..<range.upperBound]
            if droppedParameters, Self.endings.contains(where: { rest.starts(with: $0) }) { break }
            if rest.starts(with: " [clone".utf8) { break }
            droppedParameters = false
            if rest.starts(with: "operator".utf8), !(result.last.map(Self.isIdentifierPart) ?? false) {
                let behind = rest.dropFirst(8)
                let symbol = Self.operators.first { behind.starts(with: $0) } ?? []
                result += Array("operator".utf8) + symbol
                index += 8 + symbol.count
                operatorEnd = index
                continue
            }
            guard let closing = Self.closing[bytes[index]], let end = end(of: closing, from: index, in: range) else {
                result.append(bytes[index])
                index += 1
                continue
            }
            let inside = index + 1..<end
            switch bytes[index] {
            case UInt8(ascii: "<"):
                // Rust writes `<Type as Trait>::method`: there the brackets are the name.
                let isName = index != operatorEnd && !(result.last.map(Self.canHaveArguments) ?? false)
                result += [UInt8(ascii: "<")] + (isName ? shortened(inside, depth: depth + 1) : Self.ellipsis)
                result.append(UInt8(ascii: ">"))
            case UInt8(ascii: "("):
                if bytes[inside].elementsEqual("anonymous namespace".utf8) || isLabels(inside) {
                    result += bytes[index...end]
                } else {
                    droppedParameters = true
                }
            default:
                result += [bytes[index]] + shortened(inside, depth: depth + 1) + [closing]
            }
            index = end + 1
        }
        return result
    }

    private static let endings = [" const", " volatile", " &", " noexcept", " requires"].map { Array($0.utf8) }
    private static let closing: [UInt8: UInt8] = [
        UInt8(ascii: "<"): UInt8(ascii: ">"), UInt8(ascii: "("): UInt8(ascii: ")"),
        UInt8(ascii: "{"): UInt8(ascii: "}"),
    ]

    private static func isIdentifierPart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
            true
        default: false
        }
    }

    /// Whether `<` behind this byte begins arguments, as in `Vec<T>` and Rust's `Vec::<T>`.
    private static func canHaveArguments(_ byte: UInt8) -> Bool {
        isIdentifierPart(byte) || byte == UInt8(ascii: ":")
    }

    /// The bracket that closes the one at `start`; an arrow's `>` closes nothing.
    private func end(of closing: UInt8, from start: Int, in range: Range<Int>) -> Int? {
        let opening = bytes[start]
        var depth = 0
        for index in start..<range.upperBound {
            if bytes[index] == opening {
                depth += 1
            } else if bytes[index] == closing {
                if closing == UInt8(ascii: ">"), bytes[index - 1] == UInt8(ascii: "-") { continue }
                depth -= 1
                if depth == 0 { return index }
            }
        }
        return nil
    }

    /// Swift's argument labels: `_:to:`.
    private func isLabels(_ range: Range<Int>) -> Bool {
        guard bytes[range].last == UInt8(ascii: ":") else { return false }
        return bytes[range].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).dropLast()
            .allSatisfy { !$0.isEmpty && $0.allSatisfy(Self.isIdentifierPart) }
    }
}
