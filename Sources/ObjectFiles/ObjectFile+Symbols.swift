internal import CElfutils
public import ObjectTables
internal import ProfileModel

extension ObjectFile {
    /// Names addresses: function, file and line, and the functions that they were inlined into.
    ///
    /// - Parameters:
    ///   - request: the addresses, and what the answer may cost.
    ///   - debugInformation: the descriptor of a separate debug file of this very build; ignored when its build ID is
    ///     another one.
    /// - Returns: one entry for each address of the request, in its order. Where the budget did not suffice, `skipped`
    ///   says so, and the entries have what was found until then.
    public func symbolize(_ request: SymbolRequest, debugInformation: Int32? = nil) -> SymbolAnswer {
        let debugFile = debugInformation.flatMap { separateFile($0) }
        var search = ScopeSearch(
            addresses: request.addresses.map(\.rawValue), deadline: Deadline(milliseconds: request.budget.milliseconds))
        var skipped = Self.run(&search, in: image, budget: request.budget)
        if skipped == .noInformation {
            switch debugFile {
            case .some(let file): skipped = Self.run(&search, in: file, budget: request.budget)
            case .none: break
            }
        }
        let table = symbolTable(debugFile: debugFile)
        var names = NameCache()
        let returns = Set(request.syscallReturns)
        let symbols = zip(request.addresses, search.chains).map { address, scopes in
            let symbol = needsSymbol(scopes) ? table.name(at: address) : nil
            let chain = names.chain(scopes, symbol: symbol)
            return SymbolizedAddress(
                address: address, chain: chain, syscallNumber: returns.contains(address) ? codeBefore(address) : nil)
        }
        return SymbolAnswer(symbols: symbols, skipped: skipped == .budget ? "budget" : nil)
    }

    /// Whether the symbol table may know the function better: where debug information has none, such as for assembly, or
    /// only a plain name, such as for methods of a class that is local to a function.
    private func needsSymbol(_ scopes: [ScopeSearch.Scope]) -> Bool {
        if case .linkage = scopes.last?.name { false } else { true }
    }

    private enum Skipped {
        case nothing
        case noInformation
        case budget
    }

    private static func run(_ search: inout ScopeSearch, in image: borrowing ElfImage, budget: Budget) -> Skipped {
        guard DebugInformation.exists(in: image) else { return .noInformation }
        guard DebugInformation.byteCount(in: image) <= UInt64(clamping: budget.bytes) else { return .budget }
        guard let information = DebugInformation(image: image) else { return .noInformation }
        search.run(in: information)
        return search.ranOutOfTime ? .budget : .nothing
    }

    /// The number that the instructions right before an address load for the system call instruction that ends there;
    /// nil when there is none, or it is not sure.
    func codeBefore(_ address: FileAddress) -> Int? {
        for header in image.programHeaders where header.isLoadedCode {
            let distance = address.rawValue &- header.address
            guard address.rawValue >= header.address, distance <= header.fileSize else { continue }
            let count = min(distance, UInt64(SyscallNumber.maximumByteCount))
            let (offset, overflow) = header.offset.addingReportingOverflow(distance - count)
            if overflow { return nil }
            return image.withBytes(at: offset, count: Int(count)) {
                SyscallNumber.number(endOf: $0, architecture: architecture)
            } ?? nil
        }
        return nil
    }

    /// A separate debug file, unless it is of another build.
    private func separateFile(_ descriptor: Int32) -> ElfImage? {
        guard let file = try? ElfImage(descriptor: descriptor, maximumByteCount: Self.defaultMaximumByteCount) else {
            return nil
        }
        if let own = image.buildID, let other = file.buildID, own != other { return nil }
        return file
    }

    /// The whole symbol table where the file or its debug file has one; else the dynamic one, and what .gnu_debugdata
    /// adds to it.
    private func symbolTable(debugFile: borrowing ElfImage?) -> SymbolTable {
        let code = image.programHeaders.filter(\.isLoadedCode)
        var table = SymbolTable()
        addWholeTable(of: image, code: code, to: &table)
        if table.isEmpty {
            if let section = image.sections.first(where: { $0.type == UInt32(SHT_DYNSYM) }) {
                table.add(section, of: image, code: code)
            }
            switch debugFile {
            case .some(let file): addWholeTable(of: file, code: code, to: &table)
            case .none:
                if let mini = MiniDebugInformation.image(in: image) { addWholeTable(of: mini, code: code, to: &table) }
            }
        }
        table.add(ProcedureLinkage.entries(of: image))
        table.sort()
        return table
    }

    private func addWholeTable(
        of file: borrowing ElfImage, code: [ElfImage.ProgramHeader], to table: inout SymbolTable
    ) {
        guard let section = file.sections.first(where: { $0.type == UInt32(SHT_SYMTAB) }) else { return }
        table.add(section, of: file, code: code)
    }
}

/// Demangled names by mangled ones: the same few functions come up again and again.
private struct NameCache {
    /// By text, not by bytes: a text is hashed as a whole.
    private var known: [String: String] = [:]

    mutating func functionName(_ symbol: [UInt8]) -> String {
        let key = String(losslesslyDecoding: symbol)
        if let name = known[key] { return name }
        let name = Demangling.functionName(symbol)
        known[key] = name
        return name
    }

    /// - Parameter symbol: the name of the whole function in the symbol table.
    mutating func chain(_ scopes: [ScopeSearch.Scope], symbol: [UInt8]?) -> [SourceFrame] {
        var chain: [SourceFrame] = []
        for (index, scope) in scopes.enumerated() {
            let name: String?
            switch scope.name {
            case .linkage(let mangled): name = functionName(mangled)
            case .plain(let plain):
                let better = index == scopes.count - 1 ? symbol.flatMap { Demangling.demangledName($0) } : nil
                name = better ?? String(losslesslyDecoding: plain)
            case .unknown: name = index == scopes.count - 1 ? symbol.map { functionName($0) } : nil
            }
            chain.append(SourceFrame(function: name, file: scope.file, line: scope.line))
        }
        if chain.isEmpty, let symbol { chain = [SourceFrame(function: functionName(symbol))] }
        return chain
    }
}
