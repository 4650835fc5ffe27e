import ArgumentParser
import Glibc
import Host
import Reports

struct TargetsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "targets",
        abstract: "List the containers and cgroups that can be recorded, with their kernel share right now.",
        discussion: """
            Containers come first, then services and other cgroups that used CPU, each by the kernel time of one second: \
            the cgroup's own count, read twice. KERNEL/s and CPU/s are CPU seconds in a second.

            Examples:
              jostle targets
              jostle targets --watch
              jostle targets --format json | jq '.targets[] | select(.kernel_share > 0.5).name'

            \(ExitCode.documentation)
            """)

    @Flag(help: "Also services and cgroups that used no CPU.")
    var all = false

    @Flag(help: "Repeat it each second, until Ctrl-C.")
    var watch = false

    @Option(help: "text or json.")
    var format: OutputFormat = .text

    func run() async throws {
        let host = Host()
        _ = try host.requirePerfEventHierarchy()
        var earlier = TargetsReading(host)
        repeat {
            try await Task.sleep(for: .seconds(1))
            let now = TargetsReading(host)
            let report = now.report(since: earlier, includingIdle: all)
            let text = TextRenderer(width: Terminal.width, colour: Terminal.wantsColour)
            let shown = try format == .json ? JSONRenderer().render(report) : text.render(report)
            // Only a terminal is cleared: what reads a pipe gets one table after another.
            let clear = watch && Terminal.outputIsTerminal ? "\u{1B}[H\u{1B}[2J" : ""
            guard try Terminal.print(clear + shown + (watch && format == .text && clear.isEmpty ? "\n" : "")) else {
                return
            }
            earlier = now
        } while watch
    }
}
