"""Part idle: many streams of events on which nothing happens: memory and CPU time of the server; then events that all of them get."""
import json
import selectors
import socket
import time

import kit
from lab import Client, cpu_seconds, is_sanitized, load, percentile, wav

CPU_BAR = 10  # percent of one core, printed beside the figure; signs of life go to all every 15 s


class Streams:
    """`count` open streams of one address, read as they come."""

    def __init__(self, server, path, count):
        self.selector, self.sockets, self.got = selectors.DefaultSelector(), [], {}
        head = f"GET {kit.API}{path} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nAccept: text/event-stream\r\n\r\n".encode()
        for _ in range(count):
            one = server.connect()
            one.sendall(head)
            self.sockets.append(one)
            self.got[one] = b""
            self.selector.register(one, selectors.EVENT_READ)

    def read(self, wait, seen):
        """Reads what is there; seen(socket, time) for each whole event that has come."""
        for key, _ in self.selector.select(wait):
            data = key.fileobj.recv(65536)
            kit.true(data, "a stream ended")
            text = self.got[key.fileobj] + data
            *whole, self.got[key.fileobj] = text.split(b"\n\n")
            now = time.monotonic()
            for event in whole:
                if b"\ndata: " in event or event.startswith(b"data: ") or b"\nevent: " in event:
                    seen(key.fileobj, now)

    def close(self):
        for one in self.sockets:
            one.close()
        self.selector.close()


def deliver(client, streams, run, times):
    """An event that happens now, to each stream: milliseconds of each, from the request that makes it happen."""
    waits, counts = [], dict.fromkeys(streams.sockets, 0)
    for turn in range(times):
        begin = time.monotonic()
        status, text, _ = client.ask("PUT", f"/runs/{run}/priority", json.dumps({"priority": ["high", "low"][turn % 2]}).encode(),
                                     Content_Type="application/json")
        kit.equal(status, 200, text[:200])

        def seen(one, now):
            counts[one] += 1
            waits.append((now - begin) * 1000)

        end = time.monotonic() + kit.PATIENCE
        while min(counts.values()) <= turn:
            kit.true(time.monotonic() < end, f"event {turn + 1} came to {sum(n > turn for n in counts.values())} streams only")
            streams.read(1, seen)
    kit.true(set(counts.values()) == {times}, "each stream got each event once")
    return waits


def measure(table, server, sizes):
    client = Client(server)
    run = client.submit({"pipeline": "ingest", "hold": True}, wav(1))["run_id"]
    warm = Streams(server, f"/runs/{run}/events", 10)  # threads, arenas: what the first streams cost once
    first = dict.fromkeys(warm.sockets, 0)
    while min(first.values()) < 1:
        warm.read(1, lambda one, now: first.__setitem__(one, 1))
    before = server.status("VmRSS")
    streams = Streams(server, f"/runs/{run}/events", sizes.idle_clients)
    opened = dict.fromkeys(streams.sockets, 0)
    while min(opened.values()) < 1:  # each has its first event
        streams.read(1, lambda one, now: opened.__setitem__(one, 1))
    cpu, begin = cpu_seconds(server.process.pid), time.monotonic()
    while time.monotonic() < begin + sizes.idle_seconds:
        streams.read(0.5, lambda one, now: None)
    share = (cpu_seconds(server.process.pid) - cpu) / (time.monotonic() - begin) * 100
    grown = (server.status("VmRSS") - before) / 1024
    waits = deliver(client, streams, run, sizes.idle_events)
    after = (server.status("VmRSS") - before) / 1024
    table.line(f"\nidle: {sizes.idle_clients} streams of events, {sizes.idle_seconds} s; load before: {load()}\n"
               f"memory +{grown:.1f} MB, {grown * 1024 / sizes.idle_clients:.1f} KB a stream (+{after:.1f} MB after {sizes.idle_events} events), "
               f"CPU of the server {share:.2f} % of a core (also what the supervisor does)\n"
               f"{len(waits)} events came, from the request until read: p50 {percentile(waits, 50):.1f} ms, p99 {percentile(waits, 99):.1f}, most {max(waits):.1f}")
    limit = 30 * sizes.idle_clients / 1000
    if is_sanitized(server):
        table.line("memory is not compared: a sanitizer keeps it")
    else:
        table.bar(f"idle: memory of {sizes.idle_clients} streams, MB", f"{max(grown, after):.1f}", f"<= {limit:.0f}", max(grown, after) <= max(limit, 1))
    for one in (streams, warm):
        one.close()
    client.ask("POST", f"/runs/{run}/cancel")
    client.close()
    kit.wait_for(lambda: server.descriptors() < sizes.idle_clients / 2 + 100, "the descriptors of streams are given back")
