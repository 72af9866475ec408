"""Webhooks over HTTP, with a receiver: signed deliveries of real runs, where they may go, retries, a server that is killed while
it delivers, and whose webhooks a key sees."""
import hashlib
import hmac
import http.server
import json
import re
import subprocess
import threading

import keys
import kit

HOOKS = kit.API + "/webhooks"
ALLOW = {"WEBHOOK_ALLOW": "127.0.0.0/8", "WEBHOOK_RETRY_SECONDS": "100ms"}
SETTINGS = ALLOW


class Receiver:
    """Answers `answers` in turn (the last for ever), or not at all while `hold` is set."""

    def __init__(self, *answers):
        self.answers, self.got, self.hold = list(answers) or [204], [], threading.Event()
        self.lock, self.gate = threading.Lock(), threading.Event()
        self.gate.set()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 - the name that the base class calls
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    receiver.got.append((dict(self.headers), body))
                    answer = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                receiver.gate.wait(kit.PATIENCE)
                try:
                    self.send_response(answer)
                    if answer == 302:
                        self.send_header("Location", receiver.url + "/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass  # the sender is gone

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, count):
        kit.wait_for(lambda: len(self.got) >= count, f"{count} deliveries; there are {len(self.got)}")
        return [json.loads(body) for _, body in self.got]

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


def check_signature(secret, headers, body):
    parts = dict(item.split("=", 1) for item in headers["Modellab-Signature"].split(","))
    want = hmac.new(secret.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    kit.equal(parts["v1"], want, "signature")


def submit(server, user=None):
    """A run that makes nothing, by the command line; its id."""
    request = {"steps": ["noop"], **({"user": user} if user else {})}
    path = server.log_path.parent / "request.json"
    path.write_text(json.dumps(request))
    return subprocess.run([str(kit.BINARIES / "modellab"), "run", "submit", "--request", str(path), "--lab", str(server.root), "--quiet"],
                          env=server.environment, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def test_a_run_is_told(server):
    receiver = Receiver()
    made = server.post(HOOKS, {"url": receiver.url, "events": ["run_queued", "run_completed"]})
    kit.equal(made.status, 201)
    hook = made.json
    kit.equal(made.header("Location"), f"{HOOKS}/{hook['id']}")
    run = submit(server)
    bodies = receiver.wait(2)
    kit.equal([body["type"] for body in bodies], ["run_queued", "run_completed"])
    kit.true(all(body["run_id"] == run and body["webhook_id"] == hook["id"] for body in bodies), "whose they are")
    for headers, body in receiver.got:
        check_signature(hook["secret"], headers, body)
        kit.equal(headers["Modellab-Delivery"], json.loads(body)["id"])
        kit.true(headers["X-Request-Id"] == json.loads(body)["request_id"] and "traceparent" in headers, "ids go along")
    listed = kit.wait_for(lambda: [d for d in server.get(f"{HOOKS}/{hook['id']}/deliveries").json["items"] if d["status"] == "delivered"][1:]
                          and server.get(f"{HOOKS}/{hook['id']}/deliveries").json["items"], "both are recorded")
    kit.equal([(d["event"], d["http_status"], d["attempts"]) for d in listed], [("run_completed", 204, 1), ("run_queued", 204, 1)])
    metrics = server.get("/metrics").text
    told = float(re.search(r'^modellab_webhook_deliveries_total\{outcome="delivered"\} (\S+)$', metrics, re.MULTILINE).group(1))
    kit.true(told >= 2 and "\nmodellab_webhook_deliveries_waiting 0\n" in metrics, "counted")
    page = server.get(f"{HOOKS}/{hook['id']}/deliveries?limit=1").json
    rest = server.get(f"{HOOKS}/{hook['id']}/deliveries?limit=1&cursor={page['next_cursor']}").json
    kit.equal([page["items"][0]["id"], rest["items"][0]["id"]], [d["id"] for d in listed])
    kit.equal(rest["next_cursor"], None)
    kit.true(hook["secret"] not in server.get(HOOKS).text + server.log_text(), "the secret is told once")
    kit.equal(server.request("DELETE", f"{HOOKS}/{hook['id']}").status, 204)
    kit.equal(server.get(f"{HOOKS}/{hook['id']}").status, 404)
    for event in ("webhook.created", "webhook.deleted"):
        kit.equal(len(server.log_lines(event=event, webhook_id=hook["id"])), 1, event)
    submit(server)
    receiver.close()


def test_again_and_in_order(server):
    receiver = Receiver(500, 302, 503, 200)
    hook = server.post(HOOKS, {"url": receiver.url, "events": ["run_queued"]}).json
    runs = [submit(server), submit(server)]
    bodies = receiver.wait(5)
    kit.equal([body["run_id"] for body in bodies], [runs[0]] * 4 + [runs[1]])
    kit.equal(len({body["id"] for body in bodies[:4]}), 1, "one delivery, several attempts")
    server.request("DELETE", f"{HOOKS}/{hook['id']}")
    receiver.close()


def test_test(server):
    receiver = Receiver()
    hook = server.post(HOOKS, {"url": receiver.url, "secret": "sixteen bytes and more"}).json
    kit.equal(hook["secret"], "sixteen bytes and more")
    reply = server.post(f"{HOOKS}/{hook['id']}/test")
    kit.equal(reply.status, 202)
    kit.equal(receiver.wait(1)[0]["id"], reply.json["id"])
    check_signature(hook["secret"], *receiver.got[0])
    kit.equal(server.post(f"{HOOKS}/01J00000000000000000000000/test").status, 404)
    server.request("DELETE", f"{HOOKS}/{hook['id']}")
    receiver.close()


def test_gone(server):
    receiver = Receiver(410)
    hook = server.post(HOOKS, {"url": receiver.url}).json
    server.post(f"{HOOKS}/{hook['id']}/test")
    now = kit.wait_for(lambda: not (now := server.get(f"{HOOKS}/{hook['id']}").json)["enabled"] and now, "it is disabled")
    kit.true("410" in now["disabled_reason"], "the reason")
    kit.wait_for(lambda: server.log_lines(event="webhook.disabled", webhook_id=hook["id"]), "it is in the log")
    kit.equal(server.post(f"{HOOKS}/{hook['id']}/test").status, 409)
    receiver.close()


def test_where_they_may_go():
    receiver = Receiver()
    port = receiver.server.server_address[1]
    with kit.Server() as server:  # without an allowance
        for url in (receiver.url, f"https://127.0.0.1:{port}/", f"https://[::1]:{port}/", "https://169.254.169.254/latest", "https://127.1/",
                    "https://2130706433/", "ftp://example.com/", "https://a:b@example.com/", "http://example.com/", "https://example.com:22/"):
            reply = server.post(HOOKS, {"url": url})
            kit.equal(reply.status, 422, url)
        # a name: found out when it is connected to
        hook = server.post(HOOKS, {"url": f"https://localhost:{port}/hook"})
        kit.equal(hook.status, 201)
        path = f"{HOOKS}/{hook.json['id']}"
        server.post(path + "/test")
        tried = kit.wait_for(lambda: [d for d in server.get(path + "/deliveries").json["items"] if d["message"]], "an attempt")
        # no word that tells this name from one that nobody knows: the log has it
        other = server.post(HOOKS, {"url": f"https://nobody.invalid:{port}/hook"}).json
        server.post(f"{HOOKS}/{other['id']}/test")
        unknown = kit.wait_for(lambda: [d for d in server.get(f"{HOOKS}/{other['id']}/deliveries").json["items"] if d["message"]], "an attempt")
        kit.equal(tried[0]["message"], unknown[0]["message"])
        details = [line["detail"] for line in kit.wait_for(lambda: server.log_lines(event="webhook.try_again")[1:] and server.log_lines(event="webhook.try_again"), "both in the log")]
        kit.true(any("may not be reached" in d for d in details) and any("name" in d for d in details), f"{details}")
        kit.equal(receiver.got, [])
    receiver.close()


def test_killed_while_it_delivers():
    receiver = Receiver()
    server = kit.Server(**ALLOW)
    hook = server.post(HOOKS, {"url": receiver.url, "events": ["run_queued"]}).json
    receiver.gate.clear()  # takes the message and does not answer
    runs = [submit(server) for _ in range(3)]
    receiver.wait(1)
    server.kill()
    root = server.root
    receiver.gate.set()
    receiver.got.clear()
    # What was on its way is leased to the dead one for half a minute; another lab process goes on then.
    server.process.stdout.close()
    server.start()
    bodies = receiver.wait(3)
    kit.equal([body["run_id"] for body in bodies[:3]], runs)
    kit.wait_for(lambda: all(d["status"] == "delivered" for d in server.get(f"{HOOKS}/{hook['id']}/deliveries").json["items"]), "all arrived")
    kit.true(root == server.root, "the same lab")
    server.close()
    receiver.close()


def test_whose_they_are():
    receiver = Receiver()
    with kit.Server(HTTP_KEYS="on", **ALLOW) as server:
        ann = {"Authorization": "Bearer " + keys.make(server, "--scopes", "runs:read,runs:write", "--user", "ann")[1]}
        bob = {"Authorization": "Bearer " + keys.make(server, "--scopes", "runs:read,runs:write", "--user", "bob")[1]}
        reader = {"Authorization": "Bearer " + keys.make(server, "--scopes", "runs:read", "--user", "ann")[1]}
        admin = {"Authorization": "Bearer " + keys.make(server, "--scopes", "admin")[1]}
        hook = server.post(HOOKS, {"url": receiver.url, "events": ["run_queued"]}, headers=ann).json
        kit.equal(hook["user"], "ann")
        path = f"{HOOKS}/{hook['id']}"
        for who, code in ((ann, 200), (reader, 200), (admin, 200), (bob, 404)):
            kit.equal(server.request("GET", path, headers=who).status, code)
            kit.equal(server.request("GET", path + "/deliveries", headers=who).status, code)
        kit.equal(server.request("DELETE", path, headers=bob).status, 404)
        kit.equal(server.request("POST", path + "/test", headers=bob).status, 404)
        kit.equal(server.request("DELETE", path, headers=reader).status, 403)
        kit.equal(server.request("GET", HOOKS, headers=bob).json["items"], [])
        kit.equal(server.post(HOOKS, {"url": receiver.url, "every_user": True}, headers=bob).status, 403)
        submit(server, "bob")
        run = submit(server, "ann")
        kit.equal([body["run_id"] for body in receiver.wait(1)], [run])
        every = server.post(HOOKS, {"url": receiver.url, "events": ["run_queued"], "every_user": True}, headers=admin).json
        kit.equal(server.request("GET", f"{HOOKS}/{every['id']}", headers=ann).status, 404)
        run = submit(server, "bob")
        kit.equal(receiver.wait(2)[1]["run_id"], run)
    receiver.close()


def test_what_is_refused(server):
    for body, pointer in (({}, "/url"), ({"url": 5}, "/url"), ({"url": "https://x.example", "events": ["nothing"]}, None),
                          ({"url": "https://x.example", "events": "run_queued"}, "/events"), ({"url": "https://x.example", "secret": "short"}, "/secret"),
                          ({"url": "https://x.example", "every_user": 1}, "/every_user"), ({"url": "https://x.example", "more": 1}, "")):
        reply = server.post(HOOKS, body)
        kit.equal(reply.status, 422, f"{body}")
        if pointer is not None:
            kit.equal(reply.json["errors"][0]["pointer"], pointer, f"{body}")


if __name__ == "__main__":
    kit.main(globals())
