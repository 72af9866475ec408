"""The web client in a browser, against a real server with real models: the scripts beside this file do the work, each in a test
of its own. Skipped, with the reason, where the client is not built or there is no browser."""
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
        where = [server.url, str(tools), browser, str(sample), str(webm), str(out), key]
        done = subprocess.run(["node", str(pathlib.Path(__file__).with_name(script)), *where], check=False)
        kit.equal(done.returncode, 0, f"exit code of {script}")


def test_pages():
    with kit.Server(MODELS_ROOT=kit.models()) as server:
        drive("drive.mjs", server)


def test_reload():
    with kit.Server(MODELS_ROOT=kit.models()) as server:
        drive("reload.mjs", server)


if __name__ == "__main__":
    kit.main(globals())
