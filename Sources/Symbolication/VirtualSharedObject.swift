internal import Glibc
internal import Isolation
internal import ObjectTables
internal import ProfileModel

extension ModuleFile {
    /// The vDSO: the code that the kernel maps into each process. There is no file; the image is read from the recorder's
    /// own memory, where it is the same as in every 64-bit process of this kernel.
    ///
    /// - Returns: nil where this process has no vDSO.
    public static func virtualSharedObject(doors: FileDoors) -> ModuleFile? {
        guard let maps = ProcessFiles.read("/proc/self/maps", limit: 32 << 20),
            let line = maps.split(separator: UInt8(ascii: "\n")).first(where: {
                $0.suffix(6).elementsEqual("[vdso]".utf8)
            })
        else { return nil }
        let range = line.prefix { $0 != UInt8(ascii: " ") }.split(separator: UInt8(ascii: "-"))
        guard range.count == 2, let start = Int(String(decoding: range[0], as: UTF8.self), radix: 16),
            let end = Int(String(decoding: range[1], as: UTF8.self), radix: 16), start < end, end - start <= 1 << 20
        else { return nil }
        // open(2) copies the path.
        let memory = unsafe open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
        guard memory >= 0 else { return nil }
        defer { close(memory) }
        guard let image = HeldFile.read(memory, count: end - start, at: start),
            let sealed = try? SealedFile(image)
        else { return nil }
        let file = HeldFile(owning: dup(sealed.descriptor))
        let answer = doors.parser.answer(.module(stamp: nil, wantsRows: true), files: [file])
        guard case .module = answer else { return nil }
        return ModuleFile(file: file, version: nil, answer: answer, doors: doors)
    }
}
