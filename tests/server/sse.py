"""Events as pages and as streams: frames, resumption (also over a server that is killed and started again: no gap, no
double), filters, signs of life, many clients."""
import http.client
import json
import os
import resource
import select
import subprocess
import wave

import kit

SETTINGS = {"HTTP_PING_SECONDS": "1"}


def cli(server, *arguments, check=True):
    """The command line on the lab of the server: a process of its own, as other hosts are."""
    done = subprocess.run([str(kit.BINARIES / "modellab"), *arguments], env=server.environment, capture_output=True, text=True,
                          timeout=600)
    kit.true(done.returncode == 0 or not check, f"{arguments}: {done.stderr}")
    return done.stdout.strip()


def submit(server, *arguments, hold=False):
    """A run that has little to do; its id."""
    wav = server.root.parent / f"second-{os.getpid()}.wav"
    with wave.open(str(wav), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    return cli(server, "run", "submit", str(wav), "--pipeline", "ingest", *(["--hold"] if hold else []), *arguments)


def move(server, run, priority):
    """An event, though nothing goes on."""
    cli(server, "run", "bump", run, "--priority", priority)


def finished(server, run):
    cli(server, "run", "wait", run)
    return server.get(f"{kit.API}/runs/{run}/events").json["items"]


class Stream:
    """A stream of events that is read as a browser would."""

    def __init__(self, server, path, last=None, **headers):
        self.connection = http.client.HTTPConnection(server.host, server.port, timeout=kit.PATIENCE)
        headers = {"Accept": "text/event-stream", **headers}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self.connection.request("GET", kit.API + path, headers=headers)
        self.reply = self.connection.getresponse()
        self.status = self.reply.status
        self.comments, self.retry = 0, None

    def event(self):
        """(id, type, data) of the next event; None at the end of the stream."""
        found = {}
        while True:
            line = self.reply.readline()
            if not line:
                return None
            line = line.decode().rstrip("\n")
            if line == "":
                if "data" in found:
                    return found.get("id"), found.get("event"), json.loads(found["data"])
                found = {}
            elif line.startswith(":"):
                self.comments += 1
            else:
                name, value = line.split(": ", 1)
                if name == "retry":
                    self.retry = int(value)
                found[name] = found[name] + "\n" + value if name == "data" and name in found else value

    def all(self):
        events = []
        while (event := self.event()) is not None:
            events.append(event)
        return events

    def close(self):
        self.connection.close()


def test_pages(server):
    run = submit(server)
    items = finished(server, run)
    kit.equal([e["number"] for e in items], list(range(1, len(items) + 1)))
    kit.equal(items[0]["type"], "run_queued")
    kit.equal(items[-1]["type"], "run_completed")
    kit.true(all(e["run_id"] == run and e["time"].endswith("Z") and isinstance(e["data"], dict) for e in items), "items")
    page = server.get(f"{kit.API}/runs/{run}/events?limit=2").json
    kit.equal((page["items"], page["next_after"]), (items[:2], 2))
    page = server.get(f"{kit.API}/runs/{run}/events?after=2").json
    kit.equal((page["items"], page["next_after"]), (items[2:], len(items)))
    kit.equal(server.get(f"{kit.API}/runs/{run}/events?limit=0").status, 422)
    kit.equal(server.get(f"{kit.API}/runs/{'0' * 26}/events").status, 404)
    kit.equal(server.get(f"{kit.API}/runs/nothing/events").status, 404)


def test_stream_of_a_run_that_has_ended(server):
    run = submit(server)
    items = finished(server, run)
    stream = Stream(server, f"/runs/{run}/events", **{"Accept-Encoding": "gzip"})
    kit.equal(stream.status, 200)
    kit.equal(stream.reply.headers["Content-Type"], "text/event-stream")
    kit.equal(stream.reply.headers["Cache-Control"], "no-cache")
    kit.equal(stream.reply.headers["X-Accel-Buffering"], "no")
    kit.equal(stream.reply.headers["Content-Encoding"], None)
    events = stream.all()
    kit.true(stream.retry is not None and stream.retry >= 1000, "a hint when to come again")
    kit.equal([(int(i), kind) for i, kind, _ in events], [(e["number"], e["type"]) for e in items])
    kit.equal([data for _, _, data in events], items)
    for seen in range(1, len(items)):
        kit.equal([data for _, _, data in Stream(server, f"/runs/{run}/events", last=seen).all()], items[seen:])
    kit.equal(Stream(server, f"/runs/{run}/events", last=len(items)).status, 204, "an EventSource does not come again")
    kit.equal(Stream(server, f"/runs/{run}/events", last="x").status, 422)
    kit.equal(Stream(server, f"/runs/{'0' * 26}/events").status, 404)


def test_stream_follows(server):
    run = submit(server, hold=True)
    stream = Stream(server, f"/runs/{run}/events")
    kit.equal(stream.event()[1], "run_queued")
    cli(server, "run", "release", run)
    rest = stream.all()
    kit.equal(rest[-1][1], "run_completed")
    items = finished(server, run)
    kit.equal([data for _, _, data in rest], items[1:])


def test_signs_of_life(server):
    run = submit(server, hold=True)
    stream = Stream(server, f"/runs/{run}/events")
    kit.equal(stream.event()[1], "run_queued")
    while stream.reply.readline() != b":\n":  # a comment comes, though nothing happens
        pass
    cli(server, "run", "cancel", run)
    kit.equal(stream.all()[-1][1], "run_cancelled")


def test_streams_that_are_left_give_their_sockets_back():
    """In both versions: left by the client, or ended after a sleep."""
    with kit.Server() as server:
        others = [server.connect() for _ in range(4)]  # wait for their next request, on each of the network threads
        for one in others:
            one.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            kit.true(one.recv(65536).startswith(b"HTTP/1.1 200"), "it lives")
        before = server.descriptors()
        for version in ("1.1", "1.0"):
            run = submit(server, hold=True)
            ask = f"GET {kit.API}/runs/{run}/events HTTP/{version}\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode()
            stay = []
            for turn in range(60):
                one = server.connect()
                one.sendall(ask)
                text = b""
                while b"run_queued" not in text:
                    more = one.recv(65536)
                    kit.true(more, f"the first event comes: {text!r}")
                    text += more
                if turn % 3:
                    one.close()
                else:
                    stay.append(one)
            kit.wait_for(lambda: server.descriptors() <= before + 21, f"HTTP/{version}: the sockets of who left are given back", 60)
            cli(server, "run", "cancel", run)
            for one in stay:
                text = kit.read_all(one)
                kit.true(b"run_cancelled" in text, f"the last event comes: {text!r}")
                kit.true(text.endswith(b"0\r\n\r\n" if version == "1.1" else b"\n\n"), f"nothing follows it: {text[-40:]!r}")
                one.close()
            kit.wait_for(lambda: server.descriptors() <= before + 1, f"HTTP/{version}: those of ended streams, too", 60)
            count = 60 if version == "1.1" else 120
            ends = lambda: [line["end"] for line in server.log_lines(event="http.end", operation="listRunEvents")]  # noqa: E731
            kit.wait_for(lambda: len(ends()) == count, "each has its end in the log")
            kit.true(ends().count("sent") >= count / 3, "those that were read to their end were sent")
        for one in others:
            one.close()


def test_resumption_over_a_server_that_is_killed():
    with kit.Server(HTTP_PING_SECONDS="1") as server:
        run = submit(server, hold=True)
        seen = []

        def read(stream, count):
            for _ in range(count):
                number, _, data = stream.event()
                kit.equal(int(number), data["number"])
                seen.append(data["number"])

        stream = Stream(server, f"/runs/{run}/events")
        every = Stream(server, "/events")
        read(stream, 1)
        for _ in range(3):
            move(server, run, "high")
            move(server, run, "low")
        read(stream, 4)  # two are on their way
        cursors = [every.event()[0] for _ in range(3)]
        server.kill()
        stream.close()
        every.close()
        for _ in range(2):  # while nobody serves
            move(server, run, "high")
            move(server, run, "low")
        server.start()
        stream = Stream(server, f"/runs/{run}/events", last=seen[-1])
        read(stream, 3)
        cli(server, "run", "cancel", run)
        seen.extend(data["number"] for _, _, data in stream.all())
        items = server.get(f"{kit.API}/runs/{run}/events").json["items"]
        kit.equal(seen, [e["number"] for e in items], "each event once, in order")
        every = Stream(server, "/events", last=cursors[-1])
        rest = [every.event()[2]["number"] for _ in range(len(items) - 4)]
        kit.equal(rest, list(range(5, len(items) + 1)), "all runs: each event once")


def test_streams_of_all_runs(server):
    every = Stream(server, "/events")
    one, other = submit(server, "--user", "ann", hold=True), submit(server, "--user", "bob", hold=True)
    first, second = every.event(), every.event()
    kit.equal([first[2]["run_id"], second[2]["run_id"]], [one, other])
    kit.true(not first[0].isdigit() and first[0] != second[0], "ids are cursors")
    of_bob = Stream(server, "/events?user=bob&cursor=e0")
    kit.equal(of_bob.event()[2]["run_id"], other)
    of_one = Stream(server, f"/events?run={one}&cursor=e0")
    ends = Stream(server, "/events?type=run_cancelled,run_failed&cursor=" + first[0])
    for run in (one, other):
        cli(server, "run", "cancel", run)
    kit.equal([ends.event()[2]["run_id"] for _ in range(2)], [one, other])
    kit.equal([of_one.event()[1] for _ in range(2)], ["run_queued", "run_cancelled"])
    kit.equal(of_bob.event()[1], "run_cancelled")
    kit.equal(Stream(server, "/events?cursor=12").status, 422)
    kit.equal(Stream(server, "/events", last="e").status, 422)


def test_a_slow_client_gets_all_later(server):
    """Reads nothing until much more than may wait for it has happened."""
    run = submit(server, hold=True)
    plain = server.connect()
    plain.sendall(f"GET {kit.API}/runs/{run}/events HTTP/1.1\r\nHost: {server.host}\r\nAccept: text/event-stream\r\n\r\n".encode())
    for _ in range(20):
        move(server, run, "high")
        move(server, run, "low")
    cli(server, "run", "cancel", run)
    items = server.get(f"{kit.API}/runs/{run}/events").json["items"]
    head, data = kit.read_head(plain)
    kit.true(" 200 " in head, head)
    while b"run_cancelled" not in data or not data.endswith(b"0\r\n\r\n"):
        more = plain.recv(65536)
        kit.true(more, "the stream ends in order")
        data += more
    kit.equal([int(line[4:]) for line in data.decode().splitlines() if line.startswith("id: ")], [e["number"] for e in items])
    plain.close()


def test_a_thousand_clients():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(1000, hard - 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with kit.Server(HTTP_PING_SECONDS="60") as server:
        run = submit(server, hold=True)
        request = (f"GET {kit.API}/runs/{run}/events HTTP/1.1\r\nHost: {server.host}\r\nAccept: text/event-stream\r\n\r\n").encode()

        def connect():
            plain = server.connect()
            plain.sendall(request)
            return plain

        def read_until(plain, what):
            data = b""
            while what not in data:
                ready = select.select([plain], [], [], kit.PATIENCE)[0]
                kit.true(ready, f"{what} comes to each")
                more = plain.recv(65536)
                kit.true(more, f"the stream goes on until {what}")
                data += more

        first = connect()
        read_until(first, b"run_queued")
        before = server.status("VmRSS")
        clients = [connect() for _ in range(count - 1)]
        for plain in clients:
            read_until(plain, b"run_queued")
        more = server.status("VmRSS") - before
        threads = server.status("Threads")
        print(f"{count} idle clients: {more} kB more, {threads} threads", flush=True)
        kit.true(threads < 60, "no thread for each")
        cli(server, "run", "cancel", run)
        for plain in [first, *clients]:
            read_until(plain, b"run_cancelled")
            plain.close()


if __name__ == "__main__":
    kit.main(globals())
