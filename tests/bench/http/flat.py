"""Part flat: memory, descriptors and threads over a million requests: what is read, what is refused (keys, paths, submissions,
uploads), streams of events that end and that are left. Growth is measured from where a tenth was served."""
import collections
import contextlib
import pathlib
import re
import threading
import time

import kit
from lab import Client, Wrk, is_sanitized, load, wav

SCRIPT = pathlib.Path(__file__).with_name("flat.lua")
BAR_BYTES_A_REQUEST = 8  # of growth: 8 MB in a million requests; pages that a heap keeps are noise of that size
NOISE_KB = 4096          # below that nothing can be said (a short version serves some thousands)

Look = collections.namedtuple("Look", "requests rss heap descriptors threads")


class Leavers(threading.Thread):
    """Opens streams of a run that waits, reads the first event, leaves."""

    def __init__(self, server, key, run):
        super().__init__()
        self.server, self.over, self.count = server, threading.Event(), 0
        self.head = (f"GET {kit.API}/runs/{run}/events HTTP/1.1\r\nHost: {server.host}\r\nAccept: text/event-stream\r\n"
                     f"Authorization: Bearer {key}\r\n\r\n").encode()
        self.trouble = None
        self.start()

    def run(self):
        try:
            while not self.over.wait(0.005):
                with self.server.connect() as one:
                    one.sendall(self.head)
                    data = b""
                    while b"data: " not in data:
                        more = one.recv(65536)
                        kit.true(more, f"a stream ended: {data[:300]!r}")
                        data += more
                self.count += 1
        except Exception as error:  # noqa: BLE001 - told by whom waits for it
            self.trouble = error

    def stop(self):
        self.over.set()
        self.join()
        if self.trouble:
            raise self.trouble


def look(server, served):
    return Look(served, server.status("VmRSS"), heap(server), server.descriptors(), server.status("Threads"))


def heap(server):
    """Bytes in use as malloc counts them (0 where it does not: sanitizers)."""
    reply = server.get(f"{kit.API}/testing/memory")
    kit.equal(reply.status, 200, reply)
    return reply.json["in_use"]


def replies(server, key):
    """Requests that have ended, by class of status, as the server counts them."""
    with contextlib.closing(Client(server, key)) as client:
        client.http.request("GET", "/metrics", headers={"Authorization": "Bearer " + key})
        text = client.http.getresponse().read().decode()
    counts = collections.Counter()
    for status, count in re.findall(r'^modellab_http_requests_total\{.*status="(.)xx"\} (\d+)$', text, re.M):
        counts[status] += int(count)
    active = re.search(r"^modellab_http_requests_active (\d+)$", text, re.M)
    return counts, int(active[1])


def serve(table, server, key, run, sizes):
    looks, served, errors = [], 0, 0
    marks = [sizes.flat_requests // 10, sizes.flat_requests // 2, sizes.flat_requests]
    arguments = ["--", key, f"{kit.API}/runs/{run}", f"{kit.API}/testing/leak?bytes={sizes.leak_bytes}" if sizes.leak else "", str(sizes.leak)]
    seconds = sizes.flat_seconds
    while served < sizes.flat_requests or looks[-1].requests - looks[0].requests < sizes.flat_requests / 2:
        got = Wrk(server, "/", seconds, connections=32, script=SCRIPT, arguments=arguments).result()
        served += got["count"]
        errors += got["socket_errors"]
        kit.true(got["count"] > 0, f"wrk had no reply: {got['text']}")
        if served >= (marks or [0])[0]:
            while marks and served >= marks[0]:
                marks.pop(0)
            kit.wait_for(lambda: replies(server, key)[1] <= 2, "requests that ended are over")  # this one, and a leaver
            looks.append(look(server, served))
            table.line(f"{served:>9} {looks[-1].rss / 1024:>9.1f} {looks[-1].heap / 1e6:>9.2f} {looks[-1].descriptors:>6} {looks[-1].threads:>8} {got['rate']:>9.0f}")
    return looks, errors


def measure(table, root, run, key, sizes, start):
    """start(root, ...) -> a server with keys, on a lab that has `run`, which has ended."""
    with start(root, "--keys", "on", testing=True, HTTP_RATE=1000000000) as server, contextlib.closing(Client(server, key)) as client:
        held = client.submit({"pipeline": "ingest", "hold": True}, wav(1))["run_id"]
        table.line(f"\nflat: {sizes.flat_requests} requests on 32 connections; load before: {load()}\n"
                   f"{'requests':>9} {'RSS MB':>9} {'heap MB':>9} {'files':>6} {'threads':>8} {'a second':>9}")
        leavers = Leavers(server, key, held)
        begin = time.monotonic()
        try:
            looks, errors = serve(table, server, key, run, sizes)
        finally:
            leavers.stop()
        counts, _ = replies(server, key)
        client.ask("POST", f"/runs/{held}/cancel")
        first, last = looks[0], looks[-1]
        requests = max(last.requests - first.requests, 1)
        growth = max((last.rss - first.rss) * 1024, last.heap - first.heap)
        table.line(f"{time.monotonic() - begin:.0f} s; {leavers.count} streams were left; replies "
                   + ", ".join(f"{k}xx {counts[k]}" for k in sorted(counts))
                   + f"; growth a request: RSS {(last.rss - first.rss) * 1024 / requests:.2f} bytes, heap {(last.heap - first.heap) / requests:.2f} bytes")
        most = max(BAR_BYTES_A_REQUEST * requests, NOISE_KB * 1024)
        if is_sanitized(server):
            table.line("memory is not compared: a sanitizer keeps it")
        else:
            table.bar(f"flat: growth over {requests} requests, KB", f"{growth / 1024:.0f}", f"<= {most / 1024:.0f}", growth <= most)
        table.bar("flat: descriptors, growth", str(last.descriptors - first.descriptors), "<= 4", last.descriptors - first.descriptors <= 4)
        table.bar("flat: threads, growth", str(last.threads - first.threads), "<= 16", last.threads - first.threads <= 16)
        table.bar("flat: replies 5xx, broken connections", str(counts["5"] + errors), "0", counts["5"] + errors == 0)
        table.bar("flat: streams left", str(leavers.count), "> 0", leavers.count > 0)
