import Glibc
import Testing

@testable import Isolation

@Suite("sockets between processes of ours")
struct MessageSocketTests {
    @Test("a message arrives with its descriptors, which are other numbers of the same files")
    func descriptors() throws {
        let (one, other) = try MessageSocket.pair(packets: true)
        let file = try SealedFile(Array("hello".utf8))
        #expect(one.send([1, 2, 3], descriptors: [file.descriptor]) == 0)
        let message = try #require(other.receive())
        #expect(message.bytes == [1, 2, 3])
        let received = try #require(message.descriptors.first)
        defer { close(received) }
        #expect(received != file.descriptor)
        #expect(CachedStatus(received)?.inode == CachedStatus(file.descriptor)?.inode)
        #expect(CachedStatus(received)?.byteCount == 5)
        // Nobody can change what was sent.
        #expect(ftruncate(received, 1) == -1 && errno == EPERM)
        // It does not survive an execve(2).
        #expect(fcntl(received, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test("more descriptors than were asked for, and the other side's end, are no message")
    func refused() throws {
        let (one, other) = try MessageSocket.pair(packets: true)
        let file = try SealedFile([1])
        #expect(one.send([1], descriptors: [file.descriptor, file.descriptor]) == 0)
        #expect(other.receive(descriptors: 1) == nil)
        let (gone, left) = try MessageSocket.pair(packets: true)
        _ = consume gone
        #expect(left.receive() == nil)
        #expect(left.send([1]) == EPIPE)
    }
}
