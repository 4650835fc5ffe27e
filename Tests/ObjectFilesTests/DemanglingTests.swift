import ProfileModel
import Testing

@testable import ObjectFiles

@Suite("function names")
struct DemanglingTests {
    @Test(
        "names are what people wrote, without parameters",
        arguments: [
            // void LogFileObject::Write(bool, long, char const*, int)
            ("_ZN13LogFileObject5WriteEblPKci", "LogFileObject::Write"),
            ("_ZNSt3mapIiiE4findEi", "std::map<int, int>::find"),
            // A function template's return type is part of its mangled name, but not of its name.
            ("_Z3maxIiET_S0_S0_", "max<int>"),
            ("_ZN12_GLOBAL__N_13runEv", "(anonymous namespace)::run"),
            ("write", "write"),
            ("write@plt", "write@plt"),
            ("_ZN13LogFileObject5WriteEblPKci@plt", "LogFileObject::Write@plt"),
            // Rust's legacy mangling ends with a hash, which goes.
            ("_ZN4core3ptr4drop17h0123456789abcdefE", "core::ptr::drop"),
            // Rust's v0: crate `mycrate`, function `example`.
            ("_RNvCs1234_7mycrate7example", "mycrate::example"),
            // Module `App`, class `Logger`, `write(_: Int, to: Int) -> ()`.
            ("$s3App6LoggerC5write_2toySi_SitF", "App.Logger.write(_:to:)"),
            ("_ZN", "_ZN"),
            ("", ""),
        ])
    func demangled(mangled: String, expected: String) {
        #expect(Demangling.functionName(Array(mangled.utf8)) == expected)
    }

    @Test("Swift's types go, and what kind of closure it is stays")
    func swiftNames() {
        #expect(Demangling.swiftNameWithoutTypes("App.run() async throws -> ()") == "App.run()")
        #expect(
            Demangling.swiftNameWithoutTypes(
                "closure #1 (Swift.Int) -> () in App.main(in: [Swift.String: Swift.Int]) -> ()")
                == "closure #1 in App.main(in:)")
        #expect(
            Demangling.swiftNameWithoutTypes("App.Box.value.getter : Swift.Int") == "App.Box.value.getter : Swift.Int")
    }

    @Test("a name too long for the demanglers' stack stays as it is")
    func longNames() {
        let long = "_ZN" + String(repeating: "1a", count: 600) + "Ev"
        #expect(Demangling.functionName(Array(long.utf8)) == long)
    }

    @Test("bytes that are no UTF-8 are not lost")
    func strangeBytes() {
        #expect(Demangling.functionName([0x66, 0xFF]).losslessBytes == [0x66, 0xFF])
    }

    @Test(
        "short names keep what tells functions apart",
        arguments: [
            ("LogFileObject::Write(bool, long, char const*, int)", "LogFileObject::Write"),
            ("std::map<std::string, std::vector<int>>::find(std::string const&) const", "std::map<…>::find"),
            ("max<int>", "max<…>"),
            ("operator<<(std::ostream&, Point)", "operator<<"),
            ("Point::operator()(int) const", "Point::operator()"),
            ("Point::operator-><int>()", "Point::operator-><…>"),
            ("main::{lambda(int)#1}::operator()(int) const", "main::{lambda#1}::operator()"),
            ("(anonymous namespace)::run(int)", "(anonymous namespace)::run"),
            ("<alloc::vec::Vec<u8> as core::ops::Drop>::drop", "<alloc::vec::Vec<…> as core::ops::Drop>::drop"),
            ("core::iter::Map::<I, F>::fold", "core::iter::Map::<…>::fold"),
            ("App.Logger.write(_:to:)", "App.Logger.write(_:to:)"),
            ("closure #1 in App.main()", "closure #1 in App.main"),
            ("run(int) [clone .cold]", "run"),
            ("a<b", "a<b"),
            ("f(", "f("),
            ("do_syscall_64", "do_syscall_64"),
            ("", ""),
        ])
    func shortNames(full: String, expected: String) {
        #expect(shortFunctionName(full) == expected)
    }
}
