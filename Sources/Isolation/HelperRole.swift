internal import CIsolation

/// What a helper process is for.
public enum HelperRole: UInt8, Sendable, CaseIterable {
    /// Opens files of containers, and passes descriptors; keeps the capabilities which that takes.
    case opener = 1
    /// Reads what containers wrote; keeps nothing.
    case parser = 2

    /// Its name in `ps`, 15 bytes at the most.
    var processName: String {
        switch self {
        case .opener: "jostle-opener"
        case .parser: "jostle-parser"
        }
    }
}

/// What was taken away from a helper.
public struct Confinement: OptionSet, Hashable, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// seccomp: it can ask little of the kernel.
    public static let noSystemCalls = Confinement(rawValue: Int32(CISOLATION_NO_SYSCALLS))
    /// No capabilities, or only an opener's.
    public static let noCapabilities = Confinement(rawValue: Int32(CISOLATION_NO_CAPABILITIES))
    /// User and group 65534.
    public static let nobody = Confinement(rawValue: Int32(CISOLATION_NOBODY))
    /// An empty root directory that cannot be written to.
    public static let noFiles = Confinement(rawValue: Int32(CISOLATION_NO_FILES))
    /// A network namespace without interfaces.
    public static let noNetwork = Confinement(rawValue: Int32(CISOLATION_NO_NETWORK))
}

/// Why there is no helper.
public enum HelperError: Error, Hashable, Sendable {
    /// A system call failed.
    case system(name: String, errno: Int32)
    /// The process that starts helpers is gone.
    case noNursery
}
