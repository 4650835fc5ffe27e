/// `jostle doctor --format json`.
enum DoctorSchema {
    static let body = #"""
          "title": "jostle.doctor",
          "type": "object",
          "required": [
            "schema", "schema_version", "verdict", "kernel", "arch", "cpus", "privileges", "checks", "fixes",
            "alternatives"
          ],
          "properties": {
            "schema": { "const": "jostle.doctor" },
            "schema_version": { "const": 1 },
            "verdict": { "enum": ["works", "degraded", "not_permitted", "unavailable"] },
            "kernel": { "type": "string" },
            "arch": { "type": "string" },
            "cpus": { "$ref": "#/$defs/count" },
            "privileges": {
              "type": "object",
              "required": ["user", "capabilities", "own_namespaces"],
              "properties": {
                "user": { "$ref": "#/$defs/count" },
                "capabilities": { "type": "array", "items": { "type": "string" } },
                "seccomp": { "enum": ["none", "strict", "filter"] },
                "perf_event_paranoid": { "type": "integer" },
                "kptr_restrict": { "type": "integer" },
                "own_namespaces": { "type": "array", "items": { "enum": ["user", "pid", "cgroup"] } }
              }
            },
            "checks": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["id", "title", "outcome", "finding", "fixes"],
                "properties": {
                  "id": { "description": "Fixed; for programs.", "type": "string" },
                  "title": { "type": "string" },
                  "outcome": { "enum": ["works", "degraded", "missing"] },
                  "finding": { "type": "string" },
                  "error": { "description": "Such as EACCES.", "type": "string" },
                  "cause": {
                    "enum": [
                      "seccomp", "capability", "paranoid", "user_namespace", "namespace", "security_module", "limit",
                      "kernel", "mount"
                    ]
                  },
                  "lost": { "description": "What a recording has to do without.", "type": "string" },
                  "fixes": { "type": "array", "items": { "$ref": "#/$defs/fix" } }
                }
              }
            },
            "fixes": { "type": "array", "items": { "$ref": "#/$defs/fix" } },
            "alternatives": { "type": "array", "items": { "$ref": "#/$defs/fix" } }
          }
        """#

    static let definitions = SchemaDefinitions(
        members: #"""
                "fix": {
                  "description": "Lines to copy and paste.",
                  "type": "object",
                  "required": ["place", "text"],
                  "properties": {
                    "place": { "enum": ["shell", "docker", "kubernetes", "machine"] },
                    "text": { "type": "string" }
                  }
                }
            """#)
}
