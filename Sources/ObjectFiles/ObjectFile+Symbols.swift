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
        // The table is made when the first address needs it.
        var table: SymbolTable?
        var names = NameCache()
        let returns = Set(request.syscallReturns)
        let symbols = zip(request.addresses, search.chains).map { address, scopes in
            var symbol: [UInt8]?
            if !names.hasLinkersName(scopes.last) {
                let known = table ?? symbolTable(debugFile: debugFile)
                table = known
                symbol = known.name(at: address)
            }
            return SymbolizedAddress(
                address: address, chain: names.chain(scopes, symbol: symbol),
                syscallNumber: returns.contains(address) ? codeBefore(address) : nil)
        }
        return SymbolAnswer(symbols: symbols, skipped: skipped == .budget ? "budget" : nil)
    }

    private enum Skipped {
        case nothing
        case noInformation
        case budget
    }

    private static func run(_ search: inout ScopeSearch, in image: borrowing ElfImage, budget: Budget) -> Skipped {
        guard DebugInformation.exists(in: image) else { return .noInformation }
        // Counting reads the packed sections.
        guard budget.bytes > 0, DebugInformation.byteCount(in: image) <= UInt64(clamping: budget.bytes) else {
            return .budget
        }
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

    /// Whether debug information has the function's mangled name, beside which the symbol table has nothing to say.
    func hasLinkersName(_ scope: ScopeSearch.Scope?) -> Bool {
        if case .linkage(let name) = scope?.name { Demangling.isMangled(name) } else { false }
    }

    /// - Parameter symbol: the name of the whole function in the symbol table; nil where it has none, or is not asked.
    mutating func chain(_ scopes: [ScopeSearch.Scope], symbol: [UInt8]?) -> [SourceFrame] {
        guard let outermost = scopes.last else { return symbol.map { [SourceFrame(function: functionName($0))] } ?? [] }
        var chain = scopes.dropLast().map { scope in
            SourceFrame(function: ownName(scope), file: scope.file, line: scope.line)
        }
        let name = hasLinkersName(outermost) ? nil : symbol.flatMap { betterName($0, than: outermost.name) }
        chain.append(
            SourceFrame(function: name ?? ownName(outermost), file: outermost.file, line: outermost.line))
        return chain
    }

    private mutating func ownName(_ scope: ScopeSearch.Scope) -> String? {
        switch scope.name {
        case .linkage(let name): functionName(name)
        case .plain(let name): String(losslesslyDecoding: name)
        case .unknown: nil
        }
    }

    /// The symbol table's name for a function, where it is the better one: for assembly, which debug information has no
    /// function for; for a class that is local to a function, whose methods have plain names there; and for a function
    /// with several names, of which the table chooses the one that programs call (`write`, not `__GI___libc_write`).
    private mutating func betterName(_ symbol: [UInt8], than name: ScopeSearch.Name) -> String? {
        switch name {
        case .unknown: return functionName(symbol)
        case .linkage, .plain:
            // `main.cold` and `main.part.0` are compilers' names for parts of `main`.
            if !Demangling.isMangled(symbol), symbol.contains(UInt8(ascii: ".")) { return nil }
            return functionName(symbol)
        }
    }
}
