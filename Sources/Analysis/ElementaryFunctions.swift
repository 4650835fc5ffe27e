/// What the standard library has no function for, and this target, which imports nothing from C, needs of analysis.
enum ElementaryFunctions {
    /// The natural logarithm of a number above 0, to about 15 digits; minus infinity for 0.
    ///
    /// With x = 2^e · s and 1 ≤ s < 2: e · ln 2 + 2 · artanh((s - 1) / (s + 1)), whose series is short.
    static func log(_ x: Double) -> Double {
        guard x > 0, x.isFinite else { return x == 0 ? -.infinity : x > 0 ? .infinity : .nan }
        var exponent = Double(x.exponent)
        var significand = x.significand
        if significand > 1.414_213_562_373_095 {
            significand /= 2
            exponent += 1
        }
        let quotient = (significand - 1) / (significand + 1)
        let square = quotient * quotient
        var sum = 0.0
        // |quotient| ≤ 0.172: the terms fall by a factor of 34.
        for power in stride(from: 21.0, through: 1, by: -2) { sum = sum * square + 1 / power }
        return exponent * 0.693_147_180_559_945_3 + 2 * quotient * sum
    }

    /// e^x, to about 13 digits.
    static func exp(_ x: Double) -> Double {
        guard x < 709 else { return .infinity }
        guard x > -740 else { return 0 }
        // e^x = (e^(x / 2^k))^(2^k), with x / 2^k below a quarter.
        var small = x
        var doublings = 0
        while abs(small) > 0.25 {
            small /= 2
            doublings += 1
        }
        var sum = 1.0
        for term in stride(from: 13.0, through: 1, by: -1) { sum = 1 + small / term * sum }
        for _ in 0..<doublings { sum *= sum }
        return sum
    }

    /// cos(π k / (2 n)) for k in 0..<4n, by the addition theorem from one step's sine and cosine.
    static func cosines(quarter n: Int) -> [Double] {
        let step = Double.pi / (2 * Double(n))
        var (sine, cosine) = (0.0, 1.0)
        // Their series at a step of at most π/2.
        var (term, power) = (1.0, 0)
        (sine, cosine) = (0, 0)
        while power < 30 {
            switch power % 4 {
            case 0: cosine += term
            case 1: sine += term
            case 2: cosine -= term
            default: sine -= term
            }
            power += 1
            term *= step / Double(power)
        }
        var table: [Double] = []
        table.reserveCapacity(4 * n)
        var (real, imaginary) = (1.0, 0.0)
        for _ in 0..<4 * n {
            table.append(real)
            (real, imaginary) = (real * cosine - imaginary * sine, imaginary * cosine + real * sine)
        }
        return table
    }

    /// What 95 % of Student's t lie within, for `freedom` degrees of freedom, at least 1; to three digits.
    ///
    /// Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5; below 3, where that series fails, exact
    /// values and what lies between them.
    static func studentQuantile(freedom: Double) -> Double {
        guard freedom.isFinite else { return 1.959_964 }
        if freedom < 3 {
            let exact: [(freedom: Double, value: Double)] = [(1, 12.706), (2, 4.303), (3, 3.182)]
            let index = freedom < 2 ? 0 : 1
            let (one, other) = (exact[index], exact[index + 1])
            let part = (1 / one.freedom - 1 / max(1, freedom)) / (1 / one.freedom - 1 / other.freedom)
            return exp(log(one.value) + part * (log(other.value) - log(one.value)))
        }
        let z = 1.959_964
        let square = z * z
        let terms = [
            (square + 1) * z / 4,
            ((5 * square + 16) * square + 3) * z / 96,
            (((3 * square + 19) * square + 17) * square - 15) * z / 384,
            ((((79 * square + 776) * square + 1482) * square - 1920) * square - 945) * z / 92_160,
        ]
        var sum = 0.0
        for term in terms.reversed() { sum = (sum + term) / freedom }
        return z + sum
    }
}
