"""Plants one violation of each rule of scripts/lint (and of the compiler's floor walls) and expects each
to be found; the clean tree must pass, so that no rule is red by itself."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser()
parser.add_argument("--lint", required=True)
parser.add_argument("--source", required=True)
parser.add_argument("--rooms", required=True)
parser.add_argument("--cc", default="cc")
args = parser.parse_args()
HEAD = "/* A planted file.\n * It breaks one rule. */\n"
PUBLIC = HEAD + "#include <modellab/export.h>\n"
CASES = [
    ("a higher floor", "src/base/x.c", '#include "lab/lab.h"\n'),
    ("a room of the same floor", "src/log/x.c", '#include "track/gpu.h"\n'),
    ("a relative path", "src/lab/x.c", '#include "../base/alloc.h"\n'),
    ("cblas outside kernels", "src/nn/x.c", "#include <cblas.h>\n"),
    ("sqlite outside store", "src/lab/x.c", "#include <sqlite3.h>\n"),
    ("curl outside remote", "src/models/x.c", "#include <curl/curl.h>\n"),
    ("unistd outside os", "src/store/x.c", "#include <unistd.h>\n"),
    ("a system header outside os", "src/lab/x.c", "#include <sys/wait.h>\n"),
    ("a program that sees a room", "src/cli/x.c", '#include "lab/lab.h"\n'),
    ("a banned call", "src/lab/x.c", "void f(void)\n{\n    abort();\n}\n"),
    ("printing", "src/api/x.c", 'void f(void)\n{\n    printf("x");\n}\n'),
    ("a call of the floor above", "src/lab/x.c", "void f(void)\n{\n    modellab_lab_unref(0);\n}\n"),
    ("bare allocation", "src/text/x.c", "void *f(void)\n{\n    return malloc(1);\n}\n"),
    ("a fallible static function unchecked", "src/text/x.c", "static modellab_status do_it(void) { return 0; }\n"),
    ("a fallible prototype unchecked", "src/text/x.h", "modellab_status mli_x_do(void);\n"),
    ("a public header with bool", "include/modellab/x.h", "bool f;\n"),
    ("a public header with a bitfield", "include/modellab/x.h", "struct x {\n    int a : 3;\n};\n"),
    ("a public function without contract", "include/modellab/x.h", "MODELLAB_API int32_t modellab_x(void);\n"),
    ("a foreign public include", "include/modellab/x.h", "#include <stdio.h>\n"),
    ("no opening comment", "src/text/x.c", None),
    ("a mark of unfinished work", "src/text/x.c", "/* TO" + "DO later */\n"),
    ("a path of a machine", "src/text/x.c", 'const char *f = "/ro' + 'ot/x";\n'),
    ("a variable of tests that the table lacks", "tests/crash/x.c", 'const char *f = "MODEL_LAB_' + 'UNLISTED_RUNS";\n'),
    ("one of a script", "scripts/x", "echo $MODEL_LAB_" + "UNLISTED\n"),
    ("an address in a lock file", "examples/web/package-lock.json", '{"resolved": "x"}\n'),
    ("a registry in settings of npm", "tests/contract/.npmrc", "registry=https://registry.example.com\n"),
    ("a registry in requirements", "tests/requirements.txt", "--index-url x\n"),
    ("too long a file", "src/text/x.c", "int a;\n" * 501),
]


def lint(root):
    return subprocess.run([sys.executable, args.lint, "--root", root], capture_output=True, text=True)


failed = 0
for what, name, text in CASES:
    with tempfile.TemporaryDirectory() as root:
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True)
        path.write_text(HEAD, encoding="utf-8")
        if lint(root).returncode != 0:
            print(f"red without a violation: {name}")
            failed += 1
        path.write_text("int a;\n" if text is None else HEAD + text, encoding="utf-8")
        found = lint(root).returncode == 1
        print(f"{'found' if found else 'NOT FOUND'}: {what}")
        failed += not found


def compiles(room, code):
    return subprocess.run([args.cc, "-std=c11", "-Wunused-result", "-Werror", "-c", "-o", "/dev/null", "-x", "c", "-I",
                           f"{args.rooms}/{room}", "-I", f"{args.source}/include", "-"], input=code,
                          capture_output=True, text=True).returncode == 0


# The compiler's own walls: include paths, and results that must be looked at.
for what, room, code, expected in [
        ("a lower floor is seen", "base", '#include "os/file.h"\n', True),
        ("a higher floor is not", "base", '#include "lab/state.h"\n', False),
        ("a neighbour is not", "log", '#include "track/gpu.h"\n', False),
        ("a looked-at result", "lab", '#include "base/error.h"\n#include "base/buf.h"\n'
         "int f(mli_buf *b);\nint f(mli_buf *b)\n{\n    return mli_buf_status(b, 0);\n}\n", True),
        ("an ignored internal result", "lab", '#include "base/buf.h"\nvoid f(mli_buf *b);\nvoid f(mli_buf *b)\n{\n'
         "    mli_buf_status(b, 0);\n}\n", False),
        ("an ignored public result", "api", "#include <modellab/types.h>\nvoid f(void);\nvoid f(void)\n{\n"
         "    modellab_cancel_create(0, 0, 0);\n}\n", False),
        ("an ignored result of os", "lab", '#include "os/file.h"\nvoid f(void);\nvoid f(void)\n{\n'
         '    mli_os_sync_dir(0, "x");\n}\n', False)]:
    right = compiles(room, code) == expected
    print(f"{'right' if right else 'WRONG'}: {what}")
    failed += not right
print(f"{len(CASES)} planted violations, {failed} not as they should be")
sys.exit(1 if failed else 0)
