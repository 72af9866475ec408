"""Models by HTTP, with a catalog of a small file of its own: list, pull as a run with events, verify, remove; and the list
that clients of OpenAI see."""
import hashlib
import http.server
import json
import pathlib
import subprocess
import tempfile
import threading

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
    kit.equal([m["id"] for m in server.get("/v1/models").json["data"]],
              ["greeting", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize"])
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


class Hub:
    """A model hub on the loopback interface that sends the first half of each file and the rest when it is told to."""

    def __init__(self, count):
        self.names = [f"slow-{i}" for i in range(count)]
        self.go_on, self.asked = threading.Event(), []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                hub.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "10")
                self.end_headers()
                self.wfile.write(b"hello")
                self.wfile.flush()
                hub.go_on.wait(kit.PATIENCE)
                try:
                    self.wfile.write(b"world")
                except OSError:
                    pass  # the client has been told to stop

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="modellab-hub-"))
        digest = hashlib.sha256(b"helloworld").hexdigest()
        models = [{"name": name, "title": name, "task": "asr", "architecture": "whisper", "licence": "CC0-1.0", "languages": ["en"],
                   "default": name == "slow-0", "files": [{"name": "a.bin", "sha256": digest, "bytes": 10, "role": "data"}],
                   "sources": [{"kind": "hub", "repo": f"x/{name}", "revision": "1"}]} for name in self.names]
        (self.folder / "catalog.json").write_text(json.dumps({"version": 1, "models": models}))

    def settings(self):
        return {"CATALOG": self.folder / "catalog.json", "MODELS_ROOT": self.folder / "models", "MODEL_SOURCES": "hub",
                "HUB_URL": f"http://127.0.0.1:{self.server.server_port}"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()


def pull(server, name, **headers):
    reply = server.post(f"/api/v1/models/{name}/pull", headers=headers)
    kit.equal(reply.status, 202, reply)
    return reply.json["run_id"] if "run_id" in reply.json else reply.json["id"]


def test_pulls_that_last_hold_nothing_up_and_are_one_for_each_model():
    with Hub(6) as hub, kit.Server(HTTP_THREADS=2, **hub.settings()) as server:
        runs = [pull(server, name, **{"X-Request-Id": f"pull-{name}"}) for name in hub.names]
        kit.wait_for(lambda: len(hub.asked) == 2, "two are fetched at the same time")
        kit.equal([pull(server, name) for name in hub.names], runs, "asked for again they are the same jobs")
        kit.equal(server.get("/v1/models").json["data"], [], "others are answered while they last")
        kit.equal([run for run in runs if '"RUNNING"' not in status(server, run)], [], "all are under way")
        kit.equal(server.post(f"/api/v1/runs/{runs[5]}/cancel").status, 202)
        kit.wait_for(lambda: '"CANCELLED"' in status(server, runs[5]), "one that waits in line can be cancelled")
        kit.equal(server.post(f"/api/v1/runs/{runs[0]}/cancel").status, 202)
        kit.wait_for(lambda: '"CANCELLED"' in status(server, runs[0]), "and one whose source has fallen silent")
        kit.wait_for(lambda: len(hub.asked) == 3, "then the next one begins")
        kit.true("x/slow-2" in hub.asked[2], hub.asked)
        hub.go_on.set()
        for name, run in list(zip(hub.names, runs))[1:5]:
            kit.wait_for(lambda run=run: '"COMPLETED"' in status(server, run), "the others are installed")
            kit.equal(server.get(f"/api/v1/models/{name}").json["state"], "installed")
            for event in ("models.pull_begun", "models.pull_ended"):
                kit.wait_for(lambda name=name, event=event: server.log_lines(request_id=f"pull-{name}", event=event), event)
        kit.true(server.log_lines(request_id="pull-slow-4", event="models.pull_waits"), "the log tells who waits")
        again = pull(server, hub.names[5])
        kit.true(again != runs[5], "what has ended is a new job")
        kit.wait_for(lambda: '"COMPLETED"' in status(server, again), "it is pulled after all")


def test_a_pull_is_ended_when_the_server_stops():
    with Hub(3) as hub, kit.Server(**hub.settings()) as server:
        runs = [pull(server, name) for name in hub.names]
        kit.wait_for(lambda: len(hub.asked) == 2, "they are being fetched")
        kit.equal(server.stop(), 0, "it stops although the source is silent")
        server.start()
        for run in runs:
            shown = status(server, run)
            kit.true('"CANCELLED"' in shown and "The server stops." in shown, shown)
        hub.go_on.set()
        again = pull(server, hub.names[0])
        kit.wait_for(lambda: '"COMPLETED"' in status(server, again), "and is pulled by the next one")


def test_names_stand_for_what_the_setting_says():
    """Of installed models; the names of OpenAI's that it does not mention keep their meaning."""
    setting = "whisper-1 = greeting, mine=greeting,nothing=absent,, =x,y=, tts-1=greeting"
    with kit.Server(CATALOG=catalog(), MODELS_ROOT=FOLDER / "more", HTTP_OPENAI_MODELS=setting) as server:
        run = pull(server, "greeting")
        kit.wait_for(lambda: '"COMPLETED"' in status(server, run), "it is installed")
        ids = [m["id"] for m in server.get("/v1/models").json["data"]]
        kit.equal(ids, ["greeting", "whisper-1", "mine", "tts-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe",
                        "gpt-4o-transcribe-diarize"])
        kit.equal(server.get("/v1/models/mine").json["id"], "mine")
        kit.equal(server.get("/v1/models/nothing").json["error"]["code"], "model_not_found")


def test_the_weights_of_a_voice_are_packed_when_it_is_pulled():
    name = "piper-en_US-joe-medium"
    if not (kit.models() / name).is_dir():
        raise kit.Skip(f"{name} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        entry = next(m for m in json.loads((kit.SOURCES / "data/catalog.json").read_text())["models"] if m["name"] == name)
        entry["sources"] = [{"kind": "path", "directory": str(kit.models() / name)}]
        (folder / "catalog.json").write_text(json.dumps({"version": 1, "models": [entry]}))
        with kit.Server(CATALOG=folder / "catalog.json", MODELS_ROOT=folder / "models", CACHE_ROOT=folder / "cache") as server:
            run = pull(server, name)
            kit.wait_for(lambda: '"COMPLETED"' in status(server, run), "it is installed")
            kit.true(list((folder / "cache").rglob("*.mlimg")), "what its first use would make is there")


def test_unknown_names(server):
    for reply in (server.get("/api/v1/models/none"), server.post("/api/v1/models/none/pull"),
                  server.post("/api/v1/models/none/verify"), server.request("DELETE", "/api/v1/models/none")):
        kit.equal(reply.status, 404, reply)


if __name__ == "__main__":
    kit.main(globals())
