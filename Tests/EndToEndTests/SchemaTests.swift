import Foundation
import Testing

extension EndToEnd {
    @Suite("JSON and its schemas")
    struct SchemaTests {
        /// Validates documents against a schema with Python's jsonschema, and says of each what is wrong. With objects
        /// closed, too: a field that the schema does not know is one that nobody documented.
        private static let validator = """
            import json, sys, jsonschema
            def close(node):
                if isinstance(node, dict):
                    if isinstance(node.get("properties"), dict) and "additionalProperties" not in node:
                        node["additionalProperties"] = False
                    for value in node.values(): close(value)
                elif isinstance(node, list):
                    for value in node: close(value)
                return node
            schema = json.load(open(sys.argv[1]))
            jsonschema.Draft202012Validator.check_schema(schema)
            validator = jsonschema.Draft202012Validator(close(schema))
            errors = [f"{path}: {error.json_path}: {error.message}"
                      for path in sys.argv[2:] for error in validator.iter_errors(json.load(open(path)))]
            print("\\n".join(errors))
            sys.exit(1 if errors else 0)
            """

        /// Debian's python3-jsonschema is of the system's own Python; another Python in PATH may have it, too.
        private static func python(_ stage: Stage) async throws -> [String]? {
            for python in [["/usr/bin/python3"], ["/usr/bin/env", "python3"]] {
                let arguments = Array(python.dropFirst()) + ["-c", "import jsonschema"]
                if try await stage.run(python[0], arguments).status == 0 { return python }
            }
            return nil
        }

        private static func validate(_ stage: Stage, _ schema: String, _ documents: [Outcome]) async throws {
            let python = try #require(try await python(stage), "python3-jsonschema is not installed")
            let printed = try await stage.jostle("schema", schema)
            try #require(printed.status == 0, "\(printed.errors)")
            let schemaPath = stage.path("\(schema).schema.json")
            try Data(printed.output.utf8).write(to: URL(filePath: schemaPath))
            var paths: [String] = []
            for (index, document) in documents.enumerated() {
                paths.append(stage.path("\(schema)-\(index).json"))
                try Data(document.output.utf8).write(to: URL(filePath: paths[index]))
            }
            let outcome = try await stage.run(
                python[0], Array(python.dropFirst()) + ["-c", validator, schemaPath] + paths)
            #expect(outcome.status == 0, "\(schema): \(outcome.output)\(outcome.errors)")
        }

        @Test("What report, diff and check print is as their schemas say, and no field is unknown to them")
        func recordings() async throws {
            try await Stage.with { stage in
                let cgroups = [try stage.cgroup("schema-a"), try stage.cgroup("schema-b")]
                _ = try await stage.workload(
                    "fadvise-storm", in: cgroups[0], seconds: 120, options: ["--threads", "1"])
                _ = try await stage.workload(
                    "path-miss", in: cgroups[1], seconds: 120, options: ["--threads", "1", "--rate", "20000"])
                let aim = ["--cgroup", cgroups[0].directory, "--cgroup", cgroups[1].directory]
                let files = ["first.jostle", "second.jostle"].map(stage.path)
                for file in files {
                    let arguments = ["record", "--quiet", "-o", file, "-d", "2"] + aim
                    let recorded = try await stage.run(Programs.jostle, arguments)
                    try #require(recorded.status == 0, "\(recorded.errors)")
                }
                // Neither waits nor calls: the optional fields must be optional.
                let bare = stage.path("bare.jostle")
                let arguments =
                    ["record", "--quiet", "-o", bare, "-d", "1", "--no-blocked", "--no-calls", "--no-locks"] + aim
                try #require(try await stage.run(Programs.jostle, arguments).status == 0)

                var reports: [Outcome] = []
                for view in ["syscall", "container", "function", "caller", "lock"] {
                    reports.append(try await stage.jostle("report", files[0], "--by", view, "--format", "json"))
                }
                reports.append(try await stage.jostle("report", bare, "--format", "json"))
                try await Self.validate(stage, "report", reports)
                try await Self.validate(
                    stage, "syscall",
                    [try await stage.jostle("report", files[0], "--syscall", "posix_fadvise", "--format", "json")])
                try await Self.validate(
                    stage, "diff",
                    [
                        try await stage.jostle("diff", files[0], files[1], "--format", "json"),
                        try await stage.jostle("diff", files[0], files[1], "--syscall", "stat", "--format", "json"),
                        try await stage.jostle("diff", bare, files[1], "--format", "json"),
                    ])
                try await Self.validate(
                    stage, "check",
                    [
                        try await stage.jostle("check", files[1], "--baseline", files[0], "--format", "json"),
                        try await stage.jostle(
                            "check", bare, "--max", "kernel-share=40%", "--max", "write.cpu-per-call=1us", "--format",
                            "json"),
                    ])
            }
        }

        @Test("What targets and doctor print is as their schemas say")
        func machine() async throws {
            try await Stage.with { stage in
                let cgroup = try stage.cgroup("schema")
                _ = try await stage.workload("user-spin", in: cgroup, seconds: 60)
                try await Self.validate(
                    stage, "targets", [try await stage.jostle("targets", "--format", "json")])
                try await Self.validate(stage, "patterns", [try await stage.jostle("patterns", "--format", "json")])
                try await Self.validate(stage, "doctor", [try await stage.jostle("doctor", "--format", "json")])
            }
        }
    }
}
