import CLinux
import Glibc

/// SIGINT, SIGTERM and SIGHUP as something to wait for rather than to die of.
///
/// It stays so for the rest of the process: a second one, sent while the recording is being finished, must not end it
/// half-way.
struct SignalQueue: ~Copyable {
    let descriptor: Int32

    init() throws(RecorderError) {
        let signals = [SIGINT, SIGTERM, SIGHUP]
        // The numbers are read during the call only.
        let result = unsafe clinux_signal_descriptor(signals, Int32(signals.count))
        guard result >= 0 else { throw .systemCall(name: "sigaction", errno: -result) }
        descriptor = result
    }

    deinit { close(descriptor) }

    /// The next signal that has come; nil when there is none.
    borrowing func next() -> Int32? { Self.next(on: descriptor) }

    /// The same, for another thread.
    static func next(on descriptor: Int32) -> Int32? {
        let signal = clinux_next_signal(descriptor)
        return signal > 0 ? signal : nil
    }
}
