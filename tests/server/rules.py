"""Versions, deprecation, origins, hosts, the web client's files, admin operations, metrics, settings."""
import json
import pathlib
import shutil
import subprocess
import tempfile

import kit

A = kit.API + "/admin"
SETTINGS = {"HTTP_ORIGINS": "https://app.example, https://other.example"}


def test_versions(server):
    for asked in ("1", "1.0", "v1", "2, 1", "*"):
        kit.equal(server.get("/livez", Accept_Version=asked).status, 200, asked)
    for asked in ("2", "0", "1.1", "x", "1;q=0"):
        reply = server.get(f"{kit.API}/info", Accept_Version=asked)
        kit.equal(reply.status, 406, asked)
        kit.equal(reply.json["versions"], ["1"])
    for path in ("/api/v2/info", "/api/v11/info", "/api/v0/info"):
        kit.equal(server.get(path).status, 406, path)
    kit.equal(server.get("/api/vx/info").status, 404)


def test_deprecation(server):
    reply = server.get(f"{A}/disk-usage", X_Request_Id="old-one")
    kit.equal(reply.status, 200)
    kit.equal(reply.header("Deprecation"), "@1796083200")
    kit.equal(reply.header("Sunset"), "Wed, 01 Dec 2027 00:00:00 GMT")
    kit.true('</api/v1/admin/disk>; rel="successor-version"' in reply.header("Link"), "Link")
    kit.wait_for(lambda: server.log_lines(request_id="old-one", event="http.deprecated"), "a line of the log")
    kit.equal(server.get(f"{A}/disk").header("Deprecation"), None)


def test_origins(server):
    listed = server.get(f"{kit.API}/info", Origin="https://app.example")
    kit.equal(listed.header("Access-Control-Allow-Origin"), "https://app.example")
    kit.true("X-Request-Id" in listed.header("Access-Control-Expose-Headers"), "exposed headers")
    kit.true("Origin" in listed.header("Vary"), "Vary")
    stranger = server.get(f"{kit.API}/info", Origin="https://evil.example")
    kit.equal((stranger.status, stranger.header("Access-Control-Allow-Origin")), (200, None))
    drain = {"Origin": "https://evil.example"}
    for origin in ("https://evil.example", "null", "http://app.example", "https://app.example.evil", "https://app.exampl"):
        kit.equal(server.request("POST", f"{A}/reconcile", headers={"Origin": origin}, body=b"").status, 403, origin)
    kit.equal(server.request("POST", f"{A}/drain", headers=drain).status, 403)
    kit.equal(server.request("POST", f"{A}/reconcile", headers={"Origin": f"http://{server.host}:{server.port}"}, body=b"").status, 200)
    kit.equal(server.request("POST", f"{A}/reconcile", headers={"Origin": "https://other.example"}, body=b"").status, 200)
    preflight = server.request("OPTIONS", f"{A}/reconcile", headers={"Origin": "https://app.example", "Access-Control-Request-Method": "POST"})
    kit.equal((preflight.status, preflight.header("Access-Control-Allow-Methods")), (204, "POST, OPTIONS"))
    kit.true("Idempotency-Key" in preflight.header("Access-Control-Allow-Headers"), "allowed headers")
    kit.equal(server.request("OPTIONS", f"{A}/reconcile", headers=drain).status, 403)


def test_hosts(server):
    """A page that points its own name at 127.0.0.1 is not answered."""
    for host, status in (("localhost", 200), ("127.0.0.1:80", 200), ("[::1]:8642", 200), ("a.localhost", 200), ("evil.example", 421),
                         ("127.0.0.1.evil.example", 421), ("localhost.evil.example", 421), ("10.0.0.1", 421), ("", 421)):
        reply = server.raw(b"GET /livez HTTP/1.1\r\nHost: " + host.encode() + b"\r\nConnection: close\r\n\r\n")
        kit.true(reply.startswith(b"HTTP/1.1 %d " % status), f"{host!r}: {reply[:40]}")


def test_web_files():
    with tempfile.TemporaryDirectory() as folder:
        web = pathlib.Path(folder) / "web"
        (web / "assets").mkdir(parents=True)
        (web / "index.html").write_text("<html>client</html>")
        (web / "assets" / "app-1.js").write_text("let a = 1;")
        (web / ".hidden").write_text("no")
        (pathlib.Path(folder) / "secret").write_text("secret")
        (web / "link").symlink_to(pathlib.Path(folder) / "secret")
        with kit.Server("--web-root", web) as server:
            page = server.get("/", Accept="text/html")
            kit.equal((page.status, page.text, page.header("Cache-Control")), (200, "<html>client</html>", "no-cache"))
            kit.true("frame-ancestors 'none'" in page.header("Content-Security-Policy"), "CSP")
            script = server.get("/assets/app-1.js")
            kit.equal((script.text, script.header("Content-Type")), ("let a = 1;", "application/javascript; charset=utf-8"))
            kit.true("immutable" in script.header("Cache-Control"), "names with hashes are kept")
            kit.equal(server.get("/assets/app-1.js", If_None_Match=script.header("ETag")).status, 304)
            kit.equal(server.get("/runs/01ABC", Accept="text/html,*/*").text, "<html>client</html>", "pages of the client")
            kit.equal(server.get("/runs/01ABC").status, 404)
            kit.equal(server.get("/api/v1/nothing", Accept="text/html").status, 404)
            for path in ("/link", "/.hidden", "/assets", "/assets/", "/../secret", "/%2e%2e/secret", "/assets/..%2f..%2fsecret", "//secret",
                         "/assets/../../secret", "/%2e%2e%2fsecret", "/..%00/secret", "/index.html/", "/./index.html", "/assets//app-1.js",
                         "/%2fetc%2fpasswd", "/\\..\\secret", "/index.html%00.js", "/..;/secret"):
                reply = server.raw(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                kit.true(reply[9:12] in (b"404", b"400"), f"{path}: {reply[:40]}")
                kit.true(b"secret\"" not in reply.split(b"\r\n\r\n", 1)[1] or b"problem" in reply, path)
            kit.equal(server.post("/", {}).status, 405)


def test_without_web_client(server):
    reply = server.get("/", Accept="text/html")
    kit.equal(reply.status, 200)
    kit.true("not built" in reply.text or "<div" in reply.text, "it says so, or is there")


def test_info_config_contract(server):
    info = server.get(f"{kit.API}/info").json
    kit.equal((info["api_version"], info["keys"], info["scopes"]), ("1", False, ["runs:read", "runs:write", "models:write", "admin"]))
    kit.equal(info["limits"]["max_upload_bytes"], 200 << 20)
    names = {item["name"]: item for item in server.get(f"{kit.API}/config").json["items"]}
    kit.equal(names["MODEL_LAB_ROOT"]["value"], "set", "a path is not told")
    kit.true(str(server.root) not in json.dumps(names), "no path in the reply")
    contract = server.get(f"{kit.API}/openapi.json")
    kit.equal(contract.json["openapi"], "3.1.0")
    kit.equal(server.get(f"{kit.API}/openapi.json", If_None_Match=contract.header("ETag")).status, 304)
    kit.true("not-found" in {item["slug"] for item in server.get(f"{kit.API}/problems").json["items"]}, "slugs")


def test_admin(server):
    disk = server.get(f"{A}/disk").json
    kit.true(disk["store_bytes"] > 0 and disk["free_bytes"] > 0, f"disk: {disk}")
    health = kit.wait_for(lambda: [h for h in [server.get(f"{A}/health").json] if h["ready"]], "it is ready")[0]
    kit.true(health["state"] in ("ready", "degraded"), f"state {health['state']}")  # degraded: a check was late
    kit.equal(server.get(f"{A}/health?deep=maybe").json["errors"][0]["pointer"], "deep")
    kit.equal(server.post(f"{A}/reconcile", {"dry_run": True}).json, {"findings": [], "needs_a_person": False, "dry_run": True})
    kit.equal(server.request("POST", f"{A}/reconcile").status, 200, "the body may be absent")
    cleaned = server.post(f"{A}/cleanup", {"older_than_days": 1, "dry_run": True, "what": ["runs", "leftovers"]}).json
    kit.equal((cleaned["dry_run"], cleaned["runs"]), (True, 0))
    for body, pointer in (({"older_than_days": -1}, "/older_than_days"), ({"keep_runs": 1.5}, "/keep_runs"), ({"status": "RUNNING"}, "/status"),
                          ({"what": ["all"]}, "/what"), ({"what": []}, "/what"), ({"nonsense": 1}, ""), ({"dry_run": 1}, "/dry_run"), ([], "")):
        reply = server.post(f"{A}/cleanup", body)
        kit.equal((reply.status, reply.json["errors"][0]["pointer"]), (422, pointer), f"{body}")
    kit.equal(server.post(f"{A}/cleanup", {}).status, 422, "runs without a reason to go")


def test_caps(server):
    kit.equal(server.get(f"{A}/caps/ann%2Fb").json, {"items": []})
    cap = {"measure": "cpu_seconds", "period": "day", "value": 3600}
    items = server.request("PUT", f"{A}/caps/ann%2Fb", json_body=cap).json["items"]
    kit.equal(items, [{"user": "ann/b", "measure": "cpu_seconds", "period": "day", "value": 3600.0, "used": 0.0, "held": 0.0}])
    kit.equal(server.request("PUT", f"{A}/caps/ann%2Fb", json_body={**cap, "value": "10m"}).json["items"][0]["value"], 600.0)
    kit.equal(server.request("PUT", f"{A}/caps/*", json_body={**cap, "value": None}).json["items"][0]["value"], None)
    for bad in ({**cap, "measure": "tears"}, {**cap, "period": "year"}, {**cap, "value": -1}, {**cap, "value": True}, {**cap, "more": 1},
                {"measure": "runs", "value": 1}):
        kit.equal(server.request("PUT", f"{A}/caps/ann", json_body=bad).status, 422, f"{bad}")
    kit.equal(server.request("DELETE", f"{A}/caps/ann%2Fb?measure=runs").status, 404)
    kit.equal(server.request("DELETE", f"{A}/caps/ann%2Fb?measure=cpu_seconds&period=day").status, 204)
    kit.equal(server.request("DELETE", f"{A}/caps/ann%2Fb").status, 404)


def test_metrics(server):
    server.get("/livez")
    for _ in range(2):
        plain = server.get("/metrics")
        kit.true('modellab_http_requests_total{operation="getLive",method="GET",status="2xx"}' in plain.text, "requests by operation")
        kit.true("modellab_build_info" in plain.text, "families of the library")
    kit.equal(plain.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8")
    opened = server.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    kit.true(opened.text.endswith("\n# EOF\n") and opened.text.count("# EOF") == 1, "OpenMetrics ends once")
    kit.true("# TYPE modellab_http_requests counter" in opened.text, "a family without _total")
    tool = shutil.which("promtool")
    if tool is None:
        print("        promtool is not installed (package prometheus): its check is left out")
        return
    for text in (plain.body,):
        run = subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, check=False)
        kit.equal((run.returncode, run.stdout + run.stderr), (0, b""), "promtool check metrics")
    planted = subprocess.run([tool, "check", "metrics"], input=plain.body + b"# TYPE planted_things counter\nplanted_things 1\n",
                             capture_output=True, check=False)
    kit.true(planted.returncode != 0, "promtool finds a planted fault")


def test_settings():
    for arguments, words in ((["--address", "0.0.0.0", "--keys", "off"], "loopback"), (["--address", "nowhere"], "no IP address"),
                             (["--port", "99999"], "--port"), (["--nonsense", "1"], "--help"), (["--keys", "maybe"], "auto, on or off"),
                             (["--drain", "soon"], "--drain")):
        run = subprocess.run([str(kit.PROGRAM), *arguments], capture_output=True, text=True, check=False)
        kit.equal(run.returncode, 2, f"{arguments}")
        kit.true(words in run.stderr, run.stderr)
    kit.equal(subprocess.run([str(kit.PROGRAM), "--help"], capture_output=True, check=False).returncode, 0)


def test_drain_by_an_operator():
    with kit.Server() as server:
        kit.equal(server.request("POST", f"{A}/drain").json, {"draining": True})
        kit.equal(server.process.wait(kit.PATIENCE), 0, "exit code")


if __name__ == "__main__":
    kit.main(globals())
