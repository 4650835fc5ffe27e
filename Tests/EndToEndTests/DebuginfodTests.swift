import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Debug information from a server that the user named: a real HTTP server, on this machine.
    @Suite("debuginfod", .enabled(if: Programs.arePresent("cc", "objcopy", "readelf", "python3"), "a tool is missing"))
    struct DebuginfodTests {
        /// Serves one file under one build ID, and writes down what it is asked for.
        private static let server = """
            import http.server, sys, time
            mode, build_id, file, port_file, log = sys.argv[1:]
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    with open(log, "a") as out:
                        out.write(self.path + "\\n")
                    if mode == "silent":
                        time.sleep(600)
                    if self.path != f"/buildid/{build_id}/debuginfo":
                        return self.send_error(404)
                    with open(file, "rb") as source:
                        body = source.read()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body) if mode == "honest" else 5 << 30))
                    self.end_headers()
                    self.wfile.write(body)
                    if mode == "large":
                        time.sleep(600)
                def log_message(self, *_):
                    pass
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            with open(port_file + ".new", "w") as out:
                out.write(str(server.server_port))
            __import__("os").rename(port_file + ".new", port_file)
            server.serve_forever()
            """

        private struct Result {
            var line: Int?
            var notes: String
            var asked: [String]
        }

        /// Records a stripped program whose debug information only the server has.
        private static func record(
            _ mode: String, names urls: Bool = true, servedBuildID: String? = nil, on stage: Stage
        ) async throws -> Result {
            let buildID = "0123456789abcdef0123456789abcdef01234567"
            let flags = ["-O2", "-g", "-fomit-frame-pointer", "-Wl,--build-id=0x" + buildID]
            let program = try await stage.compile(
                UnwindingTests.spinner(named: "Served_touch"), with: "cc", flags, to: "served")
            let debugFile = stage.path("served.debug")
            try await stage.need("/usr/bin/env", "objcopy", "--only-keep-debug", program, debugFile)
            try await stage.need("/usr/bin/env", "strip", program)
            if let servedBuildID {
                // Under the build ID that is asked for lies another build's file.
                _ = try await stage.compile(
                    UnwindingTests.spinner(named: "Other_touch"), with: "cc",
                    ["-O2", "-g", "-Wl,--build-id=0x" + servedBuildID], to: "served.debug")
            }
            let (port, log) = (stage.path("port"), stage.path("requests"))
            _ = try stage.start("/usr/bin/env", ["python3", "-c", server, mode, buildID, debugFile, port, log])
            while !FileManager.default.fileExists(atPath: port) { try await Task.sleep(for: .milliseconds(10)) }
            let address = "http://127.0.0.1:" + (try String(contentsOfFile: port, encoding: .utf8))
            let file = stage.path("served.jostle")
            let recorder = try stage.start(
                Programs.jostle,
                ["record", "--quiet", "-F", "999", "--no-blocked", "--no-calls", "-o", file, "--", program, "2"],
                environment: [
                    "DEBUGINFOD_URLS": urls ? address : "", "DEBUGINFOD_CACHE_PATH": stage.path("cache"),
                ])
            let recorded = try await recorder.end()
            try #require(recorded.status == 0, "\(recorded.errors)")
            let frames = try await stage.rows(
                """
                SELECT f.line FROM frames f JOIN functions n ON n.id = f.function
                WHERE n.name = 'Served_touch' AND f.line IS NOT NULL LIMIT 1
                """, of: file)
            let notes = try await stage.rows("SELECT value FROM recording WHERE key = 'notes'", of: file)
            let asked = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            return Result(
                line: frames.first.flatMap { Int($0[0]) }, notes: notes.first?.first ?? "",
                asked: asked.split(separator: "\n").map(String.init))
        }

        @Test("Names and lines come from the server, for what was sampled and has no debug information here")
        func served() async throws {
            try await Stage.with { stage in
                let result = try await Self.record("honest", on: stage)
                seen("debuginfod: line \(result.line ?? 0); asked for \(result.asked); notes \(result.notes)")
                #expect(result.line != nil)
                #expect(result.asked.contains("/buildid/0123456789abcdef0123456789abcdef01234567/debuginfo"))
                #expect(result.notes.contains("debuginfod: debug information of one file"))
            }
        }

        @Test("Nobody is asked where the user named no server")
        func unset() async throws {
            try await Stage.with { stage in
                let result = try await Self.record("honest", names: false, on: stage)
                #expect(result.asked.isEmpty)
                #expect(result.line == nil)
                #expect(!result.notes.contains("debuginfod"))
            }
        }

        @Test("A server's file of another build is not taken")
        func otherBuild() async throws {
            try await Stage.with { stage in
                let result = try await Self.record("honest", servedBuildID: "77", on: stage)
                seen("debuginfod, another build: \(result.notes)")
                #expect(!result.asked.isEmpty)
                #expect(result.line == nil)
                #expect(result.notes.contains("of another build"))
            }
        }

        @Test(
            "A server that does not answer, or sends too much, costs a limited time and is said in the report",
            arguments: [("silent", "no answer in time"), ("large", "was not taken")])
        func limits(mode: String, words: String) async throws {
            try await Stage.with { stage in
                let result = try await Self.record(mode, on: stage)
                seen("debuginfod, \(mode): \(result.notes)")
                #expect(!result.asked.isEmpty)
                #expect(result.line == nil)
                #expect(result.notes.contains(words))
            }
        }
    }
}
