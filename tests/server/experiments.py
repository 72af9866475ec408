"""Experiments: inputs by upload, runs, candidates, findings, and who may see them."""
import files
import kit

E = kit.API + "/experiments"


def keep(server, seconds, key=None):
    reply = server.request("POST", f"{kit.API}/uploads?name=a.wav", body=files.wav(seconds),
                           headers={"Content-Type": "audio/wav", **({"Authorization": f"Bearer {key}"} if key else {})})
    kit.equal(reply.status, 201, reply)
    return reply.json["id"]


def document(upload, **more):
    return {"name": "levels", "inputs": [{"name": "a", "file": f"upload:{upload}"}], "candidates": [
        {"name": "plain", "request": {"pipeline": "ingest"}}, {"name": "urgent", "request": {"pipeline": "ingest", "priority": "urgent"}}], **more}


def test_from_document_to_table(server):
    upload = keep(server, 1)
    made = server.post(E, document(upload))
    kit.equal(made.status, 201, made)
    id = made.json["id"]
    kit.equal(made.header("Location"), f"{E}/{id}")
    again = server.post(E, document(upload), headers={"Idempotency-Key": "e-1"})
    kit.equal((again.status, again.json["id"]), (200, id), again)
    kit.equal(server.post(E, document(upload), headers={"Idempotency-Key": "e-1"}).header("Idempotency-Replayed"), "true")
    kit.equal(server.post(E, document(upload, repetitions=2), headers={"Idempotency-Key": "e-1"}).status, 422)
    kit.equal(server.request("DELETE", f"{kit.API}/uploads/{upload}").status, 204)
    kit.equal(server.get(f"{E}/{id}").json["snapshot"]["inputs"][0]["bytes"], len(files.wav(1)), "the experiment has its own")
    kit.equal(server.get(f"{E}/{id}/status").json["status"], "PENDING")
    started = server.post(f"{E}/{id}/start")
    kit.equal((started.status, started.json["cells"], started.json["findings"]), (202, 2, []), started)
    kit.wait_for(lambda: server.get(f"{E}/{id}/status").json["status"] == "DONE", "its runs end")
    table = server.get(f"{E}/{id}/compare").json
    kit.equal([one["name"] for one in table["candidates"]], ["plain", "urgent"])
    kit.equal(server.get(f"{E}/{id}/candidates").json["items"], table["candidates"])
    kit.equal([one["completed"] for one in table["candidates"]], [1, 1])
    kit.equal([one["candidate"] for one in server.get(f"{E}/{id}/findings").json["items"]], ["plain", "urgent"])
    kit.equal(server.get(f"{E}/{id[:8]}").json["id"], id, "by its first digits")
    kit.equal(server.request("DELETE", f"{E}/{id}").status, 204)
    kit.equal(server.get(f"{E}/{id}").status, 404)


def test_pages_and_cancel(server):
    ids = []
    for name in ("one", "two", "three"):
        upload = keep(server, 1)
        ids.insert(0, server.post(E, document(upload, name=name)).json["id"])
    seen, cursor = [], ""
    while cursor is not None:
        page = server.get(f"{E}?limit=1{cursor and '&cursor=' + cursor}").json
        kit.equal(len(page["items"]), 1)
        seen.append(page["items"][0]["id"])
        cursor = page["next_cursor"]
    kit.equal(sorted(seen), sorted(ids))
    kit.equal(server.get(f"{E}?cursor=nothing").status, 422)
    kit.equal(server.post(f"{E}/{ids[0]}/cancel").json, {"asked": 0})
    for id in ids:
        kit.equal(server.request("DELETE", f"{E}/{id}").status, 204)
    kit.equal(server.get(E).json, {"items": [], "next_cursor": None})


def test_refused(server):
    upload = keep(server, 1)
    for wrong, pointer in ((document("0" * 26), "/inputs/0/file"), (document("../../../etc/passwd"), "/inputs/0/file"),
                           (document(upload, candidates=[]), "/candidates"), (document(upload, repetitions=0), "/repetitions"),
                           ({**document(upload), "inputs": [{"file": "/etc/passwd"}]}, "/inputs/0/file"),
                           ({**document(upload), "inputs": [{"file": "a.wav"}]}, "/inputs/0/file"), ([], "")):
        reply = server.post(E, wrong)
        kit.equal(reply.status, 422, reply)
        kit.true(pointer in [error["pointer"] for error in reply.json["errors"]], reply)
        kit.true("/work" not in reply.text and str(server.root) not in reply.text, "no path")
    for path in ("", "/status", "/compare", "/candidates", "/findings"):
        kit.equal(server.get(f"{E}/{'0' * 64}{path}").status, 404, path)
    kit.equal(server.get(E).json["items"], [])


def test_who_may_see_them():
    with kit.Server(start=False, HTTP_KEYS="off") as server:
        server.start()
        keys = {}
        for user, scopes in (("ann", ["runs:read", "runs:write"]), ("ben", ["runs:read", "runs:write"]), ("root", ["admin"])):
            reply = server.post(f"{kit.API}/admin/keys", {"name": user, "user": user, "scopes": scopes})
            kit.equal(reply.status, 201, reply)
            keys[user] = reply.json["key"]
        server.stop()
        server.environment["MODEL_LAB_HTTP_KEYS"] = "on"
        server.start()

        def ask(user, method, path, body=None):
            return server.request(method, path, json_body=body, headers={"Authorization": f"Bearer {keys[user]}"})
        upload = keep(server, 1, keys["ann"])
        kit.equal([ask(user, "GET", f"{kit.API}/uploads/{upload}").status for user in ("ann", "ben", "root")], [200, 404, 200])
        kit.equal(ask("ben", "DELETE", f"{kit.API}/uploads/{upload}").status, 404)
        kit.equal(ask("ben", "POST", f"{kit.API}/runs", {"pipeline": "ingest", "upload_id": upload}).status, 404, "somebody else's file")
        kit.equal(ask("ben", "POST", f"{kit.API}/runs", {"pipeline": "ingest", "user": "ann", "upload_id": upload}).status, 403)
        kit.equal(ask("ben", "POST", E, document(upload)).status, 422, "somebody else's file")
        run = ask("ann", "POST", f"{kit.API}/runs", {"pipeline": "ingest", "hold": True, "upload_id": upload})
        kit.equal((run.status, run.json["user"]), (202, "ann"), run)
        id = run.json["run_id"]
        for path in ("cancel", "hold", "release", "retry", "rerun"):
            kit.equal(ask("ben", "POST", f"{kit.API}/runs/{id}/{path}").status, 404, path)
        kit.equal(ask("ben", "POST", f"{kit.API}/runs/cancel", {"ids": [id]}).json["items"][0]["outcome"], "not_found")
        kit.equal(ask("ann", "POST", f"{kit.API}/runs/{id}/rerun", {"overrides": {"user": "ben"}}).status, 403)
        kit.equal(ask("root", "POST", f"{kit.API}/runs/{id}/cancel").json["outcome"], "cancelled")
        made = ask("ann", "POST", E, document(upload))
        kit.equal(made.status, 201, made)
        place = f"{E}/{made.json['id']}"
        kit.equal([ask(user, "GET", place).status for user in ("ann", "ben", "root")], [200, 404, 200])
        kit.equal([len(ask(user, "GET", E).json["items"]) for user in ("ann", "ben", "root")], [1, 0, 1])
        for method, path in (("GET", "/status"), ("GET", "/compare"), ("POST", "/start"), ("POST", "/cancel"), ("DELETE", "")):
            kit.equal(ask("ben", method, place + path).status, 404, path)
        kit.equal(ask("ann", "GET", f"{place}/status").json["status"], "PENDING", "nobody started it")


if __name__ == "__main__":
    kit.main(globals())
