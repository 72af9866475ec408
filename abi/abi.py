#!/usr/bin/env python3
"""The ABI's bookkeeping: reads the public headers as the compiler sees them and compares them with the
hand-kept promise (modellab.map, symbols.tsv, layout-x86_64.txt). README.md beside this file says how to
accept a change.

  abi.py symbols  --include DIR                         the exported functions, one a line
  abi.py check    --include DIR --abi DIR --library SO  map = headers = nm = symbols.tsv
  abi.py probe    --include DIR                         C source that prints the layout
  abi.py inits    --include DIR                         C source that compares INIT macros with functions
  abi.py named    --include DIR --files FILE...         every exported function is named in one of the files
  abi.py faulted  --include DIR --files FILE... --exempt FILE    every fallible one has a case in tests/fault
"""
import argparse
import pathlib
import re
import subprocess
import sys


def preprocess(include, macros=False):
    """modellab.h after the preprocessor (only our own text), or its macros."""
    flags = ["-dM"] if macros else ["-P"]
    out = subprocess.run(["cc", "-std=c11", "-E", *flags, "-I", include, "-include", "stddef.h", "-include",
                          "stdint.h", "-x", "c", "-"], input="#include <modellab/modellab.h>\n",
                         capture_output=True, text=True, check=True).stdout
    return out


def functions(include):
    text = preprocess(include)
    names = re.findall(r'__attribute__\(\(visibility\("default"\)\)\)[^;{]*?\b(modellab_\w+)\s*\(', text)
    doubles = {n for n in names if names.count(n) > 1}
    if doubles:
        sys.exit(f"declared twice: {sorted(doubles)}")
    return sorted(names)


def structs(include):
    """name -> list of field names, for every struct whose fields are public."""
    text = preprocess(include)
    found = {}
    for name, body in re.findall(r"typedef\s+struct\s+(modellab_\w+)\s*\{(.*?)\}\s*\1\s*;", text, re.S):
        fields = []
        for member in body.split(";"):
            member = re.sub(r"\[[^\]]*\]", "", member).strip()
            if not member:
                continue
            pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", member)
            if pointer:
                fields.append(pointer.group(1))
            else:
                fields += [re.search(r"(\w+)\s*$", part).group(1) for part in member.split(",")]
        found[name] = fields
    return found


def enumerators(include):
    text = preprocess(include)
    names = []
    for body in re.findall(r"enum\s*\w*\s*\{(.*?)\}", text, re.S):
        names += re.findall(r"\b(MODELLAB_\w+)\s*(?==|,|$)", body)
    return [n for n in names if not n.endswith("_END_")]


def probe(include):
    lines = ["#include <modellab/modellab.h>", "#include <stdio.h>", "int main(void)", "{"]
    for name, fields in sorted(structs(include).items()):
        lines.append(f'    printf("struct {name} %zu\\n", sizeof({name}));')
        for field in fields:
            lines.append(f'    printf("  {field} %zu %zu\\n", offsetof({name}, {field}), '
                         f'sizeof((({name} *)0)->{field}));')
    for name in enumerators(include):
        lines.append(f'    printf("enum {name} %lld\\n", (long long){name});')
    lines += ["    return 0;", "}"]
    return "\n".join(lines)


def inits(include):
    macros = preprocess(include, macros=True)
    available = set(functions(include))
    lines = ["#include <modellab/modellab.h>", "#include <stdio.h>", "#include <string.h>",
             "int main(void)", "{", "    int failed = 0;"]
    count = 0
    for name in sorted(structs(include)):
        macro = name.upper() + "_INIT"
        function = name + "_init"
        if f"#define {macro} " in macros and function in available:
            count += 1
            lines += ["    {", f"        {name} a = {macro};", f"        {name} b;",
                      "        memset(&b, 0x5a, sizeof b);", f"        {function}(&b, sizeof b);",
                      "        if (memcmp(&a, &b, sizeof a) != 0) {",
                      f'            printf("{macro} and {function}() disagree\\n");',
                      "            failed = 1;", "        }", "    }"]
        elif f"#define {macro} " in macros and re.search(r"_options$|_filter$", name):
            sys.exit(f"{macro} has no function {function}()")
    lines += [f'    printf("{count} INIT macros compared\\n");', "    return failed;", "}"]
    return "\n".join(lines)


def map_symbols(abi):
    text = pathlib.Path(abi, "modellab.map").read_text(encoding="utf-8")
    text = re.sub(r"#.*", "", text)
    if "*" in text.replace("local: *;", ""):
        sys.exit("modellab.map: a wildcard outside `local: *;`")
    return sorted(re.findall(r"\b(modellab_\w+);", text))


def table_symbols(abi):
    rows = [line.split("\t") for line in
            pathlib.Path(abi, "symbols.tsv").read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")]
    bad = [row[0] for row in rows if len(row) != 4]
    if bad:
        sys.exit(f"symbols.tsv: not four columns: {bad}")
    return sorted(row[0] for row in rows if row[3] == "-")


def library_symbols(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True,
                         check=True).stdout
    rows = [line.split() for line in out.splitlines()]
    data = [row[2] for row in rows if row[1] not in "TA"]
    if data:
        sys.exit(f"exported, but not a function: {data}")
    return sorted(row[2].split("@")[0] for row in rows if row[1] == "T")


def check(include, abi, library):
    sets = {"headers": functions(include), "modellab.map": map_symbols(abi),
            "symbols.tsv": table_symbols(abi), "library": library_symbols(library)}
    wrong = 0
    everything = sorted(set().union(*sets.values()))
    for symbol in everything:
        missing = [where for where, names in sets.items() if symbol not in names]
        if missing:
            wrong += 1
            print(f"{symbol}: not in {', '.join(missing)}")
    print(f"{len(everything)} symbols compared in headers, map, symbols.tsv and library; {wrong} differ")
    return 1 if wrong else 0


def named(include, files):
    text = "\n".join(pathlib.Path(f).read_text(encoding="utf-8") for f in files)
    words = set(re.findall(r"\bmodellab_\w+", re.sub(r"/\*.*?\*/", "", text, flags=re.S)))
    missing = [name for name in functions(include) if name not in words]
    for name in missing:
        print(f"{name}: in none of the {len(files)} files")
    print(f"{len(functions(include))} functions looked for; {len(missing)} are missing")
    return 1 if missing else 0


def fallible(include):
    """Public functions whose result must be looked at."""
    names = []
    for header in sorted(pathlib.Path(include, "modellab").glob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.S)
        names += re.findall(r"MODELLAB_MUST_CHECK\s+modellab_status\s+(modellab_\w+)\s*\(", text)
    return names


def faulted(include, files, exempt):
    """Every fallible function is called in a file of tests/fault, or exempt with a reason."""
    text = "\n".join(pathlib.Path(f).read_text(encoding="utf-8") for f in files)
    called = set(re.findall(r"\b(modellab_\w+)\s*\(", re.sub(r"/\*.*?\*/", "", text, flags=re.S)))
    lines = [line.split("\t") for line in pathlib.Path(exempt).read_text(encoding="utf-8").splitlines()
             if line and not line.startswith("#")]
    excused = {line[0] for line in lines if len(line) == 2 and line[1].strip()}
    names = fallible(include)
    wrong = [f"{name}: no case in which its allocations fail" for name in names if name not in called | excused]
    wrong += [f"{line[0]}: exempt without a reason" for line in lines if line[0] not in excused]
    wrong += [f"{name}: exempt, and no such function" for name in sorted(excused - set(names))]
    wrong += [f"{name}: exempt, and called" for name in sorted(excused) if name in called]
    print("\n".join(wrong + [f"{len(names)} fallible functions, {len(excused)} exempt; {len(wrong)} findings"]))
    return 1 if wrong or len(names) < 50 else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["symbols", "check", "probe", "inits", "named", "faulted"])
    parser.add_argument("--exempt")
    parser.add_argument("--files", nargs="+", default=[])
    parser.add_argument("--include", required=True)
    parser.add_argument("--abi")
    parser.add_argument("--library")
    args = parser.parse_args()
    if args.command == "symbols":
        print("\n".join(functions(args.include)))
    elif args.command == "probe":
        print(probe(args.include))
    elif args.command == "inits":
        print(inits(args.include))
    elif args.command == "named":
        return named(args.include, args.files)
    elif args.command == "faulted":
        return faulted(args.include, args.files, args.exempt)
    else:
        return check(args.include, args.abi, args.library)
    return 0


if __name__ == "__main__":
    sys.exit(main())
