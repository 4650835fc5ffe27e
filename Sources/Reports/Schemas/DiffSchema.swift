/// `jostle diff --format json`.
enum DiffSchema {
    static let body = #"""
          "title": "jostle.diff",
          "description": "Times per second are nanoseconds per second of a container's run time.",
          "type": "object",
          "required": [
            "schema", "schema_version", "baseline", "candidate", "differences", "containers", "syscalls",
            "unmatched_baseline", "unmatched_candidate"
          ],
          "properties": {
            "schema": { "const": "jostle.diff" },
            "schema_version": { "const": 1 },
            "baseline": { "$ref": "#/$defs/compared_recording" },
            "candidate": { "$ref": "#/$defs/compared_recording" },
            "differences": {
              "description": "Facts of the recordings that are not the same.",
              "type": "array",
              "items": {
                "type": "object",
                "required": ["fact", "baseline", "candidate"],
                "properties": {
                  "fact": { "type": "string" },
                  "baseline": { "type": "string" },
                  "candidate": { "type": "string" }
                }
              }
            },
            "containers": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["baseline", "candidate", "cpu_change_ns"],
                "properties": {
                  "baseline": { "$ref": "#/$defs/container_side" },
                  "candidate": { "$ref": "#/$defs/container_side" },
                  "kernel_share_change": { "$ref": "#/$defs/estimate" },
                  "cpu_change_ns": { "$ref": "#/$defs/estimate" },
                  "contended_wait_change_ns": { "$ref": "#/$defs/estimate" }
                }
              }
            },
            "syscalls": {
              "description": "The largest change first.",
              "type": "array",
              "items": {
                "type": "object",
                "required": ["pair", "container", "name", "kind", "change", "verdict"],
                "properties": {
                  "pair": { "description": "Index into containers.", "$ref": "#/$defs/count" },
                  "container": { "$ref": "#/$defs/name" },
                  "name": { "$ref": "#/$defs/name" },
                  "libc_name": { "type": "string" },
                  "kind": { "$ref": "#/$defs/entry_kind" },
                  "baseline": { "$ref": "#/$defs/syscall_side" },
                  "candidate": { "$ref": "#/$defs/syscall_side" },
                  "change": { "description": "Nanoseconds per second.", "$ref": "#/$defs/estimate" },
                  "from_rate_ns": { "type": "number" },
                  "from_cost_ns": { "type": "number" },
                  "from_rate": { "description": "from_rate_ns with its interval.", "$ref": "#/$defs/estimate" },
                  "from_cost": { "description": "from_cost_ns with its interval.", "$ref": "#/$defs/estimate" },
                  "rate_ratio": { "$ref": "#/$defs/estimate" },
                  "cost_ratio": { "$ref": "#/$defs/estimate" },
                  "verdict": {
                    "enum": [
                      "dearer", "cheaper", "more often", "less often", "both", "more time", "less time", "unchanged",
                      "cannot tell: not enough samples"
                    ]
                  },
                  "more_seconds": {
                    "description": "By which both recordings would have to be longer for a verdict.",
                    "type": "number",
                    "minimum": 1
                  }
                },
                "dependentRequired": { "from_rate_ns": ["from_cost_ns"], "from_cost_ns": ["from_rate_ns"] }
              }
            },
            "omitted_rows": { "$ref": "#/$defs/count" },
            "detail": {
              "type": "object",
              "required": ["query", "functions", "call_sites"],
              "properties": {
                "query": { "type": "string" },
                "functions": { "type": "array", "items": { "$ref": "#/$defs/compared_place" } },
                "call_sites": { "type": "array", "items": { "$ref": "#/$defs/compared_place" } }
              }
            },
            "findings": {
              "description": "Known patterns that a side shows; new ones first.",
              "type": "array",
              "items": {
                "type": "object",
                "required": ["pair", "status", "finding", "baseline_share", "candidate_share"],
                "properties": {
                  "pair": { "description": "Index into containers.", "$ref": "#/$defs/count" },
                  "status": { "enum": ["new", "gone", "both"] },
                  "finding": { "$ref": "#/$defs/finding" },
                  "baseline_share": { "$ref": "#/$defs/share" },
                  "candidate_share": { "$ref": "#/$defs/share" }
                }
              }
            },
            "unmatched_baseline": { "type": "array", "items": { "$ref": "#/$defs/name" } },
            "unmatched_candidate": { "type": "array", "items": { "$ref": "#/$defs/name" } }
          }
        """#

    static let definitions = SchemaDefinitions(
        members: #"""
                "container_side": {
                  "type": "object",
                  "required": ["name", "samples", "run_time_ns", "cpu_per_second_ns"],
                  "properties": {
                    "name": { "$ref": "#/$defs/name" },
                    "id": { "$ref": "#/$defs/name" },
                    "image": { "$ref": "#/$defs/name" },
                    "cgroup": { "$ref": "#/$defs/name" },
                    "samples": { "$ref": "#/$defs/count" },
                    "run_time_ns": { "$ref": "#/$defs/count" },
                    "kernel_share": { "$ref": "#/$defs/interval" },
                    "cpu_per_second_ns": { "type": "number", "minimum": 0 },
                    "contended_wait_per_second_ns": { "type": "number", "minimum": 0 }
                  }
                },
                "syscall_side": {
                  "type": "object",
                  "required": ["samples", "kernel_time_ns", "time_per_second_ns", "cpu_per_second_ns"],
                  "properties": {
                    "samples": { "$ref": "#/$defs/count" },
                    "kernel_time_ns": { "$ref": "#/$defs/count" },
                    "time_per_second_ns": { "type": "number", "minimum": 0 },
                    "cpu_per_second_ns": { "type": "number", "minimum": 0 },
                    "contended_wait_per_second_ns": { "type": "number", "minimum": 0 },
                    "calls": { "$ref": "#/$defs/count" },
                    "calls_per_second": { "type": "number", "minimum": 0 },
                    "cost_per_call_ns": { "type": "number", "minimum": 0 }
                  }
                },
                "compared_place": {
                  "type": "object",
                  "required": ["pair", "container", "place", "change"],
                  "properties": {
                    "pair": { "$ref": "#/$defs/count" },
                    "container": { "$ref": "#/$defs/name" },
                    "place": { "$ref": "#/$defs/place" },
                    "baseline_per_second_ns": { "type": "number", "minimum": 0 },
                    "candidate_per_second_ns": { "type": "number", "minimum": 0 },
                    "change": { "$ref": "#/$defs/estimate" }
                  }
                }
            """#)
}
