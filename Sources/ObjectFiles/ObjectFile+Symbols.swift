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
        let table = symbolTable(debugFile: debugFile)
        var answer = SymbolAnswer(symbols: [])
        answer.symbols.reserveCapacity(request.addresses.count)
        var names: [[UInt8]: String] = [:]
        for address in request.addresses {
            let symbol = table.name(at: address)
            let name = symbol.map { symbol in
                if let known = names[symbol] { return known }
                let name = Demangling.functionName(symbol)
                names[symbol] = name
                return name
            }
            answer.symbols.append(
                SymbolizedAddress(address: address, chain: name.map { [SourceFrame(function: $0)] } ?? []))
        }
        let returns = Set(request.syscallReturns)
        for index in answer.symbols.indices where returns.contains(answer.symbols[index].address) {
            answer.symbols[index].syscallNumber = codeBefore(answer.symbols[index].address)
        }
        return answer
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
