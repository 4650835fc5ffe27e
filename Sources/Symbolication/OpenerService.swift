internal import Glibc
public import Isolation
internal import ObjectTables
internal import ProfileModel

/// What an opener is asked, and answers.
enum OpenerMessage {
    /// A request: what is to be looked up. A descriptor that comes with it is the directory.
    case regularFile(path: [UInt8], PathResolution)
    case directory(path: [UInt8])
    /// A request: open the files that come with it, but for the first two descriptors, which are the socket to send them to
    /// and a sealed file to send along.
    case forward

    /// The longest path of the kernel's.
    static let maximumPathByteCount = 4096

    func encoded() -> [UInt8] {
        var writer = TableWriter()
        switch self {
        case .regularFile(let path, let resolution):
            writer.put(UInt64(0))
            writer.put(UInt64(resolution.rawValue))
            writer.put(path)
        case .directory(let path):
            writer.put(UInt64(1))
            writer.put(path)
        case .forward:
            writer.put(UInt64(2))
        }
        return writer.bytes
    }

    init(decoding bytes: [UInt8]) throws(TableDamage) {
        var reader = TableReader(bytes)
        switch try reader.number() {
        case 0:
            guard let resolution = PathResolution(rawValue: UInt8(clamping: try reader.number())) else {
                throw TableDamage()
            }
            self = .regularFile(path: try reader.contents(limit: Self.maximumPathByteCount), resolution)
        case 1: self = .directory(path: try reader.contents(limit: Self.maximumPathByteCount))
        case 2: self = .forward
        default: throw TableDamage()
        }
    }

    /// An answer: what was found, the descriptor beside it.
    static func encoded(_ status: FileStatus) -> [UInt8] {
        var writer = TableWriter()
        writer.put(UInt64(1))
        writer.put(UInt64(status.version.identity.device.major))
        writer.put(UInt64(status.version.identity.device.minor))
        writer.put(status.version.identity.inode)
        writer.put(UInt64(bitPattern: status.version.byteCount))
        writer.put(status.version.modifiedSeconds)
        writer.put(status.version.modifiedNanoseconds)
        writer.put(UInt64(status.owner))
        writer.put(status.isRegular)
        return writer.bytes
    }

    /// An answer: why not; nil where what was asked is done and there is nothing to tell.
    static func encoded(_ refusal: FileRefusal?) -> [UInt8] {
        var writer = TableWriter()
        writer.put(UInt64(0))
        writer.put(refusal?.rawValue)
        return writer.bytes
    }

    /// - Returns: nil where what was asked is done and there is nothing to tell.
    static func status(decoding bytes: [UInt8]) throws(FileRefusal) -> FileStatus? {
        var reader = TableReader(bytes)
        var refusal: FileRefusal?
        do throws(TableDamage) {
            if try reader.number() == 1 {
                let device = DeviceNumber(
                    major: UInt32(truncatingIfNeeded: try reader.number()),
                    minor: UInt32(truncatingIfNeeded: try reader.number()))
                let version = FileVersion(
                    identity: FileIdentity(device: device, inode: try reader.number()),
                    byteCount: Int64(bitPattern: try reader.number()), modifiedSeconds: try reader.integer(),
                    modifiedNanoseconds: try reader.integer())
                return FileStatus(
                    version: version, owner: UInt32(truncatingIfNeeded: try reader.number()),
                    isRegular: try reader.flag())
            }
            guard let reason = try reader.text() else { return nil }
            refusal = FileRefusal(rawValue: reason)
        } catch {
            throw .noHelper
        }
        throw refusal ?? .noHelper
    }
}

/// The loop of an opener process.
public enum Opener {
    public static func serve(requests: MessageSocket, answers: MessageSocket) {
        while let message = requests.receive() {
            let answer = answer(message)
            // Before the answer: closing a file of a dead file server may take for ever.
            for descriptor in message.descriptors { close(descriptor) }
            if answers.send(answer.bytes, descriptors: answer.file.map { [$0.descriptor] } ?? []) != 0 { return }
        }
    }

    private static func answer(_ message: MessageSocket.Message) -> (bytes: [UInt8], file: HeldFile?) {
        do throws(FileRefusal) {
            guard let request = try? OpenerMessage(decoding: message.bytes) else { throw .noHelper }
            let found: (file: HeldFile, status: FileStatus)
            switch request {
            case .regularFile(let path, let resolution):
                found = try SafeOpen.regularFile(
                    at: message.descriptors.first ?? AT_FDCWD, String(losslesslyDecoding: path), resolution)
            case .directory(let path):
                found = try SafeOpen.directory(String(losslesslyDecoding: path))
            case .forward:
                try forward(message.descriptors)
                return (OpenerMessage.encoded(nil), nil)
            }
            return (OpenerMessage.encoded(found.status), found.file)
        } catch {
            return (OpenerMessage.encoded(error), nil)
        }
    }

    private static func forward(_ descriptors: [Int32]) throws(FileRefusal) {
        guard descriptors.count >= 3 else { throw .noHelper }
        var opened: [Int32] = []
        defer { for descriptor in opened { close(descriptor) } }
        for descriptor in descriptors.dropFirst(2) { opened.append(try SafeOpen.forReading(descriptor)) }
        if MessageSocket.send([0], descriptors: [descriptors[1]] + opened, over: descriptors[0]) != 0 {
            throw .noHelper
        }
    }
}
