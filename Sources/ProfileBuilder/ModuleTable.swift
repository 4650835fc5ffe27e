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
    private var frames = PairInterner()
    /// Numbers the kernel addresses, and what each was found to be in.
    private var kernelAddresses = PairInterner()
    private var kernelFrames: [RowID] = []
    /// Numbers the kernel's functions, since another one may come to lie where one was.
    private var kernelFunctions: [KernelFunction: UInt64] = [:]

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
        // Where it was named before, it is asked for once more, for its number.
        if isSyscallReturn, entries[index].syscallReturns.insert(address).inserted {
            entries[index].unnamed[address] = row
        }
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
        let (place, isNewAddress) = kernelAddresses.number(of: address.rawValue, 0)
        if !isNewAddress { return kernelFrames[Int(place) - 1] }
        let function = machine.kernelFunction(at: address)
        let start = function?.start ?? address
        let (number, isNew) =
            if let function {
                frames.number(of: kernelNumber(of: function), Self.kernelFunctionKey)
            } else {
                frames.number(of: address.rawValue, Self.kernelAddressKey)
            }
        if isNew {
            let module = kernelModule(function?.module, batch: &batch)
            batch.frames.append(
                FrameRow(
                    id: RowID(number), kind: .kernel, module: entries[module].row, address: start.rawValue,
                    function: function?.name))
        }
        kernelFrames.append(RowID(number))
        return RowID(number)
    }

    private mutating func kernelNumber(of function: KernelFunction) -> UInt64 {
        if let known = kernelFunctions[function] { return known }
        let number = UInt64(kernelFunctions.count)
        kernelFunctions[function] = number
        return number
    }

    /// Kernel code came or went: what an address meant may have changed.
    mutating func forgetKernelAddresses() {
        kernelAddresses = PairInterner()
        kernelFrames.removeAll()
    }

    private mutating func kernelModule(_ name: String?, batch: inout RowBatch) -> Int {
        let path = name ?? "[kernel]"
        if let known = kernelModules[path] { return known }
        let module = Module(kind: name == nil ? .kernel : .kernelModule, path: path)
        let index = append(Entry(row: RowID(entries.count + 1), module: module), batch: &batch)
        kernelModules[path] = index
        return index
    }

    /// An address was asked for, and answered.
    mutating func endWait(of index: Int, for address: FileAddress) {
        entries[index].unnamed[address.rawValue] = nil
    }

    /// Says why a module's names are missing.
    mutating func skipSymbols(of index: Int, because reason: String, batch: inout RowBatch) {
        entries[index].module.symbolsSkipped = reason
        batch.modules.append(ModuleRow(id: entries[index].row, module: entries[index].module))
    }

    /// Second keys of frames: what kind of place the first key is.
    private static let kernelFunctionKey: UInt64 = 0
    private static let kernelAddressKey: UInt64 = 1
    private static let unmappedKey: UInt64 = 2
    private static let truncationKey: UInt64 = 3
    private static let firstModuleKey: UInt64 = 4
}
