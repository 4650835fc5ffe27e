import FoundationEssentials

/// What a runtime wrote down about one container. Nil is what it did not say.
struct ContainerRecord: Equatable {
    var runtime: String?
    var name: String?
    var image: String?
    var pod: String?
    var namespace: String?
    var podUID: String?
    /// The container whose namespaces it shares: a podman pod's first one, or the pod's own id.
    var sandboxID: String?
    /// In a podman pod's first container: the pod's name.
    var hostname: String?
    /// Whether it only holds a pod together.
    var isSandbox = false

    /// Takes from `other` what this one does not say.
    mutating func complete(from other: ContainerRecord) {
        runtime = runtime ?? other.runtime
        name = name ?? other.name
        image = image ?? other.image
        pod = pod ?? other.pod
        namespace = namespace ?? other.namespace
        podUID = podUID ?? other.podUID
        sandboxID = sandboxID ?? other.sandboxID
        hostname = hostname ?? other.hostname
        isSandbox = isSandbox || other.isSandbox
    }
}

extension ContainerRecord {
    /// Reads Docker's `DATA-ROOT/containers/ID/config.v2.json`; nil for anything else.
    init?(dockerConfig contents: [UInt8]) {
        struct File: Decodable {
            struct Config: Decodable {
                enum CodingKeys: String, CodingKey {
                    case image = "Image"
                    case labels = "Labels"
                }
                var image: String?
                var labels: [String: String]?
            }
            enum CodingKeys: String, CodingKey {
                case name = "Name"
                case config = "Config"
            }
            var name: String?
            var config: Config?
        }
        guard let file = decode(File.self, from: contents) else { return nil }
        self.init(runtime: "docker")
        // Docker keeps the slash of long-gone links.
        name = file.name.map { String($0.drop { $0 == "/" }) }
        image = file.config?.image
        // Kubernetes through cri-dockerd: the name is `k8s_…`, the labels say it in parts.
        let labels = file.config?.labels ?? [:]
        name = labels["io.kubernetes.container.name"] ?? name
        pod = labels["io.kubernetes.pod.name"]
        namespace = labels["io.kubernetes.pod.namespace"]
        podUID = labels["io.kubernetes.pod.uid"]
        isSandbox = labels["io.kubernetes.docker.type"] == "podsandbox"
    }

    /// Reads an OCI bundle's `config.json` for the annotations that containerd, nerdctl, CRI-O and podman leave there;
    /// nil for anything else.
    ///
    /// Source: containerd pkg/cri/annotations, nerdctl pkg/labels, podman pkg/annotations.
    init?(ociConfig contents: [UInt8]) {
        struct File: Decodable {
            var annotations: [String: String]?
            var hostname: String?
        }
        guard let file = decode(File.self, from: contents) else { return nil }
        self.init()
        let notes = file.annotations ?? [:]
        hostname = file.hostname
        let containerd = "io.kubernetes.cri."
        let crio = "io.kubernetes.cri-o."
        if let type = notes[containerd + "container-type"] {
            runtime = "containerd"
            isSandbox = type == "sandbox"
        } else if notes["nerdctl/name"] != nil || notes["nerdctl/namespace"] != nil {
            runtime = "containerd"
        } else if notes["io.container.manager"] == "libpod" {
            runtime = "podman"
            sandboxID = notes[crio + "SandboxID"]
        } else if let type = notes[crio + "ContainerType"] {
            runtime = "cri-o"
            isSandbox = type == "sandbox"
        }
        name = notes[containerd + "container-name"] ?? notes["io.kubernetes.container.name"] ?? notes["nerdctl/name"]
        image = notes[containerd + "image-name"] ?? notes[crio + "ImageName"] ?? notes[crio + "Image"]
        pod = notes[containerd + "sandbox-name"] ?? notes["io.kubernetes.pod.name"]
        namespace = notes[containerd + "sandbox-namespace"] ?? notes["io.kubernetes.pod.namespace"]
        podUID = notes[containerd + "sandbox-uid"] ?? notes["io.kubernetes.pod.uid"]
    }

    /// Reads `containers.json` of containers/storage, which podman and CRI-O share: id → record.
    static func all(inStorageIndex contents: [UInt8]) -> [String: ContainerRecord] {
        struct Entry: Decodable {
            var id: String
            var names: [String]?
            var metadata: String?
        }
        /// JSON inside JSON.
        struct Metadata: Decodable {
            enum CodingKeys: String, CodingKey {
                case image = "image-name"
                case pod = "pod-name"
            }
            var image: String?
            var pod: String?
        }
        var records: [String: ContainerRecord] = [:]
        for entry in decode([Entry].self, from: contents) ?? [] {
            let metadata = entry.metadata.flatMap { decode(Metadata.self, from: Array($0.utf8)) }
            // A rootfs without an image has an empty one.
            let image = metadata?.image.flatMap { $0.isEmpty ? nil : $0 }
            records[entry.id] = ContainerRecord(name: entry.names?.first, image: image)
        }
        return records
    }

    /// Where dockerd was told to keep its data in `daemon.json`: nil where it was not.
    static func dataRoot(inDaemonConfig contents: [UInt8]) -> String? {
        struct File: Decodable {
            enum CodingKeys: String, CodingKey {
                case dataRoot = "data-root"
                case graph
            }
            var dataRoot: String?
            var graph: String?
        }
        return decode(File.self, from: contents).flatMap { $0.dataRoot ?? $0.graph }
    }

    /// The value of an option in a command line: `--name value`, `--name=value`.
    static func option(_ names: String..., in arguments: [String]) -> String? {
        for (index, argument) in arguments.enumerated() {
            for name in names {
                if argument == name, index + 1 < arguments.count { return arguments[index + 1] }
                if argument.hasPrefix(name + "=") { return String(argument.dropFirst(name.count + 1)) }
            }
        }
        return nil
    }
}

private func decode<Value: Decodable>(_ type: Value.Type, from contents: [UInt8]) -> Value? {
    try? JSONDecoder().decode(type, from: Data(contents))
}
