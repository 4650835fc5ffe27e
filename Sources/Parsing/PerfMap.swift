public import ProfileModel

/// The names of code that a just-in-time compiler made: /tmp/perf-PID.map, one `START SIZE NAME` a line, in hexadecimal.
///
/// Compilers append lines while they run and use memory again: of two lines for one address the later one counts.
/// Source: Linux, tools/perf/Documentation/jit-interface.txt.
public struct PerfMap: Sendable {
    private struct Entry {
        var start: UInt64
        var end: UInt64
        /// The line's number: which of two overlapping entries is the later one.
        var order: Int
        var name: Range<Int>
    }

    private let text: [UInt8]
    private var entries: [Entry] = []
    private var furthestEnds: [UInt64] = []
    /// Lines that made no sense.
    public private(set) var malformedLineCount = 0

    /// More lines than this are not read.
    private static let maximumCount = 4 << 20
    private static let maximumNameByteCount = 4096
    /// How many earlier entries a search looks at: code that was replaced by smaller pieces.
    private static let maximumLookBack = 256

    /// - Parameter text: the file's contents; a last line that is cut short is left out.
    /// - Complexity: O(n log n).
    public init(parsing text: [UInt8]) {
        self.text = text
        var lineStart = 0
        var order = 0
        while lineStart < text.count, order < Self.maximumCount,
            let end = text[lineStart...].firstIndex(of: UInt8(ascii: "\n"))
        {
            if let entry = Self.entry(text, lineStart..<end, order: order) {
                entries.append(entry)
            } else if end > lineStart {
                malformedLineCount += 1
            }
            order += 1
            lineStart = end + 1
        }
        entries.sort { ($0.start, $0.order) < ($1.start, $1.order) }
        var furthest: UInt64 = 0
        for entry in entries {
            furthest = max(furthest, entry.end)
            furthestEnds.append(furthest)
        }
    }

    public var count: Int { entries.count }

    /// The function at an address of the process; nil when no line covers it.
    ///
    /// - Complexity: O(log n).
    public func name(at address: VirtualAddress) -> String? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].start <= address.rawValue { low = middle + 1 } else { high = middle }
        }
        var best: Entry?
        var index = low - 1
        let last = max(0, low - Self.maximumLookBack)
        while index >= last, furthestEnds[index] > address.rawValue {
            let entry = entries[index]
            if address.rawValue < entry.end, entry.order > best?.order ?? -1 { best = entry }
            index -= 1
        }
        return best.map { String(losslesslyDecoding: text[$0.name]) }
    }

    private static func entry(_ text: [UInt8], _ line: Range<Int>, order: Int) -> Entry? {
        var position = line.lowerBound
        guard let start = number(text, &position, line.upperBound), let size = number(text, &position, line.upperBound),
            size > 0, position < line.upperBound
        else { return nil }
        let (end, overflow) = start.addingReportingOverflow(size)
        guard !overflow else { return nil }
        let nameEnd = min(line.upperBound, position + maximumNameByteCount)
        return Entry(start: start, end: end, order: order, name: position..<nameEnd)
    }

    /// A hexadecimal number, with or without `0x`, and the spaces behind it.
    private static func number(_ text: [UInt8], _ position: inout Int, _ end: Int) -> UInt64? {
        if end - position > 2, text[position] == UInt8(ascii: "0"), text[position + 1] | 0x20 == UInt8(ascii: "x") {
            position += 2
        }
        var value: UInt64 = 0
        var digits = 0
        while position < end, let digit = Character(Unicode.Scalar(text[position])).hexDigitValue, digits < 16 {
            value = value << 4 | UInt64(digit)
            digits += 1
            position += 1
        }
        guard digits > 0, position < end, text[position] == UInt8(ascii: " ") else { return nil }
        while position < end, text[position] == UInt8(ascii: " ") { position += 1 }
        return value
    }
}
