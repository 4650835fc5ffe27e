internal import ProfileModel

/// A name as it may be shown on a terminal: the one place where names that containers chose are made harmless.
///
/// ASCII's control characters and bytes that were not UTF-8 become `\x1b`; whatever else would act on the terminal, is
/// invisible or turns the direction of the line around (C1 controls, bidirectional controls, zero-width characters, line
/// separators, unassigned and private scalars) becomes `\u{202e}`. JSON does not need this: it keeps every byte.
public func displayName(_ name: String) -> String {
    if name.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return name }
    var shown = ""
    for scalar in name.unicodeScalars {
        if scalar.standsForByte {
            shown += escapedByte(scalar.value & 0xFF)
        } else if scalar.value < 0x20 || scalar.value == 0x7F {
            shown += escapedByte(scalar.value)
        } else if isUnshowable(scalar) {
            shown += "\\u{" + String(scalar.value, radix: 16) + "}"
        } else {
            shown.unicodeScalars.append(scalar)
        }
    }
    return shown
}

private func escapedByte(_ value: UInt32) -> String {
    "\\x" + (value < 0x10 ? "0" : "") + String(value, radix: 16)
}

/// Scalars that show nothing by themselves, or change how their neighbours show.
func isUnshowable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: true
    default: scalar.properties.isDefaultIgnorableCodePoint
    }
}
