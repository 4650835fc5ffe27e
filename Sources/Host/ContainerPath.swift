import ProfileModel

/// What a cgroup's path alone says of the container it belongs to.
///
/// Names are made by the runtimes' cgroup drivers: `cgroupfs` makes plain directories, `systemd` slices and scopes.
/// What lies around the container's own part (a node of a cluster in a container, a user's session) does not matter.
public struct ContainerPath: Hashable, Sendable {
    /// The container's own cgroup.
    public var path: String
    /// `docker`, `podman`, `containerd`, `cri-o`, `lxc`, `nspawn`, `mesos`, or `systemd` for a service or scope; nil
    /// where the path has a container's id and nothing else to go by.
    public var runtime: String?
    /// Full length; nil for those that have names only.
    public var id: String?
    /// Nil for those that have ids only.
    public var name: String?
    /// Kubernetes: the pod's UID with dashes, or 32 hexadecimal digits for a static pod.
    public var podUID: String?

    /// Reads the path of a container's own cgroup.
    ///
    /// - Returns: nil for any other cgroup, such as a slice, a pod, a runtime's helper or a cgroup inside a container.
    public init?(_ path: String) {
        let parts = path.split(separator: "/").map(String.init)
        guard let last = parts.last else { return nil }
        let above = parts.dropLast()
        self.path = path
        podUID = above.reversed().lazy.compactMap(Self.podUID(in:)).first
        if let (prefix, id) = Self.identifier(in: last) {
            self.id = id
            if let prefix {
                guard !prefix.hasSuffix("conmon") else { return nil }
                runtime = Self.runtimes[prefix]
            } else {
                // Podman calls its pods by ids too.
                guard above.last != "libpod_parent" else { return nil }
                runtime = Self.runtime(ofPlainIDIn: above)
            }
        } else if let name = Self.lxcName(last, in: above.last) {
            (runtime, self.name) = ("lxc", name)
        } else if above.last == "mesos" {
            (runtime, id) = ("mesos", last)
        } else if let machine = Self.machineName(last) {
            (runtime, name) = ("nspawn", machine)
        } else if last.hasSuffix(".service") || last.hasSuffix(".scope") {
            (runtime, name) = ("systemd", last)
        } else {
            return nil
        }
    }

    /// The innermost container that holds a cgroup: the cgroup itself, or one above it. Services and scopes only where
    /// there is no container: those in a container are its own affair.
    public static func innermost(holding path: String) -> ContainerPath? {
        var parts = path.split(separator: "/")
        var unit: ContainerPath?
        while !parts.isEmpty {
            if let found = ContainerPath("/" + parts.joined(separator: "/")) {
                if found.runtime != "systemd" { return found }
                unit = unit ?? found
            }
            parts.removeLast()
        }
        return unit
    }

    /// Which runtime writes which prefix before an id.
    private static let runtimes = [
        "docker": "docker", "libpod": "podman", "libpod-payload": "podman", "cri-containerd": "containerd",
        "nerdctl": "containerd", "crio": "cri-o",
    ]

    /// `ID`, `PREFIX-ID`, `PREFIX-ID.scope`, and `SLICE:PREFIX:ID`, which a runtime makes that was told to use
    /// systemd's names with the cgroupfs driver. Ids have 64 hexadecimal digits.
    private static func identifier(in part: String) -> (prefix: String?, id: String)? {
        let bare = part.hasSuffix(".scope") ? String(part.dropLast(6)) : part
        let id = String(bare.suffix(64))
        guard id.utf8.count == 64, id.utf8.allSatisfy(\.isLowercaseHex) else { return nil }
        let rest = bare.dropLast(64)
        if rest.isEmpty { return (nil, id) }
        if rest.last == "-" { return (String(rest.dropLast()), id) }
        let fields = rest.split(separator: ":")
        return rest.last == ":" && fields.count == 2 ? (String(fields[1]), id) : nil
    }

    private static func runtime(ofPlainIDIn parents: ArraySlice<String>) -> String? {
        guard let parent = parents.last else { return nil }
        if parent == "docker" { return "docker" }
        return parents.contains("libpod_parent") ? "podman" : nil
    }

    /// `podUID` (cgroupfs) or `…-podUID.slice` (systemd, which takes no dashes in names).
    private static func podUID(in part: String) -> String? {
        let bare = part.hasSuffix(".slice") ? part.dropLast(6) : part[...]
        let uid = [32, 36].lazy.compactMap { length -> Substring? in
            let uid = bare.suffix(length)
            let prefix = bare.dropLast(length)
            return uid.utf8.count == length && (prefix == "pod" || prefix.hasSuffix("-pod")) ? uid : nil
        }.first
        guard let uid, uid.utf8.allSatisfy({ $0.isLowercaseHex || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
        else { return nil }
        return String(uid.map { $0 == "_" ? "-" : $0 })
    }

    /// `lxc.payload.NAME`; `lxc/NAME` and `lxc.payload/NAME` of older versions. `lxc.monitor…` and `lxc.pivot` are
    /// helpers.
    private static func lxcName(_ part: String, in parent: String?) -> String? {
        let prefix = "lxc.payload."
        if part.hasPrefix(prefix) { return String(part.dropFirst(prefix.count)) }
        return parent == "lxc" || parent == "lxc.payload" ? part : nil
    }

    /// `machine-NAME.scope` and `systemd-nspawn@NAME.service`; virtual machines are registered under names of their
    /// own.
    private static func machineName(_ part: String) -> String? {
        for (prefix, suffix) in [("machine-", ".scope"), ("systemd-nspawn@", ".service")]
        where part.hasPrefix(prefix) && part.hasSuffix(suffix) && part.count > prefix.count + suffix.count {
            let name = unescapingUnitName(part.dropFirst(prefix.count).dropLast(suffix.count))
            return name.hasPrefix("qemu-") || name.hasPrefix("lxc-") ? nil : name
        }
        return nil
    }

    /// Turns `\x2d` into the byte it stands for. Source: systemd.unit(5), "String escaping for inclusion in unit
    /// names".
    private static func unescapingUnitName(_ name: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(String(name).losslessBytes)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "x"), rest.count >= 3,
                let value = UInt8(String(decoding: rest.dropFirst().prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(losslesslyDecoding: bytes)
    }
}

extension UInt8 {
    fileprivate var isLowercaseHex: Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self)
    }
}
