"""The library never calls what would hurt its host (DESIGN rule 1): nm -u must not name these. Nor is it linked to
OpenBLAS, whose start every process would pay for (src/kernels/blas.c loads it)."""
import subprocess
import sys

FORBIDDEN = {"fork", "vfork", "signal", "sigaction", "wait", "waitpid", "exit", "_exit", "abort", "setenv",
             "putenv", "unsetenv", "chdir", "fchdir", "system", "popen", "setlocale", "atexit", "umask", "printf",
             "puts", "putchar", "perror", "strtok", "rand", "srand", "gets", "sprintf", "strcpy", "strcat", "atoi",
             "__printf_chk", "__fprintf_chk", "__sprintf_chk", "__strcpy_chk", "__strcat_chk", "quick_exit"}


def imports(library):
    out = subprocess.run(["nm", "-D", "-u", library], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines()}


bad = sorted(imports(sys.argv[1]) & FORBIDDEN)
if "malloc" not in imports(sys.argv[1]):
    sys.exit("malloc is not among the imports: the list cannot be read, so this check is blind")
linked = subprocess.run(["readelf", "-d", sys.argv[1]], capture_output=True, text=True, check=True).stdout
if "(NEEDED)" not in linked:
    sys.exit("no needed library is listed: this check is blind")
bad += ["libopenblas (linked)"] if "libopenblas" in linked else []
print(f"forbidden imports: {', '.join(bad) if bad else 'none'}")
sys.exit(1 if bad else 0)
