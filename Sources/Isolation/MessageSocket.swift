internal import CIsolation
internal import Glibc

/// A socket to another process of ours, over which bytes and descriptors go; closed when this object goes.
public final class MessageSocket: Sendable {
    public let descriptor: Int32

    public init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// The longest message.
    public static let maximumByteCount = 16 << 10
    /// The most descriptors of one message.
    public static let maximumDescriptorCount = 8

    /// What came with one message; its descriptors belong to the receiver.
    public struct Message: Sendable {
        public var bytes: [UInt8]
        public var descriptors: [Int32]
    }

    /// - Returns: 0 or errno.
    public func send(_ bytes: [UInt8], descriptors: [Int32] = []) -> Int32 {
        Self.send(bytes, descriptors: descriptors, over: descriptor)
    }

    /// The same over a socket that is somebody else's.
    public static func send(_ bytes: [UInt8], descriptors: [Int32], over socket: Int32) -> Int32 {
        // sendmsg(2) reads both during the call only.
        let sent = unsafe cisolation_send(socket, bytes, bytes.count, descriptors, Int32(descriptors.count))
        return sent < 0 ? Int32(-sent) : sent == bytes.count ? 0 : EMSGSIZE
    }

    /// Sends all bytes over a stream, however many they are.
    ///
    /// - Returns: whether the other side took them all.
    public func sendAll(_ bytes: [UInt8]) -> Bool {
        var done = 0
        while done < bytes.count {
            // sendmsg(2) reads the rest of the array during the call only.
            let sent = unsafe bytes.withUnsafeBytes { all in
                // As above.
                unsafe cisolation_send(descriptor, all.baseAddress?.advanced(by: done), bytes.count - done, nil, 0)
            }
            guard sent > 0 else { return false }
            done += sent
        }
        return true
    }

    /// Waits for a message.
    ///
    /// - Returns: nil at the other side's end, and for what is no message.
    public func receive(descriptors most: Int = maximumDescriptorCount) -> Message? {
        while true {
            switch receiveOnce(descriptors: most) {
            case .message(let message): return message
            case .interrupted: continue
            case .end: return nil
            }
        }
    }

    enum Received {
        case message(Message)
        /// A signal came.
        case interrupted
        case end
    }

    func receiveOnce(descriptors most: Int) -> Received {
        var descriptors = [Int32](repeating: -1, count: Self.maximumDescriptorCount)
        var count = Int32(min(most, Self.maximumDescriptorCount))
        var got = 0
        // recvmsg(2) writes within the sizes that it is given, and says how much.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.maximumByteCount) { buffer, initialized in
            // As above.
            got = unsafe cisolation_receive(
                descriptor, buffer.baseAddress, buffer.count, &descriptors, &count)
            initialized = max(got, 0)
        }
        if got == -Int(EINTR) { return .interrupted }
        guard got > 0 else { return .end }
        return .message(Message(bytes: bytes, descriptors: Array(descriptors.prefix(Int(count)))))
    }

    /// Waits until something can be read, or the other side is gone.
    ///
    /// - Returns: whether that came within the time.
    public func waitUntilReadable(milliseconds: Int) -> Bool {
        let deadline = Self.nanoseconds() + UInt64(max(0, milliseconds)) * 1_000_000
        while true {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let now = Self.nanoseconds()
            let left = now >= deadline ? 0 : Int32(clamping: (deadline - now) / 1_000_000 + 1)
            // poll(2) writes one struct that we own.
            let result = unsafe poll(&waiting, 1, left)
            if result > 0 { return true }
            // However often it is interrupted.
            if result == 0 || errno != EINTR || left == 0 { return false }
        }
    }

    /// Nanoseconds of CLOCK_MONOTONIC.
    public static func nanoseconds() -> UInt64 {
        var time = timespec()
        // clock_gettime(2) writes one struct that we own.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// - Parameter packets: whether messages keep their bounds.
    static func pair(packets: Bool) throws(HelperError) -> (MessageSocket, MessageSocket) {
        var ends: [Int32] = [-1, -1]
        // socketpair(2) writes two numbers.
        let result = unsafe cisolation_pair(packets ? 1 : 0, &ends)
        guard result == 0 else { throw .system(name: "socketpair", errno: -result) }
        return (MessageSocket(owning: ends[0]), MessageSocket(owning: ends[1]))
    }
}

/// Bytes as an open file in memory that nobody can change: for requests of any length.
public struct SealedFile: ~Copyable {
    public let descriptor: Int32

    public init(_ bytes: [UInt8]) throws(HelperError) {
        // The bytes are copied during the call.
        let file = unsafe cisolation_sealed_file(bytes, bytes.count)
        guard file >= 0 else { throw .system(name: "memfd_create", errno: -file) }
        descriptor = file
    }

    deinit { close(descriptor) }
}
