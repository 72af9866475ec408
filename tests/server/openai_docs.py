"""The examples of docs/openai.md do what they say: the curl session in one shell that stops at the first line that fails, and the
program with the official client as it stands."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import kit

NEEDED = ("whisper-tiny.en", "piper-en_US-joe-medium", "cmudict")


def blocks(kind):
    text = (kit.SOURCES / "docs/openai.md").read_text(encoding="utf-8")
    found = re.findall(rf"^```{kind}\n(.*?)^```$", text, re.M | re.S)
    kit.true(found, f"docs/openai.md has {kind}")
    return found


def need():
    for name in NEEDED:
        if not (kit.models() / name).is_dir():
            raise kit.Skip(f"{name} is not installed")


def run(server, command):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env={**os.environ, "S": server.url}, check=False)
        kit.equal(done.returncode, 0, f"exit code of\n{done.stderr[-3000:]}\n{done.stdout[-2000:]}\n")
        return done.stdout, sorted(path.name for path in pathlib.Path(folder).iterdir())


def test_the_curl_session(server):
    need()
    for program in ("curl", "jq", "bash"):
        if not shutil.which(program):
            raise kit.Skip(f"{program} is not installed")
    said, files = run(server, ["bash", "-c", "set -euo pipefail\n" + "\n".join(blocks("sh"))])
    kit.equal(files, ["meeting.wav"])
    for part in ("whisper-1", "meeting begins", " --> ", '"word"', "transcript.text.delta", "transcript.text.done"):
        kit.true(part in said, (part, said))


def test_the_program(server):
    need()
    try:
        import openai  # noqa: F401 - the program imports it
    except ImportError:
        raise kit.Skip("the package openai is not installed (tests/requirements.txt)") from None
    said, files = run(server, [sys.executable, "-c", "\n".join(blocks("python"))])
    kit.equal(files, ["said.wav"])
    for part in ("meeting begins", "transcript.text.done", "voice There is no voice 'nobody'"):
        kit.true(part in said, (part, said))


def test_each_parameter_is_described(server):
    """Those of the contract, each in a row of its own."""
    text = (kit.SOURCES / "docs/openai.md").read_text(encoding="utf-8")
    rows = "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
    schemas = server.get("/api/v1/openapi.json").json["components"]["schemas"]
    for name in ("OpenaiTranscriptionForm", "OpenaiTranslationForm", "OpenaiSpeechRequest"):
        missing = [field for field in schemas[name]["properties"] if f"`{field}`" not in rows]
        kit.equal(missing, [], f"parameters of {name} without a description")


if __name__ == "__main__":
    kit.main(globals())
