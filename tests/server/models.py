"""Models by HTTP, with a catalog of a small file of its own: list, pull as a run with events, verify, remove; and the list
that clients of OpenAI see."""
import hashlib
import json
import pathlib
import subprocess
import tempfile

import kit

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="modellab-models-"))


def catalog():
    (FOLDER / "shelf").mkdir(exist_ok=True)
    (FOLDER / "shelf" / "greeting.txt").write_text("hello")
    entry = {"name": "greeting", "title": "A word", "task": "asr", "architecture": "whisper", "licence": "CC0-1.0",
             "languages": ["en", "de"], "default": True,
             "files": [{"name": "greeting.txt", "sha256": hashlib.sha256(b"hello").hexdigest(), "bytes": 5, "role": "data"}],
             "sources": [{"kind": "path", "directory": str(FOLDER / "shelf")}]}
    (FOLDER / "catalog.json").write_text(json.dumps({"version": 1, "models": [entry]}))
    return FOLDER / "catalog.json"


SETTINGS = {"CATALOG": catalog(), "MODELS_ROOT": FOLDER / "models"}


def status(server, run_id):
    done = subprocess.run([str(kit.BINARIES / "modellab"), "run", "status", run_id, "--json"], capture_output=True, text=True,
                          env=server.environment, check=False)
    return done.stdout


def test_a_model_is_pulled_verified_and_removed(server):
    items = server.get("/api/v1/models").json["items"]
    kit.equal([(m["name"], m["state"], m["is_default"], m["bytes"]) for m in items], [("greeting", "absent", True, 5)])
    kit.equal(server.get("/v1/models").json, {"object": "list", "data": []})
    kit.equal(server.get("/v1/models/whisper-1").json["error"]["code"], "model_not_found")
    kit.equal(server.get("/api/v1/capabilities").json["tasks"]["transcription"], False)
    reply = server.post("/api/v1/models/greeting/pull", headers={"X-Request-Id": "pull-1"})
    kit.equal(reply.status, 202, reply)
    run_id = reply.json["run_id"] if "run_id" in reply.json else reply.json["id"]
    kit.equal(reply.header("Location"), f"/api/v1/runs/{run_id}")
    shown = kit.wait_for(lambda: '"COMPLETED"' in status(server, run_id) and status(server, run_id), "the model is pulled")
    kit.true('"models_pull"' in shown and '"pull-1"' in shown, shown)
    events = subprocess.run([str(kit.BINARIES / "modellab"), "run", "events", run_id], capture_output=True, text=True,
                            env=server.environment, check=False).stdout
    kit.true("done_bytes" in events, events)
    model = server.get("/api/v1/models/greeting")
    kit.equal((model.status, model.json["state"]), (200, "installed"))
    kit.equal(server.post("/api/v1/models/greeting/verify").json, {"intact": True, "findings": []})
    kit.equal([m["id"] for m in server.get("/v1/models").json["data"]], ["greeting", "whisper-1"])
    kit.true(server.get("/v1/models/whisper-1").json["created"] > 1600000000, "when it was installed")
    (FOLDER / "models" / "greeting" / "greeting.txt").write_text("jello")
    damaged = server.post("/api/v1/models/greeting/verify").json
    kit.equal(damaged["intact"], False)
    kit.equal(server.request("DELETE", "/api/v1/models/greeting").status, 204)
    kit.equal(server.request("DELETE", "/api/v1/models/greeting").status, 404)
    kit.equal(server.get("/api/v1/models/greeting").json["state"], "absent")


def test_a_pull_that_fails_is_a_run_that_failed(server):
    (FOLDER / "shelf" / "greeting.txt").write_text("hollo")
    run = server.post("/api/v1/models/greeting/pull").json
    run_id = run["run_id"] if "run_id" in run else run["id"]
    kit.wait_for(lambda: '"FAILED"' in status(server, run_id), "bytes that differ are refused")
    kit.equal(server.get("/v1/models").json["data"], [])


def test_unknown_names(server):
    for reply in (server.get("/api/v1/models/none"), server.post("/api/v1/models/none/pull"),
                  server.post("/api/v1/models/none/verify"), server.request("DELETE", "/api/v1/models/none")):
        kit.equal(reply.status, 404, reply)


if __name__ == "__main__":
    kit.main(globals())
