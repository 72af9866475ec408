"""The curl examples of docs/http.md do what they say: each block is run as it stands, in order, in one shell that stops at the first
line that fails."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import contract
import kit


def served_blocks(text):
    """Blocks all of whose operations the server has; the others are told (contract.NOT_SERVED)."""
    known = [re.compile(re.sub(r"\{\w+\}", "[^/]+", line["path"]) + "$") for line in contract.table().values()]
    set_before = {"S"}
    for block in re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S):
        missing = [path for path in re.findall(r"\$S(/[^\s\"?)]*)", block) if not any(pattern.match(path) for pattern in known)]
        missing += [f"${name}" for name in re.findall(r"\$([a-z]+|S)\b", block) if name not in set_before and f"{name}=$(" not in block]
        if missing and contract.NOT_SERVED:
            print("left out, not served:", *missing)
        else:
            set_before |= set(re.findall(r"^(\w+)=\$\(", block, re.M))
            yield block


def test_examples():
    for program in ("curl", "jq", "bash"):
        if not shutil.which(program):
            raise kit.Skip(f"{program} is not installed")
    kit.models()
    blocks = list(served_blocks((kit.SOURCES / "docs/http.md").read_text(encoding="utf-8")))
    kit.true(len(blocks) >= 3, "there are examples")
    with tempfile.TemporaryDirectory() as folder, kit.Server() as server:
        kit.wait_for(lambda: server.get("/readyz").status == 200, "the server is ready")
        contract.clip(pathlib.Path(folder) / "talk.wav", 6)
        # Every line must succeed, also within $(...) and before a pipe; head may leave the stream early.
        script = "set -euo pipefail\nshopt -s inherit_errexit\nset -v\n" + "\n".join(re.sub(r"\| head -(\d+)", r"| sed -n '1,\1p;'", block) for block in blocks)
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=folder, env={**os.environ, "S": server.url}, timeout=600, check=False)
        kit.equal(done.returncode, 0, f"exit code of\n{done.stderr[-3000:]}\n{done.stdout[-2000:]}\n")
        kit.true("MODELLAB" not in done.stdout, "no status of the library is shown")
        files = {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}
        for name, begin in (("head.bin", b"RIFF"), ("bundle.zip", b"PK"), ("hello.wav", b"RIFF")):
            kit.true(name not in "".join(blocks) or files[name].startswith(begin), f"{name} is what it says")
        kit.equal(len(files.get("head.bin", bytes(1024))), 1024, "bytes of a range")


if __name__ == "__main__":
    kit.main(globals())
