internal import ProfileModel

/// A place as it is found again in another recording: lines move, addresses are other ones after a build.
struct PlaceKey: Hashable, Comparable {
    var text: String
    static func < (left: Self, right: Self) -> Bool { left.text < right.text }

    init(kernelFunction: String?) { text = kernelFunction ?? "~" }

    init(callSite: CodePlace) {
        let module = callSite.module.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? ""
        text = [callSite.function ?? callSite.address ?? "~", module].joined(separator: "\u{1}")
    }
}

/// The kernel time of one place, slice by slice.
struct PlaceRow {
    var place: CodePlace
    var row: RecordedSide.Row
}

extension RecordedSide {
    /// The kernel functions inside `query`; time in lock code is charged to whoever takes the lock.
    func functionRows(of query: String) -> [PlaceKey: PlaceRow] {
        let facts = whole.facts
        let wanted = facts.attribution.entries.map { $0.answers(to: query) }
        let found = rows(
            analysis.tally.stacks.map { stack -> Keys<Int32> in
                guard wanted[Int(facts.entry(ofKernelSampleAt: stack.node))] else { return (nil, nil) }
                guard stack.node >= 0, facts.attribution.entry[Int(stack.node)] >= 0 else { return (-1, -1) }
                return (
                    facts.charging.charge(leaf: stack.node, isWaiting: false).function,
                    facts.charging.charge(leaf: stack.node, isWaiting: true).function
                )
            })
        var places: [PlaceKey: PlaceRow] = [:]
        for (index, row) in found.sorted(by: { $0.key < $1.key }) {
            let name = index >= 0 ? facts.charging.names[Int(index)] : nil
            add(row, at: CodePlace(function: name), as: PlaceKey(kernelFunction: name), to: &places)
        }
        return places
    }

    /// The call sites that led to `query`.
    func callSiteRows(of query: String) -> [PlaceKey: PlaceRow] {
        let facts = whole.facts
        let wanted = facts.attribution.entries.map { $0.answers(to: query) }
        let found = rows(
            analysis.tally.stacks.map { stack -> Keys<Int32> in
                guard wanted[Int(facts.entry(ofKernelSampleAt: stack.node))] else { return (nil, nil) }
                let site = facts.callSites.place(of: stack.node) ?? -1
                return (site, site)
            })
        var places: [PlaceKey: PlaceRow] = [:]
        for (index, row) in found.sorted(by: { $0.key < $1.key }) {
            let place = index >= 0 ? facts.callSites.places[Int(index)] : CodePlace()
            add(row, at: place, as: PlaceKey(callSite: place), to: &places)
        }
        return places
    }

    /// Several lines of one function are one place: the heaviest line is told.
    private func add(_ row: Row, at place: CodePlace, as key: PlaceKey, to places: inout [PlaceKey: PlaceRow]) {
        guard var known = places[key] else {
            places[key] = PlaceRow(place: place, row: row)
            return
        }
        if row.samples > known.row.samples { known.place = place }
        known.row += row
        places[key] = known
    }
}
