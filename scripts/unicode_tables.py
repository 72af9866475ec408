#!/usr/bin/env python3
"""Writes src/text/unicode_tables.c: ranges of letters and numbers of the Unicode version that this
Python knows. Usage: unicode_tables.py > src/text/unicode_tables.c"""
import sys
import unicodedata


def ranges(kind):
    out, start = [], None
    for cp in range(0x110000):
        inside = unicodedata.category(chr(cp))[0] == kind
        if inside and start is None:
            start = cp
        if not inside and start is not None:
            out.append((start, cp - 1))
            start = None
    return out


def table(name, items):
    print("const mli_unicode_range %s[] = {" % name)
    line = "   "
    for a, b in items:
        item = " {0x%x, 0x%x}," % (a, b)
        if len(line) + len(item) > 99:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};")
    print("const size_t %s_count = sizeof %s / sizeof %s[0];" % (name, name, name))


print("/* Ranges of the categories L* and N* of Unicode %s, by scripts/unicode_tables.py. */"
      % unicodedata.unidata_version)
print("/* clang-format off */")
print('#include "text/unicode.h"\n')
table("mli_unicode_letters", ranges("L"))
print()
table("mli_unicode_numbers", ranges("N"))
