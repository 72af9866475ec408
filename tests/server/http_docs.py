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


def test_examples():
    for program in ("curl", "jq", "bash"):
        if not shutil.which(program):
            raise kit.Skip(f"{program} is not installed")
    kit.models()
    blocks = re.findall(r"^```sh\n(.*?)^```$", (kit.SOURCES / "docs/http.md").read_text(encoding="utf-8"), re.M | re.S)
    kit.true(len(blocks) >= 8, "there are examples")
    with tempfile.TemporaryDirectory() as folder, kit.Server() as server:
        contract.clip(pathlib.Path(folder) / "talk.wav", 6)
        # Every line must succeed, also within $(...) and before a pipe; head may leave the stream early.
        script = "set -euo pipefail\nshopt -s inherit_errexit\nset -v\n" + "\n".join(re.sub(r"\| head -(\d+)", r"| sed -n '1,\1p;'", block) for block in blocks)
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=folder, env={**os.environ, "S": server.url}, timeout=600, check=False)
        kit.equal(done.returncode, 0, f"exit code of\n{done.stderr[-3000:]}\n{done.stdout[-2000:]}\n")
        kit.true("MODELLAB" not in done.stdout, "no status of the library is shown")
        files = {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}
        kit.equal(len(files["head.bin"]), 1024, "bytes of a range")
        kit.equal(files["bundle.zip"][:2], b"PK", "a bundle")
        kit.equal(files["hello.wav"][:4], b"RIFF", "speech")


if __name__ == "__main__":
    kit.main(globals())
