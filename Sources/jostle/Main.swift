import Commands

@main
struct Main {
    static func main() async {
        // Before anything else is done: helpers are forked from a process with one thread, which knows nothing yet.
        let helpers = Helpers.start(for: CommandLine.arguments)
        await Jostle.run(helpers: helpers)
    }
}
