/// How large rings are made, in bytes of their data: a power of two.
public enum RingCapacity {
    /// Where not even this is granted there is no recording.
    public static let smallest = 64 << 10
    /// A second of all that is sampled on a CPU that runs nothing but targets.
    public static let largest = 32 << 20
    /// All rings together take no more unless told otherwise: 32 MiB for each of eight CPUs, 2 MiB for each of 72.
    public static let defaultBudget = 256 << 20

    /// The largest capacity that keeps to `bytes`, and never less than `smallest`.
    public static func powerOfTwo(atMost bytes: Int) -> Int {
        var size = smallest
        while size * 2 <= bytes { size *= 2 }
        return size
    }
}
