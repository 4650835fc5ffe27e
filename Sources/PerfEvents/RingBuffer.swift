internal import CPerfEvent
import Glibc

/// The ring that the kernel writes one CPU's records into, mapped into this process.
///
/// Reading takes three steps: `refresh` sees what the kernel has written, `withNextRecord` and `advance` walk over it in
/// place, `release` gives the room back.
///
/// Its pointers stay inside: every access is checked against the mapping's size here.
@safe public struct RingBuffer: ~Copyable {
    private let event: Event
    private let page: UnsafeMutablePointer<perf_event_mmap_page>
    private let mappedBytes: Int
    private let data: UnsafeRawPointer
    /// A record that goes over the ring's end is put together here; no record is longer than its 16-bit size says.
    private let seam: UnsafeMutableRawPointer
    private static let longestRecord = 1 << 16

    /// Size of the ring's data area in bytes, a power of two.
    public let capacity: Int
    private var head: UInt64 = 0
    private var cursor: UInt64 = 0

    /// The descriptor to wait on with ppoll(2).
    public var descriptor: Int32 { event.descriptor }

    /// Maps a ring for `event` and for the events redirected to it.
    ///
    /// - Parameter capacity: bytes; rounded up to a power of two of at least one page.
    /// - Throws: `PerfEventError.cannotMap`.
    public init(event: Event, capacity: Int) throws(PerfEventError) {
        let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
        var size = pageSize
        while size < capacity { size *= 2 }
        let total = size + pageSize
        // A new mapping that nothing else points to; MAP_FAILED is the only other result.
        let address = unsafe mmap(nil, total, PROT_READ | PROT_WRITE, MAP_SHARED, event.descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw .cannotMap(byteCount: total, errno: errno)
        }
        self.event = event
        // The kernel's ABI: the first page is a perf_event_mmap_page, the data follows.
        unsafe page = address.assumingMemoryBound(to: perf_event_mmap_page.self)
        unsafe data = UnsafeRawPointer(address + pageSize)
        unsafe seam = UnsafeMutableRawPointer.allocate(byteCount: Self.longestRecord, alignment: 8)
        mappedBytes = total
        self.capacity = size
    }

    deinit {
        unsafe munmap(page, mappedBytes)
        unsafe seam.deallocate()
    }

    /// Bytes seen by the last `refresh` and not yet advanced over.
    public var unreadByteCount: Int { Int(head &- cursor) }

    /// Bytes that the kernel has written since the ring was made, whether or not `refresh` has seen them.
    ///
    /// The page stays mapped for as long as this value lives.
    public var writtenByteCount: UInt64 { unsafe cperfevent_ring_head(page) }

    /// Bytes that were written and not yet advanced over, seen or not.
    public var waitingByteCount: Int { Int(truncatingIfNeeded: writtenByteCount &- cursor) }

    /// Sees what the kernel has written up to now.
    public mutating func refresh() {
        // The page stays mapped for as long as this value lives.
        head = unsafe cperfevent_ring_head(page)
    }

    /// Gives the next record, header included, where there is one.
    ///
    /// - Returns: nil at the end of what `refresh` saw, and for bytes that cannot be a record: those are dropped up to
    ///   the end, since no later record can be found.
    public borrowing func withNextRecord<Result>(_ body: (RawSpan) -> Result) -> Result? {
        guard let size = nextRecordSize() else { return nil }
        let start = Int(cursor & UInt64(capacity - 1))
        if start + size <= capacity {
            // Inside the mapping, and the kernel does not write there before `release`.
            let bytes = unsafe UnsafeRawBufferPointer(start: data + start, count: size)
            return body(unsafe bytes.bytes)
        }
        let firstPart = capacity - start
        // `size` is at most `longestRecord`, the seam's size; both parts lie inside the mapping.
        unsafe seam.copyMemory(from: data + start, byteCount: firstPart)
        unsafe (seam + firstPart).copyMemory(from: data, byteCount: size - firstPart)
        let bytes = unsafe UnsafeRawBufferPointer(start: seam, count: size)
        return body(unsafe bytes.bytes)
    }

    /// Goes on to the record behind the next one.
    ///
    /// - Returns: false when there was nothing, or nothing that is a record; what was seen is then skipped.
    @discardableResult
    public mutating func advance() -> Bool {
        guard let size = nextRecordSize() else {
            let contradiction = cursor != head
            cursor = head
            return !contradiction
        }
        cursor &+= UInt64(size)
        return true
    }

    /// Gives the room of all records advanced over back to the kernel.
    public mutating func release() {
        // The page stays mapped for as long as this value lives.
        unsafe cperfevent_ring_set_tail(page, cursor)
    }

    /// The size in the next record's header; nil at the end or where it contradicts what the kernel has written.
    private borrowing func nextRecordSize() -> Int? {
        let unread = head &- cursor
        guard unread >= 8 else { return nil }
        let start = Int(cursor & UInt64(capacity - 1))
        // Records are 8-byte aligned (perf_event_open(2)), so that a header never goes over the ring's end.
        let size = Int(unsafe (data + start).loadUnaligned(fromByteOffset: 6, as: UInt16.self))
        guard size >= 8, size.isMultiple(of: 8), UInt64(size) <= unread else { return nil }
        return size
    }
}
