"""Planted breaks of the ABI: each must be found by abi.py, else its check is blind."""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser()
for name in ("abi", "include", "library"):
    parser.add_argument("--" + name, required=True)
args = parser.parse_args()


def outcome(include, abi):
    return subprocess.run([sys.executable, str(pathlib.Path(args.abi, "abi.py")), "check", "--include", include,
                           "--abi", abi, "--library", args.library], capture_output=True, text=True).returncode


def layout(include):
    return subprocess.run([sys.executable, str(pathlib.Path(args.abi, "abi.py")), "probe", "--include", include],
                          capture_output=True, text=True, check=True).stdout


def plant(what, edit):
    with tempfile.TemporaryDirectory() as folder:
        include, abi = pathlib.Path(folder, "include"), pathlib.Path(folder, "abi")
        shutil.copytree(args.include, include)
        shutil.copytree(args.abi, abi)
        edit(include, abi)
        if outcome(str(include), str(abi)) == 0 and layout(str(include)) == layout(args.include):
            print(f"not found: {what}")
            return 1
        print(f"found: {what}")
        return 0


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    if old not in text:
        sys.exit(f"{path.name}: the text to plant a break in is gone: {old}")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def append(path, text):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


if outcome(args.include, args.abi) != 0:
    sys.exit("the unchanged ABI does not pass its own check")
failed = plant("a function in the headers alone", lambda i, a: replace(
    i / "modellab/version.h", "MODELLAB_END_DECLS", "MODELLAB_API int32_t modellab_planted(void);\nMODELLAB_END_DECLS"))
failed += plant("a symbol in the map alone", lambda i, a: replace(
    a / "modellab.map", "global:", "global:\n        modellab_planted;"))
failed += plant("a symbol in symbols.tsv alone", lambda i, a: append(
    a / "symbols.tsv", "modellab_planted\t0.1\t-\t-\n"))
failed += plant("a wildcard in the map", lambda i, a: replace(
    a / "modellab.map", "global:", "global:\n        modellab_*;"))
failed += plant("a field in the middle of a struct", lambda i, a: replace(
    i / "modellab/status.h", "int32_t os_error;", "int32_t planted; int32_t os_error;"))
with tempfile.TemporaryDirectory() as folder:
    lonely = pathlib.Path(folder, "lonely.c")
    lonely.write_text("/* modellab_run_load(); */ int main(void) { return modellab_version_number(); }\n")
    unnamed = subprocess.run([sys.executable, str(pathlib.Path(args.abi, "abi.py")), "named", "--include", args.include,
                              "--files", str(lonely)], capture_output=True, text=True)
    if unnamed.returncode == 0 or "modellab_run_load:" not in unnamed.stdout or "_number:" in unnamed.stdout:
        print("not found: a function that stands in a comment only")
        failed += 1
    else:
        print("found: a function that stands in a comment only")
sys.exit(1 if failed else 0)
