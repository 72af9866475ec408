"""Who may do what: every operation of the contract, called by an admin, by the users ann and ben, by two keys without a user, with
keys that have every scope but the one that is needed, without a key, and on a server without keys. An operation that has no line in
TABLE fails the test: whoever adds one says here whose things it touches.

  rights.py modellab-server SOURCES
"""
import json
import os
import subprocess

import files
import keys
import kit
import socket_kit

API = kit.API
NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SCOPES = ("runs:read", "runs:write", "models:write")
JSON = {"Content-Type": "application/json"}
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}


def line(kind, params=None, body=None, query="", headers=None, content=None, needs="", method=None):
    """`kind`: open (to everybody), shared (whoever has the scope), or what the path names: run, upload, experiment, webhook."""
    return {"kind": kind, "params": params or {}, "body": body, "query": query, "headers": headers or {}, "content": content, "needs": needs,
            "method": method}


HOOK = {"url": "https://hooks.invalid/x", "events": ["run_completed"]}
NO_MODEL = {"name": "nothing"}
TABLE = {
    # open
    "getOpenapi": line("open"), "listProblems": line("open"), "getLive": line("open"), "getReady": line("open"), "getInfo": line("open"),
    "getSchema": line("open", {"name": "run-request"}), "getWebFile": line("open", headers={"Accept": "text/html"}),
    # of the lab, not of a user
    "pullModel": line("shared", NO_MODEL), "listOpenaiModels": line("shared"), "getOpenaiModel": line("shared", {"id": "whisper-1"}),
    "listUseCases": line("shared"), "listModels": line("shared"), "getModel": line("shared", NO_MODEL), "deleteModel": line("shared", NO_MODEL),
    "verifyModel": line("shared", NO_MODEL), "getCapabilities": line("shared"), "listSteps": line("shared"), "listOperators": line("shared"),
    "listPipelines": line("shared"), "validatePipeline": line("shared", body={"text": "x", "steps": ["asr"]}),
    "resolvePipeline": line("shared", body={"steps": ["asr"]}), "getPipeline": line("shared", {"name": "transcribe"}),
    "putPipeline": line("shared", {"name": "of-all"}, {"text": "x", "steps": ["asr"]}), "deletePipeline": line("shared", {"name": "of-all"}),
    # what they make is the caller's: test_what_is_made
    "createSpeech": line("shared", body={}), "createTranscription": line("shared", body={}, headers={"Content-Type": "multipart/form-data; boundary=x"}),
    "createTranslation": line("shared", body={}, headers={"Content-Type": "multipart/form-data; boundary=x"}),
    "createRun": line("shared", body={"pipeline": "nothing"}), "estimateRun": line("shared", body={"pipeline": "ingest"}),
    "validateRun": line("shared", body={"pipeline": "ingest"}), "createUpload": line("shared", content=b"no audio", headers={"Content-Type": "audio/wav"}),
    "createExperiment": line("shared", body={}), "createWebhook": line("shared", body={}), "connectLive": line("shared"),
    # lists of the caller's own: test_lists
    "listRuns": line("shared"), "listExperiments": line("shared"), "listWebhooks": line("shared"), "listLogs": line("shared", query="?request_id=x"),
    "streamEvents": line("shared", method="HEAD", headers={"Accept": "text/event-stream"}), "connectEvents": line("shared", headers=UPGRADE),
    "cancelRuns": line("shared", body={"ids": [NOWHERE]}),
    # admin
    "getDisk": line("shared"), "getDiskUsage": line("shared"), "reconcileLab": line("shared"), "cleanupLab": line("shared", body={"what": []}),
    "getUserCaps": line("shared", {"user": "ann"}), "putUserCap": line("shared", {"user": "ann"}, {}), "deleteUserCaps": line("shared", {"user": "nobody"}),
    "getMetrics": line("shared"), "getHealth": line("shared"), "getConfig": line("shared"), "listKeys": line("shared"), "createKey": line("shared", body={}),
    "rotateKey": line("shared", {"id": NOWHERE}), "deleteKey": line("shared", {"id": NOWHERE}), "drainServer": line("shared"),
    # of a run
    "listRunArtifacts": line("run"), "getRunArtifact": line("run"), "getRunBundle": line("run"), "listRunEvents": line("run"), "getRun": line("run"),
    "getRunStatus": line("run"), "explainRun": line("run"), "getRunResults": line("run"), "getRunLog": line("run"), "getRunAudio": line("run"),
    "getRunPeaks": line("run"), "cancelRun": line("run", needs="held"), "retryRun": line("run"), "rerunRun": line("run"), "holdRun": line("run", needs="held"),
    "releaseRun": line("run", needs="held"), "setRunPriority": line("run", body={"priority": "low"}, needs="held"),
    "compareRuns": line("run", query="?a={id}&b={id}"), "connectRunEvents": line("run", headers=UPGRADE), "getRunTranscript": line("run"),
    "searchRunTranscript": line("run", query="?q=hello"), "getRunSpeakers": line("run"), "putRunSpeakers": line("run", body={"names": {}}),
    # of an upload, an experiment, a webhook
    "getUpload": line("upload"), "deleteUpload": line("upload"),
    "getExperiment": line("experiment"), "deleteExperiment": line("experiment"), "startExperiment": line("experiment"), "cancelExperiment": line("experiment"),
    "getExperimentStatus": line("experiment"), "compareExperiment": line("experiment"), "listExperimentCandidates": line("experiment"),
    "listExperimentFindings": line("experiment"),
    "getWebhook": line("webhook"), "deleteWebhook": line("webhook"), "testWebhook": line("webhook"), "listWebhookDeliveries": line("webhook"),
}
PEOPLE = ("ann", "ben", "lone", "other")  # lone and other: keys without a user
OWNERS = ("ann", "lone", "")
made = {}


def operations():
    environment = {name: value for name, value in os.environ.items() if name != "MODEL_LAB_TESTING"}
    done = subprocess.run([kit.PROGRAM, "--operations"], capture_output=True, text=True, check=True, env=environment)
    return {one["id"]: one for one in map(json.loads, done.stdout.splitlines())}


def ask(server, who, method, path, **more):
    headers = {**more.pop("headers", {}), **(keys.bearer(made[who][1]) if who else {})}
    return server.request(method, path, headers=headers, **more)


def submit(server, owner, upload, **request):
    """A run of `owner`; of nobody when it is ""."""
    reply = ask(server, owner or "root", "POST", f"{API}/runs", json_body={"upload_id": upload, **request})
    kit.equal(reply.status, 202, reply)
    return reply.json["run_id"]


class Things:
    """What each owner has. A new one when the last was taken away."""

    def __init__(self, server):
        self.server, self.count = server, 0
        sound = files.wav(1)
        self.uploads = {owner: self.upload(owner, sound) for owner in OWNERS}
        self.done = {owner: submit(server, owner, self.uploads[owner], **files_request()) for owner in OWNERS}
        self.done.update({who: submit(server, who, self.upload(who, sound), pipeline="ingest") for who in ("ben", "other")})
        for run in self.done.values():
            kit.wait_for(lambda run=run: self.status(run) == "COMPLETED", f"the end of {run}")

    def status(self, run):
        return ask(self.server, "root", "GET", f"{API}/runs/{run}/status").json["status"]

    def upload(self, owner, sound=None):
        self.count += 1
        reply = ask(self.server, owner or "root", "POST", f"{API}/uploads?name=a.wav", body=sound or files.wav(1 + self.count / 100),
                    headers={"Content-Type": "audio/wav"})
        kit.equal(reply.status, 201, reply)
        return reply.json["id"]

    def experiment(self, owner):
        upload = self.upload(owner)
        document = {"name": f"e{self.count}", "inputs": [{"file": f"upload:{upload}"}], "candidates": [
            {"name": name, "request": {"pipeline": "ingest", "priority": priority}} for name, priority in (("a", "low"), ("b", "high"))]}
        reply = ask(self.server, owner or "root", "POST", f"{API}/experiments", json_body=document)
        kit.equal(reply.status, 201, reply)
        return reply.json["id"]

    def webhook(self, owner):
        reply = ask(self.server, owner or "root", "POST", f"{API}/webhooks", json_body=HOOK)
        kit.equal(reply.status, 201, reply)
        return reply.json["id"]

    def make(self, kind, owner, needs):
        if kind == "run":
            return submit(self.server, owner, self.uploads[owner], pipeline="ingest", hold=True) if needs == "held" else self.done[owner]
        return {"upload": self.upload, "experiment": self.experiment, "webhook": self.webhook}[kind](owner)


def files_request():
    """A run that has all that can be read: a transcript, speakers, a waveform."""
    return {"steps": ["asr"], "config": {"asr": {"language": "en"}}}


def people(server):
    for who, arguments in {"root": ("--scopes", "admin"), "ann": ("--user", "ann"), "ben": ("--user", "ben"), "lone": (), "other": ()}.items():
        if "--scopes" not in arguments:
            arguments = (*arguments, "--scopes", ",".join(SCOPES))
        made[who] = keys.make(server, "--name", who, *arguments)
    for scope in SCOPES:
        made["without " + scope] = keys.make(server, "--name", "part", "--user", "ann", "--scopes", ",".join(one for one in SCOPES if one != scope))


def user_of(who):
    """As whose what the key makes counts."""
    return {"root": "", "ann": "ann", "ben": "ben"}.get(who, f"key:{made[who][0]}") if who else ""


def call(server, who, name, operation, row, thing=None):
    path, params = operation["path"], dict(row["params"])
    if thing is not None:
        params["id"] = thing
    if "{artifact_id}" in path:
        items = ask(server, "root", "GET", f"{API}/runs/{thing}/artifacts").json["items"]
        params["artifact_id"] = items[0]["id"]
    for key, value in params.items():
        path = path.replace("{" + key + "}", value)
    path += row["query"].replace("{id}", thing or "")
    headers = {**row["headers"]}
    body = row["content"]
    if row["body"] is not None:
        body = json.dumps(row["body"]).encode()
        headers = {**JSON, **headers}
    if name == "connectRunEvents":
        return connected(server, who, path)
    return ask(server, who, row["method"] or operation["method"], path, body=body, headers=headers)


def connected(server, who, path):
    """A run that is not to be seen is told by the code of the close, in place of a 404."""
    plain, head, _ = socket_kit.handshake(server, path.removeprefix(API), **({"Authorization": f"Bearer {made[who][1]}"} if who else {}))
    plain.close()
    status = int(head.split(" ")[1])
    if status == 101:
        client = socket_kit.Socket(server, path.removeprefix(API), **({"Authorization": f"Bearer {made[who][1]}"} if who else {}))
        status = 404 if client.close_code() == 4004 else 101
    return kit.Reply(status, {}, head.encode())


def allowed(reply, row, what):
    wrong = (401, 403) if row["kind"] in ("open", "shared") else (401, 403, 404)
    kit.true(reply.status not in wrong and reply.status not in (500, 503), f"{what}: {reply}")


def test_the_table_is_whole():
    """A new operation without a line here fails, and so does a line of one that is gone."""
    kit.equal(sorted(set(operations()) ^ set(TABLE)), [], "operations without a line, or lines without an operation")


def test_every_operation():
    kit.models()
    table = operations()
    names = sorted(TABLE, key=lambda name: name == "drainServer")  # it ends the server
    with kit.Server(HTTP_KEYS="on", HTTP_RATE="0", MAX_WORKERS="1") as server:
        people(server)
        things = Things(server)
        for name in names:
            row, operation = TABLE[name], table[name]
            scope = operation["scope"]
            kit.equal(scope == "", row["kind"] == "open", f"{name} is open")
            owners = OWNERS if row["kind"] not in ("open", "shared") else (None,)
            for owner in owners:
                thing = things.make(row["kind"], owner, row["needs"]) if owner is not None else None
                if scope:
                    reply = call(server, None, name, operation, row, thing)
                    kit.equal(reply.status, 401, f"{name} without a key")
                if scope in SCOPES:
                    kit.equal(call(server, "without " + scope, name, operation, row, thing).status, 403, f"{name} without {scope}")
                for who in PEOPLE:
                    what = f"{name} of {owner!r} by {who}"
                    if scope == "admin":
                        kit.equal(call(server, who, name, operation, row, thing).status, 403, what)
                    elif owner is None:
                        allowed(call(server, who, name, operation, row), row, what)
                    elif who != owner:
                        kit.equal(call(server, who, name, operation, row, thing).status, 404, what)
                if owner in PEOPLE:
                    allowed(call(server, owner, name, operation, row, thing), row, f"{name} by its owner {owner}")
                    thing = things.make(row["kind"], owner, row["needs"])
                if name != "drainServer":
                    allowed(call(server, "root", name, operation, row, thing), row, f"{name} of {owner!r} by an admin")
        what_is_made(server, things)
        lists(server, things)
        lasting(server, things)
        told(server)
        kit.equal(call(server, "root", "drainServer", table["drainServer"], TABLE["drainServer"]).status, 202)
        server.process.wait(kit.PATIENCE)


def what_is_made(server, things):
    """It is the caller's, and of nobody else's things."""
    for who in (*PEOPLE, "root"):
        user = user_of(who)
        own = ask(server, who, "POST", f"{API}/uploads?name=a.wav", body=files.wav(2), headers={"Content-Type": "audio/wav"}).json["id"]
        run = ask(server, who, "POST", f"{API}/runs", json_body={"pipeline": "ingest", "hold": True, "upload_id": own}).json
        kit.equal(run["user"] or "", user, f"user of a run by {who}")
        hook = ask(server, who, "POST", f"{API}/webhooks", json_body=HOOK).json
        kit.equal((hook["user"], hook["every_user"]), (user, False), f"user of a webhook by {who}")
        for owner in ("ann", "lone", "", "elsewhere"):
            name = owner if owner == "elsewhere" else user_of(owner)
            if who == "root" or name == user:
                continue
            other = things.uploads.get(owner)
            request = {"pipeline": "ingest", "hold": True, "upload_id": own, "user": name}
            for path in ("/runs", "/runs/estimate", "/runs/validate"):
                kit.equal(ask(server, who, "POST", f"{API}{path}", json_body=request).status, 403, f"{path} for {name!r} by {who}")
            kit.equal(ask(server, who, "POST", f"{API}/runs/{run['run_id']}/rerun", json_body={"overrides": {"user": name}}).status, 403,
                      f"a rerun for {name!r} by {who}")
            if other is None:
                continue
            request = {"pipeline": "ingest", "hold": True, "upload_id": other}
            for path in ("/runs", "/runs/estimate"):
                kit.equal(ask(server, who, "POST", f"{API}{path}", json_body=request).status, 404, f"{path} of the upload of {owner!r} by {who}")
            checked = ask(server, who, "POST", f"{API}/runs/validate", json_body=request).json
            kit.equal((checked["valid"], checked["findings"][0]["pointer"]), (False, "/upload_id"), f"validate of the upload of {owner!r} by {who}")
            document = {"name": "x", "inputs": [{"file": f"upload:{other}"}], "candidates": [{"name": "a", "request": {"pipeline": "ingest"}},
                                                                                           {"name": "b", "request": {"pipeline": "ingest", "priority": 3}}]}
            kit.equal(ask(server, who, "POST", f"{API}/experiments", json_body=document).status, 422, f"an experiment on the upload of {owner!r} by {who}")
        kit.equal(ask(server, who, "POST", f"{API}/webhooks", json_body={**HOOK, "every_user": True}).status, 201 if who == "root" else 403)
        many = ask(server, who, "POST", f"{API}/runs/cancel", json_body={"ids": [things.done["ann"]]}).json["items"][0]["outcome"]
        kit.equal(many, "already_terminal" if who in ("ann", "root") else "not_found", f"cancelRuns by {who}")


def lists(server, things):
    """Only the caller's own, whatever is asked for; an admin sees all."""
    runs = {run["run_id"]: run["user"] or "" for run in ask(server, "root", "GET", f"{API}/runs?limit=1000").json["items"]}
    experiment = things.experiment("ann")
    things.experiment("lone")
    kit.true({"", "ann", "ben", user_of("lone"), user_of("other")} <= set(runs.values()), "runs of all")
    for who in PEOPLE:
        user = user_of(who)
        for query in ("", f"&user={user}", "&user=", "&user=ann", f"&q={things.done['ann']}", f"&user={user_of('lone')}"):
            seen = {run["run_id"] for run in ask(server, who, "GET", f"{API}/runs?limit=1000{query}").json["items"]}
            kit.true(all(runs[run] == user for run in seen), f"runs for {who} with {query!r}")
        kit.equal({run["run_id"] for run in ask(server, who, "GET", f"{API}/runs?limit=1000").json["items"]},
                  {run for run, owner in runs.items() if owner == user}, f"all own runs of {who}")
        hooks = ask(server, who, "GET", f"{API}/webhooks?limit=1000").json["items"]
        kit.true(hooks and all(hook["user"] == user and not hook["every_user"] for hook in hooks), f"webhooks for {who}")
        listed = {one["id"] for one in ask(server, who, "GET", f"{API}/experiments?limit=1000").json["items"]}
        kit.equal(experiment in listed, who == "ann", f"experiments for {who}")
        request = ask(server, "root", "GET", f"{API}/runs/{things.done['ann']}").json["request_id"]
        lines = ask(server, who, "GET", f"{API}/logs?request_id={request}").json["items"]
        kit.equal(lines != [], who == "ann", f"lines of a request of ann for {who}")


def lasting(server, things):
    """Streams of all events hold the caller's alone: what came before an event of his own is in."""
    runs = {}
    for who in PEOPLE:
        own = submit(server, who, things.upload(who), pipeline="ingest", hold=True)
        runs = {run["run_id"]: run["user"] or "" for run in ask(server, "root", "GET", f"{API}/runs?limit=1000").json["items"]}
        client = socket_kit.Socket(server, Authorization=f"Bearer {made[who][1]}")
        client.say(action="subscribe", id="a", cursor="e0")
        seen = set()
        while own not in seen:
            heard = client.heard()
            if heard.get("type") == "event":
                seen.add(heard["event"]["run_id"])
        client.close()
        kit.true(all(runs[run] == user_of(who) for run in seen), f"events of a socket for {who}")
        with server.connect() as plain:
            plain.sendall((f"GET {API}/events?cursor=e0 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
                           f"Authorization: Bearer {made[who][1]}\r\n\r\n").encode())
            text = b""
            while own.encode() not in text:
                more = plain.recv(65536)
                kit.true(more, "the stream ended")
                text += more
        kit.equal([run for run, owner in runs.items() if owner != user_of(who) and run.encode() in text], [], f"events of a stream for {who}")


def told(server):
    """/info tells the caller's own rights."""
    for who, scopes in (("root", ["runs:read", "runs:write", "models:write", "admin"]), ("ann", list(SCOPES)), ("lone", list(SCOPES)),
                        ("without runs:write", ["runs:read", "models:write"])):
        info = ask(server, who, "GET", f"{API}/info").json
        user = "ann" if who.startswith("without") else user_of(who)
        kit.equal((info["user"], info["scopes"]), (user or None, scopes), f"/info for {who}")
    for headers in ({}, keys.bearer("mlk_" + "a" * 52), {"Authorization": "Basic YTpi"}):
        info = server.request("GET", f"{API}/info", headers=headers)
        kit.equal((info.status, info.json["user"], info.json["scopes"]), (200, None, []), "/info without a good key")


def test_without_keys():
    """On the loopback interface everybody may everything: whose it is does not matter."""
    kit.models()
    table = operations()
    with kit.Server(HTTP_KEYS="on", HTTP_RATE="0", MAX_WORKERS="1") as server:
        people(server)
        things = Things(server)
        owned = {name: [things.make(TABLE[name]["kind"], owner, TABLE[name]["needs"]) for owner in OWNERS]
                 for name in TABLE if TABLE[name]["kind"] not in ("open", "shared")}
        server.stop()
        server.environment["MODEL_LAB_HTTP_KEYS"] = "off"
        server.start()
        for name in TABLE:
            for thing in owned.get(name, [None]):
                if name != "drainServer":
                    allowed(call(server, None, name, table[name], TABLE[name], thing), TABLE[name], f"{name} without keys")
        info = server.get(f"{API}/info").json
        kit.equal((info["user"], info["scopes"]), (None, [*SCOPES, "admin"]))
        hook = server.post(f"{API}/webhooks", HOOK).json
        kit.equal((hook["user"], hook["every_user"]), ("", True), "without keys a webhook is about all runs")


if __name__ == "__main__":
    kit.main(globals())
