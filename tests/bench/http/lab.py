"""What the parts of scripts/bench http share: a lab of real runs made over HTTP, servers on it, nginx with a file, wrk, percentiles,
rows of the table. Servers run with what users get by default; what differs is said in the row."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "server"))
import kit  # noqa: E402 - the folder of the server's tests

PIPELINE = {"pipeline": "ingest", "labels": {"project": "bench"}}


def wav(seconds, rate=16000):
    frames = int(seconds * rate)
    samples = struct.pack(f"<{frames}h", *((i % 200) - 100 for i in range(frames)))
    return (b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16) + b"data" + struct.pack("<I", len(samples)) + samples)


def sample(times=1):
    """The conversation of the catalog, that often one after the other."""
    data = (kit.models() / "sample-conversation" / "sample.wav").read_bytes()
    begin = data.index(b"data") + 8
    body = data[begin:] * times
    return b"RIFF" + struct.pack("<I", begin - 8 + len(body)) + data[8:begin - 4] + struct.pack("<I", len(body)) + body


def form(request, audio, name="talk.wav"):
    """(type, body) of a submission."""
    mark = "bench-boundary-51c2"
    body = (f'--{mark}\r\nContent-Disposition: form-data; name="request"\r\nContent-Type: application/json\r\n\r\n'
            f'{json.dumps(request)}\r\n--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: audio/wav\r\n\r\n").encode() + audio + f"\r\n--{mark}--\r\n".encode()
    return f"multipart/form-data; boundary={mark}", body


class Client:
    """One connection that is kept."""

    def __init__(self, server, key=None):
        self.http = http.client.HTTPConnection(server.host, server.port, timeout=kit.PATIENCE)
        self.key = key

    def ask(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key:
            headers["Authorization"] = "Bearer " + self.key
        self.http.request(method, path if path.startswith("/livez") else kit.API + path, body=body, headers=headers)
        reply = self.http.getresponse()
        return reply.status, reply.read(), reply.headers

    def submit(self, request, audio, **headers):
        kind, body = form(request, audio)
        status, text, _ = self.ask("POST", "/runs", body, Content_Type=kind, **headers)
        if status not in (200, 202):
            raise AssertionError(f"a submission was answered by {status}: {text[:300]!r}")
        return json.loads(text)

    def close(self):
        self.http.close()


def make_runs(server, count, clients=8):
    """Runs that have ended, each submitted over HTTP and waited for; their ids."""
    audio = wav(1)

    def some(share):
        client = Client(server)
        made = [client.submit(PIPELINE, audio, Prefer="wait=600") for _ in range(share)]
        client.close()
        bad = [run for run in made if run["status"] != "COMPLETED"]
        kit.true(not bad, f"runs of the lab that did not complete: {bad[:1]}")
        return [run["run_id"] for run in made]

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        shares = [count // clients + (i < count % clients) for i in range(clients)]
        return [run for ids in pool.map(some, shares) for run in ids]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Nginx:
    """Serves one body, with the headers that our reply has and nginx would not send by itself."""

    OWN = {"date", "connection", "content-length", "content-type", "etag", "server", "last-modified", "transfer-encoding"}

    def __init__(self, folder, files, logs):
        """files: name -> (type, headers, bytes)"""
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        for part in ("logs", "www", "tmp"):
            (folder / part).mkdir(parents=True)
        places = ""
        for name, (kind, headers, body) in files.items():
            (folder / "www" / name).write_bytes(body)
            lines = "".join(f'add_header {key} "{value}" always;\n' for key, value in headers.items() if key.lower() not in self.OWN)
            places += f"location = /{name} {{ types {{ }} default_type {kind.split(';')[0]}; {lines} }}\n"
        self.port = free_port()
        user = "user root;\n" if os.geteuid() == 0 else ""
        temporary = "".join(f"{what}_temp_path tmp/{what};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(
            f"{user}daemon off; worker_processes 2; pid nginx.pid; error_log logs/error.log;\n"
            "events { worker_connections 4096; }\n"
            f"http {{ {temporary} access_log {'logs/access.log' if logs else 'off'}; sendfile on; tcp_nopush on; keepalive_requests 100000000;\n"
            "open_file_cache max=100; gzip on; gzip_comp_level 5; gzip_min_length 1024; gzip_types application/json;\n"
            f"server {{ listen 127.0.0.1:{self.port} backlog=1024; root www;\n{places} }} }}\n")
        self.process = subprocess.Popen(["nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "logs/error.log"],
                                        stderr=subprocess.DEVNULL)
        self.host = "127.0.0.1"
        kit.wait_for(self.answers, "nginx answers", 60)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("nginx ended: " + (self.folder / "logs/error.log").read_text()[-500:])
        try:
            socket.create_connection((self.host, self.port), timeout=5).close()
            return True
        except OSError:
            return False

    def close(self):
        self.process.terminate()
        self.process.wait(60)


def has(program):
    return shutil.which(program) is not None


UNITS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}


class Wrk:
    """A run of wrk that has been started; result() is what it printed."""

    def __init__(self, server, path, seconds, connections=16, headers=(), script=None, arguments=()):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "60s"]
        for line in headers:
            command += ["-H", line]
        command += ["-s", str(script)] if script else []
        self.process = subprocess.Popen([*command, f"http://{server.host}:{server.port}{path}", *arguments], stdout=subprocess.PIPE, text=True)

    def result(self):
        text = self.process.communicate()[0]
        kit.true(self.process.returncode == 0, f"wrk failed: {text}")
        found = {"text": text, "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
                 "count": int(re.search(r"(\d+) requests in", text)[1]), "errors": 0, "socket_errors": 0}
        for share in (50, 99):
            line = re.search(rf"^\s+{share}%\s+([\d.]+)(us|ms|s|m)$", text, re.M)
            found[f"p{share}"] = float(line[1]) * UNITS[line[2]]
        if bad := re.search(r"Non-2xx or 3xx responses: (\d+)", text):
            found["errors"] += int(bad[1])
        if bad := re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text):
            found["socket_errors"] = sum(int(n) for n in bad.groups())
            found["errors"] += found["socket_errors"]
        return found


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))] if ordered else float("nan")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_sanitized(server):
    """Built with a sanitizer: its shadow is terabytes of addresses, and freed memory is kept for a while; growth says nothing then."""
    return server.status("VmSize") > 10**9


def load():
    return " ".join(pathlib.Path("/proc/loadavg").read_text().split()[:3])


class Table:
    """Rows are printed as they come, and those of figures with bars again at the end."""

    def __init__(self):
        self.bars, self.failed = [], []

    def line(self, text):
        print(text, flush=True)

    def bar(self, what, have, want, met):
        self.bars.append((what, have, want, met))
        if not met:
            self.failed.append(what)

    def goal(self, what, have, want):
        """Printed, and no failure: ratios of speed move with the machine."""
        self.bars.append((what, f"{have:.3f}", f"goal {want}", have >= want))

    def end(self):
        self.line(f"\n{'bar':<52} {'measured':>12} {'wanted':>12}")
        for what, have, want, met in self.bars:
            self.line(f"{what:<52} {have:>12} {want:>12}{'' if met else '  missed'}")
