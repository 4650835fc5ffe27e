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
