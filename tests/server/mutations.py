"""Random bytes on the wire: requests and frames of every kind, each changed in a few places by a seeded generator. The
server answers with HTTP or ends the connection, never with a fault of its own; afterwards it is as before."""
import concurrent.futures
import json
import os
import random
import socket
import struct
import time

import files
import kit
import socket_kit

RUNS = min(int(os.environ.get("MODEL_LAB_FUZZ_RUNS", "2000")), 100_000)
SEED = 20261130
CLIENTS = 32
SETTINGS = {"HTTP_HEAD_SECONDS": "1", "HTTP_BODY_SECONDS": "1", "HTTP_IDLE_SECONDS": "1", "HTTP_ORIGINS": "https://one.example"}
HOST = b"Host: localhost\r\n"
A = kit.API.encode()
TOKENS = [b"\r\n", b"\r", b"\n", b"\0", b"%00", b"%ff", b"..", b"/", b"//", b"?", b"&", b"=", b";", b",", b'"', b"\\", b"\xff", b"\xc3\x28",
          b"chunked", b"identity", b"gzip", b"0", b"-1", b"18446744073709551616", b"bytes=", b"Host: a\r\n", b"Content-Length: 5\r\n",
          b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"Upgrade: websocket\r\n",
          b"HTTP/1.0", b"HTTP/2.0", b"[", b"{", b"null", b"\\ud800", b"--b", b"--b--", b" " * 70, b"a" * 300, b"0\r\n\r\n"]


def request(line, head=b"", body=b""):
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return line + b" HTTP/1.1\r\n" + HOST + head + length + b"\r\n" + body


def seeds(run, upload):
    json_head = b"Content-Type: application/json\r\n"
    form = (b'--b\r\nContent-Disposition: form-data; name="request"\r\nContent-Type: application/json\r\n\r\n{"pipeline":"transcribe"}\r\n'
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: audio/wav\r\n\r\nno audio at all\r\n--b--\r\n')
    form_head = b"Content-Type: multipart/form-data; boundary=b\r\n"
    item = A + b"/runs/" + run
    yield request(b"GET /livez")
    yield request(b"GET /readyz?verbose")
    yield request(b"GET " + A + b"/runs?status=COMPLETED,FAILED&limit=5&sort=-created_at&q=talk&label=a%3Db", b"Accept-Encoding: gzip;q=0.5, br\r\n")
    yield request(b"GET " + item, b'If-None-Match: "abc", W/"def"\r\nAccept: application/json;q=0.9, */*;q=0.1\r\n')
    yield request(b"GET " + item + b"/audio", b"Range: bytes=10-200\r\nIf-Range: \"x\"\r\n")
    yield request(b"GET " + item + b"/transcript?format=srt", b"Accept-Version: 1\r\nX-Request-Id: a.b-c_d\r\n")
    yield request(b"GET " + item + b"/events", b"Last-Event-ID: 3\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=b,c=d\r\n")
    yield request(b"GET " + item + b"/log?level=info&limit=10")
    yield request(b"PATCH " + item + b"/speakers", json_head + b'If-Match: "1"\r\n', b'{"names":{"A":"Ann"}}')
    yield request(b"POST " + A + b"/runs", json_head + b"Idempotency-Key: \"k1\"\r\nPrefer: respond-async, wait=0\r\n", b'{"upload_id":"' + upload + b'x","request":{"pipeline":"transcribe"}}')
    yield request(b"POST " + A + b"/runs", form_head, form)
    yield request(b"POST " + A + b"/runs", form_head + b"Transfer-Encoding: chunked\r\n") + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (form[:40], form[40:200], form[200:])) + b"0\r\n\r\n"
    yield request(b"POST " + A + b"/runs/estimate", json_head, b'{"request":{"pipeline":"transcribe","caps":{"cpu_seconds":60}},"audio_seconds":12.5}')
    yield request(b"POST " + A + b"/pipelines/validate", json_head, b'{"steps":[{"step":"asr","options":{"beam":5}}],"config":{}}')
    yield request(b"POST " + A + b"/uploads?name=a%20b.wav", b"Content-Type: audio/wav\r\nOrigin: https://one.example\r\n", files.wav(0.01))
    yield request(b"OPTIONS " + A + b"/runs", b"Origin: https://one.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n")
    yield request(b"POST /v1/audio/transcriptions", form_head, form.replace(b'"request"\r\nContent-Type: application/json', b'"response_format"'))
    yield request(b"POST /v1/audio/speech", json_head, b'{"model":"tts-1","input":"","voice":"alloy","speed":9}')
    yield request(b"HEAD /") + request(b"GET /metrics", b"Accept: application/openmetrics-text\r\n")


def mutated(dice, all_seeds):
    data = bytearray(dice.choice(all_seeds))
    for _ in range(dice.choice((1, 1, 1, 2, 3, 5))):
        at = dice.randrange(len(data) + 1)
        kind = dice.randrange(8)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << dice.randrange(8)
        elif kind == 1 and data:
            data[at % len(data)] = dice.randrange(256)
        elif kind in (2, 3):
            data[at:at] = dice.choice(TOKENS)
        elif kind == 4:
            del data[at:at + dice.randrange(1, 30)]
        elif kind == 5:
            data[at:at] = data[at:at + dice.randrange(1, 60)] * dice.choice((1, 2, 9))
        elif kind == 6:
            other = dice.choice(all_seeds)
            cut = dice.randrange(len(other) + 1)
            data[at:at + 40] = other[cut:cut + 40]
        else:
            del data[at:]
        if not data:
            data += b"G"
    return bytes(data)


def whole_answer(answer, data):
    kit.true(answer.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), f"{data!r} was answered with {answer[:200]!r}")
    status = int(answer[9:12])
    kit.true(status < 500 or status in (501, 503, 505), f"{data!r} was answered with {answer[:400]!r}")
    head = answer.split(b"\r\n\r\n", 1)[0]
    for line in head.split(b"\r\n")[1:]:
        kit.true(b":" in line and b"\n" not in line and b"\0" not in line, f"{data!r}: a line of the head is {line!r}")
    kit.true(str(kit.SOURCES).encode() not in answer and b"/tmp/" not in answer, f"{data!r}: a path in {answer[:400]!r}")


def exchange(server, data):
    """What comes back until the end; the client sends no more than `data`. A stream is left after its first piece."""
    with server.connect() as plain:
        try:
            plain.sendall(data)
            plain.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass
        answer = b""
        while True:
            try:
                more = plain.recv(65536)
            except ConnectionResetError:
                return answer
            answer += more
            if not more or b"text/event-stream" in answer or b" 101 " in answer[:16]:
                return answer


def as_before(server, descriptors):
    kit.equal(server.get("/livez").status, 200)
    kit.wait_for(lambda: server.get("/api/v1/testing/open").json["open"] == 0, "every sink was dropped")
    kit.wait_for(lambda: server.descriptors() <= descriptors + 4, "descriptors are given back")
    faults = [line for line in server.log_lines() if line.get("level") in ("error", "fatal", "critical")]
    kit.equal(faults, [], "the server complains of itself")


def make_run(server):
    reply = server.multipart(f"{kit.API}/runs", [("request", None, "application/json", b'{"pipeline":"ingest"}'),
                                                 ("file", "talk.wav", "audio/wav", files.wav(0.5))])
    kit.equal(reply.status, 202, reply)
    run = reply.json["run_id"]
    kit.wait_for(lambda: server.get(f"{kit.API}/runs/{run}/status").json["status"] == "COMPLETED", "the run")
    return run


def test_requests(server):
    run = make_run(server)
    dice = random.Random(SEED)
    all_seeds = list(seeds(run.encode(), b"01M8PVTETDVGGPB7DR73QD627K"))
    for data in all_seeds:  # each is what it seems to be
        answer = exchange(server, data)
        whole_answer(answer, data)
    descriptors = server.descriptors()
    answered = 0
    changed = [mutated(dice, all_seeds) for _ in range(RUNS)]
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:  # who sends half a head waits for the end of its time
        for data, answer in zip(changed, clients.map(lambda data: exchange(server, data), changed)):
            if answer:
                whole_answer(answer, data)
                answered += 1
    print(f"{RUNS} requests, {answered} of them answered")
    kit.true(answered > RUNS // 3, "most of what is changed a little is still a request")
    as_before(server, descriptors)


def say(opcode, payload, fin=True, mask=b"\x11\x22\x33\x44"):
    head = bytes([(0x80 if fin else 0) | opcode])
    head += bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0xFE]) + struct.pack(">H", len(payload))
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def frames(run):
    yield say(1, b'{"action":"subscribe","id":"a","run":"' + run + b'","after":0}')
    yield say(1, b'{"action":"subscribe","id":"b","types":"run.status,run.event"}')
    yield say(1, b'{"action":"unsubscribe","id":"a"}')
    yield say(9, b"hello") + say(1, b'{"action":"ping"}')
    yield say(1, b'{"action":', fin=False) + say(0, b'"ping"}')
    yield say(8, b"\x03\xe8bye")
    yield say(10, b"")
    yield say(2, bytes(range(256)) * 5)
    yield say(1, b'{"type":"start","language":"en"}') + say(2, bytes(3200)) + say(1, b'{"type":"finish"}')


def whole_frames(data, why):
    """Frames of a server, each right by itself; the last may be cut by the end."""
    while len(data) >= 2:
        opcode, count, at = data[0] & 15, data[1] & 127, 2
        kit.true(data[0] & 0xF0 == 0x80 and opcode in (1, 2, 8, 9, 10) and data[1] < 128, f"{why}: {data[:40]!r}")
        if count > 125:
            wide = 2 if count == 126 else 8
            count, at = int.from_bytes(data[2:2 + wide], "big"), 2 + wide
        if opcode == 1 and len(data) >= at + count:
            json.loads(data[at:at + count])
        data = data[at + count:]


def exchange_frames(server, path, data):
    while True:
        plain, head, rest = socket_kit.handshake(server, path)
        if " 503 " not in head.split("\r\n")[0]:
            break
        plain.close()  # all places are taken: by those that ended just now
        time.sleep(0.05)
    with plain:
        kit.true(" 101 " in head.split("\r\n")[0], f"{path}: {head}")
        try:
            plain.sendall(data)
            plain.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it was closed meanwhile
        whole_frames(rest + kit.read_all(plain), f"{path}, {data!r}")


def test_frames(server):
    run = make_run(server)
    dice = random.Random(SEED + 1)
    all_seeds = list(frames(run.encode()))
    descriptors = server.descriptors()
    paths = ("/ws", f"/runs/{run}/ws", "/live?model=whisper-tiny.en")
    changed = [(path, b"".join(mutated(dice, all_seeds) for _ in range(dice.choice((1, 1, 2, 4)))))
               for path in paths for _ in range(max(RUNS // 20, 20))]
    with concurrent.futures.ThreadPoolExecutor(CLIENTS // 4) as clients:  # there are 16 places for live streams
        for _ in clients.map(lambda one: exchange_frames(server, *one), changed):
            pass  # what is wrong has been raised
    as_before(server, descriptors)


if __name__ == "__main__":
    kit.main(globals())
