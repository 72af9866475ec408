"""What OpenAI's clients rely on besides results: errors in their shape for every refusal, keys and scopes, caps, what they try
again by themselves and what not, HEAD and OPTIONS, ids of requests; each call is a run with its cost."""
import json
import subprocess

import kit

try:
    import openai
except ImportError:
    openai = None

SPEECH = {"model": "tts-1", "voice": "alloy", "input": "Hello there."}


def make_key(server, *arguments):
    said = subprocess.run([str(kit.BINARIES / "modellab"), "key", "create", "--json", "--lab", str(server.root), *arguments],
                          env=server.environment, stdout=subprocess.PIPE, check=True).stdout
    return json.loads(said)["secret"]


def client(server, key="none", retries=0):
    if openai is None:
        raise kit.Skip("the package openai is not installed (tests/requirements.txt)")
    return openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=retries, timeout=300)


def need(*names):
    for name in names:
        if not (kit.models() / name).is_dir():
            raise kit.Skip(f"{name} is not installed")


def sample():
    need("sample-conversation", "whisper-tiny.en")
    return (kit.models() / "sample-conversation" / "sample.wav").read_bytes()


def error_of(reply, status, kind, code, param=None):
    kit.equal(reply.status, status, reply)
    kit.equal(reply.header("Content-Type"), "application/json")
    kit.equal(set(reply.json), {"error"})
    error = reply.json["error"]
    kit.equal(set(error), {"message", "type", "param", "code"})
    kit.equal((error["type"], error["code"], error["param"]), (kind, code, param), reply)
    kit.true(error["message"] and reply.header("X-Request-Id"), "it is told to people, and has an id")


def test_each_refusal_has_the_shape(server):
    bad = "invalid_request_error"
    text = {"Content-Type": "application/json"}
    for path in ("/v1/nothing", "/v1/audio/nothing"):
        for method in ("GET", "POST", "DELETE"):
            error_of(server.request(method, path), 404, bad, "not_found")
    error_of(server.get("/v1/models/none"), 404, bad, "model_not_found", "model")
    error_of(server.get("/v1/audio/speech"), 405, bad, "method_not_allowed")
    error_of(server.request("POST", "/v1/audio/speech", body=b"{", headers=text), 400, bad, "invalid_json")
    error_of(server.request("POST", "/v1/audio/speech", body=b"x", headers={"Content-Type": "text/plain"}), 415, bad,
             "unsupported_media_type")
    error_of(server.post("/v1/audio/transcriptions", {"model": "whisper-1"}), 415, bad, "unsupported_media_type")
    error_of(server.request("POST", "/v1/audio/speech", body=b'"' + b"a" * 2000000 + b'"', headers=text), 413, bad, "too_large")
    error_of(server.post("/v1/audio/speech", {**SPEECH, "speed": 9}), 400, bad, "invalid_value", "speed")
    kit.equal(server.get("/api/v1/nothing").header("Content-Type"), "application/problem+json", "others keep theirs")


def test_head_and_options(server):
    head, whole = server.request("HEAD", "/v1/models"), server.get("/v1/models")
    kit.equal((head.status, head.body, head.header("Content-Length")), (200, b"", str(len(whole.body))))
    for path, allowed in (("/v1/models", "GET"), ("/v1/audio/speech", "POST"), ("/v1/audio/transcriptions", "POST")):
        reply = server.request("OPTIONS", path)
        kit.equal(reply.status, 204)
        kit.true(allowed in reply.header("Allow"), reply.header("Allow"))


def raises(kind, what, **fields):
    try:
        what()
    except kind as error:
        for name, value in fields.items():
            kit.equal(error.body[name], value, name)
        return error
    raise AssertionError(f"no {kind.__name__}")


def test_keys_and_scopes():
    need("piper-en_US-joe-medium", "cmudict")
    with kit.Server(HTTP_KEYS="on") as server:
        reader, writer = make_key(server, "--scopes", "runs:read"), make_key(server, "--scopes", "runs:write", "--user", "ann")
        other = make_key(server, "--scopes", "runs:read", "--user", "bob")
        raises(openai.AuthenticationError, client(server, "wrong").models.list, code="invalid_api_key", type="authentication_error")
        client(server, reader).models.list()
        raises(openai.PermissionDeniedError, lambda: client(server, reader).audio.speech.create(**SPEECH), code="forbidden",
               type="permission_error")
        answer = client(server, writer).audio.speech.create(**SPEECH, extra_headers={"X-Request-Id": "said-by-ann"})
        run_id = answer.response.headers["x-run-id"]
        kit.equal(answer.response.headers["x-request-id"], "said-by-ann")
        server.key = make_key(server, "--scopes", "admin")
        run = server.get(f"/api/v1/runs/{run_id}").json
        kit.equal((run["user"], run["request_id"], run["status"]), ("ann", "said-by-ann", "COMPLETED"))
        kit.true(run["cost"]["micros"] >= 0 and run["measures"]["cpu_seconds"] > 0, run["measures"])
        server.key = other
        kit.equal(server.get(f"/api/v1/runs/{run_id}").status, 404, "nobody else's")


def test_what_cannot_help_is_not_tried_again():
    """The official client tries 409, 429 and what is 500 or more again, unless it is told that it is of no use."""
    data = sample()
    with kit.Server(FAIL_STEP="asr") as server:
        whisper = client(server, retries=5)
        raises(openai.InternalServerError, lambda: whisper.audio.transcriptions.create(model="whisper-1", file=("a.wav", data)))
        kit.equal(len(list((server.root / "runs").iterdir())), 1, "one run failed, and no other was made")


def test_caps_are_told_and_not_tried_again():
    need("piper-en_US-joe-medium", "cmudict")
    data = sample()
    with kit.Server(HTTP_KEYS="on") as server:
        writer = make_key(server, "--scopes", "runs:write", "--user", "ann")
        server.key = make_key(server, "--scopes", "admin")
        cap = {"measure": "audio_seconds", "period": "day", "value": 1}
        kit.equal(server.request("PUT", "/api/v1/admin/caps/ann", json_body=cap).status, 200)
        count = len(list((server.root / "runs").iterdir()))
        whisper = client(server, writer, retries=5)
        error = raises(openai.RateLimitError, lambda: whisper.audio.transcriptions.create(model="whisper-1", file=("a.wav", data)),
                       code="cap_exceeded", type="rate_limit_error")
        kit.equal(error.response.headers["x-should-retry"], "false")
        kit.true(len(list((server.root / "runs").iterdir())) <= count + 1, "one attempt")


def test_rates_are_told_and_waited_for():
    if openai is None:
        raise kit.Skip("the package openai is not installed (tests/requirements.txt)")
    with kit.Server(HTTP_KEYS="on", HTTP_RATE=6) as server:
        server.key = make_key(server, "--scopes", "runs:read")
        refused = kit.wait_for(lambda: (reply := server.get("/v1/models")).status == 429 and reply, "more than six at once")
        error_of(refused, 429, "rate_limit_error", "rate_limit_exceeded")
        kit.true(int(refused.header("Retry-After")) >= 1, "after how long")
        client(server, server.key, retries=60).models.list()  # it waits as it is told, and is served


if __name__ == "__main__":
    kit.main(globals())
