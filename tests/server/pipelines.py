"""Steps, operators, pipelines of one's own, schemas."""
import json

import kit

P = kit.API + "/pipelines"


def test_what_there_is(server):
    steps = {step["name"]: step for step in server.get(f"{kit.API}/steps").json["items"]}
    kit.true({"ingest", "vad", "asr", "diarization", "alignment", "tts", "score", "bundle"} <= set(steps), f"steps: {list(steps)}")
    kit.equal(steps["asr"]["needs"], ["ingest"])
    kit.true("beam_size" in json.dumps(steps["asr"]["options"]), "options are a schema")
    kit.equal((steps["bundle"]["always"], steps["bundle"]["options"]), (True, None))
    kit.true("peaks" in json.dumps(steps["ingest"]["options"]), "options of the first step")
    operators = {one["name"]: one for one in server.get(f"{kit.API}/operators").json["items"]}
    params = {param["name"]: param for param in operators["normalize_volume"]["params"]}
    kit.true(any(param["choices"] == ["peak", "rms"] for param in params.values()), params)
    kit.true(all(param["choices"] or param["minimum"] <= param["default"] <= param["maximum"] for one in operators.values() for param in one["params"]), "ranges")
    built_in = {one["name"]: one for one in server.get(P).json["items"]}
    kit.true({"ingest", "transcribe"} <= set(built_in), f"pipelines: {list(built_in)}")
    kit.equal(server.get(f"{P}/transcribe").json, built_in["transcribe"])
    reply = server.get(f"{kit.API}/steps")
    kit.equal(server.get(f"{kit.API}/steps", If_None_Match=reply.header("ETag")).status, 304)
    cases = server.get(f"{kit.API}/use-cases").json["items"]
    kit.equal([case["pipeline"] for case in cases], [name for name in built_in if built_in[name]["built_in"]])


def test_schemas(server):
    for name, word in (("run-request", "pipeline"), ("experiment", "candidates")):
        reply = server.get(f"{kit.API}/schemas/{name}")
        kit.equal((reply.status, reply.header("Content-Type")), (200, "application/schema+json"))
        kit.true(word in reply.json["properties"], name)
    kit.equal(server.get(f"{kit.API}/schemas/nothing").status, 404)


def test_words_are_no_names(server):
    """What has a path of its own is no pipeline, with whatever method."""
    for name in ("validate", "resolve"):
        reply = server.get(f"{P}/{name}")
        kit.equal((reply.status, reply.header("Allow")), (405, "POST, OPTIONS"))
        kit.equal(put(server, name, {"steps": ["asr"]}).status, 405)


def put(server, name, body):
    return server.request("PUT", f"{P}/{name}", json_body=body)


def test_of_ones_own(server):
    mine = {"text": "Words.", "steps": ["asr"], "config": {"asr": {"beam_size": 2}}}
    reply = put(server, "mine", mine)
    kit.equal((reply.status, reply.header("Location")), (201, f"{P}/mine"), reply)
    kit.equal(reply.json, {"name": "mine", "built_in": False, **mine})
    kit.equal(put(server, "mine", {**mine, "name": "mine", "text": "Other."}).status, 200)
    kit.equal(server.get(f"{P}/mine").json["text"], "Other.")
    kit.true("mine" in [one["name"] for one in server.get(P).json["items"]], "it is listed")
    reply = server.post(f"{kit.API}/runs/validate", {"pipeline": "mine"})
    kit.true(all(found["severity"] != "error" or found["pointer"] != "/pipeline" for found in reply.json["findings"]), "a request may name it")
    kit.equal(server.request("DELETE", f"{P}/mine").status, 204)
    kit.equal(server.request("DELETE", f"{P}/mine").status, 404)
    kit.equal(server.get(f"{P}/mine").status, 404)


def test_refused(server):
    for name, body, pointer in (("mine", {"steps": ["asrr"]}, "/steps"), ("mine", {"steps": ["asr"], "config": {"asr": {"beam_size": 99}}}, "/config/asr/beam_size"),
                                ("mine", {"name": "other", "steps": ["asr"]}, "/name"), ("mine", [], "")):
        reply = put(server, name, body)
        kit.equal(reply.status, 422, reply)
        kit.true(pointer in [error["pointer"] for error in reply.json["errors"]], reply)
    for name in ("transcribe", "..%2fx", "A", "x" * 65, "asr"):
        kit.true(put(server, name, {"steps": ["asr"]}).status in (404, 422), name)
    kit.true(server.request("DELETE", f"{P}/transcribe").status in (404, 422), "built in")
    folder = server.root / "pipelines"
    kit.equal(sorted(folder.iterdir()) if folder.is_dir() else [], [])


def test_validate_and_resolve(server):
    reply = server.post(f"{P}/validate", {"steps": ["asr", "bundle"]})
    kit.equal((reply.json["valid"], reply.json["steps"]), (True, ["ingest", "asr", "bundle"]), reply)
    reply = server.post(f"{P}/validate", {"steps": ["asr", "bundel"]})
    kit.equal((reply.status, reply.json["valid"], reply.json["steps"]), (200, False, None), reply)
    kit.true(any("bundle" in found["text"] for found in reply.json["findings"]), "a suggestion")
    reply = server.post(f"{P}/resolve", {"steps": ["asr", "bundle"]})
    kit.equal((reply.json["valid"], reply.json["steps"], reply.json["added"]), (True, ["ingest", "asr", "bundle"], ["ingest"]), reply)
    reply = server.post(f"{P}/resolve", {"pipeline": "transcribe"})
    kit.equal((reply.json["steps"], reply.json["added"]), (["ingest", "asr"], []), reply)
    kit.equal(server.post(f"{P}/resolve", {"pipeline": "nothing"}).status, 404)
    kit.equal(server.post(f"{P}/resolve", {"steps": ["nope"]}).json["valid"], False)
    for bad in ({}, {"steps": []}, {"steps": [1]}, {"steps": ["asr,vad"]}, {"pipeline": 1}, {"pipeline": "transcribe", "steps": ["asr"]}, {"more": 1}, []):
        kit.equal(server.post(f"{P}/resolve", bad).status, 422, bad)


if __name__ == "__main__":
    kit.main(globals())
