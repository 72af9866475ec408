"""Live transcription over a WebSocket, on real speech: what the library's own call gives for the same pieces comes out,
whatever the messages that carried the samples; a full queue stops the client, not the server; ends."""
import json
import os
import struct
import wave

import kit
import sse
from socket_kit import BINARY, CLOSE, Socket, frame, handshake

SETTINGS = {"HTTP_PING_SECONDS": "20"}
SECONDS = 12


def speech():
    with wave.open(str(kit.models() / "sample-conversation" / "sample.wav")) as file:
        kit.equal((file.getframerate(), file.getnchannels(), file.getsampwidth()), (16000, 1, 2))
        return file.readframes(SECONDS * 16000)


def send_all(client, data, size):
    for at in range(0, len(data), size):
        client.send(frame(BINARY, data[at:at + size]))


def hear_all(client):
    """Messages until the end, and the code of the close."""
    heard = []
    while not heard or heard[-1]["type"] != "end":
        heard.append(client.heard())
    return heard, client.close_code()


def of(heard, kind):
    return [message for message in heard if message["type"] == kind]


def listen(server, size, path="/live"):
    client = Socket(server, path)
    ready = client.heard()
    kit.equal((ready["type"], ready["format"]), ("ready", "pcm16"))
    send_all(client, speech(), size)
    client.say(action="end")
    heard, code = hear_all(client)
    kit.equal(code, 1000)
    return ready, heard


def test_final_results(server):
    ready, heard = listen(server, 4000)
    finals = of(heard, "final")
    kit.true(finals, "final results")
    text = " ".join(message["text"].strip() for message in finals if message["text"].strip())
    kit.true("hello" in text.lower(), text)
    kit.equal([message["index"] for message in finals], list(range(len(finals))))
    for message in finals:
        kit.true(0 <= message["start"] < message["end"] <= SECONDS, f"times {message}")
        for segment in message["segments"]:
            kit.true(message["start"] <= segment["start"] <= segment["end"] <= message["end"], f"segments {message}")
    end = heard[-1]
    kit.equal((end["status"], end["finals"], end["seconds"]), ("MODELLAB_OK", len(finals), float(SECONDS)))
    other = of(listen(server, 999)[1], "final")  # half samples in messages

    def plain(messages):
        return [{name: value for name, value in message.items() if name != "delay_seconds"} for message in messages]

    kit.equal(plain(other), plain(finals), "final results of other pieces")
    run = ready["run_id"]
    events = server.get(f"{kit.API}/runs/{run}/events").json["items"]
    kit.equal((events[0]["type"], events[-1]["type"]), ("run_started", "run_completed"))
    record = json.loads(sse.cli(server, "run", "status", run, "--json"))
    kit.equal(record["pipeline"], "live")
    kit.true("transcript.json" in json.dumps(record), "the transcript is an artifact of the run")


def test_partial_results(server):
    """Samples go out as slowly as they are heard: the stream keeps up, and tells what it hears."""
    client = Socket(server, "/live?model=whisper-tiny.en&language=en")
    client.heard()
    data, heard = speech()[6 * 32000:10 * 32000], []
    for at in range(0, len(data), 16000):  # half a second, then whatever comes of it
        client.send(frame(BINARY, data[at:at + 16000]))
        client.plain.settimeout(0.4)
        try:
            while True:
                heard.append(client.heard())
        except TimeoutError:
            pass
        client.plain.settimeout(kit.PATIENCE)
    client.say(action="end")
    rest, code = hear_all(client)
    heard += rest
    kit.equal(code, 1000)
    told = of(heard, "partial") + of(heard, "delay")
    kit.true(told, "a partial result, or that it was left out")
    kit.true(of(heard, "final"), "a final result")
    for message in told:
        kit.true(message["end"] > message["start"] and message["delay_seconds"] >= 0, f"times {message}")


def test_more_than_the_queue_holds(server):
    """Seventy seconds of speech at once, where thirty fit: the client is stopped meanwhile, nothing is lost."""
    client = Socket(server, "/live")
    client.heard()
    data = speech()[6 * 32000:]  # six seconds, all spoken
    for _ in range(12):
        send_all(client, data, 64000)
    client.say(action="end")
    heard, code = hear_all(client)
    kit.equal((code, heard[-1]["seconds"]), (1000, 72.0))


def test_ends(server):
    client = Socket(server, "/live")
    run = client.heard()["run_id"]
    client.say(action="dance")
    kit.equal(client.heard()["type"], "error")
    client.say(action="cancel")
    heard, code = hear_all(client)
    kit.equal((code, heard[-1]["status"]), (1000, "MODELLAB_E_CANCELLED"))
    sse.cli(server, "run", "wait", run, check=False)
    kit.equal(server.get(f"{kit.API}/runs/{run}/events").json["items"][-1]["type"], "run_cancelled")
    client = Socket(server, "/live")  # it goes without a word
    run = client.heard()["run_id"]
    client.close()
    kit.wait_for(lambda: server.get(f"{kit.API}/runs/{run}/events").json["items"][-1]["type"] == "run_cancelled", "the run ends")
    client = Socket(server, "/live")  # somebody cancels the run
    sse.cli(server, "run", "cancel", client.heard()["run_id"])
    heard, code = hear_all(client)
    kit.equal((code, heard[-1]["status"]), (1000, "MODELLAB_E_CANCELLED"))
    client = Socket(server, "/live")
    client.heard()
    client.send(frame(CLOSE, struct.pack(">H", 1000)))
    kit.equal(client.close_code(), 1000)


def test_refusals(server):
    def status(path):
        plain, head, _ = handshake(server, path)
        plain.close()
        return int(head.split(" ")[1])

    kit.equal(status("/live?rate=7999"), 422)
    kit.equal(status("/live?model=nothing-of-that-name"), 404)
    kit.equal(status("/live?model=silero-vad-v6"), 422)
    kit.equal(status("/live?model=../../etc/passwd"), 404)
    many = []
    while len(many) < 17:  # there are 16
        plain, head, _ = handshake(server, "/live")
        many.append(plain)
        if " 101 " not in head:
            break
    kit.true(" 503 " in head and "Retry-After" in head, head)
    for plain in many:
        plain.close()


def test_the_server_stops():
    """What was said until then is recognised and kept, and the client is told."""
    kit.models()
    with kit.Server("--drain", "600s") as server:
        client = Socket(server, "/live")
        run = client.heard()["run_id"]
        client.send(frame(BINARY, speech()[6 * 32000:]))  # all spoken
        first = client.heard()  # it has come
        server.process.terminate()
        heard, code = hear_all(client)
        heard.insert(0, first)
        kit.equal((code, heard[-1]["status"], heard[-1]["message"]), (1001, "MODELLAB_OK", "the server stops: what was said until now is kept"))
        kit.true(of(heard, "final"), "the last words are recognised")
        server.process.wait(kit.PATIENCE)
        out = json.loads(sse.cli(server, "run", "status", run, "--json"))
        kit.equal(out["status"], "COMPLETED")
        kit.true("transcript.json" in json.dumps(out), "its transcript is kept")


def test_the_server_stops_without_patience():
    with kit.Server("--drain", "0s") as server:
        client = Socket(server, "/live")
        run = client.heard()["run_id"]
        send_all(client, speech(), 64000)
        server.process.terminate()
        kit.equal(client.close_code(), 1001)
        server.process.wait(kit.PATIENCE)
        out = json.loads(sse.cli(server, "run", "status", run, "--json"))
        kit.true(out["status"] in ("CANCELLED", "COMPLETED"), f"the run has ended: {out['status']}")
        if out["status"] == "CANCELLED":
            kit.equal(out["reason"]["name"], "host_stopped", f"it says why: {out}")


def test_limits_are_settings():
    with kit.Server(HTTP_LIVE_STREAMS="1", HTTP_LIVE_MODELS="1") as server:
        one = Socket(server, "/live")
        one.heard()
        plain, head, _ = handshake(server, "/live")
        plain.close()
        kit.true(" 503 " in head and "Retry-After" in head, head)
        one.close()


if __name__ == "__main__":
    if os.environ.get("MODEL_LAB_TEST_MODELS") is None:
        print("skipped: MODEL_LAB_TEST_MODELS names no folder of models")
        raise SystemExit(77)
    os.environ.setdefault("MODEL_LAB_MODELS_ROOT", os.environ["MODEL_LAB_TEST_MODELS"])
    kit.main(globals())
