"""Part livez: how long /livez takes while nothing runs and while two transcriptions have all cores, in turns."""
import contextlib
import json
import socket
import time

import kit
from lab import Client, load, percentile, sample

REQUEST = {"pipeline": "transcribe", "priority": "normal"}


def probe(server, seconds, kept):
    """Milliseconds of /livez, 100 a second: on one connection, or on a new one each time as probes do."""
    ask = f"GET /livez HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n{'' if kept else 'Connection: close' + chr(13) + chr(10)}\r\n".encode()
    times, plain = [], server.connect() if kept else None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        one = plain or server.connect()
        one.sendall(ask)
        reply = one.recv(65536)
        times.append((time.monotonic() - begin) * 1000)
        kit.true(reply.startswith(b"HTTP/1.1 200"), f"/livez says {reply[:200]!r}")
        if plain is None:
            one.close()
        time.sleep(0.01)
    if plain:
        plain.close()
    return times


def status(client, run):
    return json.loads(client.ask("GET", f"/runs/{run}/status")[1])["status"]


def measure(table, server, sizes):
    """`server` has two workers."""
    client = Client(server)
    audio = sample(sizes.livez_repeats)
    times = {(busy, kept): [] for busy in (False, True) for kept in (True, False)}
    began = load()
    for _ in range(sizes.rounds):
        for kept in (True, False):
            times[False, kept] += probe(server, sizes.livez_seconds, kept)
        runs = [client.submit(REQUEST, audio)["run_id"] for _ in range(2)]
        for run in runs:
            kit.wait_for(lambda run=run: b'"asr"' in client.ask("GET", f"/runs/{run}/status")[1] or status(client, run) == "RUNNING",
                         "a transcription runs")
        for kept in (True, False):
            times[True, kept] += probe(server, sizes.livez_seconds, kept)
        for run in runs:
            kit.equal(status(client, run), "RUNNING", "a transcription at the end of its round (livez_repeats=N makes it longer)")
            client.ask("POST", f"/runs/{run}/cancel")
        for run in runs:
            kit.wait_for(lambda run=run: status(client, run) == "CANCELLED", "a transcription is cancelled")
    table.line(f"\nlivez: 100 a second, {sizes.rounds} rounds in turns; load before: {began}\n"
               f"{'':<40} {'asked':>7} {'p50 ms':>8} {'p99 ms':>8} {'most':>8}")
    for (busy, kept), got in sorted(times.items()):
        name = f"{'two transcriptions' if busy else 'nothing runs'}, {'one connection' if kept else 'a new connection each'}"
        table.line(f"{name:<40} {len(got):>7} {percentile(got, 50):>8.2f} {percentile(got, 99):>8.2f} {max(got):>8.2f}")
    worst = max(percentile(times[True, kept], 99) for kept in (True, False))
    if sizes.assert_times:
        table.bar("livez: p99 while two transcriptions run, ms", f"{worst:.2f}", "<= 10", worst <= 10)
    client.close()
