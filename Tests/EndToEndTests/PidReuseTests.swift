import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Pid reuse")
    struct PidReuseTests {
        @Test(
            "A process that gets the id of one that has ended keeps its own names, and so does that one",
            .enabled(if: Programs.arePresent("cc", "python3")))
        func reusedID() async throws {
            try await Stage.with { stage in
                for word in ["first", "second"] {
                    let source = """
                        #include <time.h>
                        __attribute__((noinline)) double \(word)_spin(double x) {
                            for (int i = 0; i < 100000; i++) { __asm__ volatile("" : "+x"(x)); x = x * 1.0000001; }
                            return x;
                        }
                        int main(void) {
                            double x = 1;
                            while (clock() < 1.6 * CLOCKS_PER_SEC) x = \(word)_spin(x);
                            return x == 0;
                        }
                        """
                    try await stage.compile(source, with: "cc", ["-O1", "-g"], to: word)
                }
                let script = stage.path("reuse.py")
                try Self.reuse.write(toFile: script, atomically: true, encoding: .utf8)
                let file = stage.path("reuse.jostle")
                let outcome = try await stage.run(
                    Programs.jostle,
                    [
                        "record", "-F", "1999", "--no-calls", "--no-blocked", "-o", file, "--", "/usr/bin/env",
                        "python3",
                        script, stage.path("first"), stage.path("second"),
                    ])
                #expect(outcome.status == 0, "\(outcome.errors)")
                let rows = try await stage.rows(
                    """
                    WITH RECURSIVE up (sample, process, node) AS (
                        SELECT s.id, t.process, s.stack FROM samples s JOIN threads t ON t.id = s.thread WHERE s.kind = 1
                        UNION ALL SELECT up.sample, up.process, k.parent FROM up JOIN stacks k ON k.id = up.node)
                    SELECT p.pid, p.comm, count(DISTINCT CASE WHEN n.name = 'first_spin' THEN up.sample END),
                        count(DISTINCT CASE WHEN n.name = 'second_spin' THEN up.sample END)
                    FROM up JOIN processes p ON p.id = up.process JOIN stacks k ON k.id = up.node
                    JOIN frames f ON f.id = k.frame LEFT JOIN functions n ON n.id = f.function
                    WHERE p.comm IN ('first', 'second') GROUP BY p.id ORDER BY p.id
                    """, of: file)
                seen(
                    "reused pid: \(rows.map { $0.joined(separator: " ") }) (pid, comm, samples in first_spin, in second_spin)"
                )
                try #require(rows.count == 2)
                #expect(rows[0][0] == rows[1][0], "the id was not used again")
                #expect(rows.map { $0[1] } == ["first", "second"])
                let numbers = rows.map { $0.compactMap(Int.init) }
                // Of 1.6 s of CPU at 1999 Hz, and none with the other's name.
                #expect(numbers[0][1] >= 1000 && numbers[0][2] == 0, "\(rows)")
                #expect(numbers[1][2] >= 1000 && numbers[1][1] == 0, "\(rows)")
            }
        }

        /// Runs two programs one after the other, the second one under the first one's id. The kernel gives the number behind
        /// ns_last_pid; somebody else may take it first, and then it is tried again.
        private static let reuse = """
            import os, sys
            first, second = sys.argv[1:]
            child = os.fork()
            if child == 0:
                os.execv(first, [first])
            os.waitpid(child, 0)
            for _ in range(10000):
                with open("/proc/sys/kernel/ns_last_pid", "w") as last:
                    last.write(str(child - 1))
                again = os.fork()
                if again == 0:
                    if os.getpid() == child:
                        os.execv(second, [second])
                    os._exit(0)
                os.waitpid(again, 0)
                if again == child:
                    sys.exit(0)
            sys.exit(1)
            """
    }
}
