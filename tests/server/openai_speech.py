"""OpenAI-compatible speech by the official client, with a real voice: every format, streams, what is
refused, and a round trip from text to speech to text."""
import io
import json
import os
import pathlib
import socket
import subprocess

import kit

try:
    import openai
except ImportError:
    openai = None

TEXT = "The quick brown fox jumps over the lazy dog. We hope that the weather will be fine tomorrow."


def client(server):
    if openai is None:
        raise kit.Skip("the package openai is not installed (tests/requirements.txt)")
    for name in ("piper-en_US-joe-medium", "cmudict"):
        if not (kit.models() / name).is_dir():
            raise kit.Skip(f"{name} is not installed")
    return openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=300)


def speak(server, **options):
    options = {"model": "tts-1", "voice": "alloy", "input": TEXT, **options}
    return client(server).audio.speech.create(**options)


def test_each_format_is_what_it_says(server):
    heads = {"mp3": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xe3"), "opus": (b"OggS",), "flac": (b"fLaC",), "wav": (b"RIFF",)}
    types = {"mp3": "audio/mpeg", "opus": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav", "pcm": "audio/pcm"}
    pcm = speak(server, response_format="pcm").content
    kit.true(24000 * 2 * 3 < len(pcm) < 24000 * 2 * 15 and len(pcm) % 2 == 0, len(pcm))
    for name, kind in types.items():
        answer = speak(server, response_format=name)
        kit.equal(answer.response.headers["content-type"], kind)
        kit.true(name == "pcm" or answer.content.startswith(heads[name]), (name, answer.content[:4]))
        kit.true(answer.response.headers["x-run-id"], "it is a run")
    kit.equal(speak(server, response_format="wav").content[44:], pcm, "wav and pcm are the same samples")
    kit.true(speak(server).response.headers["content-type"] == "audio/mpeg", "mp3 unless asked otherwise")


def test_speed_and_voices(server):
    pcm = speak(server, response_format="pcm").content
    fast = speak(server, response_format="pcm", speed=2).content
    kit.true(0.35 < len(fast) / len(pcm) < 0.75, (len(fast), len(pcm)))
    kit.equal(speak(server, response_format="pcm", voice="piper-en_US-joe-medium").content, pcm)
    named = client(server).audio.speech.create(model="piper-en_US-joe-medium", voice={"id": "nova"}, input=TEXT,
                                               response_format="pcm", instructions="")
    kit.equal(named.content, pcm)


def test_the_setting_says_what_names_stand_for():
    setting = "reader=piper-en_US-joe-medium,teller=piper-en_US-joe-medium,tts-1-hd=piper-none"
    with kit.Server(HTTP_OPENAI_MODELS=setting) as server:
        whole = speak(server, response_format="pcm").content
        kit.equal(speak(server, response_format="pcm", model="reader").content, whole)
        kit.equal(speak(server, response_format="pcm", voice="teller").content, whole)
        reply = server.post("/v1/audio/speech", {"model": "tts-1-hd", "voice": "alloy", "input": "Hello."})
        kit.equal((reply.status, reply.json["error"]["param"]), (404, "model"))


def test_after_its_start_the_server_makes_speech_ready():
    import tempfile
    with tempfile.TemporaryDirectory() as folder, kit.Server(HTTP_WARM=1, CACHE_ROOT=folder) as server:
        client(server)
        kit.wait_for(lambda: server.log_lines(event="speech.warm"), "a voice and the dictionary are open")
        kit.true(list(pathlib.Path(folder).rglob("*.mlimg")), "the weights are packed")
        mapped = pathlib.Path(f"/proc/{server.process.pid}/maps").read_text()
        kit.true(".mlimg" in mapped, "and in memory, before anything was asked for")
        kit.true(len(speak(server, response_format="pcm").content) > 100000, "it speaks")
    with tempfile.TemporaryDirectory() as folder, kit.Server(HTTP_WARM=1, CACHE_ROOT=folder):
        pass  # stopped while it is at that


def test_speech_is_understood_again(server):
    if not (kit.models() / "whisper-tiny.en").is_dir():
        raise kit.Skip("whisper-tiny.en is not installed")
    for name in ("wav", "mp3", "flac", "opus"):
        audio = io.BytesIO(speak(server, response_format=name).content)
        audio.name = "speech." + ("ogg" if name == "opus" else name)
        heard = client(server).audio.transcriptions.create(model="whisper-1", file=audio).text.lower()
        words = {word.strip(".,") for word in heard.split()}
        kit.true({"quick", "brown", "fox", "lazy", "dog", "weather", "tomorrow"} <= words, (name, heard))


def test_events_carry_the_same_bytes(server):
    import base64
    pcm = speak(server, response_format="pcm").content
    reply = server.post("/v1/audio/speech", {"model": "tts-1", "voice": "ash", "input": TEXT, "response_format": "pcm",
                                             "stream_format": "sse"})
    kit.equal((reply.status, reply.header("Content-Type")), (200, "text/event-stream"))
    events = [json.loads(block[6:]) for block in reply.text.split("\n\n") if block.startswith("data: ")]
    kit.equal(b"".join(base64.b64decode(e["audio"]) for e in events if e["type"] == "speech.audio.delta"), pcm)
    kit.equal(events[-1]["type"], "speech.audio.done")
    usage = events[-1]["usage"]
    kit.equal(usage["total_tokens"], usage["input_tokens"] + usage["output_tokens"])


def status(server, run_id):
    done = subprocess.run([str(kit.BINARIES / "modellab"), "run", "status", run_id, "--json"], capture_output=True, text=True,
                          env=server.environment, check=False)
    return done.stdout


def test_it_is_streamed_and_a_client_that_goes_cancels_it(server):
    client(server)
    text = "This is one sentence of very many, and it goes on for quite a while. " * 55
    plain = server.connect()
    body = json.dumps({"model": "tts-1", "voice": "alloy", "input": text[:4000], "response_format": "pcm", "speed": 0.25}).encode()
    plain.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body)
    head, rest = kit.read_head(plain)
    run_id = [line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("x-run-id")][0]
    kit.true(rest or plain.recv(1), "the first samples")
    kit.true('"RUNNING"' in status(server, run_id), "they come while the run is at work: the queue holds a part of it only")
    plain.close()
    kit.wait_for(lambda: '"CANCELLED"' in status(server, run_id), "the run of a client that left is cancelled")


def begin(server, text=None, **options):
    """A raw connection with a small window on which speech was asked for: (socket, head, first bytes)."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    plain.settimeout(kit.PATIENCE)
    plain.connect((server.host, server.port))
    body = json.dumps({"model": "tts-1", "voice": "alloy", "input": text or TEXT * 8, "response_format": "pcm", "speed": 0.25,
                       **options}).encode()
    plain.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body)
    head, rest = kit.read_head(plain)
    return plain, head, rest


def run_of(head):
    return [line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("x-run-id")][0]


def is_whole(body):
    """Does a chunked body end with its last chunk?"""
    return body.endswith(b"\r\n0\r\n\r\n")


def test_readers_that_stop_reading_hold_nothing_up():
    with kit.Server(HTTP_THREADS=2, HTTP_SEND_SECONDS=100000) as server:
        client(server)
        readers = []
        for _ in range(2 * len(os.sched_getaffinity(0)) + 2):  # more than may be made at the same time

            def accepted():
                plain, head, _ = begin(server)
                if " 200 " not in head.split("\r\n")[0]:
                    plain.close()
                    return None
                return plain, run_of(head)
            readers.append(kit.wait_for(accepted, "another reader is served while the others do not read"))
        kit.equal(server.get("/v1/models").status, 200)
        kit.wait_for(lambda: server.post("/v1/audio/speech", {"model": "tts-1", "voice": "alloy", "input": "Hello."}).status == 200,
                     "others are spoken to")
        kit.equal([run for _, run in readers if '"RUNNING"' not in status(server, run)], [], "nobody was cut off for that")
        plain, run = readers.pop()
        body = kit.read_all_chunked(plain)
        kit.true(is_whole(body) and len(body) > 3 << 20, ("who reads again has all of it", len(body), body[-20:]))
        kit.true('"COMPLETED"' in status(server, run), "its run has ended when it has everything")
        plain.close()
        for plain, run in readers:
            plain.close()
            kit.wait_for(lambda run=run: '"CANCELLED"' in status(server, run), "the run of a reader that left is cancelled")


def test_a_client_that_does_not_read_is_cut_off():
    with kit.Server(HTTP_SEND_SECONDS=1) as server:
        client(server)
        for options in ({}, {"stream_format": "sse"}):
            plain, head, _ = begin(server, **options)
            shown = kit.wait_for(lambda head=head: '"CANCELLED"' in status(server, run_of(head)) and status(server, run_of(head)),
                                 "its run is cancelled")
            kit.true("The client did not read." in shown, shown)
            kit.true(not is_whole(kit.read_all(plain)), "and it sees that this is not all")
            plain.close()
        kit.equal(len(server.log_lines(event="delivery.stalled")), 2, "the log tells it")


def test_speech_that_fails_in_the_middle_does_not_end_like_a_whole_one(server):
    client(server)
    for options in ({}, {"response_format": "mp3"}, {"response_format": "wav"}):
        plain, head, rest = begin(server, text=(TEXT * 60)[:4000], **options)
        kit.equal(server.post(f"/api/v1/runs/{run_of(head)}/cancel").status, 202, "while it is at work")
        body = rest + kit.read_all(plain)
        plain.close()
        kit.true(body and not is_whole(body), (options, "the connection is cut", body[-20:]))
        kit.true('"CANCELLED"' in status(server, run_of(head)), "its run says why")
    plain, head, rest = begin(server, text=(TEXT * 60)[:4000], stream_format="sse")
    kit.equal(server.post(f"/api/v1/runs/{run_of(head)}/cancel").status, 202)
    body = rest + kit.read_all_chunked(plain)
    plain.close()
    last = [line for line in body.split(b"\n") if line.startswith(b"data: ")][-1]
    kit.true(is_whole(body) and json.loads(last[6:])["error"]["type"] == "server_error", body[-300:])


def test_the_run_keeps_what_was_said(server):
    answer = speak(server, response_format="wav", extra_headers={"X-Request-Id": "speech-1"})
    run_id = answer.response.headers["x-run-id"]
    shown = kit.wait_for(lambda: "COMPLETED" in status(server, run_id) and status(server, run_id), "it ends")
    kit.true('"speech-1"' in shown, shown)
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([str(kit.BINARIES / "modellab"), "run", "results", run_id, "--artifact", "speech.wav", "--output",
                               os.path.join(folder, "a.wav")], capture_output=True, env=server.environment, check=False)
        kit.equal(done.returncode, 0, done.stderr)
        with open(os.path.join(folder, "a.wav"), "rb") as file:
            kit.equal(file.read(), answer.content)


def test_what_makes_no_sense_is_refused_by_name(server):
    client(server)
    cases = [({"response_format": "aac"}, "response_format"), ({"response_format": "ogg"}, "response_format"),
             ({"speed": 5}, "speed"), ({"speed": "fast"}, "speed"), ({"input": ""}, "input"), ({"input": "a" * 4097}, "input"),
             ({"input": "\u4e2d\u6587"}, "input"), ({"voice": "nobody"}, "voice"), ({"voice": 7}, "voice"),
             ({"stream_format": "ws"}, "stream_format"), ({"instructions": "Speak softly."}, "instructions"),
             ({"colour": "red"}, "colour"), ({"model": "piper-en_US-joe-medium", "voice": "nobody"}, "voice"), ({"input": None}, "input"), ({"model": 5}, "model")]
    for change, param in cases:
        reply = server.post("/v1/audio/speech", {"model": "tts-1", "voice": "alloy", "input": TEXT, **change})
        error = reply.json["error"]
        kit.equal((reply.status, error["param"], error["type"]), (400, param, "invalid_request_error"), change)
        kit.true(error["code"] and error["message"], error)
    for missing in ("model", "voice", "input"):
        whole = {"model": "tts-1", "voice": "alloy", "input": TEXT}
        del whole[missing]
        reply = server.post("/v1/audio/speech", whole)
        kit.equal((reply.status, reply.json["error"]["param"], reply.json["error"]["code"]),
                  (400, missing, "missing_required_parameter"))
    reply = server.post("/v1/audio/speech", [1])
    kit.equal((reply.status, reply.json["error"]["type"]), (400, "invalid_request_error"))


if __name__ == "__main__":
    kit.main(globals())
