/// A figure with its 95 % interval, all three in the figure's unit.
///
/// Where the data leave everything possible the interval is infinite, and absent in JSON.
public struct Estimate: Sendable, Codable, Equatable {
    public var value: Double
    public var low: Double
    public var high: Double

    public init(value: Double, low: Double, high: Double) {
        self.value = value
        self.low = low
        self.high = high
    }

    /// Whether the interval leaves no doubt about the sign.
    public var excludesZero: Bool { low > 0 || high < 0 }

    /// The wider side.
    public var halfWidth: Double { max(high - value, value - low) }

    /// With each figure put through `transform`, which must not turn their order around.
    func mapped(_ transform: (Double) -> Double) -> Estimate {
        Estimate(value: transform(value), low: transform(low), high: transform(high))
    }

    /// A share of samples: between 0 and 1, and no surer than the count of samples allows.
    ///
    /// - Parameters:
    ///   - samples: all; where every one of them, or none, is part of the share, slices show no doubt, and Wilson's bound
    ///     is left.
    ///   - part: those that make the share.
    func asShare(samples: Int, of part: Int) -> Estimate {
        var share = mapped { max(0, min(1, $0)) }
        let count = Double(max(1, samples))
        if value >= 1 { share.low = min(share.low, count / (count + 1.96 * 1.96)) }
        if value <= 0 { share.high = max(share.high, 1.96 * 1.96 / (count + 1.96 * 1.96)) }
        if let limits = PoissonLimits(count: part), part > 0, part < samples {
            share.low = min(share.low, value * limits.low)
            share.high = min(1, max(share.high, value * limits.high))
        }
        return share.mapped(\.roundedForReport)
    }

    enum CodingKeys: String, CodingKey { case value, low, high }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        value = try values.decode(Double.self, forKey: .value)
        low = try values.decodeIfPresent(Double.self, forKey: .low) ?? -.infinity
        high = try values.decodeIfPresent(Double.self, forKey: .high) ?? .infinity
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(value, forKey: .value)
        if low.isFinite { try values.encode(low, forKey: .low) }
        if high.isFinite { try values.encode(high, forKey: .high) }
    }
}

/// What a handful of samples says at most: their slices show too little doubt, and none of them none at all.
///
/// Source: Byar's approximation of exact Poisson limits, in Breslow and Day, Statistical Methods in Cancer Research II,
/// 1987, page 69.
struct PoissonLimits {
    /// By the count; where that is 0, `low` is 0 and `high` in samples.
    let low: Double
    let high: Double

    /// From here on slices tell it.
    static let enough = 30

    /// - Returns: nil for `enough` samples.
    init?(count: Int) {
        guard count < Self.enough else { return nil }
        func cubed(_ value: Double) -> Double { value * value * value }
        let number = Double(max(0, count))
        let above = number + 1
        let most = above * cubed(1 - 1 / (9 * above) + 1.96 / (3 * above.squareRoot()))
        guard number > 0 else {
            low = 0
            high = most
            return
        }
        low = max(0, cubed(1 - 1 / (9 * number) - 1.96 / (3 * number.squareRoot())))
        high = most / number
    }
}
