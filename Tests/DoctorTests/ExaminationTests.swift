import Doctor
import Testing

@Suite("What is found on this very machine")
struct ExaminationTests {}
