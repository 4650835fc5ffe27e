// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target of ours is built with: Swift 6 mode, strict memory safety, warnings as errors.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A Swift target of the house; `ProfileModel` is known to all of them.
func room(_ name: String, knows: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
    let model: [Target.Dependency] = name == "ProfileModel" ? [] : ["ProfileModel"]
    return .target(name: name, dependencies: model + knows, resources: resources, swiftSettings: house)
}

/// The tests of one room, or of several together.
func tests(_ name: String, of rooms: [Target.Dependency], resources: [Resource]? = nil) -> Target {
    .testTarget(name: name, dependencies: ["ProfileModel"] + rooms, resources: resources, swiftSettings: house)
}

let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
/// SQLite itself, as GRDB links it.
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "jostle",
    products: [.executable(name: "jostle", targets: ["jostle"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .target(name: "CPerfEvent", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        .target(name: "CLinux", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        .target(
            name: "CIsolation", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("seccomp")]),
        .systemLibrary(
            name: "CElfutils", pkgConfig: "libdw",
            providers: [.apt(["libdw-dev", "libelf-dev", "pkg-config"])]),
        .systemLibrary(name: "CDemangle", providers: [.apt(["libiberty-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

        room("ProfileModel"),
        room("ObjectTables"),
        room("PerfRecords"),
        room("PerfEvents", knows: ["CPerfEvent", "PerfRecords"]),
        room("Host", knows: ["CLinux"]),
        room("ObjectFiles", knows: ["ObjectTables", "CElfutils", "CDemangle"]),
        room("Unwinding", knows: ["ObjectTables"]),
        room("Isolation", knows: ["CIsolation"]),
        room("Parsing", knows: ["ObjectTables", "ObjectFiles", "Isolation"]),
        room("Symbolication", knows: ["ObjectTables", "Isolation", "CLinux"]),
        room("Recording", knows: [grdb, sqlite, "CSQLite", system]),
        room("ProfileBuilder", knows: ["PerfRecords", "ObjectTables", "Unwinding", "Symbolication", "Recording"]),
        room(
            "Recorder",
            knows: [
                "CLinux", "PerfEvents", "PerfRecords", "Host", "ObjectTables", "ProfileBuilder", "Recording",
                "Symbolication", system,
            ]),
        room("Doctor", knows: ["PerfEvents", "PerfRecords", "Host"]),
        room("Analysis"),
        room("Reports", knows: ["Analysis"]),
        room(
            "Commands",
            knows: [
                "Recorder", "Recording", "Analysis", "Reports", "Host", "Doctor", "Isolation", "Parsing",
                "Symbolication", argumentParser,
            ]),
        .executableTarget(name: "jostle", dependencies: ["Commands"], swiftSettings: house),

        // Real programs to record, one source file each; optimised and without frame pointers, as distributions build.
        // (SwiftPM adds -fno-omit-frame-pointer behind our flags; only clang's own option still overrides that.)
        .executableTarget(
            name: "workload", path: "Tests/Workloads",
            cSettings: [.unsafeFlags(["-O2", "-g", "-Xclang", "-mframe-pointer=none", "-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("pthread")]),
        // What `scripts/bench code` runs.
        .executableTarget(
            name: "benchmarks",
            dependencies: [
                "ProfileModel", "PerfRecords", "PerfEvents", "Host", "ObjectTables", "ObjectFiles", "Unwinding",
                "Symbolication", "Parsing", "TestSupport",
            ],
            path: "Tests/Benchmarks", swiftSettings: house),
        // Hostile input for what meets it; run by scripts/fuzz.
        .executableTarget(
            name: "fuzzer",
            dependencies: [
                "CLinux", "Isolation", "ObjectTables", "Parsing", "PerfRecords", "ProfileModel", "Recording",
                "Symbolication", "TestSupport",
            ],
            path: "Tests/Fuzzer", exclude: ["crafted.py"], swiftSettings: house),
        tests("ProfileModelTests", of: ["TestSupport"]),
        // What the tests of several rooms share: records as bytes, and numbers that are random but the same each time.
        .target(
            name: "TestSupport", dependencies: ["ProfileModel", "PerfRecords"], path: "Tests/TestSupport",
            swiftSettings: house),
        tests("PerfRecordsTests", of: ["PerfRecords", "TestSupport"]),
        tests("HostTests", of: ["Host"], resources: [.copy("Fixtures")]),
        tests("ObjectFilesTests", of: ["ObjectFiles", "ObjectTables", "TestSupport"]),
        tests("UnwindingTests", of: ["Unwinding", "ObjectTables", "TestSupport"]),
        tests("IsolationTests", of: ["Isolation"]),
        tests("ParsingTests", of: ["Parsing", "ObjectTables"]),
        tests("SymbolicationTests", of: ["Symbolication", "Parsing", "Isolation", "ObjectTables"]),
        tests("RecordingTests", of: ["Recording", "TestSupport", grdb], resources: [.copy("Fixtures")]),
        tests(
            "ProfileBuilderTests",
            of: ["ProfileBuilder", "PerfRecords", "Recording", "Unwinding", "ObjectTables", "TestSupport"]),
        tests("DoctorTests", of: ["Doctor", "Host"]),
        tests(
            "RecorderTests",
            of: [
                "Recorder", "Recording", "Host", "ObjectTables", "PerfEvents", "PerfRecords", "ProfileBuilder",
                "Symbolication",
            ]),
        tests("AnalysisTests", of: ["Analysis", "TestSupport"]),
        tests("ReportsTests", of: ["Reports", "Analysis"], resources: [.copy("Fixtures")]),
        tests("CommandsTests", of: ["Commands", "Analysis", "Recorder", "Recording", "Host", argumentParser]),
        tests(
            "LiveTests",
            of: [
                "Recorder", "Recording", "Analysis", "Host", "Parsing", "PerfEvents", "PerfRecords", "Symbolication",
                "TestSupport",
            ]),
        tests("EndToEndTests", of: ["TestSupport"]),
    ],
    cLanguageStandard: .gnu11
)
