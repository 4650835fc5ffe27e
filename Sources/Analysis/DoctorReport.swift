/// What this machine allows jostle, and how to get what it does not.
public struct DoctorReport: Sendable, Codable, Equatable {
    public var schema: String
    public var schemaVersion: Int
    public var verdict: Verdict
    public var kernel: String
    public var arch: String
    public var cpus: Int
    public var privileges: Privileges
    public var checks: [Check]
    /// Everything that would help jostle, put together; empty where nothing needs help.
    public var fixes: [Fix]
    /// What would help everybody on the machine instead, as far as it goes.
    public var alternatives: [Fix]

    public static let schemaName = "jostle.doctor"
    public static let currentSchemaVersion = 1

    public enum Verdict: String, Sendable, Codable {
        /// Recording works, and nothing is lost.
        case works
        /// Recording works; some checks say what is lost.
        case degraded
        case notPermitted = "not_permitted"
        /// The kernel lacks what recording needs.
        case unavailable
    }

    /// Who jostle is to the kernel.
    public struct Privileges: Sendable, Codable, Equatable {
        public var user: UInt32
        /// Of those that matter here, the ones that are in effect.
        public var capabilities: [String]
        /// `none`, `strict` or `filter`.
        public var seccomp: String?
        public var perfEventParanoid: Int?
        public var kptrRestrict: Int?
        /// Namespaces that are not the machine's own: `user`, `pid`, `cgroup`.
        public var ownNamespaces: [String]

        enum CodingKeys: String, CodingKey {
            case user, capabilities, seccomp
            case perfEventParanoid = "perf_event_paranoid"
            case kptrRestrict = "kptr_restrict"
            case ownNamespaces = "own_namespaces"
        }
    }

    enum CodingKeys: String, CodingKey {
        case schema
        case schemaVersion = "schema_version"
        case verdict, kernel, arch, cpus, privileges, checks, fixes, alternatives
    }
}

/// One thing that recording needs, and how trying it went.
public struct Check: Sendable, Codable, Equatable {
    public enum Outcome: String, Sendable, Codable {
        case works
        /// There is less of it, or something else in its place.
        case degraded
        /// Not there. Most of what is missing a recording can do without: see the report's verdict.
        case missing
    }
    /// What stands in the way.
    public enum Cause: String, Sendable, Codable {
        /// A seccomp filter refuses the system call.
        case seccomp
        case capability
        case paranoid
        /// The capabilities are of a user namespace, and count for nothing here.
        case userNamespace = "user_namespace"
        /// A pid or cgroup namespace hides the rest of the machine.
        case namespace
        /// A security module (SELinux, AppArmor, lockdown) refuses it.
        case securityModule = "security_module"
        /// A kernel setting or a resource limit.
        case limit
        /// The kernel, or the (virtual) machine, has no such thing.
        case kernel
        /// Something is not mounted.
        case mount
    }

    /// Fixed; for programs.
    public var id: String
    public var title: String
    public var outcome: Outcome
    /// What was seen.
    public var finding: String
    /// Such as `EACCES`.
    public var error: String?
    public var cause: Cause?
    /// What a recording has to do without.
    public var lost: String?
    /// For each place one, and then what would do instead.
    public var fixes: [Fix]
}

/// Lines to copy and paste.
public struct Fix: Sendable, Codable, Equatable {
    public enum Place: String, Sendable, Codable, CaseIterable {
        case shell
        case docker
        case kubernetes
        /// A kernel or machine to choose: nothing to paste.
        case machine
    }
    public var place: Place
    public var text: String

    public init(_ place: Place, _ text: String) {
        self.place = place
        self.text = text
    }
}
