import FoundationEssentials
import GRDB
import ProfileModel

/// `RecordingInfo` as the key/value rows of the table `recording`: one key for each fact, so that SQL can ask for it.
enum InfoKeys {
    static func rows(of info: RecordingInfo) throws -> [(key: String, value: (any DatabaseValueConvertible)?)] {
        [
            ("tool_version", info.toolVersion), ("host", info.host), ("kernel", info.kernel), ("arch", info.arch),
            ("cpus", info.cpus), ("event", info.event), ("event_reason", info.eventReason),
            ("frequency_hz", info.frequency), ("command_line", try json(info.commandLine)),
            ("start_wall_ns", info.startWallNanoseconds), ("duration_ns", info.durationNanoseconds),
            ("finished", info.finished ? 1 : 0), ("kernel_symbols", info.kernelSymbols.rawValue),
            ("kernel_half", info.hasKernelHalf ? 1 : 0),
            ("unwinding", info.unwinding), ("command_status", info.commandStatus), ("notes", try json(info.notes)),
            ("kernel_tail_calls", try json(info.kernelTailCalls)), ("lost_records", info.losses.lostRecords),
            ("lost_samples", info.losses.lostSamples), ("throttled_ns", info.losses.throttledNanoseconds),
            ("throttled_intervals", info.losses.throttledIntervals),
            ("undecodable_records", info.losses.undecodableRecords),
            ("unknown_records", info.losses.unknownRecords),
            ("recorder_cpu_ns", info.losses.recorderCPUNanoseconds), ("has_locks", info.hasLocks ? 1 : 0),
            ("missing_functions", try info.missingFunctions.map(json)),
        ]
    }

    /// - Throws: `Damage` where a key is missing that every recording has, or its value makes no sense.
    static func info(from values: [String: DatabaseValue]) throws(Damage) -> RecordingInfo {
        func text(_ key: String) throws(Damage) -> String {
            guard case .string(let value) = values[key]?.storage else { throw Damage("the key \(key) has no text") }
            return value
        }
        func number(_ key: String) throws(Damage) -> Int64 {
            guard case .int64(let value) = values[key]?.storage else { throw Damage("the key \(key) has no number") }
            return value
        }
        func count(_ key: String) throws(Damage) -> Int64 {
            let value = try number(key)
            guard value >= 0 else { throw Damage("the key \(key) is negative") }
            return value
        }
        func json<T: Decodable>(_ key: String, _ type: T.Type) throws(Damage) -> T {
            let text = try text(key)
            do { return try JSONDecoder().decode(type, from: Data(text.utf8)) } catch {
                throw Damage("the key \(key) holds no list")
            }
        }
        /// `value`, unless the key is missing or NULL.
        func optional<T>(_ key: String, _ value: (String) throws(Damage) -> T) throws(Damage) -> T? {
            guard let stored = values[key], !stored.isNull else { return nil }
            return try value(key)
        }
        guard let kernelSymbols = RecordingInfo.KernelSymbols(rawValue: try text("kernel_symbols")) else {
            throw Damage("the key kernel_symbols has no known value")
        }
        return RecordingInfo(
            toolVersion: try text("tool_version"), host: try text("host"), kernel: try text("kernel"),
            arch: try text("arch"), cpus: Int(try count("cpus")), event: try text("event"),
            eventReason: try optional("event_reason", text), frequency: Int(try count("frequency_hz")),
            commandLine: try json("command_line", [String].self),
            startWallNanoseconds: try number("start_wall_ns"), durationNanoseconds: try count("duration_ns"),
            finished: try number("finished") != 0, kernelSymbols: kernelSymbols,
            // Older recordings always have it.
            hasKernelHalf: try optional("kernel_half", number) != 0, unwinding: try text("unwinding"),
            losses: Losses(
                lostRecords: try count("lost_records"), lostSamples: try count("lost_samples"),
                throttledNanoseconds: try count("throttled_ns"),
                throttledIntervals: try count("throttled_intervals"),
                undecodableRecords: try count("undecodable_records"),
                unknownRecords: try count("unknown_records"),
                recorderCPUNanoseconds: try count("recorder_cpu_ns")),
            commandStatus: try optional("command_status", number).map { Int($0) },
            notes: try json("notes", [String].self),
            kernelTailCalls: try json("kernel_tail_calls", [String: [String]].self),
            // Since version 2.
            hasLocks: try optional("has_locks", number).map { $0 != 0 } ?? false,
            missingFunctions: try optional("missing_functions") { key throws(Damage) in try json(key, [String].self) })
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
