import Testing

@testable import Host

@Suite("What runtimes write down about their containers")
struct ContainerRecordTests {
    private let kubernetes = ContainerRecord(
        runtime: nil, name: "api", image: "registry.example/shop/api:1.2", pod: "web-7f", namespace: "shop",
        podUID: "0a1b2c3d-0000-1111-2222-333344445555")

    private func fixture(_ name: String) throws -> [UInt8] { try Fixture.bytes("containers/" + name) }

    @Test("Docker's own file has name and image")
    func docker() throws {
        let record = try #require(ContainerRecord(dockerConfig: fixture("docker-config.v2.json")))
        #expect(record == ContainerRecord(runtime: "docker", name: "api", image: "shop/api:1.2"))
    }

    @Test("A Docker container of a Kubernetes pod is called as Kubernetes calls it")
    func dockerInKubernetes() throws {
        let record = try #require(ContainerRecord(dockerConfig: fixture("docker-kubernetes-config.v2.json")))
        var expected = kubernetes
        expected.runtime = "docker"
        expected.image = "registry.example/shop/api@sha256:0011"
        #expect(record == expected)
    }

    @Test("containerd's annotations name container, image and pod, and tell a sandbox")
    func containerd() throws {
        let record = try #require(ContainerRecord(ociConfig: fixture("containerd-config.json")))
        var expected = kubernetes
        expected.runtime = "containerd"
        expected.hostname = "web-7f"
        #expect(record == expected)
        #expect(ContainerRecord(ociConfig: try fixture("containerd-sandbox-config.json"))?.isSandbox == true)
    }

    @Test("CRI-O's annotations name container, image and pod")
    func crio() throws {
        let record = try #require(ContainerRecord(ociConfig: fixture("crio-config.json")))
        var expected = kubernetes
        expected.runtime = "cri-o"
        #expect(record == expected)
    }

    @Test("nerdctl's annotations have the name")
    func nerdctl() throws {
        let record = try #require(ContainerRecord(ociConfig: fixture("nerdctl-config.json")))
        #expect(record.runtime == "containerd")
        #expect(record.name == "cache")
    }

    @Test("The index that podman and CRI-O share has names and images")
    func storageIndex() throws {
        let records = ContainerRecord.all(inStorageIndex: try fixture("podman-containers.json"))
        #expect(records.count == 4)
        let member = records.first { $0.key.hasPrefix("c531b7") }
        #expect(member?.value == ContainerRecord(name: "kshop-web", image: "localhost/api:1.2"))
        // A container of a bare root file system has an empty image there.
        #expect(records.first { $0.key.hasPrefix("d814a7") }?.value == ContainerRecord(name: "pweb"))
    }

    @Test("Files that are cut anywhere, or hold something else, are no records")
    func malformed() throws {
        for name in ["docker-config.v2.json", "containerd-config.json"] {
            // The last byte ends the last line, and what stands before it is whole.
            let whole = try fixture(name).dropLast()
            for count in stride(from: 0, to: whole.count, by: 7) {
                #expect(ContainerRecord(dockerConfig: Array(whole.prefix(count))) == nil)
                #expect(ContainerRecord(ociConfig: Array(whole.prefix(count))) == nil)
            }
        }
        for text in ["[]", "1", "null", #"{"Name": 1}"#, #"{"annotations": {"a": 1}}"#] {
            let bytes = Array(text.utf8)
            #expect(ContainerRecord(dockerConfig: bytes)?.name == nil)
            #expect(ContainerRecord(ociConfig: bytes)?.name == nil)
            #expect(ContainerRecord.all(inStorageIndex: bytes).isEmpty)
        }
    }

    @Test("Options are found in both spellings, and the first counts")
    func options() {
        let arguments = ["dockerd", "-H", "x", "--data-root=/a", "--data-root", "/b", "-g"]
        #expect(ContainerRecord.option("--data-root", "-g", in: arguments) == "/a")
        #expect(ContainerRecord.option("-H", in: arguments) == "x")
        #expect(ContainerRecord.option("-g", in: arguments) == nil)
        #expect(ContainerRecord.option("--data", in: arguments) == nil)
    }

    @Test("Docker's daemon.json says where its data lie, under its new and its old name")
    func daemonConfig() {
        #expect(ContainerRecord.dataRoot(inDaemonConfig: Array(#"{"data-root": "/a", "debug": true}"#.utf8)) == "/a")
        #expect(ContainerRecord.dataRoot(inDaemonConfig: Array(#"{"graph": "/b"}"#.utf8)) == "/b")
        #expect(ContainerRecord.dataRoot(inDaemonConfig: Array("{}".utf8)) == nil)
    }
}
