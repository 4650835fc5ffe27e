internal import ProfileModel

/// The time for which a container was there, cut into slices: what every figure with an interval is counted over.
struct RunTime {
    /// Of the recording's slices, those in which the container was there.
    let slices: Range<Int>
    let sliceNanoseconds: Int64
    let nanoseconds: Int64

    /// Slices are as long as this, or a multiple of it.
    static let leastSlice: Int64 = 100_000_000
    /// Longer recordings get longer slices instead of more: their intervals are no worse for it.
    static let mostSlices = 300

    var seconds: Double { Double(nanoseconds) / 1e9 }

    /// - Parameter samples: the container's, indices into the profile's columns.
    init(_ profile: Profile, container index: Int, samples: [Int32]) {
        let columns = profile.samples
        let last = samples.reduce(Int64(0)) { max($0, columns.time[Int($1)]) }
        let duration = max(profile.recording.durationNanoseconds, last &+ 1)
        let merged = max(1, (duration / Self.leastSlice + Int64(Self.mostSlices)) / Int64(Self.mostSlices))
        let length = Self.leastSlice * merged
        sliceNanoseconds = length
        let all = Int(duration / length) + 1
        var isSeen = [Bool](repeating: false, count: all)
        func see(_ time: Int64) { isSeen[Int(min(max(0, time) / length, Int64(all - 1)))] = true }
        for sample in samples { see(columns.time[Int(sample)]) }
        for count in profile.syscallCounts where count.container == index && count.calls > 0 { see(count.time) }
        slices = Self.whenThere(isSeen, slice: length)
        // The last slice is whole only by chance.
        let end = min(duration, Int64(slices.upperBound) * length)
        nanoseconds = max(1, end - Int64(slices.lowerBound) * length)
    }

    /// Where a time lies in `slices`, counted from their first; nil outside.
    func slice(of time: Int64) -> Int? {
        let slice = Int(max(0, time) / sliceNanoseconds)
        return slices.contains(slice) ? slice - slices.lowerBound : nil
    }

    /// Without a beginning or an end in which the container was not there yet, or no longer.
    ///
    /// A silence at an end is the container's own idleness unless it is longer than twice the longest silence in between,
    /// and longer than half a second.
    static func whenThere(_ isSeen: [Bool], slice: Int64) -> Range<Int> {
        guard let first = isSeen.firstIndex(of: true), let last = isSeen.lastIndex(of: true) else {
            return 0..<isSeen.count
        }
        var longest = 0
        var silence = 0
        for index in first...last {
            silence = isSeen[index] ? 0 : silence + 1
            longest = max(longest, silence)
        }
        let allowed = max(2 * longest, Int(500_000_000 / max(1, slice)))
        let start = first > allowed ? first : 0
        let end = isSeen.count - 1 - last > allowed ? last + 1 : isSeen.count
        return start..<end
    }
}
