import ProfileModel
import Testing

@testable import Host

@Suite("Privileges")
struct PermissionTests {
    /// A process in a container with Docker's defaults and CAP_SYS_PTRACE (bit 19).
    static let status = """
        Name:\tjostle: Uid:\t7
        Umask:\t0022
        Uid:\t1000\t1001\t1002\t1003
        CapInh:\t0000000000000000
        CapPrm:\t00000000a80c25fb
        CapEff:\t0000000000080000
        NoNewPrivs:\t0
        Seccomp:\t2
        Seccomp_filters:\t1

        """

    @Test("The effective user, the effective capabilities and seccomp's mode are read")
    func reading() throws {
        let privileges = try #require(MachineFacts.Privileges(procStatus: Array(Self.status.utf8)))
        #expect(privileges.user == 1_001)
        #expect(privileges.capabilities.holds(.sysPtrace))
        #expect(!privileges.capabilities.holds(.perfmon))
        #expect(privileges.seccomp == 2)
    }

    @Test("A kernel without seccomp says nothing of it; other contents are no status")
    func incomplete() {
        let without = Self.status.split(separator: "\n").filter { !$0.hasPrefix("Seccomp") }.joined(separator: "\n")
        #expect(MachineFacts.Privileges(procStatus: Array(without.utf8))?.seccomp == .some(nil))
        for contents in ["", "Uid:\t1\t1", "CapEff:\t0", "Uid:\tx\ty\nCapEff:\t0", "\u{0}:\n::\n"] {
            #expect(MachineFacts.Privileges(procStatus: Array(contents.utf8)) == nil, "\(contents)")
        }
    }
}
