import ObjectTables
import ProfileModel
import Recording
import Unwinding

/// The modules and frames of the recording: which are known, and which still need names.
struct ModuleTable {
    /// A module that samples hit.
    struct Entry {
        var row: RowID
        /// The number under which `LiveMachine` keeps it; nil for what is not a file.
        var key: Int?
        var module: Module
        var segments: ModuleHeader?
        var unwindTable: UnwindTables.ID?
        /// Frames that wait for names, by address.
        var unnamed: [UInt64: RowID] = [:]
        /// Addresses right behind a possible `syscall` instruction.
        var syscallReturns: Set<UInt64> = []
    }

    private(set) var entries: [Entry] = []
    private var indices: [Int: Int] = [:]
    private var kernelModules: [String: Int] = [:]
    private var frames = PairInterner(minimumCapacity: 1 << 14)
    /// By the number that `frames` gave; -1 where the module has none.
    private var kernelFrames: [UInt64: RowID] = [:]

    /// The entry of an opened module.
    mutating func index(of live: LiveModule, tables: inout UnwindTables, batch: inout RowBatch) -> Int {
        if let known = indices[live.key] { return known }
        let entry = Entry(
            row: RowID(entries.count + 1), key: live.key, module: live.module, segments: live.header,
            unwindTable: live.unwindTable.map { tables.append($0) })
        indices[live.key] = entries.count
        return append(entry, batch: &batch)
    }

    private mutating func append(_ entry: Entry, batch: inout RowBatch) -> Int {
        batch.modules.append(ModuleRow(id: entry.row, module: entry.module))
        entries.append(entry)
        return entries.count - 1
    }

    /// The frame of an address of a module.
    mutating func frame(module index: Int, address: UInt64, isSyscallReturn: Bool, batch: inout RowBatch) -> RowID {
        let (number, isNew) = frames.number(of: address, UInt64(index) + Self.firstModuleKey)
        let row = RowID(number)
        if isNew {
            batch.frames.append(
                FrameRow(id: row, kind: .user, module: entries[index].row, address: address, function: nil))
            entries[index].unnamed[address] = row
        }
        if isSyscallReturn { entries[index].syscallReturns.insert(address) }
        return row
    }

    /// The frame of an address that no mapping is known for.
    mutating func frame(unmapped address: VirtualAddress, batch: inout RowBatch) -> RowID {
        let (number, isNew) = frames.number(of: address.rawValue, Self.unmappedKey)
        if isNew {
            batch.frames.append(
                FrameRow(id: RowID(number), kind: .user, module: nil, address: address.rawValue, function: nil))
        }
        return RowID(number)
    }

    /// The frame that says why a stack was cut.
    mutating func frame(truncation reason: TruncationReason, batch: inout RowBatch) -> RowID {
        let place = UInt64(TruncationReason.allCases.firstIndex(of: reason) ?? 0)
        let (number, isNew) = frames.number(of: place, Self.truncationKey)
        if isNew {
            batch.frames.append(
                FrameRow(
                    id: RowID(number), kind: .truncation, module: nil, address: 0, function: reason.rawValue))
        }
        return RowID(number)
    }

    /// The frame of a kernel address: one for each function, since nothing finer than that is ever shown.
    mutating func frame(
        kernel address: VirtualAddress, machine: some LiveMachine, batch: inout RowBatch
    ) -> RowID {
        if let known = kernelFrames[address.rawValue] { return known }
        let function = machine.kernelFunction(at: address)
        let module = kernelModule(function?.module, batch: &batch)
        let start = function?.start ?? address
        let (number, isNew) = frames.number(of: start.rawValue, Self.kernelKey)
        if isNew {
            batch.frames.append(
                FrameRow(
                    id: RowID(number), kind: .kernel, module: entries[module].row, address: start.rawValue,
                    function: function?.name))
        }
        kernelFrames[address.rawValue] = RowID(number)
        return RowID(number)
    }

    /// Kernel code came or went: what an address meant may have changed.
    mutating func forgetKernelAddresses() { kernelFrames.removeAll() }

    private mutating func kernelModule(_ name: String?, batch: inout RowBatch) -> Int {
        let path = name ?? "[kernel]"
        if let known = kernelModules[path] { return known }
        let module = Module(kind: name == nil ? .kernel : .kernelModule, path: path)
        let index = append(Entry(row: RowID(entries.count + 1), module: module), batch: &batch)
        kernelModules[path] = index
        return index
    }

    /// Says why a module's names are missing.
    mutating func skipSymbols(of index: Int, because reason: String, batch: inout RowBatch) {
        entries[index].module.symbolsSkipped = reason
        batch.modules.append(ModuleRow(id: entries[index].row, module: entries[index].module))
    }

    /// Second keys of frames: what kind of place the first key is.
    private static let kernelKey: UInt64 = 0
    private static let unmappedKey: UInt64 = 1
    private static let truncationKey: UInt64 = 2
    private static let firstModuleKey: UInt64 = 3
}
