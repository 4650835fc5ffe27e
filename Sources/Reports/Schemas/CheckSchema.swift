/// `jostle check --format json`.
enum CheckSchema {
    static let body = #"""
          "title": "jostle.check",
          "type": "object",
          "required": ["schema", "schema_version", "outcome", "candidate", "baselines", "verdicts"],
          "properties": {
            "schema": { "const": "jostle.check" },
            "schema_version": { "const": 1 },
            "outcome": { "enum": ["pass", "fail", "cannot_tell"] },
            "candidate": { "$ref": "#/$defs/compared_recording" },
            "baselines": { "type": "array", "items": { "$ref": "#/$defs/compared_recording" } },
            "verdicts": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["container", "metric", "limit", "relation", "unit", "limit_value", "outcome"],
                "properties": {
                  "container": { "$ref": "#/$defs/name" },
                  "metric": { "type": "string" },
                  "limit": { "description": "As it was written.", "type": "string" },
                  "relation": { "enum": ["absolute", "plus", "times"] },
                  "unit": {
                    "description": "Of value, low, high and limit_value.",
                    "enum": ["share", "ns", "calls_per_second", "ratio"]
                  },
                  "limit_value": { "type": "number", "minimum": 0 },
                  "value": {
                    "description": "The figure, its difference from the baseline's (plus), or its ratio to that (times).",
                    "type": "number"
                  },
                  "low": { "type": "number" },
                  "high": { "type": "number" },
                  "candidate_value": { "description": "In the metric's own unit.", "type": "number" },
                  "baseline_value": { "description": "In the metric's own unit.", "type": "number" },
                  "outcome": { "enum": ["pass", "fail", "cannot_tell"] },
                  "reason": { "type": "string" },
                  "more_seconds": {
                    "description": "By which the recordings would have to be longer.", "type": "number", "minimum": 1
                  }
                }
              }
            }
          }
        """#
}
