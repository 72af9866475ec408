"""kill -9 of the server under load, again and again: no accepted run is lost, none is made twice, and a client that resumes by
Last-Event-ID sees each event once and in order."""
import http.client
import json
import pathlib
import subprocess
import tempfile
import threading
import time

import files
import kit

KILLS = 4  # one less than a run is tried when its worker dies with the server, by default: none can be lost
RUNS_A_KILL = 8  # accepted since the last one, before the next
SUBMITTERS = 3
REQUEST = {"pipeline": "ingest"}
BROKEN = (OSError, http.client.HTTPException, ValueError, AssertionError)


class Load:
    """Clients that submit, each run under a key of its own, which they repeat until they have an answer."""

    def __init__(self, server):
        self.server, self.lock, self.stopping = server, threading.Lock(), False
        self.accepted, self.answers, self.faults = {}, 0, []
        self.threads = [threading.Thread(target=self.submit, args=(number,)) for number in range(SUBMITTERS)]
        for thread in self.threads:
            thread.start()

    def submit(self, number):
        sound = files.wav(0.5)
        for count in range(100000):
            if self.stopping:
                return
            key, end = f"kill-{number}-{count}", time.monotonic() + kit.PATIENCE
            while True:
                try:
                    reply = self.server.multipart(f"{kit.API}/runs", [("request", None, "application/json", json.dumps(REQUEST).encode()),
                                                                      ("file", "a.wav", "audio/wav", sound)], {"Idempotency-Key": key})
                    if reply.status == 202:
                        with self.lock:
                            self.accepted[key] = reply.json["run_id"]
                        break
                    if reply.status not in (409, 503):  # of a server that was killed in the middle, or that stops
                        self.faults.append(f"{key}: {reply}")
                        return
                except BROKEN:
                    pass  # it was killed: the same key again
                if time.monotonic() > end:
                    self.faults.append(f"{key}: no answer within {kit.PATIENCE} s")
                    return
                time.sleep(0.05)

    def count(self):
        with self.lock:
            return len(self.accepted)

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()


class Follower:
    """A client of the stream of all events; comes back with the id of the last event that it has seen."""

    def __init__(self, server, resumes=True):
        self.server, self.resumes, self.stopping = server, resumes, False
        self.last, self.events, self.connections = "e0", [], 0  # from the first event on
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()

    def follow(self):
        while not self.stopping:
            try:
                self.connect()
            except BROKEN:
                time.sleep(0.05)

    def connect(self):
        with self.server.connect() as plain:
            head = f"GET {kit.API}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
            if self.last is not None and self.resumes:
                head += f"Last-Event-ID: {self.last}\r\n"
            plain.sendall(head.encode() + b"\r\n")
            text, rest = kit.read_head(plain)
            plain.settimeout(0.5)
            kit.true(text.startswith("HTTP/1.1 200"), text)
            self.connections += 1
            lines = b""
            while not self.stopping:
                rest, made = unchunked(rest)
                lines += made
                while b"\n\n" in lines:
                    block, lines = lines.split(b"\n\n", 1)
                    self.take(block.decode())
                try:
                    more = plain.recv(65536)
                except TimeoutError:
                    continue
                if not more:
                    return
                rest += more

    def take(self, block):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in fields and "id" in fields:
            event = json.loads(fields["data"])
            if "run_id" in event:
                self.events.append((event["run_id"], event["number"]))
            self.last = fields["id"]

    def stop(self):
        self.stopping = True
        self.thread.join()


def unchunked(data):
    """What is left, and what whole chunks hold."""
    made = b""
    while b"\r\n" in data:
        size, rest = data.split(b"\r\n", 1)
        length = int(size, 16)
        if len(rest) < length + 2:
            break
        made += rest[:length]
        data = rest[length + 2:]
    return data, made


def events_of(server, run_id):
    """As the library's own program tells them."""
    program = kit.BINARIES / "modellab"
    done = subprocess.run([program, "run", "events", run_id, "--json"], capture_output=True, text=True, env=server.environment, check=True)
    return [json.loads(line)["number"] for line in done.stdout.splitlines()]


def recorded_runs(server):
    """All runs of the lab, as the library's own program tells them."""
    done = subprocess.run([kit.BINARIES / "modellab", "run", "list", "--limit", "1000", "--json"], capture_output=True, text=True,
                          env=server.environment, check=True)
    return {run["run_id"]: run for run in json.loads(done.stdout)["runs"]}


def status_of(server, run_id):
    try:
        return json.loads((server.root / "runs" / run_id / "manifest.json").read_text())["status"]
    except OSError:
        return None


def check_stream(follower, expected):
    """Each event of each run once, in the order of its run."""
    seen = {}
    for run_id, number in follower.events:
        seen.setdefault(run_id, []).append(number)
    for run_id, numbers in expected.items():
        kit.equal(seen.get(run_id), numbers, f"events of {run_id} in the stream")


def test_kill_under_load():
    with tempfile.TemporaryDirectory(prefix="modellab-kill-") as folder:
        root = pathlib.Path(folder) / "lab"
        root.mkdir()
        server = kit.Server(root=root, start=False)
        server.environment["MODEL_LAB_HTTP_RATE"] = "0"
        server.start()
        server.environment["MODEL_LAB_HTTP_PORT"] = str(server.port)  # clients come back to the same address
        has_stream = server.request("HEAD", f"{kit.API}/events", headers={"Accept": "text/event-stream"}).status == 200
        load, follower = Load(server), Follower(server) if has_stream else None
        try:
            for _ in range(KILLS):
                goal = load.count() + RUNS_A_KILL
                kit.wait_for(lambda goal=goal: load.count() >= goal or load.faults, "runs are accepted")
                server.kill()
                server.process.stdout.close()
                server.start()
            load.stop()
            kit.equal(load.faults, [])
            runs = dict(load.accepted)
            kit.equal(len(set(runs.values())), len(runs), "each key has a run of its own")
            for run_id in runs.values():
                end = kit.wait_for(lambda run_id=run_id: status_of(server, run_id) not in (None, "QUEUED", "RUNNING") and status_of(server, run_id),
                                   f"the end of {run_id}")
                kit.equal(end, "COMPLETED", run_id)
            kit.equal(set(recorded_runs(server)) - set(runs.values()), set(), "no run was made twice, none is there that nobody has")
            expected = {run_id: events_of(server, run_id) for run_id in runs.values()}
            for run_id, numbers in expected.items():
                kit.equal(numbers, list(range(1, len(numbers) + 1)), f"events of {run_id}")
            total = sum(len(numbers) for numbers in expected.values())
            if follower is not None:
                kit.wait_for(lambda: len(set(follower.events)) >= total, "the stream has told all")
                check_stream(follower, expected)
            told = f"{follower.connections} connections of the stream" if follower else "no stream of events"
            print(f"        {KILLS} kills, {len(runs)} runs, {total} events, {told}")
        finally:
            load.stop()
            if follower is not None:
                follower.stop()
            server.close()


if __name__ == "__main__":
    kit.main(globals())
