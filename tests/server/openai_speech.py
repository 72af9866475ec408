"""OpenAI-compatible speech by the official client, with a real voice: every format, streams, what is
refused, and a round trip from text to speech to text."""
import io
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
                                               response_format="pcm", instructions="Speak softly.")
    kit.equal(named.content, pcm)


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
    import json
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
    import json
    body = json.dumps({"model": "tts-1", "voice": "alloy", "input": text[:4000], "response_format": "pcm", "speed": 0.25}).encode()
    plain.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body)
    head, rest = kit.read_head(plain)
    run_id = [line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("x-run-id")][0]
    kit.true(rest or plain.recv(1), "the first samples")
    kit.true('"RUNNING"' in status(server, run_id), "they come while the run is at work: the queue holds a part of it only")
    plain.close()
    kit.wait_for(lambda: '"CANCELLED"' in status(server, run_id), "the run of a client that left is cancelled")


def test_the_run_keeps_what_was_said(server):
    answer = speak(server, response_format="wav", extra_headers={"X-Request-Id": "speech-1"})
    run_id = answer.response.headers["x-run-id"]
    shown = kit.wait_for(lambda: "COMPLETED" in status(server, run_id) and status(server, run_id), "it ends")
    kit.true('"speech-1"' in shown, shown)
    import os
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
             ({"stream_format": "ws"}, "stream_format"), ({"input": None}, "input"), ({"model": 5}, "model")]
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
