"""The web client in a browser, against a real server with real models: the scripts beside this file do the work, each in a test
of its own. Skipped, with the reason, where the client is not built or there is no browser."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "server"))
import kit  # noqa: E402


def drive(script, server, key=""):
    """Runs a script in node against a server."""
    tools = kit.SOURCES / "examples" / "web"
    browser = shutil.which("chromium")
    if not (kit.BINARIES / "web" / "index.html").is_file():
        raise kit.Skip("the web client is not built")
    if not (tools / "node_modules" / "playwright-core").is_dir() or not shutil.which("node"):
        raise kit.Skip("node or playwright-core is not installed")
    if not browser:
        raise kit.Skip("there is no chromium")
    sample = kit.models() / "sample-conversation" / "sample.wav"
    if not sample.is_file():
        raise kit.Skip("the model sample-conversation is not installed")
    with tempfile.TemporaryDirectory() as folder:
        webm = pathlib.Path(folder) / "film.webm"
        webm.write_bytes(bytes.fromhex("1a45dfa3") + b"\x01\0\0\0\0\0\0\x1f" + b"webm" * 8)
        out = kit.BINARIES.parent / "screenshots"
        where = ["node", str(pathlib.Path(__file__).with_name(script)), server.url, str(tools), browser, str(sample), str(webm), str(out), key]
        with subprocess.Popen(where, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
            for line in node.stdout:
                obey(line.strip(), server, node) if line.startswith("@") else print(line, end="", flush=True)
        kit.equal(node.returncode, 0, f"exit code of {script}")


def obey(wish, server, node):
    """What a script asks for that a browser cannot do: the server goes away, and comes back at the same port."""
    if wish == "@stop":
        server.stop()
        server.process.stdout.close()
    else:
        kit.equal(wish, "@start", "wish of a script")
        server.environment["MODEL_LAB_HTTP_PORT"] = str(server.port)
        server.start()
    node.stdin.write("done\n")
    node.stdin.flush()


def test_pages():
    with kit.Server(MODELS_ROOT=kit.models()) as server:
        drive("drive.mjs", server)


def test_reload():
    with kit.Server(MODELS_ROOT=kit.models()) as server:
        drive("reload.mjs", server)


def test_queue():
    """One worker, whose runs work until they are cancelled."""
    with kit.Server(MODELS_ROOT=kit.models(), MAX_WORKERS="1", SHORT_WORKERS="0", FAIL_STEP="asr:wait_windows") as server:
        drive("queue.mjs", server)


def test_live():
    with kit.Server(MODELS_ROOT=kit.models()) as server:
        drive("live.mjs", server)


def test_keys():
    """Keys are on. The script gets three: of an administrator, one to work with, and one for afterwards."""
    with kit.Server(MODELS_ROOT=kit.models(), HTTP_KEYS="on", HTTP_RATE="6000") as server:
        made = [make_key(server, scopes) for scopes in ("admin", "runs:read,runs:write", "runs:read,runs:write")]
        drive("keys.mjs", server, json.dumps(made))
        lines = [json.loads(line) for line in server.log_text().splitlines() if line.startswith("{")]
        sounds = {line["request_id"] for line in lines if line.get("operation") == "getRunAudio"}
        codes = {line["status"] for line in lines if line["event"] == "http.end" and line["request_id"] in sounds}
        kit.true(206 in codes and 401 not in codes, f"the sound was not fetched in ranges: {codes}")


def make_key(server, scopes):
    said = subprocess.run([str(kit.BINARIES / "modellab"), "key", "create", "--json", "--lab", str(server.root),
                           "--scopes", scopes, "--user", "ann"], env=server.environment, stdout=subprocess.PIPE, check=True).stdout
    return json.loads(said)


if __name__ == "__main__":
    kit.main(globals())
