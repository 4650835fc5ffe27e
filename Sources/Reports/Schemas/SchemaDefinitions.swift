/// Parts that several schemas share: members of `$defs`.
struct SchemaDefinitions {
    let members: String

    static let common = SchemaDefinitions(
        members: #"""
                "count": { "type": "integer", "minimum": 0 },
                "share": { "type": "number", "minimum": 0, "maximum": 1 },
                "name": {
                  "description": "As found; a byte that is not UTF-8 stands as the scalar U+10FE00 plus the byte.",
                  "type": "string"
                },
                "interval": {
                  "description": "A share with its 95 % interval.",
                  "type": "object",
                  "required": ["value", "low", "high"],
                  "properties": {
                    "value": { "$ref": "#/$defs/share" },
                    "low": { "$ref": "#/$defs/share" },
                    "high": { "$ref": "#/$defs/share" }
                  }
                },
                "entry_kind": {
                  "enum": [
                    "syscall", "page-fault", "interrupt", "softirq", "exception", "kthread", "entry-exit", "idle",
                    "kernel-hidden", "unknown"
                  ]
                },
                "place": {
                  "description": "A place in code, as far as it could be named.",
                  "type": "object",
                  "properties": {
                    "function": { "$ref": "#/$defs/name" },
                    "file": { "$ref": "#/$defs/name" },
                    "line": { "type": "integer" },
                    "module": { "$ref": "#/$defs/name" },
                    "address": { "type": "string", "pattern": "^0x[0-9a-f]+$" }
                  }
                },
                "recording": {
                  "type": "object",
                  "required": [
                    "tool_version", "host", "kernel", "arch", "cpus", "event", "frequency_hz", "unwinding",
                    "command_line", "start_wall_ns", "duration_ns", "finished", "notes"
                  ],
                  "properties": {
                    "tool_version": { "type": "string" },
                    "host": { "$ref": "#/$defs/name" },
                    "kernel": { "type": "string" },
                    "arch": { "type": "string" },
                    "cpus": { "$ref": "#/$defs/count" },
                    "event": { "description": "cycles or cpu-clock", "type": "string" },
                    "event_reason": { "type": "string" },
                    "frequency_hz": { "$ref": "#/$defs/count" },
                    "unwinding": { "type": "string" },
                    "command_line": { "type": "array", "items": { "$ref": "#/$defs/name" } },
                    "command_status": { "type": "integer" },
                    "start_wall_ns": { "description": "since the epoch", "type": "integer" },
                    "duration_ns": { "$ref": "#/$defs/count" },
                    "finished": { "type": "boolean" },
                    "notes": { "type": "array", "items": { "type": "string" } }
                  }
                },
                "confidence": {
                  "type": "object",
                  "required": [
                    "samples", "lost_records", "lost_samples", "throttled_ns", "throttled_intervals", "undecodable",
                    "unknown_records", "complete_stacks", "stacks", "truncations", "kernel_symbols", "recorder_cpu_ns",
                    "warnings"
                  ],
                  "properties": {
                    "samples": { "description": "on a CPU", "$ref": "#/$defs/count" },
                    "off_cpu_samples": { "$ref": "#/$defs/count" },
                    "lost_records": { "$ref": "#/$defs/count" },
                    "lost_samples": { "$ref": "#/$defs/count" },
                    "throttled_ns": {
                      "description": "held back by the kernel, summed over CPUs; a tick of its timer at most for each interval",
                      "$ref": "#/$defs/count"
                    },
                    "throttled_intervals": { "$ref": "#/$defs/count" },
                    "undecodable": { "$ref": "#/$defs/count" },
                    "unknown_records": { "$ref": "#/$defs/count" },
                    "complete_stacks_share": { "$ref": "#/$defs/share" },
                    "complete_stacks": { "$ref": "#/$defs/count" },
                    "stacks": { "$ref": "#/$defs/count" },
                    "truncations": { "type": "object", "additionalProperties": { "$ref": "#/$defs/count" } },
                    "kernel_symbols": { "enum": ["visible", "hidden"] },
                    "symbols_skipped": { "type": "object", "additionalProperties": { "type": "string" } },
                    "recorder_cpu_ns": { "$ref": "#/$defs/count" },
                    "warnings": { "type": "array", "items": { "type": "string" } }
                  }
                }
            """#)

    /// What `report` and `syscall` say of an entry into the kernel.
    static let entry = SchemaDefinitions(
        members: #"""
                "waits": {
                  "description": "Nanoseconds off the CPU, by class.",
                  "type": "object",
                  "required": [
                    "kernel_lock", "kernel_wait", "disk_io", "memory", "preempted", "by_choice", "other"
                  ],
                  "properties": {
                    "kernel_lock": { "$ref": "#/$defs/count" },
                    "kernel_wait": { "$ref": "#/$defs/count" },
                    "disk_io": { "$ref": "#/$defs/count" },
                    "memory": { "$ref": "#/$defs/count" },
                    "preempted": { "$ref": "#/$defs/count" },
                    "by_choice": { "$ref": "#/$defs/count" },
                    "other": { "$ref": "#/$defs/count" }
                  }
                },
                "entry_name": {
                  "type": "object",
                  "required": ["kind", "name"],
                  "properties": { "kind": { "$ref": "#/$defs/entry_kind" }, "name": { "$ref": "#/$defs/name" } }
                },
                "entry": {
                  "description": "One entry into the kernel, most often a system call, and what it cost its container.",
                  "type": "object",
                  "required": [
                    "name", "kind", "samples", "kernel_time_ns", "kernel_cpu_ns", "share", "spin_ns", "call_sites"
                  ],
                  "properties": {
                    "name": { "$ref": "#/$defs/name" },
                    "libc_name": { "type": "string" },
                    "kind": { "$ref": "#/$defs/entry_kind" },
                    "samples": { "$ref": "#/$defs/count" },
                    "kernel_time_ns": { "$ref": "#/$defs/count" },
                    "kernel_cpu_ns": { "$ref": "#/$defs/count" },
                    "contended_wait_ns": { "$ref": "#/$defs/count" },
                    "waits_ns": { "$ref": "#/$defs/waits" },
                    "share": { "$ref": "#/$defs/interval" },
                    "calls": { "$ref": "#/$defs/count" },
                    "calls_per_second": { "type": "number", "minimum": 0 },
                    "cpu_per_call_ns": { "$ref": "#/$defs/count" },
                    "wait_per_call_ns": { "$ref": "#/$defs/count" },
                    "latency_per_call_ns": { "$ref": "#/$defs/count" },
                    "hottest_kernel_function": { "$ref": "#/$defs/name" },
                    "hottest_through": { "type": "string" },
                    "hottest_ns": { "$ref": "#/$defs/count" },
                    "spin_ns": { "$ref": "#/$defs/count" },
                    "call_sites": {
                      "type": "array",
                      "items": {
                        "type": "object",
                        "required": ["kernel_time_ns"],
                        "properties": {
                          "function": { "$ref": "#/$defs/name" },
                          "file": { "$ref": "#/$defs/name" },
                          "line": { "type": "integer" },
                          "module": { "$ref": "#/$defs/name" },
                          "address": { "type": "string" },
                          "kernel_time_ns": { "$ref": "#/$defs/count" }
                        }
                      }
                    }
                  }
                }
            """#)

    /// What `diff` and `check` share.
    static let comparison = SchemaDefinitions(
        members: #"""
                "estimate": {
                  "description": "A figure with its 95 % interval; a bound that the data leave open is absent.",
                  "type": "object",
                  "required": ["value"],
                  "properties": {
                    "value": { "type": "number" },
                    "low": { "type": "number" },
                    "high": { "type": "number" }
                  }
                },
                "compared_recording": {
                  "type": "object",
                  "required": ["label", "recording", "confidence"],
                  "properties": {
                    "label": { "$ref": "#/$defs/name" },
                    "recording": { "$ref": "#/$defs/recording" },
                    "confidence": { "$ref": "#/$defs/confidence" }
                  }
                }
            """#)
}
