#!/usr/bin/env python3
"""Makes files that lie: ELF files whose headers, tables, debug information or names are made to break who reads them.

    Tests/Fuzzer/crafted.py DIRECTORY      one file for each recipe below; prints how many

Needs gcc and as. Each recipe says what it lies about; files are made from one small program, or from assembly."""

import lzma
import os
import struct
import subprocess
import sys
import zlib

PROGRAM = r"""
#include <stdio.h>
static inline __attribute__((always_inline)) int inner(int a) { return printf("%d", a) + 1; }
__attribute__((noinline)) int outer(int a) { return inner(a * 3) + 1; }
int main(int argc, char **argv) { (void)argv; return outer(argc); }
"""
RECIPES = {}


def recipe(function):
    RECIPES[function.__name__] = function
    return function


class Elf:
    """A 64-bit little-endian ELF file as bytes that can be patched."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def header(self, offset: int, form: str, value: int) -> "Elf":
        struct.pack_into("<" + form, self.data, offset, value)
        return self

    def get(self, offset: int, form: str) -> int:
        return struct.unpack_from("<" + form, self.data, offset)[0]

    @property
    def sections(self) -> dict[str, int]:
        """The file offset of each section's header, by its name."""
        start, count, names = self.get(0x28, "Q"), self.get(0x3C, "H"), self.get(0x3E, "H")
        strings = self.get(start + names * 64 + 24, "Q")
        found = {}
        for index in range(count):
            at = start + index * 64
            name = strings + self.get(at, "I")
            found[self.data[name:self.data.index(0, name)].decode()] = at
        return found

    # Fields of a section header: name 0, type 4, flags 8, address 16, offset 24, size 32, link 40, info 44, entsize 56.
    def section(self, name: str, field: int, value: int, form: str = "Q") -> "Elf":
        return self.header(self.sections[name] + field, form, value)

    def bounds(self, name: str) -> tuple[int, int]:
        at = self.sections[name]
        return self.get(at + 24, "Q"), self.get(at + 32, "Q")

    def contents(self, name: str, contents: bytes, flags: int | None = None) -> "Elf":
        """Gives a section other contents, at the end of the file."""
        at = self.sections[name]
        while len(self.data) % 16:
            self.data.append(0)
        offset = len(self.data)
        self.data += contents
        self.header(at + 24, "Q", offset).header(at + 32, "Q", len(contents))
        if flags is not None:
            self.header(at + 8, "Q", flags)
        return self

    def patch(self, name: str, at: int, contents: bytes) -> "Elf":
        start, _ = self.bounds(name)
        self.data[start + at:start + at + len(contents)] = contents
        return self


class Maker:
    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.base = self.compile(PROGRAM, "base", "-O1", "-g", "-gdwarf-4")
        self.base5 = self.compile(PROGRAM, "base5", "-O1", "-g", "-gdwarf-5")

    def compile(self, text: str, name: str, *flags: str, suffix: str = ".c") -> bytes:
        source, output = os.path.join(self.directory, "." + name + suffix), os.path.join(self.directory, "." + name)
        with open(source, "w") as out:
            out.write(text)
        subprocess.run(["gcc", *flags, "-o", output, source], check=True)
        with open(output, "rb") as file:
            data = file.read()
        os.unlink(source)
        os.unlink(output)
        return data

    def elf(self, version: int = 4) -> Elf:
        return Elf(self.base if version == 4 else self.base5)

    def assembly(self, text: str, name: str) -> Elf:
        head = ".text\n.globl _start\n.type _start, @function\n_start: nop\n nop\n ret\n.Lend: .size _start, .-_start\n"
        return Elf(self.compile(head + text, name, "-nostdlib", "-static", suffix=".s"))

    def entries(self, name: str, body: str, abbreviations: str = "") -> Elf:
        """Debug information of one function that `body` goes on with."""
        return self.assembly(
            f"""
            .section .debug_abbrev,"",@progbits
             .byte 1,0x11,1, 0x11,1, 0x12,7, 0,0
             .byte 2,0x2e,1, 0x03,8, 0x11,1, 0x12,7, 0,0
             .byte 3,0x0b,1, 0x11,1, 0x12,7, 0,0
             {abbreviations}
             .byte 0
            .section .debug_info,"",@progbits
             .long .Linfo_end - .Linfo
            .Linfo: .short 4
             .long .debug_abbrev
             .byte 8
             .uleb128 1
             .quad _start, .Lend - _start
             .Lfunction: .uleb128 2
             .asciz "function"
             .quad _start, .Lend - _start
             {body}
            .Linfo_end:
            """, name)


# What is no ELF file, or only the beginning of one.

@recipe
def empty(m): return b""
@recipe
def text(m): return b"#!/bin/sh\nexit 0\n"
@recipe
def magic_only(m): return b"\x7fELF"
@recipe
def header_only(m): return m.base[:64]
@recipe
def half(m): return m.base[:len(m.base) // 2]
@recipe
def cut_in_section_headers(m): return m.base[:m.elf().get(0x28, "Q") + 100]
@recipe
def class_32(m): return m.elf().header(4, "B", 1).data
@recipe
def big_endian(m): return m.elf().header(5, "B", 2).data
@recipe
def relocatable(m): return m.elf().header(16, "H", 1).data
@recipe
def core_dump(m): return m.elf().header(16, "H", 4).data
@recipe
def unknown_machine(m): return m.elf().header(18, "H", 0xFFFF).data


# Headers that point elsewhere.

@recipe
def sections_far_away(m): return m.elf().header(0x28, "Q", 1 << 62).data
@recipe
def sections_at_the_end(m): return m.elf().header(0x28, "Q", len(m.base) - 8).data
@recipe
def many_sections(m): return m.elf().header(0x3C, "H", 0xFFFE).data
@recipe
def sections_counted_elsewhere(m):
    elf = m.elf()
    start = elf.get(0x28, "Q")
    return elf.header(0x3C, "H", 0).header(start + 32, "Q", 1 << 60).data
@recipe
def small_section_headers(m): return m.elf().header(0x3A, "H", 1).data
@recipe
def names_nowhere(m): return m.elf().header(0x3E, "H", 0xFFF0).data
@recipe
def programs_far_away(m): return m.elf().header(0x20, "Q", 1 << 62).data
@recipe
def many_programs(m): return m.elf().header(0x38, "H", 0xFFFE).data
@recipe
def programs_counted_elsewhere(m):
    elf = m.elf()
    return elf.header(0x38, "H", 0xFFFF).header(elf.get(0x28, "Q") + 44, "I", 0xFFFFFFFF).data
@recipe
def segments_without_end(m):
    elf = m.elf()
    for index in range(elf.get(0x38, "H")):
        at = elf.get(0x20, "Q") + index * 56
        elf.header(at + 32, "Q", (1 << 64) - 1).header(at + 40, "Q", (1 << 64) - 1)
    return elf.data
@recipe
def section_without_end(m): return m.elf().section(".debug_info", 32, (1 << 63) + 5).data
@recipe
def section_behind_the_file(m): return m.elf().section(".debug_info", 24, len(m.base) * 2).data
@recipe
def sections_on_top_of_each_other(m):
    elf = m.elf()
    for at in list(elf.sections.values())[1:]:
        elf.header(at + 24, "Q", 0).header(at + 32, "Q", len(m.base))
    return elf.data
@recipe
def section_name_behind_its_table(m): return m.elf().section(".debug_info", 0, 0xFFFFFFF0, "I").data


# Symbols.

@recipe
def symbols_without_size(m): return m.elf().section(".symtab", 56, 0).data
@recipe
def symbols_named_by_themselves(m):
    elf = m.elf()
    index = (elf.sections[".symtab"] - elf.get(0x28, "Q")) // 64
    return elf.section(".symtab", 40, index, "I").data
@recipe
def symbol_names_behind_their_table(m):
    elf = m.elf()
    start, size = elf.bounds(".symtab")
    for at in range(start, start + size, 24):
        elf.header(at, "I", 0xFFFFFF00)
    return elf.data
@recipe
def symbol_names_without_end(m):
    elf = m.elf()
    _, size = elf.bounds(".strtab")
    return elf.contents(".strtab", b"A" * max(size, 1 << 20)).data
@recipe
def symbols_as_large_as_memory(m):
    elf = m.elf()
    start, size = elf.bounds(".symtab")
    for at in range(start, start + size, 24):
        elf.header(at + 16, "Q", (1 << 64) - 1)
    return elf.data
@recipe
def a_million_symbols(m):
    elf = m.elf()
    start, size = elf.bounds(".symtab")
    one = bytes(elf.data[start + size - 24:start + size])
    return elf.contents(".symtab", one * 1_000_000).data


def named(m, name: bytes) -> bytes:
    """Every symbol has this name."""
    elf = m.elf()
    start, size = elf.bounds(".symtab")
    for at in range(start, start + size, 24):
        elf.header(at, "I", 1)
    # Without debug information, whose names come first.
    return elf.contents(".strtab", b"\0" + name + b"\0").section(".debug_info", 4, 8, "I").data


@recipe
def swift_name_that_nests(m): return named(m, b"$s" + b"1a" + b"Sg" * 240 + b"D")
@recipe
def swift_name_of_1014_bytes(m): return named(m, b"$s4main" + b"y" * 500 + b"c" * 507)
@recipe
def cxx_name_that_doubles(m):
    return named(m, b"_Z1fI1AE" + b"".join(b"St4pairI%s%sE" % (b"S%X_" % i, b"S%X_" % i) for i in range(24)))
@recipe
def cxx_name_that_nests(m): return named(m, b"_Z1f" + b"P" * 480 + b"i")
@recipe
def rust_name_that_refers_back(m): return named(m, b"_RNvC1a" + b"B_" * 200)
@recipe
def rust_name_that_refers_to_itself(m): return named(m, b"_RINvC1a1fTB5_B5_B5_B5_B5_B5_B5_EE")
@recipe
def name_for_a_terminal(m): return named(m, b"\x1b]0;owned\x07\x1b[31mred\xc2\x9b31m\xe2\x80\xaegnp.exe\xff\xfe\r\n")
@recipe
def name_of_a_megabyte(m): return named(m, b"n" * (1 << 20))


# Notes and links.

@recipe
def build_id_named_without_end(m): return m.elf().patch(".note.gnu.build-id", 0, struct.pack("<I", 0xFFFFFFF0)).data
@recipe
def build_id_without_end(m): return m.elf().patch(".note.gnu.build-id", 4, struct.pack("<I", 0xFFFFFFF0)).data
@recipe
def build_id_of_nothing(m): return m.elf().patch(".note.gnu.build-id", 4, struct.pack("<I", 0)).data
@recipe
def debug_link_out_of_the_directory(m):
    # A section that is not needed becomes the link.
    elf = m.elf()
    names, _ = elf.bounds(".shstrtab")
    at = elf.sections[".comment"]
    elf.contents(".shstrtab", bytes(elf.data[names:names + elf.bounds(".shstrtab")[1]]) + b".gnu_debuglink\0")
    elf.header(at, "I", elf.bounds(".shstrtab")[1] - 15)
    return elf.contents(".gnu_debuglink", b"../../../../etc/passwd\0\0" + b"\1\2\3\4").section(".debug_info", 4, 8, "I").data


# Compression.

def compressed(m, claimed: int, contents: bytes) -> bytes:
    # Elf64_Chdr: type 1 is zlib, then 4 bytes of nothing, size, alignment. SHF_COMPRESSED is 0x800.
    return m.elf().contents(".debug_info", struct.pack("<IIQQ", 1, 0, claimed, 1) + contents, flags=0x800).data


@recipe
def compressed_of_terabytes(m): return compressed(m, 1 << 43, zlib.compress(b"\0" * 1000))
@recipe
def compressed_bomb(m):
    packer = zlib.compressobj(9)
    return compressed(m, 1 << 30, b"".join(packer.compress(b"\0" * (1 << 20)) for _ in range(1024)) + packer.flush())
@recipe
def compressed_nonsense(m): return compressed(m, 10_000, b"\x78\x9c" + b"\xa5" * 5000)
@recipe
def compressed_by_nobody_knows_what(m):
    return m.elf().contents(".debug_info", struct.pack("<IIQQ", 77, 0, 100, 1) + b"x" * 100, flags=0x800).data


def mini(m, contents: bytes) -> bytes:
    elf = m.elf()
    names, size = elf.bounds(".shstrtab")
    at = elf.sections[".comment"]
    elf.contents(".shstrtab", bytes(elf.data[names:names + size]) + b".gnu_debugdata\0")
    elf.header(at, "I", elf.bounds(".shstrtab")[1] - 15)
    # Neither symbols nor debug information of its own.
    return elf.contents(".gnu_debugdata", contents).section(".debug_info", 4, 8, "I").section(".symtab", 4, 8, "I").data


@recipe
def xz_bomb(m): return mini(m, lzma.compress(b"\0" * (200 << 20), preset=1))
@recipe
def xz_cut_short(m): return mini(m, lzma.compress(m.base)[:500])
@recipe
def xz_in_xz(m): return mini(m, lzma.compress(lzma.compress(m.base)))


# Debug information.

@recipe
def scopes_100_000_deep(m):
    return m.entries("deep", " .rept 100000\n .uleb128 3\n .quad _start, .Lend - _start\n .endr\n .fill 100002, 1, 0").data
@recipe
def scopes_300_000_deep(m):
    return m.entries("deeper", " .rept 300000\n .uleb128 3\n .quad _start, .Lend - _start\n .endr\n .fill 300002, 1, 0").data
@recipe
def sibling_that_is_itself(m):
    # DW_AT_sibling, as a reference within the unit.
    return m.entries(
        "sibling", " .Lself: .uleb128 4\n .long .Lself - .Linfo + 4\n .quad _start, .Lend - _start\n .byte 0\n .byte 0, 0",
        " .byte 4,0x0b,1, 0x01,0x13, 0x11,1, 0x12,7, 0,0").data
@recipe
def origin_that_is_itself(m):
    return m.entries(
        "origin", " .Lself: .uleb128 4\n .long .Lself - .Linfo + 4\n .quad _start, .Lend - _start\n .byte 0, 0, 0",
        " .byte 4,0x1d,0, 0x31,0x13, 0x11,1, 0x12,7, 0,0").data
@recipe
def origins_that_are_each_other(m):
    return m.entries(
        "origins", " .La: .uleb128 4\n .long .Lb - .Linfo + 4\n .quad _start, .Lend - _start\n"
        " .Lb: .uleb128 4\n .long .La - .Linfo + 4\n .quad _start, .Lend - _start\n .byte 0, 0, 0",
        " .byte 4,0x1d,0, 0x31,0x13, 0x11,1, 0x12,7, 0,0").data
@recipe
def form_of_forms(m):
    # DW_FORM_indirect, again and again.
    return m.entries("forms", " .uleb128 4\n .fill 100000, 1, 0x16\n .byte 0, 0", " .byte 4,0x0b,0, 0x03,0x16, 0,0").data
@recipe
def unit_without_end(m): return m.elf().patch(".debug_info", 0, struct.pack("<I", 0xFFFFFFEF)).data
@recipe
def unit_of_nothing(m): return m.elf().patch(".debug_info", 0, struct.pack("<I", 0)).data
@recipe
def unit_of_version_99(m): return m.elf().patch(".debug_info", 4, struct.pack("<H", 99)).data
@recipe
def unit_of_wide_addresses(m): return m.elf().patch(".debug_info", 10, b"\xff").data
@recipe
def abbreviations_nowhere(m): return m.elf().patch(".debug_info", 6, struct.pack("<I", 0x7FFFFFFF)).data
@recipe
def abbreviations_of_noise(m): return m.elf().contents(".debug_abbrev", bytes((i * 37 + 11) % 256 for i in range(4096))).data
@recipe
def abbreviations_without_end(m): return m.elf().contents(".debug_abbrev", b"\xff" * (1 << 16)).data
@recipe
def lines_with_no_range(m): return m.elf().patch(".debug_line", 14, b"\0").data  # a quotient's divisor
@recipe
def lines_with_no_operations(m): return m.elf().patch(".debug_line", 11, b"\0").data
@recipe
def lines_without_end(m): return m.elf().patch(".debug_line", 0, struct.pack("<I", 0xFFFFFFEF)).data
@recipe
def twenty_million_lines(m):
    elf = m.elf()
    start, size = elf.bounds(".debug_line")
    program = bytes(elf.data[start:start + size])
    # Special opcodes, each of which is a row; they go before the end of the sequence.
    longer = program[:-3] + b"\x4b" * 20_000_000 + program[-3:]
    return elf.contents(".debug_line", struct.pack("<I", len(longer) - 4) + longer[4:]).data
@recipe
def files_without_end(m): return m.elf(5).contents(".debug_line_str", b"/" * 100_000).data
@recipe
def strings_of_noise(m): return m.elf().contents(".debug_str", b"\xff" * 100_000).data


# Unwind rows.

def frames(m, contents: bytes) -> bytes:
    return m.elf().contents(".eh_frame", contents).data


CIE = struct.pack("<IIB", 20, 0, 1) + b"zR\0" + b"\x01\x78\x10\x01\x1b\x0c\x07\x08\x90\x01\0\0"


@recipe
def frame_without_end(m): return frames(m, struct.pack("<II", 0xFFFFFFF0, 0) + b"\1zR\0" + b"\0" * 100)
@recipe
def frame_of_64_bits(m): return frames(m, struct.pack("<IQQ", 0xFFFFFFFF, (1 << 64) - 1, 0) + b"\0" * 64)
@recipe
def frame_that_is_its_own_parent(m): return frames(m, CIE + struct.pack("<II", 16, 4) + b"\0" * 12)
@recipe
def frame_of_unknown_augmentation(m): return frames(m, CIE.replace(b"zR", b"zQ") + b"\0" * 32)
@recipe
def frame_that_remembers(m):
    body = b"\x0a" * 500_000
    return frames(m, CIE + struct.pack("<IIiI", len(body) + 13, len(CIE) + 4, 0x1000, 0x100) + b"\0" + body)
@recipe
def frame_that_advances(m):
    body = b"\x04\xff\xff\xff\xff\x0e\x10" * 200_000
    return frames(m, CIE + struct.pack("<IIiI", len(body) + 13, len(CIE) + 4, 0x1000, 0xFFFFFFFF) + b"\0" + body)
@recipe
def two_million_frames(m):
    entries, at = bytearray(CIE), len(CIE)
    for index in range(2_000_000):
        entries += struct.pack("<IIiIB3x", 16, at + 4, index * 16, 8, 0)
        at += 20
    return frames(m, bytes(entries))
@recipe
def expression_without_end(m):
    body = b"\x0f" + b"\xff\xff\xff\xff\x0f"
    return frames(m, CIE + struct.pack("<IIiI", len(body) + 13, len(CIE) + 4, 0x1000, 0x100) + b"\0" + body)


def main() -> None:
    directory = sys.argv[1]
    os.makedirs(directory, exist_ok=True)
    maker = Maker(directory)
    for name, make in RECIPES.items():
        with open(os.path.join(directory, name), "wb") as out:
            out.write(bytes(make(maker)))
    # Too large to be written: a file with a hole.
    with open(os.path.join(directory, "a_terabyte_of_nothing"), "wb") as out:
        out.write(bytes(maker.elf().header(0x28, "Q", (1 << 40) - 4096).data))
        try:
            out.truncate(1 << 40)
        except OSError:
            out.truncate(1 << 33)
    print(len(os.listdir(directory)))


if __name__ == "__main__":
    main()
