/// When the events of locks are on: all the time while their number allows it, else for one look in so many.
///
/// A look is what the recorder takes each few ten milliseconds. How long windows and pauses come out is measured, so that a
/// recorder that is late does not count too little.
public struct LockWindows {
    /// The events were switched.
    public struct Change: Sendable, Equatable {
        /// Nanoseconds of CLOCK_MONOTONIC.
        public var time: UInt64
        public var isOn: Bool
        /// Whether they were off before.
        public var wasOff: Bool
        /// What the window that ends now stands for, in windows like itself.
        public var weight: Double
    }

    /// Waits that may begin on a CPU in a second.
    private let mostPerSecond: Double
    private var isOn = true
    private var since: UInt64
    /// How long the events were off before the window that is open.
    private var paused: UInt64 = 0
    private var looksLeft = 0
    /// How long they were on, and off.
    public private(set) var onNanoseconds: UInt64 = 0
    public private(set) var offNanoseconds: UInt64 = 0

    public init(mostPerSecond: Int, start: UInt64) {
        self.mostPerSecond = Double(mostPerSecond)
        since = start
    }

    /// Decides after a look.
    ///
    /// - Parameters:
    ///   - begins: waits that began on the busiest CPU since the last look.
    ///   - time: of this look.
    ///   - turn: switches the events, and says from when on, or up to when, they surely were on.
    /// - Returns: what was done; nil where all stays as it is.
    public mutating func look(
        begins: Int, seconds: Double, at time: UInt64, turn switched: (Bool) -> UInt64
    ) -> Change? {
        if !isOn {
            looksLeft -= 1
            return looksLeft <= 0 ? turn(on: true, at: switched(true)) : nil
        }
        let looks = (Double(begins) / max(seconds, 1e-3) / mostPerSecond).rounded(.up)
        if looks > 1 {
            looksLeft = Int(min(looks, 1_000)) - 1
            return turn(on: false, at: switched(false))
        }
        // A window that stands for a pause before it ends here, and one that stands for itself begins.
        return paused > 0 ? turn(on: true, at: time) : nil
    }

    /// The recording ends.
    ///
    /// - Returns: the end of the window that is open; nil where there is none that stands for more than itself.
    public mutating func finish(at time: UInt64) -> Change? {
        isOn && paused > 0 ? turn(on: false, at: time) : nil
    }

    private mutating func turn(on: Bool, at time: UInt64) -> Change {
        let length = time > since ? time - since : 0
        var change = Change(time: time, isOn: on, wasOff: !isOn, weight: 1)
        if isOn {
            onNanoseconds += length
            if length > 0 { change.weight = Double(length + paused) / Double(length) }
            paused = 0
        } else {
            offNanoseconds += length
            paused = length
        }
        isOn = on
        since = time
        return change
    }
}
