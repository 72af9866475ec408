"""Part mixed: 64 connections at once: status and lists by wrk, uploads of real audio, short runs that are waited for, and clients that
follow a run from its submission to its last event. Each reply, and each number of an event, is looked at."""
import contextlib
import http.client
import json
import threading
import time

import kit
from lab import Client, Wrk, form, has, load, percentile, sample, wav

KINDS = {"upload": 8, "run": 8, "follow": 8}
READERS = {"status": 24, "list": 16}


class Crowd:
    """Threads of one kind, each on a connection of its own, until a time."""

    def __init__(self, name, count, once, server, end):
        self.name, self.once, self.server, self.end = name, once, server, end
        self.times, self.errors, self.lock = [], [], threading.Lock()
        self.threads = [threading.Thread(target=self.work) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def work(self):
        with contextlib.closing(Client(self.server)) as client:
            while time.monotonic() < self.end:
                begin = time.monotonic()
                try:
                    spent = self.once(client)
                    with self.lock:
                        self.times.append((spent if spent is not None else time.monotonic() - begin) * 1000)
                except Exception as error:  # noqa: BLE001 - any failure is what is counted here
                    with self.lock:
                        self.errors.append(f"{type(error).__name__}: {error}")
                    client.close()

    def join(self):
        for thread in self.threads:
            thread.join()


def expect(status, want, text):
    if status != want:
        raise AssertionError(f"{status} instead of {want}: {text[:200]!r}")


def uploader(audio):
    def once(client):
        begin = time.monotonic()
        status, text, _ = client.ask("POST", "/uploads?name=talk.wav", audio, Content_Type="audio/wav")
        spent = time.monotonic() - begin
        expect(status, 201, text)
        made = json.loads(text)
        if made["bytes"] != len(audio):
            raise AssertionError(f"{made['bytes']} of {len(audio)} bytes were kept")
        status, text, _ = client.ask("DELETE", "/uploads/" + made["id"])
        expect(status, 204, text)
        return spent

    return once


def runner(audio):
    kind, body = form({"pipeline": "ingest"}, audio)

    def once(client):
        status, text, _ = client.ask("POST", "/runs", body, Content_Type=kind, Prefer="wait=600")
        expect(status, 200, text)
        if json.loads(text)["status"] != "COMPLETED":
            raise AssertionError(f"a run ended {text[:300]!r}")

    return once


def follow_events(server, run):
    """All events of a run as a stream: numbers without a gap, and the end."""
    with contextlib.closing(http.client.HTTPConnection(server.host, server.port, timeout=kit.PATIENCE)) as stream:
        stream.request("GET", f"{kit.API}/runs/{run}/events", headers={"Accept": "text/event-stream"})
        reply = stream.getresponse()
        text = reply.read()
        expect(reply.status, 200, text)
    events = [json.loads(line[6:]) for line in text.decode().split("\n") if line.startswith("data: ")]
    if [event["number"] for event in events] != list(range(1, len(events) + 1)) or events[-1]["type"] != "run_completed":
        raise AssertionError(f"events of {run}: {[(event['number'], event['type']) for event in events]}")


def follower(audio, server):
    kind, body = form({"pipeline": "ingest"}, audio)

    def once(client):
        status, text, _ = client.ask("POST", "/runs", body, Content_Type=kind)
        expect(status, 202, text)
        follow_events(server, json.loads(text)["run_id"])

    return once


def measure(table, server, runs, sizes):
    audio, short = sample(), wav(1)
    table.line(f"\nmixed: {sum(KINDS.values()) + sum(READERS.values())} connections, {sizes.mixed_seconds} s; load before: {load()}\n"
               f"{'':<10} {'clients':>8} {'done':>9} {'a second':>9} {'p50 ms':>9} {'p99 ms':>9} {'errors':>7}")
    end = time.monotonic() + sizes.mixed_seconds
    paths = {"status": f"{kit.API}/runs/{runs[-1]}/status", "list": f"{kit.API}/runs?limit=20"}
    readers = {name: Wrk(server, paths[name], sizes.mixed_seconds, connections=count) for name, count in READERS.items()} if has("wrk") else {}
    work = {"upload": uploader(audio), "run": runner(short), "follow": follower(short, server)}
    if not readers:
        table.line("wrk is not installed: status and lists by Python")
        for name in READERS:
            path = paths[name].removeprefix(kit.API)
            work[name] = lambda client, path=path: expect(*(lambda r: (r[0], 200, r[1]))(client.ask("GET", path)))
    crowds = [Crowd(name, {**KINDS, **READERS}[name], once, server, end) for name, once in work.items()]
    total, said = 0, []
    for crowd in crowds:
        crowd.join()
    for name, wrk in readers.items():
        got = wrk.result()
        total += got["errors"]
        table.line(f"{name:<10} {READERS[name]:>8} {got['count']:>9} {got['rate']:>9.0f} {got['p50']:>9.2f} {got['p99']:>9.2f} {got['errors']:>7}")
    for crowd in crowds:
        total += len(crowd.errors)
        said += crowd.errors[:3]
        count = len(crowd.times)
        table.line(f"{crowd.name:<10} {len(crowd.threads):>8} {count:>9} {count / sizes.mixed_seconds:>9.0f} {percentile(crowd.times, 50):>9.2f} "
                   f"{percentile(crowd.times, 99):>9.2f} {len(crowd.errors):>7}")
        kit.true(count > 0 or crowd.errors, f"nothing was done: {crowd.name}")
    for text in said:
        table.line("error: " + text)
    table.bar("mixed: errors", str(total), "0", total == 0)
