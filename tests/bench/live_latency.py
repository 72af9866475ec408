"""Latency of live transcription over a WebSocket: real speech at the pace at which it was spoken, to a server of its own.

  live_latency.py modellab-server [seconds of speech, 30]

Prints p50, p95 and the largest of: partial results (from the last sample that one is about, sent, to its text received), final results
(from the last sample of the piece of speech, with the detector's padding; half a second of silence has to follow it), and cancels (from the
message to the end of the stream), for one stream and for four at a time. Nothing is asserted."""
import os
import pathlib
import sys
import threading
import time
import wave

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))
import kit  # noqa: E402
from socket_kit import BINARY, Socket, frame  # noqa: E402

RATE, PIECE = 16000, 1600  # a tenth of a second a message
CANCELS = 10


def speech(seconds):
    with wave.open(str(kit.models() / "sample-conversation" / "sample.wav")) as file:
        return file.readframes(min(file.getnframes(), int(seconds * RATE)))


def listen(server, data, found, lock):
    client = Socket(server, "/live?model=whisper-tiny.en&language=en")
    client.heard()
    sent = []  # when the piece of a message had gone

    def send():
        begun = time.monotonic()
        for i, at in enumerate(range(0, len(data), 2 * PIECE)):
            time.sleep(max(0.0, begun + i * PIECE / RATE - time.monotonic()))
            client.send(frame(BINARY, data[at:at + 2 * PIECE]))
            sent.append(time.monotonic())
        client.say(action="end")

    sender = threading.Thread(target=send)
    sender.start()
    while (message := client.heard())["type"] != "end":
        now = time.monotonic()
        if message["type"] in ("partial", "final"):
            piece = min(int(message["end"] * RATE / PIECE), len(sent) - 1)
            with lock:
                found[message["type"]].append(now - sent[piece])
        elif message["type"] == "delay":
            with lock:
                found["left out"] += 1
    sender.join()
    client.close()


def cancels(server, data):
    times = []
    for i in range(CANCELS):
        client = Socket(server, "/live?model=whisper-tiny.en&language=en")
        client.heard()
        client.send(*[frame(BINARY, data[at:at + 32000]) for at in range(0, 8 * 32000, 32000)])
        while client.heard()["type"] not in ("partial", "final", "delay"):
            pass  # it is at work now
        begun = time.monotonic()
        client.say(action="cancel")
        while client.heard()["type"] != "end":
            pass
        times.append(time.monotonic() - begun)
        client.close()
    return times


def show(what, times):
    if not times:
        print(f"  {what:10} none")
        return
    times = sorted(times)

    def at(part):
        return times[min(len(times) - 1, int(part * len(times)))] * 1000

    print(f"  {what:10} p50 {at(0.5):6.0f} ms   p95 {at(0.95):6.0f} ms   max {times[-1] * 1000:6.0f} ms   ({len(times)})", flush=True)


def main():
    data = speech(float(sys.argv[2]) if len(sys.argv) > 2 else 30)
    print(f"{len(data) / 2 / RATE:.0f} s of speech, whisper-tiny.en, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    with kit.Server(MODELS_ROOT=kit.models()) as server:
        for count in (1, 4):
            found, lock = {"partial": [], "final": [], "left out": 0}, threading.Lock()
            threads = [threading.Thread(target=listen, args=(server, data, found, lock)) for _ in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(f"{count} stream{'s' if count > 1 else ''}: {found['left out']} partial results left out")
            show("partial", found["partial"])
            show("final", found["final"])
        show("cancel", cancels(server, data))


if __name__ == "__main__":
    main()
