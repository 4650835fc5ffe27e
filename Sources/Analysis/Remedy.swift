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
    /// A mount that shows the cgroups of the whole machine.
    case cgroupMount
    /// The v1 hierarchy whose cgroups perf events follow.
    case perfEventMount
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
        return needs.shell(privileges) + needs.containers()
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
        var cgroupMount = false
        var perfEventMount = false
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
                case .cgroupMount: cgroupMount = true
                case .perfEventMount: perfEventMount = true
                case .descriptors(let count): descriptors = max(count, descriptors ?? 0)
                case .machine(let text): if !machine.contains(text) { machine.append(text) }
                }
            }
        }

        func shell(_ privileges: MachineFacts.Privileges) -> [Fix] {
            var lines: [String] = []
            // From inside a container nothing but the settings of the whole machine can be changed by a command.
            let isContained = !privileges.isInInitialPIDNamespace || !privileges.isInInitialUserNamespace
            if !capabilities.isEmpty && privileges.user != 0 && !isContained {
                let names = capabilities.sorted().map { $0.name.lowercased() }.joined(separator: ",")
                lines.append("sudo setcap \(names)+ep \"$(command -v jostle)\"")
            }
            if !settings.isEmpty {
                lines.append(
                    "sudo sysctl "
                        + settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
            }
            if !isContained {
                if tracefs { lines.append("sudo mount -t tracefs none /sys/kernel/tracing") }
                if cgroupMount { lines.append("sudo mount -t cgroup2 none /sys/fs/cgroup") }
                if perfEventMount {
                    lines.append(
                        "sudo mkdir -p /sys/fs/cgroup/perf_event && "
                            + "sudo mount -t cgroup -o perf_event none /sys/fs/cgroup/perf_event")
                }
                if let descriptors { lines.append("ulimit -n \(descriptors)") }
            }
            return lines.map { Fix(.shell, $0) }
        }

        func containers() -> [Fix] {
            let isNeeded = isComplete ?? (!names.isEmpty || filter || ownUsers || seesOthers || descriptors != nil)
            return isNeeded ? [Fix(.docker, docker()), Fix(.kubernetes, kubernetes())] : []
        }

        private var seesOthers: Bool { ownProcesses || ownCgroups || cgroupMount || perfEventMount }

        private func docker() -> String {
            var words = ["docker run"]
            if ownUsers { words.append("--userns host") }
            if ownProcesses { words.append("--pid host") }
            if ownCgroups || cgroupMount || perfEventMount {
                words.append("--cgroupns host -v /sys/fs/cgroup:/sys/fs/cgroup:ro")
            }
            words += names.map { "--cap-add \($0)" }
            if filter { words.append("--security-opt seccomp=unconfined") }
            if let descriptors { words.append("--ulimit nofile=\(descriptors)") }
            return (words + ["IMAGE jostle …"]).joined(separator: " ")
        }

        private func kubernetes() -> String {
            var lines = ["spec:"]
            if ownUsers { lines.append("  hostUsers: true") }
            if ownProcesses { lines.append("  hostPID: true") }
            lines += ["  containers:", "  - name: jostle"]
            // Only a privileged container keeps the machine's cgroup namespace.
            if ownCgroups || cgroupMount || perfEventMount {
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

        /// As Docker and Kubernetes write them.
        ///
        /// SYS_ADMIN in place of PERFMON and CHECKPOINT_RESTORE, which runtimes know only lately (Debian 12's Docker refuses
        /// them by name); it also lets tracefs be mounted, and the runtimes' default seccomp filters go by it.
        private var names: [String] {
            let all = isComplete == true ? Set(Capability.allCases) : capabilities
            var wanted = all.subtracting([.perfmon, .checkpointRestore])
            if wanted != all || tracefs { wanted.insert(.sysAdmin) }
            return wanted.sorted().map { String($0.name.dropFirst("CAP_".count)) }
        }
    }
}
