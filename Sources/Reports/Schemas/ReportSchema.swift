/// `jostle report --format json`.
enum ReportSchema {
    static let body = #"""
          "title": "jostle.report",
          "type": "object",
          "required": ["schema", "schema_version", "view", "rank_by", "recording", "confidence", "containers"],
          "properties": {
            "schema": { "const": "jostle.report" },
            "schema_version": { "const": 1 },
            "view": { "enum": ["syscall", "container", "function", "caller", "lock"] },
            "rank_by": { "enum": ["time", "cpu", "wait"] },
            "recording": { "$ref": "#/$defs/recording" },
            "confidence": { "$ref": "#/$defs/confidence" },
            "containers": {
              "type": "array",
              "items": {
                "type": "object",
                "required": [
                  "name", "samples", "cpu_ns", "kernel_cpu_ns", "user_cpu_ns", "kernel_time_ns", "syscalls", "warnings"
                ],
                "properties": {
                  "name": { "$ref": "#/$defs/name" },
                  "id": { "$ref": "#/$defs/name" },
                  "runtime": { "type": "string" },
                  "image": { "$ref": "#/$defs/name" },
                  "pod": { "$ref": "#/$defs/name" },
                  "namespace": { "$ref": "#/$defs/name" },
                  "cgroup": { "$ref": "#/$defs/name" },
                  "samples": { "$ref": "#/$defs/count" },
                  "cpu_ns": { "$ref": "#/$defs/count" },
                  "kernel_cpu_ns": { "$ref": "#/$defs/count" },
                  "user_cpu_ns": { "$ref": "#/$defs/count" },
                  "kernel_share": {
                    "type": "object",
                    "required": ["value", "low", "high", "kernel_ns", "total_ns"],
                    "properties": {
                      "value": { "$ref": "#/$defs/share" },
                      "low": { "$ref": "#/$defs/share" },
                      "high": { "$ref": "#/$defs/share" },
                      "kernel_ns": { "$ref": "#/$defs/count" },
                      "total_ns": { "$ref": "#/$defs/count" }
                    }
                  },
                  "cgroup_kernel_share": { "$ref": "#/$defs/share" },
                  "kernel_time_ns": { "$ref": "#/$defs/count" },
                  "contended_wait_ns": { "$ref": "#/$defs/count" },
                  "waits_ns": { "$ref": "#/$defs/waits" },
                  "suspects": {
                    "description": "What its limits and the machine's stalls did to it.",
                    "type": "object",
                    "required": ["verdict"],
                    "properties": {
                      "throttled_share": { "$ref": "#/$defs/share" },
                      "throttled_periods": { "$ref": "#/$defs/count" },
                      "periods": { "$ref": "#/$defs/count" },
                      "cpu_stall_share": { "$ref": "#/$defs/share" },
                      "memory_stall_share": { "$ref": "#/$defs/share" },
                      "io_stall_share": { "$ref": "#/$defs/share" },
                      "major_faults": { "$ref": "#/$defs/count" },
                      "page_faults": { "$ref": "#/$defs/count" },
                      "run_queue_wait_ns": { "$ref": "#/$defs/count" },
                      "ran_instead": {
                        "description": "What got the CPU of its threads while they could have run.",
                        "type": "array",
                        "items": {
                          "type": "object",
                          "required": ["name", "ns"],
                          "properties": {
                            "name": { "$ref": "#/$defs/name" },
                            "ns": { "$ref": "#/$defs/count" }
                          }
                        }
                      },
                      "cpu_limit": { "description": "CPUs.", "type": "number", "minimum": 0 },
                      "verdict": { "type": "string" }
                    }
                  },
                  "syscalls": { "type": "array", "items": { "$ref": "#/$defs/entry" } },
                  "omitted_rows": { "$ref": "#/$defs/count" },
                  "functions": {
                    "type": "array",
                    "items": {
                      "type": "object",
                      "required": [
                        "kernel_time_ns", "kernel_cpu_ns", "spin_ns", "share", "mostly_in"
                      ],
                      "properties": {
                        "function": { "$ref": "#/$defs/name" },
                        "kernel_time_ns": { "$ref": "#/$defs/count" },
                        "kernel_cpu_ns": { "$ref": "#/$defs/count" },
                        "contended_wait_ns": { "$ref": "#/$defs/count" },
                        "spin_ns": { "$ref": "#/$defs/count" },
                        "share": { "$ref": "#/$defs/interval" },
                        "mostly_in": { "$ref": "#/$defs/entry_name" }
                      }
                    }
                  },
                  "callers": {
                    "type": "array",
                    "items": {
                      "type": "object",
                      "required": ["place", "kernel_time_ns", "kernel_cpu_ns", "share", "mostly_in"],
                      "properties": {
                        "place": { "$ref": "#/$defs/place" },
                        "kernel_time_ns": { "$ref": "#/$defs/count" },
                        "kernel_cpu_ns": { "$ref": "#/$defs/count" },
                        "contended_wait_ns": { "$ref": "#/$defs/count" },
                        "share": { "$ref": "#/$defs/interval" },
                        "mostly_in": { "$ref": "#/$defs/entry_name" }
                      }
                    }
                  },
                  "warnings": { "type": "array", "items": { "type": "string" } }
                }
              }
            },
            "locks": { "type": "array", "items": { "$ref": "#/$defs/lock" } },
            "omitted_locks": { "$ref": "#/$defs/count" },
            "shared_paths": { "type": "array", "items": { "$ref": "#/$defs/shared_path" } },
            "findings": { "type": "array", "items": { "$ref": "#/$defs/finding" } }
          }
        """#
}
