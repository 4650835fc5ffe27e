/// `jostle targets --format json`.
enum TargetsSchema {
    static let body = #"""
          "title": "jostle.targets",
          "type": "object",
          "required": ["schema", "schema_version", "measured_ns", "cpus", "targets"],
          "properties": {
            "schema": { "const": "jostle.targets" },
            "schema_version": { "const": 1 },
            "measured_ns": { "description": "Between the two readings.", "$ref": "#/$defs/count" },
            "cpus": { "$ref": "#/$defs/count" },
            "idle_omitted": { "$ref": "#/$defs/count" },
            "targets": {
              "type": "array",
              "items": {
                "type": "object",
                "required": ["kind", "name", "cgroup", "processes"],
                "properties": {
                  "kind": { "enum": ["container", "service", "cgroup"] },
                  "name": { "$ref": "#/$defs/name" },
                  "id": { "$ref": "#/$defs/name" },
                  "runtime": { "type": "string" },
                  "image": { "$ref": "#/$defs/name" },
                  "pod": { "$ref": "#/$defs/name" },
                  "namespace": { "$ref": "#/$defs/name" },
                  "cgroup": { "$ref": "#/$defs/name" },
                  "processes": { "$ref": "#/$defs/count" },
                  "cpu_ns": { "$ref": "#/$defs/count" },
                  "kernel_cpu_ns": { "$ref": "#/$defs/count" },
                  "kernel_share": { "$ref": "#/$defs/share" }
                }
              }
            }
          }
        """#
}
