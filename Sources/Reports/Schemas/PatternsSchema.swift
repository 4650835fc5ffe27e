/// `jostle patterns --format json`.
enum PatternsSchema {
    static let body = #"""
          "title": "jostle.patterns",
          "type": "object",
          "required": ["schema", "schema_version", "patterns"],
          "properties": {
            "schema": { "const": "jostle.patterns" },
            "schema_version": { "const": 1 },
            "patterns": {
              "type": "array",
              "items": {
                "type": "object",
                "required": [
                  "name", "title", "scope", "least_share", "confidence", "entries", "syscalls", "evidence", "counters",
                  "least_cpus", "shared", "cause", "remedy", "check", "references"
                ],
                "properties": {
                  "name": { "type": "string" },
                  "title": { "type": "string" },
                  "scope": { "$ref": "#/$defs/pattern_scope" },
                  "least_share": { "$ref": "#/$defs/share" },
                  "confidence": { "$ref": "#/$defs/pattern_confidence" },
                  "entries": { "type": "array", "items": { "type": "string" } },
                  "syscalls": { "type": "array", "items": { "type": "string" } },
                  "evidence": {
                    "type": "array",
                    "items": {
                      "type": "object",
                      "required": ["strength", "state", "path"],
                      "properties": {
                        "strength": { "enum": ["strong", "supporting"] },
                        "state": { "enum": ["running", "waiting", "any", "self"] },
                        "path": {
                          "description": "Functions from the outside inwards; each step has alternatives.",
                          "type": "array",
                          "items": { "type": "array", "items": { "type": "string" } }
                        }
                      }
                    }
                  },
                  "counters": { "type": "array", "items": { "type": "string" } },
                  "least_cpus": { "type": "integer", "minimum": 1 },
                  "untold": { "description": "Why it is never told.", "type": "string" },
                  "shared": { "type": "string" },
                  "cause": { "type": "string" },
                  "remedy": { "type": "string" },
                  "check": { "type": "string" },
                  "references": { "type": "array", "items": { "type": "string" } }
                }
              }
            }
          }
        """#
}

/// Locks and findings, which more than one schema has.
enum ContentionSchema {
    static let patterns = SchemaDefinitions(
        members: #"""
                "pattern_scope": { "enum": ["own", "shared", "host-wide"] },
                "pattern_confidence": { "enum": ["documented", "plausible"] }
            """#)

    static let definitions = SchemaDefinitions(
        members: #"""
                "counter": {
                  "description": "A figure of the kernel's own, before and after the recording.",
                  "type": "object",
                  "required": ["name", "unit", "before", "after"],
                  "properties": {
                    "name": { "type": "string" },
                    "unit": { "type": "string" },
                    "before": { "$ref": "#/$defs/count" },
                    "after": { "$ref": "#/$defs/count" }
                  }
                },
                "lock": {
                  "description": "A second view on time that containers' system calls have as well.",
                  "type": "object",
                  "required": [
                    "name", "kind", "address", "scope", "wait_ns", "contentions", "waiters", "holders", "running"
                  ],
                  "properties": {
                    "name": { "$ref": "#/$defs/name" },
                    "kind": {
                      "enum": ["spinlock", "rwlock", "mutex", "rwsem", "percpu rwsem", "rt-mutex", "semaphore"]
                    },
                    "address": { "type": "string" },
                    "scope": { "enum": ["own", "shared"] },
                    "wait_ns": { "$ref": "#/$defs/count" },
                    "contentions": { "$ref": "#/$defs/count" },
                    "waiters": {
                      "type": "array",
                      "items": {
                        "type": "object",
                        "required": ["container", "wait_ns", "contentions", "share", "bound_of_gain_threads"],
                        "properties": {
                          "container": { "$ref": "#/$defs/name" },
                          "wait_ns": { "$ref": "#/$defs/count" },
                          "contentions": { "$ref": "#/$defs/count" },
                          "share": { "$ref": "#/$defs/share" },
                          "bound_of_gain_threads": {
                            "description": "Threads that waited, on average: the most there is to win.",
                            "type": "number", "minimum": 0
                          },
                          "syscall": { "$ref": "#/$defs/name" },
                          "libc_name": { "type": "string" },
                          "syscall_wait_ns": { "$ref": "#/$defs/count" },
                          "call_site": { "$ref": "#/$defs/place" }
                        }
                      }
                    },
                    "holders": {
                      "type": "array",
                      "items": {
                        "type": "object",
                        "required": ["container", "wait_ns", "share", "inferred"],
                        "properties": {
                          "container": { "$ref": "#/$defs/name" },
                          "wait_ns": { "$ref": "#/$defs/count" },
                          "share": { "$ref": "#/$defs/share" },
                          "inferred": { "const": true }
                        }
                      }
                    },
                    "running": {
                      "description": "Who was on a CPU under the function that takes it, and not waiting for it.",
                      "type": "array",
                      "items": {
                        "type": "object",
                        "required": ["container", "cpu_ns"],
                        "properties": {
                          "container": { "$ref": "#/$defs/name" },
                          "cpu_ns": { "$ref": "#/$defs/count" }
                        }
                      }
                    }
                  }
                },
                "shared_path": {
                  "description": "Contention without a lock, or its possibility: several containers run under it.",
                  "type": "object",
                  "required": ["path", "pattern", "containers", "counters"],
                  "properties": {
                    "path": { "type": "array", "items": { "$ref": "#/$defs/name" } },
                    "pattern": { "type": "string" },
                    "containers": {
                      "type": "array",
                      "items": {
                        "type": "object",
                        "required": ["container", "time_ns", "share"],
                        "properties": {
                          "container": { "$ref": "#/$defs/name" },
                          "time_ns": { "$ref": "#/$defs/count" },
                          "share": { "$ref": "#/$defs/share" }
                        }
                      }
                    },
                    "counters": { "type": "array", "items": { "$ref": "#/$defs/counter" } }
                  }
                },
                "finding": {
                  "type": "object",
                  "required": [
                    "pattern", "title", "container", "scope", "confidence", "evidence", "cause", "remedy", "references"
                  ],
                  "properties": {
                    "pattern": { "type": "string" },
                    "title": { "type": "string" },
                    "container": { "$ref": "#/$defs/name" },
                    "scope": { "$ref": "#/$defs/pattern_scope" },
                    "confidence": { "$ref": "#/$defs/pattern_confidence" },
                    "evidence": {
                      "type": "object",
                      "required": ["samples", "time_ns", "share", "path", "syscall", "shared_with", "counters"],
                      "properties": {
                        "samples": { "$ref": "#/$defs/count" },
                        "time_ns": { "$ref": "#/$defs/count" },
                        "share": { "$ref": "#/$defs/interval" },
                        "supporting_ns": { "$ref": "#/$defs/count" },
                        "path": { "type": "array", "items": { "$ref": "#/$defs/name" } },
                        "syscall": { "$ref": "#/$defs/name" },
                        "libc_name": { "type": "string" },
                        "call_site": { "$ref": "#/$defs/place" },
                        "shared_with": { "type": "array", "items": { "$ref": "#/$defs/name" } },
                        "counters": { "type": "array", "items": { "$ref": "#/$defs/counter" } }
                      }
                    },
                    "cause": { "type": "string" },
                    "remedy": { "type": "string" },
                    "references": { "type": "array", "items": { "type": "string" } }
                  }
                }
            """#)
}
