/// `jostle report --syscall NAME --format json`.
enum SyscallSchema {
    static let body = #"""
          "title": "jostle.syscall",
          "type": "object",
          "required": ["schema", "schema_version", "query", "recording", "confidence", "containers"],
          "properties": {
            "schema": { "const": "jostle.syscall" },
            "schema_version": { "const": 1 },
            "query": { "type": "string" },
            "recording": { "$ref": "#/$defs/recording" },
            "confidence": { "$ref": "#/$defs/confidence" },
            "known_names": { "type": "array", "items": { "$ref": "#/$defs/name" } },
            "containers": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["name", "entries", "kernel_time_ns", "kernel_tree", "call_tree"],
                "properties": {
                  "name": { "$ref": "#/$defs/name" },
                  "id": { "$ref": "#/$defs/name" },
                  "cgroup": { "$ref": "#/$defs/name" },
                  "entries": { "type": "array", "items": { "$ref": "#/$defs/entry" } },
                  "kernel_time_ns": { "$ref": "#/$defs/count" },
                  "kernel_tree": {
                    "description": "From the entry inwards, parents before children.",
                    "type": "array",
                    "items": {
                      "type": "object",
                      "required": ["depth", "kernel_time_ns", "self_ns", "share"],
                      "properties": {
                        "depth": { "$ref": "#/$defs/count" },
                        "function": { "$ref": "#/$defs/name" },
                        "kernel_time_ns": { "$ref": "#/$defs/count" },
                        "contended_wait_ns": { "$ref": "#/$defs/count" },
                        "self_ns": { "$ref": "#/$defs/count" },
                        "share": { "$ref": "#/$defs/share" }
                      }
                    }
                  },
                  "call_tree": {
                    "description": "From the call sites outwards, callees before callers.",
                    "type": "array",
                    "items": {
                      "type": "object",
                      "required": ["depth", "kernel_time_ns", "share"],
                      "properties": {
                        "depth": { "$ref": "#/$defs/count" },
                        "place": { "$ref": "#/$defs/place" },
                        "cut": { "type": "string" },
                        "kernel_time_ns": { "$ref": "#/$defs/count" },
                        "share": { "$ref": "#/$defs/share" }
                      }
                    }
                  },
                  "wait_ns": {
                    "description": "Asleep inside the entry, whatever for.",
                    "$ref": "#/$defs/count"
                  },
                  "wait_tree": {
                    "description": "From the entry inwards to where threads slept, parents before children.",
                    "type": "array",
                    "items": {
                      "type": "object",
                      "required": ["depth", "wait_ns", "share"],
                      "properties": {
                        "depth": { "$ref": "#/$defs/count" },
                        "function": { "$ref": "#/$defs/name" },
                        "wait_ns": { "$ref": "#/$defs/count" },
                        "class": {
                          "description": "Why, where this is the function that slept: a key of waits_ns.",
                          "type": "string"
                        },
                        "share": { "$ref": "#/$defs/share" }
                      }
                    }
                  },
                  "wait_call_tree": {
                    "description": "From the call sites that slept outwards, callees before callers.",
                    "type": "array",
                    "items": {
                      "type": "object",
                      "required": ["depth", "wait_ns", "share"],
                      "properties": {
                        "depth": { "$ref": "#/$defs/count" },
                        "place": { "$ref": "#/$defs/place" },
                        "cut": { "type": "string" },
                        "wait_ns": { "$ref": "#/$defs/count" },
                        "share": { "$ref": "#/$defs/share" }
                      }
                    }
                  }
                }
              }
            }
          }
        """#
}
