"""Conditions of what writes: Idempotency-Key on every POST, If-Match on every PUT and DELETE. An operation either honours them or says
that it does not take them; which one, its line in the server's table tells.

  conditions.py modellab-server SOURCES
"""
import atexit
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

import files
import keys
import kit

API = kit.API
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="modellab-conditions-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
AUDIO = {"Content-Type": "audio/wav"}
MODELS = ("one", "other")  # small files that can be pulled


def catalog():
    (FOLDER / "word.txt").write_text("hello")
    entries = [{"name": name, "title": "A word", "task": "asr", "architecture": "whisper", "licence": "CC0-1.0", "languages": ["en"],
                "files": [{"name": "word.txt", "sha256": hashlib.sha256(b"hello").hexdigest(), "bytes": 5, "role": "data"}],
                "sources": [{"kind": "path", "directory": str(FOLDER)}]} for name in MODELS]
    (FOLDER / "catalog.json").write_text(json.dumps({"version": 1, "models": entries}))
    return FOLDER / "catalog.json"


SETTINGS = {"HTTP_RATE": "0", "MAX_WORKERS": "1", "CATALOG": catalog(), "MODELS_ROOT": FOLDER / "models"}


def operations():
    environment = {name: value for name, value in os.environ.items() if name != "MODEL_LAB_TESTING"}
    done = subprocess.run([kit.PROGRAM, "--operations"], capture_output=True, text=True, check=True, env=environment)
    return {one["id"]: one for one in map(json.loads, done.stdout.splitlines())}


def upload(server, seconds=1.0, **headers):
    return server.request("POST", f"{API}/uploads?name=a.wav", body=files.wav(seconds), headers={**AUDIO, **headers})


def document(id, name="e"):
    return {"name": name, "inputs": [{"name": "a", "file": f"upload:{id}"}], "candidates": [
        {"name": "plain", "request": {"pipeline": "ingest"}}, {"name": "urgent", "request": {"pipeline": "ingest", "priority": "urgent"}}]}


def ended_badly(server):
    run = server.post(f"{API}/runs", {"pipeline": "ingest", "hold": True, "upload_id": upload(server).json["id"]}).json["run_id"]
    kit.equal(server.post(f"{API}/runs/{run}/cancel").json["outcome"], "cancelled")
    return run


def keyed(server):
    """Operation: (a call with headers and a variant of what it asks for, a number of what is there then or None)"""
    audio, run = upload(server).json["id"], ended_badly(server)

    def runs():
        return len(server.get(f"{API}/runs?limit=1000").json["items"])

    def post(path, bodies):
        return lambda headers, other=0: server.post(API + path, bodies[other], headers=headers)

    def retry(headers, other=0):  # it has no body: another request is one of another run
        return server.post(f"{API}/runs/{[run, ended][other]}/retry", headers=headers)
    ended = ended_badly(server)

    def pull(headers, other=0):
        return server.post(f"{API}/models/{MODELS[other]}/pull", headers=headers)
    return {
        "createRun": (post("/runs", [{"pipeline": "ingest", "hold": True, "upload_id": audio, "priority": number} for number in (1, 2)]), runs),
        "retryRun": (retry, runs),
        "rerunRun": (post(f"/runs/{run}/rerun", [{"overrides": {"hold": True, "priority": number}} for number in (1, 2)]), runs),
        "createUpload": (lambda headers, other=0: upload(server, 2 + other, **headers), lambda: len(os.listdir(server.root / "uploads"))),
        "createExperiment": (post("/experiments", [document(audio, name) for name in ("one", "two")]),
                             lambda: len(server.get(f"{API}/experiments").json["items"])),
        "pullModel": (pull, runs),
    }


def test_what_takes_a_key(server):
    """The first answer again and nothing anew; another request with the key is refused; without a key it is done again."""
    calls = keyed(server)
    kit.equal(sorted(calls), sorted(name for name, one in operations().items() if one["keyed"]), "operations that take a key")
    for name, (ask, count) in calls.items():
        first = ask({"Idempotency-Key": f"key-{name}"})
        kit.true(first.status in (200, 201, 202), f"{name}: {first}")
        kit.equal(first.header("Idempotency-Replayed"), None, name)
        before = count()
        for _ in range(2):
            again = ask({"Idempotency-Key": f"key-{name}"})
            kit.equal((again.status, again.body, again.header("Location")), (first.status, first.body, first.header("Location")), name)
            kit.equal(again.header("Idempotency-Replayed"), "true", name)
        other = ask({"Idempotency-Key": f"key-{name}"}, 1)
        kit.equal((other.status, other.json["errors"][0]["pointer"]), (422, "Idempotency-Key"), f"{name}, another request: {other}")
        for wrong in ("a b", "x" * 129, '""'):
            kit.equal(ask({"Idempotency-Key": wrong}).status, 422, f"{name} with the key {wrong!r}")
        kit.wait_for(lambda count=count, before=before: count() == before, f"{name}: nothing anew")
        kit.true(ask({}, 1).status in (200, 201, 202), f"{name} without a key")


def test_what_takes_none(server):
    """What would be done twice refuses a key, what may be repeated does not mind one."""
    bodies = {"createWebhook": {"url": "https://hooks.invalid/x", "events": ["run_completed"]}, "createKey": {"name": "x", "scopes": ["runs:read"]}}
    for name, one in operations().items():
        if one["method"] != "POST" or one["keyed"]:
            continue
        path = one["path"].replace("{id}", NOWHERE).replace("{name}", "nothing")
        headers = {"Idempotency-Key": "k", **({"Content-Type": "application/json"} if one["body"] else {})}
        if one["repeatable"]:
            if name != "drainServer":
                reply = server.request("POST", path, body=b"[]" if one["body"] else b"", headers=headers)
                kit.true("Idempotency-Key" not in reply.text, f"{name}: {reply}")
            continue
        reply = server.request("POST", path, body=json.dumps(bodies.get(name, {})).encode() if one["body"] else b"", headers=headers)
        kit.equal(reply.status, 400 if path.startswith("/v1/") else 422, f"{name}: {reply}")
        kit.true("does not keep its answers" in reply.text, f"{name}: {reply}")
    kit.equal((server.get(f"{API}/webhooks").json["items"], server.get(f"{API}/admin/keys").json["items"]), ([], []))


def begin(server, plain, key, sound):
    """The beginning of an upload; its key is claimed when this returns."""
    plain.sendall((f"POST {API}/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\nContent-Length: {len(sound)}\r\n"
                   f"X-Request-Id: begins-{key}\r\nIdempotency-Key: {key}\r\n\r\n").encode() + sound[:5000])
    kit.wait_for(lambda: server.log_lines(request_id=f"begins-{key}", event="http.decision"), "the head is looked at")


def test_two_at_once(server):
    """While the first upload comes, the second one with its key waits: 409."""
    sound = files.wav(3)
    with server.connect() as plain:
        begin(server, plain, "at-once", sound)
        second = upload(server, 3, **{"Idempotency-Key": "at-once"})
        kit.equal((second.status, second.header("Retry-After")), (409, "1"))
        plain.sendall(sound[5000:])
        head, _ = kit.read_head(plain)
        kit.true(head.startswith("HTTP/1.1 201"), head)
    kit.equal(upload(server, 3, **{"Idempotency-Key": "at-once"}).status, 422, "the same bytes under another name")
    with server.connect() as plain:  # one that breaks off gives its key back
        begin(server, plain, "broken", sound)
        kit.equal(upload(server, 3, **{"Idempotency-Key": "broken"}).status, 409)
    kit.wait_for(lambda: upload(server, 3, **{"Idempotency-Key": "broken"}).status == 201, "its key is free again")


def test_keys_are_the_callers():
    """The same Idempotency-Key of another user, or of another key without a user, is another one."""
    with kit.Server(HTTP_KEYS="on", HTTP_RATE="0") as server:
        made = {}
        for who, user in (("ann", "ann"), ("ben", "ben"), ("lone", ""), ("other", "")):
            secret = keys.make(server, "--name", who, "--scopes", "runs:read,runs:write", *(["--user", user] if user else []))[1]
            for turn in (0, 1):
                reply = upload(server, **{**keys.bearer(secret), "Idempotency-Key": "the-same"})
                kit.equal((reply.status, reply.header("Idempotency-Replayed")), (201, "true" if turn else None), who)
            made[who] = reply.json["id"]
        kit.equal(len(set(made.values())), 4, "uploads")


def matching(server):
    """Operation: (path of its GET, a write with headers that may be done again and again)"""
    run = server.post(f"{API}/runs", {"pipeline": "ingest", "hold": True, "upload_id": upload(server).json["id"]}).json["run_id"]
    heard = server.post(f"{API}/runs", {"steps": ["asr"], "upload_id": upload(server).json["id"]}, headers={"Prefer": "wait=600"})
    kit.equal((heard.status, heard.json["status"]), (200, "COMPLETED"), heard)
    numbers = iter(range(1000))
    hook = f"{API}/webhooks/" + server.post(f"{API}/webhooks", {"url": "https://hooks.invalid/x", "events": ["run_completed"]}).json["id"]
    experiment = f"{API}/experiments/" + server.post(f"{API}/experiments", document(upload(server, 1.5).json["id"], "to-go")).json["id"]
    file = f"{API}/uploads/" + upload(server, 4).json["id"]
    caps, mine, named = f"{API}/admin/caps/ann", f"{API}/pipelines/mine", f"{API}/runs/{heard.json['run_id']}/speakers"
    server.request("PUT", mine, json_body={"text": "x", "steps": ["ingest"]})
    server.request("PUT", caps, json_body={"measure": "runs", "period": "day", "value": 5})

    def put(path, body):
        return lambda headers: server.request("PUT", path, json_body=body(next(numbers)), headers=headers)

    def delete(path):
        return lambda headers: server.request("DELETE", path, headers=headers)
    return {
        "putPipeline": (mine, put(mine, lambda n: {"text": f"v{n}", "steps": ["ingest"]})),
        "putRunSpeakers": (named, put(named, lambda n: {"names": {"A": f"Ann {n}"}})),
        "setRunPriority": (f"{API}/runs/{run}", put(f"{API}/runs/{run}/priority", lambda n: {"priority": n % 30})),
        "putUserCap": (caps, put(caps, lambda n: {"measure": "cpu_seconds", "period": "day", "value": n + 1})),
        "deletePipeline": (mine, delete(mine)), "deleteUserCaps": (caps, delete(caps)), "deleteWebhook": (hook, delete(hook)),
        "deleteExperiment": (experiment, delete(experiment)), "deleteUpload": (file, delete(file)),
        "deleteModel": (f"{API}/models/nothing", None),
    }


def test_what_takes_a_condition():
    """Written while it is what was read, refused when somebody was faster."""
    kit.models()
    with kit.Server(HTTP_RATE="0", MAX_WORKERS="1") as server:
        conditions(server)


def conditions(server):
    table, calls = operations(), matching(server)
    kit.equal(sorted(calls), sorted(name for name, one in table.items() if one["matches"]), "operations that take a condition")
    for name, (path, write) in calls.items():
        if write is None:
            continue
        lost = write({"If-Match": 'W/"0000000000000000"'})
        kit.equal((lost.status, lost.json["type"]), (412, "/api/v1/problems#precondition-failed"), name)
        read = server.get(path)
        tag = read.header("ETag")
        kit.equal(lost.header("ETag"), tag, f"{name}: the tag of now")
        kit.equal(server.get(path).body, read.body, f"{name}: nothing was written")
        for wrong in ("", '"', "nonsense", tag[:-2] + '"', '"x", W/"y"'):
            kit.equal(write({"If-Match": wrong}).status, 412, f"{name} with {wrong!r}")
        kit.equal(write({"If-None-Match": "*"}).status, 412, f"{name}: it is there already")
        done = write({"If-Match": f'"x", {tag.removeprefix("W/")}'})
        kit.true(done.status in (200, 204), f"{name}: {done}")
        if done.status == 204:
            kit.true(write({"If-Match": tag}).status in (404, 412), f"{name}: it is gone")
            continue
        kit.equal(write({"If-Match": tag}).status, 412, f"{name}: it has changed")
        if name != "setRunPriority":
            kit.equal(done.header("ETag"), server.get(path).header("ETag"), f"{name}: the tag of what was written")
            kit.equal(write({"If-Match": done.header("ETag")}).status, 200, f"{name}: and on from there")
        kit.equal(write({"If-Match": "*"}).status, 200, name)
        kit.equal(write({}).status, 200, f"{name} without a condition")
    fresh = f"{API}/pipelines/fresh"
    body = {"text": "x", "steps": ["ingest"]}
    kit.equal(server.request("PUT", fresh, json_body=body, headers={"If-Match": "*"}).status, 412, "there is none")
    kit.equal([server.request("PUT", fresh, json_body=body, headers={"If-None-Match": "*"}).status for _ in range(2)], [201, 412])


def test_what_takes_no_condition(server):
    for name, one in operations().items():
        if one["method"] in ("PUT", "PATCH", "DELETE") and not one["matches"]:
            reply = server.request(one["method"], one["path"].replace("{id}", NOWHERE), headers={"If-Match": "*"})
            kit.equal((reply.status, reply.json["errors"][0]["pointer"]), (422, "If-Match"), name)


def test_no_update_is_lost(server):
    """Many read a number, add one and write it back on the condition that it is still that: none is lost."""
    path, each, many = f"{API}/pipelines/counter", 10, 4
    server.request("PUT", path, json_body={"text": "0", "steps": ["ingest"]})

    def add():
        for _ in range(each):
            while True:
                read = server.get(path)
                wrote = server.request("PUT", path, json_body={"text": str(int(read.json["text"]) + 1), "steps": ["ingest"]},
                                       headers={"If-Match": read.header("ETag")})
                if wrote.status == 200:
                    break
                kit.equal(wrote.status, 412)
    threads = [threading.Thread(target=add) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kit.equal(server.get(path).json["text"], str(each * many))


if __name__ == "__main__":
    kit.main(globals())
