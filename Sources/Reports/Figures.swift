/// Numbers as people read them: three digits that matter, and a unit.
enum Figures {
    /// `3.82 s`, `415 µs`, `12.3 ms`, `35 ns`; hours and minutes for long ones.
    static func duration(_ nanoseconds: Int64) -> String { duration(Double(nanoseconds)) }

    static func duration(_ nanoseconds: Double) -> String {
        if nanoseconds < 0 { return "-" + duration(-nanoseconds) }
        let seconds = nanoseconds / 1e9
        if seconds >= 3_600 {
            return "\(whole(seconds / 3_600)) h \(whole((seconds / 60).truncatingRemainder(dividingBy: 60))) min"
        }
        if seconds >= 120 {
            return "\(whole(seconds / 60)) min \(whole(seconds.truncatingRemainder(dividingBy: 60))) s"
        }
        // A value that would round up to the next unit's 1 is told in that unit.
        for (unit, name) in [(1e9, "s"), (1e6, "ms"), (1e3, "µs")] where nanoseconds >= unit * 0.9995 {
            return threeDigits(nanoseconds / unit) + " " + name
        }
        return "\(Int(nanoseconds.rounded())) ns"
    }

    private static func whole(_ value: Double) -> Int { Int(max(0, min(value, 1e15))) }

    private static func threeDigits(_ value: Double) -> String {
        value < 9.995
            ? decimal(value, places: 2) : value < 99.95 ? decimal(value, places: 1) : decimal(value, places: 0)
    }

    /// Time in a second: seconds where there are enough, so that rows compare at a glance.
    static func timePerSecond(_ nanoseconds: Int64, over duration: Int64) -> String {
        guard duration > 0 else { return "-" }
        let seconds = Double(nanoseconds) / Double(duration)
        return seconds >= 0.00995 ? decimal(seconds, places: 2) + " s" : Self.duration(seconds * 1e9)
    }

    /// `83.1 %`
    static func percent(_ share: Double) -> String { decimal(share * 100, places: 1) + " %" }

    /// `83 %`
    static func wholePercent(_ share: Double) -> String { decimal(share * 100, places: 0) + " %" }

    /// `±0.9`, the wider side, in points; an interval that says nothing is told as such.
    static func plusMinus(value: Double, low: Double, high: Double) -> String {
        "±" + decimal(max(high - value, value - low) * 100, places: 1)
    }

    /// `41,203`
    static func count(_ value: some BinaryInteger) -> String {
        let digits = String(value.magnitude)
        var grouped = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index).isMultiple(of: 3) { grouped.append(",") }
            grouped.append(digit)
        }
        return value < 0 ? "-" + grouped : grouped
    }

    /// `88,120`, `3.4`
    static func rate(_ value: Double) -> String {
        value >= 99.95 ? count(Int64(min(value, 9e15).rounded())) : decimal(value, places: 1)
    }

    /// With exactly `places` decimals, halves away from zero.
    static func decimal(_ value: Double, places: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return value.isNaN ? "-" : value < 0 ? "-∞" : "∞" }
        var scale: Int64 = 1
        for _ in 0..<places { scale *= 10 }
        let scaled = Int64((abs(value) * Double(scale)).rounded())
        var fraction = String(scaled % scale)
        while fraction.count < places { fraction = "0" + fraction }
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return sign + String(scaled / scale) + (places > 0 ? "." + fraction : "")
    }
}
