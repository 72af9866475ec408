"""Keys over HTTP: who may do what, rotation, revocation, rates; no secret in the log or in lists."""
import json
import subprocess
import time

import kit

KEYS = kit.API + "/admin/keys"
SETTINGS = {"HTTP_KEYS": "on", "HTTP_RATE": "6000"}


def make(server, *arguments):
    """A key by the command line: (id, secret)."""
    said = subprocess.run([str(kit.BINARIES / "modellab"), "key", "create", "--json", "--lab", str(server.root), *arguments],
                          env=server.environment, stdout=subprocess.PIPE, check=True).stdout
    key = json.loads(said)
    return key["id"], key["secret"]


def admin(server):
    if not hasattr(server, "admin_key"):
        server.admin_key = make(server, "--scopes", "admin", "--name", "root")
    return {"Authorization": f"Bearer {server.admin_key[1]}"}


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


def ask(server, secret=None, path=KEYS, method="GET", **more):
    return server.request(method, path, headers=bearer(secret) if secret else None, **more)


def test_no_key_no_entry(server):
    kit.equal(ask(server, path="/livez").status, 200)  # open to everybody
    reply = ask(server)
    kit.equal(reply.status, 401)
    kit.equal(reply.header("WWW-Authenticate"), 'Bearer realm="modellab"')
    kit.equal(reply.json["type"], "/api/v1/problems#unauthorized")
    for value in ("Bearer", "Bearer ", "Bearer mlk_", "Basic YTpi", "Bearer " + "mlk_" + "a" * 52, "Bearer \u00e9", "mlk_" + "a" * 52):
        reply = server.request("GET", KEYS, headers={"Authorization": value.encode("latin-1")})
        kit.equal(reply.status, 401, value)
    kit.true('error="invalid_token"' in ask(server, "mlk_" + "a" * 52).header("WWW-Authenticate"), "the error of RFC 6750")


def test_scopes(server):
    _, reader = make(server, "--scopes", "runs:read", "--user", "ann")
    reply = ask(server, reader)
    kit.equal(reply.status, 403)
    kit.true('error="insufficient_scope", scope="admin"' in reply.header("WWW-Authenticate"), "the scope that is needed")
    kit.equal(ask(server, reader, method="POST", json_body={"name": "x", "scopes": ["admin"]}).status, 403)
    kit.equal(server.request("GET", KEYS, headers=admin(server)).status, 200)


def test_made_over_http(server):
    reply = server.post(KEYS, {"name": "laptop", "user": "ann", "scopes": ["runs:read", "admin"], "expires_in_seconds": 3600},
                        headers=admin(server))
    kit.equal(reply.status, 201)
    made = reply.json
    kit.equal(reply.header("Location"), f"{KEYS}/{made['id']}")
    kit.equal(reply.header("Cache-Control"), "no-store")
    kit.equal((made["name"], made["user"], made["scopes"], made["state"]), ("laptop", "ann", ["runs:read", "admin"], "active"))
    kit.equal(ask(server, made["key"]).status, 200)
    listed = [key for key in ask(server, made["key"]).json["items"] if key["id"] == made["id"]][0]
    kit.equal(listed["prefix"], made["key"][:8])
    kit.true(listed["last_used_at"] is not None, "it was used")
    kit.true("key" not in listed and made["key"][8:] not in ask(server, made["key"]).text, "no secret in a list")
    path = f"{KEYS}/{made['id']}"
    turned = ask(server, made["key"], path + "/rotate", "POST", json_body={"overlap_seconds": 3600})
    kit.equal(turned.status, 201)
    kit.equal([ask(server, key).status for key in (made["key"], turned.json["key"])], [200, 200])
    again = ask(server, turned.json["key"], path + "/rotate", "POST")  # without a body: no overlap
    kit.equal(again.status, 201)
    kit.equal([ask(server, key).status for key in (made["key"], turned.json["key"], again.json["key"])], [401, 401, 200])
    kit.equal(ask(server, again.json["key"], path, "DELETE").status, 204)
    kit.equal(ask(server, again.json["key"]).status, 401)
    kit.equal(server.request("DELETE", path, headers=admin(server)).status, 204)
    kit.equal(server.request("POST", path + "/rotate", headers=admin(server)).status, 409)
    kit.equal(server.request("DELETE", f"{KEYS}/01J00000000000000000000000", headers=admin(server)).status, 404)
    log = server.log_text()
    for secret in (made["key"], turned.json["key"], again.json["key"], server.admin_key[1]):
        kit.true(secret[8:] not in log, "no secret in the log")
    created, = server.log_lines(event="key.created", key_id=made["id"])
    kit.equal((created["scopes"], created["good_until_ms"] > 0 or created["good_until_ms"] == -1), (" ".join(made["scopes"]), True))
    first, second = server.log_lines(event="key.rotated", key_id=made["id"])
    kit.true(first["previous_until_ms"] - second["previous_until_ms"] > 3000000, "an overlap of an hour, and none")
    kit.equal(len(server.log_lines(event="key.revoked", key_id=made["id"])) >= 1, True)


def test_what_is_refused(server):
    good = {"name": "x", "scopes": ["admin"]}
    for change, pointer in (({"name": 5}, "/name"), ({"name": ""}, "/name"), ({"name": "x" * 129}, "/name"), ({"scopes": []}, "/scopes"),
                            ({"scopes": "admin"}, "/scopes"), ({"scopes": ["admin", "admin"]}, "/scopes"), ({"user": "x" * 129}, "/user"),
                            ({"expires_in_seconds": 0}, "/expires_in_seconds"), ({"expires_in_seconds": 1.5}, "/expires_in_seconds"),
                            ({"expires_in_seconds": True}, "/expires_in_seconds"), ({"scopes": ["a b"]}, "/scopes"),
                            ({"extra": 1}, ""), ({"scopes": ["root"]}, None)):
        reply = server.post(KEYS, {**good, **change}, headers=admin(server))
        kit.equal(reply.status, 422, f"{change}")
        if pointer is not None:
            kit.equal(reply.json["errors"][0]["pointer"], pointer, f"{change}")
    kit.equal(server.post(KEYS, [], headers=admin(server)).status, 422)
    kit.equal(server.get(KEYS + "?limit=0", **{"Authorization": admin(server)["Authorization"]}).status, 422)
    kit.equal(server.get(KEYS + "?cursor=x", **{"Authorization": admin(server)["Authorization"]}).status, 422)


def test_pages(server):
    before = len(server.request("GET", KEYS + "?limit=1000", headers=admin(server)).json["items"])
    for number in range(5):
        kit.equal(server.post(KEYS, {"name": f"n{number}", "scopes": ["runs:read"]}, headers=admin(server)).status, 201)
    seen, cursor = [], None
    while True:
        page = server.request("GET", KEYS + "?limit=2" + (f"&cursor={cursor}" if cursor else ""), headers=admin(server)).json
        seen += [key["id"] for key in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    kit.equal(len(seen), before + 5)
    kit.equal(len(set(seen)), len(seen))


def rates():
    with kit.Server(HTTP_KEYS="on", HTTP_RATE="3") as server:
        _, secret = make(server, "--scopes", "admin")
        replies = [ask(server, secret) for _ in range(4)]
        kit.equal([reply.status for reply in replies], [200, 200, 200, 429])
        kit.equal(replies[0].header("RateLimit-Policy"), '"default";q=3;w=60')
        kit.true(replies[0].header("RateLimit").startswith('"default";r=2;t='), "what is left")
        kit.true(1 <= int(replies[3].header("Retry-After")) <= 20, "when to come again")
        kit.equal(replies[3].json["type"], "/api/v1/problems#too-many-requests")
        _, other = make(server, "--scopes", "runs:read")
        kit.equal(ask(server, other).status, 403)  # another key has its own
        kit.equal(ask(server, path="/livez").status, 200)
        kit.equal([ask(server, "mlk_" + "a" * 52).status for _ in range(4)], [401, 401, 401, 429])  # guessing is slow


def unhurried(scenario):
    """An allowance grows while a slow machine works through a scenario: one that failed and took long is done again."""
    for attempt in range(5):
        began = time.monotonic()
        try:
            return scenario()
        except AssertionError:
            if time.monotonic() - began < 15 or attempt == 4:
                raise


def counted(server, path=kit.API + "/info", times=4, **headers):
    return [server.get(path, **headers).status for _ in range(times)]


def rates_without_a_key():
    """What is open is counted by address; a key that is good has its own, probes have theirs, and nobody is believed about his address."""
    with kit.Server(HTTP_KEYS="on", HTTP_RATE="3") as server:
        _, secret = make(server, "--scopes", "runs:read")
        kit.equal(counted(server), [200, 200, 200, 429])
        refused = server.get(kit.API + "/openapi.json")
        kit.equal((refused.status, refused.json["type"]), (429, "/api/v1/problems#too-many-requests"))
        kit.true(int(refused.header("Retry-After")) >= 1 and refused.header("RateLimit").startswith('"default";r=0'), "when to come again")
        kit.equal(counted(server, times=1, X_Forwarded_For="10.1.1.1"), [429], "who says another address")
        kit.equal(counted(server, Authorization=f"Bearer {secret}"), [200, 200, 200, 429], "a key has its own")
        kit.equal(counted(server, times=1, Authorization="Bearer mlk_" + "a" * 52), [429], "one that is not good has none")
        kit.equal(counted(server, "/readyz")[3], 429, "probes, too")
        kit.equal(counted(server, "/livez", 20), [200] * 20)
    with kit.Server(HTTP_RATE="3") as server:
        kit.equal(counted(server, times=20), [200] * 20, "without keys, on the loopback interface, nothing is counted")


def rates_behind_a_proxy():
    with kit.Server(HTTP_KEYS="on", HTTP_RATE="2", HTTP_PROXIES="127.0.0.1, 10.0.0.9,::1") as server:
        kit.equal(counted(server, times=3, X_Forwarded_For="10.1.1.1"), [200, 200, 429])
        kit.equal(counted(server, times=3, X_Forwarded_For="10.1.1.2"), [200, 200, 429], "another client of the proxy")
        for said in ("10.1.1.1", "9.9.9.9, 10.1.1.1", "10.1.1.1, 10.0.0.9", "8.8.8.8,10.1.1.1,::ffff:10.0.0.9", "[::ffff:10.1.1.1]:80", "10.1.1.1:4000", " 10.1.1.1\t"):
            kit.equal(counted(server, times=1, X_Forwarded_For=said), [429], f"the last that is no proxy of {said!r}")
        kit.equal(counted(server, times=3, X_Forwarded_For="2001:db8:1:2::1, 10.0.0.9"), [200, 200, 429])
        kit.equal(counted(server, times=1, X_Forwarded_For="2001:db8:1:2:ffff::7"), [429], "the same network of 64 bits")
        kit.equal(counted(server, times=1, X_Forwarded_For="2001:db8:1:3::1"), [200], "another one")
        kit.equal(counted(server, times=2, X_Forwarded_For="nonsense"), [200, 200], "no address: the proxy's own turn")
        kit.equal(counted(server, times=1, X_Forwarded_For="7.7.7.7, nonsense"), [429])
        kit.equal(counted(server, times=3, X_Forwarded_For=", ".join(["7.7.7.7"] + ["10.0.0.9"] * 40)), [200, 200, 429], "too many hops: the last that was believed")
        two = server.raw(b"GET /api/v1/info HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 10.1.1.1\r\n\r\n")
        kit.equal(two[9:12], b"429", "two lines: the last one counts")
        kit.equal(counted(server, times=1), [429], "without the header: the proxy itself")
    done = subprocess.run([str(kit.PROGRAM)], capture_output=True, text=True, check=False, env={**server.environment, "MODEL_LAB_HTTP_PROXIES": "proxy.example"})
    kit.equal((done.returncode, "MODEL_LAB_HTTP_PROXIES" in done.stderr), (2, True), done.stderr)


def test_rates():
    for scenario in (rates, rates_without_a_key, rates_behind_a_proxy):
        unhurried(scenario)


if __name__ == "__main__":
    kit.main(globals())
