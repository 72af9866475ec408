"""What the tests of the server share: a server of its own lab on a free loopback port, requests, raw
sockets, the log, and a main() that runs the test_* functions of a module.

  import kit
  def test_something(server):            # a running kit.Server
      reply = server.get("/livez")
      kit.equal(reply.status, 200)
  if __name__ == "__main__":
      kit.main(globals())                # argv: program, folder of the sources

Waiting is for a sign, with a patience of ten minutes; nothing asserts how long anything takes.
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 600  # seconds until a sign that does not come is a failure
PROGRAM = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
SOURCES = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
BINARIES = PROGRAM.parent if PROGRAM else None
API = "/api/v1"


class Skip(Exception):
    """The machine lacks something; the text says what."""


def equal(have, want, what=""):
    if have != want:
        raise AssertionError(f"{what or 'value'} is {have!r}, not {want!r}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def wait_for(sign, what, patience=PATIENCE):
    """The first true value of sign(), looked at every 20 ms."""
    end = time.monotonic() + patience
    while True:
        value = sign()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"no sign within {patience} s: {what}")
        time.sleep(0.02)


def models():
    """Folder of installed models; Skip without them."""
    folder = os.environ.get("MODEL_LAB_TEST_MODELS")
    if not folder or not pathlib.Path(folder).is_dir():
        raise Skip("MODEL_LAB_TEST_MODELS names no folder of models")
    return pathlib.Path(folder)


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        return self.headers.get(name)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Server:
    """A server process. `settings`: MODEL_LAB_* without their prefix, e.g. HTTP_HEAD_SECONDS=1."""

    def __init__(self, *arguments, root=None, testing=True, start=True, **settings):
        self.folder = None if root else pathlib.Path(tempfile.mkdtemp(prefix="modellab-server-"))
        self.root = pathlib.Path(root) if root else self.folder / "lab"
        home = self.folder or self.root.parent
        self.log_path = home / f"server-{os.getpid()}.log"
        self.arguments = [str(a) for a in arguments]
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("MODEL_LAB_HTTP_")}
        self.environment.update(MODEL_LAB_ROOT=str(self.root), MODEL_LAB_HTTP_PORT="0", MODEL_LAB_HTTP_WARM="0", MODEL_LAB_MIN_FREE_BYTES="0",
                                MODEL_LAB_TESTING="1" if testing else "0", XDG_CONFIG_HOME=str(home / "config"),
                                MODEL_LAB_WORKER=str(BINARIES / "modellab-worker"))
        self.environment["TMPDIR"] = str(home)
        self.environment.setdefault("MODEL_LAB_CACHE_ROOT", str(home / "cache"))
        self.environment.update({f"MODEL_LAB_{name}": str(value) for name, value in settings.items()})
        self.process = None
        self.host, self.port = "127.0.0.1", 0
        self.key = None  # sent as a bearer token when set
        if start:
            self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(PROGRAM), *self.arguments], stdout=subprocess.PIPE, stderr=log,
                                            env=self.environment, cwd=self.log_path.parent)
        line = self.process.stdout.readline().decode()
        if not line.startswith("modellab-server: http://"):
            self.process.wait()
            raise AssertionError(f"the server did not start: {line!r} {self.log_text()[-2000:]}")
        address = line.split("//", 1)[1].strip().rstrip("/")
        self.host, port = address.rsplit(":", 1)
        self.host, self.port = self.host.strip("[]"), int(port)
        return self

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
        return self.process.returncode if self.process else None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        try:
            code = self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server did not stop; the end of its log:\n" + self.log_text()[-4000:]) from None
        finally:
            if self.process:
                self.process.stdout.close()
            text = self.log_text()
            if self.folder:
                shutil.rmtree(self.folder, ignore_errors=True)
        if code not in (0, -signal.SIGKILL):
            raise AssertionError(f"the server ended with {code}; the end of its log:\n{text[-4000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # requests
    def request(self, method, path, body=None, headers=None, json_body=None):
        headers = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body).encode()
            headers.setdefault("Content-Type", "application/json")
        if self.key and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.key}"
        with contextlib.closing(http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)) as connection:
            try:
                connection.request(method, path, body=body, headers=headers, encode_chunked="Transfer-Encoding" in headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # answered before the whole body was sent: the answer is there
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())

    def get(self, path, **headers):
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path, json_body=None, **options):
        return self.request("POST", path, json_body=json_body, **options)

    def multipart(self, path, parts, headers=None, method="POST"):
        """parts: (name, filename or None, type or None, bytes)"""
        boundary = "kit-boundary-7f3a"
        body = b""
        for name, filename, kind, data in parts:
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
            if filename is not None:
                head += f'; filename="{filename}"'
            if kind is not None:
                head += f"\r\nContent-Type: {kind}"
            body += head.encode() + b"\r\n\r\n" + data + b"\r\n"
        body += f"--{boundary}--\r\n".encode()
        headers = {**(headers or {}), "Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.request(method, path, body=body, headers=headers)

    def connect(self):
        plain = socket.create_connection((self.host, self.port), timeout=PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain

    def raw(self, data, until_end=True):
        """Sends bytes on a connection of its own; all that comes back until the server closes."""
        with self.connect() as plain:
            try:
                plain.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused early
            return read_all(plain) if until_end else plain.recv(65536)

    # the log
    def log_text(self):
        try:
            return self.log_path.read_text(errors="replace")
        except OSError:
            return ""

    def log_lines(self, **fields):
        """Lines of the log as objects, those whose fields are these."""
        lines = []
        for line in self.log_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if all(entry.get(name) == value for name, value in fields.items()):
                lines.append(entry)
        return lines

    def status(self, name):
        """A line of /proc/PID/status in kB or as a number."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        return 0

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def read_all(plain):
    data = b""
    while True:
        try:
            more = plain.recv(65536)
        except ConnectionResetError:
            return data
        if not more:
            return data
        data += more


def read_all_chunked(plain):
    """What comes until the last chunk, or until the server closes."""
    data = b""
    while not data.endswith(b"\r\n0\r\n\r\n"):
        more = plain.recv(65536)
        if not more:
            break
        data += more
    return data


def read_head(plain):
    """Head of a reply from a raw socket: (status line and headers as text, what came behind it)."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = plain.recv(65536)
        if not more:
            raise AssertionError(f"the connection ended within the head: {data!r}")
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    return head.decode(), rest


def main(names):
    """Runs each test_* of a module in the order of the file: with a server where it asks for one (the same for all)."""
    if PROGRAM is None:
        sys.exit("usage: TEST.py modellab-server SOURCES [pattern]")
    pattern = sys.argv[3] if len(sys.argv) > 3 else ""
    tests = [value for name, value in names.items() if name.startswith("test_") and callable(value) and pattern in name]
    shared, failed, skipped = None, 0, 0
    for test in tests:
        wants = "server" in test.__code__.co_varnames[:test.__code__.co_argcount]
        try:
            if wants and (shared is None or shared.process.poll() is not None):
                shared = Server(**names.get("SETTINGS", {}))
            test(shared) if wants else test()
            print(f"ok      {test.__name__}", flush=True)
        except Skip as why:
            skipped += 1
            print(f"skipped {test.__name__}: {why}", flush=True)
        except Exception as error:  # noqa: BLE001 - every failure is told, and the next test runs
            failed += 1
            import traceback
            traceback.print_exc()
            print(f"FAILED  {test.__name__}: {error}", flush=True)
            if shared is not None:
                print("end of the log:\n" + shared.log_text()[-2000:], flush=True)
    if shared is not None:
        try:
            shared.close()
        except AssertionError as error:
            failed += 1
            print(f"FAILED  stop: {error}")
    sys.exit(1 if failed else 77 if skipped == len(tests) else 0)
