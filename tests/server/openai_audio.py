"""The OpenAI-compatible transcriptions, by the official client and by raw requests, with the real model:
every format, streams, known speakers, errors with their types, cancel when the client goes."""
import contextlib
import json
import subprocess

import kit

try:
    import openai
except ImportError:
    openai = None

SETTINGS = {}


def client(server):
    if openai is None:
        raise kit.Skip("the package openai is not installed (tests/requirements.txt)")
    return openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=300)


def sample():
    models = kit.models()
    path = models / "sample-conversation" / "sample.wav"
    if not path.is_file() or not (models / "whisper-tiny.en").is_dir():
        raise kit.Skip("whisper-tiny.en and sample-conversation are not installed")
    return path


_cli = {}


def cli(format_name, *more):
    """What the command line makes of the sample."""
    key = (format_name, *more)
    if key not in _cli:
        import os
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "MODEL_LAB_ROOT": folder, "MODEL_LAB_MIN_FREE_BYTES": "0"}
            done = subprocess.run([str(kit.BINARIES / "modellab"), "transcribe", str(sample()), "--format", format_name,
                                   *more], capture_output=True, env=environment, check=False, text=True)
        kit.equal(done.returncode, 0, done.stderr)
        _cli[key] = done.stdout
    return _cli[key]


def flat(text):
    return " ".join(text.split())


def ask(server, **options):
    with open(sample(), "rb") as file:
        return client(server).audio.transcriptions.create(model="whisper-1", file=file, **options)


def test_json_is_the_text_of_the_command_line(server):
    result = ask(server)
    kit.equal(flat(result.text), flat(json.loads(cli("json"))["text"]))
    kit.equal(result.usage.type, "duration")
    kit.true(abs(result.usage.seconds - json.loads(cli("verbose_json"))["duration"]) < 0.01, result.usage)


def test_text_srt_vtt_are_those_of_the_command_line(server):
    kit.equal(flat(ask(server, response_format="text")), flat(cli("txt")))
    kit.equal(ask(server, response_format="srt"), cli("srt"))
    kit.equal(ask(server, response_format="vtt"), cli("vtt"))


def test_verbose_json_has_segments_or_words_as_asked(server):
    whole = json.loads(cli("verbose_json"))
    result = ask(server, response_format="verbose_json")
    kit.equal(result.text, whole["text"])
    kit.equal(result.language, "english")
    kit.equal(result.words, None)
    kit.equal([s.text for s in result.segments], [s["text"] for s in whole["segments"]])
    kit.equal([s.start for s in result.segments], [s["start"] for s in whole["segments"]])
    kit.equal(set(result.segments[0].to_dict()), {"id", "seek", "start", "end", "text", "tokens", "temperature",
                                                  "avg_logprob", "compression_ratio", "no_speech_prob"})
    words = ask(server, response_format="verbose_json", timestamp_granularities=["word"])
    timed = json.loads(cli("verbose_json", "--word-times"))
    kit.equal(words.segments, None)
    kit.equal([(w.word, w.start, w.end) for w in words.words], [(w["word"], w["start"], w["end"]) for w in timed["words"]])
    both = ask(server, response_format="verbose_json", timestamp_granularities=["word", "segment"])
    kit.true(both.words and both.segments, "both")
    plain = server.multipart("/v1/audio/transcriptions", [
        ("file", "a.wav", "audio/wav", sample().read_bytes()), ("model", None, None, b"whisper-1"),
        ("response_format", None, None, b"verbose_json"), ("timestamp_granularities", None, None, b"word")])
    kit.equal(len(plain.json["words"]), len(words.words), "the name without brackets")


def test_log_probabilities_spell_the_text(server):
    import math
    result = ask(server, include=["logprobs"])
    spelled = b"".join(bytes(map(int, token.bytes)) for token in result.logprobs).decode()
    kit.equal(flat(spelled), flat(result.text))
    kit.true(all(token.logprob <= 0 and math.isfinite(token.logprob) for token in result.logprobs), "they are logarithms")
    mean = sum(token.logprob for token in result.logprobs) / len(result.logprobs)
    kit.true(-1.5 < mean < -0.001, mean)


def test_a_stream_spells_the_text(server):
    events = list(ask(server, stream=True, include=["logprobs"]))
    kit.equal(events[-1].type, "transcript.text.done")
    kit.equal({event.type for event in events[:-1]}, {"transcript.text.delta"})
    kit.true(len(events) > 2, "several deltas")
    kit.equal("".join(event.delta for event in events[:-1]).strip(), events[-1].text)
    kit.equal(flat(events[-1].text), flat(json.loads(cli("json"))["text"]))
    kit.equal(sum(len(event.logprobs) for event in events[:-1]), len(events[-1].logprobs))
    usage = events[-1].usage
    kit.equal((usage.type, usage.total_tokens), ("tokens", usage.input_tokens + usage.output_tokens))


def test_diarized_json_has_speakers(server):
    whole = json.loads(cli("diarized_json", "--speakers"))
    result = ask(server, response_format="diarized_json", chunking_strategy="auto")
    kit.true({segment.speaker for segment in result.segments} >= {"A", "B"}, result.segments)
    plain = ask(server, response_format="diarized_json")
    kit.equal([(s.speaker, s.text) for s in plain.segments], [(s["speaker"], s["text"]) for s in whole["segments"]])
    kit.equal(plain.usage.type, "duration")
    events = list(ask(server, response_format="diarized_json", stream=True))
    segments = [event for event in events if event.type == "transcript.text.segment"]
    kit.equal([(s.speaker, s.text) for s in segments], [(s["speaker"], s["text"]) for s in whole["segments"]])
    kit.equal(events[-1].type, "transcript.text.done")


def cut(seconds, start):
    """A piece of the sample as WAV."""
    import io
    import wave
    with wave.open(str(sample()), "rb") as whole:
        whole.setpos(int(start * whole.getframerate()))
        frames = whole.readframes(int(seconds * whole.getframerate()))
        out = io.BytesIO()
        with wave.open(out, "wb") as piece:
            piece.setparams(whole.getparams())
            piece.writeframes(frames)
    return out.getvalue()


def data_url(audio):
    import base64
    return "data:audio/wav;base64," + base64.b64encode(audio).decode()


def test_known_speakers_get_their_names(server):
    turns = [line.split() for line in (sample().parent / "sample.rttm").read_text().splitlines() if line.startswith("SPEAKER")]
    longest = max(turns, key=lambda turn: float(turn[4]))
    start, length = float(longest[3]), min(float(longest[4]), 8.0)
    kit.true(length >= 2, "the sample has a turn of two seconds")
    result = ask(server, response_format="diarized_json", known_speaker_names=["Ann"],
                 known_speaker_references=[data_url(cut(length, start))])
    kit.true("Ann" in {segment.speaker for segment in result.segments}, result.segments)
    for bad, url in (("too short", data_url(cut(1, start))), ("too long", data_url(cut(12, 0))), ("no data", "https://x/y.wav"),
                     ("no audio", "data:audio/wav;base64,aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8=")):
        expect(server, openai.BadRequestError, "known_speaker_references", response_format="diarized_json",
               known_speaker_names=["Ann"], known_speaker_references=[url], what=bad)
    expect(server, openai.BadRequestError, "known_speaker_names", response_format="diarized_json", known_speaker_names=["Ann"])


def expect(server, kind, param, what="", **options):
    try:
        ask(server, **options)
    except kind as error:
        kit.equal(error.body["param"], param, what)
        kit.true(error.body["message"] and error.body["code"], error.body)
        kit.equal(error.body["type"], "invalid_request_error")
        return
    raise AssertionError(f"{what} {options} was not refused")


def test_what_makes_no_sense_is_refused_by_name(server):
    client(server)
    bad = openai.BadRequestError
    expect(server, bad, "response_format", response_format="mp3")
    expect(server, bad, "temperature", temperature=1.5)
    expect(server, bad, "timestamp_granularities", timestamp_granularities=["word"])
    expect(server, bad, "timestamp_granularities", response_format="verbose_json", timestamp_granularities=["line"])
    expect(server, bad, "include", response_format="text", include=["logprobs"])
    expect(server, bad, "stream", response_format="srt", stream=True)
    expect(server, bad, "language", language="klingonese")
    expect(server, bad, "chunking_strategy", chunking_strategy={"type": "client_vad"})
    for wrong in ({"eagerness": "low"}, {"prefix_padding_ms": 5001}, {"silence_duration_ms": 1.5}, {"threshold": 0},
                  {"threshold": "high"}):
        expect(server, bad, "chunking_strategy", chunking_strategy={"type": "server_vad", **wrong})
    expect(server, bad, "chunking_strategy", chunking_strategy="none")
    expect(server, bad, "prompt", prompt="a" * 4001)
    expect(server, bad, "colour", extra_body={"colour": "red"})
    with contextlib.suppress(kit.Skip):
        file = ("file", "a.wav", "audio/wav", sample().read_bytes())
        model = ("model", None, None, b"whisper-1")
        for parts, param in (([file], "model"), ([model], "file"), ([file, model, file], "file")):
            reply = server.multipart("/v1/audio/transcriptions", parts)
            kit.equal((reply.status, reply.json["error"]["param"]), (400, param))
    try:
        client(server).audio.transcriptions.create(model="whisper-9", file=("a.wav", sample().read_bytes()))
    except openai.NotFoundError as error:
        kit.equal((error.body["code"], error.body["param"]), ("model_not_found", "model"))
    else:
        raise AssertionError("an unknown model was taken")


def run_of(server, run_id):
    return server.get(f"/api/v1/runs/{run_id}").json


def test_each_parameter_reaches_the_engine(server):
    """What the step was given, by the record of the run."""
    vad = {"type": "server_vad", "threshold": 0.7, "prefix_padding_ms": 120, "silence_duration_ms": 700}
    asked = [({"prompt": "Silverlight, Haskell."}, {"initial_prompt": "Silverlight, Haskell."}),
             ({"temperature": 0.4}, {"temperatures": [0.4]}), ({"temperature": 0}, {"temperatures": [0, 0.2, 0.4, 0.6, 0.8, 1]}),
             ({"language": "en"}, {"language": "en"}), ({"chunking_strategy": "auto"}, {"vad": True, "vad_pad_ms": 400}),
             ({"chunking_strategy": vad}, {"vad": True, "vad_threshold": 0.7, "vad_pad_ms": 120, "vad_min_silence_ms": 700})]
    whisper = client(server)
    for options, wanted in asked:
        reply = whisper.audio.transcriptions.with_raw_response.create(model="whisper-1", file=("a.wav", cut(4, 0)), **options)
        step = next(s for s in run_of(server, reply.headers["x-run-id"])["steps"] if s["name"] == "asr")
        config = step["resolved_config"]
        kit.equal({key: config.get(key) for key in wanted}, wanted, options)


def test_the_numbers_of_server_vad_change_what_is_heard(server):
    """Little padding and short silences make many pieces, much of both few; nothing is passed over."""
    def starts(**numbers):
        result = ask(server, response_format="verbose_json", chunking_strategy={"type": "server_vad", **numbers})
        return [(s.start, s.end) for s in result.segments]
    usual = starts()
    kit.equal(usual, starts(threshold=0.5, prefix_padding_ms=400, silence_duration_ms=160), "the usual numbers")
    kit.true(starts(threshold=0.95) != usual, "threshold")
    bare = starts(prefix_padding_ms=0)
    kit.true(bare != usual, "prefix_padding_ms")
    kit.true(starts(prefix_padding_ms=0, silence_duration_ms=2000) != bare, "silence_duration_ms")


def test_what_is_no_audio_is_refused_at_its_first_bytes(server):
    for name, data, status in (("a.txt", b"hello " * 4000, {400, 415}), ("a.mp4", b"\0\0\0\x18ftypmp42" + b"\0" * 9000, {415}),
                               ("a.wav", b"", {400})):
        reply = server.multipart("/v1/audio/transcriptions", [("model", None, None, b"whisper-1"), ("file", name, None, data)])
        kit.true(reply.status in status, reply)
        kit.equal((reply.json["error"]["type"], reply.json["error"]["param"]), ("invalid_request_error", "file"))
    kit.equal(list((server.root / "uploads").glob("*")), [], "nothing is left of them")


def test_each_call_is_a_run_and_leaves_no_upload(server):
    reply = server.multipart("/v1/audio/transcriptions",
                             [("file", "call.wav", "audio/wav", sample().read_bytes()), ("model", None, None, b"whisper-tiny.en")],
                             headers={"X-Request-Id": "openai-test-1"})
    kit.equal(reply.status, 200, reply)
    kit.equal(reply.header("X-Request-Id"), "openai-test-1")
    run_id = reply.header("X-Run-Id")
    shown = subprocess.run([str(kit.BINARIES / "modellab"), "run", "status", run_id, "--json"], capture_output=True, text=True,
                           env={**server.environment}, check=False)
    kit.equal(shown.returncode, 0, shown.stderr)
    kit.true('"openai-test-1"' in shown.stdout and '"COMPLETED"' in shown.stdout, shown.stdout)
    kit.equal(list((server.root / "uploads").glob("*")), [], "its upload is gone")
    kit.wait_for(lambda: server.log_lines(request_id="openai-test-1", event="openai.run"), "the log names the run")


def test_translations_need_a_model_that_can(server):
    whisper = client(server)
    if not (kit.models() / "whisper-base").is_dir():
        raise kit.Skip("whisper-base is not installed")
    with open(sample(), "rb") as file:
        result = whisper.audio.translations.create(model="whisper-1", file=file)
    kit.true(len(result.text) > 100, result.text)
    run = server.multipart("/v1/audio/translations", [("file", "a.wav", None, cut(3, 0)), ("model", None, None, b"whisper-1"),
                                                      ("response_format", None, None, b"verbose_json")])
    kit.equal((run.status, run.json["task"]), (200, "translate"))
    with open(sample(), "rb") as file:
        try:
            whisper.audio.translations.create(model="whisper-tiny.en", file=file)
        except openai.APIStatusError as error:
            kit.equal(error.status_code, 400)
        else:
            raise AssertionError("an English model translated")


def waiting_server():
    """Its workers stop behind the first window until they are cancelled."""
    return kit.Server(FAIL_STEP="asr:wait_windows")


def events_of(server, run_id):
    done = subprocess.run([str(kit.BINARIES / "modellab"), "run", "status", run_id, "--json"], capture_output=True, text=True,
                          env=server.environment, check=False)
    return done.stdout


def test_the_first_delta_comes_while_the_run_works_and_a_client_that_goes_cancels_it():
    with waiting_server() as server:
        stream = ask(server, stream=True)
        first = next(iter(stream))
        kit.equal(first.type, "transcript.text.delta")
        run_id = stream.response.headers["x-run-id"]
        kit.true('"RUNNING"' in events_of(server, run_id), "it is still at work")
        stream.close()
        kit.wait_for(lambda: '"CANCELLED"' in events_of(server, run_id), "the run of a stream that was left is cancelled")


def test_a_client_that_waits_and_goes_cancels_its_run():
    with waiting_server() as server:
        body = (b'--kit-boundary\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
                b'--kit-boundary\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + sample().read_bytes()
                + b"\r\n--kit-boundary--\r\n")
        plain = server.connect()
        plain.sendall(b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: leaves\r\n"
                      b"Content-Type: multipart/form-data; boundary=kit-boundary\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        kit.wait_for(lambda: server.log_lines(request_id="leaves", event="openai.run"), "the run was submitted")
        run_id = next((server.root / "runs").iterdir()).name  # the only one
        kit.wait_for(lambda: '"RUNNING"' in events_of(server, run_id), "the run begins")
        plain.close()
        kit.wait_for(lambda: '"CANCELLED"' in events_of(server, run_id), "the run of a client that left is cancelled")


def test_a_run_that_fails_is_an_error_of_the_client():
    with kit.Server(FAIL_STEP="asr") as server:
        try:
            ask(server)
        except openai.InternalServerError as error:
            kit.equal((error.status_code, error.body["type"], error.body["code"]), (500, "server_error", "internal"))
        else:
            raise AssertionError("a failed run gave a text")
        try:
            list(ask(server, stream=True))
        except openai.APIError as error:
            kit.true("test asked" in str(error), error)
        else:
            raise AssertionError("a failed run was streamed to its end")


if __name__ == "__main__":
    kit.main(globals())
