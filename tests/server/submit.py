"""Runs: submitted by form and by upload, looked at before, keyed, waited for, and what is done to them."""
import json
import threading

import files
import kit

SETTINGS = {"WORKBENCH_MAX_UPLOAD_BYTES": "40MiB"}
RUNS = kit.API + "/runs"
INGEST = {"pipeline": "ingest"}


def form(server, request, data=None, path=RUNS, first=True, **headers):
    parts = [("request", None, "application/json", json.dumps(request).encode())] if request is not None else []
    sound = [("file", "talk.wav", "audio/wav", data)] if data is not None else []
    return server.multipart(path, parts + sound if first else sound + parts, {name.replace("_", "-"): value for name, value in headers.items()})


def keep(server, seconds=1.0):
    reply = server.request("POST", f"{kit.API}/uploads", body=files.wav(seconds), headers={"Content-Type": "audio/wav"})
    kit.equal(reply.status, 201, reply)
    return reply.json


def held(server, data=None, **more):
    reply = form(server, {**INGEST, "hold": True, **more}, data or files.wav(1))
    kit.equal(reply.status, 202, reply)
    return reply.json["run_id"]


def status(server, run_id):
    return server.get(f"{RUNS}/{run_id}/status").json["status"]


def test_by_form_in_both_orders(server):
    for first in (True, False):
        reply = form(server, INGEST, files.wav(1), first=first, Prefer="wait=500")
        kit.equal((reply.status, reply.json["status"]), (200, "COMPLETED"), reply)
        kit.equal(reply.header("Preference-Applied"), "wait")
        kit.equal(reply.header("Location"), f"{RUNS}/{reply.json['run_id']}")
        kit.equal(reply.json["input"]["name"], "talk.wav")
        kit.equal(reply.json["input"]["audio_seconds"], 1.0)
        kit.equal(reply.json["request_id"], reply.header("X-Request-Id"))
    files.nothing_left(server, "a submission")


def test_answer_comes_at_once(server):
    reply = form(server, {**INGEST, "hold": True}, files.wav(1), Prefer="respond-async")
    kit.equal((reply.status, reply.json["status"], reply.json["held"]), (202, "QUEUED", True), reply)
    reply = server.post(f"{reply.header('Location')}/cancel")
    kit.equal((reply.status, reply.json["outcome"]), (200, "cancelled"))


def test_sample_is_transcribed(server):
    data = files.sample()
    reply = form(server, {"pipeline": "transcribe"}, data, Prefer="wait=500")
    kit.equal((reply.status, reply.json["status"], reply.json["model"]), (200, "COMPLETED", "whisper-tiny.en"), reply)


def test_of_an_upload(server):
    upload = keep(server, 2)
    for _ in range(2):
        reply = server.post(RUNS, {**INGEST, "upload_id": upload["id"]}, headers={"Prefer": "wait=500"})
        kit.equal((reply.status, reply.json["input"]["sha256"]), (200, upload["sha256"]), reply)
        run = server.root / "runs" / reply.json["run_id"] / "input"
        kit.equal(run.stat().st_ino, (server.root / "uploads" / upload["id"] / "data").stat().st_ino, "the file, not copied")
    for id in ("0" * 26, "../../etc/passwd", "x", ""):
        reply = server.post(RUNS, {**INGEST, "upload_id": id})
        kit.equal(reply.status, 404, id)
    for bad in (7, None, []):
        reply = server.post(RUNS, {**INGEST, "upload_id": bad})
        kit.equal((reply.status, reply.json["errors"][0]["pointer"]), (422, "/upload_id"), bad)
    kit.equal(form(server, {**INGEST, "upload_id": upload["id"]}, files.wav(1)).status, 422, "two inputs")
    kit.equal(server.request("DELETE", f"{kit.API}/uploads/{upload['id']}").status, 204)


def refused_early(server, body, code, says, pointer=None):
    before = files.runs_on_disk(server)
    with server.connect() as plain:
        plain.sendall(files.head(server, "/runs", files.FORM, 30000000) + body)
        got, _, problem = files.answer(plain)
    kit.equal(got, code, f"{body[-80:]!r}: {problem}")
    kit.true(says in problem["detail"], f"{problem['detail']!r} says {says!r}")
    if pointer is not None:
        kit.equal({error["pointer"] for error in problem["errors"]}, {pointer})
    files.nothing_left(server, says)
    kit.equal(files.runs_on_disk(server), before)


def test_refused_before_the_file_is_read(server):
    def request(text):
        return files.part("request", kind="application/json") + text + b"\r\n"
    sound = files.part("file", "a.wav", "audio/wav") + files.wav(1)[:2000]
    refused_early(server, request(b'{"pipeline":"ingest","prioritty":3}') + sound, 422, "prioritty", "")
    refused_early(server, request(b'{"pipeline":"ingest","priority":99}') + sound, 422, "priority", "/priority")
    refused_early(server, request(b'{"pipeline":"ingst"}') + sound, 422, "ingst", "/pipeline")
    refused_early(server, request(b'{"pipeline":') + sound, 400, "line 1")
    refused_early(server, request(b'[]') + sound, 400, "object")
    refused_early(server, request(b'{"config":{"asr":{"model":"nowhere"}}}') + sound, 404, "nowhere")
    refused_early(server, request(b'{"pipeline":"ingest"}') + files.part("file", "a.webm", "video/webm") + files.WEBM + b"x" * 9000, 415, "WAV, FLAC")
    refused_early(server, request(b'{"pipeline":"ingest"}') + files.part("file", "a.wav", "audio/wav") + files.M4A + b"x" * 9000, 415, "FLAC or WAV")
    refused_early(server, files.part("file", "a.bin", None) + files.WEBM + b"x" * 9000, 415, "FLAC or WAV")
    refused_early(server, files.part("request", kind="text/html") + b"<p>" + b"x" * 9000, 415, "application/json")
    refused_early(server, files.part("reqest", kind="application/json") + b"{}" + b" " * 9000, 422, "parts `request` and `file`", "/reqest")


def test_other_refusals(server):
    before = files.runs_on_disk(server)
    sound = files.wav(1)
    for reply, code in ((server.request("POST", RUNS, body=sound, headers={"Content-Type": "audio/wav"}), 415),
                        (server.request("POST", RUNS, body=b"", headers={"Content-Type": "application/json"}), 422),
                        (server.post(RUNS, INGEST), 422), (form(server, None, None), 422),
                        (form(server, {"pipeline": "ingest", "nope": 1}, sound, first=False), 422),
                        (form(server, INGEST, b"%PDF-1.7 and so on"), 422),
                        (form(server, INGEST, sound, Prefer="wait=many"), 422),
                        (form(server, INGEST, sound, Idempotency_Key="a b"), 422),
                        (server.request("POST", RUNS, body=b"{" + b" " * (2 << 20) + b"}", headers={"Content-Type": "application/json"}), 413)):
        kit.equal(reply.status, code, reply)
        kit.equal(reply.header("Content-Type"), "application/problem+json")
        kit.true(str(server.root) not in reply.text, "no path")
    files.nothing_left(server, "refusals")
    kit.equal(files.runs_on_disk(server), before)


def test_broken_off_in_the_middle(server):
    before = files.runs_on_disk(server)
    with server.connect() as plain:
        plain.sendall(files.head(server, "/runs", files.FORM, 30000000) + files.part("file", "a.wav", "audio/wav") + files.wav(10)[:200000])
        kit.wait_for(lambda: files.on_disk(server), "the file is on disk")
    files.nothing_left(server, "a connection that broke")
    kit.equal(files.runs_on_disk(server), before)


def test_validate_and_estimate(server):
    reply = server.post(f"{RUNS}/validate", INGEST)
    kit.equal((reply.status, reply.json["valid"]), (200, True), reply)
    reply = server.post(f"{RUNS}/validate", {"pipeline": "ingest", "prioritty": 3})
    kit.equal((reply.status, reply.json["valid"]), (200, False), reply)
    kit.equal([f["pointer"] for f in reply.json["findings"] if f["severity"] == "error"], [""])
    reply = server.post(f"{RUNS}/validate", {**INGEST, "upload_id": "0" * 26})
    kit.equal((reply.json["valid"], reply.json["findings"][-1]["pointer"]), (False, "/upload_id"), reply)
    kit.equal(server.post(f"{RUNS}/validate", []).status, 422)
    upload = keep(server, 30)
    for reply in (server.post(f"{RUNS}/estimate", {**INGEST, "upload_id": upload["id"]}),
                  form(server, INGEST, files.wav(30), path=f"{RUNS}/estimate")):
        kit.equal((reply.status, reply.json["audio_seconds"], reply.json["admission"]), (200, 30.0, "now"), reply)
        kit.equal(set(reply.json["cpu_seconds"]), {"expected", "low", "high"})
    kit.equal(server.post(f"{RUNS}/estimate", INGEST).status, 200, "before the file is there")
    kit.equal(server.post(f"{RUNS}/estimate", {"pipeline": "nope"}).status, 422)
    kit.wait_for(lambda: files.on_disk(server) == [upload["id"]], "what was estimated of is gone")
    kit.equal(server.request("DELETE", f"{kit.API}/uploads/{upload['id']}").status, 204)


def test_the_same_key(server):
    first = form(server, INGEST, files.wav(1), Idempotency_Key="order-1")
    kit.equal(first.status, 202, first)
    for order in (True, False):
        again = form(server, INGEST, files.wav(1), first=order, Idempotency_Key='"order-1"')
        kit.equal((again.status, again.body, again.header("Location")), (202, first.body, first.header("Location")), again)
        kit.equal(again.header("Idempotency-Replayed"), "true")
    for other in (form(server, INGEST, files.wav(2), Idempotency_Key="order-1"),
                  form(server, {**INGEST, "priority": 20}, files.wav(1), Idempotency_Key="order-1")):
        kit.equal((other.status, other.json["errors"][0]["pointer"]), (422, "Idempotency-Key"), other)
    kit.equal(form(server, {"pipeline": "nope"}, files.wav(1), Idempotency_Key="order-2").status, 422)
    # The key is given back behind the reply.
    kit.wait_for(lambda: form(server, INGEST, files.wav(1), Idempotency_Key="order-2").status == 202, "a refusal keeps no key")
    files.nothing_left(server, "repeated requests")


def test_a_key_at_work(server):
    """The first request waits for its held run: until it is answered, the others are told so."""
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(
        form(server, {**INGEST, "hold": True, "labels": {"who": "at-work"}}, files.wav(1), Idempotency_Key="work-1", Prefer="wait=600")))
    before = set(files.runs_on_disk(server))
    waiting.start()
    run_id = kit.wait_for(lambda: [r for r in set(files.runs_on_disk(server)) - before if server.get(f"{RUNS}/{r}/status").status == 200],
                          "the run is there")[0]
    busy = kit.wait_for(lambda: (lambda r: r if r.status == 409 else None)(
        form(server, {**INGEST, "hold": True, "labels": {"who": "at-work"}}, files.wav(1), Idempotency_Key="work-1")), "409")
    kit.equal(busy.header("Retry-After"), "1")
    kit.equal(server.post(f"{RUNS}/{run_id}/release").status, 200)
    waiting.join(kit.PATIENCE)
    kit.equal((answers[0].status, answers[0].json["run_id"]), (200, run_id), answers)
    again = form(server, {**INGEST, "hold": True, "labels": {"who": "at-work"}}, files.wav(1), Idempotency_Key="work-1")
    kit.equal((again.status, again.body), (200, answers[0].body), "the answer that it had")


def test_killed_while_a_key_is_at_work():
    """Who comes back with the key finds the run that was made, and no second one."""
    with kit.Server() as server:
        def ask():
            return form(server, {**INGEST, "hold": True}, files.wav(1), Idempotency_Key="k", Prefer="wait=600")

        def ask_and_lose():
            try:
                ask()
            except OSError:
                pass
        asking = threading.Thread(target=ask_and_lose)
        asking.start()
        run_id = kit.wait_for(lambda: [r for r in files.runs_on_disk(server) if (server.root / "runs" / r / "manifest.json").is_file()], "a run")[0]
        kit.wait_for(lambda: server.log_lines(event="run.queued"), "it is accepted")
        server.kill()
        asking.join(kit.PATIENCE)
        server.start()
        again = form(server, {**INGEST, "hold": True}, files.wav(1), Idempotency_Key="k")
        kit.equal((again.status, again.json["run_id"]), (202, run_id), again)
        kit.equal(files.runs_on_disk(server), [run_id])
        files.nothing_left(server, "two requests")


def test_what_is_done_to_runs(server):
    run_id = held(server)
    reply = server.post(f"{RUNS}/{run_id}/release")
    kit.equal((reply.status, reply.json["run_id"]), (200, run_id), reply)
    kit.wait_for(lambda: status(server, run_id) == "COMPLETED", "it completes")
    kit.equal(server.post(f"{RUNS}/{run_id}/hold").status, 409)
    kit.equal(server.post(f"{RUNS}/{run_id}/retry").status, 409, "it completed")
    reply = server.post(f"{RUNS}/{run_id}/cancel")
    kit.equal((reply.status, reply.json["outcome"]), (200, "already_terminal"))
    reply = server.post(f"{RUNS}/{run_id}/rerun", {"overrides": {"priority": 20}}, headers={"Prefer": "wait=500"})
    kit.equal((reply.status, reply.json["parent_run_id"], reply.json["priority"], reply.json["source"]), (200, run_id, 20, "rerun"), reply)
    kit.equal(server.post(f"{RUNS}/{run_id}/rerun").status, 202)
    for body, pointer in (({"overrides": 3}, "/overrides"), ({"more": 1}, ""), ({"overrides": {"priority": 99}}, "/priority")):
        reply = server.post(f"{RUNS}/{run_id}/rerun", body)
        kit.equal((reply.status, reply.json["errors"][0]["pointer"]), (422, pointer), reply)
    for path in ("cancel", "retry", "rerun", "hold", "release"):
        kit.equal(server.post(f"{RUNS}/{'0' * 26}/{path}").status, 404, path)
        kit.equal(server.post(f"{RUNS}/..%2f..%2fx/{path}").status, 404, path)


def test_priority(server):
    run_id = held(server)
    for value, now in ((20, 20), ("low", 0), ("urgent", 30), (0, 0)):
        reply = server.request("PUT", f"{RUNS}/{run_id}/priority", json_body={"priority": value})
        kit.equal((reply.status, reply.json["priority"]), (200, now), reply)
    kit.equal(server.request("PUT", f"{RUNS}/{run_id}/priority", json_body={"priority": "head"}).status, 200)
    for bad in (-1, 31, "highest", 1.5, None, True):
        reply = server.request("PUT", f"{RUNS}/{run_id}/priority", json_body={"priority": bad})
        kit.equal((reply.status, reply.json["errors"][0]["pointer"]), (422, "/priority"), bad)
    kit.equal(server.post(f"{RUNS}/{run_id}/cancel").json["outcome"], "cancelled")
    kit.equal(server.request("PUT", f"{RUNS}/{run_id}/priority", json_body={"priority": 3}).status, 409)


def test_retry(server):
    run_id = held(server)
    server.post(f"{RUNS}/{run_id}/cancel")
    first = server.post(f"{RUNS}/{run_id}/retry", headers={"Idempotency-Key": "again-1"})
    kit.equal((first.status, first.json["parent_run_id"]), (202, run_id), first)
    again = server.post(f"{RUNS}/{run_id}/retry", headers={"Idempotency-Key": "again-1"})
    kit.equal((again.status, again.body), (202, first.body))
    other = server.post(f"{RUNS}/{run_id}/retry")
    kit.equal(other.status, 202)
    kit.true(other.json["run_id"] != first.json["run_id"], "without a key it is another one")
    kit.equal(server.post(f"{RUNS}/{run_id}/retry", {"overrides": {}}).status, 422)
    kit.equal(server.post(f"{RUNS}/{run_id}/rerun", headers={"Idempotency-Key": "again-1"}).status, 422, "another path")


def test_cancel_of_several(server):
    ids = [held(server) for _ in range(3)]
    unknown = "0" * 26
    reply = server.post(f"{RUNS}/cancel", {"ids": ids + [unknown, ids[0]]})
    kit.equal(reply.status, 200, reply)
    kit.equal([(item["run_id"], item["outcome"]) for item in reply.json["items"]],
              [(id, "cancelled") for id in ids] + [(unknown, "not_found"), (ids[0], "already_terminal")])
    for bad in ({}, {"ids": []}, {"ids": [1]}, {"ids": "x"}, {"ids": ids, "more": 1}, {"ids": ["x"] * 1001}, {"ids": ["x" * 65]}):
        kit.equal(server.post(f"{RUNS}/cancel", bad).status, 422, bad)


def test_tried_again_when_it_is_lost(server):
    """What a kill of the server takes is tried again, unless the request or the lab says how often itself."""
    lost = {"max_attempts": 5, "on": ["worker_lost", "host_stopped"]}

    def kept(at, **request):
        run_id = form(at, {**INGEST, "hold": True, **request}, files.wav(1)).json["run_id"]
        return json.loads((at.root / "runs" / run_id / "request.json").read_text())
    plain = kept(server)
    kit.equal({name: plain["retry"][name] for name in lost}, lost, f"{plain}")
    kit.equal(kept(server, max_attempts=1)["retry"]["max_attempts"], 1)
    kit.equal(kept(server, retry={"max_attempts": 2})["retry"].get("on"), None)
    with kit.Server(RETRY_ATTEMPTS="3") as other:
        request = kept(other)
        kit.equal((request["retry"]["max_attempts"], request["retry"].get("on")), (3, None), f"{request}")
    with kit.Server(HTTP_LOST_ATTEMPTS="1") as other:
        kit.equal(kept(other)["retry"]["max_attempts"], 1)


if __name__ == "__main__":
    kit.main(globals())
