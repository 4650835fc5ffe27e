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
            ("unwinding", info.unwinding), ("command_status", info.commandStatus), ("notes", try json(info.notes)),
            ("kernel_tail_calls", try json(info.kernelTailCalls)), ("lost_records", info.losses.lostRecords),
            ("lost_samples", info.losses.lostSamples), ("throttled_ns", info.losses.throttledNanoseconds),
            ("throttled_intervals", info.losses.throttledIntervals),
            ("undecodable_records", info.losses.undecodableRecords),
            ("unknown_records", info.losses.unknownRecords),
            ("recorder_cpu_ns", info.losses.recorderCPUNanoseconds),
        ]
    }

    /// - Throws: `MissingKey` for a key that every recording has.
    static func info(from values: [String: DatabaseValue]) throws -> RecordingInfo {
        func text(_ key: String) throws -> String {
            guard let value = values[key].flatMap(String.fromDatabaseValue) else { throw MissingKey(key: key) }
            return value
        }
        func number(_ key: String) throws -> Int64 {
            guard let value = values[key].flatMap(Int64.fromDatabaseValue) else { throw MissingKey(key: key) }
            return value
        }
        func list<T: Decodable>(_ key: String, _ type: T.Type) throws -> T {
            try JSONDecoder().decode(type, from: Data(text(key).utf8))
        }
        return RecordingInfo(
            toolVersion: try text("tool_version"), host: try text("host"), kernel: try text("kernel"),
            arch: try text("arch"), cpus: Int(try number("cpus")), event: try text("event"),
            eventReason: values["event_reason"].flatMap(String.fromDatabaseValue),
            frequency: Int(try number("frequency_hz")), commandLine: try list("command_line", [String].self),
            startWallNanoseconds: try number("start_wall_ns"), durationNanoseconds: try number("duration_ns"),
            finished: try number("finished") != 0,
            kernelSymbols: RecordingInfo.KernelSymbols(rawValue: try text("kernel_symbols")) ?? .hidden,
            unwinding: try text("unwinding"),
            losses: Losses(
                lostRecords: try number("lost_records"), lostSamples: try number("lost_samples"),
                throttledNanoseconds: try number("throttled_ns"),
                throttledIntervals: try number("throttled_intervals"),
                undecodableRecords: try number("undecodable_records"),
                unknownRecords: try number("unknown_records"),
                recorderCPUNanoseconds: try number("recorder_cpu_ns")),
            commandStatus: values["command_status"].flatMap(Int.fromDatabaseValue),
            notes: try list("notes", [String].self),
            kernelTailCalls: try list("kernel_tail_calls", [String: [String]].self))
    }

    struct MissingKey: Error { let key: String }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
