import ProfileModel

/// What /proc/kallsyms said earlier in this boot. The kernel takes 0.3 µs of CPU for each of its 100,000 and more lines, which
/// was the largest part of what a short recording cost.
///
/// Only names that stay are kept: the kernel's own and its modules', not those of BPF programs and trampolines. The key
/// says for which boot, which modules at which addresses, and which kobject of each: one that was loaded again has another.
/// See decision record 19.
struct KallsymsCache {
    /// Its directory is the user's own and closed to all others, as the file is: it tells the kernel's addresses.
    static let directory = "/run/jostle"
    static let file = directory + "/kallsyms"

    private let host: Host
    private let key: [UInt8]
    /// The first lines as they are now: all zeros where the kernel hides its addresses from this process.
    private let head: [UInt8]

    /// - Returns: nil where it cannot be told whether what is kept holds.
    init?(_ host: Host) {
        guard let boot = host.line("/proc/sys/kernel/random/boot_id"),
            let head = Files.head(of: host.path("/proc/kallsyms"), count: 2048), !head.isEmpty
        else { return nil }
        var key = "\n# kernel symbols 1\n# boot \(boot)\n"
        for line in (host.contents("/proc/modules") ?? []).lines {
            // Name, size, uses, users, state, address; those in between change all the time.
            let fields = line.split(separator: 0x20).map { String(losslesslyDecoding: $0) }
            guard fields.count > 5, let object = Files.inodeOfDirectory(host.path("/sys/module/" + fields[0])) else {
                return nil
            }
            key += "# \(fields[0]) \(fields[1]) \(fields[5]) \(object)\n"
        }
        self.host = host
        self.key = key.losslessBytes
        // Without the line that is cut off.
        self.head = Self.lasting(head.dropLast(head.reversed().prefix { $0 != 0x0A }.count))
    }

    /// What was kept, if it still holds.
    func contents() -> [UInt8]? {
        guard var contents = Files.ownContents(of: host.path(Self.file)),
            contents.count > key.count, contents.suffix(key.count).elementsEqual(key), contents.starts(with: head)
        else { return nil }
        contents.removeLast(key.count)
        return contents
    }

    /// Keeps what was just read; where that does not work the next recording reads the kernel's file again.
    func keep(_ contents: [UInt8]) {
        // A module may have come or gone meanwhile.
        guard KallsymsCache(host)?.key == key else { return }
        let kept = Self.lasting(contents) + key
        Files.replaceOwn(host.path(Self.file), in: host.path(Self.directory), with: kept)
    }

    /// The lines without those of code that the kernel makes as it runs: modules `bpf` and `__builtin__…` in brackets. Of
    /// padding, which is half of all lines, only that it is.
    private static func lasting(_ contents: some RandomAccessCollection<UInt8>) -> [UInt8] {
        let marks = ["\t[bpf]", "\t[__builtin__"].map { Array($0.utf8) }
        var kept: [UInt8] = []
        kept.reserveCapacity(contents.count)
        for line in contents.split(separator: 0x0A) {
            if line.last == UInt8(ascii: "]"), let tab = line.firstIndex(of: 0x09),
                marks.contains(where: { line[tab...].starts(with: $0) })
            {
                continue
            }
            // Behind 16 digits and the type.
            let isPadding = line.dropFirst(19).starts(with: SpecialNames.padding)
            kept += isPadding ? line.prefix(19 + SpecialNames.padding.count) : line
            kept.append(0x0A)
        }
        return kept
    }
}
