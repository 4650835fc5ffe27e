internal import ProfileModel

/// What would help, before it is put into words for a shell, Docker or Kubernetes.
enum Remedy: Hashable {
    case capability(Capability)
    case sysctl(String, String)
    /// A seccomp filter that lets perf_event_open(2) pass.
    case seccompFilter
    case userNamespace
    case pidNamespace
    case cgroupNamespace
    case tracefs
    case descriptors(Int)
    /// A kernel, a machine or its configuration, in words.
    case machine(String)
}

extension Remedy {
    /// Puts remedies together: one line of each kind, whatever their number.
    ///
    /// - Parameters:
    ///   - privileges: root in a container gains nothing by setcap.
    ///   - forOtherContainers: a container is to be told of with all that it needs to see the others.
    static func fixes(
        _ remedies: [Remedy], for privileges: MachineFacts.Privileges, forOtherContainers: Bool = false
    ) -> [Fix] {
        var needs = Needs(remedies)
        if forOtherContainers {
            needs.ownProcesses = true
            needs.ownCgroups = true
            needs.isComplete = !remedies.allSatisfy(\.isForMachine)
        }
        return needs.shell(asRoot: privileges.user == 0) + needs.containers()
            + needs.machine.map { Fix(.machine, $0) }
    }

    /// Nothing that the way jostle is run could change.
    private var isForMachine: Bool {
        switch self {
        case .machine, .sysctl: true
        default: false
        }
    }

    private struct Needs {
        var capabilities: Set<Capability> = []
        var settings: [String: String] = [:]
        var filter = false
        var ownUsers = false
        var ownProcesses = false
        var ownCgroups = false
        var tracefs = false
        var descriptors: Int?
        var machine: [String] = []
        /// Whether a container is to be told of, whatever it needs.
        var isComplete: Bool?

        init(_ remedies: [Remedy]) {
            for remedy in remedies {
                switch remedy {
                case .capability(let capability): capabilities.insert(capability)
                case .sysctl(let name, let value): settings[name] = value
                case .seccompFilter: filter = true
                case .userNamespace: ownUsers = true
                case .pidNamespace: ownProcesses = true
                case .cgroupNamespace: ownCgroups = true
                case .tracefs: tracefs = true
                case .descriptors(let count): descriptors = max(count, descriptors ?? 0)
                case .machine(let text): if !machine.contains(text) { machine.append(text) }
                }
            }
        }

        func shell(asRoot: Bool) -> [Fix] {
            var lines: [String] = []
            if !capabilities.isEmpty && !asRoot {
                let names = capabilities.sorted().map { $0.name.lowercased() }.joined(separator: ",")
                lines.append("sudo setcap \(names)+ep \"$(command -v jostle)\"")
            }
            if !settings.isEmpty {
                lines.append(
                    "sudo sysctl "
                        + settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
            }
            if tracefs { lines.append("sudo mount -t tracefs none /sys/kernel/tracing") }
            if let descriptors { lines.append("ulimit -n \(descriptors)") }
            return lines.map { Fix(.shell, $0) }
        }

        func containers() -> [Fix] {
            let isNeeded =
                isComplete
                ?? (!capabilities.isEmpty || filter || ownUsers || ownProcesses || ownCgroups || descriptors != nil)
            guard isNeeded else { return [] }
            return [Fix(.docker, docker()), Fix(.kubernetes, kubernetes())]
        }

        private func docker() -> String {
            var words = ["docker run"]
            if ownUsers { words.append("--userns host") }
            if ownProcesses { words.append("--pid host") }
            if ownCgroups { words.append("--cgroupns host -v /sys/fs/cgroup:/sys/fs/cgroup:ro") }
            words += names.map { "--cap-add \($0)" }
            if filter { words.append("--security-opt seccomp=unconfined") }
            if tracefs { words.append("-v /sys/kernel/tracing:/sys/kernel/tracing:ro") }
            if let descriptors { words.append("--ulimit nofile=\(descriptors)") }
            return (words + ["IMAGE jostle …"]).joined(separator: " ")
        }

        private func kubernetes() -> String {
            var lines = ["spec:"]
            if ownUsers { lines.append("  hostUsers: true") }
            if ownProcesses { lines.append("  hostPID: true") }
            lines += ["  containers:", "  - name: jostle"]
            // Only a privileged container keeps the machine's cgroup namespace.
            if ownCgroups {
                lines += ["    securityContext:", "      privileged: true"]
            } else if !names.isEmpty || filter {
                lines.append("    securityContext:")
                if !names.isEmpty {
                    lines += ["      capabilities:", "        add: [\(names.joined(separator: ", "))]"]
                }
                if filter { lines += ["      seccompProfile:", "        type: Unconfined"] }
            }
            return lines.joined(separator: "\n")
        }

        /// As Docker and Kubernetes write them. What a filter refuses, a capability may let pass: their default filters go by
        /// the capabilities that a container was given.
        private var names: [String] {
            capabilities.union(filter ? [.perfmon] : []).sorted().map { String($0.name.dropFirst("CAP_".count)) }
        }
    }
}
