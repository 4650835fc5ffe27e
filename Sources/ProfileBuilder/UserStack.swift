import PerfRecords
import ProfileModel
import Unwinding

/// Which of the kernel's numbered user registers unwinding needs.
///
/// Source: `enum perf_event_x86_regs` and `enum perf_event_arm_regs` in asm/perf_regs.h.
public enum RegisterSet: Sendable {
    case amd64
    case arm64

    public init?(arch: String) {
        switch arch {
        case "x86_64": self = .amd64
        case "aarch64": self = .arm64
        default: return nil
        }
    }

    /// rbx, rbp, rdi (which holds the return address in vfork), rsp, rip; or x29, x30, sp, pc.
    private var numbers: (second: Int?, framePointer: Int, link: Int?, stackPointer: Int, instruction: Int) {
        switch self {
        case .amd64: (second: 1, framePointer: 6, link: 5, stackPointer: 7, instruction: 8)
        case .arm64: (second: nil, framePointer: 29, link: 30, stackPointer: 31, instruction: 32)
        }
    }

    /// `perf_event_attr.sample_regs_user`.
    public var mask: UInt64 {
        let all = [numbers.second, numbers.framePointer, numbers.link, numbers.stackPointer, numbers.instruction]
        return all.compactMap { $0 }.reduce(0) { $0 | 1 << UInt64($1) }
    }

    var architecture: Unwinder.Architecture {
        switch self {
        case .amd64: .amd64
        case .arm64: .arm64
        }
    }

    func registers(of sample: SampleRecord, in record: RawSpan) -> UserRegisters? {
        guard let instruction = sample.userRegister(numbers.instruction, in: record),
            let stackPointer = sample.userRegister(numbers.stackPointer, in: record)
        else { return nil }
        return UserRegisters(
            instructionPointer: instruction, stackPointer: stackPointer,
            framePointer: sample.userRegister(numbers.framePointer, in: record) ?? 0,
            second: numbers.second.flatMap { sample.userRegister($0, in: record) } ?? 0,
            linkRegister: numbers.link.flatMap { sample.userRegister($0, in: record) } ?? 0)
    }
}
