#!/usr/bin/env python3
"""Writes tables of the Unicode version that this Python knows, for src/text/unicode_fold.c.
Usage: unicode_fold_tables.py classes|parts|pairs > src/text/unicode_WHICH_tables.c

Of decompositions are left out: compatibility ideographs, enclosed and squared ones, jamo and half-wide forms, Arabic
presentation forms, mathematical letters, radicals: no text of speech. Hangul is arithmetic."""
import sys
import unicodedata as u

OUT = [(0x2E80, 0x2FDF), (0x3130, 0x33FF), (0xAC00, 0xD7A3), (0xD800, 0xDFFF), (0xF900, 0xFAFF), (0xFB50, 0xFEFE), (0xFF5F, 0xFFEF), (0x10000, 0x10FFFF)]
CHARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def rows(items):
    line = "   "
    for item in items:
        if len(line) + len(item) + 1 > 99:
            print(line)
            line = "   "
        line += (" " if line == "   " else "") + item
    print(line + "\n};")


def ranges(name, inside):
    out = []
    for c in CHARS:
        if inside(u.category(chr(c))):
            if out and out[-1][1] == c - 1:
                out[-1][1] = c
            else:
                out.append([c, c])
    print(f"const mli_unicode_range {name}[] = {{")
    rows(f"{{{a:#x}, {b:#x}}}," for a, b in out)
    print(f"const size_t {name}_count = sizeof {name} / sizeof *{name};\n")


def lower():
    out = []  # first, last, step, difference
    for c in CHARS:
        low = chr(c).lower()
        if low == chr(c):
            continue
        d = ord(low[0]) - c
        last = out[-1] if out else None
        if last and last[3] == d and (c - last[1] == last[2] or (last[0] == last[1] and c - last[1] in (1, 2))):
            last[2] = c - last[1]
            last[1] = c
        else:
            out.append([c, c, 1, d])
    print("const mli_unicode_lower_range mli_unicode_lowers[] = {")
    rows(f"{{{a:#x}, {b:#x}, {s}, {d}}}," for a, b, s, d in out)
    print("const size_t mli_unicode_lowers_count = sizeof mli_unicode_lowers / sizeof *mli_unicode_lowers;\n")


def decompositions():
    text, entries = "", []
    for c in CHARS:
        full = u.normalize("NFKD", chr(c))
        if full == chr(c) or any(a <= c <= b for a, b in OUT):
            continue
        at = text.find(full)
        if at < 0:
            at = len(text)
            text += full
        entries.append((c, at, len(full)))
    print("const uint16_t mli_unicode_parts[] = {")
    rows(f"{ord(c)}," for c in text)
    print("const mli_unicode_decomposition mli_unicode_decompositions[] = {")
    rows(f"{{{c},{at},{n}}}," for c, at, n in entries)
    print("const size_t mli_unicode_decompositions_count =\n"
          "    sizeof mli_unicode_decompositions / sizeof *mli_unicode_decompositions;\n")


def pairs():
    out = []
    for c in range(0x10000):
        if 0xD800 <= c <= 0xDFFF or 0xAC00 <= c <= 0xD7A3:
            continue
        parts = u.decomposition(chr(c)).split()
        if len(parts) == 2 and parts[0][0] != "<" and u.normalize("NFC", chr(c)) == chr(c):
            out.append((int(parts[0], 16), int(parts[1], 16), c))
    print("const mli_unicode_pair mli_unicode_pairs[] = {")
    rows(f"{{{a:#x}, {b:#x}, {c:#x}}}," for a, b, c in sorted(out))
    print("const size_t mli_unicode_pairs_count = sizeof mli_unicode_pairs / sizeof *mli_unicode_pairs;")


KINDS = {"classes": "Lower case, marks and symbols", "parts": "Decompositions", "pairs": "Compositions"}
print(f"/* {KINDS[sys.argv[1]]} of Unicode {u.unidata_version}, by scripts/unicode_fold_tables.py. */\n"
      "/* clang-format off */\n#include \"text/unicode_fold.h\"\n")
if sys.argv[1] == "classes":
    ranges("mli_unicode_nonspacing", lambda k: k == "Mn")
    ranges("mli_unicode_symbols", lambda k: k[0] in "MSP")
    lower()
elif sys.argv[1] == "parts":
    decompositions()
else:
    pairs()
