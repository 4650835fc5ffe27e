import ProfileBuilder
import Testing

@Suite struct LockWindowsTests {
    private static let look: UInt64 = 20_000_000

    /// Looks of 20 ms with so many begins each.
    private func run(_ begins: [Int], mostPerSecond: Int = 1_000) -> (changes: [LockWindows.Change?], LockWindows) {
        var windows = LockWindows(mostPerSecond: mostPerSecond, start: 0)
        var changes: [LockWindows.Change?] = []
        for (index, count) in begins.enumerated() {
            let time = UInt64(index + 1) * Self.look
            changes.append(windows.look(begins: count, seconds: 0.02, at: time) { _ in time })
        }
        return (changes, windows)
    }

    @Test("Few waits: the events stay on, and everything stands for itself")
    func few() {
        // 20 in 20 ms are 1,000 a second.
        let (changes, windows) = run([20, 0, 20, 20])
        #expect(changes.allSatisfy { $0 == nil } && windows.offNanoseconds == 0)
    }

    @Test("Four times too many: one look in four, which then stands for four")
    func many() {
        // Off after the first look, on again after three more; the look after that ends a window that stands for 80 ms.
        let (changes, windows) = run([80, 0, 0, 0, 80])
        #expect(changes.map { $0?.isOn } == [false, nil, nil, true, false])
        #expect(changes[0]?.weight == 1)
        #expect(changes[3]?.wasOff == true && changes[3]?.weight == 1)
        #expect(changes[4]?.weight == 4)
        #expect(windows.onNanoseconds == 2 * Self.look && windows.offNanoseconds == 3 * Self.look)
    }

    @Test("When there are few again, the window that stands for a pause ends, and the next stands for itself")
    func fewAgain() {
        let (changes, _) = run([40, 0, 20, 20, 20])
        // Off, on, then the end of what stood for two looks; nothing more.
        #expect(changes.map { $0?.isOn } == [false, true, true, nil, nil])
        #expect(changes[2]?.wasOff == false && changes[2]?.weight == 2)
    }

    @Test("The end of the recording ends a window that stands for a pause")
    func end() {
        var (_, windows) = run([40, 0])
        #expect(windows.finish(at: 3 * Self.look)?.weight == 2)
        var (_, exact) = run([20])
        #expect(exact.finish(at: 3 * Self.look) == nil)
    }
}
