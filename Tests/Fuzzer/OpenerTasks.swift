import Foundation
import Glibc
import Isolation
import ProfileModel
import Symbolication
import Synchronization

/// Paths that lie, for an opener process.
struct OpenerTasks {
    private let helpers: FileHelpers
    init(_ nursery: HelperNursery) { helpers = FileHelpers(nursery) }

    /// `DIRECTORY/root` is a container's root, `DIRECTORY/secret` a file of the host. In the root a file changes places with a
    /// link to the secret, and a link to a directory with one to the root's parent, all the time.
    func race(_ count: Int, in directory: String) throws {
        let root = directory + "/root"
        for path in [root, root + "/dir"] { _ = unsafe mkdir(path, 0o755) }
        for path in [directory + "/secret", root + "/dir/own", root + "/dir/secret"] {
            let descriptor = unsafe Glibc.open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw Broken("cannot make \(path)") }
            close(descriptor)
        }
        _ = unsafe symlink(directory + "/secret", root + "/link")
        _ = unsafe symlink("../../..\(directory)", root + "/up")
        let secret = try inode(directory + "/secret")
        let own = try Set(["dir/own", "dir/secret"].map { try inode(root + "/" + $0) })
        let found = try helpers.doors.opener.directory(root).file
        var outcomes: [String: Int] = [:]
        var hostFiles = 0
        // The racer is a child of its own: it must run at the same time.
        let racer = Racer(root)
        defer { _ = racer.end() }
        let paths = ["/file", "/dir/secret", "/dir2/secret", "/link", "/up/secret", "/dir/../dir2/secret"]
        for number in 0..<count {
            do throws(FileRefusal) {
                let opened = try helpers.doors.opener.regularFile(in: found, paths[number % paths.count], .inRoot)
                guard let inode = CachedStatus(opened.file.descriptor)?.inode else { continue }
                if inode == secret { hostFiles += 1 }
                outcomes[own.contains(inode) ? "the container's file" : "another file", default: 0] += 1
            } catch {
                outcomes[error.rawValue, default: 0] += 1
            }
        }
        let swaps = racer.end()
        tell([
            ("task", quoted("racing")), ("tries", "\(count)"), ("swaps", "\(swaps)"), ("host_files", "\(hostFiles)"),
            ("outcomes", quoted(outcomes)),
        ])
        guard hostFiles == 0 else { throw Broken("\(hostFiles) files of the host were opened") }
        guard swaps > count / 100 else { throw Broken("\(swaps) swaps in \(count) tries are no race") }
    }

    private func inode(_ path: String) throws -> UInt64 {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw Broken("no \(path)") }
        return UInt64(status.st_ino)
    }

    /// Says for each path what came of it and how long that took.
    func open(_ paths: [String]) {
        for path in paths {
            let start = MessageSocket.nanoseconds()
            var outcome = "opened"
            do throws(FileRefusal) {
                _ = try helpers.doors.opener.regularFile(in: nil, path, .plain)
            } catch {
                outcome = error.rawValue
            }
            let took = (MessageSocket.nanoseconds() - start) / 1_000_000
            tell([
                ("task", quoted("opening")), ("path", quoted(path)), ("outcome", quoted(outcome)), ("ms", "\(took)"),
            ])
        }
    }
}

/// Lets names in a directory change places until it is told to end.
private final class Racer: Sendable {
    private let stop = Atomic(false)
    private let swaps = Atomic(0)
    private let done = Atomic(false)
    private let root: String

    init(_ root: String) {
        self.root = root
        Thread.detachNewThread { self.race() }
    }

    private func race() {
        let temporary = root + "/temporary"
        while !stop.load(ordering: .relaxed) {
            // The container's own, then what leads out of it; each takes the name at once.
            if unsafe link(root + "/dir/own", temporary) == 0, unsafe rename(temporary, root + "/file") == 0 {
                swaps.add(1, ordering: .relaxed)
            }
            for (target, name) in [("../secret", "/file"), ("dir", "/dir2"), ("..", "/dir2")] {
                if unsafe symlink(target, temporary) == 0, unsafe rename(temporary, root + name) == 0 {
                    swaps.add(1, ordering: .relaxed)
                }
            }
            // One name for two files does not change by rename(2).
            unsafe unlink(temporary)
        }
        done.store(true, ordering: .releasing)
    }

    func end() -> Int {
        stop.store(true, ordering: .relaxed)
        while !done.load(ordering: .acquiring) { usleep(100) }
        return swaps.load(ordering: .relaxed)
    }
}
