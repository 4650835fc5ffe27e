import Glibc
import PerfEvents
import PerfRecords

/// The rings of all CPUs, read as one sequence in time order.
///
/// Records stay in their ring until their turn comes. A round first notes the time, then sees what each ring has, and
/// takes only what is older than the *last* round's note: whatever was written before that note is visible by now, so
/// that no older record can still turn up in another ring.
struct RingSet {
    private final class Lane {
        var ring: RingBuffer
        /// The time of the next record; nil at the end of what was seen.
        var next: UInt64?
        init(_ ring: consuming RingBuffer) { self.ring = ring }
    }
    private var lanes: [Lane] = []
    /// Knows the layouts of all events; set when those are open.
    var decoder = RecordDecoder(defaultLayout: SampleLayout(sampleFields: []))
    private var horizon: UInt64 = 0

    mutating func append(_ ring: consuming RingBuffer) { lanes.append(Lane(ring)) }

    var count: Int { lanes.count }

    /// See `RingBuffer.writtenByteCount`.
    func writtenByteCounts() -> [UInt64] { lanes.map { $0.ring.writtenByteCount } }

    /// What waits in the fullest ring, in bytes.
    var mostWaiting: Int { lanes.map { $0.ring.waitingByteCount }.max() ?? 0 }

    /// Of the smallest ring; 1 where there is none.
    var capacity: Int { lanes.map { $0.ring.capacity }.min() ?? 1 }

    var descriptors: [Int32] { lanes.map { $0.ring.descriptor } }

    /// Whether some ring is more than half full: the next round should come at once.
    var isFilling: Bool { lanes.contains { $0.ring.unreadByteCount > $0.ring.capacity / 2 } }

    /// Gives all records up to the last round's note to `body`, in time order.
    ///
    /// - Parameter untilEnd: takes everything: after the events were stopped.
    mutating func round(untilEnd: Bool, _ body: (PerfRecord?, RawSpan) -> Void) {
        let now = Clock.monotonic()
        for lane in lanes {
            lane.ring.refresh()
            if lane.next == nil { lane.next = nextTime(of: lane) }
        }
        let limit = untilEnd ? UInt64.max : horizon
        while let lane = earliest(), let time = lane.next, time <= limit {
            lane.ring.withNextRecord { bytes in
                body(try? decoder.decode(bytes), bytes)
            }
            lane.ring.advance()
            lane.next = nextTime(of: lane)
        }
        for lane in lanes { lane.ring.release() }
        horizon = now
    }

    private func earliest() -> Lane? {
        var best: Lane?
        for lane in lanes {
            guard let time = lane.next else { continue }
            if let bestTime = best?.next, bestTime <= time { continue }
            best = lane
        }
        return best
    }

    /// A record without a time takes its turn at once.
    private func nextTime(of lane: Lane) -> UInt64? {
        if lane.ring.unreadByteCount == 0 { return nil }
        if let time = lane.ring.withNextRecord({ bytes in (try? decoder.time(of: bytes)) ?? 0 }) { return time }
        // Not a record: what follows in this ring cannot be found.
        lane.ring.advance()
        return nil
    }
}
